//! `triage`: what fires, what is quiet and why, and one test for each finding.

use double_alertmanager::{BROAD, ENDING, IDLE};

use super::*;

fn findings(answer: &Value) -> Vec<&str> {
    each(&answer["findings"], "finding")
}

fn finding<'a>(answer: &'a Value, rule: &str) -> &'a Value {
    answer["findings"].as_array().unwrap().iter().find(|found| found["finding"] == rule).unwrap()
}

#[test]
fn what_fires_is_told_by_name_with_what_is_shared_and_what_differs() {
    let played = Played::new();
    let answer = played.call("triage", json!({})).unwrap();
    assert_eq!(
        answer["summary"],
        "alerts firing: 5 (names: 4, critical: 1); silences that hold alerts: 2; names inhibited: 1; findings: 7"
    );
    assert_eq!(
        each(&answer["firing"], "alertname"),
        ["TargetDown", "HighLatency", "Watchdog", "CertificateExpiry"]
    );
    assert_eq!(
        answer["firing"][1],
        json!({
            "alertname": "HighLatency", "severity": "warning", "count": 2, "since": "2026-01-31T10:30:00Z", "for": "1h30m",
            "labels": { "severity": "warning", "job": "api", "cluster": "prod" }, "differ": { "instance": ["api-1", "api-2"] },
            "receivers": ["ops"], "summary": "HighLatency on api-2",
            "generator_url": "http://prometheus:9090/graph?g0.expr=HighLatency", "runbook_url": "https://runbooks/HighLatency",
        })
    );
    assert_eq!(played.at_once(), 3);
}

#[test]
fn what_is_quiet_is_told_with_who_keeps_it_so() {
    let answer = Played::new().call("triage", json!({})).unwrap();
    assert_eq!(
        answer["silenced"],
        json!([
            { "id": ENDING, "state": "active", "matchers": "alertname=\"DatabaseDown\"", "ends_at": "2026-01-31T12:30:00Z",
              "ends_in": "30m", "created_by": "bob", "comment": "failover in progress", "alerts": 1,
              "alertnames": { "DatabaseDown": 1 } },
            { "id": BROAD, "state": "active", "matchers": "cluster=\"staging\"", "ends_at": "2026-04-01T12:00:00Z",
              "ends_in": "60d", "created_by": "ann", "comment": "staging is broken anyway", "alerts": 3,
              "alertnames": { "DiskFull": 1, "HighLatency": 1, "JobFailed": 1 } },
        ])
    );
    assert_eq!(
        answer["inhibited"],
        json!([{
            "alertname": "ReplicaLag", "count": 1,
            "labels": { "severity": "warning", "instance": "db-1", "job": "db", "cluster": "prod" },
            "inhibited_by": [{ "alertname": "DatabaseDown", "severity": "critical", "instance": "db-1", "state": "silenced",
                               "since": "2026-01-31T11:15:00Z", "for": "45m" }],
        }])
    );
}

