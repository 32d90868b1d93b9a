//! `send_alert`: raising, seeing whom it reaches, resolving.

use super::*;

#[test]
fn an_alert_is_raised_says_whom_it_reaches_and_is_resolved() {
    let played = Played::new();
    let labels = json!({ "alertname": "Test", "job": "db" });
    let arguments = json!({ "labels": labels, "annotations": { "summary": "a test" }, "ends_at": "+10m" });
    let answer = played.call("send_alert", arguments).unwrap();
    assert_eq!(answer["resolved"], false);
    assert_eq!(
        answer["alert"],
        json!({ "alertname": "Test", "state": "active", "since": "2026-01-31T12:00:00Z", "for": "0s", "labels": { "job": "db" },
                "receivers": ["dba", "ops"], "summary": "a test" })
    );
    assert_eq!(
        played.sent(),
        ["POST alerts", "GET alerts?filter=alertname%3D%22Test%22&filter=job%3D%22db%22"]
    );
    let resolved = played.call("send_alert", json!({ "labels": labels, "ends_at": "now" })).unwrap();
    assert_eq!(resolved, json!({ "resolved": true, "note": "it is resolved, and no longer listed" }));
}

#[test]
fn only_the_alert_with_just_these_labels_is_meant() {
    let mock = mock().on(Method::Post, &at("alerts"), 200, "").on(
        Method::Get,
        &at("alerts?filter=alertname%3D%22A%22"),
        200,
        json!([{ "labels": { "alertname": "A", "instance": "x" }, "status": { "state": "active" } }]),
    );
    let answer = call(&mock, "send_alert", json!({ "labels": { "alertname": "A" } })).unwrap();
    assert_eq!(
        answer,
        json!({ "resolved": false, "note": "Alertmanager took it, but does not list it yet" })
    );
    assert_eq!(mock.requests()[0].json(), json!([{ "labels": { "alertname": "A" }, "annotations": {} }]));
}

#[test]
fn labels_are_checked_and_refusals_passed_on() {
    let scripted = mock();
    for (labels, message) in [
        (json!({ "job": "x" }), "arguments.labels: has no `alertname`, by which alerts are told apart"),
        (json!({ "alertname": "A", "job": "" }), "arguments.labels: `job` is empty: leave it out"),
    ] {
        assert_eq!(why(call(&scripted, "send_alert", json!({ "labels": labels }))), message);
    }
    assert!(scripted.requests().is_empty());
    let refusing =
        mock().on(Method::Post, &at("alerts"), 400, json!("invalid label set: invalid name \"a b\""));
    assert_eq!(
        why(call(&refusing, "send_alert", json!({ "labels": { "alertname": "A", "a b": "c" } }))),
        "arguments.labels: Alertmanager refuses it: invalid label set: invalid name \"a b\""
    );
    let half = mock().on(Method::Post, &at("alerts"), 200, "").on(
        Method::Get,
        &at("alerts?filter=alertname%3D%22A%22"),
        503,
        "closed",
    );
    assert_eq!(
        why(call(&half, "send_alert", json!({ "labels": { "alertname": "A" } }))),
        "the alert is sent, but whom it reaches is not known, because it could not be read back: the upstream is unavailable (503): closed"
    );
}
