//! The double behaves as the server does.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod apply;
mod delete;
mod discovery;
mod evict;
mod lists;
mod logs;
mod refused;
mod vendor;
mod write;

use double_kit::{Double, Reply, Request};
use double_kubernetes::Cluster;
use serde_json::Value;

/// 2026-01-31T12:00:00Z
const NOW: f64 = 1_769_860_800.0;

const POD: &str = "/api/v1/namespaces/default/pods/web-7c6d5e4f36-4k2xp";
const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

fn cluster() -> Cluster {
    Cluster::new(NOW)
}

fn ask(cluster: &Cluster, method: &str, target: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    cluster.answer(&Request::new(method, target, headers, body))
}

fn json(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&reply.body)))
}

fn get(cluster: &Cluster, target: &str) -> Value {
    let reply = ask(cluster, "GET", target, &[], &Value::Null);
    assert_eq!(reply.status, 200, "{target}: {}", String::from_utf8_lossy(&reply.body));
    json(&reply)
}

fn send(cluster: &Cluster, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let reply = ask(cluster, method, target, &[("content-type", "application/json")], body);
    (reply.status, json(&reply))
}

fn patch(cluster: &Cluster, kind: &str, target: &str, body: &Value) -> (u16, Value) {
    let kind = match kind {
        "apply" => "application/apply-patch+yaml".to_owned(),
        kind => format!("application/{kind}-patch+json"),
    };
    let reply = ask(cluster, "PATCH", target, &[("content-type", &kind)], body);
    (reply.status, json(&reply))
}

/// Code, reason and message.
fn told((code, status): (u16, Value)) -> (u16, String, String) {
    let word = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
    assert_eq!(status["code"], code, "{status}");
    (code, word("reason"), word("message"))
}

fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}
