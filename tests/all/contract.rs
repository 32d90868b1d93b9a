//! All that the contract can say, through a real component: resources, prompts, completions, questions, the log. Over
//! HTTP as 2026-07-28 has it, and over stdio as the versions before do.
#![expect(clippy::needless_pass_by_value, reason = "values are written where they are passed")]

mod asking;
mod handles;
mod hearing;
mod listing;
mod reading;
mod stdio;

use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, Server, component, tenancy::callers};

/// A service of the fixture under the name that the suites know, with further keys of it.
fn fixture(rest: &str) -> String {
    format!(
        "test: {{ component: '{}', config: {{ prefix: test }}, {rest} }}",
        component("conformance").display()
    )
}

fn one(service: &str) -> String {
    format!("tenants: {{ acme: {{ services: {{ {service} }} }} }}\n")
}

/// A server with the fixture, and clients of these callers (id, further keys as flow YAML).
fn served<const N: usize>(all: [(&str, &str); N], rest: &str) -> (Server, [Modern; N]) {
    let (auth, keys) = callers(all.map(|(id, rest)| (id, "acme", rest)));
    let server = Server::start(&(auth + rest + &one(&fixture(""))));
    let clients = keys.map(|key| Modern {
        client: server.client_of(&key, "/mcp"),
        url: format!("http://{}/mcp", server.address),
        capabilities: json!({ "elicitation": {}, "sampling": {}, "roots": {} }),
    });
    (server, clients)
}

/// A client of 2026-07-28.
#[derive(Clone)]
pub(crate) struct Modern {
    pub(crate) client: Client,
    pub(crate) url: String,
    /// What it can be asked.
    pub(crate) capabilities: Value,
}

impl Modern {
    fn declaring(&self, capabilities: Value) -> Self {
        Self { capabilities, ..self.clone() }
    }

    /// One request: the status, and every message that came back.
    async fn messages(&self, method: &str, mut params: Value) -> (StatusCode, Vec<Value>) {
        params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = self.capabilities.clone();
        let mut request = Request::post(&self.url).header("mcp-protocol-version", "2026-07-28");
        request = request.header("mcp-method", method);
        if let Some(name) = params["name"].as_str().or(params["uri"].as_str()) {
            request = request.header("mcp-name", name);
        }
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        let response = self.client.send(request.body(body.to_string()).unwrap()).await;
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let events: Vec<_> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
        let messages =
            if events.is_empty() { serde_json::from_str(&text).into_iter().collect() } else { events };
        (response.status(), messages)
    }

    /// Its `result`, or the JSON-RPC `error`.
    async fn ask(&self, method: &str, params: Value) -> Value {
        let (_, messages) = self.messages(method, params).await;
        let mut last = messages.into_iter().next_back().unwrap();
        if last["error"].is_null() { last["result"].take() } else { last["error"].take() }
    }

    pub(crate) async fn call(&self, tool: &str, more: Value) -> Value {
        let mut params = json!({ "name": tool, "arguments": {} });
        for (key, value) in more.as_object().unwrap() {
            params[key] = value.clone();
        }
        self.ask("tools/call", params).await
    }
}

/// A JSON-RPC error, without its data.
fn error(code: i32, message: &str) -> Value {
    json!({ "code": code, "message": message })
}

fn without_data(mut answer: Value) -> Value {
    answer.as_object_mut().unwrap().remove("data");
    answer
}

/// The entries of an audit log, each as `method tool outcome`.
fn audited(dir: &std::path::Path) -> Vec<String> {
    let mut lines = Vec::new();
    for file in std::fs::read_dir(dir.join("audit")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|end| end == "jsonl") {
            lines.extend(
                std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>(),
            );
        }
    }
    let entries = lines.iter().filter_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        // A line is an entry, or holds one beside its chain.
        let entry = if line["entry"].is_object() { &line["entry"] } else { &line };
        Some(format!(
            "{} {} {}",
            entry["method"].as_str()?,
            entry["tool"].as_str()?,
            entry["outcome"].as_str()?
        ))
    });
    entries.collect()
}
