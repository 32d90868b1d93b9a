//! What Jaeger says is wrong, in either dialect, and the argument that is to blame.

use double_kit::trouble;

use super::*;

#[test]
fn the_argument_to_mend_is_named() {
    let v1 =
        |words: &str| Reply::json(400, &json!({ "data": null, "errors": [{ "code": 400, "msg": words }] }));
    let v3 = |words: &str| Reply::json(400, &json!({ "error": { "httpCode": 400, "message": words } }));
    for (published, words, argument) in [
        (false, "unable to parse param 'minDuration': time: invalid duration \"x\"", "min_duration"),
        (false, "'maxDuration' should be greater than 'minDuration'", "max_duration"),
        (false, "malformed 'tags' parameter, cannot unmarshal JSON", "attributes"),
        (false, "unable to parse param 'start': strconv.ParseInt", "start"),
        (false, "unable to parse param 'limit': strconv.ParseInt", "limit"),
        (false, "parameter 'service' is required", "service"),
        (true, "malformed parameter query.durationMax: time: invalid duration", "max_duration"),
        (true, "malformed parameter query.startTimeMin: cannot parse", "start"),
        (true, "malformed parameter query.attributes: cannot unmarshal", "attributes"),
    ] {
        let reply = if published { v3(words) } else { v1(words) };
        let error = refused(published, reply, "find_traces", json!({ "service": "a" }));
        assert_eq!(error, Error::invalid(argument, format!("{words} (Jaeger answered 400)")));
    }
}

#[test]
fn a_trace_that_is_not_there_is_not_found() {
    let gone = "it is older than what is kept, was not sampled, or is not written yet";
    let not_found = |published| {
        testing::call::<Jaeger>(
            config(published),
            &mock(shop(published)),
            "trace",
            json!({ "trace_id": "ffff" }),
        )
        .unwrap_err()
    };
    let words =
        |said: &str| Error::not_found(format!("the upstream has no such thing (404): {said}: {gone}"));
    assert_eq!((not_found(false), not_found(true)), (words("trace not found"), words("No traces found")));
    let empty = Reply::json(200, &json!({ "data": [], "errors": null }));
    let error = refused(false, empty, "trace", json!({ "trace_id": "FFFF" }));
    assert_eq!(error, Error::not_found(format!("Jaeger has no trace ffff: {gone}")));
}

#[test]
fn what_is_no_trace_id_is_not_asked() {
    for id in ["", "xyz", "../services", &"1".repeat(33)] {
        let mock = mock(shop(false));
        let error = call(&mock, "trace", json!({ "trace_id": id })).unwrap_err();
        assert_eq!(
            error,
            Error::invalid(
                "trace_id",
                format!("`{id}` is not a trace id: expected up to 32 hexadecimal digits")
            )
        );
        assert!(mock.requests().is_empty());
    }
}

#[test]
fn what_is_not_jaegers_api_is_said_to_be_something_else() {
    let page = || Reply::new(200, "text/html", "<!doctype html><title>Jaeger UI</title>");
    let expected = |what: &str, status| {
        Error::upstream(
            status,
            format!("{what}, which is not Jaeger's API: check the service's `url` and `api`"),
        )
    };
    assert_eq!(refused(false, page(), "services", json!({})), expected("a page, no JSON", 200));
    assert_eq!(refused(true, page(), "services", json!({})), expected("a page, no JSON", 200));
    assert_eq!(
        refused(true, page(), "trace", json!({ "trace_id": "1" })),
        expected("no OTLP (expected value at line 1 column 1)", 200)
    );
    assert_eq!(
        refused(true, Reply::empty(200), "trace", json!({ "trace_id": "1" })),
        expected("nothing", 200)
    );
    let list = Reply::json(200, &json!([1]));
    assert_eq!(
        refused(true, list, "trace", json!({ "trace_id": "1" })),
        expected("no OTLP (invalid type: integer `1`, expected struct Traces at line 1 column 2)", 200)
    );
    let login = Reply::empty(302).with("location", "/login");
    assert_eq!(refused(false, login, "services", json!({})), expected("a redirect", 302));
    let missing = refused(true, Reply::text(404, "404 page not found"), "services", json!({})).to_string();
    assert_eq!(
        missing,
        "this path is not there; check the service's `url` and `api`: the upstream has no such thing (404): 404 page not found"
    );
}

#[test]
fn errors_beside_no_data_are_told() {
    let reply =
        Reply::json(200, &json!({ "data": null, "errors": [{ "code": 500, "msg": "storage is closed" }] }));
    assert_eq!(refused(false, reply, "services", json!({})), Error::failed("Jaeger says: storage is closed"));
}

#[test]
fn every_trouble_is_told_in_its_own_words() {
    let own = [
        (
            "garbage",
            "the upstream answered 200: a page, no JSON, which is not Jaeger's API: check the service's `url` and `api`",
        ),
        (
            "truncated",
            "the upstream's answer is not what was expected at `data`: invalid type: map, expected a sequence at line 1 column 27; it begins with: {\"status\":\"success\",\"data\":{\"resul",
        ),
        (
            "huge",
            "the response to GET http://up:1234/prefix/api/traces is larger than 8388608 bytes; ask for less: lower `limit`, or search for less",
        ),
    ];
    trouble::is_told::<Jaeger>(&config(false), "find_traces", &json!({ "service": "a" }), &own);
}
