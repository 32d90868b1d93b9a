//! What is said when Grafana does not answer, or refuses; and what a config is refused for.

use bulkhead_sdk::Method;
use double_kit::trouble;

use super::*;

#[test]
fn each_trouble_is_told_as_what_it_is() {
    let foreign = |what: &str| {
        format!(
            "the upstream answered 200: it {what}, which does not look like Grafana's API: check the service's `url` and \
             credential"
        )
    };
    let (garbage, empty) = (foreign("did not answer with JSON"), foreign("answered with nothing"));
    let huge = "the response to GET http://grafana:3000/prefix/api/dashboards/uid/checkout is larger than 8388608 bytes; ask for less";
    let own = [
        (
            "404",
            "dashboard `checkout` (get_objects finds uids): the upstream has no such thing (404): no such thing",
        ),
        ("garbage", &*garbage),
        (
            "truncated",
            "the upstream's answer is not what was expected at `data.?`: EOF while parsing a string at line 1 column 34; it \
             begins with: {\"status\":\"success\",\"data\":{\"resul",
        ),
        ("huge", huge),
        ("empty", &*empty),
    ];
    trouble::is_told::<Grafana>(&config(), "get_dashboard", &json!({ "uid": "checkout" }), &own);
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
