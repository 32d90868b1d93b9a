//! What Argo CD says is wrong, and whose it is to mend.

use double_kit::trouble;

use super::*;

fn told(status: u16, code: u32, words: &str) -> Error {
    let reply = Reply::json(status, &json!({ "error": words, "code": code, "message": words }));
    refused(reply, "application", json!({ "name": "x" }))
}

#[test]
fn words_that_tell_of_a_state_are_understood() {
    assert_eq!(
        told(400, 9, "another operation is already in progress").to_string(),
        "another operation is already in progress: see it with application, and retry when it has ended"
    );
    assert!(
        told(400, 9, "cannot sync: blocked by sync window").to_string().ends_with("(diagnose shows which)")
    );
    assert_eq!(told(400, 3, "name is bad"), Error::invalid("", "name is bad (Argo CD answered 400)"));
    assert_eq!(
        refusal("list", json!({ "selector": "x" })),
        "arguments.selector: unable to parse selector: found '', expected: '=' (Argo CD answered 400)"
    );
}

#[test]
fn an_application_that_is_not_there_may_be_misspelt() {
    let said = refusal("application", json!({ "name": "chekout" }));
    assert!(said.starts_with("it is forbidden, or there is no such thing"), "{said}");
    assert_eq!(
        refusal("application", json!({ "name": "a/b/c" })),
        "arguments.name: `a/b/c` is neither `name` nor `namespace/name`"
    );
    assert!(
        refusal("sync", json!({ "name": "checkout", "revision": "nowhere" }))
            .starts_with("arguments.revision: ")
    );
    assert!(
        refusal("sync", json!({ "name": "checkout", "resources": ["web"] }))
            .starts_with("arguments.resources: ")
    );
}

#[test]
fn what_is_not_argo_cd_is_said_to_be_something_else() {
    let redirect = Reply::empty(307).with("location", "https://up/");
    assert!(refused(redirect, "list", json!({})).to_string().contains("check the service's `url`"));
    let other = Reply::json(200, &json!({ "data": [] }));
    for tool in ["list", "test_connection"] {
        assert!(
            refused(other.clone(), tool, json!({})).to_string().contains("this is not Argo CD"),
            "{tool}"
        );
    }
}

#[test]
fn every_trouble_is_told_in_its_own_words() {
    let own = [
        (
            "403",
            "it is forbidden, or there is no such thing, and Argo CD does not say which: the upstream forbids this (403); the permissions of the service's credential are the operator's to mend: not you",
        ),
        (
            "truncated",
            "the upstream's answer is not what was expected at `data.?`: EOF while parsing a string at line 1 column 34; it begins with: {\"status\":\"success\",\"data\":{\"resul",
        ),
        (
            "huge",
            "the response to GET http://up:1234/prefix/api/v1/applications is larger than 8388608 bytes; ask for less",
        ),
    ];
    trouble::is_told::<ArgoCd>(&config(), "list", &json!({}), &own);
}
