//! `test_connection`, `get_server_info` and `get_runtime_info`.

use super::*;

fn number(value: &str) -> Value {
    success(&json!({ "resultType": "vector", "result": [{ "metric": {}, "value": [0, value] }] }))
}

fn server() -> Mock {
    mock()
        .on(
            Method::Get,
            &at("status/buildinfo"),
            200,
            success(&json!({ "version": "2.42.0", "goVersion": "go1.19.8" })),
        )
        .on(
            Method::Get,
            &at("status/runtimeinfo"),
            200,
            success(&json!({ "storageRetention": "15d", "goroutineCount": 33 })),
        )
        .on(
            Method::Get,
            &at("status/flags"),
            200,
            success(&json!({ "web.enable-admin-api": "true", "log.level": "info" })),
        )
        .on(Method::Get, &at("status/config"), 200, success(&json!({ "yaml": "global:\n  é: 1\n" })))
}

#[test]
fn a_connection_is_a_version_and_a_query() {
    let mock = server().on(Method::Get, &at("query?query=count(up)"), 200, number("3")).on(
        Method::Get,
        &at("query?query=sum(up)"),
        200,
        number("2"),
    );
    assert_eq!(
        call(&mock, "test_connection", json!({})).unwrap(),
        json!({ "connected": true, "version": "2.42.0", "targets": { "total": 3, "up": 2 } })
    );
    assert_eq!(mock.in_flight_at_most(), 3);
}

#[test]
fn a_server_without_targets_or_version_is_still_connected() {
    let nothing = success(&json!({ "resultType": "vector", "result": [] }));
    let mock = mock()
        .on(Method::Get, &at("status/buildinfo"), 404, "404 page not found")
        .on(Method::Get, &at("query?query=count(up)"), 200, nothing.clone())
        .on(Method::Get, &at("query?query=sum(up)"), 200, nothing);
    let answer = call(&mock, "test_connection", json!({})).unwrap();
    assert_eq!([&answer["connected"], &answer["targets"]], [&json!(true), &json!({ "total": 0, "up": 0 })]);
    assert!(answer["version_unknown"].as_str().unwrap().contains("status/buildinfo is not there"));
}

#[test]
fn a_connection_that_fails_is_an_error() {
    let mock = mock()
        .unreachable(Method::Get, &at("status/buildinfo"), "connection refused")
        .unreachable(Method::Get, &at("query?query=count(up)"), "connection refused")
        .unreachable(Method::Get, &at("query?query=sum(up)"), "connection refused");
    assert_eq!(
        call(&mock, "test_connection", json!({})).unwrap_err(),
        Error::unavailable("prometheus:9090 does not answer: connection refused", None)
    );
}

#[test]
fn server_information_is_build_and_runtime_unless_more_is_asked_for() {
    let mock = server();
    let usual = json!({
        "build": { "version": "2.42.0", "goVersion": "go1.19.8" },
        "runtime": { "storageRetention": "15d", "goroutineCount": 33 },
    });
    assert_eq!(call(&mock, "get_server_info", json!({})).unwrap(), usual);
    assert_eq!(mock.in_flight_at_most(), 2);
    assert_eq!(call(&server(), "get_runtime_info", json!({})).unwrap(), usual);
}

#[test]
fn every_part_is_asked_for_at_once() {
    let mock = server();
    let include = json!(["config", "flags", "runtime", "build", "flags"]);
    let answer =
        call(&mock, "get_server_info", json!({ "include": include, "flag": "admin", "config_length": 11 }))
            .unwrap();
    assert_eq!(mock.requests().len(), 4);
    assert_eq!(mock.in_flight_at_most(), 4);
    assert_eq!(answer["flags"], json!({ "web.enable-admin-api": "true" }));
    assert_eq!(answer["config"], json!({ "yaml": "global:\n  é", "left_out_characters": 4 }));
    let answer = call(&server(), "get_server_info", json!({ "include": ["config"] })).unwrap();
    assert_eq!(answer, json!({ "config": { "yaml": "global:\n  é: 1\n" } }));
}

#[test]
fn a_part_that_fails_is_named_and_all_failing_is_an_error() {
    let partly = mock()
        .on(Method::Get, &at("status/buildinfo"), 200, success(&json!({ "version": "2.42.0" })))
        .on(Method::Get, &at("status/flags"), 403, "Forbidden");
    let answer = call(&partly, "get_server_info", json!({ "include": ["build", "flags"] })).unwrap();
    assert_eq!(answer["build"], json!({ "version": "2.42.0" }));
    assert!(answer["missing"]["flags"].as_str().unwrap().contains("Forbidden"));

    let wholly = mock().on(Method::Get, &at("status/buildinfo"), 403, "Forbidden").on(
        Method::Get,
        &at("status/runtimeinfo"),
        403,
        "Forbidden",
    );
    assert!(matches!(call(&wholly, "get_runtime_info", json!({})), Err(Error::Denied(_))));

    let error = call(&mock(), "get_server_info", json!({ "include": [] })).unwrap_err();
    assert_eq!(error, Error::invalid("include", "is empty: name build, runtime, flags or config"));
}
