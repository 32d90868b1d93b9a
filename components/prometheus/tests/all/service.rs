//! The manifest, the config, the list of tools and the health check.

use super::*;

const TOOLS: [&str; 10] = [
    "diagnose",
    "query",
    "query_range",
    "labels",
    "metadata",
    "targets",
    "alerts",
    "rules",
    "status",
    "create_snapshot",
];

#[test]
fn only_one_tool_writes() {
    let tools = testing::list::<Prometheus>(config()).unwrap();
    assert_eq!(tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), TOOLS);
    for tool in tools {
        let writes = tool.name == "create_snapshot";
        assert_eq!(tool.annotations.read_only, !writes, "{}", tool.name);
        assert_eq!(tool.annotations.idempotent, !writes, "{}", tool.name);
        assert!(!tool.annotations.destructive && tool.annotations.open_world, "{}", tool.name);
        assert_eq!(tool.tags, if writes { vec!["write", "admin"] } else { vec!["read"] }, "{}", tool.name);
    }
}

#[test]
fn schemas_say_what_is_accepted() {
    let tools = testing::list::<Prometheus>(config()).unwrap();
    let schema = |name: &str| tools.iter().find(|tool| tool.name == name).unwrap().input_schema.clone();
    assert_eq!(schema("query")["required"], json!(["query"]));
    assert_eq!(schema("query")["properties"]["time"]["type"], json!(["string", "number"]));
    let max_points = &schema("query_range")["properties"]["max_points"];
    assert_eq!([&max_points["minimum"], &max_points["maximum"]], [&json!(2), &json!(11_000)]);
}

#[test]
fn the_config_is_one_url() {
    let refused = |config: Value| testing::configure::<Prometheus>(config).unwrap_err();
    assert!(refused(json!({})).contains("url"));
    assert!(refused(json!({ "url": "prometheus:9090" })).starts_with("config.url: "));
    assert!(refused(json!({ "url": "http://h", "token": "x" })).contains("unknown key `token`"));
    assert_eq!(testing::configure::<Prometheus>(config()), Ok(()));
}

#[test]
fn health_tells_the_version() {
    let mock = answering("status/buildinfo", &json!({ "version": "2.42.0" }));
    assert_eq!(testing::health::<Prometheus>(config(), &mock).unwrap(), "Prometheus 2.42.0 answers");
}

#[test]
fn health_of_a_server_without_build_information_is_whether_it_can_query() {
    let mock = mock().on(Method::Get, &at("status/buildinfo"), 404, "404 page not found").on(
        Method::Get,
        &at("query?query=vector(1)"),
        200,
        success(&json!({ "resultType": "vector", "result": [] })),
    );
    assert_eq!(
        testing::health::<Prometheus>(config(), &mock).unwrap(),
        "Prometheus answers, but does not tell its version"
    );
}

#[test]
fn health_says_what_is_wrong() {
    let refused = mock().unreachable(Method::Get, &at("status/buildinfo"), "connection refused");
    assert_eq!(
        testing::health::<Prometheus>(config(), &refused).unwrap_err(),
        "prometheus:9090 does not answer: connection refused"
    );
    let elsewhere = mock().on(Method::Get, &at("status/buildinfo"), 200, "<html>Sign in</html>");
    assert!(
        testing::health::<Prometheus>(config(), &elsewhere)
            .unwrap_err()
            .contains("/prom/api/v1/status/buildinfo did not answer with Prometheus's JSON, which does not look like Prometheus")
    );
}
