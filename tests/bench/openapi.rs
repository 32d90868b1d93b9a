//! What an API's document costs: to list it, and a call of one of its tools, for a document with one operation and for one
//! of ten megabytes, which is made here. A call has the plan of its operation and never sees the document, so both should
//! cost the same.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    figures::{Figures, hundredths, pairs, tenths, whole},
    load::{self, Connection, Round, Target},
    process::{Serving, configured},
    round,
};

const ROUNDS: usize = 5;
/// Of the large document; the host serves at most 4096 tools of a service.
const OPERATIONS: usize = 1200;
/// Fields of each schema in it, so that it has ten megabytes.
const FIELDS: usize = 60;

pub(crate) fn add_to(figures: &mut Figures, runtime: &Runtime, component: &Path) {
    let upstream = Serving::role("hyper");
    let [small, large] =
        [1, OPERATIONS].map(|operations| Api::start(component, &document(operations), upstream.address));
    figures.insert("openapi_operations", json!(OPERATIONS));
    for (name, api) in [("small", &small), ("large", &large)] {
        figures.insert(format!("openapi_{name}_bytes"), json!(api.bytes));
        figures.insert(format!("openapi_{name}_start_ms"), json!(whole(api.start_ms)));
        figures.insert(format!("openapi_{name}_rss_mib"), json!(tenths(api.host.rss_mib())));
        figures.insert(format!("openapi_{name}_peak_mib"), json!(tenths(api.host.peak_mib())));
        figures.insert(format!("openapi_{name}_all_tokens"), json!(api.tokens("")));
        figures.insert(format!("openapi_{name}_search_tokens"), json!(api.tokens("?listing=search")));
    }
    let (mut few, mut many) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        few.push(runtime.block_on(small.calls()).p50_us);
        many.push(runtime.block_on(large.calls()).p50_us);
    }
    figures.spread("openapi_small_call_us", &few, tenths);
    figures.spread("openapi_large_call_us", &many, tenths);
    figures.spread("openapi_large_over_small", &pairs(&many, &few, |many, few| many / few), hundredths);
}

/// A host with one document.
struct Api {
    host: Serving,
    bytes: usize,
    start_ms: f64,
}

impl Api {
    fn start(component: &Path, document: &str, upstream: SocketAddr) -> Self {
        let config = |dir: &Path| -> PathBuf {
            std::fs::create_dir_all(dir.join("api")).unwrap();
            std::fs::write(dir.join("api/api.json"), document).unwrap();
            configured(
                dir,
                &format!(
                    "api: {{ component: '{}', files: [{{ path: api, at: /api }}], \
                     limits: {{ requests_per_second: 1000000, listing: {{ memory: 1GiB, deadline: 2m, cpu: 2m }} }}, \
                     config: {{ file: /api/api.json, url: 'http://{upstream}' }} }}",
                    component.display()
                ),
            )
        };
        let dir = tempfile::tempdir().unwrap();
        let file = config(dir.path());
        // The first compiles the component; what is measured is the second.
        drop(Serving::host(&file, tempfile::tempdir().unwrap()));
        let begun = Instant::now();
        let host = Serving::host(&file, dir);
        Self { host, bytes: document.len(), start_ms: begun.elapsed().as_secs_f64() * 1e3 }
    }

    /// Tokens of all that a client is listed, at four bytes each, as `bulkhead tools --tokens` counts.
    fn tokens(&self, query: &str) -> usize {
        let url = format!("http://{}/mcp{query}", self.host.address);
        let (mut bytes, mut cursor) = (0, Value::Null);
        loop {
            let mut params = json!({ "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {} } });
            if !cursor.is_null() {
                params["cursor"] = cursor;
            }
            let body =
                json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params }).to_string();
            let answer = Command::new("curl")
                .args(["-sf", &url, "-H", "content-type: application/json", "-H", "mcp-method: tools/list"])
                .args([
                    "-H",
                    "accept: application/json, text/event-stream",
                    "-H",
                    "mcp-protocol-version: 2026-07-28",
                ])
                .args(["-d", &body])
                .output()
                .unwrap();
            let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
            bytes += answer["result"]["tools"].to_string().len();
            cursor = answer["result"]["nextCursor"].clone();
            if cursor.is_null() {
                return bytes.div_ceil(4);
            }
        }
    }

    /// One client, and the tool that both documents have.
    async fn calls(&self) -> Round {
        let target = Target {
            tool: "api_thing0".to_owned(),
            arguments: r#"{"id":7,"fields":["a","b"]}"#.to_owned(),
            key: None,
        };
        let mut connection = Connection::open(self.host.address).await;
        let answer: Value = serde_json::from_slice(connection.call(&target).await.unwrap()).unwrap();
        assert_eq!(answer["result"]["structuredContent"]["status"], json!(200), "{answer}");
        load::run(self.host.address, &target, 1, round() / 2).await
    }
}

/// A document with so many operations, each with a schema of its own.
fn document(operations: usize) -> String {
    let mut paths = serde_json::Map::new();
    let mut schemas = serde_json::Map::new();
    for number in 0..operations {
        let field = |field: usize| {
            let words =
                format!("Field {field} of thing {number}, with some words that say what it is good for.");
            (format!("field_{field}"), json!({ "type": "string", "maxLength": 100, "description": words }))
        };
        let fields: serde_json::Map<String, Value> = (0..FIELDS).map(field).collect();
        schemas.insert(format!("Thing{number}"), json!({ "type": "object", "properties": fields }));
        let reference = json!({ "$ref": format!("#/components/schemas/Thing{number}") });
        let content = json!({ "application/json": { "schema": reference } });
        let id = json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "integer" } });
        let list = json!({ "name": "fields", "in": "query", "schema": { "type": "array", "items": { "type": "string" } } });
        paths.insert(
            format!("/things{number}/{{id}}"),
            json!({ "parameters": [id], "get": { "operationId": format!("thing{number}"), "parameters": [list],
                "summary": format!("Thing {number}"), "responses": { "200": { "description": "it", "content": content } } } }),
        );
    }
    json!({ "openapi": "3.1.0", "info": { "title": "Things" }, "paths": paths, "components": { "schemas": schemas } })
        .to_string()
}
