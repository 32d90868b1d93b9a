//! `can_i`: checks, and all that is allowed.

use super::*;

#[test]
fn checks_are_asked_at_once_and_answered_in_their_order() {
    let cluster = cluster();
    cluster.deny("delete", "pods", "shop");
    let mock = host(&cluster);
    let checks =
        ["delete pods", "delete pods web-1", "patch deployments/scale web", "get /metrics", "list nodes"];
    let arguments = json!({ "checks": checks, "namespace": "shop" });
    let output = testing::call::<Kubernetes>(config(), &mock, "can_i", arguments).unwrap();
    let answer = output.structured().unwrap();
    assert_eq!(each(&answer["items"], "allowed"), ["false", "false", "true", "true", "true"]);
    assert_eq!(each(&answer["items"], "check"), checks);
    assert_eq!(mock.in_flight_at_most(), 5);
    let spec = |place: usize| mock.requests()[place].json()["spec"].clone();
    assert_eq!(
        spec(2),
        json!({ "resourceAttributes": {
            "verb": "patch", "group": "apps", "version": "v1", "resource": "deployments", "subresource": "scale",
            "namespace": "shop", "name": "web",
        } })
    );
    assert_eq!(spec(3), json!({ "nonResourceAttributes": { "verb": "get", "path": "/metrics" } }));
    assert_eq!(spec(4)["resourceAttributes"]["namespace"], "", "nodes are in none");
}

#[test]
fn all_namespaces_can_be_meant() {
    let cluster = cluster();
    let answer = call(&cluster, "can_i", json!({ "checks": ["create pods/eviction"], "namespace": "*" }));
    assert_eq!((&answer["namespace"], &answer["items"][0]["allowed"]), (&json!("*"), &json!(true)));
}

#[test]
fn without_checks_it_says_all_that_is_allowed() {
    let cluster = cluster();
    cluster.deny("*", "secrets", "");
    let answer = call(&cluster, "can_i", json!({ "namespace": "shop" }));
    let resources = each(&answer["items"], "resources");
    assert!(resources.contains(&"pods/eviction".to_owned()), "{resources:?}");
    assert_eq!(answer["namespace"], "shop");
}

#[test]
fn what_is_no_check_is_told_by_its_place() {
    let cluster = cluster();
    let told = |check: &str| refused(&cluster, "can_i", json!({ "checks": ["get pods", check] }));
    assert_eq!(
        told("pods"),
        "arguments.checks[1]: `pods` is no check: expected `VERB KIND[/SUBRESOURCE] [NAME]` or `VERB /path`"
    );
    assert!(told("get pods a b").contains("is no check"));
    assert!(
        told("get spaceships").contains("the cluster serves no kind `spaceships`"),
        "{}",
        told("get spaceships")
    );
}
