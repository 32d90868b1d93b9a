//! Calls of every tool with every argument.

use double_kit::Example;
use serde_json::json;

/// Calls that succeed, at `now`.
pub fn examples(now: f64) -> Vec<Example> {
    // Longer than what goes in a URL.
    let long = format!("{{app=\"checkout\"}} != \"{}\"", "x".repeat(2100));
    vec![
        Example::new("error_spikes", json!({}), 4),
        Example::new(
            "error_spikes",
            json!({
                "query": "{namespace=\"shop\"} |= \"error\"", "by": ["app", "pod"],
                "start": now - 1800.0, "end": now
            }),
            3,
        ),
        Example::new("query", json!({ "query": "{app=\"checkout\"} |= \"error\"" }), 1),
        Example::new(
            "query",
            json!({
                "query": "{app=\"batch\"}", "start": "-1h", "end": "now", "direction": "forward", "limit": 5,
                "view": "full", "line_length": 100
            }),
            1,
        ),
        Example::new("query", json!({ "query": "{app=\"checkout\"} |= \"no such words\"" }), 2),
        Example::new("query", json!({ "query": "sum by (app) (count_over_time({app=~\".+\"}[1h]))" }), 1),
        Example::new("query", json!({ "query": "1" }), 1),
        Example::new(
            "query",
            json!({ "query": "sum by (app) (rate({app=~\".+\"}[5m]))", "start": "-1h", "step": "5m", "view": "full" }),
            1,
        ),
        Example::new("query", json!({ "query": long }), 1),
        Example::new("query", json!({ "query": format!("count_over_time({long} [5m])") }), 1),
        Example::new("labels", json!({}), 1),
        Example::new(
            "labels",
            json!({
                "label": "app", "match": ["{namespace=\"shop\"}", "{app=\"cart\"}"], "contains": "C", "start": "-2h",
                "end": "now", "limit": 1
            }),
            2,
        ),
        Example::new(
            "labels",
            json!({ "streams": true, "match": ["{app=\"checkout\"}", "{app=\"cart\"}"] }),
            1,
        ),
        Example::new("stats", json!({ "query": "{namespace=\"shop\"}" }), 2),
        Example::new(
            "stats",
            json!({
                "query": "rate({namespace=\"shop\"} |= \"error\" [5m])", "by": ["app"], "start": "-2h", "end": "now"
            }),
            2,
        ),
        Example::new("patterns", json!({ "query": "{app=\"web\"}" }), 2),
        Example::new(
            "patterns",
            json!({ "query": "{app=\"checkout\"} |= \"error\"", "start": "-2h", "end": "now" }),
            2,
        ),
        Example::new("test_connection", json!({}), 3),
    ]
}
