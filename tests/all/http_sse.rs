//! HTTP+SSE, the transport of 2024-11-05: the same host behind it, with the same checks.

use hyper::Request;
use serde_json::{Value, json};

use crate::support::{Client, Server, initialize, one_service, tenancy::callers};

fn server(more: &str) -> Server {
    Server::start(&format!("server: {{ legacy_sse: true, {more} }}\n{}", one_service("hostile", "")))
}

fn at(server: &Server, path: &str) -> Client {
    Client::new(&format!("http://{}{path}", server.address))
}

fn message(id: i64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_first_version_is_served() {
    let server = server("");
    let mut events = at(&server, "/sse").stream("GET", "").await;
    assert_eq!(events.headers["content-type"], "text/event-stream");
    let endpoint = events.next().await.unwrap();
    assert_eq!(endpoint.kind.as_deref(), Some("endpoint"));
    let messages = at(&server, &endpoint.data);
    assert_eq!(messages.post(&initialize("2024-11-05")).await.status(), 202);
    let answer = events.next().await.unwrap();
    assert_eq!(answer.kind.as_deref(), Some("message"));
    assert_eq!(answer.json()["result"]["protocolVersion"], json!("2024-11-05"));
    let begun = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(messages.post(begun).await.status(), 202);
    let params = json!({ "name": "hostile_add", "arguments": { "a": 2, "b": 3 } });
    assert_eq!(messages.post(&message(1, "tools/call", &params)).await.status(), 202);
    assert_eq!(events.next().await.unwrap().json()["result"]["structuredContent"], json!({ "sum": 5 }));
    // What is wrong is said at once.
    for (body, code) in [("{", -32700), ("[]", -32600), (r#"{"jsonrpc":"2.0","id":1}"#, -32600)] {
        let response = messages.post(body).await;
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!((response.status().as_u16(), &answer["error"]["code"]), (400, &json!(code)));
    }
    assert_eq!(messages.post(&" ".repeat(5 << 20)).await.status(), 413);
    // Its id is no session of the other transport.
    let id = endpoint.data.split('=').nth(1).unwrap();
    let crossed = server.client().with("mcp-session-id", id).post(&message(1, "ping", &json!({}))).await;
    assert_eq!(crossed.status(), 200); // sessions are off there
    // With the stream, everything ends.
    let arguments = json!({ "ms": 60_000, "reports": 2 });
    let nap = json!({ "name": "hostile_nap", "arguments": arguments, "_meta": { "progressToken": 1 } });
    assert_eq!(messages.post(&message(2, "tools/call", &nap)).await.status(), 202);
    assert_eq!(events.next().await.unwrap().json()["method"], json!("notifications/progress"));
    drop(events);
    server.logged(|entry| entry["tool"] == "hostile_nap" && entry["outcome"] == "cancelled");
    assert_eq!(messages.post(begun).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_speaks_only_versions_that_have_it() {
    let server = server("");
    let mut events = at(&server, "/sse").stream("GET", "").await;
    let messages = at(&server, &events.next().await.unwrap().data);
    messages.post(&initialize("2026-07-28")).await;
    assert_eq!(events.next().await.unwrap().json()["result"]["protocolVersion"], json!("2025-11-25"));
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    messages.post(&message(1, "tools/list", &json!({ "_meta": meta }))).await;
    assert_eq!(events.next().await.unwrap().json()["error"]["code"], json!(-32022));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_nothing_to_others_and_its_id_no_credential() {
    let (auth, [alice, bob]) = callers([("alice", "test", "tools: ['*']"), ("bob", "test", "tools: ['*']")]);
    let server =
        Server::start(&format!("server: {{ legacy_sse: true }}\n{auth}{}", one_service("hostile", "")));
    let ping = message(1, "ping", &json!({}));
    assert_eq!(at(&server, "/sse").bare("GET").await.status(), 401);
    let mut events = server.client_of(&alice, "/sse").stream("GET", "").await;
    let endpoint = events.next().await.unwrap().data;
    assert_eq!(at(&server, &endpoint).post(&ping).await.status(), 401);
    for path in [endpoint.as_str(), "/messages?sessionId=AAAA"] {
        let response = server.client_of(&bob, path).post(&ping).await;
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!((response.status().as_u16(), &answer["error"]["code"]), (404, &json!(-32001)));
    }
    assert_eq!(server.client_of(&alice, &endpoint).post(&ping).await.status(), 202);
    assert_eq!(events.next().await.unwrap().json()["result"], json!({}));
    assert_eq!(server.client_of(&alice, "/messages").post(&ping).await.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_off_unless_it_is_turned_on_and_streams_are_capped() {
    let off = Server::start(&one_service("hostile", ""));
    for (method, path) in [("GET", "/sse"), ("POST", "/messages?sessionId=a")] {
        let request = Request::builder().method(method).uri(format!("http://{}{path}", off.address));
        let response = off.client().send(request.body("{}".to_owned()).unwrap()).await;
        assert_eq!(response.status(), 404);
    }
    let server = server("sessions: { per_caller: 1 }");
    let open = at(&server, "/sse").stream("GET", "").await;
    assert_eq!(open.status, 200);
    let refused = at(&server, "/sse").stream("GET", "").await;
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (429, "5"));
    assert_eq!(at(&server, "/sse").bare("POST").await.status(), 405);
}
