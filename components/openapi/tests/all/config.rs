//! What the operator writes is checked before anything is sent.

use bulkhead_sdk::Method;
use bulkhead_sdk::testing::{self, Mock};
use openapi::OpenApi;
use serde_json::json;

use crate::{DOCUMENT, UP, config, upstream, with};

#[test]
fn what_cannot_work_is_refused_with_what_to_write() {
    for (config, why) in [
        (json!({}), "exactly one of `document` (a URL) and `file` (a path) is needed"),
        (json!({ "document": DOCUMENT, "file": "/a.yaml", "url": UP }), "exactly one of `document`"),
        (json!({ "document": DOCUMENT }), "`url`, the base URL of the API, is needed; or `servers`"),
        (json!({ "document": "/a.yaml", "url": UP }), "config.document: "),
        (
            json!({ "document": format!("{DOCUMENT}?v=1"), "url": UP }),
            "has a query; a base URL ends with its path; it is granted as it is written",
        ),
        (json!({ "file": "a.yaml", "url": UP }), "config.file: `a.yaml` must be absolute"),
        (with("url", json!("up.example")), "config.url: "),
        (with("servers", json!(["ftp://x"])), "config.servers: "),
        (with("references", json!(["x"])), "config.references: "),
        (with("overlay_files", json!(["x"])), "config.overlay_files: `x` must be absolute"),
        (with("health", json!("x")), "config.health: `x` must begin with a slash"),
        (
            json!({ "document": DOCUMENT, "servers": [UP], "health": "/x" }),
            "config.health: has no effect without `url`",
        ),
        (
            with("choose", json!({ "tag": [] })),
            "config.choose.tag: unknown field `tag`, expected one of `tags`, ",
        ),
    ] {
        let error = testing::configure::<OpenApi>(config.clone()).unwrap_err();
        assert!(error.contains(why), "{config}: {error}");
    }
}

#[test]
fn health_asks_for_what_the_operator_says_or_the_document() {
    let ask = |config, mock: &Mock| testing::health::<OpenApi>(config, mock);
    assert_eq!(ask(config(), &upstream()).unwrap(), format!("{DOCUMENT} answers 200"));
    let mock = Mock::new().on(Method::Get, "/v1/healthz", 503, "down");
    assert_eq!(
        ask(with("health", json!("/healthz")), &mock).unwrap_err(),
        "the upstream is unavailable (503): down"
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/openapi/tests/documents/pets.yaml");
    let said = ask(json!({ "file": path, "url": UP }), &Mock::new()).unwrap();
    assert!(said.starts_with("the document is there, "), "{said}");
    assert!(
        ask(json!({ "file": "/nowhere", "url": UP }), &Mock::new())
            .unwrap_err()
            .starts_with("the file /nowhere: ")
    );
}

#[test]
fn servers_of_the_document_are_used_where_they_are_granted() {
    let document = json!({ "openapi": "3.1.0", "servers": [{"url": "https://{region}.up.example/v{n}", "variables": {
            "region": {"default": "eu"}, "n": {"default": "1"} }}],
        "paths": { "/a": { "get": {"operationId": "a"} } } });
    let mock = || Mock::new().on(Method::Get, DOCUMENT, 200, document.clone());
    let config = json!({ "document": DOCUMENT, "servers": ["https://us.up.example"], "server_variables": {"region": "us"} });
    let tools = testing::list_with::<OpenApi>(config, &mock()).unwrap();
    assert_eq!(tools[0].meta.as_ref().unwrap()["bulkhead/egress"][0]["url"], "https://us.up.example/v1/a");
    let other = json!({ "document": DOCUMENT, "servers": ["https://us.up.example"] });
    assert!(testing::list_with::<OpenApi>(other, &mock()).unwrap_err().contains("gives no tools"));
}
