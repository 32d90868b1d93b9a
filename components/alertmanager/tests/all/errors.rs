//! Every trouble in its own words, and Alertmanager's own refusals.

use double_kit::trouble;

use super::*;

#[test]
fn every_trouble_is_told_with_what_to_do() {
    let strange = "the upstream answered 200: /api/v2/silences did not answer with Alertmanager's JSON: check the service's `url`, which has to reach Alertmanager itself, path prefix included";
    let huge = "the response to GET http://up:1234/prefix/api/v2/silences is larger than 8388608 bytes; ask for less";
    let own = [
        ("404", "/api/v2/silences is not there (404): no such thing"),
        ("garbage", strange),
        ("truncated", strange),
        ("huge", huge),
        ("empty", strange),
    ];
    trouble::is_told::<Alertmanager>(&config(), "silences", &json!({}), &own);
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
