//! `get_alert_rules` and `diagnose_alerting`.

use bulkhead_sdk::Method;

use super::*;

const STATE: &str = "/api/prometheus/grafana/api/v1/rules?limit_alerts=100";
const DEFINITIONS: &str = "/api/v1/provisioning/alert-rules";
const RECEIVERS: &str = "/api/alertmanager/grafana/config/api/v1/receivers";

fn forbidden() -> Value {
    json!({ "message": "You'll need additional permissions" })
}

#[test]
fn rules_are_listed_the_worst_first() {
    let mock = grafana();
    let told = said(&mock, "get_alert_rules", json!({}));
    assert_eq!(each(&told["rules"], "uid"), ["lost", "quiet", "slow", "disk", "wear"]);
    assert_eq!(each(&told["rules"], "state"), ["error", "nodata", "firing", "pending", "normal"]);
    assert_eq!(told["by_state"], json!({ "error": 1, "nodata": 1, "firing": 1, "pending": 1, "normal": 1 }));
    assert_eq!(
        told["rules"][0],
        json!({ "uid": "lost", "title": "Orders are lost", "state": "error", "group": "latency", "folder": "Shop",
            "since": "2026-01-31T11:15:00Z", "error": "failed to query data: connection refused",
            "summary": "Orders are lost!", "labels": { "team": "shop" }, "instances": 1 })
    );
    assert_eq!(
        told["rules"][4],
        json!({ "uid": "wear", "title": "Disk is worn", "state": "normal", "group": "disks",
            "folder": "Infrastructure", "summary": "Disk is worn!", "labels": { "team": "infra" } })
    );
    assert_eq!(mock.in_flight_at_most(), 2, "state and definitions are read at once");
}

#[test]
fn every_filter_filters() {
    for (filter, expected) in [
        (json!({ "states": ["firing", "error"] }), vec!["lost", "slow"]),
        (json!({ "folder": "Infrastructure" }), vec!["disk", "wear"]),
        (json!({ "folder": "infra" }), vec!["disk", "wear"]),
        (json!({ "group": "disks" }), vec!["disk", "wear"]),
        (json!({ "query": "CHECKOUT" }), vec!["quiet", "slow"]),
        (json!({ "labels": "team=infra" }), vec!["disk", "wear"]),
        (json!({ "labels": "team=infra, tier=web" }), vec![]),
        (json!({ "uid": "slow" }), vec!["slow"]),
    ] {
        assert_eq!(each(&fresh("get_alert_rules", filter.clone())["rules"], "uid"), expected, "{filter}");
    }
    assert_eq!(
        refused(&grafana(), "get_alert_rules", json!({ "labels": "team" })),
        "arguments.labels: expected `team=shop,severity=critical`"
    );
    assert_eq!(refused(&grafana(), "get_alert_rules", json!({ "uid": "x" })), "there is no alert rule `x`");
}

#[test]
fn one_rule_has_its_definition_and_instances() {
    let told = fresh("get_alert_rules", json!({ "uid": "slow" }));
    let rule = &told["rules"][0];
    assert_eq!(
        (&rule["datasources"], &rule["definition"]["for"], &rule["evaluated"], &rule["query"]),
        (&json!(["prom"]), &json!("5m"), &json!("2026-01-31T11:59:40Z"), &json!("up"))
    );
    assert_eq!(
        (&rule["active"][0]["state"], &rule["active"][0]["value"]),
        (&json!("Alerting"), &json!("1.3e+00"))
    );
    let some = fresh("get_alert_rules", json!({ "fields": ["uid", "definition.for"], "limit": 2 }));
    assert_eq!(
        some["rules"],
        json!([{ "uid": "lost", "definition": { "for": "5m" } }, { "uid": "quiet", "definition": { "for": "5m" } }])
    );
    let arguments = json!({ "fields": ["uid", "definition.for"], "limit": 9, "cursor": some["next_cursor"] });
    assert_eq!(each(&fresh("get_alert_rules", arguments)["rules"], "uid"), ["slow", "disk", "wear"]);
}

