//! `what_changed`: one timeline out of several lists.

use bulkhead_sdk::Method;

use super::*;

#[test]
fn everything_that_happened_is_in_one_timeline() {
    let mock = grafana();
    let told = said(&mock, "what_changed", json!({}));
    assert_eq!(
        told["changes"],
        json!([
            { "time": "2026-01-31T11:00:00Z", "kind": "alert", "id": 4, "alert": "Checkout is slow", "from_state": "Normal",
              "to_state": "Alerting", "dashboard_uid": "checkout", "panel_id": 1 },
            { "time": "2026-01-31T10:30:00Z", "kind": "annotation", "id": 3, "text": "cache off", "by": "ben",
              "tags": ["ops"], "dashboard_uid": "checkout", "panel_id": 1 },
            { "time": "2026-01-31T10:30:00Z", "kind": "annotation", "id": 2, "text": "api 1.1", "by": "ci",
              "tags": ["deploy", "api"] },
            { "time": "2026-01-31T10:00:00Z", "kind": "dashboard", "dashboard_uid": "checkout", "title": "Checkout",
              "version": 3, "by": "cleo", "message": "per second" },
            { "time": "2026-01-31T09:00:00Z", "kind": "rule", "rule_uid": "slow", "title": "Checkout is slow",
              "group": "latency" },
        ])
    );
    assert_eq!(told["by_kind"], json!({ "alert": 1, "annotation": 2, "dashboard": 1, "rule": 1 }));
    assert_eq!(
        (&told["from"], &told["to"]),
        (&json!("2026-01-30T12:00:00Z"), &json!("2026-01-31T12:00:00Z"))
    );
    assert_eq!(
        (mock.requests().len(), mock.in_flight_at_most()),
        (6, 3),
        "lists at once, then versions at once"
    );
    let quiet = fresh("what_changed", json!({ "from": "-20m" }));
    assert_eq!((&quiet["total"], &quiet["changes"]), (&json!(0), &json!([])));
}

#[test]
fn pages_follow_each_other_to_the_end() {
    let first = fresh("what_changed", json!({ "limit": 3 }));
    assert_eq!((&first["total"], &first["shown"]), (&json!(5), &json!(3)));
    let last = fresh("what_changed", json!({ "limit": 3, "cursor": first["next_cursor"] }));
    assert_eq!(
        (each(&last["changes"], "kind"), last.get("next_cursor")),
        (vec![json!("dashboard"), json!("rule")], None)
    );
}

#[test]
fn only_what_is_asked_for_is_looked_at() {
    for (arguments, kinds, requests) in [
        (json!({ "kinds": ["alert"] }), vec!["alert"], 1),
        (
            json!({ "kinds": ["annotation"], "from": "-40h" }),
            vec!["annotation", "annotation", "annotation"],
            1,
        ),
        (json!({ "kinds": ["rule"] }), vec!["rule"], 1),
        (json!({ "tags": ["deploy"] }), vec!["annotation"], 1),
        (json!({ "dashboard_uid": "checkout" }), vec!["alert", "annotation", "dashboard"], 2),
        (json!({ "folder": "infra", "kinds": ["dashboard", "rule"] }), vec![], 3),
    ] {
        let mock = grafana();
        let told = said(&mock, "what_changed", arguments.clone());
        assert_eq!(each(&told["changes"], "kind"), kinds, "{arguments}");
        assert_eq!(mock.requests().len(), requests, "{arguments}");
    }
    let mock = grafana();
    said(&mock, "what_changed", json!({ "tags": ["a", "b"], "dashboard_uid": "x" }));
    assert_eq!(
        sent(&mock),
        [
            "GET /api/annotations?from=1769774400000&to=1769860800000&limit=1000&dashboardUID=x&type=annotation&tags=a&tags=b"
        ]
    );
}

#[test]
fn what_was_not_looked_at_is_said() {
    let boards: Value = (0..61).map(|n| json!({ "uid": format!("b{n}"), "title": "B" })).collect();
    let mock = instead(Method::Get, "/api/search?type=dash-db&limit=61&page=1", 200, boards).on(
        Method::Get,
        "/prefix/api/v1/provisioning/alert-rules",
        403,
        json!({ "message": "no" }),
    );
    let told = said(&mock, "what_changed", json!({ "kinds": ["dashboard", "rule"] }));
    assert_eq!(
        (mock.requests().len(), mock.in_flight_at_most()),
        (62, 10),
        "sixty dashboards, ten at a time"
    );
    let notes: Vec<&str> = told["notes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(
        notes[0].starts_with("edits of alert rules are missing: the upstream forbids this (403)"),
        "{notes:?}"
    );
    assert_eq!(
        &notes[1..],
        [
            "only 60 dashboards were looked at: give a `folder` or `dashboard_uid`",
            "Grafana does not say who edited a rule, nor when datasources or contact points were changed",
        ]
    );
    assert_eq!(
        refused(&grafana(), "what_changed", json!({ "dashboard_uid": "x", "kinds": ["dashboard"] })),
        "dashboard `x` (get_objects finds uids): the upstream has no such thing (404): Dashboard not found"
    );
}

#[test]
fn what_lasts_is_of_every_time_it_touches() {
    let mock = grafana();
    let arguments = json!({ "text": "outage", "time": "-3h", "time_end": "-10m", "tags": ["outage"] });
    said(&mock, "save_annotation", arguments);
    let told = said(&mock, "what_changed", json!({ "from": "-20m" }));
    assert_eq!(
        told["changes"],
        json!([{ "time": "2026-01-31T09:00:00Z", "time_end": "2026-01-31T11:50:00Z", "kind": "annotation", "id": 101,
            "text": "outage", "by": "agent", "tags": ["outage"] }])
    );
}
