//! `alerts`.

use super::*;

fn alert(name: &str, severity: &str, state: &str, at: &str) -> Value {
    json!({
        "labels": { "alertname": name, "severity": severity }, "annotations": { "description": "Longer.", "summary": format!("{name}!") },
        "state": state, "activeAt": at, "value": "1e+00",
    })
}

fn all() -> Value {
    json!({ "alerts": [
        alert("Slow", "warning", "pending", "2026-01-31T11:00:00Z"),
        alert("Down", "critical", "firing", "2026-01-31T11:30:00Z"),
        alert("Down", "critical", "firing", "2026-01-31T10:00:00Z"),
        alert("Disk", "warning", "firing", "2026-01-31T09:00:00Z"),
    ] })
}

#[test]
fn names_and_states_are_counted() {
    let all = answer("alerts", &all(), "alerts", json!({ "limit": 1 }));
    assert_eq!(all["by_state"], json!({ "firing": 3, "pending": 1 }));
    assert_eq!(
        all["by_name"],
        json!([
            { "alertname": "Disk", "state": "firing", "count": 1 },
            { "alertname": "Down", "state": "firing", "count": 2 },
            { "alertname": "Slow", "state": "pending", "count": 1 },
        ])
    );
}

#[test]
fn alerts_are_filtered_and_the_longest_active_comes_first() {
    let down = answer("alerts", &all(), "alerts", json!({ "name": "Down", "limit": 1 }));
    assert_eq!(
        [&down["total"], &down["shown"], &down["by_state"]],
        [&json!(2), &json!(1), &json!({ "firing": 2 })]
    );
    assert_eq!(
        down["alerts"],
        json!([{
            "alertname": "Down", "state": "firing", "value": 1, "active_since": "2026-01-31T10:00:00Z",
            "labels": { "severity": "critical" }, "summary": "Down!",
        }])
    );
    let next = answer(
        "alerts",
        &all(),
        "alerts",
        json!({ "name": "Down", "limit": 1, "cursor": down["next_cursor"] }),
    );
    assert_eq!(next["alerts"][0]["active_since"], "2026-01-31T11:30:00Z");
    for (arguments, total) in [
        (json!({}), 4),
        (json!({ "state": "firing" }), 3),
        (json!({ "labels": { "severity": "warning" } }), 2),
        (json!({ "labels": { "severity": "warning" }, "state": "pending" }), 1),
        (json!({ "labels": { "team": "x" } }), 0),
        (json!({ "labels": { "team": "" } }), 4),
        (json!({ "name": "down" }), 0),
    ] {
        assert_eq!(answer("alerts", &all(), "alerts", arguments.clone())["total"], total, "{arguments}");
    }
}

#[test]
fn a_full_alert_is_prometheuss_own() {
    let full = answer("alerts", &all(), "alerts", json!({ "view": "full", "state": "pending" }));
    assert_eq!(full["alerts"], json!([all()["alerts"][0]]));
}

#[test]
fn fields_are_those_of_a_full_alert() {
    let fields = json!({ "fields": ["labels.severity", "value", "team"], "name": "Down" });
    let down = json!({ "labels": { "severity": "critical" }, "value": "1e+00" });
    assert_eq!(
        answer("alerts", &all(), "alerts", fields),
        json!({
            "total": 2, "shown": 2, "alerts": [down, down], "unknown_fields": ["team"], "by_state": { "firing": 2 },
            "by_name": [{ "alertname": "Down", "state": "firing", "count": 2 }],
        })
    );
}

#[test]
fn no_alerts_is_an_answer() {
    assert_eq!(
        answer("alerts", &json!({ "alerts": [] }), "alerts", json!({})),
        json!({ "total": 0, "shown": 0, "alerts": [], "by_state": {}, "by_name": [] })
    );
}

#[test]
fn alerts_that_became_active_together_have_an_order_of_their_own() {
    let at = "2026-01-31T09:00:00Z";
    let some = json!(["info", "critical", "page"].map(|severity| alert("Disk", severity, "firing", at)));
    let got = |alerts: Value| answer("alerts", &json!({ "alerts": alerts }), "alerts", json!({}));
    assert_eq!(got(some.clone()), got(reversed(&some)));
}
