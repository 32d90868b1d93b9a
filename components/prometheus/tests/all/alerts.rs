//! `get_alerts` and `alerts_summary`.

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
fn the_summary_counts_names_and_states() {
    assert_eq!(
        answer("alerts", &all(), "alerts_summary", json!({})),
        json!({
            "total": 3, "shown": 3, "by_state": { "firing": 3, "pending": 1 },
            "alerts": [
                { "alertname": "Disk", "state": "firing", "count": 1 },
                { "alertname": "Down", "state": "firing", "count": 2 },
                { "alertname": "Slow", "state": "pending", "count": 1 },
            ],
        })
    );
    let pending = answer("alerts", &all(), "alerts_summary", json!({ "state": "pending" }));
    assert_eq!([&pending["total"], &pending["alerts"][0]["alertname"]], [&json!(1), &json!("Slow")]);
}

#[test]
fn alerts_are_filtered_and_the_longest_active_comes_first() {
    let down = answer("alerts", &all(), "get_alerts", json!({ "name": "Down", "limit": 1 }));
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
        "get_alerts",
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
        assert_eq!(answer("alerts", &all(), "get_alerts", arguments.clone())["total"], total, "{arguments}");
    }
}

#[test]
fn a_full_alert_is_prometheuss_own() {
    let full = answer("alerts", &all(), "get_alerts", json!({ "view": "full", "state": "pending" }));
    assert_eq!(full["alerts"], json!([all()["alerts"][0]]));
}

#[test]
fn no_alerts_is_an_answer() {
    assert_eq!(
        answer("alerts", &json!({ "alerts": [] }), "get_alerts", json!({})),
        json!({ "total": 0, "shown": 0, "alerts": [], "by_state": {} })
    );
}

#[test]
fn alerts_that_became_active_together_have_an_order_of_their_own() {
    let at = "2026-01-31T09:00:00Z";
    let some = json!(["info", "critical", "page"].map(|severity| alert("Disk", severity, "firing", at)));
    let got = |alerts: Value| answer("alerts", &json!({ "alerts": alerts }), "get_alerts", json!({}));
    assert_eq!(got(some.clone()), got(reversed(&some)));
}
