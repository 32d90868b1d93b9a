//! What clients think of the tools that documents become: MCP Inspector lists them, and has their schemas checked
//! (`--strict`).

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use super::documents;
use crate::support::{Server, component, installed::javascript};

/// A service for each document; large ones have the memory and the time to be listed.
fn config(folder: &Path, names: &BTreeMap<String, String>) -> String {
    let service = |(name, file): (&String, &String)| {
        format!(
            "{name}: {{ component: '{}', files: [{{ path: '{}', at: /api }}],\n\
             limits: {{ listing: {{ memory: 1GiB, deadline: 2m, cpu: 2m }} }},\n\
             config: {{ file: '/api/{file}', url: 'http://127.0.0.1:1' }} }}",
            component("openapi").display(),
            folder.display()
        )
    };
    let services: Vec<String> = names.iter().map(service).collect();
    format!("tenants: {{ test: {{ services: {{ {} }} }} }}\n", services.join(",\n"))
}

/// What it says of all the tools, in the older and the newer protocol.
fn strict(server: &Server) -> Value {
    let judged =
        javascript("inspector").args(["strict", &format!("http://{}/mcp", server.address)]).output().unwrap();
    serde_json::from_slice(&judged.stdout).unwrap_or_else(|error| panic!("{error}: {judged:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_takes_the_tools_of_one_of_everything() {
    let zoo = documents::zoo();
    let names = BTreeMap::from([("zoo".to_owned(), "zoo.yaml".to_owned())]);
    let server = Server::start(&config(zoo.parent().unwrap(), &names));
    let count = server.client().tools().await.len();
    assert_eq!(strict(&server), json!({ "legacy": { "tools": count }, "modern": { "tools": count } }));
    assert_eq!(count, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_takes_the_tools_of_published_documents() {
    let Some(folder) = documents::published() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut names = BTreeMap::new();
    // One with references to other files has them beside it, and one that is packed is no document yet.
    for file in documents::files(&folder) {
        let bytes = documents::bytes(&file);
        if bulkhead_openapi::Document::parse(&bytes, "/x", bulkhead_openapi::Limits::default()).is_err() {
            continue;
        }
        let name = format!("d{}", names.len());
        let kind = if bytes.starts_with(b"{") { "json" } else { "yaml" };
        fs::write(dir.path().join(format!("{name}.{kind}")), bytes).unwrap();
        names.insert(name.clone(), format!("{name}.{kind}"));
    }
    let server = Server::start(&config(dir.path(), &names));
    let count = server.client().tools().await.len();
    println!("{} documents, {count} tools", names.len());
    assert_eq!(strict(&server), json!({ "legacy": { "tools": count }, "modern": { "tools": count } }));
}