#[test]
fn old_servers_name_rules_without_their_uid() {
    let state = json!({ "status": "success", "data": { "groups": [{ "name": "latency", "file": "Shop", "interval": 60,
        "rules": [{ "name": "Checkout is slow", "state": "firing", "health": "ok", "type": "alerting", "alerts": [] },
            { "name": "made", "type": "recording" }] }]}});
    let mock = instead(Method::Get, STATE, 200, state);
    let told = said(&mock, "get_alert_rules", json!({ "folder": "Shop" }));
    // The folder's title is known from one of its rules.
    assert_eq!(each(&told["rules"], "uid"), ["slow", "quiet", "lost"]);
    assert_eq!(each(&told["rules"], "state"), ["firing", "normal", "normal"]);
}

#[test]
fn a_nested_folder_is_known_by_its_own_title() {
    let rule = json!({ "uid": "x", "name": "X", "state": "inactive", "health": "ok", "type": "alerting" });
    let state =
        json!({ "data": { "groups": [{ "name": "g", "file": "Infrastructure/Disks", "rules": [rule] }] } });
    let mock = instead(Method::Get, STATE, 200, state);
    for (folder, found) in [("Disks", 1), ("Infrastructure/Disks", 1), ("isks", 0)] {
        let told = said(&mock, "get_alert_rules", json!({ "folder": folder }));
        assert_eq!(told["total"], json!(found), "{folder}");
    }
}

#[test]
fn a_paused_rule_is_paused_and_definitions_may_be_forbidden() {
    let mock = grafana();
    said(
        &mock,
        "save_object",
        json!({ "kind": "alert_rule", "uid": "slow", "fields": { "isPaused": true } }),
    );
    assert_eq!(
        said(&mock, "get_alert_rules", json!({ "uid": "slow" }))["rules"][0]["state"],
        json!("paused")
    );
    let mock = instead(Method::Get, DEFINITIONS, 403, forbidden());
    let told = said(&mock, "get_alert_rules", json!({ "uid": "slow" }));
    assert_eq!(told["rules"][0]["definition"], Value::Null);
    assert_eq!(
        told["notes"],
        json!([
            "definitions of rules are missing: the upstream forbids this (403); the permissions of the service's \
                credential are the operator's to mend: You'll need additional permissions"
        ])
    );
}

#[test]
fn a_diagnosis_has_a_finding_for_each_thing_that_is_wrong() {
    let mock = grafana();
    let told = said(&mock, "diagnose_alerting", json!({}));
    assert_eq!(
        each(&told["findings"], "finding"),
        [
            "datasource `pg` fails its test; 1 of the rules query it",
            "1 rule firing",
            "1 rule failing to be evaluated, so alerting on nothing",
            "contact point `shop-team` did not deliver its last notification",
            "1 rule without data, so alerting on nothing",
            "1 rule about to fire",
        ]
    );
    assert_eq!(
        each(&told["findings"], "severity"),
        ["critical", "critical", "critical", "critical", "warning", "info"]
    );
    assert_eq!(told["verdict"], json!("datasource `pg` fails its test; 1 of the rules query it"));
    assert_eq!(told["counts"], json!({ "error": 1, "firing": 1, "nodata": 1, "normal": 1, "pending": 1 }));
    assert_eq!(
        told["findings"][0]["health"],
        json!({ "status": "ERROR", "message": "dial tcp: connection refused" })
    );
    assert_eq!(
        told["findings"][1]["rules"],
        json!([{ "uid": "slow", "title": "Checkout is slow", "state": "firing", "group": "latency", "folder": "Shop",
            "since": "2026-01-31T11:15:00Z", "summary": "Checkout is slow!", "labels": { "team": "shop" },
            "instances": 140, "datasources": { "prom": "OK" },
            "active": [{ "state": "Alerting", "activeAt": "2026-01-31T11:15:00Z", "value": "1.3e+00",
                "labels": { "alertname": "Checkout is slow", "grafana_folder": "Shop", "team": "shop" } }] }])
    );
    assert_eq!(told["findings"][2]["rules"][0]["datasources"], json!({ "pg": "ERROR" }));
    let delivery = &told["findings"][3];
    assert_eq!(
        (&delivery["integration"], &delivery["at"], &delivery["error"]),
        (&json!("slack[0]"), &json!("2026-01-31T11:30:00Z"), &json!("channel_not_found"))
    );
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (6, 3));
}

