//! Sessions of legacy clients from outside: whose they are, where they are served, how many there may be, and what
//! becomes of a call whose connection is lost.

use hyper::Request;
use serde_json::{Value, json};

use crate::support::{Client, Server, initialize, one_service, secrets, services, tenancy::callers};

const VERSION: &str = "2025-11-25";

fn serving(sessions: &str) -> Server {
    Server::start(&format!("server: {{ sessions: {{ {sessions} }} }}\n{}", one_service("hostile", "")))
}

fn message(id: i64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// A call that naps; with `reports` it tells of it, so that its answer is a stream.
fn nap(id: i64, ms: u64, reports: u64) -> String {
    let meta = json!({ "progressToken": id });
    let arguments = if reports == 0 { json!({ "ms": ms }) } else { json!({ "ms": ms, "reports": reports }) };
    message(id, "tools/call", &json!({ "name": "hostile_nap", "arguments": arguments, "_meta": meta }))
}

fn cancel(id: i64) -> String {
    json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } })
        .to_string()
}

/// Status, code and message.
async fn refused(client: &Client, method: &str, body: &str) -> (u16, i64, String) {
    let response = if method == "POST" { client.post(body).await } else { client.bare(method).await };
    let answer: Value =
        serde_json::from_slice(response.body()).unwrap_or_else(|e| panic!("{e}: {response:?}"));
    let error = &answer["error"];
    let text = error["message"].as_str().unwrap().to_owned();
    (response.status().as_u16(), error["code"].as_i64().unwrap(), text)
}

fn unknown() -> (u16, i64, String) {
    (404, -32001, "the session is not known; initialize a new one".to_owned())
}

