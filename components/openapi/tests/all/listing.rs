//! Listing: the document is read then and only then, and what became of it is said.

use bulkhead_sdk::testing::{self, Mock};
use bulkhead_sdk::{Level, Method};
use openapi::OpenApi;
use serde_json::json;

use crate::{DOCUMENT, UP, api, config, listed, upstream, with};

#[test]
fn each_operation_is_a_tool_that_says_what_it_may_send() {
    let tools = listed(&config(), &upstream());
    let facts: Vec<_> = tools
        .iter()
        .map(|tool| {
            (tool.name.as_str(), tool.meta.clone().unwrap()["bulkhead/egress"].clone(), tool.tags.join(" "))
        })
        .collect();
    assert_eq!(
        facts,
        [
            ("list_things", json!([{"url": format!("{UP}/things"), "methods": ["GET"]}]), "read".to_owned()),
            ("add_thing", json!([{"url": format!("{UP}/things"), "methods": ["POST"]}]), "write".to_owned()),
            (
                "remove_thing",
                json!([{"url": format!("{UP}/things/*"), "methods": ["DELETE"]}]),
                "deprecated write".to_owned()
            ),
        ]
    );
    assert!(tools[0].annotations.read_only && tools[2].annotations.destructive);
    assert_eq!(tools[0].title.as_deref(), Some("All things"));
    // The schema of the file that is referred to is not granted here, so it takes anything.
    assert_eq!(tools[1].input_schema["properties"]["body"], json!({}));
}

#[test]
fn references_are_read_from_where_they_are_granted() {
    let mock = upstream();
    let tools = listed(&with("references", json!(["https://docs.example/api/"])), &mock);
    assert_eq!(
        tools[1].input_schema["properties"]["body"],
        json!({"type": "object", "properties": {"name": {"type": "string"}}})
    );
    assert_eq!(
        tools[0].output_schema.as_ref().unwrap()["properties"]["body"]["items"]["properties"]["name"],
        json!({"type": ["string", "null"]})
    );
    let urls: Vec<_> = mock.requests().into_iter().map(|sent| sent.url).collect();
    assert_eq!(urls, [DOCUMENT, "https://docs.example/api/schemas.json"]);
    let tools = listed(&with("output_schemas", json!(false)), &upstream());
    assert!(tools.iter().all(|tool| tool.output_schema.is_none()));
}

#[test]
fn what_became_of_each_operation_is_logged() {
    let mock = upstream();
    listed(&with("choose", json!({ "methods": ["GET", "DELETE"], "deprecated": false })), &mock);
    let lines: Vec<_> = mock.logs().into_iter().map(|line| (line.level, line.message)).collect();
    assert_eq!(
        lines,
        [
            (Level::Debug, "GET /things -> list_things: mapped".to_owned()),
            (Level::Info, "document: 1 operations not chosen (deprecated)".to_owned()),
            (Level::Info, "document: 1 operations not chosen (methods)".to_owned()),
        ]
    );
    let mock = upstream();
    listed(&config(), &mock);
    assert_eq!(
        mock.logs()[1].message,
        "POST /things -> add_thing: mapped; `schemas.json#/Thing` cannot be followed: \
         it is not below any of the URLs in `references`; anything is taken there"
    );
}

#[test]
fn what_is_dropped_is_a_warning() {
    let document = json!({ "openapi": "3.0.0", "paths": {
        "/a": { "get": {} }, "/b": { "get": { "servers": [{"url": "http://169.254.169.254"}] } } } });
    let mock = Mock::new().on(Method::Get, DOCUMENT, 200, document);
    assert_eq!(listed(&config(), &mock).len(), 1);
    assert_eq!(mock.logs()[1].level, Level::Warning);
    assert!(
        mock.logs()[1].message.starts_with("GET /b: dropped: its own server is not granted"),
        "{:?}",
        mock.logs()
    );
}

