//! Who is told that a list has changed, and who is not.

#![expect(clippy::disallowed_methods, reason = "a client of the server under test")]

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use futures::{FutureExt as _, future::select_all};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Server, listen,
    tenancy::{callers, shop},
};

const LISTEN: &str = "subscriptions/listen";

/// A listener over HTTP.
pub(crate) struct Listener(tokio::io::BufReader<TcpStream>);

impl Listener {
    /// Subscribes, and waits until that is acknowledged.
    pub(crate) async fn of(server: &Server, key: &str) -> Self {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let body = listen(&json!({ "toolsListChanged": true }));
        let request = format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\nx-api-key: {key}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\n\
             mcp-method: {LISTEN}\r\ncontent-length: {}\r\n\r\n{body}",
            server.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut listener = Self(tokio::io::BufReader::new(stream));
        let acknowledged = listener.next().await.unwrap();
        assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged", "{acknowledged}");
        listener
    }

    /// The next message; none when there will be no more.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        while self.0.read_line(&mut line).await.unwrap() > 0 {
            if let Some(data) = line.strip_prefix("data:").map(str::trim).filter(|data| !data.is_empty()) {
                return Some(serde_json::from_str(data).unwrap());
            }
            line.clear();
        }
        None
    }

    #[track_caller]
    pub(crate) fn is_told(message: Option<Value>) {
        assert_eq!(message.unwrap()["method"], "notifications/tools/list_changed");
    }
}

/// Two tenants, each with a shop; the sign is no part of a list, a disabled tool is.
fn two(auth: &str, acme: (&str, &str), apex: (&str, &str)) -> String {
    let tenant = |name: &str, (sign, disable): (&str, &str)| {
        let shop = shop("shop", sign, None, &format!("tools: {{ disable: [{disable}] }}"));
        format!("{name}: {{ services: {{ {shop} }} }}")
    };
    format!("{auth}tenants: {{ {}, {} }}\n", tenant("acme", acme), tenant("apex", apex))
}

#[tokio::test]
async fn the_listeners_of_the_tenant_concerned_are_told_and_no_others() {
    let (auth, [acme, apex]) = callers([("a", "acme", "tools: ['*']"), ("b", "apex", "tools: ['*']")]);
    let server = Server::start(&two(&auth, ("s", ""), ("s", "")));
    let (mut of_acme, mut of_apex) = (Listener::of(&server, &acme).await, Listener::of(&server, &apex).await);
    // One that never reads.
    let _stalled = Listener::of(&server, &acme).await;
    server.edit(&two(&auth, ("other", ""), ("other", ""))); // no list looks different
    server.edit(&two(&auth, ("other", "shop_nap"), ("other", "")));
    Listener::is_told(of_acme.next().await);
    assert_eq!(server.client_of(&acme, "/mcp").tools().await.len(), 5);
    // What comes first is about apex: acme's changes were not told there.
    server.edit(&two(&auth, ("other", "shop_nap"), ("other", "shop_say, shop_nap")));
    Listener::is_told(of_apex.next().await);
    assert_eq!(server.client_of(&apex, "/mcp").tools().await.len(), 4);
    for disable in ["", "shop_nap", "", "shop_nap"] {
        server.edit(&two(&auth, ("other", disable), ("other", "")));
        Listener::is_told(of_acme.next().await);
    }
    let messages = server.log_until_now_of(&server.client_of(&acme, "/mcp")).await;
    assert!(!messages.contains("panicked"));
}

#[tokio::test]
async fn a_listener_whose_key_is_gone_is_sent_away_and_others_hear_that_rights_have_changed() {
    let (auth, [stays]) = callers([("stays", "acme", "tools: ['*']")]);
    let (both, [goes]) = callers([("goes", "acme", "tools: ['*']")]);
    let entry = both.trim().strip_prefix("auth: { api_keys: [").unwrap().strip_suffix("] }").unwrap();
    let both = auth.replace("api_keys: [", &format!("api_keys: [{entry}, "));
    let server = Server::start(&two(&both, ("s", ""), ("s", "")));
    let (mut of_goes, mut of_stays) =
        (Listener::of(&server, &goes).await, Listener::of(&server, &stays).await);
    server.edit(&two(&auth, ("s", ""), ("s", "")));
    Listener::is_told(of_stays.next().await);
    let last = of_goes.next().await.unwrap();
    assert_eq!((&last["id"], &last["method"]), (&json!(7), &Value::Null), "its end: {last}");
}

#[tokio::test]
async fn a_caller_listens_so_many_times() {
    let (auth, [acme, apex]) = callers([("a", "acme", "tools: ['*']"), ("b", "apex", "tools: ['*']")]);
    let limit = "server: { sessions: { streams_per_caller: 2 } }\n";
    let server = Server::start(&format!("{limit}{}", two(&auth, ("s", ""), ("s", ""))));
    let mut three = Vec::new();
    for _ in 0..3 {
        three.push(Listener::of(&server, &acme).await);
    }
    // Acknowledged is each; which two have room is up to the threads that serve them.
    let (refused, _, _) = select_all(three.iter_mut().map(|listener| listener.next().boxed())).await;
    let why = "you have as many streams open as you may; close one";
    assert_eq!(refused.unwrap()["error"], json!({ "code": -32000, "message": why }));
    // Another caller's are its own.
    let mut other = Listener::of(&server, &apex).await;
    server.edit(&format!("{limit}{}", two(&auth, ("s", ""), ("s", "shop_nap"))));
    Listener::is_told(other.next().await);
}

#[tokio::test]
async fn a_listener_that_leaves_is_forgotten() {
    let (auth, [acme]) = callers([("a", "acme", "tools: ['*']")]);
    let server = Server::start(&two(&auth, ("s", ""), ("s", "")));
    let mut listener = Listener::of(&server, &acme).await;
    listener.0.get_mut().shutdown().await.unwrap();
    let mut rest = Vec::new();
    // The host closes its side as well.
    listener.0.read_to_end(&mut rest).await.unwrap();
    server.edit(&two(&auth, ("s", "shop_nap"), ("s", "")));
}

#[test]
fn a_client_at_the_other_end_of_a_pipe_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bulkhead.yaml");
    let config = |disable: &str| {
        let shop = shop("shop", "s", None, &format!("tools: {{ disable: [{disable}] }}"));
        std::fs::write(&file, format!("tenants: {{ t: {{ services: {{ {shop} }} }} }}\n")).unwrap();
    };
    config("");
    let mut child = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
        .args(["stdio", "--config"])
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stdin, mut lines) =
        (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } });
    writeln!(stdin, "{hello}").unwrap();
    assert_eq!(next()["result"]["capabilities"]["tools"], json!({ "listChanged": true }));
    writeln!(stdin, "{}", json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).unwrap();
    // Answered after the notification: the host is ready to tell.
    let list = |id: u32| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/list", "params": {} });
    writeln!(stdin, "{}", list(2)).unwrap();
    assert_eq!(next()["result"]["tools"].as_array().unwrap().len(), 6);
    config("shop_nap");
    assert_eq!(next()["method"], "notifications/tools/list_changed");
    writeln!(stdin, "{}", list(3)).unwrap();
    assert_eq!(next()["result"]["tools"].as_array().unwrap().len(), 5);
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
