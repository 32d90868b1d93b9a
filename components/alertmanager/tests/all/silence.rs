//! `silence`: making, changing and ending, each first without doing it.

use double_alertmanager::{BROAD, ENDING, EXPIRED, IDLE, PENDING};

use super::*;

const LATENCY: &str = "alertname=\"HighLatency\", cluster=\"prod\"";

#[test]
fn a_dry_run_says_what_it_would_hit_and_changes_nothing() {
    let played = Played::new();
    let arguments = json!({ "matchers": LATENCY, "ends": "2h", "comment": "known" });
    let answer = played.call("silence", arguments).unwrap();
    assert_eq!(
        answer,
        json!({
            "dry_run": true,
            "silences": [{
                "matchers": LATENCY, "starts_at": "2026-01-31T12:00:00Z", "ends_at": "2026-01-31T14:00:00Z", "ends_in": "2h",
                "created_by": "caller", "comment": "known", "outcome": "would be made",
            }],
            "alerts": {
                "total": 2, "by_state": { "active": 2 }, "by_severity": { "warning": 2 },
                "alerts": [
                    { "alertname": "HighLatency", "severity": "warning", "instance": "api-2", "state": "active",
                      "since": "2026-01-31T10:30:00Z", "for": "1h30m" },
                    { "alertname": "HighLatency", "severity": "warning", "instance": "api-1", "state": "active",
                      "since": "2026-01-31T11:30:00Z", "for": "30m" },
                ],
            },
            "overlaps": [],
            "next": "nothing is changed yet: if this is what is meant, call again with dry_run false",
        })
    );
    assert_eq!(
        played.sent(),
        [
            "GET alerts?filter=alertname%3D%22HighLatency%22&filter=cluster%3D%22prod%22",
            "GET silences?expired=false"
        ]
    );
    assert_eq!(played.at_once(), 2);
    assert_eq!(played.call("silences", json!({})).unwrap()["total"], 4);
}

#[test]
fn a_silence_that_is_made_takes_effect() {
    let played = Played::new();
    let arguments = json!({ "matchers": LATENCY, "starts": "-1m", "ends": "2026-01-31T13:00:00Z", "comment": "known",
                            "created_by": "eve", "dry_run": false });
    let answer = played.call("silence", arguments).unwrap();
    let made = &answer["silences"][0];
    assert_eq!([&made["outcome"], &made["created_by"], &made["ends_in"]], ["made", "eve", "1h"]);
    assert_eq!(answer.get("next"), None);
    let held = played.call("alerts", json!({ "matchers": LATENCY, "states": ["silenced"] })).unwrap();
    assert_eq!(held["alerts"][0]["silenced_by"], json!([made["id"]]));
}

#[test]
fn silences_that_overlap_are_named() {
    let played = Played::new();
    let over = |arguments: Value| played.call("silence", arguments).unwrap()["overlaps"].clone();
    let staging = over(
        json!({ "matchers": "cluster=\"staging\", severity=\"warning\"", "ends": "1h", "comment": "c" }),
    );
    assert_eq!(each(&staging, "id"), [BROAD]);
    assert_eq!([&staging[0]["same_matchers"], &staging[0]["silences_of_these"]], [&json!(false), &json!(2)]);
    let same = over(json!({ "matchers": "alertname=\"Typo\"", "ends": "1h", "comment": "c" }));
    assert_eq!(
        [&same[0]["id"], &same[0]["same_matchers"], &same[0]["silences_of_these"]],
        [&json!(IDLE), &json!(true), &json!(0)]
    );
}

#[test]
fn a_silence_is_extended_in_place() {
    let played = Played::new();
    let answer = played.call("silence", json!({ "id": ENDING, "ends": "4h", "dry_run": false })).unwrap();
    let silence = &answer["silences"][0];
    assert_eq!(
        [
            &silence["id"],
            &silence["outcome"],
            &silence["ends_at"],
            &silence["comment"],
            &silence["starts_at"]
        ],
        [ENDING, "changed", "2026-01-31T16:00:00Z", "failover in progress", "2026-01-31T11:30:00Z"]
    );
    assert_eq!(played.call("silences", json!({ "ends_before": "+1h" })).unwrap()["total"], 0);
}

