//! An upstream that fails in each way one can, and what becomes of a call then.

use std::time::Duration;

use bulkhead_sdk::Service;
use bulkhead_sdk::testing::{self, Mock};
use serde_json::Value;

use crate::walk::Example;
use crate::wire::Reply;

/// Larger than what the SDK reads by default.
const HUGE: usize = 9 << 20;

/// Each trouble by name: what the upstream answers to anything, or nothing at all (`slow`).
pub fn troubles() -> Vec<(&'static str, Option<Reply>)> {
    let said = |status, message: &str| Reply::json(status, &serde_json::json!({ "message": message }));
    vec![
        ("401", Some(said(401, "who are you?"))),
        ("403", Some(said(403, "not you"))),
        ("404", Some(said(404, "no such thing"))),
        ("409", Some(said(409, "it has changed"))),
        ("429", Some(said(429, "not so fast").with("retry-after", "7"))),
        ("500", Some(said(500, "out of order"))),
        ("503", Some(Reply::text(503, "closed"))),
        ("garbage", Some(Reply::new(200, "text/html", "<html>Welcome</html>"))),
        ("truncated", Some(Reply::new(200, "application/json", "{\"status\":\"success\",\"data\":{\"resul"))),
        ("huge", Some(Reply::new(200, "application/json", format!("{{\"data\":\"{}\"}}", "x".repeat(HUGE))))),
        ("empty", Some(Reply::empty(200))),
        ("slow", None),
    ]
}

/// What a call says in each trouble, if it fails.
pub fn told<S: Service>(
    config: &Value,
    tool: &str,
    arguments: &Value,
) -> Vec<(&'static str, Result<(), String>)> {
    let told = |(name, reply): (&'static str, Option<Reply>)| {
        let mock = Mock::new().deadline(Duration::from_secs(30));
        let mock = match reply {
            Some(reply) => mock.serving(move |_| reply.clone().into()),
            None => mock.silent(),
        };
        let said = testing::call::<S>(config.clone(), &mock, tool, arguments.clone());
        (name, said.map(|_| ()).map_err(|error| error.to_string()))
    };
    troubles().into_iter().map(told).collect()
}

/// What the SDK says in each trouble of an upstream at this address, where no more is known of the upstream.
fn usual(address: &str) -> Vec<(&'static str, String)> {
    let said = [
        (
            "401",
            "the upstream wants a credential or refused the one it got (401); the operator sets it for this service: who are you?",
        ),
        (
            "403",
            "the upstream forbids this (403); the permissions of the service's credential are the operator's to mend: not you",
        ),
        ("404", "the upstream has no such thing (404): no such thing"),
        (
            "409",
            "the upstream answered 409: it has changed (what is there has changed, or is there already: read it again first)",
        ),
        ("429", "the upstream limits the rate of requests (429): not so fast (retry after 7 s)"),
        ("500", "the upstream answered 500: out of order (a retry may help)"),
        ("503", "the upstream is unavailable (503): closed"),
        (
            "garbage",
            "the upstream's answer is not what was expected: expected value at line 1 column 1; it begins with: <html>Welcome</html>",
        ),
        (
            "empty",
            "the upstream's answer is not what was expected: EOF while parsing a value at line 1 column 0; it begins with: ",
        ),
    ];
    let slow = ("slow", format!("{address} did not answer within 29.8 s"));
    said.into_iter().map(|(trouble, words)| (trouble, words.to_owned())).chain([slow]).collect()
}

/// A call fails in every trouble, and says exactly this: its `own` words, or the SDK's.
#[track_caller]
pub fn is_told<S: Service>(config: &Value, tool: &str, arguments: &Value, own: &[(&str, &str)]) {
    let address = config["url"].as_str().unwrap().split('/').nth(2).unwrap();
    let usual = usual(address);
    for (trouble, said) in told::<S>(config, tool, arguments) {
        let own = own.iter().find(|(name, _)| *name == trouble).map(|(_, words)| *words);
        let usual = usual.iter().find(|(name, _)| *name == trouble).map(|(_, words)| words.as_str());
        let expected = own.or(usual).unwrap_or_else(|| panic!("what is said in `{trouble}`?"));
        assert_eq!(said.unwrap_err(), expected, "{trouble}");
    }
}

/// Every tool fails in every trouble, but for those that are named with the trouble they take for an answer.
#[track_caller]
pub fn nothing_is_taken_for_an_answer<S: Service>(
    config: &Value,
    examples: &[Example],
    but: &[(&str, &str)],
) {
    for Example { tool, arguments, .. } in examples {
        for (trouble, said) in told::<S>(config, tool, arguments) {
            let meant = but.contains(&(tool, trouble));
            assert_eq!(said.is_ok(), meant, "{tool} in `{trouble}` with {arguments}: {said:?}");
        }
    }
}
