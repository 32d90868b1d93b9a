//! What the component promises: the table agrees with the vendor, the budget is kept, paths keep their prefix.

use bulkhead_sdk::Method;
use double_kit::walk::tokens;
use double_kit::{Contract, vendor};

use super::*;

#[test]
fn the_table_agrees_with_the_vendor() {
    vendor::agrees(&Contract::parse(include_str!("../../api.txt")));
}

#[test]
fn the_tools_take_no_more_of_a_context_than_they_may() {
    let tokens = tokens::<Kubernetes>(&config(), "kubernetes");
    assert!(tokens <= 3500, "{tokens} tokens");
}

#[test]
fn a_config_is_checked() {
    let why = |config: Value| testing::configure::<Kubernetes>(config).unwrap_err();
    assert!(why(json!({ "url": "up" })).starts_with("config.url: "));
    assert_eq!(
        why(json!({ "url": "http://up", "namespace": "*" })),
        "config.namespace: expected the name of a namespace"
    );
    assert!(why(json!({ "url": "http://up", "token": "x" })).contains("token"));
}

#[test]
fn a_prefix_in_the_url_is_kept_and_the_configured_namespace_is_meant() {
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a", "namespace": "mine" } });
    let mock = Mock::new().on(Method::Get, "/prefix/api/v1/namespaces/mine/pods/a", 200, pod);
    let config = json!({ "url": "http://up:1234/prefix/", "namespace": "mine" });
    let arguments = json!({ "kind": "pod", "name": "a", "events": false });
    let output = testing::call::<Kubernetes>(config, &mock, "get", arguments).unwrap();
    assert_eq!(output.structured().unwrap()["items"][0]["name"], "a");
}

#[test]
fn what_writes_says_so_and_what_endangers_is_for_admins() {
    let tools = testing::list::<Kubernetes>(config()).unwrap();
    let tagged = |tag: &str| -> Vec<&str> {
        tools.iter().filter(|tool| tool.tags.iter().any(|one| one == tag)).map(|tool| &*tool.name).collect()
    };
    assert_eq!(tagged("write"), ["rollout", "apply", "patch", "scale", "node", "delete"]);
    assert_eq!(tagged("admin"), ["node", "delete"]);
    for tool in &tools {
        let writes = tool.tags.iter().any(|tag| tag == "write");
        assert_eq!(tool.annotations.read_only, !writes, "{}", tool.name);
        assert_eq!(tool.annotations.destructive, writes, "{}", tool.name);
        assert_eq!(tool.input_schema["properties"].get("dry_run").is_some(), writes, "{}", tool.name);
    }
}

#[test]
fn health_is_the_version() {
    let health = |mock: &Mock| testing::health::<Kubernetes>(config(), mock);
    assert_eq!(health(&host(&cluster())).unwrap(), "Kubernetes v1.35.2 answers");
    let other = Mock::new().on(Method::Get, "/version", 200, json!({ "version": "1" }));
    assert!(health(&other).unwrap_err().contains("is not a version"));
}