#[test]
fn every_rule_finds_what_it_looks_for_with_evidence() {
    let answer = Played::new().call("triage", json!({})).unwrap();
    assert_eq!(
        findings(&answer),
        [
            "critical_alert_silenced",
            "inhibitor_is_silenced",
            "silence_ends_soon",
            "silence_is_broad",
            "silence_holds_nothing",
            "silence_is_long",
            "alert_is_stale",
        ]
    );
    let critical = finding(&answer, "critical_alert_silenced");
    assert_eq!(critical["says"], "the critical alert DatabaseDown is silenced");
    assert_eq!(
        [&critical["evidence"]["silence"]["id"], &critical["evidence"]["alerts"][0]["instance"]],
        [ENDING, "db-1"]
    );
    let inhibitor = finding(&answer, "inhibitor_is_silenced");
    assert_eq!(inhibitor["says"], "DatabaseDown is silenced and inhibits others (1): nobody hears of either");
    assert_eq!(inhibitor["evidence"]["inhibited"][0]["alertname"], "ReplicaLag");
    let soon = finding(&answer, "silence_ends_soon");
    assert_eq!(
        [&soon["says"], &soon["evidence"]["silence"]["id"]],
        ["alerts that are heard again in 30m, when a silence ends: 1", ENDING]
    );
    let broad = finding(&answer, "silence_is_broad");
    assert_eq!(broad["says"], "names that a silence without an alertname keeps quiet: 3");
    assert_eq!(broad["evidence"]["alertnames"], json!(["DiskFull", "HighLatency", "JobFailed"]));
    assert_eq!(finding(&answer, "silence_holds_nothing")["evidence"]["silence"]["id"], IDLE);
    assert_eq!(finding(&answer, "silence_is_long")["says"], "a silence goes on for another 60d");
    let stale = finding(&answer, "alert_is_stale");
    assert_eq!(stale["says"], "alerts firing for more than 7d: 1");
    assert_eq!(
        stale["evidence"]["alerts"][0]["alertname"], "CertificateExpiry",
        "the watchdog is meant to fire"
    );
}

#[test]
fn only_what_was_asked_about_is_found() {
    let played = Played::new();
    let answer = played.call("triage", json!({ "matchers": "job=api" })).unwrap();
    assert_eq!(each(&answer["firing"], "alertname"), ["TargetDown", "HighLatency"]);
    assert_eq!(findings(&answer), [""; 0]);
    assert_eq!(played.at_once(), 4);
    let dba = played.call("triage", json!({ "receiver": "dba", "expires_within": "10m" })).unwrap();
    assert_eq!(findings(&dba), ["critical_alert_silenced", "inhibitor_is_silenced"]);
    assert_eq!(played.sent()[1], "GET alerts?receiver=dba");
}

#[test]
fn lists_are_bounded_and_say_so() {
    let answer = Played::new().call("triage", json!({ "limit": 2 })).unwrap();
    assert_eq!(answer["left_out"], json!({ "firing": 2, "findings": 5 }));
    assert_eq!(answer["firing"].as_array().unwrap().len(), 2);
}

fn quiet(status: Value) -> Mock {
    mock()
        .on(Method::Get, &at("alerts"), 200, json!([]))
        .on(Method::Get, &at("silences?expired=false"), 200, json!([]))
        .on(Method::Get, &at("status"), 200, status)
}

#[test]
fn all_is_well_is_said_in_few_words() {
    let answer = call(&quiet(json!({ "cluster": { "status": "ready" } })), "triage", json!({})).unwrap();
    assert_eq!(
        answer,
        json!({
            "summary": "alerts firing: 0 (names: 0, critical: 0); silences that hold alerts: 0; names inhibited: 0; findings: 0",
            "by_state": {}, "firing": [], "silenced": [], "inhibited": [], "findings": [],
        })
    );
}

#[test]
fn a_cluster_that_is_not_ready_is_found() {
    let cluster = json!({ "status": "settling", "peers": [] });
    let answer = call(&quiet(json!({ "cluster": cluster })), "triage", json!({})).unwrap();
    assert_eq!(findings(&answer), ["cluster_not_ready"]);
    assert_eq!(answer["findings"][0]["evidence"], json!({ "cluster": cluster }));
}

#[test]
fn what_could_not_be_read_is_named_and_the_rest_told() {
    let mock = mock()
        .on(Method::Get, &at("alerts"), 200, json!([]))
        .on(Method::Get, &at("silences?expired=false"), 503, "closed")
        .on(Method::Get, &at("status"), 403, "no");
    let answer = call(&mock, "triage", json!({})).unwrap();
    assert_eq!(answer["missing"]["silences"], "the upstream is unavailable (503): closed");
    assert!(answer["missing"]["status"].as_str().unwrap().starts_with("the upstream forbids this (403)"));
}