#[test]
fn what_cannot_be_changed_in_place_is_made_anew_and_that_is_said() {
    let played = Played::new();
    let arguments = json!({ "id": ENDING, "matchers": "alertname=\"DatabaseDown\", instance=\"db-1\"", "dry_run": false });
    let silence = &played.call("silence", arguments).unwrap()["silences"][0];
    assert_ne!(silence["id"], ENDING);
    assert!(
        silence["outcome"].as_str().unwrap().starts_with("made anew: Alertmanager ended the old one"),
        "{silence}"
    );
    let expired = json!({ "id": EXPIRED, "ends": "1h", "dry_run": false });
    let silence = &played.call("silence", expired).unwrap()["silences"][0];
    assert_eq!([&silence["starts_at"], &silence["matchers"]], ["2026-01-31T12:00:00Z", "job=\"old\""]);
}

#[test]
fn a_pending_one_keeps_its_start() {
    let answer = Played::new().call("silence", json!({ "id": PENDING, "comment": "later" })).unwrap();
    let silence = &answer["silences"][0];
    assert_eq!(
        [&silence["starts_at"], &silence["ends_at"], &silence["outcome"]],
        ["2026-02-01T12:00:00Z", "2026-02-01T13:00:00Z", "would be changed"]
    );
    assert_eq!(
        answer["alerts"]["note"],
        "no alert there is now matches: right for one that is expected, else check the matchers"
    );
}

#[test]
fn what_is_missing_or_dangerous_is_refused_before_anything_is_sent() {
    let mock = mock();
    for (arguments, message) in [
        (
            json!({ "ends": "1h", "comment": "c" }),
            "arguments.matchers: is missing: say which alerts, such as `alertname=\"DiskFull\"`",
        ),
        (
            json!({ "matchers": "a=b", "ends": "1h" }),
            "arguments.comment: is missing: say why, for whoever wonders where the alert is",
        ),
        (json!({ "matchers": "a=b", "ends": "1h", "comment": " " }), "arguments.comment: is missing"),
        (
            json!({ "matchers": "a=b", "comment": "c" }),
            "arguments.ends: is missing: say how long, such as `2h`, or until when",
        ),
        (
            json!({ "matchers": "a=b", "comment": "c", "starts": "+2h", "ends": "1h" }),
            "arguments.ends: 2026-01-31T13:00:00Z is not after the start, 2026-01-31T14:00:00Z",
        ),
        (
            json!({ "matchers": "a=b", "comment": "c", "ends": "soon" }),
            "arguments.ends: `soon` is not a time",
        ),
        (
            json!({ "matchers": "alertname=~\".+\"", "comment": "c", "ends": "1h" }),
            "arguments.matchers: `alertname=~\".+\"` singles nothing out and would silence all the others too: name what is meant with `=`, or set `match_all` if everything is",
        ),
        (
            json!({ "matchers": "alertname!=\"Watchdog\"", "comment": "c", "ends": "1h" }),
            "arguments.matchers: `alertname!=\"Watchdog\"` singles nothing out",
        ),
        (json!({ "ends": "now" }), "arguments: to end silences, give either `id` or `matchers`"),
        (
            json!({ "ends": "now", "id": "x", "matchers": "a=b" }),
            "arguments: to end silences, give either `id` or `matchers`",
        ),
    ] {
        let told = why(call(&mock, "silence", arguments.clone()));
        assert!(told.starts_with(message), "{arguments}: {told}");
    }
    let sent = mock.requests();
    assert!(sent.iter().all(|sent| sent.url.ends_with("/alerts?active=false")), "{sent:?}");
}

