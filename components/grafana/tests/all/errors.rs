//! What is said when Grafana does not answer, or refuses; and what a config is refused for.

use bulkhead_sdk::Method;
use double_kit::trouble;

use super::*;

#[test]
fn each_trouble_is_told_as_what_it_is() {
    let told = trouble::told::<Grafana>(&config(), "get_dashboard", &json!({ "uid": "checkout" }));
    let told: Vec<(&str, String)> = told.into_iter().map(|(name, said)| (name, said.unwrap_err())).collect();
    let foreign = |status: u16, what: &str| {
        format!(
            "the upstream answered {status}: it {what}, which does not look like Grafana's API: check the service's `url` \
             and credential"
        )
    };
    let url = "http://grafana:3000/prefix/api/dashboards/uid/checkout";
    for ((name, said), expected) in told.iter().zip([
        "the upstream wants a credential or refused the one it got (401); the operator sets it for this service: who are \
         you?"
            .to_owned(),
        "the upstream forbids this (403); the permissions of the service's credential are the operator's to mend: not you"
            .to_owned(),
        "dashboard `checkout` (get_objects finds uids): the upstream has no such thing (404): no such thing".to_owned(),
        "the upstream answered 409: it has changed (what is there has changed, or is there already: read it again first)"
            .to_owned(),
        "the upstream limits the rate of requests (429): not so fast (retry after 7 s)".to_owned(),
        "the upstream answered 500: out of order (a retry may help)".to_owned(),
        "the upstream is unavailable (503): closed".to_owned(),
        foreign(200, "did not answer with JSON"),
        "the upstream's answer is not what was expected at `data.?`: EOF while parsing a string at line 1 column 34; it \
         begins with: {\"status\":\"success\",\"data\":{\"resul"
            .to_owned(),
        format!("the response to GET {url} is larger than 8388608 bytes; ask for less"),
        foreign(200, "answered with nothing"),
        "grafana:3000 did not answer within 29".to_owned(),
    ]) {
        // How long is left of a call depends on the clock.
        let said = if *name == "slow" { said.split('.').next().unwrap() } else { said };
        assert_eq!(said, expected, "{name}");
    }
    assert_eq!(told.len(), 12);
}

#[test]
fn grafanas_own_refusals_are_passed_on() {
    for (status, body, expected) in [
        (
            403,
            json!({ "accessErrorId": "ACE1", "title": "Access denied",
                "message": "You'll need additional permissions to perform this action. Permissions needed: dashboards:read" }),
            "the upstream forbids this (403); the permissions of the service's credential are the operator's to mend: \
             You'll need additional permissions to perform this action. Permissions needed: dashboards:read",
        ),
        (
            401,
            json!({ "message": "Invalid API key", "messageId": "api-key.invalid", "statusCode": 401, "traceID": "" }),
            "the upstream wants a credential or refused the one it got (401); the operator sets it for this service: \
             Invalid API key",
        ),
        (
            302,
            json!({}),
            "the upstream answered 302: it answered with a redirect, as to a login page, which does not look like \
             Grafana's API: check the service's `url` and credential",
        ),
        (200, json!({ "meta": {} }), "Grafana's answer for checkout has no `dashboard`"),
    ] {
        let mock = instead(Method::Get, "/api/dashboards/uid/checkout", status, body);
        assert_eq!(refused(&mock, "get_dashboard", json!({ "uid": "checkout" })), expected);
    }
    let elsewhere = grafana().on(
        Method::Get,
        "/prefix/api/dashboards/uid/checkout",
        404,
        "<html>nginx</html>".to_owned(),
    );
    assert_eq!(
        refused(&elsewhere, "get_dashboard", json!({ "uid": "checkout" })),
        "dashboard `checkout` (get_objects finds uids): not found (404, and not in Grafana's form): this is no Grafana, or \
         the service's `url` lacks a path prefix"
    );
}

#[test]
fn a_save_that_goes_wrong_is_no_success() {
    let save = json!({ "uid": "checkout", "changes": { "title": "x" } });
    for (status, body, expected) in [
        (200, json!({}), "Grafana did not say what it saved: see get_dashboard before trying again"),
        (
            412,
            json!({ "status": "plugin-dashboard", "message": "The dashboard belongs to plugin x" }),
            "the upstream answered 412: The dashboard belongs to plugin x (it belongs to a plugin, whose update would undo \
             this: save a copy under another uid)",
        ),
        (
            400,
            json!({ "message": "Cannot save provisioned dashboard" }),
            "arguments.changes: Grafana says: Cannot save provisioned dashboard (the same request would fail again)",
        ),
    ] {
        let mock = instead(Method::Post, "/api/dashboards/db", status, body);
        assert_eq!(refused(&mock, "save_dashboard", save.clone()), expected);
    }
    let mock = instead(Method::Delete, "/api/dashboards/uid/checkout", 200, json!({}));
    assert_eq!(
        refused(&mock, "delete", json!({ "kind": "dashboard", "id": "checkout" })),
        "Grafana did not say that it deleted anything: look whether it is there"
    );
}

#[test]
fn a_config_that_is_wrong_names_its_key() {
    let why = |config: Value| testing::configure::<Grafana>(config).unwrap_err();
    assert!(why(json!({ "url": "grafana:3000" })).starts_with("config.url: "));
    assert!(why(json!({ "url": "http://g", "public_url": "x" })).starts_with("config.public_url: "));
    assert!(why(json!({ "url": "http://g", "token": "x" })).contains("unknown key `token`"));
    assert_eq!(testing::configure::<Grafana>(json!({ "url": "http://g", "org_id": 2 })), Ok(()));
}
