//! What Loki says is wrong, and the argument that is to blame.

use double_kit::trouble;

use super::*;

/// The error of a query that Loki refuses in these words.
fn told(status: u16, words: &str) -> Error {
    refused(Reply::text(status, words), "query", json!({ "query": "{app=\"x\"}" }))
}

#[test]
fn the_argument_to_mend_is_named() {
    for (words, argument) in [
        ("parse error at line 1, col 5: syntax error: unexpected IDENTIFIER", "query"),
        ("max entries limit per query exceeded, limit > max_entries_limit_per_query (6000 > 5000)", "limit"),
        ("the query time range exceeds the limit (query length: 999h0m0s, limit: 30d1h)", "start"),
        ("end timestamp must not be before or equal to start time", "start"),
        ("exceeded maximum resolution of 11,000 points per time series.", "step"),
        ("the query would read too many bytes (query: 1.2TB, limit: 100GB)", "query"),
    ] {
        assert_eq!(told(400, words), Error::invalid(argument, format!("{words} (Loki answered 400)")));
    }
}

#[test]
fn too_many_series_are_the_fault_of_what_makes_them() {
    let words = "maximum of series (500) reached for a single query";
    let reply = || Reply::text(400, words);
    let expected = |argument| Error::invalid(argument, format!("{words} (Loki answered 400)"));
    let query = json!({ "query": "sum by (pod) (rate({app=\"x\"}[5m]))" });
    assert_eq!(refused(reply(), "query", query), expected("query"));
    assert_eq!(
        refused(reply(), "labels", json!({ "match": ["{app=\"x\"}"], "streams": true })),
        expected("match")
    );
    assert_eq!(refused(reply(), "error_spikes", json!({ "by": ["pod"] })), expected("by"));
}

#[test]
fn the_played_loki_refuses_likewise() {
    let refusal = |arguments| call(&mock(shop()), "query", arguments).unwrap_err().to_string();
    assert_eq!(
        refusal(json!({ "query": "{app=\"x\"" })),
        "arguments.query: parse error at line 1, col 9: syntax error: unexpected $end (Loki answered 400)"
    );
    assert!(refusal(json!({ "query": "{app=~\".*\"}" })).contains("at least one regexp or equality matcher"));
    assert!(
        refusal(json!({ "query": "{app=\"x\"}", "start": "-60d" }))
            .starts_with("arguments.start: the query time")
    );
    assert!(
        refusal(json!({ "query": "rate({app=\"x\"}[1m])", "start": "-7d", "step": "1s" }))
            .starts_with("arguments.step: exceeded maximum resolution")
    );
}

#[test]
fn what_cannot_be_is_not_asked() {
    for (arguments, words) in [
        (
            json!({ "query": "{a=\"b\"}", "start": "now", "end": "-1h" }),
            "arguments.start: 2026-01-31T12:00:00Z is not before `end`, 2026-01-31T11:00:00Z",
        ),
        (
            json!({ "query": "{a=\"b\"}", "step": "1m" }),
            "arguments.step: is for numbers, and this query gives lines: leave it out",
        ),
        (
            json!({ "query": "1", "step": "1m" }),
            "arguments.step: needs `start`: without it the query is evaluated once, at `end`",
        ),
        (
            json!({ "query": "1", "direction": "forward" }),
            "arguments.direction: is for lines, and this query gives numbers: leave it out",
        ),
    ] {
        let mock = mock(shop());
        assert_eq!(call(&mock, "query", arguments).unwrap_err().to_string(), words);
        assert!(mock.requests().is_empty());
    }
    for (tool, arguments) in [
        ("stats", json!({ "query": "{a=\"b\"}", "by": ["a", "x-y"] })),
        ("error_spikes", json!({ "by": ["x-y"] })),
    ] {
        let error = call(&mock(shop()), tool, arguments).unwrap_err();
        assert_eq!(error, Error::invalid("by", "`x-y` is not the name of a label"));
    }
    let mock = mock(shop());
    let error = call(&mock, "stats", json!({ "query": "up" })).unwrap_err().to_string();
    assert_eq!(error, "arguments.query: has no stream selector: begin with one, such as `{app=\"x\"}`");
}

#[test]
fn every_trouble_is_told_in_its_own_words() {
    let own = [
        (
            "truncated",
            "the upstream's answer is not what was expected at `data.?`: EOF while parsing a string at line 1 column 34; it begins with: {\"status\":\"success\",\"data\":{\"resul",
        ),
        (
            "huge",
            "the response to GET http://up:1234/prefix/loki/api/v1/query_range is larger than 8388608 bytes; ask for less",
        ),
    ];
    trouble::is_told::<Loki>(&config(), "query", &json!({ "query": "{app=\"x\"}" }), &own);
}

#[test]
fn what_is_not_loki_is_said_to_be_something_else() {
    let redirect = Reply::empty(302).with("location", "/login");
    let error = refused(redirect, "labels", json!({}));
    assert_eq!(
        error,
        Error::upstream(302, "a redirect, which does not look like Loki: check the service's `url`")
    );
    let other = Reply::json(200, &json!({ "status": "error" }));
    assert_eq!(
        refused(other, "labels", json!({})),
        Error::failed("Loki answered with the status `error` and no reason")
    );
    let slow = refused(Reply::text(504, "context deadline exceeded"), "labels", json!({})).to_string();
    assert_eq!(
        slow,
        "ask for less, by a narrower selector or a shorter window: the upstream is unavailable (504): context deadline exceeded"
    );
}
