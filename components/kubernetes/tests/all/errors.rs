//! What is said when the server is in trouble, or is none.

use double_kit::trouble;

use super::*;

#[test]
fn each_trouble_is_told_in_words_that_say_what_to_do() {
    let arguments = json!({ "kind": "pod", "name": "a", "events": false });
    let own = [
        (
            "truncated",
            "the upstream's answer is not what was expected at `data.?`: EOF while parsing a string at line 1 column 34; it begins with: {\"status\":\"success\",\"data\":{\"resul",
        ),
        (
            "huge",
            "the response to GET http://up:1234/api/v1/namespaces/default/pods/a is larger than 8388608 bytes; ask for less",
        ),
    ];
    trouble::is_told::<Kubernetes>(&config(), "get", &arguments, &own);
}

#[test]
fn an_answer_of_something_else_is_no_object() {
    let mock = Mock::new().serving(|_| double_kit::Reply::json(200, &json!({ "status": "success" })).into());
    let told = testing::call::<Kubernetes>(config(), &mock, "get", json!({ "kind": "pod", "name": "a" }))
        .unwrap_err();
    assert_eq!(
        told.to_string(),
        "the answer is not an object of Kubernetes: the operator's `url` may not be that of an API server"
    );
}

#[test]
fn a_token_that_is_not_good_and_a_right_that_is_missing_are_told_apart() {
    let cluster = cluster();
    cluster.deny("get", "pods", "shop");
    let told = refused(&cluster, "get", json!({ "kind": "pod", "name": "db-0", "namespace": "shop" }));
    assert!(told.starts_with("pods \"db-0\" is forbidden: "), "{told}");
    assert!(
        told.ends_with(
            "(403): a retry will not help; `can_i` shows what the credential of this service may do"
        ),
        "{told}"
    );
    cluster.require_token("good");
    let told = refused(&cluster, "list", json!({ "kind": "pods" }));
    assert!(told.contains("(401); the operator sets it for this service"), "{told}");
}
