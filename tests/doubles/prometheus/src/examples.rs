//! Calls of every tool with every argument.

use double_kit::Example;
use serde_json::{Value, json};

/// Together they use everything the component uses.
pub fn examples(now: f64) -> Vec<Example> {
    let long = format!("up{{instance=~\"{}\"}}", vec!["node-1:9100"; 300].join("|"));
    let call =
        |tool: &'static str, arguments: Value, requests: usize| Example::new(tool, arguments, requests);
    vec![
        call("diagnose", json!({}), 7),
        call("diagnose", json!({ "limit": 2 }), 7),
        call("diagnose", json!({ "alert": "HighLoad" }), 3),
        call("diagnose", json!({ "alert": "MemoryHigh" }), 4),
        call("diagnose", json!({ "alert": "NoTraffic" }), 3),
        call("diagnose", json!({ "alert": "load:sum" }), 3),
        call("query", json!({ "query": "up" }), 1),
        call("query", json!({ "query": "up == 0", "time": "-1h", "limit": 2 }), 1),
        call("query", json!({ "query": "vector(1)" }), 1),
        call("query", json!({ "query": "3" }), 1),
        call("query", json!({ "query": long, "time": now - 60.0 }), 1),
        call("query_range", json!({ "query": "node_load1" }), 1),
        call(
            "query_range",
            json!({ "query": "up", "start": "-2h", "end": "-1h", "step": "1m", "max_points": 10, "limit": 2 }),
            1,
        ),
        call("query_range", json!({ "query": long, "view": "full" }), 1),
        call("labels", json!({}), 1),
        call(
            "labels",
            json!({ "label": "__name__", "contains": "http", "start": "-1h", "end": "now", "limit": 3 }),
            1,
        ),
        call("labels", json!({ "label": "instance", "match": ["up{job=\"node\"}", "node_load1"] }), 1),
        call("labels", json!({ "series": true, "match": ["up"], "start": "-1h", "end": "now" }), 1),
        call("metadata", json!({}), 1),
        call("metadata", json!({ "metric": "node_load1", "view": "full", "by": "metric" }), 1),
        call("metadata", json!({ "contains": "memory", "by": "target", "limit": 1 }), 1),
        call("metadata", json!({ "metric": "http_requests_total", "by": "target", "view": "full" }), 1),
        call("targets", json!({}), 1),
        call("targets", json!({ "state": "down", "scrape_pool": "node", "view": "full", "limit": 1 }), 1),
        call("targets", json!({ "fields": ["labels.job", "lastError"] }), 1),
        call("alerts", json!({}), 1),
        call("alerts", json!({ "fields": ["labels.job", "activeAt"] }), 1),
        call(
            "alerts",
            json!({ "state": "firing", "name": "TargetDown", "labels": { "job": "node" }, "view": "full", "limit": 1 }),
            1,
        ),
        call("rules", json!({}), 1),
        call("rules", json!({ "fields": ["name", "alerts.activeAt"] }), 1),
        call(
            "rules",
            json!({
                "type": "alert", "name": "HighLoad", "group": "nodes",
                "state": "firing", "view": "full", "limit": 1,
            }),
            1,
        ),
        call("status", json!({}), 4),
        call(
            "status",
            json!({
                "include": ["build", "runtime", "connection", "flags", "config", "tsdb", "cardinality", "wal"],
                "limit": 1,
            }),
            8,
        ),
        call("create_snapshot", json!({ "skip_head": true }), 1),
    ]
}
