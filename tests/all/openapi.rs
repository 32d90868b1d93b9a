//! The `openapi` component in the sandbox: a document in a granted folder becomes tools, each of which sends its own
//! operation and nothing else. The mapping itself is tested beside the library, `sdk/openapi`.

mod cookies;
mod curated;
mod documents;
mod inspector;
mod prism;
mod report;

use std::fs;

use http_body_util::Full;
use hyper::Response;
use serde_json::{Value, json};

use crate::support::{Server, Upstream, component, replace, run};

/// Two operations; `secrets` is one that is not chosen.
const DOCUMENT: &str = r#"
openapi: 3.1.0
info: { title: Pets, version: "1" }
paths:
  /pets/{id}:
    parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
    get:
      operationId: getPet
      summary: One pet.
      parameters: [{ name: fields, in: query, schema: { type: array, items: { type: string } } }]
      responses: { "200": { description: ok, content: { application/json: { schema: { type: object } } } } }
    delete: { operationId: deletePet, summary: Forgets a pet., responses: { "204": { description: gone } } }
  /secrets:
    get: { operationId: secrets, tags: [internal], summary: Not for models., responses: { "200": { description: ok } } }
"#;

/// A service of that document, in front of an upstream.
fn config(folder: &std::path::Path, url: &str) -> String {
    let (file, folder) = (component("openapi"), folder.display());
    format!(
        "tenants: {{ test: {{ services: {{ pets: {{ component: '{}', files: [{{ path: '{folder}', at: /api }}],\n\
         config: {{ file: /api/pets.yaml, url: '{url}/v1', choose: {{ tags: ['!internal'] }} }} }} }} }} }}\n",
        file.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_becomes_tools_that_send_their_own_operation() {
    let upstream = Upstream::start(|received| {
        let told = json!({ "method": received.method, "target": received.target });
        Response::builder()
            .header("content-type", "application/json")
            .body(Full::from(told.to_string()))
            .unwrap()
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("pets.yaml"), DOCUMENT).unwrap();
    let config = config(dir.path(), &upstream.url());
    let server = Server::start(&config);
    let client = server.client();
    let mut tools = client.tools().await;
    tools.sort();
    assert_eq!(tools, ["pets_delete_pet", "pets_get_pet"]);

    let got = client.ok("pets_get_pet", json!({ "id": "a/b", "fields": ["name", "tag"] })).await;
    let sent = json!({ "method": "GET", "target": "/v1/pets/a%2Fb?fields=name&fields=tag" });
    assert_eq!((&got["status"], &got["body"]), (&json!(200), &sent));
    let (reason, text) = client.refused("pets_get_pet", json!({ "id": 7 })).await;
    assert_eq!(reason, "invalid_arguments", "{text}");

    let checked = run(&["check", "--offline", "--json", "--service", "pets"], &config);
    let checked: Value =
        serde_json::from_slice(&checked.stdout).unwrap_or_else(|e| panic!("{e}: {checked:?}"));
    let told = checked.to_string();
    for line in ["GET /pets/{id} -> get_pet", "DELETE /pets/{id} -> delete_pet"] {
        assert!(told.contains(line), "what was mapped is told: {told}");
    }
    assert!(told.contains("/v1/pets/*"), "what the tools may send is told: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_changes_changes_the_tools() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pets.yaml");
    fs::write(&file, DOCUMENT).unwrap();
    let config = format!("components: {{ trust: folder }}\n{}", config(dir.path(), "http://127.0.0.1:1"));
    let server = Server::start(&config);
    let mark = server.mark();
    replace(&file, DOCUMENT.replace("deletePet", "forgetPet"));
    server.in_force_after(mark);
    let mut tools = server.client().tools().await;
    tools.sort();
    assert_eq!(tools, ["pets_forget_pet", "pets_get_pet"]);
}