#[test]
fn everything_is_silenced_only_on_purpose_and_as_far_as_alertmanager_allows() {
    let arguments = |matchers: &str| json!({ "matchers": matchers, "comment": "c", "ends": "1h", "match_all": true, "dry_run": false });
    let played = Played::new();
    assert_eq!(played.call("silence", arguments("alertname=~\".+\"")).unwrap()["alerts"]["total"], 10);
    assert_eq!(
        why(played.call("silence", arguments("alertname=~\".*\""))),
        "arguments.matchers: Alertmanager refuses it: silence invalid: at least one matcher must not match the empty string"
    );
}

#[test]
fn an_end_says_which_alerts_are_heard_again() {
    let played = Played::new();
    let answer = played.call("silence", json!({ "id": ENDING, "ends": "now" })).unwrap();
    assert_eq!([&answer["dry_run"], &answer["silences"][0]["outcome"]], [&json!(true), &json!("would end")]);
    assert_eq!(each(&answer["alerts"]["alerts"], "alertname"), ["DatabaseDown"], "the lag stays inhibited");
    assert_eq!(played.at_once(), 2);
    let answer = played.call("silence", json!({ "id": ENDING, "ends": "now", "dry_run": false })).unwrap();
    let ended = &answer["silences"][0];
    assert_eq!(
        [&ended["outcome"], &ended["state"], &ended["ends_at"]],
        ["ended", "expired", "2026-01-31T12:00:00Z"]
    );
    assert_eq!(played.sent()[2], format!("DELETE silence/{ENDING}"));
    let again = played.call("silence", json!({ "id": ENDING, "ends": "now", "dry_run": false })).unwrap();
    assert_eq!(
        [&again["silences"][0]["outcome"], &again["alerts"]["total"]],
        [&json!("had ended already"), &json!(0)]
    );
    assert_eq!(played.sent().len(), 2, "nothing is ended twice");
}

#[test]
fn every_silence_with_just_these_matchers_ends() {
    let played = Played::new();
    let twin =
        json!({ "matchers": "cluster=\"staging\"", "ends": "1h", "comment": "twin", "dry_run": false });
    played.call("silence", twin).unwrap();
    let answer = played
        .call("silence", json!({ "matchers": "{cluster=\"staging\"}", "ends": "now", "dry_run": false }))
        .unwrap();
    assert_eq!(each(&answer["silences"], "outcome"), ["ended", "ended"]);
    assert_eq!(answer["alerts"]["total"], 3);
    assert_eq!(
        why(played.call("silence", json!({ "matchers": "cluster=staging", "ends": "now" }))),
        "no active or pending silence has exactly the matchers `cluster=\"staging\"`: `silences` lists those there are"
    );
}

#[test]
fn an_unknown_silence_is_named() {
    let played = Played::new();
    for arguments in [json!({ "id": "nope", "ends": "1h" }), json!({ "id": "nope", "ends": "now" })] {
        assert_eq!(
            played.call("silence", arguments).unwrap_err(),
            Error::not_found(
                "there is no silence `nope`: expired ones are forgotten after a while; `silences` lists those there are"
            )
        );
    }
}

#[test]
fn one_of_two_that_cannot_be_ended_is_told_beside_the_other() {
    let silence = |id: &str| {
        json!({ "id": id, "matchers": [{ "name": "a", "value": "b", "isRegex": false }], "status": { "state": "active" },
                                     "startsAt": "2026-01-31T11:00:00Z", "endsAt": "2026-01-31T13:00:00Z", "createdBy": "x", "comment": "c" })
    };
    let mock = mock()
        .on(Method::Get, &at("silences?expired=false"), 200, json!([silence("1"), silence("2")]))
        .on(Method::Get, &at("alerts?active=false"), 200, json!([]))
        .on(Method::Delete, &at("silence/1"), 200, "")
        .on(Method::Delete, &at("silence/2"), 500, json!("silence 2 already expired"));
    let answer =
        call(&mock, "silence", json!({ "matchers": "a=b", "ends": "now", "dry_run": false })).unwrap();
    assert_eq!(
        each(&answer["silences"], "outcome"),
        ["ended", "not ended: the upstream answered 500: silence 2 already expired (a retry may help)"]
    );
}
