//! MCP on the wire: the five versions, scopes, progress, and errors a client can read.

use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, Server, one_service};

fn server() -> Server {
    Server::start(&one_service("hostile", ""))
}

fn modern() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

async fn modern_call(
    server: &Server,
    method: &str,
    name: Option<&str>,
    params: Value,
) -> (StatusCode, Value) {
    let mut request = Request::post(format!("http://{}/mcp", server.address))
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method);
    if let Some(name) = name {
        request = request.header("mcp-name", name);
    }
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let response = server.client().send(request.body(body.to_string()).unwrap()).await;
    (response.status(), serde_json::from_slice(response.body()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_legacy_version_is_negotiated() {
    let server = server();
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let params = json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        let answer = server.client().rpc("initialize", params).await;
        assert_eq!(answer["result"]["protocolVersion"], json!(version));
        assert_eq!(answer["result"]["serverInfo"]["name"], json!("bulkhead"));
        assert_eq!(answer["result"]["capabilities"], json!({ "tools": { "listChanged": true } }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_version_needs_no_handshake() {
    let server = server();
    let (status, answer) = modern_call(&server, "server/discover", None, json!({ "_meta": modern() })).await;
    assert_eq!(status, 200);
    let versions = answer["result"]["supportedVersions"].as_array().unwrap();
    assert_eq!(versions.len(), 5);
    let params = json!({ "name": "hostile_add", "arguments": { "a": 2, "b": 3 }, "_meta": modern() });
    let (_, answer) = modern_call(&server, "tools/call", Some("hostile_add"), params).await;
    assert_eq!(answer["result"]["structuredContent"], json!({ "sum": 5 }));
    assert_eq!(answer["result"]["resultType"], json!("complete"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_contradicts_the_body_is_refused() {
    let server = server();
    let params = json!({ "name": "hostile_add", "arguments": {}, "_meta": modern() });
    let (status, answer) = modern_call(&server, "tools/call", Some("hostile_nap"), params).await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (400, &json!(-32020)));
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_listed_from_memory() {
    let server = server();
    let answer = server.client().rpc("tools/list", json!({})).await;
    let tools = answer["result"]["tools"].as_array().unwrap();
    assert_eq!(tools[0]["name"], json!("hostile_add"));
    assert_eq!(tools[0]["annotations"]["readOnlyHint"], json!(true));
    assert_eq!(tools[0]["inputSchema"]["required"], json!(["a", "b"]));
    let before = server.log_text();
    server.client().rpc("tools/list", json!({})).await;
    assert_eq!(before.matches("outcome").count(), server.log_text().matches("outcome").count());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_service_has_its_own_endpoint() {
    let server = server();
    let one = Client::new(&format!("http://{}/mcp/hostile", server.address));
    assert_eq!(one.ok("hostile_add", json!({ "a": 1, "b": 1 })).await, json!({ "sum": 2 }));
    let none = Client::new(&format!("http://{}/mcp/nobody", server.address));
    let response = none.post(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
    assert_eq!(response.status(), 404);
    let answer: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(answer["error"]["message"], json!("no such service; /mcp serves all of them"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_tool_and_bad_arguments_are_told_apart() {
    let server = server();
    let unknown = server.client().call("hostile_nothing", json!({})).await;
    assert_eq!(
        (&unknown["code"], &unknown["message"]),
        (&json!(-32602), &json!("Unknown tool: hostile_nothing"))
    );
    let (reason, text) = server.client().refused("hostile_add", json!({ "a": "one" })).await;
    assert_eq!(reason, "invalid_arguments");
    assert!(
        text.contains("arguments.a: \"one\" is not of type \"integer\"")
            && text.contains("\"b\" is a required property"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_and_foreign_hosts_are_refused() {
    let server = server();
    let url = format!("http://{}/mcp", server.address);
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    for (name, value) in [("origin", "http://evil.example"), ("origin", "null"), ("host", "evil.example")] {
        let request = Request::post(&url).header(name, value).body(body.to_owned()).unwrap();
        let response = server.client().send(request).await;
        assert_eq!(response.status(), 403, "{name}: {value}");
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_is_listed_may_call() {
    let config = format!(
        "server: {{ allowed_origins: ['https://app.example.com:443'] }}\n{}",
        one_service("hostile", "")
    );
    let server = Server::start(&config);
    let request =
        Request::post(format!("http://{}/mcp", server.address)).header("origin", "https://app.example.com");
    let request = request.body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_owned()).unwrap();
    assert_eq!(server.client().send(request).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_name_that_is_listed_is_served() {
    let config = format!("server: {{ allowed_hosts: [mcp.example] }}\n{}", one_service("hostile", ""));
    let server = Server::start(&config);
    let status = async |host: &str| {
        let request = Request::post(format!("http://{}/mcp", server.address)).header("host", host);
        let request = request.body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_owned()).unwrap();
        server.client().send(request).await.status().as_u16()
    };
    assert_eq!((status("mcp.example").await, status("other.example").await), (200, 403));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_answered_in_json_rpc() {
    let server = server();
    let response = server.client().post("{not json").await;
    assert_eq!(response.status(), 400);
    let answer: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(answer["error"]["code"], json!(-32700));
    let large = "x".repeat(5 << 20);
    assert_eq!(server.client().post(&large).await.status(), 413);
    let request = Request::builder().method(Method::GET).uri(format!("http://{}/nowhere", server.address));
    assert_eq!(server.client().send(request.body(String::new()).unwrap()).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_comes_before_the_result() {
    let server = server();
    let meta = json!({ "progressToken": "p" });
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "hostile_nap", "arguments": { "ms": 30, "reports": 3 }, "_meta": meta },
    });
    let response = server.client().post(&body.to_string()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    let messages = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let messages: Vec<Value> = messages.collect();
    let progress: Vec<_> = messages
        .iter()
        .filter(|m| m["method"] == "notifications/progress")
        .map(|m| m["params"]["progress"].clone())
        .collect();
    assert_eq!(progress, [json!(1.0), json!(2.0), json!(3.0)]);
    assert_eq!(messages.last().unwrap()["result"]["content"][0]["text"], json!("rested"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_stops_its_call() {
    let server = server();
    let params = json!({ "name": "hostile_nap", "arguments": { "ms": 60_000 }, "_meta": modern() });
    let call = modern_call(&server, "tools/call", Some("hostile_nap"), params);
    let gone = tokio::time::timeout(std::time::Duration::from_millis(300), call).await;
    assert!(gone.is_err());
    server.logged(|entry| entry["target"] == "call" && entry["outcome"] == "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_without_a_client() {
    let server = server();
    let body = async |path: &str| {
        let request = Request::get(format!("http://{}/{path}", server.address)).body(String::new()).unwrap();
        let response = server.client().send(request).await;
        assert_eq!(response.status(), 200);
        String::from_utf8(response.body().to_vec()).unwrap()
    };
    assert_eq!(body("readyz").await, r#"{"status":"ok"}"#);
    let healthy = r#"{"status":"ok","services":[{"name":"hostile","state":"serving"}]}"#;
    assert_eq!(body("healthz").await, healthy);
    let metrics = body("metrics").await;
    for line in [
        "bulkhead_service_up{service=\"hostile\"} 1",
        "bulkhead_service_quarantines_total{service=\"hostile\"} 0",
        "bulkhead_upstream_circuits_open{service=\"hostile\"} 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_has_exactly_one_record() {
    let server = server();
    server.client().call("hostile_add", json!({ "a": 1, "b": 1 })).await;
    server.client().call("hostile_panic", json!({})).await;
    server.client().call("no_such", json!({})).await;
    for (tool, outcome) in [("hostile_add", "ok"), ("hostile_panic", "trapped"), ("no_such", "unknown_tool")]
    {
        server.logged(|entry| {
            entry["target"] == "call" && entry["tool"] == tool && entry["outcome"] == outcome
        });
    }
    assert_eq!(server.log_text().matches("\"outcome\"").count(), 3);
}
