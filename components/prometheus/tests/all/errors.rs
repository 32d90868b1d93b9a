//! What goes wrong, in Prometheus's words and as the kind of error that says who can mend it.

use double_kit::trouble;

use super::*;

/// The error of `query` when Prometheus answers with this.
fn error(status: u16, kind: &str, words: &str) -> Error {
    let reply = json!({ "status": "error", "errorType": kind, "error": words });
    let mock = mock().on(Method::Get, &at("query?query=up"), status, reply);
    call(&mock, "query", json!({ "query": "up" })).unwrap_err()
}

/// The error of `query` when something else answers with this.
fn foreign(status: u16, text: &str) -> Error {
    let mock = mock().on(Method::Get, &at("query?query=up"), status, text);
    call(&mock, "query", json!({ "query": "up" })).unwrap_err()
}

#[test]
fn a_bad_query_names_the_argument() {
    let words = "invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces";
    assert_eq!(error(400, "bad_data", words), Error::invalid("query", format!("bad_data: {words}")));
    let words = "1:4: parse error: unexpected end of input";
    assert_eq!(error(400, "bad_data", words), Error::invalid("query", format!("bad_data: {words}")));
}

#[test]
fn the_argument_is_the_one_that_prometheus_names() {
    for (parameter, argument) in
        [("time", "time"), ("timeout", "timeout"), ("match[]", "match"), ("limit", "limit")]
    {
        let words = format!("invalid parameter \"{parameter}\": no");
        assert_eq!(error(400, "bad_data", &words), Error::invalid(argument, format!("bad_data: {words}")));
    }
    let words = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
    assert_eq!(error(400, "bad_data", words), Error::invalid("step", format!("bad_data: {words}")));
}

#[test]
fn each_kind_of_error_keeps_its_meaning() {
    for (status, kind, expected) in [
        (422, "execution", Error::upstream(422, "execution: why")),
        (500, "internal", Error::upstream(500, "internal: why")),
        (503, "timeout", Error::unavailable("timeout: why", None)),
        (503, "canceled", Error::unavailable("canceled: why", None)),
        (503, "unavailable", Error::unavailable("unavailable: why", None)),
        (404, "not_found", Error::not_found("not_found: why")),
        (406, "not_acceptable", Error::upstream(406, "not_acceptable: why")),
        (200, "execution", Error::upstream(200, "execution: why")),
    ] {
        assert_eq!(error(status, kind, "why"), expected);
    }
}

#[test]
fn what_is_not_prometheus_is_said_to_be_something_else() {
    assert_eq!(
        foreign(200, "<html>Sign in</html>"),
        Error::upstream(
            200,
            "/prom/api/v1/query did not answer with Prometheus's JSON, which does not look like Prometheus: check the \
             service's `url`"
        )
    );
    assert_eq!(
        foreign(302, ""),
        Error::upstream(
            302,
            "/prom/api/v1/query answered with a redirect, which does not look like Prometheus: check the service's `url`"
        )
    );
    assert_eq!(
        foreign(404, "404 page not found\n"),
        Error::not_found(
            "/prom/api/v1/query is not there (404, and not in Prometheus's form): this server is too old for it, is not a \
             Prometheus, or the service's `url` lacks a path prefix"
        )
    );
    assert!(
        matches!(foreign(500, "{\"message\":\"boom\"}"), Error::Upstream { status: 500, message } if message.contains("does not look like"))
    );
}

#[test]
fn proxies_are_understood() {
    assert!(matches!(foreign(401, "Unauthorized"), Error::Denied(words) if words.contains("Unauthorized")));
    assert!(matches!(foreign(403, "Forbidden"), Error::Denied(_)));
    assert!(matches!(foreign(429, "slow down"), Error::RateLimited { .. }));
    // So does Prometheus itself while it replays its log.
    assert!(
        matches!(foreign(503, "Service Unavailable"), Error::Unavailable { message, .. } if message.contains("Service Unavailable"))
    );
}

#[test]
fn an_answer_of_another_form_is_told_with_its_path() {
    let strange = json!({ "status": "success", "data": { "resultType": "streams", "result": [] } });
    let mock = mock().on(Method::Get, &at("query?query=up"), 200, strange);
    let error = call(&mock, "query", json!({ "query": "up" })).unwrap_err();
    assert!(
        error.message().starts_with(
            "Prometheus's answer to /prom/api/v1/query has an unknown form: unknown variant `streams`"
        ),
        "{error}"
    );

    let mock = super::mock().on(Method::Get, &at("query?query=up"), 200, json!({ "status": "success" }));
    let error = call(&mock, "query", json!({ "query": "up" })).unwrap_err();
    assert_eq!(error, Error::failed("Prometheus's answer to /prom/api/v1/query has no data"));
}

#[test]
fn the_host_and_the_network_are_named() {
    let denied = mock().deny(Method::Get, &at("query?query=up"));
    assert_eq!(
        call(&denied, "query", json!({ "query": "up" })).unwrap_err(),
        Error::denied(
            "GET http://prometheus:9090/prom/api/v1/query is not allowed by this service's egress rules"
        )
    );
    let down = mock().unreachable(Method::Get, &at("query?query=up"), "connection refused");
    assert_eq!(
        call(&down, "query", json!({ "query": "up" })).unwrap_err(),
        Error::unavailable("prometheus:9090 does not answer: connection refused", None)
    );
}

#[test]
fn arguments_are_refused_by_name() {
    let refused = |tool: &str, arguments: Value| call(&mock(), tool, arguments).unwrap_err().to_string();
    assert_eq!(refused("query", json!({})), "arguments: missing field `query`");
    assert_eq!(
        refused("query", json!({ "query": "up", "tiem": 1 })),
        "arguments: unknown key `tiem`; did you mean `time`?"
    );
    assert_eq!(
        refused("query", json!({ "query": "up", "time": "yesterday" })),
        "arguments.time: `yesterday` is not a time: expected RFC 3339 (`2026-01-31T12:00:00Z`), unix seconds, or relative \
         (`now`, `-1h`, `now-15m`)"
    );
    assert_eq!(
        refused("query_range", json!({ "query": "up", "step": "fast" })),
        "arguments.step: `fast` is not a duration: expected a duration (`15s`, `1h30m`) or a number of seconds"
    );
    assert_eq!(
        refused("query", json!({ "query": "up", "time": 1_700_000_000_000_u64 })),
        "arguments.time: 1700000000000 is out of range for unix seconds (milliseconds? divide by 1000)"
    );
}

#[test]
fn every_trouble_is_told_with_what_to_do() {
    let strange = |status: u16| {
        format!(
            "the upstream answered {status}: /prom/api/v1/targets did not answer with Prometheus's JSON, which does not look like \
             Prometheus: check the service's `url`"
        )
    };
    let (conflict, broken, other) = (strange(409), strange(500), strange(200));
    let own = [
        (
            "404",
            "/prom/api/v1/targets is not there (404, and not in Prometheus's form): this server is too old for it, is not a Prometheus, or the service's `url` lacks a path prefix",
        ),
        ("409", &*conflict),
        ("500", &*broken),
        ("garbage", &*other),
        ("truncated", &*other),
        (
            "huge",
            "the response to GET http://prometheus:9090/prom/api/v1/targets is larger than 8388608 bytes; ask for less",
        ),
        ("empty", &*other),
    ];
    trouble::is_told::<Prometheus>(&config(), "targets", &json!({}), &own);
}
