//! Calls of every tool with every argument, in an order in which each succeeds.

use double_kit::Example;
use serde_json::json;

use crate::state::{ENDING, EXPIRED, IDLE, PENDING};

/// Together they use everything the component uses.
pub fn examples(now: f64) -> Vec<Example> {
    vec![
        Example::new("triage", json!({}), 3),
        Example::new(
            "triage",
            json!({ "matchers": "cluster=\"prod\"", "receiver": "ops|dba", "expires_within": "1h", "limit": 2 }),
            4,
        ),
        Example::new("alerts", json!({}), 1),
        Example::new(
            "alerts",
            json!({
                "matchers": "severity=~\"critical|warning\", cluster=\"prod\"", "states": ["active", "unprocessed"],
                "receiver": "ops", "since": "-1d", "until": "now", "sort": "oldest", "limit": 2,
            }),
            1,
        ),
        Example::new(
            "alerts",
            json!({ "fields": ["labels.alertname", "status.silencedBy"], "states": ["silenced"] }),
            1,
        ),
        Example::new("alerts", json!({ "grouped": true, "sort": "name", "states": ["active"] }), 1),
        Example::new("alerts", json!({ "grouped": true, "view": "full", "limit": 1 }), 1),
        Example::new("silences", json!({}), 1),
        Example::new(
            "silences",
            json!({
                "state": "any", "matchers": "alertname=\"DatabaseDown\"", "created_by": "bob", "comment": "failover",
                "ends_before": "+2h", "view": "full", "limit": 5,
            }),
            1,
        ),
        Example::new("silences", json!({ "state": "expired", "fields": ["id", "endsAt"] }), 1),
        Example::new("silences", json!({ "ends_before": now + 7200.0 }), 1),
        Example::new(
            "silence",
            json!({ "matchers": "alertname=\"HighLatency\", cluster=\"prod\"", "ends": "2h", "comment": "known" }),
            2,
        ),
        Example::new(
            "silence",
            json!({
                "matchers": "alertname=~\".+\"", "starts": "+1h", "ends": "+3h", "comment": "power test",
                "created_by": "ann", "match_all": true, "dry_run": false,
            }),
            3,
        ),
        Example::new("silence", json!({ "id": ENDING, "ends": "4h", "dry_run": false }), 4),
        Example::new("silence", json!({ "id": PENDING, "comment": "moved by a day", "ends": "+3d" }), 3),
        Example::new("silence", json!({ "id": ENDING, "ends": "now" }), 2),
        Example::new("silence", json!({ "id": EXPIRED, "ends": "now", "dry_run": false }), 2),
        Example::new("silence", json!({ "id": IDLE, "ends": "now", "dry_run": false }), 3),
        Example::new(
            "silence",
            json!({ "matchers": "cluster=\"staging\"", "ends": "now", "dry_run": false }),
            3,
        ),
        Example::new(
            "send_alert",
            json!({
                "labels": { "alertname": "Test", "job": "db" }, "annotations": { "summary": "a test" },
                "ends_at": "+10m",
            }),
            2,
        ),
        Example::new(
            "send_alert",
            json!({ "labels": { "alertname": "Test", "job": "db" }, "ends_at": "now" }),
            2,
        ),
        Example::new("status", json!({}), 1),
        Example::new("status", json!({ "include": ["receivers", "config"] }), 3),
    ]
}