#[test]
fn a_diagnosis_can_be_of_some_rules() {
    let told = fresh("diagnose_alerting", json!({ "folder": "Infrastructure", "labels": "team=infra" }));
    assert_eq!(told["counts"], json!({ "normal": 1, "pending": 1 }));
    assert_eq!(
        each(&told["findings"], "finding"),
        ["contact point `shop-team` did not deliver its last notification", "1 rule about to fire"]
    );
}

#[test]
fn a_rule_that_is_not_evaluated_is_found() {
    let rule = |name: &str, at: &str| json!({ "uid": name, "name": name, "state": "inactive", "health": "ok", "type": "alerting", "lastEvaluation": at });
    let state = json!({ "data": { "groups": [{ "name": "g", "file": "F", "interval": 60, "rules": [
        rule("late", "2026-01-31T11:56:59Z"), rule("in time", "2026-01-31T11:57:01Z"),
        rule("never", "0001-01-01T00:00:00Z"),
    ]}]}});
    let mock = instead(Method::Get, STATE, 200, state)
        .on(Method::Get, &format!("/prefix{DEFINITIONS}"), 200, json!([]))
        .on(Method::Get, &format!("/prefix{RECEIVERS}"), 200, json!([]));
    let told = said(&mock, "diagnose_alerting", json!({}));
    assert_eq!(each(&told["findings"], "finding"), ["1 rule no longer evaluated, so alerting on nothing"]);
    let rule = &told["findings"][0]["rules"][0];
    assert_eq!(
        (&rule["uid"], &rule["evaluated"], &rule["every"]),
        (&json!("late"), &json!("2026-01-31T11:56:59Z"), &json!("1m"))
    );
}

#[test]
fn all_is_well_is_said_in_one_line() {
    let mock = instead(Method::Get, STATE, 200, json!({ "data": { "groups": [] } })).on(
        Method::Get,
        &format!("/prefix{RECEIVERS}"),
        404,
        json!({ "message": "Not found" }),
    );
    let told = said(&mock, "diagnose_alerting", json!({}));
    assert_eq!(told["findings"], json!([]));
    assert_eq!(told["verdict"], json!("nothing is wrong: 5 rules, and none of them fires or fails"));
    assert_eq!(
        told["notes"],
        json!(["delivery of notifications is not known: the upstream has no such thing (404): Not found"])
    );
}

#[test]
fn a_datasource_that_may_not_be_tested_is_no_finding() {
    let test = |status: u16| {
        instead(Method::Get, "/api/datasources/uid/pg/health", status, json!({ "message": "no" }))
    };
    let told = said(&test(403), "diagnose_alerting", json!({}));
    assert_eq!(told["verdict"], json!("1 rule firing"));
    assert_eq!(told["findings"][1]["rules"][0]["datasources"], json!({ "pg": "UNKNOWN" }));
    let note = told["notes"][0].as_str().unwrap();
    assert!(note.starts_with("datasource `pg` was not tested: the upstream forbids this (403)"), "{note}");
    let told = said(&test(502), "diagnose_alerting", json!({}));
    assert_eq!(told["findings"][0]["health"]["status"], json!("ERROR"));
    let silent = grafana().hang(Method::Get, "/prefix/api/datasources/uid/pg/health");
    let told = said(&silent, "diagnose_alerting", json!({}));
    let why = told["findings"][0]["health"]["message"].as_str().unwrap();
    assert!(why.starts_with("no answer to its test: grafana:3000 did not answer"), "{why}");
}
