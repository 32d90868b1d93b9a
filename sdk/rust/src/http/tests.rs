//! What the client promises, against the scripted host.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Base, Http, Method, Response};
use crate::clock::block_on;
use crate::testing::{self, Mock};
use crate::{Error, join_all};

/// Runs with this host.
fn with<T>(mock: &Mock, future: impl Future<Output = T>) -> T {
    let _host = mock.install();
    block_on(future)
}

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, headers, body: body.as_bytes().to_vec(), truncated: false }
}

#[test]
fn a_base_keeps_its_path_and_encodes_what_comes_from_arguments() {
    let mock = Mock::new().on(
        Method::Get,
        "https://h/prom/api/v1/label/a%2Fb/values?match[]=up&match[]=x y",
        200,
        "ok",
    );
    let base = Base::new("https://H/prom/").unwrap();
    let request = base
        .get("/api/v1/label")
        .segment("a/b")
        .segment("values")
        .query("match[]", "up")
        .query_opt("none", None::<&str>)
        .query_opt("match[]", Some("x y"));
    assert_eq!(with(&mock, request.text()).unwrap(), "ok");
    assert_eq!(
        mock.requests()[0].url,
        "https://h/prom/api/v1/label/a%2Fb/values?match%5B%5D=up&match%5B%5D=x%20y"
    );
    assert_eq!(base.to_string(), "https://h/prom");
}

#[test]
fn a_wish_to_reuse_is_a_header_in_whole_seconds() {
    let mock = Mock::new().on(Method::Get, "https://h/apis", 200, "ok");
    let request = Base::new("https://h").unwrap().get("/apis").reuse(Duration::from_millis(90_500));
    assert_eq!(with(&mock, request.text()).unwrap(), "ok");
    assert_eq!(mock.requests()[0].header("bulkhead-reuse"), Some("90"));
}

#[test]
fn a_segment_cannot_climb() {
    let base = Base::new("https://h").unwrap();
    for segment in ["..", ".", "", "a/../b", "..\\a", "a/.", "..;x", "a\0b"] {
        assert!(with(&Mock::new(), base.get("/a").segment(segment).send()).is_err(), "{segment}");
    }
    for (segment, path) in [("a/b", "a%2Fb"), ("..a", "..a"), ("a;..", "a%3B.."), ("a...b", "a...b")] {
        let mock = Mock::new().on(Method::Get, &format!("/a/{path}"), 200, "ok");
        assert_eq!(with(&mock, base.get("/a").segment(segment).text()).unwrap(), "ok");
    }
}

#[test]
fn a_base_with_a_query_or_credentials_is_refused() {
    for url in ["h", "https://h/?a=1", "https://u:p@h/", "file:///etc"] {
        assert!(Base::new(url).is_err(), "{url}");
    }
}

