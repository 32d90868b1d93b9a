//! What is told when Elasticsearch refuses, in its own words.

use bulkhead_sdk::Method;
use double_kit::trouble;

use super::*;

#[test]
fn each_trouble_is_told() {
    let config = json!({ "url": "http://up:9200", "default_index": "logs" });
    let strange =
        "the upstream answered 200: /logs/_search did not answer with Elasticsearch's JSON; this begins with";
    let garbage = format!("{strange} `<html>Welcome</html>`: check the service's `url`");
    let truncated =
        format!("{strange} `{{\"status\":\"success\",\"data\":{{\"resul`: check the service's `url`");
    let empty = format!("{strange} ``: check the service's `url`");
    let huge = "the response to POST http://up:9200/logs/_search is larger than 8388608 bytes; ask for less";
    let own = [("garbage", &*garbage), ("truncated", &*truncated), ("huge", huge), ("empty", &*empty)];
    trouble::is_told::<Elasticsearch>(&config, "search", &json!({}), &own);
}

/// What `search` says to this refusal.
fn said(status: u16, body: Value) -> Error {
    let mock =
        Mock::new().on_with(Method::Post, "/prefix/logs-app/_search", status, &[("retry-after", "3")], body);
    call(&mock, "search", json!({ "aggs": "terms:a" })).unwrap_err()
}

fn body(status: u16, kind: &str, reason: &str) -> Value {
    let cause = json!({ "type": kind, "reason": reason });
    json!({ "error": { "root_cause": [cause], "type": kind, "reason": reason }, "status": status })
}

#[test]
fn a_refusal_names_the_argument_to_blame() {
    for (arguments, why) in [
        (
            json!({ "query": "level:(" }),
            "arguments.query: query_shard_exception: Failed to parse query [level:(]; escape or quote Lucene's special characters, or pass a query DSL object",
        ),
        (
            json!({ "query": { "fuzzyish": {} } }),
            "arguments.query: parsing_exception: unknown query [fuzzyish]",
        ),
        (
            json!({ "sort": "nope:asc" }),
            "arguments.sort: query_shard_exception: No mapping found for [nope] in order to sort on; sort by a field that the index has (`mappings` tells)",
        ),
        (
            json!({ "aggs": { "x": { "top": {} } } }),
            "arguments.aggs: parsing_exception: Unknown aggregation type [top]",
        ),
        (
            json!({ "index": "nope" }),
            "index_not_found_exception: no such index [nope]; `indices` lists what there is",
        ),
    ] {
        assert_eq!(refused("search", arguments), why);
    }
    let text = refused("search", json!({ "aggs": "terms:message" }));
    assert!(
        text.starts_with("arguments.aggs: illegal_argument_exception: Fielddata is disabled on [message]"),
        "{text}"
    );
    assert!(
        text.ends_with("name its `.keyword` sub-field or another aggregatable one (`mappings` tells)"),
        "{text}"
    );
}

#[test]
fn the_deepest_cause_is_told() {
    let body = json!({ "error": {
        "root_cause": [{ "type": "parse_exception", "reason": "outer", "caused_by": { "type": "x", "caused_by": { "reason": "inner" } } }],
        "type": "search_phase_execution_exception", "reason": "all shards failed",
    }, "status": 400 });
    assert_eq!(said(400, body).to_string(), "arguments.aggs: parse_exception: outer (because: inner)");
    let shards = json!({ "error": {
        "root_cause": [], "type": "search_phase_execution_exception", "reason": "all shards failed",
        "failed_shards": [{ "reason": { "type": "t", "reason": "r" } }],
    } });
    assert_eq!(said(500, shards).to_string(), "the upstream answered 500: t: r (a retry may help)");
}

#[test]
fn who_may_not_is_told_by_whom_it_can_be_mended() {
    assert_eq!(
        said(401, body(401, "security_exception", "missing authentication credentials")),
        Error::denied(
            "Elasticsearch wants a credential or refused the one it got (401): security_exception: missing authentication credentials; the operator sets it for this service"
        )
    );
    assert_eq!(
        said(403, body(403, "security_exception", "action [x] is unauthorized")),
        Error::denied(
            "Elasticsearch forbids this (403): security_exception: action [x] is unauthorized; the privileges of the service's credential are the operator's to mend"
        )
    );
    assert_eq!(
        said(403, body(403, "cluster_block_exception", "blocked by: [FORBIDDEN]")),
        Error::denied(
            "blocked (403): cluster_block_exception: blocked by: [FORBIDDEN]; an operator has to lift the block"
        )
    );
}

#[test]
fn too_much_is_told_with_what_helps() {
    let wait = Some(Duration::from_secs(3));
    assert_eq!(
        said(429, body(429, "es_rejected_execution_exception", "queue is full")),
        Error::rate_limited(
            "es_rejected_execution_exception: queue is full (429; the cluster is overloaded: retry later; `diagnose` tells why)",
            wait
        )
    );
    assert_eq!(
        said(429, body(429, "circuit_breaking_exception", "[parent] Data too large")),
        Error::rate_limited(
            "circuit_breaking_exception: [parent] Data too large (429; memory is short: ask for less (a shorter time range, fewer buckets), or retry later)",
            wait
        )
    );
    assert_eq!(
        said(503, body(503, "master_not_discovered_exception", "null")),
        Error::unavailable("master_not_discovered_exception: null (503)", None)
    );
}

#[test]
fn a_path_no_handler_takes_is_told() {
    let body = json!({ "error": "no handler found for uri [/x] and method [POST]" });
    assert_eq!(
        said(400, body).to_string(),
        "arguments.aggs: no handler found for uri [/x] and method [POST]"
    );
    let body = json!({ "error": "Incorrect HTTP method", "status": 405 });
    assert_eq!(
        said(405, body).to_string(),
        "the upstream answered 405: Incorrect HTTP method (the same request would fail again)"
    );
}
