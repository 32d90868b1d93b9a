//! `alerts`: filters, both views, fields, pages, and groups.

use super::*;

fn names(answer: &Value) -> Vec<String> {
    let name = |alert: &Value| {
        let thing = alert["instance"].as_str().map_or(String::new(), |instance| format!(" {instance}"));
        format!("{}{thing}", alert["alertname"].as_str().unwrap())
    };
    answer["alerts"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn alerts_come_worst_and_longest_first() {
    let answer = Played::new().call("alerts", json!({})).unwrap();
    assert_eq!(
        names(&answer),
        [
            "DatabaseDown db-1",
            "TargetDown api-3",
            "DiskFull s-2",
            "HighLatency s-1",
            "HighLatency api-2",
            "ReplicaLag db-1",
            "HighLatency api-1",
            "Watchdog",
            "CertificateExpiry web-1",
            "JobFailed",
        ]
    );
    assert_eq!(answer["by_state"], json!({ "active": 5, "inhibited": 1, "silenced": 4 }));
    assert_eq!(answer["by_severity"], json!({ "critical": 2, "info": 2, "none": 1, "warning": 5 }));
    assert_eq!([&answer["total"], &answer["shown"]], [10, 10]);
}

#[test]
fn a_summary_says_who_is_told_and_what_keeps_it_quiet() {
    let played = Played::new();
    let answer = played.call("alerts", json!({ "matchers": "alertname=\"ReplicaLag\"" })).unwrap();
    let inhibitor =
        played.call("alerts", json!({ "matchers": "alertname=DatabaseDown", "view": "full" })).unwrap();
    assert_eq!(
        answer["alerts"],
        json!([{
            "alertname": "ReplicaLag", "severity": "warning", "instance": "db-1", "state": "inhibited",
            "since": "2026-01-31T11:16:00Z", "for": "44m",
            "labels": { "job": "db", "cluster": "prod" },
            "receivers": ["dba", "ops"], "summary": "ReplicaLag on db-1",
            "inhibited_by": [inhibitor["alerts"][0]["fingerprint"]],
        }])
    );
    assert_eq!(inhibitor["alerts"][0]["status"]["silencedBy"], json!([double_alertmanager::ENDING]));
    assert_eq!(played.sent(), ["GET alerts?filter=alertname%3D%22DatabaseDown%22"]);
}

#[test]
fn every_filter_narrows_here_or_there() {
    let played = Played::new();
    for (arguments, sent, found) in [
        (
            json!({ "states": ["active"], "receiver": "ops" }),
            "receiver=ops&unprocessed=false&silenced=false&inhibited=false",
            5,
        ),
        (json!({ "states": ["silenced"] }), "active=false&unprocessed=false", 4),
        (json!({ "states": ["inhibited"] }), "active=false&unprocessed=false", 1),
        (json!({ "states": ["active", "inhibited"] }), "unprocessed=false", 6),
        (json!({ "states": ["unprocessed"] }), "active=false&silenced=false&inhibited=false", 0),
        (json!({ "states": [] }), "", 10),
        (json!({ "receiver": "dba" }), "receiver=dba", 2),
        (
            json!({ "matchers": "{severity=~\"warning|info\", cluster!=\"prod\"}" }),
            "filter=severity%3D~%22warning%7Cinfo%22&filter=cluster%21%3D%22prod%22",
            3,
        ),
        (json!({ "since": "-1h" }), "", 4),
        (json!({ "since": "2026-01-31T10:00:00Z", "until": "-40m" }), "", 3),
    ] {
        let answer = played.call("alerts", arguments.clone()).unwrap();
        assert_eq!(answer["total"], found, "{arguments}");
        assert_eq!(played.sent()[0].split_once('?').map_or("", |(_, query)| query), sent, "{arguments}");
    }
}

#[test]
fn the_order_can_be_chosen() {
    let played = Played::new();
    for (sort, first) in [
        ("newest", "TargetDown api-3"),
        ("oldest", "Watchdog"),
        ("name", "CertificateExpiry web-1"),
        ("severity", "DatabaseDown db-1"),
    ] {
        assert_eq!(names(&played.call("alerts", json!({ "sort": sort })).unwrap())[0], first);
    }
}

#[test]
fn pages_follow_each_other_to_the_end() {
    let played = Played::new();
    let (mut seen, mut cursor) = (Vec::new(), None::<Value>);
    loop {
        let mut arguments = json!({ "limit": 4 });
        if let Some(cursor) = &cursor {
            arguments["cursor"] = cursor.clone();
        }
        let answer = played.call("alerts", arguments).unwrap();
        assert_eq!(answer["total"], 10);
        seen.extend(names(&answer));
        cursor = answer.get("next_cursor").cloned();
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, names(&played.call("alerts", json!({})).unwrap()));
}

#[test]
fn fields_are_picked_and_misspelt_ones_named() {
    let arguments = json!({ "fields": ["labels.instance", "status.state", "label.job"], "matchers": "alertname=TargetDown" });
    assert_eq!(
        Played::new().call("alerts", arguments).unwrap()["alerts"],
        json!([{ "labels": { "instance": "api-3" }, "status": { "state": "active" } }])
    );
    let answer = Played::new().call("alerts", json!({ "fields": ["label.job"], "grouped": true })).unwrap();
    assert_eq!(answer["unknown_fields"], json!(["label.job"]));
}

#[test]
fn groups_are_those_of_notifications() {
    let played = Played::new();
    let answer = played
        .call(
            "alerts",
            json!({ "grouped": true, "matchers": "cluster=prod", "states": ["active"], "limit": 2 }),
        )
        .unwrap();
    assert_eq!([&answer["total"], &answer["shown"]], [4, 2]);
    assert_eq!(
        answer["groups"],
        json!([
            {
                "receiver": "ops", "labels": { "alertname": "TargetDown" }, "total": 1,
                "by_state": { "active": 1 }, "by_severity": { "critical": 1 },
                "alerts": [{ "alertname": "TargetDown", "severity": "critical", "instance": "api-3", "state": "active",
                             "since": "2026-01-31T11:50:00Z", "for": "10m" }],
            },
            {
                "receiver": "ops", "labels": { "alertname": "HighLatency" }, "total": 2,
                "by_state": { "active": 2 }, "by_severity": { "warning": 2 },
                "alerts": [
                    { "alertname": "HighLatency", "severity": "warning", "instance": "api-2", "state": "active",
                      "since": "2026-01-31T10:30:00Z", "for": "1h30m" },
                    { "alertname": "HighLatency", "severity": "warning", "instance": "api-1", "state": "active",
                      "since": "2026-01-31T11:30:00Z", "for": "30m" },
                ],
            },
        ])
    );
    assert_eq!(
        played.sent(),
        ["GET alerts/groups?filter=cluster%3D%22prod%22&silenced=false&inhibited=false"],
        "groups know no `unprocessed`"
    );
    let full = played.call("alerts", json!({ "grouped": true, "view": "full", "limit": 1 })).unwrap();
    assert_eq!(full["groups"][0]["routeLabels"], json!({}));
    assert_eq!(full["groups"][0]["alerts"][0]["labels"]["alertname"], "DatabaseDown");
}

#[test]
fn a_large_group_is_cut_and_says_so() {
    let alert = |index: u32| {
        json!({ "labels": { "alertname": "A", "instance": index.to_string() }, "startsAt": "2026-01-31T11:00:00Z",
                                     "fingerprint": index.to_string(), "status": { "state": "active" }, "receivers": [{ "name": "r" }] })
    };
    let alerts: Vec<Value> = (0..7).map(alert).collect();
    let groups = json!([{ "labels": {}, "receiver": { "name": "r" }, "alerts": alerts }]);
    let mock = mock().on(Method::Get, &at("alerts/groups"), 200, groups);
    let answer = call(&mock, "alerts", json!({ "grouped": true })).unwrap();
    assert_eq!([&answer["groups"][0]["total"], &answer["groups"][0]["left_out"]], [7, 2]);
    assert_eq!(answer["groups"][0]["by_severity"], json!({ "none given": 7 }));
}

#[test]
fn arguments_are_checked_before_anything_is_sent() {
    let mock = mock();
    for (arguments, message) in [
        (
            json!({ "matchers": "critical" }),
            "arguments.matchers: `critical` has no operator; expected label, operator",
        ),
        (json!({ "since": "-1h", "until": "-2h" }), "arguments.since: is after `until`"),
        (json!({ "states": ["firing"] }), "arguments.states[0]: unknown variant `firing`"),
    ] {
        let told = why(call(&mock, "alerts", arguments));
        assert!(told.starts_with(message), "{told}");
    }
    assert!(mock.requests().is_empty());
}