async fn metric(server: &Server, name: &str) -> i64 {
    let request = Request::get(format!("http://{}/metrics", server.address)).body(String::new()).unwrap();
    let text = String::from_utf8(server.client().send(request).await.body().to_vec()).unwrap();
    let line =
        text.lines().find(|line| line.split(' ').next() == Some(name)).unwrap_or_else(|| panic!("{text}"));
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lasts_until_it_is_ended() {
    let server = serving("");
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", VERSION] {
        let client = server.client().begin(version).await;
        assert!(client.header("mcp-session-id").bytes().all(|byte| byte.is_ascii_graphic()));
        let begun = client.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        assert_eq!((begun.status().as_u16(), begun.body().len()), (202, 0));
        assert_eq!(client.ok("hostile_add", json!({ "a": 2, "b": 3 })).await, json!({ "sum": 5 }));
        assert_eq!(metric(&server, "bulkhead_sessions").await, 1);
        let ended = client.bare("DELETE").await;
        assert_eq!((ended.status().as_u16(), ended.body().len()), (204, 0));
        assert_eq!(metric(&server, "bulkhead_sessions").await, 0);
        assert_eq!(refused(&client, "DELETE", "").await, unknown());
        assert_eq!(refused(&client, "GET", "").await, unknown());
        assert_eq!(refused(&client, "POST", &message(1, "ping", &json!({}))).await, unknown());
    }
    // Who wants none has none.
    assert_eq!(server.client().ok("hostile_add", json!({ "a": 2, "b": 3 })).await, json!({ "sum": 5 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_sessions_every_request_stands_for_itself() {
    let server = Server::start(&one_service("hostile", ""));
    let response = server.client().post(&initialize(VERSION)).await;
    assert!(response.status() == 200 && !response.headers().contains_key("mcp-session-id"));
    let client = server.client().with("mcp-session-id", "anything");
    assert_eq!(client.ok("hostile_add", json!({ "a": 2, "b": 3 })).await, json!({ "sum": 5 }));
    for method in ["GET", "DELETE"] {
        let response = client.bare(method).await;
        assert_eq!(
            (response.status().as_u16(), response.headers()["allow"].to_str().unwrap()),
            (405, "POST")
        );
    }
    let level = client.rpc("logging/setLevel", json!({ "level": "info" })).await;
    assert_eq!(level["error"]["code"], json!(-32601));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_sets_up_is_kept_in_its_session() {
    let server = serving("");
    let client = server.client().begin(VERSION).await;
    assert_eq!(client.rpc("logging/setLevel", json!({ "level": "error" })).await["result"], json!({}));
    let unknown = client.rpc("resources/subscribe", json!({ "uri": "a:1" })).await;
    let why = json!({ "code": -32002, "message": "Resource not found: a:1" });
    assert_eq!(unknown["error"], why);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_nothing_to_others() {
    let (auth, [alice, bob, eve]) = callers([
        ("alice", "acme", "tools: ['*']"),
        ("bob", "acme", "tools: ['*']"),
        ("eve", "globex", "tools: ['*']"),
    ]);
    let tenants = services("hostile", &[("hostile", "")]).replace("test:", "acme:");
    let config =
        format!("server: {{ sessions: {{}} }}\n{auth}{tenants}").replace("} } }\n", "} }, globex: {} }\n");
    let server = Server::start(&config);
    let session = server.client_of(&alice, "/mcp").begin(VERSION).await;
    let id = session.header("mcp-session-id");
    let ping = message(1, "ping", &json!({}));
    for key in [&bob, &eve] {
        let thief = server.client_of(key, "/mcp").with("mcp-session-id", id);
        let guesser = server.client_of(key, "/mcp").with("mcp-session-id", "AAAA");
        for method in ["GET", "POST", "DELETE"] {
            assert_eq!(refused(&thief, method, &ping).await, unknown());
            assert_eq!(refused(&guesser, method, &ping).await, unknown());
        }
    }
    // And without credentials it opens nothing.
    let nobody = server.client().with("mcp-session-id", id);
    for method in ["GET", "POST", "DELETE"] {
        assert_eq!(refused(&nobody, method, &ping).await.0, 401);
    }
    assert_eq!(session.ok("hostile_add", json!({ "a": 2, "b": 3 })).await, json!({ "sum": 5 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_with_the_same_key_serve_each_others_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = ("1".repeat(32), "2".repeat(32));
    let keys = secrets(&dir, &[("one", &one), ("other", &other)]);
    let host = |key: &str| {
        let server = format!("server: {{ sessions: {{}}, handle_keys: ['${{secret:{key}}}'] }}\n");
        Server::start(&format!("{keys}{server}{}", one_service("hostile", "")))
    };
    let (first, second, stranger) = (host("one"), host("one"), host("other"));
    let session = first.client().begin(VERSION).await;
    let at = |server: &Server| server.client().with("mcp-session-id", session.header("mcp-session-id"));
    drop(first);
    assert_eq!(at(&second).ok("hostile_add", json!({ "a": 2, "b": 3 })).await, json!({ "sum": 5 }));
    let ping = message(1, "ping", &json!({}));
    assert_eq!(refused(&at(&stranger), "POST", &ping).await, unknown());
    assert_eq!(at(&second).bare("DELETE").await.status(), 204);
    assert_eq!(refused(&at(&second), "POST", &ping).await, unknown());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_was_ended_or_changed_is_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let keys = secrets(&dir, &[("one", &"1".repeat(32))]);
    let server = "server: { sessions: {}, handle_keys: ['${secret:one}'] }\n";
    let host = || Server::start(&format!("{keys}{server}{}", one_service("hostile", "")));
    let (first, second) = (host(), host());
    let session = first.client().begin(VERSION).await;
    let id = session.header("mcp-session-id").to_owned();
    let at = |server: &Server, id: &str| server.client().with("mcp-session-id", id);
    let ping = message(1, "ping", &json!({}));
    for place in [0, id.len() / 2, id.len() - 1] {
        let mut changed = id.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'Q' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        for method in ["GET", "POST", "DELETE"] {
            assert_eq!(refused(&at(&first, &changed), method, &ping).await, unknown());
        }
    }
    assert_eq!(at(&second, &id).post(&ping).await.status(), 200);
    assert_eq!(session.bare("DELETE").await.status(), 204);
    for method in ["GET", "POST", "DELETE"] {
        assert_eq!(refused(&session, method, &ping).await, unknown());
    }
    // The other host cannot know of it: there its id is good until it is ended there too, or its life is over.
    assert_eq!(at(&second, &id).post(&ping).await.status(), 200);
    assert_eq!(at(&second, &id).bare("DELETE").await.status(), 204);
    assert_eq!(refused(&at(&second, &id), "POST", &ping).await, unknown());
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_capped_and_those_there_are_not_touched() {
    let server = serving("per_caller: 2, total: 2");
    let first = server.client().begin(VERSION).await;
    let _second = server.client().begin(VERSION).await;
    let response = server.client().post(&initialize(VERSION)).await;
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    assert_eq!(first.ok("hostile_add", json!({ "a": 2, "b": 3 })).await, json!({ "sum": 5 }));
    assert_eq!(first.bare("DELETE").await.status(), 204);
    server.client().begin(VERSION).await;

    let server = serving("per_caller: 1");
    let _one = server.client().begin(VERSION).await;
    let response = server.client().post(&initialize(VERSION)).await;
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "5"));
    let hit = "bulkhead_limits_hit_total{limit=\"sessions_per_caller\",scope=\"caller\"}";
    assert_eq!(metric(&server, hit).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_leaves_memory_and_one_with_a_call_does_not() {
    let server = serving("idle: 100ms");
    let (busy, idle) = (server.client().begin(VERSION).await, server.client().begin(VERSION).await);
    let mut events = busy.stream("POST", &nap(1, 60_000, 2)).await;
    assert_eq!(events.next().await.unwrap().data, ""); // the priming event
    assert_eq!(events.next().await.unwrap().json()["params"]["progress"], json!(1.0));
    server.logged(|entry| entry["message"] == "idle sessions are dropped" && entry["dropped"] == 1);
    assert_eq!(metric(&server, "bulkhead_sessions").await, 1);
    // Its client may go on.
    assert_eq!(idle.ok("hostile_add", json!({ "a": 2, "b": 3 })).await, json!({ "sum": 5 }));
    assert_eq!(busy.post(&cancel(1)).await.status(), 202);
    assert!(events.rest().await.is_empty());
    server.logged(|entry| entry["tool"] == "hostile_nap" && entry["outcome"] == "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_ends_its_calls() {
    let server = serving("");
    let client = server.client().begin(VERSION).await;
    let mut events = client.stream("POST", &nap(1, 60_000, 2)).await;
    events.next().await.unwrap();
    events.next().await.unwrap();
    assert_eq!(client.bare("DELETE").await.status(), 204);
    // The stream ends; whether the answer still gets into it nobody promised.
    for last in events.rest().await {
        assert_eq!(last.json()["result"]["_meta"]["bulkhead/error"]["reason"], json!("cancelled"));
    }
    server.logged(|entry| entry["tool"] == "hostile_nap" && entry["outcome"] == "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_under_way_have_two_ids() {
    let server = serving("");
    let client = server.client().begin(VERSION).await;
    let mut events = client.stream("POST", &nap(7, 60_000, 2)).await;
    events.next().await.unwrap();
    let same = refused(&client, "POST", &message(7, "ping", &json!({}))).await;
    assert_eq!(same, (400, -32600, "a request with this id is under way".to_owned()));
    assert_eq!(client.post(&message(8, "ping", &json!({}))).await.status(), 200);
    assert_eq!(client.post(&cancel(7)).await.status(), 202);
    events.rest().await;
    // Whoever has the answer may use the id again at once.
    for _ in 0..200 {
        assert_eq!(client.post(&message(7, "ping", &json!({}))).await.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_cancels_nothing_and_what_was_missed_can_be_fetched() {
    let server = serving("");
    let client = server.client().begin(VERSION).await;
    let mut events = client.stream("POST", &nap(1, 300, 3)).await;
    let priming = events.next().await.unwrap();
    assert_eq!((priming.data.as_str(), priming.retry.as_deref()), ("", Some("1000")));
    let first = events.next().await.unwrap();
    assert_eq!(first.json()["params"]["progress"], json!(1.0));
    drop(events);
    server.logged(|entry| entry["tool"] == "hostile_nap" && entry["outcome"] == "ok");
    let again = client.clone().with("last-event-id", first.id.as_deref().unwrap());
    let mut missed = again.stream("GET", "").await.rest().await;
    assert_eq!(missed.remove(0).id, first.id);
    let progress: Vec<_> = missed.iter().map(|event| event.json()["params"]["progress"].clone()).collect();
    assert_eq!(progress, [json!(2.0), json!(3.0), Value::Null]);
    assert_eq!(missed[2].json()["result"]["content"][0]["text"], json!("rested"));
    let mut ids: Vec<_> = missed.iter().map(|event| event.id.clone().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    // All of it was read: nothing is kept.
    for last in [first.id.as_deref().unwrap(), "nonsense", "0-0"] {
        let gone = refused(&client.clone().with("last-event-id", last), "GET", "").await;
        assert_eq!((gone.0, gone.1), (400, -32600));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_be_told_to_come_back_for_its_answer() {
    let server = serving("poll_after: 100ms");
    let client = server.client().begin(VERSION).await;
    let events = client.stream("POST", &nap(1, 1_000, 0)).await;
    assert_eq!(events.headers["content-type"], "text/event-stream");
    let mut last = events.rest().await.remove(0);
    assert!(last.data.is_empty() && last.retry.is_some());
    let result = loop {
        let again = client.clone().with("last-event-id", last.id.as_deref().unwrap());
        let events = again.stream("GET", "").await.rest().await;
        match events.into_iter().find(|event| !event.data.is_empty()) {
            Some(event) => break event.json(),
            None => last.data.clear(),
        }
    };
    assert_eq!(result["result"]["content"][0]["text"], json!("rested"));
    // To older clients an event without data is none: they keep their stream.
    let old = server.client().begin("2025-06-18").await;
    let answer = old.post(&nap(1, 300, 0)).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_one_stream_and_a_caller_so_many() {
    let server = serving("streams_per_caller: 2, streams: 2");
    let [one, two, three] = [
        server.client().begin(VERSION).await,
        server.client().begin(VERSION).await,
        server.client().begin(VERSION).await,
    ];
    let first = one.stream("GET", "").await;
    assert_eq!((first.status, first.headers["content-type"].to_str().unwrap()), (200, "text/event-stream"));
    let _other = two.stream("GET", "").await;
    assert_eq!(metric(&server, "bulkhead_streams").await, 2);
    let full = three.stream("GET", "").await;
    assert_eq!((full.status, full.headers["retry-after"].to_str().unwrap()), (503, "5"));
    // A second stream of a session takes the place of the first.
    let again = one.stream("GET", "").await;
    assert_eq!(again.status, 200);
    assert!(first.rest().await.is_empty());
    assert_eq!(one.bare("DELETE").await.status(), 204);
    assert!(again.rest().await.is_empty());
    assert_eq!(three.stream("GET", "").await.status, 200);
    let picky = three.with("accept", "application/json");
    assert_eq!(picky.stream("GET", "").await.status, 406);
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_that_do_not_read_change_nothing_for_others() {
    let server = serving("streams_per_caller: 200, per_caller: 300");
    let mut stalled = Vec::new();
    for _ in 0..100 {
        let client = server.client().begin(VERSION).await;
        stalled.push(client.stream("GET", "").await);
        if stalled.len() < 40 {
            stalled.push(client.stream("POST", &nap(1, 60_000, 2)).await);
        }
    }
    assert!(stalled.iter().all(|events| events.status == 200));
    assert_eq!(metric(&server, "bulkhead_streams").await, 100);
    let client = server.client().begin(VERSION).await;
    assert_eq!(client.ok("hostile_add", json!({ "a": 2, "b": 3 })).await, json!({ "sum": 5 }));
    drop(stalled);
    assert_eq!(client.ok("hostile_add", json!({ "a": 2, "b": 3 })).await, json!({ "sum": 5 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_nothing_is_refused() {
    let server = serving("");
    let client = server.client().begin(VERSION).await;
    let why = "nothing was asked under this id, or it is not asked any more".to_owned();
    for body in [
        r#"{"jsonrpc":"2.0","id":5,"result":{"roots":[]}}"#,
        r#"{"jsonrpc":"2.0","id":"5","result":{"roots":[]}}"#,
        r#"{"jsonrpc":"2.0","id":-5,"error":{"code":-1,"message":"no"}}"#,
    ] {
        assert_eq!(refused(&client, "POST", body).await, (400, -32600, why.clone()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_only_streams_gets_one() {
    let server = serving("");
    let client = server.client().with("accept", "text/event-stream").begin(VERSION).await;
    let events = client.stream("POST", &message(3, "ping", &json!({}))).await.rest().await;
    assert_eq!((events.len(), events[0].data.as_str()), (2, ""));
    assert_eq!(events[1].json(), json!({ "jsonrpc": "2.0", "id": 3, "result": {} }));
    let none = client.with("accept", "text/html");
    assert_eq!(refused(&none, "POST", &message(1, "ping", &json!({}))).await.0, 406);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_version_knows_no_sessions() {
    let server = serving("");
    let session = server.client().begin(VERSION).await;
    assert_eq!(session.bare("DELETE").await.status(), 204);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    // The id is of an ended session, and nobody looks.
    let client = session.with("mcp-protocol-version", "2026-07-28").with("mcp-method", "tools/list");
    let answer = client.rpc("tools/list", json!({ "_meta": meta })).await;
    assert!(answer["result"]["tools"].is_array(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_says_of_itself_is_bounded() {
    let server = serving("");
    let client = json!({ "name": "n".repeat(4000), "version": "1" });
    let params = json!({ "protocolVersion": VERSION, "capabilities": {}, "clientInfo": client });
    let response = server.client().post(&message(1, "initialize", &params)).await;
    assert_eq!(response.status(), 400);
    assert_eq!(metric(&server, "bulkhead_sessions").await, 0);
    let version = server.client().begin(VERSION).await.with("mcp-protocol-version", "1999-01-01");
    let ping = message(1, "ping", &json!({}));
    let why = "MCP-Protocol-Version names no version that is known here".to_owned();
    assert_eq!(refused(&version, "POST", &ping).await, (400, -32600, why));
}
