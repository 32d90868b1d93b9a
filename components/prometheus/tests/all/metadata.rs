//! `metadata`, by metric and by target.

use super::*;

fn metrics() -> Value {
    json!({
        "up": [],
        "go_goroutines": [{ "type": "gauge", "help": "Number of goroutines.", "unit": "" }],
        "http_seconds": [
            { "type": "histogram", "help": "Latency.", "unit": "seconds" },
            { "type": "summary", "help": "Latency.", "unit": "seconds" },
        ],
    })
}

#[test]
fn metrics_are_described_once() {
    assert_eq!(
        answer("metadata", &metrics(), "metadata", json!({ "contains": "O" })),
        json!({
            "total": 2, "shown": 2,
            "metrics": [
                { "metric": "go_goroutines", "type": "gauge", "help": "Number of goroutines." },
                { "metric": "http_seconds", "type": "histogram", "help": "Latency.", "unit": "seconds", "differing_entries": 2 },
            ],
        })
    );
}

#[test]
fn every_entry_is_there_in_full() {
    let data = metrics();
    let answer = answer(
        "metadata?metric=http_seconds",
        &data,
        "metadata",
        json!({ "metric": "http_seconds", "contains": "LATENCY", "view": "full" }),
    );
    assert_eq!(answer["metrics"], json!([{ "metric": "http_seconds", "entries": data["http_seconds"] }]));
}

#[test]
fn a_long_help_is_cut_and_the_list_pages() {
    let data = json!({ "a": [{ "type": "gauge", "help": "é".repeat(300), "unit": "" }], "b": [{ "type": "counter", "help": "b", "unit": "" }] });
    let first = answer("metadata", &data, "metadata", json!({ "limit": 1 }));
    assert_eq!(first["metrics"][0]["help"], json!(format!("{}…", "é".repeat(200))));
    let last = answer("metadata", &data, "metadata", json!({ "limit": 1, "cursor": first["next_cursor"] }));
    assert_eq!(
        last,
        json!({ "total": 2, "shown": 1, "metrics": [{ "metric": "b", "type": "counter", "help": "b" }] })
    );
}

fn targets() -> Value {
    let entry = |instance: &str, job: &str, kind: &str| json!({ "target": { "instance": instance, "job": job }, "type": kind, "help": "Help.", "unit": "" });
    json!([
        entry("a:1", "node", "gauge"),
        entry("b:1", "node", "gauge"),
        entry("c:1", "api", "gauge"),
        entry("d:1", "api", "counter")
    ])
}

#[test]
fn targets_that_agree_are_counted_together() {
    assert_eq!(
        answer("targets/metadata?metric=m", &targets(), "metadata", json!({ "by": "target", "metric": "m" })),
        json!({
            "total": 2, "shown": 2,
            "metadata": [
                { "metric": "m", "type": "counter", "help": "Help.", "targets": 1, "jobs": ["api"] },
                { "metric": "m", "type": "gauge", "help": "Help.", "targets": 3, "jobs": ["api", "node"] },
            ],
        })
    );
}

#[test]
fn each_target_is_there_in_full() {
    let answer = answer(
        "targets/metadata?metric=m",
        &targets(),
        "metadata",
        json!({ "by": "target", "metric": "m", "view": "full", "limit": 1 }),
    );
    assert_eq!([&answer["total"], &answer["shown"]], [4, 1]);
    assert_eq!(answer["metadata"][0], targets()[0]);
}

#[test]
fn an_unknown_metric_is_an_empty_list_on_old_servers_too() {
    let reply =
        json!({ "status": "error", "errorType": "not_found", "error": "specified metadata not found" });
    let mock = mock().on(Method::Get, &at("targets/metadata?metric=x"), 404, reply);
    let answer = call(&mock, "metadata", json!({ "by": "target", "metric": "x" })).unwrap();
    assert_eq!(answer, json!({ "total": 0, "shown": 0, "metadata": [] }));
}

#[test]
fn metadata_has_an_order_of_its_own() {
    for view in ["summary", "full"] {
        let got = |entries: &Value| {
            answer("targets/metadata", entries, "metadata", json!({ "by": "target", "view": view }))
        };
        assert_eq!(got(&targets()), got(&reversed(&targets())));
        let got = |entries: Value| {
            answer("metadata", &json!({ "m": entries }), "metadata", json!({ "view": view }))
        };
        assert_eq!(got(targets()), got(reversed(&targets())));
    }
}
