//! What lasts and what piles up: sessions by the thousand, clients that never read. Nothing of it may grow without end,
//! or be felt by others. `make bench` weighs a session, and has the storm.

use std::{collections::BTreeMap, fs, path::Path};

use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

use crate::support::{self, Client, Server, component, one_service};

const VERSION: &str = "2025-11-25";

/// What the process has open.
fn descriptors(server: &Server) -> usize {
    fs::read_dir(Path::new("/proc").join(server.id().to_string()).join("fd")).unwrap().count()
}

/// Its resident memory, in KiB.
fn resident(server: &Server) -> usize {
    let status = fs::read_to_string(Path::new("/proc").join(server.id().to_string()).join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The host's own figures of sessions and streams.
async fn figures(client: &Client) -> BTreeMap<String, usize> {
    let text = client.get("/metrics").await;
    let figure = |name: &&str| {
        let line = text.lines().find(|line| line.split(' ').next() == Some(*name)).unwrap();
        ((*name).to_owned(), line.split(' ').nth(1).unwrap().parse().unwrap())
    };
    ["bulkhead_sessions", "bulkhead_streams"].iter().map(figure).collect()
}

/// Waits for a figure; each look is a request, so it ends.
async fn wait_for(client: &Client, name: &str, wanted: impl Fn(usize) -> bool) {
    for _ in 0..10_000 {
        if wanted(figures(client).await[name]) {
            return;
        }
    }
    panic!("{:?}", figures(client).await);
}

/// One whose connections are gone once they were used: what it looks at is not itself.
async fn passer_by(server: &Server) -> Client {
    let client = server.client().with("connection", "close");
    client.get("/healthz").await;
    client
}

/// What is open when nobody is there.
async fn alone(server: &Server, passer_by: &Client) -> usize {
    let mut least = descriptors(server);
    for _ in 0..20 {
        passer_by.get("/healthz").await;
        least = least.min(descriptors(server));
    }
    least
}

/// Waits until no more is open than that; each look is a request, so it ends.
async fn at_rest(server: &Server, passer_by: &Client, most: usize) {
    for _ in 0..10_000 {
        if descriptors(server) <= most {
            return;
        }
        passer_by.get("/healthz").await;
    }
    panic!("{} descriptors, and {most} before", descriptors(server));
}

async fn add(client: &Client) {
    assert_eq!(client.ok("hostile_add", json!({ "a": 2, "b": 3 })).await, json!({ "sum": 5 }));
}

/// So many sessions of each of these clients.
async fn begin(clients: &[Client], each: usize) -> Vec<Client> {
    let mut beginning = JoinSet::new();
    for client in clients {
        let client = client.clone();
        beginning.spawn(async move {
            let mut sessions = Vec::with_capacity(each);
            for _ in 0..each {
                sessions.push(client.begin(VERSION).await);
            }
            sessions
        });
    }
    beginning.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_sessions_leave_nothing_open_and_others_are_served() {
    const EACH: usize = 2_500;
    let limits = "server: { sessions: { per_caller: 10000, total: 10000 } }\n";
    let server = Server::logging(&(limits.to_owned() + &one_service("hostile", "")), &["--json"]);
    let passer_by = passer_by(&server).await;
    add(&passer_by).await;
    let before = alone(&server, &passer_by).await;
    let clients = [server.client(), server.client(), server.client(), server.client()];
    let mut sessions = begin(&clients, EACH).await;
    assert_eq!(figures(&clients[0]).await["bulkhead_sessions"], 10_000);
    // One more is too many, and whoever needs none is served.
    let refused = clients[0].post(&crate::support::initialize(VERSION)).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    add(&server.client()).await;
    // Some end, as many begin.
    for session in sessions.drain(..500) {
        assert_eq!(session.bare("DELETE").await.status(), 204);
    }
    sessions.extend(begin(&clients, 125).await);
    assert_eq!(figures(&clients[0]).await["bulkhead_sessions"], 10_000);
    for session in sessions.iter().step_by(1000) {
        add(session).await;
    }
    drop((sessions, clients));
    at_rest(&server, &passer_by, before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_expire_make_room() {
    let limits = "server: { sessions: { per_caller: 200, total: 200, idle: 100ms } }\n";
    let server = Server::start(&(limits.to_owned() + &one_service("hostile", "")));
    let passer_by = passer_by(&server).await;
    let before = alone(&server, &passer_by).await;
    for _ in 0..3 {
        // What is there still is not more than there may be.
        wait_for(&passer_by, "bulkhead_sessions", |sessions| sessions == 0).await;
        begin(&[server.client()], 150).await;
    }
    at_rest(&server, &passer_by, before).await;
}

/// A connection whose owner reads what it wants to, and the system next to nothing on its behalf.
async fn narrow(server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1).unwrap(); // the least there is
    socket.connect(server.address).await.unwrap()
}

/// Sends a request over it.
async fn send(mut stream: TcpStream, first: &str, headers: &str, body: &str) -> TcpStream {
    let length = body.len();
    let request = format!(
        "{first} /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until it has read this.
async fn read_to(stream: &mut TcpStream, wanted: &str) {
    let mut read = Vec::new();
    while !read.windows(wanted.len()).any(|window| window == wanted.as_bytes()) {
        let mut buffer = [0; 4096];
        let n = stream.read(&mut buffer).await.unwrap();
        assert!(n > 0, "it ended: {}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&buffer[..n]);
    }
}

/// The stream of a session.
async fn get(server: &Server, session: &Client) -> TcpStream {
    let id = session.header("mcp-session-id");
    let headers = format!("mcp-session-id: {id}\r\nmcp-protocol-version: {VERSION}\r\n");
    send(narrow(server).await, "GET", &headers, "").await
}

/// `subscriptions/listen`, acknowledged.
async fn listen(server: &Server, notifications: &Value) -> TcpStream {
    let headers = "mcp-protocol-version: 2026-07-28\r\nmcp-method: subscriptions/listen\r\n";
    let mut stream = send(narrow(server).await, "POST", headers, &support::listen(notifications)).await;
    read_to(&mut stream, "subscriptions/acknowledged").await;
    stream
}

/// As many files as the system lets this process open; the server's limit is the same.
fn many_files(needed: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    assert!(limit.maximum.is_none_or(|most| most >= needed), "`ulimit -Hn` must be {needed} or more");
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_who_never_read_of_changes_delay_nobody() {
    const STALLED: usize = 500;
    const CHANGES: [usize; 2] = [50, 150];
    many_files(3000);
    let config = |disabled: &str| {
        format!(
            "server: {{ limits: {{ connections_per_peer: 3000 }}, sessions: {{ per_caller: 1000, \
             streams_per_caller: 2000, streams: 2000 }} }}\n{}",
            one_service("hostile", &format!("tools: {{ disable: [{disabled}] }}"))
        )
    };
    let server = Server::logging(&config(""), &["--json"]);
    let client = passer_by(&server).await;
    add(&client).await;
    let before = alone(&server, &client).await;
    let sessions = begin(&[server.client()], STALLED + 1).await;
    let wanted = json!({ "toolsListChanged": true });
    let mut stalled = Vec::new();
    for session in &sessions[1..] {
        stalled.push(get(&server, session).await);
        stalled.push(listen(&server, &wanted).await);
    }
    wait_for(&client, "bulkhead_streams", |streams| streams == 2 * STALLED).await;
    let mut readers = [get(&server, &sessions[0]).await, listen(&server, &wanted).await];
    let mut memory = Vec::new();
    for number in 1..=CHANGES[1] {
        server.edit(&config(if number % 2 == 0 { "" } else { "hostile_nap" }));
        add(&client).await;
        for reader in &mut readers {
            read_to(reader, "notifications/tools/list_changed").await;
        }
        if CHANGES.contains(&number) {
            memory.push(resident(&server));
        }
    }
    // A hundred changes of a thousand readers, 130 bytes each, would be 13 MB.
    assert!(memory[1] < memory[0] + (4 << 10), "KiB after {CHANGES:?} changes: {memory:?}");
    drop((stalled, readers, sessions));
    at_rest(&server, &client, before).await;
    wait_for(&client, "bulkhead_streams", |streams| streams == 0).await; // closed, and soon after counted so
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_resources_to_who_never_reads_does_not_pile_up() {
    const STALLED: usize = 8;
    const CALLS: [usize; 2] = [100, 400];
    let server = Server::start(&format!(
        "server: {{ sessions: {{ streams_per_caller: 100 }} }}\ntenants: {{ t: {{ services: {{ test: {{ component: '{}', config: {{ \
         prefix: test }} }} }} }} }}\n",
        component("conformance").display()
    ));
    let client = passer_by(&server).await;
    let simple = async || client.ok("test_simple_text", json!({})).await;
    simple().await;
    let before = alone(&server, &client).await;
    // As many as there may be, and as long: a call makes 128 KiB of news for each listener.
    let long = "n".repeat(980);
    let uris: Vec<_> = (100..228).map(|n| format!("test://template/{long}{n}/data")).collect();
    let mut stalled = Vec::new();
    for session in begin(&[server.client()], STALLED).await {
        for uri in &uris {
            let answer = session.rpc("resources/subscribe", json!({ "uri": uri })).await;
            assert_eq!(answer["result"], json!({}), "{answer}");
        }
        stalled.push(get(&server, &session).await);
        stalled.push(listen(&server, &json!({ "resourceSubscriptions": uris })).await);
    }
    wait_for(&client, "bulkhead_streams", |streams| streams == 2 * STALLED).await;
    let mut reader = listen(&server, &json!({ "resourceSubscriptions": [uris[0]] })).await;
    let mut memory = Vec::new();
    for number in 1..=CALLS[1] {
        simple().await;
        read_to(&mut reader, "/data\"").await;
        if CALLS.contains(&number) {
            memory.push(resident(&server));
        }
    }
    // 300 calls of 16 listeners are 600 MB of news.
    assert!(memory[1] < memory[0] + (32 << 10), "KiB after {CALLS:?} calls: {memory:?}");
    drop((stalled, reader));
    at_rest(&server, &client, before).await;
}
