//! What clients hear of resources they subscribed to and of lists, in a session, over HTTP+SSE and by
//! `subscriptions/listen`.

use super::*;
use crate::support::Events;

const WATCHED: &str = "test://watched-resource";

/// A host that serves sessions and HTTP+SSE, and keys of two callers: one may use all, the other no resources.
fn hearing() -> (String, [String; 2]) {
    let (auth, keys) = callers([("all", "acme", "tools: ['*']"), ("few", "acme", "tools: ['*_text']")]);
    (format!("server: {{ sessions: {{}}, legacy_sse: true }}\n{auth}{}", one(&fixture(""))), keys)
}

/// The same with a service more: every list is another one.
fn grown(config: &str) -> String {
    config.replace(
        "services: { ",
        &format!(
            "services: {{ more: {{ component: '{}', config: {{ prefix: test }} }}, ",
            component("conformance").display()
        ),
    )
}

async fn heard(events: &mut Events) -> (String, Value) {
    let mut message = events.next().await.unwrap().json();
    (message["method"].as_str().unwrap().to_owned(), message["params"]["uri"].take())
}

fn updated() -> (String, Value) {
    ("notifications/resources/updated".to_owned(), json!(WATCHED))
}

const LISTS: [&str; 3] = [
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/tools/list_changed",
];

/// The next three, sorted: all lists have changed.
async fn lists(events: &mut Events) -> [String; 3] {
    let mut all = [heard(events).await.0, heard(events).await.0, heard(events).await.0];
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_hears_of_resources_and_lists() {
    let (config, [all, few]) = hearing();
    let server = Server::start(&config);
    let client = server.client_of(&all, "/mcp").begin("2025-11-25").await;
    let subscribe = async |method: &str| client.rpc(method, json!({ "uri": WATCHED })).await["result"].take();
    assert_eq!(subscribe("resources/subscribe").await, json!({}));
    // While nobody listens: it is told once, when it does.
    client.ok("test_simple_text", json!({})).await;
    client.ok("test_simple_text", json!({})).await;
    let mut events = client.stream("GET", "").await;
    assert_eq!(heard(&mut events).await, updated());
    client.ok("test_simple_text", json!({})).await;
    assert_eq!(heard(&mut events).await, updated());
    // A subscription that has ended is not told of, and one of somebody without the right never begins.
    assert_eq!(subscribe("resources/unsubscribe").await, json!({}));
    client.ok("test_simple_text", json!({})).await;
    let other = server.client_of(&few, "/mcp").begin("2025-11-25").await;
    let refused = other.rpc("resources/subscribe", json!({ "uri": WATCHED })).await;
    assert_eq!(refused["error"], error(-32002, &format!("Resource not found: {WATCHED}")));
    server.edit(&grown(&config));
    assert_eq!(lists(&mut events).await, LISTS);
    // Subscribed again, it hears of another component as of a change.
    assert_eq!(subscribe("resources/subscribe").await, json!({}));
    server.edit(&config.replace("prefix: test", "prefix: test, prompts: 1"));
    let mut four = [
        heard(&mut events).await,
        heard(&mut events).await,
        heard(&mut events).await,
        heard(&mut events).await,
    ];
    four.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(four[2], updated());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_over_http_and_sse_hears_the_same() {
    let (config, [all, _]) = hearing();
    let server = Server::start(&config);
    let mut events = server.client_of(&all, "/sse").stream("GET", "").await;
    let endpoint = events.next().await.unwrap().data;
    let client = server.client_of(&all, &endpoint);
    let hello = crate::support::initialize("2024-11-05");
    assert_eq!(client.post(&hello).await.status(), 202);
    assert_eq!(events.next().await.unwrap().json()["result"]["protocolVersion"], "2024-11-05");
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(client.post(&initialized.to_string()).await.status(), 202);
    let ask = async |method: &str, params: Value| {
        let body = json!({ "jsonrpc": "2.0", "id": 2, "method": method, "params": params });
        assert_eq!(client.post(&body.to_string()).await.status(), 202);
    };
    ask("resources/subscribe", json!({ "uri": WATCHED })).await;
    assert_eq!(events.next().await.unwrap().json()["result"], json!({}));
    server.client_of(&all, "/mcp").ok("test_simple_text", json!({})).await;
    assert_eq!(heard(&mut events).await, updated());
    server.edit(&grown(&config));
    assert_eq!(lists(&mut events).await, LISTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_hears_of_what_it_asked_for_and_may_know() {
    let (config, [all, few]) = hearing();
    let server = Server::start(&config);
    let listen = async |key: &str| {
        let wanted = json!({ "resourcesListChanged": true, "resourceSubscriptions": [WATCHED, "other://a"] });
        let client = server.client_of(key, "/mcp");
        let client =
            client.with("mcp-protocol-version", "2026-07-28").with("mcp-method", "subscriptions/listen");
        let mut events = client.stream("POST", &crate::support::listen(&wanted)).await;
        let mut first = events.next().await.unwrap().json();
        (events, first["params"]["notifications"].take())
    };
    let (mut events, accepted) = listen(&all).await;
    assert_eq!(accepted, json!({ "resourcesListChanged": true, "resourceSubscriptions": [WATCHED] }));
    let (_nothing, accepted) = listen(&few).await;
    assert_eq!(accepted.get("resourceSubscriptions").unwrap_or(&json!([])), &json!([]));
    server.client_of(&all, "/mcp").ok("test_simple_text", json!({})).await;
    assert_eq!(heard(&mut events).await, updated());
    server.edit(&grown(&config));
    // Of tools and prompts it did not ask.
    assert_eq!(heard(&mut events).await.0, LISTS[1]);
    server.client_of(&all, "/mcp").ok("test_simple_text", json!({})).await;
    assert_eq!(heard(&mut events).await, updated());
}
