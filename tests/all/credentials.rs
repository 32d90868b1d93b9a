//! Each kind of credential arrives where it should and nowhere else, and its secret comes back to nobody.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::Full;
use hyper::{Response, body::Bytes};
use serde_json::json;

use crate::support::{Received, Server, Upstream, one_service, secrets, services};

type Reply = Response<Full<Bytes>>;

fn hello(_: &Received) -> Reply {
    Response::new(Full::from("hello"))
}

fn names(received: &Received) -> Vec<&str> {
    received.headers.keys().map(|name| name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_arrives_at_its_upstream_and_nowhere_else() {
    let (upstream, other) = (Upstream::start(hello).await, Upstream::start(hello).await);
    let dir = tempfile::tempdir().unwrap();
    let basic = format!("Basic {}", BASE64_STANDARD.encode("user:canary-7/1"));
    let kinds = [
        ("header", "header: X-Api-Key, value: 'Key ${secret:canary}'", "x-api-key", "Key canary-7/1"),
        ("query", "query: api_key, value: '${secret:canary}'", "", ""),
        ("basic", "basic: { username: user, password: '${secret:canary}' }", "authorization", basic.as_str()),
        ("bearer", "bearer: '${secret:canary}'", "authorization", "Bearer canary-7/1"),
    ];
    let rest = kinds.map(|(name, credential, ..)| {
        let (own, others) = (upstream.url(), other.url());
        (name, format!("config: {{ url: '{own}', others: ['{others}'] }}, credentials: [{{ for: '{own}', {credential} }}]"))
    });
    let rest: Vec<_> = rest.iter().map(|(name, rest)| (*name, rest.as_str())).collect();
    let server = Server::start(&(secrets(&dir, &[("canary", "canary-7/1")]) + &services("hostile", &rest)));
    let client = server.client();
    for (at, (kind, _, header, value)) in kinds.into_iter().enumerate() {
        for url in [upstream.url(), other.url()] {
            let got = client.fetch(kind, json!({ "url": format!("{url}/allowed/x?q=1") })).await.unwrap();
            assert_eq!(got[0]["body"], "hello", "{kind}");
        }
        let (with, without) = (&upstream.received()[at], &other.received()[at]);
        // The credential is the only difference.
        let expected = if kind == "query" { "/allowed/x?q=1&api_key=canary-7%2F1" } else { "/allowed/x?q=1" };
        assert_eq!((with.target.as_str(), without.target.as_str()), (expected, "/allowed/x?q=1"));
        let mut added = names(with);
        added.retain(|name| !names(without).contains(name));
        let expected: &[&str] = if header.is_empty() { &[] } else { &[header] };
        assert_eq!(added, expected, "{kind}");
        assert_eq!(with.headers.get(header).map_or("", |value| value.to_str().unwrap()), value);
    }
    let log = server.log_until_now().await;
    assert!(!log.contains("canary-7") && !log.contains(&BASE64_STANDARD.encode("user:canary-7/1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_in_the_query_leaves_the_rest_of_it_alone() {
    let upstream = Upstream::start(hello).await;
    let (dir, url) = (tempfile::tempdir().unwrap(), upstream.url());
    let rest = format!(
        "config: {{ url: '{url}' }}, credentials: [{{ for: '{url}', query: 'api key', value: '${{secret:canary}}' }}]"
    );
    let config = secrets(&dir, &[("canary", "a&b=c+ü %~*")]) + &one_service("hostile", &rest);
    let server = Server::start(&config);
    let credential = "api+key=a%26b%3Dc%2B%C3%BC+%25%7E*";
    for own in ["q=1%202&b=x+y&c=%C3%BC&q=again&empty=&flag&path=/a%2Fb&~*", "=&&=", "q=api%20key"] {
        server.client().fetch("hostile", json!({ "url": format!("{url}/allowed/x?{own}") })).await.unwrap();
        let received = upstream.received();
        assert_eq!(received.last().unwrap().target, format!("/allowed/x?{own}&{credential}"));
    }
    server.client().fetch("hostile", json!({ "url": format!("{url}/allowed/x") })).await.unwrap();
    assert_eq!(upstream.received().last().unwrap().target, format!("/allowed/x?{credential}"));
}

/// Answers with what came, in the body and in a header, and with `known`, which any upstream could work out.
fn echo(known: &'static str) -> impl Fn(&Received) -> Reply {
    move |received| {
        let header = |name: &str| received.headers.get(name).map_or("", |value| value.to_str().unwrap());
        let came = format!("{}|{}|{}", received.target, header("authorization"), header("x-api-key"));
        Response::builder().header("x-echo", &came).body(Full::from(format!("{came}\n{known}"))).unwrap()
    }
}

/// Calls an upstream that tells what it was sent: what the guest reads, as header and as body.
async fn echoed(secret: &str, credential: &str, known: &'static str) -> (String, String) {
    let upstream = Upstream::start(echo(known)).await;
    let (dir, url) = (tempfile::tempdir().unwrap(), upstream.url());
    let rest = format!("config: {{ url: '{url}' }}, credentials: [{{ for: '{url}', {credential} }}]");
    let server = Server::start(&(secrets(&dir, &[("canary", secret)]) + &one_service("hostile", &rest)));
    let got = server.client().fetch("hostile", json!({ "url": format!("{url}/allowed/x") })).await.unwrap();
    let header = got[0]["headers"].as_array().unwrap().iter().find(|header| header[0] == "x-echo").unwrap();
    assert!(!server.log_until_now().await.contains(secret));
    (header[1].as_str().unwrap().to_owned(), got[0]["body"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echoed_header_comes_back_without_its_secret() {
    let credential = "header: X-Api-Key, value: 'Key ${secret:canary}!'";
    let (header, body) = echoed("canary-7/1", credential, "canary-7/1 canary-7%2f1 canary-7\\/1").await;
    assert_eq!(header, "/allowed/x||Key [removed]!");
    assert_eq!(body, "/allowed/x||Key [removed]!\n[removed] [removed] [removed]");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echoed_query_comes_back_without_its_secret() {
    // `~` and `*` are written differently in a form than elsewhere in a URL.
    let credential = "query: api_key, value: '${secret:canary}'";
    let known = "canary~7*1 +2 canary~7%2A1%20%2B2 canary%7E7*1+%2B2";
    let (header, body) = echoed("canary~7*1 +2", credential, known).await;
    assert_eq!(header, "/allowed/x?api_key=[removed]||");
    assert_eq!(body, "/allowed/x?api_key=[removed]||\n[removed] [removed] [removed]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_part_of_a_query_value_is_removed_by_itself() {
    let credential = "query: api_key, value: 'app:${secret:canary}'";
    let (_, body) = echoed("canary-7", credential, "canary-7").await;
    assert_eq!(body, "/allowed/x?api_key=[removed]||\n[removed]");
}

#[tokio::test(flavor = "multi_thread")]
async fn echoed_basic_authentication_comes_back_without_its_secret() {
    let credential = "basic: { username: user, password: '${secret:canary}' }";
    let (header, body) = echoed("canary-7", credential, "user:canary-7").await;
    assert_eq!(header, "/allowed/x|Basic [removed]|");
    assert_eq!(body, "/allowed/x|Basic [removed]|\nuser:[removed]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_the_place_of_a_user_name_is_removed_too() {
    // As some APIs have it: the key is the user, and there is no password.
    let credential = "basic: { username: '${secret:canary}', password: '' }";
    let (header, body) = echoed("canary-7", credential, "canary-7:").await;
    assert_eq!(header, "/allowed/x|Basic [removed]|");
    assert_eq!(body, "/allowed/x|Basic [removed]|\n[removed]:");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echoed_bearer_token_comes_back_without_its_secret() {
    let (header, body) = echoed("canary-7", "bearer: 'v1.${secret:canary}'", "v1 canary-7").await;
    assert_eq!(header, "/allowed/x|Bearer [removed]|");
    assert_eq!(body, "/allowed/x|Bearer [removed]|\nv1 [removed]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_sets_what_a_credential_sets_is_refused() {
    let (upstream, other) = (Upstream::start(hello).await, Upstream::start(hello).await);
    let (own, others) = (upstream.url(), other.url());
    let rest = format!(
        "config: {{ url: '{own}', others: ['{others}'] }}, credentials: [\
         {{ for: '{own}', query: api_key, value: canary }}, {{ for: '{own}', header: X-Api-Key, value: canary }}]"
    );
    let server = Server::start(&one_service("hostile", &rest));
    let client = server.client();
    let refused = [
        ("api_key=mine", "a: b"),
        ("api%5Fkey=mine", "a: b"),
        ("%61pi_key", "a: b"),
        ("API_KEY=mine", "a: b"),
        ("a=1&Api%5fKey=mine", "a: b"),
        ("a=1", "x-api-key: mine"),
        ("a=1", "X-API-Key: mine"),
        ("a=1", "authorization: Bearer mine"),
    ];
    // Also where the credential does not go: what it is called there is the operator's matter too.
    for (query, header) in refused {
        for url in [&own, &others] {
            let asked = json!({ "url": format!("{url}/allowed/x?{query}"), "headers": [header] });
            let (reason, text) = client.fetch("hostile", asked).await.unwrap_err();
            assert_eq!(reason, "denied", "{query} {header}: {text}");
        }
    }
    assert_eq!((upstream.accepted(), other.accepted()), (0, 0));
    let log = server.log_until_now().await;
    assert_eq!(log.matches("\"reason\":\"guest_credential\"").count(), 2 * refused.len(), "{log}");
    // What only looks like it passes.
    let asked =
        json!({ "url": format!("{own}/allowed/x?api_keys=1&q=api_key"), "headers": ["x-api-key-id: 1"] });
    assert_eq!(client.fetch("hostile", asked).await.unwrap()[0]["status"], 200);
}
