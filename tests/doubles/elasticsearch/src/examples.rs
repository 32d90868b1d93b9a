//! Calls of every tool with every argument.

use bulkhead_sdk::time::rfc3339;
use double_kit::Example;
use serde_json::json;

/// Calls that succeed against [`crate::double`], with the most requests each may send.
pub fn examples(now: f64) -> Vec<Example> {
    let call = Example::new;
    vec![
        call(
            "search",
            json!({ "index": "logs-app", "query": "log.level:error", "from": "-1h", "fields": ["message", "service.*"] }),
            1,
        ),
        call(
            "search",
            json!({
                "index": "logs-*", "query": { "term": { "log.level": "info" } }, "from": rfc3339(now - 3600.0), "to": now,
                "time_field": "@timestamp", "sort": "@timestamp:asc,took:desc", "limit": 5,
            }),
            1,
        ),
        call(
            "search",
            json!({ "index": "logs-app", "aggs": "date_histogram:10m > terms:service.name:5 > avg:took" }),
            1,
        ),
        call(
            "search",
            json!({ "index": "logs-app", "aggs": { "worst": { "max": { "field": "took" } } }, "limit": 2 }),
            1,
        ),
        call("search", json!({ "index": "logs-app", "query": "checkout", "limit": 0 }), 1),
        call("search", json!({ "index": "logs-app", "id": "log-31" }), 1),
        call("log_spikes", json!({ "index": "logs-app" }), 2),
        call(
            "log_spikes",
            json!({
                "index": "logs-app", "query": "log.level:info", "window": "10m", "to": "-5m", "by": ["host.name", "message.keyword"],
            }),
            2,
        ),
        call(
            "esql",
            json!({ "query": "FROM logs-app | STATS n = COUNT(*) BY log.level | LIMIT 10", "limit": 5 }),
            1,
        ),
        call("mappings", json!({ "index": "logs-app", "contains": "name", "limit": 1 }), 1),
        call("diagnose", json!({}), 10),
        call("cluster", json!({}), 2),
        call(
            "cluster",
            json!({
                "include": ["health", "info", "nodes", "hot_threads", "stats", "settings", "pending_tasks", "tasks", "allocation"],
                "node": "es-data-*", "actions": "*search*", "view": "full",
            }),
            12,
        ),
        call("cluster", json!({ "include": ["nodes", "stats"], "fields": ["nodes.name", "stats.docs"] }), 2),
        call("indices", json!({}), 1),
        call(
            "indices",
            json!({
                "kind": "index", "index": "*", "health": "yellow", "status": "open", "docs": "1-", "sort": "-size", "view": "full",
                "fields": ["index", "docs"], "limit": 10,
            }),
            1,
        ),
        call(
            "indices",
            json!({
                "index": "logs-app", "include": ["stats", "settings", "mappings", "segments", "aliases", "ilm"], "limit": 2,
            }),
            7,
        ),
        call("indices", json!({ "kind": "data_stream" }), 2),
        call("indices", json!({ "kind": "alias", "index": "ord*" }), 1),
        call("shards", json!({}), 4),
        call(
            "shards",
            json!({ "index": "orders-*", "node": "es-data-*", "state": "STARTED", "limit": 5 }),
            1,
        ),
    ]
}
