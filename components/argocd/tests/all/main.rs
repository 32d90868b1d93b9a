//! The component as its host sees it: every tool called through the exports' path, with an Argo CD that is played.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy.toml allows these in test functions, but not in the helpers beside them"
)]

mod applications;
mod contract;
mod diagnose;
mod errors;
mod prompts;
mod reads;
mod writes;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use argocd::ArgoCd;
use bulkhead_sdk::Error;
use bulkhead_sdk::testing::{self, Mock};
use bulkhead_sdk::value::text;
use double_kit::{Double, Reply, Request, wire};
use serde_json::{Value, json};

/// When every test call happens: 2026-01-31T12:00:00Z.
const NOW: u32 = 1_769_860_800;

/// A config with a path prefix, so that every request proves that it is kept.
fn config() -> Value {
    json!({ "url": "http://up:1234/prefix/" })
}

fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW.into())
}

fn played() -> double_argocd::ArgoCd {
    double_argocd::ArgoCd::new(f64::from(NOW))
}

/// The shop's Argo CD below the prefix.
fn shop() -> Arc<dyn Double> {
    below(played())
}

/// A double behind a gateway that serves it below `/prefix`.
fn below(inner: double_argocd::ArgoCd) -> Arc<dyn Double> {
    double_kit::below("/prefix", Arc::new(inner))
}

fn mock(double: Arc<dyn Double>) -> Mock {
    wire::mock(double).at(clock())
}

fn call(mock: &Mock, tool: &str, arguments: Value) -> Result<Value, Error> {
    let output = testing::call::<ArgoCd>(config(), mock, tool, arguments)?;
    Ok(output.structured().cloned().expect("every tool answers with data"))
}

/// What a tool answers about the shop.
fn answer(tool: &str, arguments: Value) -> Value {
    call(&mock(shop()), tool, arguments).unwrap()
}

/// Why a tool refuses in the shop.
fn refusal(tool: &str, arguments: Value) -> String {
    call(&mock(shop()), tool, arguments).unwrap_err().to_string()
}

/// What a tool says when this is its answer to everything.
fn refused(reply: Reply, tool: &str, arguments: Value) -> Error {
    let mock = Mock::new().at(clock()).serving(move |_| reply.clone().into());
    call(&mock, tool, arguments).unwrap_err()
}

/// One text of each item of a list.
fn each<'a>(list: &'a Value, pointer: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| text(item, pointer)).collect()
}
