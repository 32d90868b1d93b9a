//! Every trouble in its own words, and Alertmanager's own refusals.

use double_kit::trouble;

use super::*;

#[test]
fn every_trouble_is_told_with_what_to_do() {
    let told = trouble::told::<Alertmanager>(&config(), "silences", &json!({}));
    let told: Vec<(&str, String)> = told.into_iter().map(|(name, said)| (name, said.unwrap_err())).collect();
    let strange = "the upstream answered 200: /api/v2/silences did not answer with Alertmanager's JSON: check the service's `url`, which has to reach Alertmanager itself, path prefix included";
    let expected = [
        (
            "401",
            "the upstream wants a credential or refused the one it got (401); the operator sets it for this service: who are you?",
        ),
        (
            "403",
            "the upstream forbids this (403); the permissions of the service's credential are the operator's to mend: not you",
        ),
        ("404", "/api/v2/silences is not there (404): no such thing"),
        (
            "409",
            "the upstream answered 409: it has changed (what is there has changed, or is there already: read it again first)",
        ),
        ("429", "the upstream limits the rate of requests (429): not so fast (retry after 7 s)"),
        ("500", "the upstream answered 500: out of order (a retry may help)"),
        ("503", "the upstream is unavailable (503): closed"),
        ("garbage", strange),
        ("truncated", strange),
        (
            "huge",
            "the response to GET http://up:1234/prefix/api/v2/silences is larger than 8388608 bytes; ask for less",
        ),
        ("empty", strange),
        ("slow", "up:1234 did not answer within 29.8 s"),
    ];
    assert_eq!(told, expected.map(|(name, said)| (name, said.to_owned())));
}

#[test]
fn a_refusal_names_the_argument_and_keeps_alertmanagers_words() {
    let played = Played::new();
    assert_eq!(
        why(played.call("alerts", json!({ "matchers": "a=~\"(\"" }))),
        "arguments.matchers: Alertmanager refuses it: bad matcher format: a=~\"(\""
    );
    for tool in ["alerts", "triage"] {
        assert_eq!(
            why(played.call(tool, json!({ "receiver": "[" }))),
            "arguments.receiver: Alertmanager refuses it: failed to parse receiver param: error parsing regexp: missing closing ]"
        );
    }
    let document = json!({ "code": 602, "message": "id in path must be of type uuid: \"x\"" });
    let mock = mock().on(Method::Get, &at("silence/x"), 422, document);
    assert_eq!(
        why(call(&mock, "silence", json!({ "id": "x", "ends": "1h" }))),
        "arguments.id: Alertmanager refuses it: id in path must be of type uuid: \"x\""
    );
}

#[test]
fn a_url_that_leads_elsewhere_is_the_operators_to_mend() {
    let redirect = mock().on(Method::Get, &at("alerts"), 302, "");
    assert!(
        why(call(&redirect, "alerts", json!({})))
            .contains("/api/v2/alerts answered with a redirect: check the service's `url`")
    );
    let elsewhere = mock().on(Method::Get, &at("silence/x"), 404, "404 page not found");
    assert_eq!(
        why(call(&elsewhere, "silence", json!({ "id": "x", "ends": "1h" }))),
        "/api/v2/silence/x is not there (404): 404 page not found"
    );
}
