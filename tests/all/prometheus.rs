//! The Prometheus component against Debian's real Prometheus: every tool, through MCP, says what Prometheus
//! itself says; and it can send what its manifest asks for, with the host's credentials, and nothing else.

mod live;
mod metrics;
pub(crate) mod process;
mod server_state;

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    process::{Command, Output},
};

use futures::FutureExt;
use http_body_util::Full;
use hyper::{Request, Response, body::Bytes};
use serde_json::{Value, json};

use crate::support::{Client, Server, Upstream, one_service};
use live::{Live, Prometheus};

/// Runs every check named after its tool; all of them, even when one fails.
macro_rules! checks {
    ($live:expr, $($module:ident::{$($tool:ident),* $(,)?}),* $(,)?) => {{
        let (mut checked, mut failed) = (BTreeSet::new(), Vec::new());
        $($(
            checked.insert(concat!("prometheus_", stringify!($tool)).to_owned());
            if AssertUnwindSafe($module::$tool($live)).catch_unwind().await.is_err() {
                failed.push(stringify!($tool));
            }
        )*)*
        (checked, failed)
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_agrees_with_prometheus_itself() {
    let live = Live::start().await;
    let names: BTreeSet<String> = live.client.tools().await.into_iter().collect();
    let (checked, failed) = checks!(
        &live,
        metrics::{query, query_range, labels, metadata},
        server_state::{diagnose, targets, alerts, rules, status, create_snapshot},
    );
    assert_eq!((checked.len(), &checked), (10, &names), "every tool there is has its check");
    assert_eq!(failed, [""; 0], "what went wrong is above");
    let version = live.data("status/buildinfo", &[]).await["version"].as_str().unwrap().to_owned();
    let health = &bulkhead(&live.config, &["check"])["services"][0];
    assert_eq!(health["health"], json!(format!("Prometheus {version} answers")));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_admin_api_a_snapshot_is_denied_with_the_flag_to_set() {
    let prometheus = Prometheus::bare(&[]).await;
    let server = prometheus.service("");
    let (reason, text) = server.client().refused("prometheus_create_snapshot", json!({})).await;
    assert_eq!(reason, "denied", "{text}");
    assert!(text.contains("--web.enable-admin-api"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_that_is_gone_is_unavailable() {
    let prometheus = Prometheus::bare(&[]).await;
    let server = prometheus.service("");
    server.client().ok("prometheus_status", json!({ "include": ["connection"] })).await;
    drop(prometheus);
    let (reason, text) =
        server.client().refused("prometheus_status", json!({ "include": ["connection"] })).await;
    assert_eq!(reason, "unavailable", "{text}");
}

/// What a proxy in front of Prometheus lets through.
const TOKEN: &str = "Bearer canary-4096";

/// A proxy in front of Prometheus that asks for a token, and keeps what it was sent.
async fn proxy(prometheus: &Prometheus) -> Upstream {
    let origin = prometheus.url.clone();
    Upstream::start(move |received| {
        if received.headers.get("authorization").is_none_or(|token| token != TOKEN) {
            return Response::builder().status(401).body(Full::from("who are you?")).unwrap();
        }
        let request =
            Request::builder().method(&*received.method).uri(format!("{origin}{}", received.target));
        let request = request.header("content-type", received.headers.get("content-type").map_or("", text));
        let request = request.body(received.body.clone()).unwrap();
        let forward = async { Client::new(&origin).send(request).await };
        let answer: Response<Bytes> =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(forward));
        answer.map(Full::from)
    })
    .await
}

fn text(value: &hyper::header::HeaderValue) -> &str {
    value.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_credential_of_the_host_opens_a_guarded_prometheus() {
    let prometheus = Prometheus::bare(&[]).await;
    let proxy = proxy(&prometheus).await;
    let (url, config) = (proxy.url(), format!("config: {{ url: '{}' }}", proxy.url()));
    let closed = Server::start(&one_service("prometheus", &config));
    let (reason, text) = closed.client().refused("prometheus_query", json!({ "query": "1" })).await;
    assert!(reason == "denied" && text.contains("who are you?"), "{reason}: {text}");

    let credential = format!("credentials: [{{ for: '{url}', header: Authorization, value: '{TOKEN}' }}]");
    let open = Server::start(&one_service("prometheus", &format!("{config}, {credential}")));
    // The hosts also ask whether it is well, whenever they like.
    let queries = || {
        let mut received = proxy.received();
        received.retain(|received| received.target.starts_with("/api/v1/query"));
        received
    };
    let before = queries().len();
    let result = open.client().ok("prometheus_query", json!({ "query": "1 + 1" })).await;
    assert_eq!((&result["type"], &result["value"]), (&json!("scalar"), &json!(2)));
    let long = format!("vector(1){}", " + 0".repeat(1000));
    let result = open.client().ok("prometheus_query", json!({ "query": long })).await;
    assert_eq!(result["result"][0]["value"], json!(1), "{result}");

    let [short, posted] = &queries()[before..] else { panic!("two requests") };
    assert_eq!(
        (&*short.method, &*short.target, &*short.body),
        ("GET", "/api/v1/query?query=1%20%2B%201", "")
    );
    assert_eq!((&*posted.method, &*posted.target), ("POST", "/api/v1/query"), "a long query is in the body");
    assert_eq!(posted.headers["content-type"], "application/x-www-form-urlencoded");
    for received in [short, posted] {
        assert_eq!(received.headers["authorization"], TOKEN);
    }
    assert!(!open.log_text().contains("canary-4096"), "the credential is not in the log");
}

/// Asked in the URL, or in a form when they are long.
const QUERIES: [&str; 2] = ["query", "query_range"];

/// Only read. `admin/tsdb/snapshot` is the one path besides.
const READ: [&str; 15] = [
    "labels",
    "label/*/values",
    "series",
    "metadata",
    "targets",
    "targets/metadata",
    "rules",
    "alerts",
    "alertmanagers",
    "status/buildinfo",
    "status/runtimeinfo",
    "status/flags",
    "status/config",
    "status/tsdb",
    "status/walreplay",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_to_read_leaves_out_what_posts() {
    let prometheus = Prometheus::bare(&["--web.enable-admin-api"]).await;
    let paths = QUERIES.into_iter().chain(READ);
    let rules = paths.map(|path| format!("{{ url: '{}/api/v1/{path}', methods: [GET] }}", prometheus.base()));
    let server = prometheus.service(&format!("egress: [{}]", rules.collect::<Vec<_>>().join(", ")));
    let client = server.client();
    assert_eq!(client.ok("prometheus_query", json!({ "query": "1" })).await["value"], json!(1));
    client.ok("prometheus_labels", json!({ "label": "job" })).await;
    let long = format!("vector(1){}", " + 0".repeat(1000));
    for (tool, arguments) in
        [("prometheus_query", json!({ "query": long })), ("prometheus_create_snapshot", json!({}))]
    {
        let (reason, text) = client.refused(tool, arguments).await;
        assert_eq!(reason, "denied", "{tool}: {text}");
    }
    assert!(!prometheus.snapshots().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_prometheus_is_told_apart_by_every_tool() {
    let page = "<html>Welcome</html>";
    let other = Upstream::start(move |_| Response::new(Full::from(page))).await;
    let server = Server::start(&one_service("prometheus", &format!("config: {{ url: '{}' }}", other.url())));
    let client = server.client();
    let listed = client.rpc("tools/list", json!({})).await;
    for tool in listed["result"]["tools"].as_array().unwrap() {
        let arguments = match tool["name"].as_str().unwrap() {
            "prometheus_query" | "prometheus_query_range" => json!({ "query": "up" }),
            _ => json!({}),
        };
        let (reason, text) = client.refused(tool["name"].as_str().unwrap(), arguments).await;
        assert!(reason == "upstream" && text.contains("does not look like Prometheus"), "{reason}: {text}");
    }
}

#[test]
fn its_egress_is_exactly_the_manifests_below_the_configured_url() {
    let base = "https://metrics.example/prom";
    let config = one_service("prometheus", &format!("config: {{ url: '{base}/' }}"));
    let asked = QUERIES.map(|path| ("GET POST", path));
    let read = READ.map(|path| ("GET", path));
    let rules = asked.into_iter().chain(read).chain([("POST", "admin/tsdb/snapshot")]);
    let expected: BTreeSet<(String, String)> =
        rules.map(|(methods, path)| (methods.to_owned(), format!("{base}/api/v1/{path}"))).collect();
    let service = &bulkhead(&config, &["check", "--offline"])["services"][0];
    let word = |rule: &Value, key: &str| rule[key].as_str().unwrap().to_owned();
    let granted = service["egress"].as_array().unwrap().iter();
    let granted: BTreeSet<_> = granted.map(|rule| (word(rule, "methods"), word(rule, "url"))).collect();
    assert_eq!(granted, expected);
    assert_eq!(service["withheld"], json!([]));
}

/// What a command says with this config, as JSON.
fn bulkhead(config: &str, args: &[&str]) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bulkhead.yaml");
    std::fs::write(&file, config).unwrap();
    let command = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
        .args(args)
        .arg("--json")
        .arg("--config")
        .arg(file)
        .output();
    let Output { status, stdout, stderr } = command.unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}
