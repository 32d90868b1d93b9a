//! The component as its host sees it: every tool called through the exports' path, with a double of the API server in
//! front of it. One file for each tool or family.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml allows these in test functions, but not in the helpers beside them"
)]

mod access;
mod contract;
mod diagnose;
mod discovery;
mod errors;
mod events;
mod get;
mod list;
mod logs;
mod node;
mod prompts;
mod rollout;
mod top;
mod unhealthy;
mod wait;
mod walk;
mod write;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulkhead_sdk::testing::{self, Mock};
use double_kit::Double;
use double_kubernetes::Cluster;
use kubernetes::Kubernetes;
use serde_json::{Value, json};

/// When every test call happens: 2026-01-31T12:00:00Z.
const NOW: u64 = 1_769_860_800;

/// The double is at the root of its server.
fn config() -> Value {
    json!({ "url": "http://up:1234" })
}

fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// So many seconds before now.
fn ago(seconds: u64) -> String {
    bulkhead_sdk::time::rfc3339((NOW - seconds) as f64)
}

fn cluster() -> Arc<Cluster> {
    Arc::new(Cluster::new(NOW as f64))
}

/// A host whose upstream is this cluster.
fn host(cluster: &Arc<Cluster>) -> Mock {
    let double: Arc<dyn Double> = cluster.clone();
    double_kit::wire::mock(double).at(clock())
}

/// What a call gives.
#[track_caller]
fn call(cluster: &Arc<Cluster>, tool: &str, arguments: Value) -> Value {
    let line = format!("{tool} {arguments}");
    let output = testing::call::<Kubernetes>(config(), &host(cluster), tool, arguments);
    output.unwrap_or_else(|error| panic!("{line}: {error}")).structured().unwrap().clone()
}

/// Why a call fails.
#[track_caller]
fn refused(cluster: &Arc<Cluster>, tool: &str, arguments: Value) -> String {
    let output = testing::call::<Kubernetes>(config(), &host(cluster), tool, arguments);
    output.unwrap_err().to_string()
}

/// The values of a field, of each item.
fn each(items: &Value, field: &str) -> Vec<String> {
    let word = |item: &Value| match &item[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    items.as_array().unwrap().iter().map(word).collect()
}

/// What the call sent: methods and targets, without the server.
fn sent(mock: &Mock) -> Vec<String> {
    let line = |sent: &testing::Sent| format!("{} {}", sent.method, sent.url.replace("http://up:1234", ""));
    mock.requests().iter().map(line).collect()
}
