//! The one client all servers meet: keep-alive connections, one call after another on each.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// A tool, and the API key of who calls it, if callers have one.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) tool: String,
    pub(crate) key: Option<String>,
}

/// Arguments of the tool that is measured.
const ADD: &str = r#"{"a":1,"b":2}"#;
/// From one target to the next: a prime, so that all are met and neighbours are not met in a row.
const STRIDE: usize = 7919;

/// The middle one of several rounds, by throughput.
pub(crate) fn median(mut rounds: Vec<Figures>) -> Figures {
    rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    rounds[rounds.len() / 2]
}

/// A call answers what it should.
pub(crate) async fn check(address: SocketAddr, tool: &str) {
    let mut sender = connect(address).await;
    let answer: Value = serde_json::from_slice(&call(&mut sender, address, tool, ADD).await).unwrap();
    assert_eq!(answer["result"]["structuredContent"], json!({ "sum": 3 }), "{answer}");
}

/// Each target once, and each answers what it should.
pub(crate) async fn check_all(address: SocketAddr, targets: &[Target]) {
    let mut sender = connect(address).await;
    for target in targets {
        let answer = call_as(&mut sender, address, target.key.as_deref(), &target.tool, ADD).await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["result"]["structuredContent"], json!({ "sum": 3 }), "{}: {answer}", target.tool);
    }
}

/// One call that may fail; why it did.
pub(crate) async fn sum(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    address: SocketAddr,
    tool: &str,
) -> Result<(), String> {
    let answer = try_call_as(sender, address, None, tool, ADD).await.map_err(|error| error.to_string())?;
    let answer = String::from_utf8_lossy(&answer);
    if answer.contains(r#"{"sum":3}"#) { Ok(()) } else { Err(answer.into_owned()) }
}

/// `clients` connections for `time`.
pub(crate) async fn run(address: SocketAddr, tool: &str, clients: usize, time: Duration) -> Figures {
    let target = Target { tool: tool.to_owned(), key: None };
    run_all(address, &[target].into(), clients, time).await
}

/// The same, each connection from one target to another.
pub(crate) async fn run_all(
    address: SocketAddr,
    targets: &Arc<[Target]>,
    clients: usize,
    time: Duration,
) -> Figures {
    let warm = Instant::now() + time / 10;
    let end = warm + time;
    let running: Vec<_> = (0..clients)
        .map(|client| {
            let targets = targets.clone();
            tokio::spawn(async move {
                let mut sender = connect(address).await;
                let mut took = Vec::with_capacity(1 << 17);
                let mut next = targets.len() * client / clients;
                loop {
                    let Target { tool, key } = &targets[next % targets.len()];
                    next += STRIDE;
                    let start = Instant::now();
                    if start >= end {
                        return took;
                    }
                    call_as(&mut sender, address, key.as_deref(), tool, ADD).await;
                    if start >= warm {
                        took.push(start.elapsed());
                    }
                }
            })
        })
        .collect();
    let mut took = Vec::new();
    for client in running {
        took.extend(client.await.unwrap());
    }
    took.sort_unstable();
    let at = |q: f64| took[((took.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e6;
    Figures { per_second: took.len() as f64 / time.as_secs_f64(), p50_us: at(0.5), p99_us: at(0.99) }
}

pub(crate) async fn connect(address: SocketAddr) -> http1::SendRequest<Full<Bytes>> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A call without credentials.
pub(crate) async fn call(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    address: SocketAddr,
    tool: &str,
    arguments: &str,
) -> Bytes {
    call_as(sender, address, None, tool, arguments).await
}

/// The current protocol version, as a new client speaks it.
pub(crate) async fn call_as(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    address: SocketAddr,
    key: Option<&str>,
    tool: &str,
    arguments: &str,
) -> Bytes {
    try_call_as(sender, address, key, tool, arguments).await.unwrap()
}

async fn try_call_as(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    address: SocketAddr,
    key: Option<&str>,
    tool: &str,
    arguments: &str,
) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    );
    let mut request = Request::post("/mcp");
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    let request = request
        .header("host", address.to_string())
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .body(Full::from(body))
        .unwrap();
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let answer = response.into_body().collect().await?.to_bytes();
    if status == 200 { Ok(answer) } else { Err(format!("{status}: {answer:?}").into()) }
}
