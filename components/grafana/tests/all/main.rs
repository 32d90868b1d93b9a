//! The component as its host sees it: every tool called through the exports' path, with a Grafana that is played.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "clippy.toml allows these in test functions, but not in the helpers beside them"
)]

mod boards;
mod changes;
mod contract;
mod errors;
mod links;
mod objects;
mod prompts;
mod query;
mod rules;
mod save;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulkhead_sdk::testing::{self, Mock};
use bulkhead_sdk::{Error, Output};
use double_kit::{Double, Example, below, wire};
use grafana::Grafana;
use serde_json::{Value, json};

/// When every test call happens: 2026-01-31T12:00:00Z.
const NOW: u64 = 1_769_860_800;

/// A config with a path prefix, so that every request proves that it is kept.
fn config() -> Value {
    json!({ "url": "http://grafana:3000/prefix/" })
}

fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn examples() -> Vec<Example> {
    double_grafana::examples(NOW as f64)
}

/// The double as it is served below `/prefix`.
fn double() -> Arc<dyn Double> {
    below("/prefix", double_grafana::double(NOW as f64))
}

/// A mock in front of a fresh Grafana.
fn grafana() -> Mock {
    wire::mock(double()).at(clock())
}

fn run(mock: &Mock, tool: &str, arguments: Value) -> Result<Output, Error> {
    testing::call::<Grafana>(config(), mock, tool, arguments)
}

/// What a tool that succeeds says.
fn said(mock: &Mock, tool: &str, arguments: Value) -> Value {
    let output = run(mock, tool, arguments).unwrap();
    output.structured().cloned().expect("every tool answers with data")
}

/// The same of a fresh Grafana.
fn fresh(tool: &str, arguments: Value) -> Value {
    said(&grafana(), tool, arguments)
}

/// Why a tool fails.
fn refused(mock: &Mock, tool: &str, arguments: Value) -> String {
    run(mock, tool, arguments).unwrap_err().to_string()
}

/// `METHOD path?query` of what was sent, below the prefix.
fn sent(mock: &Mock) -> Vec<String> {
    let line = |sent: &testing::Sent| {
        format!("{} {}", sent.method, sent.url.strip_prefix("http://grafana:3000/prefix").unwrap())
    };
    mock.requests().iter().map(line).collect()
}

/// The values of one field of the items of a list.
fn each(list: &Value, field: &str) -> Vec<Value> {
    list.as_array().expect("a list").iter().map(|item| item.get(field).cloned().unwrap_or_default()).collect()
}

/// A Grafana that gives one answer instead of its own.
fn instead(method: bulkhead_sdk::Method, target: &str, status: u16, body: Value) -> Mock {
    grafana().on(method, &format!("/prefix{target}"), status, body)
}
