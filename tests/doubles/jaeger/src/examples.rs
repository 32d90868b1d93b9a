//! Calls of every tool with every argument.

use double_kit::Example;
use serde_json::json;

/// Calls that succeed, at `now`, in either dialect.
pub fn examples(now: f64) -> Vec<Example> {
    let trace = format!("{:032x}", 0xa0);
    vec![
        Example::new("diagnose", json!({ "service": "frontend" }), 3),
        Example::new(
            "diagnose",
            json!({ "service": "checkout", "operation": "checkout.Place", "start": now - 3600.0, "end": now, "limit": 10 }),
            3,
        ),
        Example::new("diagnose", json!({ "service": "front" }), 3),
        Example::new("find_traces", json!({ "service": "frontend" }), 1),
        Example::new(
            "find_traces",
            json!({
                "service": "frontend", "operation": "POST /checkout", "attributes": { "error": "true" },
                "min_duration": "1s", "max_duration": "1m", "start": "-30m", "end": "now", "limit": 2, "view": "full",
                "fields": ["trace_id", "critical_path.own_ms"]
            }),
            1,
        ),
        Example::new("find_traces", json!({ "service": "frontend", "start": "-1m" }), 2),
        Example::new("trace", json!({ "trace_id": trace }), 1),
        Example::new("trace", json!({ "trace_id": trace, "against": "1" }), 2),
        Example::new(
            "trace",
            json!({ "trace_id": "a0", "view": "full", "service": "payment", "fields": ["operation"], "limit": 1 }),
            1,
        ),
        Example::new("services", json!({}), 1),
        Example::new("services", json!({ "view": "full", "contains": "C", "limit": 2 }), 3),
        Example::new("services", json!({ "service": "checkout" }), 1),
        Example::new("dependencies", json!({}), 1),
        Example::new(
            "dependencies",
            json!({ "service": "checkout", "start": "-2h", "end": "now", "limit": 1 }),
            1,
        ),
    ]
}
