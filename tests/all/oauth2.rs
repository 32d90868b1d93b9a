//! OAuth 2 client credentials: how a token is asked for, how long it is used, and what happens when there is
//! none. The authorisation server is a fake that counts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::Full;
use hyper::{Response, body::Bytes};
use serde_json::json;

use crate::support::{Received, Server, Upstream, one_service, secrets};

type Reply = Response<Full<Bytes>>;

const SECRET: &str = "canary/7:ü";

fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
    Response::builder().status(status).body(Full::new(body.into())).unwrap()
}

/// An authorisation server; its n-th token is `token-canary-n`.
async fn tokens(expires_in: u64) -> Upstream {
    let given = AtomicUsize::new(0);
    Upstream::start(move |_| {
        let n = given.fetch_add(1, Ordering::SeqCst) + 1;
        let token = format!("token-canary-{n}");
        let answer = json!({ "access_token": token, "token_type": "bearer", "expires_in": expires_in });
        reply(200, answer.to_string())
    })
    .await
}

fn authorization(received: &Received) -> &str {
    received.headers.get("authorization").map_or("", |value| value.to_str().unwrap())
}

/// A host whose service gets its tokens from `token_url`, with further keys of `oauth2`; and the folder of its
/// secret.
fn server(upstream: &Upstream, token_url: &str, more: &str) -> (Server, tempfile::TempDir) {
    let (dir, url) = (tempfile::tempdir().unwrap(), upstream.url());
    let oauth2 =
        format!("token_url: '{token_url}', client_id: 'id 1', client_secret: '${{secret:client}}' {more}");
    let rest =
        format!("config: {{ url: '{url}' }}, credentials: [{{ for: '{url}', oauth2: {{ {oauth2} }} }}]");
    let server = Server::start(&(secrets(&dir, &[("client", SECRET)]) + &one_service("hostile", &rest)));
    (server, dir)
}

fn allowed(upstream: &Upstream) -> String {
    format!("{}/allowed/x", upstream.url())
}