#[test]
fn a_document_that_cannot_be_had_or_read_is_an_error_that_says_why() {
    let failed = |mock: Mock| testing::list_with::<OpenApi>(config(), &mock).unwrap_err();
    for (mock, why) in [
        (Mock::new().on(Method::Get, DOCUMENT, 404, "gone"),
         format!("the document {DOCUMENT}: the upstream has no such thing (404): gone")),
        (Mock::new().on(Method::Get, DOCUMENT, 200, "hello"),
         format!("the document {DOCUMENT}: it is not an API document: an object with `openapi` or `swagger` is expected")),
        (Mock::new().on(Method::Get, DOCUMENT, 200, json!({"openapi": "3.0.0", "info": {"title": "Empty"}})),
         "`Empty` gives no tools: none of its operations is chosen and can be mapped; the log says why of each".to_owned()),
        (Mock::new().deny(Method::Get, DOCUMENT), format!("GET {DOCUMENT} is not allowed by this service's egress rules")),
    ] {
        assert_eq!(failed(mock), why);
    }
    let small = with("limits", json!({ "document_bytes": 10 }));
    let why = testing::list_with::<OpenApi>(small, &upstream()).unwrap_err();
    assert!(why.contains("is larger than 10 bytes"), "{why}");
}

#[test]
fn the_same_document_lists_the_same_and_a_changed_one_does_not() {
    let first = listed(&config(), &upstream());
    assert_eq!(first, listed(&config(), &upstream()));
    let mut changed = api();
    changed["paths"]["/things"]["get"]["parameters"][0]["explode"] = json!(false);
    changed["paths"]["/things"]["get"]["summary"] = json!("Some things");
    let second = listed(&config(), &Mock::new().on(Method::Get, DOCUMENT, 200, changed));
    assert_ne!(first[0].plan, second[0].plan);
    assert_eq!(second[0].description, "Some things");
}

#[test]
fn overlays_change_what_is_offered() {
    let folder = std::env::temp_dir().join(format!("bulkhead-openapi-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("overlay.yaml");
    std::fs::write(&path, "overlay: 1.0.0\nactions: [{target: \"$.paths['/things/{id}']\", remove: true}]\n")
        .unwrap();
    let mut config = with(
        "overlays",
        json!([{ "overlay": "1.0.0", "actions": [
        { "target": "$.paths['/things'].get", "update": { "x-bulkhead": {"name": "things"}, "description": "Lists things." } },
        { "target": "$.nothing", "update": {} } ] }]),
    );
    config["overlay_files"] = json!([path]);
    let mock = upstream();
    let tools = listed(&config, &mock);
    std::fs::remove_dir_all(&folder).unwrap();
    let names: Vec<_> = tools.iter().map(|tool| (tool.name.as_str(), tool.description.as_str())).collect();
    assert_eq!(names, [("things", "Lists things."), ("add_thing", "Sends POST /things.")]);
    assert_eq!(mock.logs()[0].message, "document: overlay: actions[1]: nothing is at `$.nothing`");
    let wrong = with("overlays", json!([{ "overlay": "1.0.0", "actions": [{}] }]));
    let why = testing::list_with::<OpenApi>(wrong, &upstream()).unwrap_err();
    assert_eq!(why, "config.overlays[0]: actions[0]: it has no `target`");
}

#[test]
fn a_document_in_a_file_is_read_with_what_lies_beside_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/openapi/tests/documents/pets.yaml");
    let config = json!({ "file": path, "url": UP });
    assert_eq!(listed(&config, &Mock::new()).len(), 5);
    assert_eq!(testing::check::<OpenApi>(config.clone()).unwrap(), Vec::<String>::new());
    let gone = json!({ "file": "/nowhere/openapi.yaml", "url": UP });
    let why = testing::list_with::<OpenApi>(gone, &Mock::new()).unwrap_err();
    assert!(why.starts_with("the file /nowhere/openapi.yaml cannot be read: "), "{why}");
    assert!(why.ends_with("; is its folder among the service's `files`?"), "{why}");
}
