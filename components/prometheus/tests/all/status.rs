//! `status`: each part, together, and where one is missing.

use super::*;

fn number(value: &str) -> Value {
    success(&json!({ "resultType": "vector", "result": [{ "metric": {}, "value": [0, value] }] }))
}

fn tsdb() -> Value {
    let rows = json!([{ "name": "a", "value": 3 }, { "name": "b", "value": 2 }, { "name": "c", "value": 1 }]);
    json!({
        "headStats": { "numSeries": 931, "numLabelPairs": 692, "chunkCount": 932, "minTime": 1_769_857_200_000_i64, "maxTime": 1_769_860_800_500_i64 },
        "seriesCountByMetricName": rows, "labelValueCountByLabelName": rows, "memoryInBytesByLabelName": rows,
        "seriesCountByLabelValuePair": rows,
    })
}

fn runtime() -> Value {
    json!({ "storageRetention": "15d", "corruptionCount": 0, "startTime": "2026-01-31T00:00:00Z", "CWD": "/x" })
}

fn server() -> Mock {
    let answers = [
        ("status/buildinfo", success(&json!({ "version": "2.42.0", "goVersion": "go1.19.8" }))),
        ("status/runtimeinfo", success(&runtime())),
        ("status/flags", success(&json!({ "web.enable-admin-api": "true", "log.level": "info" }))),
        ("status/config", success(&json!({ "yaml": "global:\n  é: 1\n" }))),
        ("status/tsdb?limit=10", success(&tsdb())),
        ("status/walreplay", success(&json!({ "min": 0, "max": 9, "current": 3, "state": "in progress" }))),
        ("query?query=count(up)", number("3")),
        ("query?query=sum(up)", number("2")),
    ];
    answers.into_iter().fold(mock(), |mock, (rest, body)| mock.on(Method::Get, &at(rest), 200, body))
}

#[test]
fn it_is_build_runtime_and_connection_unless_more_is_asked_for() {
    let mock = server();
    assert_eq!(
        call(&mock, "status", json!({})).unwrap(),
        json!({
            "build": { "version": "2.42.0", "goVersion": "go1.19.8" }, "runtime": runtime(),
            "connection": { "connected": true, "targets": { "total": 3, "up": 2 } },
        })
    );
    assert_eq!([mock.requests().len(), mock.in_flight_at_most()], [4, 4]);
}

#[test]
fn every_part_is_asked_for_once_and_at_once() {
    let mock = server();
    let every =
        json!(["wal", "cardinality", "tsdb", "config", "flags", "connection", "runtime", "build", "flags"]);
    let answer = call(&mock, "status", json!({ "include": every })).unwrap();
    assert_eq!([mock.requests().len(), mock.in_flight_at_most()], [8, 8]);
    assert_eq!(answer["flags"], json!({ "web.enable-admin-api": "true", "log.level": "info" }));
    assert_eq!(answer["config"], json!({ "yaml": "global:\n  é: 1\n" }));
    assert_eq!(
        answer["tsdb"],
        json!({
            "series": 931, "label_pairs": 692, "chunks": 932, "oldest_sample": "2026-01-31T11:00:00Z",
            "newest_sample": "2026-01-31T12:00:00.500Z", "retention": "15d", "corruptions": 0,
            "started_at": "2026-01-31T00:00:00Z",
        })
    );
    assert_eq!(
        answer["wal"],
        json!({ "segments": { "min": 0, "max": 9, "current": 3 }, "percent": 33, "done": false, "state": "in progress" })
    );
    assert_eq!(answer["cardinality"]["values_by_label"], tsdb()["labelValueCountByLabelName"]);
}

#[test]
fn a_long_configuration_is_cut_and_that_is_said() {
    let config = json!({ "yaml": "é".repeat(20_004) });
    let answer = answer("status/config", &config, "status", json!({ "include": ["config"] }));
    assert_eq!(answer["config"]["left_out_characters"], 4);
    assert_eq!(answer["config"]["yaml"].as_str().unwrap().chars().count(), 20_000);
}

#[test]
fn a_server_without_targets_or_version_is_still_connected() {
    let nothing = success(&json!({ "resultType": "vector", "result": [] }));
    let mock = mock()
        .on(Method::Get, &at("status/buildinfo"), 404, "404 page not found")
        .on(Method::Get, &at("query?query=count(up)"), 200, nothing.clone())
        .on(Method::Get, &at("query?query=sum(up)"), 200, nothing);
    let answer = call(&mock, "status", json!({ "include": ["build", "connection"] })).unwrap();
    assert_eq!(answer["connection"], json!({ "connected": true, "targets": { "total": 0, "up": 0 } }));
    assert!(answer["missing"]["build"].as_str().unwrap().contains("status/buildinfo is not there"));
}

#[test]
fn a_part_that_fails_is_named_and_all_failing_is_an_error() {
    let partly = mock()
        .on(Method::Get, &at("status/buildinfo"), 200, success(&json!({ "version": "2.42.0" })))
        .on(Method::Get, &at("status/flags"), 403, "Forbidden");
    let answer = call(&partly, "status", json!({ "include": ["build", "flags"] })).unwrap();
    assert_eq!(answer["build"], json!({ "version": "2.42.0" }));
    assert!(answer["missing"]["flags"].as_str().unwrap().contains("Forbidden"));

    let wholly = mock().on(Method::Get, &at("status/flags"), 403, "Forbidden");
    assert!(matches!(call(&wholly, "status", json!({ "include": ["flags"] })), Err(Error::Denied(_))));
    let error = call(&mock(), "status", json!({ "include": [] })).unwrap_err();
    assert_eq!(error, Error::invalid("include", "is empty: name at least one part, such as build"));
}

#[test]
fn an_empty_head_has_no_times_and_a_missing_runtime_does_not_matter() {
    let empty =
        json!({ "headStats": { "numSeries": 0, "chunkCount": 0, "minTime": i64::MAX, "maxTime": i64::MIN } });
    let mock = mock().on(Method::Get, &at("status/tsdb?limit=10"), 200, success(&empty)).on(
        Method::Get,
        &at("status/runtimeinfo"),
        404,
        "404 page not found",
    );
    let answer = call(&mock, "status", json!({ "include": ["tsdb"] })).unwrap();
    assert_eq!(answer, json!({ "tsdb": { "series": 0, "chunks": 0 } }));
}

#[test]
fn the_tables_are_cut_even_if_the_server_ignores_the_limit() {
    let rows = json!([{ "name": "a", "value": 3 }, { "name": "b", "value": 2 }]);
    let arguments = json!({ "include": ["cardinality"], "limit": 2 });
    assert_eq!(
        answer("status/tsdb?limit=2", &tsdb(), "status", arguments),
        json!({ "cardinality": {
            "series_by_metric": rows, "values_by_label": rows, "memory_bytes_by_label": rows, "series_by_label_pair": rows,
        } })
    );
}

#[test]
fn the_replay_has_a_percentage() {
    for (data, percent, done) in [
        (json!({ "min": 0, "max": 0, "current": 0 }), 100, true),
        (json!({ "min": 2, "max": 5, "current": 4 }), 67, false),
        (json!({ "min": 2, "max": 5, "current": 5 }), 100, true),
        (json!({ "min": 2, "max": 5, "current": 0 }), 0, false),
    ] {
        let answer = answer("status/walreplay", &data, "status", json!({ "include": ["wal"] }));
        assert_eq!(answer, json!({ "wal": { "segments": data, "percent": percent, "done": done } }));
    }
}
