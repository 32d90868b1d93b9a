//! `log_spikes`: two windows, what grew, and the newest lines.

use super::*;

#[test]
fn a_spike_is_told_with_where_it_comes_from() {
    let mock = upstream(&troubled());
    let found = call(&mock, "log_spikes", json!({})).unwrap();
    assert_eq!(mock.requests().len(), 2, "which fields there are, and the logs");
    assert_eq!(
        found["now"],
        json!({ "count": 12, "from": "2026-01-31T11:45:00Z", "to": "2026-01-31T12:00:00Z" })
    );
    assert_eq!(
        found["before"],
        json!({ "count": 2, "from": "2026-01-31T11:30:00Z", "to": "2026-01-31T11:45:00Z" })
    );
    assert_eq!(found["change"], "x6.0");
    assert_eq!(
        found["by"],
        json!({
            "service.name": [{ "value": "checkout", "now": 12, "before": 0 }, { "value": "web", "now": 0, "before": 2 }],
            "host.name": [{ "value": "host-0", "now": 6, "before": 1 }, { "value": "host-1", "now": 6, "before": 1 }],
            "log.logger": [{ "value": "main", "now": 12, "before": 2 }],
        })
    );
    let counts: u64 =
        each(&found["timeline"], "count").into_iter().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(counts, 14);
    assert_eq!(each(&found["samples"], "_id"), ["log-31", "log-32", "log-33", "log-34", "log-35"]);
    assert_eq!((&found["cut"], found.get("warnings")), (&json!(["message"]), None));
}

#[test]
fn the_window_the_query_and_the_groups_may_be_chosen() {
    let found = answer(
        "log_spikes",
        json!({ "query": { "term": { "log.level": "info" } }, "window": "5m", "to": "-10m", "by": ["log.level"] }),
    );
    assert_eq!(
        found["now"],
        json!({ "count": 5, "from": "2026-01-31T11:45:00Z", "to": "2026-01-31T11:50:00Z" })
    );
    assert_eq!(found["by"], json!({ "log.level": [{ "value": "info", "now": 5, "before": 5 }] }));
}

#[test]
fn silence_is_told_with_what_may_be_wrong_with_the_question() {
    let found = answer("log_spikes", json!({ "query": "log.level:fatal" }));
    assert_eq!((&found["change"], &found["by"], &found["samples"]), (&json!("none"), &json!({}), &json!([])));
    assert!(
        found["warnings"][0]
            .as_str()
            .unwrap()
            .starts_with("nothing fits: if these logs keep their level elsewhere")
    );
}

#[test]
fn a_text_field_groups_by_its_keyword_and_what_is_none_is_refused() {
    let found = answer("log_spikes", json!({ "by": ["message"], "query": "upstream" }));
    assert_eq!(
        found["by"],
        json!({ "message.keyword": [{ "value": "upstream reset", "now": 0, "before": 2 }] })
    );
    assert_eq!(
        refused("log_spikes", json!({ "index": "orders", "by": ["note"] })),
        "arguments.by: `note` does not aggregate: `mappings` tells those that do"
    );
    assert_eq!(
        refused("log_spikes", json!({ "by": ["servce"] })),
        "arguments.by: `servce` is no field of these indices: `mappings` tells those that do"
    );
    let none = answer("log_spikes", json!({ "by": [] }));
    assert_eq!(none["by"], json!({}));
}