#[test]
fn bodies_and_headers_are_sent() {
    let mock =
        Mock::new().on(Method::Post, "/form", 200, json!([1])).on(Method::Put, "/json", 200, json!([2]));
    let form: Value = with(&mock, Http::post("http://h/form").form(&[("a", "b c")]).json()).unwrap();
    let put = Http::put("http://h/json").json_body(&json!({"x": 1})).header("X-Y", "z");
    let json: Value = with(&mock, put.json()).unwrap();
    assert_eq!((form, json), (json!([1]), json!([2])));
    let sent = mock.requests();
    assert_eq!(sent[0].body, b"a=b%20c");
    assert_eq!(sent[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(sent[0].header("accept"), Some("application/json"));
    assert_eq!((sent[1].json(), sent[1].header("x-y")), (json!({"x": 1}), Some("z")));
}

#[test]
fn a_status_becomes_the_error_it_stands_for() {
    let denied_401 = "the upstream wants a credential or refused the one it got (401); the operator sets it for this service: who?";
    let denied_403 = "the upstream forbids this (403); the permissions of the service's credential are the operator's to mend";
    let wait = Some(Duration::from_secs(7));
    for (response, expected) in [
        (
            response(404, &[], r#"{"error":"no pod"}"#),
            Error::not_found("the upstream has no such thing (404): no pod"),
        ),
        (response(410, &[], ""), Error::not_found("the upstream has no such thing (410)")),
        (response(401, &[], "who?"), Error::denied(denied_401)),
        (response(403, &[], ""), Error::denied(denied_403)),
        (
            response(429, &[("retry-after", "7")], ""),
            Error::rate_limited("the upstream limits the rate of requests (429)", wait),
        ),
        (
            response(503, &[("retry-after", "soon")], "<h1>no</h1>"),
            Error::unavailable("the upstream is unavailable (503): <h1>no</h1>", None),
        ),
        (
            response(400, &[], r#"{"error":{"message":"bad x"}}"#),
            Error::upstream(400, "bad x (the same request would fail again)"),
        ),
        (
            response(422, &[], r#"{"errors":[{"detail":"e1"},"e2"]}"#),
            Error::upstream(422, "e1 (the same request would fail again)"),
        ),
        (
            response(409, &[], "taken"),
            Error::upstream(
                409,
                "taken (what is there has changed, or is there already: read it again first)",
            ),
        ),
        (response(500, &[], ""), Error::upstream(500, "no message (a retry may help)")),
        (
            response(500, &[], &"x".repeat(400)),
            Error::upstream(500, format!("{}… (a retry may help)", "x".repeat(300))),
        ),
    ] {
        assert_eq!(response.ok().unwrap_err(), expected);
    }
    assert_eq!(response(302, &[], "").ok().unwrap().status, 302);
}

#[test]
fn json_that_is_not_what_was_expected_says_where() {
    #[derive(Debug, Deserialize)]
    struct Reply {
        #[expect(dead_code, reason = "only read by serde")]
        data: Vec<u8>,
    }
    let error = response(200, &[], r#"{"data":[1,"x"]}"#).json::<Reply>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the upstream's answer is not what was expected at `data[1]`: invalid type: string \"x\", expected u8 \
         at line 1 column 14; it begins with: {\"data\":[1,\"x\"]}"
    );
}

#[test]
fn a_refusal_of_the_host_is_told_as_one() {
    let mock = Mock::new().deny(Method::Get, "https://h/a").unreachable(
        Method::Get,
        "https://h/b",
        "connection refused",
    );
    assert_eq!(
        with(&mock, Http::get("https://h/a?token=1").send()).unwrap_err(),
        // The script names no query, so this request is not scripted: it is told apart from a refusal.
        Error::failed(
            "GET https://h/a failed: the test scripts no answer to GET https://h/a?token=1; \
             it scripts: GET https://h/a, GET https://h/b"
        )
    );
    assert_eq!(
        with(&mock, Http::get("https://h/a").send()).unwrap_err(),
        Error::denied("GET https://h/a is not allowed by this service's egress rules")
    );
    assert_eq!(
        with(&mock, Http::get("https://h/b").send()).unwrap_err(),
        Error::unavailable("h does not answer: connection refused", None)
    );
}

#[test]
fn a_slow_upstream_is_reported_before_the_deadline() {
    let mock = Mock::new().hang(Method::Get, "/");
    let error = with(&mock, async {
        testing::context().enter();
        Http::get("http://h/").timeout(Duration::from_secs(600)).send().await.unwrap_err()
    });
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert_eq!(mock.slept(), Duration::from_millis(29_750));
}

#[test]
fn a_response_over_the_limit_fails_or_is_cut() {
    let mock = Mock::new().on(Method::Get, "/", 200, "0123456789");
    let error = with(&mock, Http::get("http://h/").limit(9).send()).unwrap_err();
    assert_eq!(error.message(), "the response to GET http://h/ is larger than 9 bytes; ask for less");
    let cut = with(&mock, Http::get("http://h/").read_at_most(4).send()).unwrap();
    assert_eq!((cut.text().as_str(), cut.truncated), ("0123", true));
    let whole = with(&mock, Http::get("http://h/").read_at_most(10).send()).unwrap();
    assert!(!whole.truncated);
}

#[test]
fn requests_sent_together_are_in_flight_together() {
    let mock = Mock::new().on(Method::Get, "/", 200, "a").on(Method::Get, "/", 200, "b").on(
        Method::Get,
        "/",
        200,
        "c",
    );
    let texts = with(&mock, join_all((0..3).map(|_| Http::get("http://h/").text())));
    assert_eq!(texts.into_iter().map(Result::unwrap).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(mock.in_flight_at_most(), 3);
}