async fn says_nothing(server: &Server) {
    let log = server.log_until_now().await;
    let encoded = [BASE64_STANDARD.encode("id+1:canary%2F7%3A%C3%BC"), "canary%2F7%3A%C3%BC".to_owned()];
    for secret in [SECRET, "token-canary", &encoded[0], &encoded[1]] {
        assert!(!log.contains(secret), "`{secret}` is in the log: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_identifies_itself_as_the_rfc_has_it() {
    let asks = "grant_type=client_credentials&scope=read+write%3Aall&audience=https%3A%2F%2Fapi.example%2F";
    let more = ", scopes: [read, 'write:all'], audience: 'https://api.example/'";
    // RFC 6749 section 2.3.1: both halves are form-encoded before they are joined.
    let basic = format!("Basic {}", BASE64_STANDARD.encode("id+1:canary%2F7%3A%C3%BC"));
    let post = format!("{asks}&client_id=id+1&client_secret=canary%2F7%3A%C3%BC");
    let cases = [
        ("", String::new(), "grant_type=client_credentials"),
        (more, String::new(), asks),
        (", auth: basic", String::new(), "grant_type=client_credentials"),
        (", auth: post", more.to_owned(), post.as_str()),
    ];
    for (auth, more, body) in cases {
        let (upstream, issuer) = (Upstream::start(|_| reply(200, "hello")).await, tokens(3600).await);
        let token_url = format!("{}/token?v=2", issuer.url());
        let (server, _dir) = server(&upstream, &token_url, &format!("{auth}{more}"));
        server.client().fetch("hostile", json!({ "url": allowed(&upstream) })).await.unwrap();
        let [asked] = &issuer.received()[..] else { panic!("one token request") };
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/token?v=2"));
        assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(asked.headers["accept"], "application/json");
        assert_eq!(authorization(asked), if auth == ", auth: post" { "" } else { &basic });
        assert_eq!(asked.body, body);
        let [received] = &upstream.received()[..] else { panic!("one request") };
        assert_eq!(authorization(received), "Bearer token-canary-1");
        assert_eq!((received.target.as_str(), received.body.as_str()), ("/allowed/x", ""));
        says_nothing(&server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_to_its_upstream_and_nowhere_else() {
    let (upstream, other) =
        (Upstream::start(|_| reply(200, "hello")).await, Upstream::start(|_| reply(200, "hello")).await);
    let issuer = tokens(3600).await;
    let (dir, url) = (tempfile::tempdir().unwrap(), upstream.url());
    let rest = format!(
        "config: {{ url: '{url}', others: ['{}'] }}, credentials: [{{ for: '{url}', \
         oauth2: {{ token_url: '{}', client_id: id, client_secret: '${{secret:client}}' }} }}]",
        other.url(),
        issuer.url()
    );
    let server = Server::start(&(secrets(&dir, &[("client", SECRET)]) + &one_service("hostile", &rest)));
    let client = server.client();
    client.fetch("hostile", json!({ "url": allowed(&other) })).await.unwrap();
    assert_eq!((authorization(&other.received()[0]), issuer.accepted()), ("", 0));
    client.fetch("hostile", json!({ "url": allowed(&upstream) })).await.unwrap();
    assert_eq!(authorization(&upstream.received()[0]), "Bearer token-canary-1");
    // Nor may a guest bring a token of its own.
    let asked = json!({ "url": allowed(&upstream), "headers": ["authorization: Bearer mine"] });
    assert_eq!(client.fetch("hostile", asked).await.unwrap_err().0, "denied");
    assert_eq!((upstream.received().len(), issuer.received().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_does_for_many_calls_at_once() {
    let (upstream, issuer) = (Upstream::start(|_| reply(200, "hello")).await, tokens(3600).await);
    let (server, _dir) = server(&upstream, &issuer.url(), "");
    let calls = (0..10).map(|_| {
        let (client, url) = (server.client(), allowed(&upstream));
        tokio::spawn(async move { client.fetch("hostile", json!({ "url": url })).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(issuer.received().len(), 1);
    let received = upstream.received();
    assert_eq!(received.len(), 10);
    assert!(received.iter().all(|received| authorization(received) == "Bearer token-canary-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_before_it_expires() {
    // Good for four seconds, so renewed after two: half of its life, since the usual half minute is more.
    let (upstream, issuer) = (Upstream::start(|_| reply(200, "hello")).await, tokens(4).await);
    let (server, _dir) = server(&upstream, &issuer.url(), "");
    let started = Instant::now();
    let mut got = None; // when the first answer came: the token is at least as old
    loop {
        let asked = Instant::now();
        server.client().fetch("hostile", json!({ "url": allowed(&upstream) })).await.unwrap();
        let received = upstream.received();
        match authorization(received.last().unwrap()) {
            "Bearer token-canary-1" => {
                let first = *got.get_or_insert_with(Instant::now);
                assert!(asked < first + Duration::from_secs(2), "used in the second half of its life");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            "Bearer token-canary-2" => break,
            other => panic!("{other}"),
        }
    }
    assert!(upstream.received().len() > 2 && started.elapsed() >= Duration::from_secs(2));
    assert_eq!(issuer.received().len(), 2);
}

/// An upstream that takes no token but these.
async fn picky(takes: &'static [&'static str]) -> Upstream {
    Upstream::start(move |received| {
        let given = authorization(received);
        let status = if takes.contains(&given) { 200 } else { 401 };
        reply(status, given.to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_that_is_unauthorized_is_sent_once_more_with_a_new_token() {
    let (upstream, issuer) = (picky(&["Bearer token-canary-2"]).await, tokens(3600).await);
    let (server, _dir) = server(&upstream, &issuer.url(), "");
    // All find the first token refused, and all but one wait for the second.
    let asked = json!({ "url": allowed(&upstream), "times": 10 });
    for response in server.client().fetch("hostile", asked).await.unwrap() {
        assert_eq!((&response["status"], &response["body"]), (&json!(200), &json!("Bearer [removed]")));
    }
    assert_eq!(issuer.received().len(), 2);
    let received = upstream.received();
    let with = |token| received.iter().filter(|received| authorization(received) == token).count();
    assert_eq!(with("Bearer token-canary-2"), 10);
    assert!((1..=10).contains(&with("Bearer token-canary-1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_is_not_sent_a_third_time() {
    let (upstream, issuer) = (picky(&[]).await, tokens(3600).await);
    let (server, _dir) = server(&upstream, &issuer.url(), "");
    let got = server.client().fetch("hostile", json!({ "url": allowed(&upstream) })).await.unwrap();
    assert_eq!((&got[0]["status"], &got[0]["body"]), (&json!(401), &json!("Bearer [removed]")));
    let received = upstream.received();
    let used: Vec<_> = received.iter().map(authorization).collect();
    assert_eq!(used, ["Bearer token-canary-1", "Bearer token-canary-2"]);
    assert_eq!(issuer.received().len(), 2);
    says_nothing(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_is_unauthorized_is_not_sent_again() {
    let (upstream, issuer) = (picky(&["Bearer token-canary-2"]).await, tokens(3600).await);
    let (server, _dir) = server(&upstream, &issuer.url(), "");
    let asked = json!({ "method": "POST", "url": allowed(&upstream) });
    let got = server.client().fetch("hostile", asked.clone()).await.unwrap();
    assert_eq!(got[0]["status"], 401);
    assert_eq!((upstream.received().len(), issuer.received().len()), (1, 1));
    // The token is not used again all the same.
    let got = server.client().fetch("hostile", asked).await.unwrap();
    assert_eq!(got[0]["status"], 200);
    assert_eq!((upstream.received().len(), issuer.received().len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_do_not_come_back_not_even_old_ones() {
    let seen = Arc::new(std::sync::Mutex::new(String::new()));
    let upstream = Upstream::start(move |received| {
        let mut seen = seen.lock().unwrap();
        seen.push_str(authorization(received));
        seen.push(';');
        Response::builder().header("x-echo", &*seen).body(Full::from(seen.clone())).unwrap()
    })
    .await;
    let issuer = tokens(0).await; // expired at once: each request has its own
    let (server, _dir) = server(&upstream, &issuer.url(), "");
    for n in 1..=8 {
        let got = server.client().fetch("hostile", json!({ "url": allowed(&upstream) })).await.unwrap();
        let expected = "Bearer [removed];".repeat(n);
        assert_eq!(got[0]["body"], expected);
        assert!(got[0]["headers"].as_array().unwrap().contains(&json!(["x-echo", expected])));
    }
    assert_eq!(authorization(upstream.received().last().unwrap()), "Bearer token-canary-8");
    says_nothing(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_server_that_gives_no_token_is_left_alone_for_a_moment() {
    let good = |key: &str, value: serde_json::Value| {
        let mut token =
            json!({ "access_token": "token-canary-1", "token_type": "Bearer", "expires_in": 3600 });
        token[key] = value;
        token.to_string()
    };
    let form = "client_secret=canary%2F7%3A%C3%BC";
    let cases = [
        (400, json!({ "error": "invalid_scope" }).to_string(), "it answered 400 Bad Request invalid_scope"),
        (
            401,
            json!({ "error": format!("no {SECRET}") }).to_string(),
            "it answered 401 Unauthorized no [removed]",
        ),
        (401, json!({ "error": form }).to_string(), "it answered 401 Unauthorized client_secret=[removed]"),
        (302, String::new(), "it answered 302 Found"),
        (500, "token-canary-1".into(), "it answered 500 Internal Server Error"),
        (200, String::new(), "its answer is not a token"),
        (200, "<html>token-canary-1</html>".into(), "its answer is not a token"),
        (200, good("access_token", json!(null)), "its answer is not a token"),
        (200, good("access_token", json!("")), "its answer is not a token"),
        (200, good("access_token", json!("token-canary-1\n")), "holds characters that a header cannot carry"),
        (200, good("token_type", json!("mac")), "it gives tokens of another type than `Bearer`"),
        (200, good("pad", json!("x".repeat(65 << 10))), "its answer cannot be read: length limit exceeded"),
    ];
    for (status, body, why) in cases {
        let upstream = Upstream::start(|_| reply(200, "hello")).await;
        let issuer = Upstream::start(move |_| reply(status, body.clone())).await;
        let (server, _dir) = server(&upstream, &issuer.url(), "");
        no_token(&server, &upstream, why, &format!("{}/", issuer.url())).await;
        assert_eq!(issuer.received().len(), 1, "{why}");
    }
}

/// Five requests of one call, all at once, none of which gets a token: what the guest and the operator read.
async fn no_token(server: &Server, upstream: &Upstream, why: &str, token_url: &str) {
    let asked = json!({ "url": allowed(upstream), "times": 5 });
    let (reason, text) = server.client().fetch("hostile", asked).await.unwrap_err();
    let expected = format!("GET {} failed: ErrorCode::ConfigurationError", allowed(upstream));
    assert_eq!((reason.as_str(), text), ("failed", expected), "{why}");
    let starts = format!("no OAuth 2 token from {token_url}: ");
    let entry = server.logged(|entry| entry["message"] == "outbound request failed");
    let said = entry["error"].as_str().unwrap();
    assert!(said.starts_with(&starts) && said.contains(why), "{said} should say: {why}");
    assert_eq!(upstream.received().len(), 0);
    says_nothing(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_server_that_is_not_there_is_named() {
    let upstream = Upstream::start(|_| reply(200, "hello")).await;
    let gone = { tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
    let (server, _dir) = server(&upstream, &format!("http://{gone}/token"), "");
    no_token(&server, &upstream, "Connection refused", &format!("http://{gone}/token")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_server_that_stays_silent_is_given_up() {
    let upstream = Upstream::start(|_| reply(200, "hello")).await;
    // Connections are made, since the system accepts them, and nobody answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let token_url = format!("http://{}/token", silent.local_addr().unwrap());
    let (server, _dir) = server(&upstream, &token_url, "");
    no_token(&server, &upstream, "no answer within 10s", &token_url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_recovers_with_its_authorization_server() {
    let upstream = Upstream::start(|_| reply(200, "hello")).await;
    let asked = AtomicUsize::new(0);
    let issuer = Upstream::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => reply(503, ""),
        _ => reply(200, r#"{ "access_token": "token-canary-1", "token_type": "Bearer" }"#),
    })
    .await;
    let (server, _dir) = server(&upstream, &issuer.url(), "");
    let started = Instant::now();
    while server.client().fetch("hostile", json!({ "url": allowed(&upstream) })).await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!((issuer.received().len(), upstream.received().len()), (2, 1));
}
