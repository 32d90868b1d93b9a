//! Config, health and the mapping as a resource.

use bulkhead_sdk::testing::context;

use super::*;

#[test]
fn a_config_is_checked() {
    for (config, why) in [
        (json!({ "url": "up" }), "config.url: "),
        (json!({}), "config: missing field `url`"),
        (
            json!({ "url": "http://up", "default_index": "_all,_x" }),
            "config.default_index: `_all,_x` is no index",
        ),
        (json!({ "url": "http://up", "index": "x" }), "config: unknown"),
    ] {
        let said = testing::configure::<Elasticsearch>(config).unwrap_err();
        assert!(said.starts_with(why), "{said}");
    }
}

#[test]
fn health_tells_the_version() {
    assert_eq!(
        testing::health::<Elasticsearch>(config(), &upstream(&troubled())),
        Ok("Elasticsearch 8.17.0, cluster prod".to_owned())
    );
    let other = Mock::new().on(bulkhead_sdk::Method::Get, "/prefix/", 200, json!({ "name": "x" }));
    assert_eq!(
        testing::health::<Elasticsearch>(config(), &other),
        Err("the answer to / tells no version: check the service's `url`".to_owned())
    );
}

#[test]
fn a_mapping_is_a_resource() {
    let templates = testing::templates::<Elasticsearch>(config()).unwrap();
    assert_eq!(
        templates.iter().map(|one| one.uri.as_str()).collect::<Vec<_>>(),
        ["es:///indices/{index}/mapping"]
    );
    let mock = upstream(&troubled());
    let contents =
        testing::read::<Elasticsearch>(config(), &mock, "es:///indices/orders-2026/mapping", &context())
            .unwrap();
    let part = &contents.parts()[0];
    assert_eq!(part.mime_type.as_deref(), Some("application/json"));
    let bulkhead_sdk::resource::Body::Text(text) = &part.body else { panic!("{part:?}") };
    let mapping: Value = serde_json::from_str(text).unwrap();
    assert_eq!(mapping["orders-2026"]["mappings"]["properties"]["amount"]["type"], "double");
    let none = testing::read::<Elasticsearch>(config(), &mock, "es:///indices/nope/mapping", &context())
        .unwrap_err();
    assert_eq!(
        none.to_string(),
        "index_not_found_exception: no such index [nope]; `indices` lists what there is"
    );
    let bad = testing::read::<Elasticsearch>(config(), &mock, "es:///indices/_tasks/mapping", &context())
        .unwrap_err();
    assert!(bad.to_string().starts_with("arguments.index: "));
}

#[test]
fn every_tool_only_reads() {
    for tool in testing::list::<Elasticsearch>(config()).unwrap() {
        assert!(
            tool.annotations.read_only && tool.annotations.idempotent && tool.annotations.open_world,
            "{}",
            tool.name
        );
        assert_eq!(tool.tags, ["read"], "{}", tool.name);
    }
}
