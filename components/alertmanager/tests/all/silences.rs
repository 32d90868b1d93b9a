//! `silences`: filters, both views and pages.

use double_alertmanager::{BROAD, ENDING, EXPIRED, IDLE, PENDING};

use super::*;

#[test]
fn those_that_end_next_come_first_and_expired_ones_not_at_all() {
    let played = Played::new();
    let answer = played.call("silences", json!({})).unwrap();
    assert_eq!(each(&answer["silences"], "id"), [ENDING, IDLE, BROAD, PENDING]);
    assert_eq!(answer["by_state"], json!({ "active": 3, "pending": 1 }));
    assert_eq!(
        answer["silences"][0],
        json!({
            "id": ENDING, "state": "active", "matchers": "alertname=\"DatabaseDown\"", "ends_at": "2026-01-31T12:30:00Z",
            "ends_in": "30m", "created_by": "bob", "comment": "failover in progress",
        })
    );
    assert_eq!(answer["silences"][3]["starts_at"], "2026-02-01T12:00:00Z");
    assert_eq!(played.sent(), ["GET silences?expired=false"]);
}

#[test]
fn every_filter_narrows() {
    let played = Played::new();
    for (arguments, found) in [
        (json!({ "state": "any" }), vec![ENDING, IDLE, BROAD, PENDING, EXPIRED]),
        (json!({ "state": "expired" }), vec![EXPIRED]),
        (json!({ "state": "pending" }), vec![PENDING]),
        (json!({ "state": "active", "created_by": "ANN" }), vec![IDLE, BROAD]),
        (json!({ "comment": "broken" }), vec![BROAD]),
        (json!({ "ends_before": "+1d" }), vec![ENDING, IDLE]),
        (json!({ "matchers": "cluster=staging" }), vec![BROAD]),
        (json!({ "matchers": "cluster=nowhere" }), vec![]),
    ] {
        let answer = played.call("silences", arguments.clone()).unwrap();
        assert_eq!(each(&answer["silences"], "id"), found, "{arguments}");
        assert_eq!(answer["total"], found.len());
    }
}

#[test]
fn a_server_that_ignores_the_states_makes_no_difference() {
    let all = Played::new().call("silences", json!({ "state": "any", "view": "full" })).unwrap();
    let mock = mock().on(Method::Get, &at("silences?expired=false"), 200, all["silences"].clone());
    let answer = call(&mock, "silences", json!({})).unwrap();
    assert_eq!(answer["total"], 4);
}

#[test]
fn silences_page_and_a_full_one_is_alertmanagers_own() {
    let played = Played::new();
    let first = played.call("silences", json!({ "limit": 3 })).unwrap();
    assert_eq!([&first["total"], &first["shown"]], [4, 3]);
    let last = played.call("silences", json!({ "limit": 3, "cursor": first["next_cursor"] })).unwrap();
    assert_eq!(each(&last["silences"], "id"), [PENDING]);
    assert_eq!(last.get("next_cursor"), None);
    let full = played.call("silences", json!({ "view": "full" })).unwrap();
    assert_eq!(
        full["silences"][0]["matchers"],
        json!([{ "name": "alertname", "value": "DatabaseDown", "isRegex": false, "isEqual": true }])
    );
    let other = why(played.call("silences", json!({ "state": "any", "cursor": first["next_cursor"] })));
    assert!(other.starts_with("arguments.cursor: belongs to a call with other arguments"), "{other}");
}

#[test]
fn fields_are_those_of_a_full_silence() {
    let arguments = json!({ "fields": ["id", "status.state", "matchers.name", "team"], "created_by": "bob", "state": "active" });
    let answer = Played::new().call("silences", arguments).unwrap();
    assert_eq!(
        answer,
        json!({
            "total": 1, "shown": 1, "by_state": { "active": 1 }, "unknown_fields": ["team"],
            "silences": [{ "id": ENDING, "status": { "state": "active" }, "matchers": [{ "name": "alertname" }] }],
        })
    );
}
