//! Whatever a client sends, it is answered in JSON-RPC, with the right code and status, and nothing else is harmed.

#![expect(clippy::disallowed_methods, reason = "a client of the server under test")]

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use hyper::Request;
use serde_json::{Value, json};

use crate::support::{Client, Server, one_service};

fn server() -> Server {
    Server::start(&format!("server: {{ sessions: {{}}, legacy_sse: true }}\n{}", one_service("hostile", "")))
}

/// Status and error code; the id as well, if there is one.
async fn refused(client: &Client, body: &str) -> (u16, i64, Value) {
    let response = client.post(body).await;
    let answer: Value =
        serde_json::from_slice(response.body()).unwrap_or_else(|e| panic!("{e}: {response:?}"));
    assert!(answer["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    assert_eq!(answer["jsonrpc"], json!("2.0"));
    (response.status().as_u16(), answer["error"]["code"].as_i64().unwrap(), answer["id"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_malformed_gets_the_right_error_with_and_without_a_session() {
    let server = server();
    let deep = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"x":{open}{close}}}}}"#)
    };
    let call = |arguments: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"hostile_add","arguments":{arguments}}}}}"#
        )
    };
    let table = [
        // No JSON.
        ("", -32700, json!(null)),
        ("{", -32700, json!(null)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/li"#, -32700, json!(null)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}}"#, -32700, json!(null)),
        (&deep(100_000), -32700, json!(null)),
        (&call(r#"{"a":1e999,"b":1}"#), -32700, json!(null)),
        (&call(r#"{"a":"\ud83d","b":1}"#), -32700, json!(null)),
        ("\u{feff}{}", -32700, json!(null)),
        // JSON, and no message.
        ("null", -32600, json!(null)),
        (r#""ping""#, -32600, json!(null)),
        (r#"{"id":1,"method":"ping"}"#, -32600, json!(1)),
        (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, -32600, json!(1)),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, json!(null)),
        (r#"{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}"#, -32600, json!(null)),
        (r#"{"jsonrpc":"2.0","id":1e400,"method":"ping"}"#, -32700, json!(null)),
        (r#"{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"ping"}"#, -32600, json!(null)),
        (r#"{"jsonrpc":"2.0","id":1,"method":["ping"]}"#, -32600, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":1}"#, -32600, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, -32600, json!(null)),
        (&call(r#"{"a":1,"a":2,"b":1}"#), -32600, json!(null)),
        // A message, and no params for it.
        (r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":[1]}"#, -32602, json!("x")),
        (r#"{"jsonrpc":"2.0","id":"x","method":"tools/call"}"#, -32602, json!("x")),
        (r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":7}}"#, -32602, json!("x")),
        (&call("7"), -32602, json!(1)),
        (r#"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":7}}"#, -32602, json!(2)),
        (r#"{"jsonrpc":"2.0","id":2,"method":"initialize","params":{}}"#, -32602, json!(2)),
        (
            r#"{"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"loud"}}"#,
            -32602,
            json!(2),
        ),
    ];
    let session = server.client().begin("2025-11-25").await;
    for (body, code, id) in &table {
        for client in [&server.client(), &session] {
            assert_eq!(refused(client, body).await, (400, *code, id.clone()), "{body:.80}");
        }
    }
    // Numbers that are large are numbers; what they are good for is the tool's schema to say.
    for client in [&server.client(), &session] {
        let (reason, _) = client.refused("hostile_add", json!({ "a": 1e300, "b": 1 })).await;
        assert_eq!(reason, "invalid_arguments");
    }
    // What is unknown is no fault of the message.
    let unknown = server.client().rpc("no/such", json!({})).await;
    assert_eq!(unknown["error"]["code"], json!(-32601));
    assert_eq!(session.rpc("no/such", json!({})).await["error"]["code"], json!(-32601));
    assert_eq!(session.ok("hostile_add", json!({ "a": 2, "b": 3 })).await, json!({ "sum": 5 }));
    for level in ["WARN", "ERROR"] {
        assert!(!server.log_text().contains(&format!(r#""level":"{level}""#)), "{}", server.log_text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_answered_where_the_version_has_them() {
    let server = server();
    let ping = |id: i64| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    let add = json!({ "name": "hostile_add", "arguments": { "a": 2, "b": 3 } });
    let meta = json!({ "progressToken": 1 });
    let nap = json!({ "name": "hostile_nap", "arguments": { "ms": 20, "reports": 2 }, "_meta": meta });
    let batch = json!([
        ping(1),
        { "jsonrpc": "2.0", "method": "notifications/initialized" },
        { "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": add },
        7,
        { "jsonrpc": "2.0", "id": 3, "method": "no/such" },
        { "jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": nap },
        { "jsonrpc": "2.0", "id": 5, "method": "initialize", "params": {
            "protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } },
        [ping(6)],
    ])
    .to_string();
    let (plain, session) = (server.client(), server.client().begin("2025-03-26").await);
    for client in [&plain, &plain.clone().with("mcp-protocol-version", "2025-03-26"), &session] {
        let response = client.post(&batch).await;
        assert_eq!(response.status(), 200);
        let answers: Vec<Value> = serde_json::from_slice(response.body()).unwrap();
        let told = |answer: &Value| (answer["id"].clone(), answer["error"]["code"].clone());
        let told: Vec<_> = answers.iter().map(told).collect();
        let expected = [
            (json!(1), json!(null)),
            (json!(2), json!(null)),
            (json!(null), json!(-32600)),
            (json!(3), json!(-32601)),
            (json!(4), json!(null)),
            (json!(5), json!(-32600)),
            (json!(null), json!(-32600)),
        ];
        assert_eq!(told, expected);
        assert_eq!(answers[1]["result"]["structuredContent"], json!({ "sum": 5 }));
        let silent = json!([{ "jsonrpc": "2.0", "method": "notifications/initialized" }]).to_string();
        let response = client.post(&silent).await;
        assert_eq!((response.status().as_u16(), response.body().len()), (202, 0));
        let many = |length: i64| json!((0..length).map(ping).collect::<Vec<_>>()).to_string();
        assert_eq!(refused(client, "[]").await, (400, -32600, json!(null)));
        assert_eq!(refused(client, &many(65)).await, (400, -32600, json!(null)));
        assert_eq!(client.post(&many(64)).await.status(), 200);
        let nested = refused(client, &format!("[{}", many(3))).await;
        assert_eq!(nested, (400, -32700, json!(null)));
    }
    for version in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        let batch = json!([ping(1)]).to_string();
        let plain = server.client().with("mcp-protocol-version", version);
        for client in [&plain, &server.client().begin(version).await] {
            assert_eq!(refused(client, &batch).await, (400, -32600, json!(null)), "{version}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_json_by_name_or_to_take_is_refused() {
    let server = server();
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for session in [None, Some(server.client().begin("2025-11-25").await)] {
        let client = session.unwrap_or_else(|| server.client());
        for kind in ["text/plain", "application/jsonp", "multipart/form-data"] {
            let status = refused(&client.clone().with("content-type", kind), ping).await;
            assert_eq!(status, (415, -32600, json!(null)), "{kind}");
        }
        let typed = client.clone().with("content-type", "Application/JSON; charset=utf-8");
        assert_eq!(typed.post(ping).await.status(), 200);
        assert_eq!(refused(&client.with("accept", "text/html"), ping).await, (406, -32600, json!(null)));
    }
    for method in ["PUT", "PATCH", "OPTIONS"] {
        let response = server.client().bare(method).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["allow"]),
            (405, &"GET, POST, DELETE".parse().unwrap())
        );
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(answer["error"]["code"], json!(-32600));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_mcp_checks_host_and_origin() {
    let server = server();
    let session = server.client().begin("2025-11-25").await;
    for (name, value) in [("origin", "http://evil.example"), ("origin", "null"), ("host", "evil.example")] {
        for (method, path) in
            [("GET", "/mcp"), ("DELETE", "/mcp"), ("POST", "/mcp"), ("GET", "/sse"), ("POST", "/messages")]
        {
            let request = Request::builder().method(method).uri(format!("http://{}{path}", server.address));
            let request = request.header(name, value).body("{}".to_owned()).unwrap();
            let response = session.send(request).await;
            assert_eq!(response.status(), 403, "{method} {path} {name}: {value}");
            let answer: Value = serde_json::from_slice(response.body()).unwrap();
            assert_eq!(answer["error"]["code"], json!(-32600));
        }
    }
}

/// What the server says to these bytes until it hangs up.
fn said(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let _ = stream.write_all(bytes);
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

fn head(length: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n{length}\r\n\r\n"
    )
}

#[test]
fn a_body_of_100_megabytes_is_refused_before_it_is_read() {
    let server = server();
    let announced = said(&server, head("Content-Length: 104857600").as_bytes());
    assert!(announced.starts_with("HTTP/1.1 413 "), "{announced}");
    assert!(announced.contains("connection: close") && announced.contains(r#""code":-32600"#), "{announced}");
    // One that does not say how long it is, is read as far as the limit.
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(head("Transfer-Encoding: chunked").as_bytes()).unwrap();
    let chunk = [&b"100000\r\n"[..], &vec![b' '; 1 << 20], b"\r\n"].concat();
    let mut written = 0;
    while written < 100 && stream.write_all(&chunk).is_ok() {
        written += 1;
    }
    assert!(written < 100, "it read everything");
}

#[test]
fn a_body_that_ends_too_soon_harms_nobody() {
    let server = server();
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(head("Content-Length: 50").as_bytes()).unwrap();
    stream.write_all(br#"{"jsonrpc":"2.0","#).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut said = String::new();
    let _ = stream.read_to_string(&mut said);
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 400 "), "{said}");
}

#[test]
fn garbage_after_a_request_does_not_cost_its_answer() {
    let server = server();
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let request = format!("{}{ping}", head(&format!("Content-Length: {}", ping.len())));
    let answers = said(&server, format!("{request}{request}\x00\x01garbage\r\n\r\n").as_bytes());
    assert_eq!(answers.matches(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).count(), 2, "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 400 Bad Request").count(), 1, "{answers}");
}
