//! `rules`.

use super::*;

fn all() -> Value {
    json!({ "groups": [
        { "name": "g1", "file": "one.yml", "interval": 1, "rules": [
            { "name": "job:up:sum", "query": "sum by (job) (up)", "health": "ok", "type": "recording" },
            { "name": "Down", "query": "up == 0", "duration": 60, "state": "firing", "health": "ok", "type": "alerting",
              "labels": { "severity": "critical" }, "annotations": {}, "alerts": [{ "state": "firing" }] },
        ] },
        { "name": "g2", "file": "two.yml", "interval": 1, "rules": [
            { "name": "Bad", "query": "1 / x", "duration": 0, "state": "inactive", "health": "err", "lastError": "no x",
              "type": "alerting", "labels": {}, "alerts": [] },
        ] },
    ] })
}

#[test]
fn filters_are_sent_and_applied() {
    for (arguments, rest, names) in [
        (json!({ "type": "alert" }), "rules?type=alert", vec!["Down", "Bad"]),
        (json!({ "type": "record" }), "rules?type=record", vec!["job:up:sum"]),
        (json!({ "name": "Down" }), "rules?rule_name[]=Down", vec!["Down"]),
        (json!({ "group": "g2" }), "rules?rule_group[]=g2", vec!["Bad"]),
        (json!({ "state": "err" }), "rules", vec!["Bad"]),
        (json!({ "state": "ok" }), "rules", vec!["job:up:sum", "Down"]),
        (json!({ "state": "pending" }), "rules", vec![]),
        (json!({ "state": "firing" }), "rules", vec!["Down"]),
        (json!({ "state": "inactive", "type": "alert" }), "rules?type=alert", vec!["Bad"]),
    ] {
        let answer = answer(rest, &all(), "rules", arguments);
        let shown: Vec<&str> =
            answer["rules"].as_array().unwrap().iter().map(|rule| rule["name"].as_str().unwrap()).collect();
        assert_eq!(shown, names, "{rest}");
        assert_eq!(answer["total"], names.len());
    }
    let records = answer("rules?type=record", &all(), "rules", json!({ "type": "record" }));
    assert_eq!(records["by_type"], json!({ "recording": 1 }));
}

#[test]
fn a_rule_has_its_expression_and_its_error() {
    let answer = answer("rules", &all(), "rules", json!({}));
    assert_eq!(
        answer["rules"],
        json!([
            { "name": "job:up:sum", "type": "recording", "group": "g1", "health": "ok", "query": "sum by (job) (up)", "file": "one.yml" },
            { "name": "Down", "type": "alerting", "group": "g1", "state": "firing", "health": "ok", "query": "up == 0",
              "file": "one.yml", "for_seconds": 60, "active_alerts": 1, "labels": { "severity": "critical" } },
            { "name": "Bad", "type": "alerting", "group": "g2", "state": "inactive", "health": "err", "query": "1 / x",
              "last_error": "no x", "file": "two.yml", "for_seconds": 0, "active_alerts": 0, "labels": {} },
        ])
    );
}

#[test]
fn a_full_rule_is_prometheuss_own_with_its_group_and_file() {
    let answer = answer("rules", &all(), "rules", json!({ "view": "full", "limit": 1 }));
    assert_eq!(
        answer["rules"][0],
        json!({ "name": "job:up:sum", "query": "sum by (job) (up)", "health": "ok", "type": "recording", "group": "g1", "file": "one.yml" })
    );
    let second = self::answer(
        "rules",
        &all(),
        "rules",
        json!({ "view": "full", "limit": 1, "cursor": answer["next_cursor"] }),
    );
    assert_eq!(second["rules"][0]["alerts"], json!([{ "state": "firing" }]));
}

#[test]
fn fields_are_those_of_a_full_rule() {
    let fields = json!({ "fields": ["name", "alerts.state", "group", "severity"], "type": "alert" });
    assert_eq!(
        answer("rules?type=alert", &all(), "rules", fields),
        json!({
            "total": 2, "shown": 2, "by_type": { "alerting": 2 }, "unknown_fields": ["severity"],
            "rules": [
                { "name": "Down", "alerts": [{ "state": "firing" }], "group": "g1" },
                { "name": "Bad", "alerts": [], "group": "g2" },
            ],
        })
    );
}
