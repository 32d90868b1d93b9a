//! The component as its host sees it: every tool called through the exports' path, with a scripted
//! Prometheus in front of it. One file for each family of tools.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "clippy.toml allows these in test functions, but not in the helpers beside them"
)]

mod alerts;
mod diagnose;
mod errors;
mod labels;
mod metadata;
mod prompts;
mod query;
mod query_range;
mod resources;
mod rules;
mod service;
mod snapshot;
mod status;
mod targets;
mod walk;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulkhead_sdk::testing::{self, Mock};
use bulkhead_sdk::{Error, Method};
use prometheus::Prometheus;
use serde_json::{Value, json};

/// When every test call happens: 2026-01-31T12:00:00Z.
const NOW: u64 = 1_769_860_800;

/// A config with a path prefix, so that every scripted path proves that it is kept.
fn config() -> Value {
    json!({ "url": "http://prometheus:9090/prom/" })
}

fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn mock() -> Mock {
    Mock::new().at(clock())
}

/// `/prom/api/v1/` and the rest.
fn at(rest: &str) -> String {
    format!("/prom/api/v1/{rest}")
}

fn success(data: &Value) -> Value {
    json!({ "status": "success", "data": data })
}

/// Answers one GET with `data`.
fn answering(rest: &str, data: &Value) -> Mock {
    mock().on(Method::Get, &at(rest), 200, success(data))
}

/// The same list the other way round: Prometheus has several of its lists in another order every time.
fn reversed(list: &Value) -> Value {
    list.as_array().unwrap().iter().rev().cloned().collect()
}

fn call(mock: &Mock, tool: &str, arguments: Value) -> Result<Value, Error> {
    let output = testing::call::<Prometheus>(config(), mock, tool, arguments)?;
    let structured = output.structured().cloned().expect("every tool answers with data");
    assert_eq!(output.text_content(), structured.to_string(), "the text is the data");
    Ok(structured)
}

/// Calls a tool that has exactly this one GET to make.
fn answer(rest: &str, data: &Value, tool: &str, arguments: Value) -> Value {
    let mock = answering(rest, data);
    let answer = call(&mock, tool, arguments).unwrap();
    assert_eq!(mock.requests().len(), 1);
    answer
}
