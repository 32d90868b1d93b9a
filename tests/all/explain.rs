//! `bulkhead explain`: what it says, how it ends, and that a call does what it said. Refusals by address are in
//! `names.rs`, where names resolve to what a test wants.

use std::process::Output;

use http_body_util::Full;
use hyper::{Response, body::Bytes};
use serde_json::{Value, json};

use crate::{
    command_line::{bulkhead, refused, write},
    support::{Received, Server, Upstream, one_service, secrets, services},
};

fn hello(_: &Received) -> Response<Full<Bytes>> {
    Response::new(Full::from("hello"))
}

/// Runs `explain` for the service `hostile`.
fn explain(config: &str, method: &str, url: &str, more: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "bulkhead.yaml", config.as_bytes());
    let asked = ["explain", "--service", "hostile", "--method", method, "--url", url, "--config", &file];
    bulkhead(&[&asked, more].concat())
}

/// Exit code and stdout; nothing must be wrong beside.
fn said(output: Output) -> (Option<i32>, String) {
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert!(!complaints.contains("error: "), "{complaints}");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_allowed_is_explained_and_nothing_is_sent() {
    let (upstream, issuer) = (Upstream::start(hello).await, Upstream::start(hello).await);
    let (own, idp, port) = (upstream.url(), issuer.url(), upstream.address.port());
    let dir = tempfile::tempdir().unwrap();
    let rest = format!(
        "config: {{ url: '{own}' }}, credentials: [\
         {{ for: '{own}', header: X-Api-Key, value: '${{secret:canary}}' }}, \
         {{ for: '{own}', query: key, value: '${{secret:canary}}' }}, \
         {{ for: 'http://localhost:{port}', bearer: '${{secret:canary}}' }}, \
         {{ for: '{own}', oauth2: {{ token_url: '{idp}/token', client_id: id, client_secret: '${{secret:canary}}' }} }}]"
    );
    let config = secrets(&dir, &[("canary", "canary-7")]) + &one_service("hostile", &rest);
    let url = format!("{own}/allowed/a/../b?q=1#part");
    let (code, text) = said(explain(&config, "GET", &url, &[]));
    let expected = format!(
        "ALLOWED  GET {own}/allowed/b?q=1 from service `hostile`\n\
         \x20 rule        GET POST {own}/allowed/**\n\
         \x20 address     127.0.0.1 (may be dialled)\n\
         \x20 credential  header x-api-key for {own}\n\
         \x20 credential  query key key for {own}\n\
         \x20 credential  OAuth 2 token from {idp}/token for {own}\n"
    );
    assert_eq!((code, text), (Some(0), expected));
    let (code, text) = said(explain(&config, "POST", &url, &["--json"]));
    let expected = json!({
        "service": "hostile",
        "method": "POST",
        "url": format!("{own}/allowed/b?q=1"),
        "allowed": true,
        "rule": format!("GET POST {own}/allowed/**"),
        "credentials": [
            format!("header x-api-key for {own}"),
            format!("query key key for {own}"),
            format!("OAuth 2 token from {idp}/token for {own}"),
        ],
        "addresses": [{ "address": "127.0.0.1", "allowed": true }],
    });
    assert_eq!((code, serde_json::from_str(&text).ok()), (Some(0), Some(expected)));
    assert_eq!((upstream.accepted(), issuer.accepted()), (0, 0));
}

#[test]
fn what_no_rule_allows_is_explained_with_the_rules() {
    let rest = "config: { url: 'http://a.example' }, egress: [\
                { url: 'http://a.example/allowed/b/*', methods: [GET], query: [q, r] }, { methods: [POST] }]";
    let config = one_service("hostile", rest);
    let (code, text) = said(explain(&config, "GET", "http://a.example/allowed/c", &[]));
    let expected = "REFUSED  GET http://a.example/allowed/c from service `hostile`\n\
                    \x20 reason      no rule allows this method on this URL\n\
                    \x20 may send    GET http://a.example/allowed/b/* ?q,r\n\
                    \x20 may send    POST http://a.example/allowed/**\n";
    assert_eq!((code, text.as_str()), (Some(1), expected));
    let (code, text) = said(explain(&config, "GET", "http://a.example/allowed/c", &["--json"]));
    let expected = json!({
        "service": "hostile",
        "method": "GET",
        "url": "http://a.example/allowed/c",
        "allowed": false,
        "reason": "no_rule",
        "rules": ["GET http://a.example/allowed/b/* ?q,r", "POST http://a.example/allowed/**"],
        "credentials": [],
        "addresses": [],
    });
    assert_eq!((code, serde_json::from_str(&text).ok()), (Some(1), Some(expected)));
}

#[test]
fn a_url_that_cannot_be_sent_is_explained() {
    let config = one_service("hostile", "config: { url: 'http://a.example' }");
    let malformed = "not an absolute http(s) URL, or one that upstreams could read in two ways";
    let user_info = "the URL names a user or a password; use `credentials`";
    for (url, reason) in [
        ("nonsense", malformed),
        ("/allowed/x", malformed),
        ("ftp://a.example/allowed/x", malformed),
        ("http://a.example/allowed/..%2f..%2fx", malformed),
        ("http://a.example/allowed/%00", malformed),
        ("http://a.example:99999/allowed/x", malformed),
        ("http://user@a.example/allowed/x", user_info),
        ("http://user:word@a.example/allowed/x", user_info),
        ("http://a.example@b.example/allowed/x", user_info),
    ] {
        let (code, text) = said(explain(&config, "GET", url, &[]));
        let expected = format!(
            "REFUSED  GET {url} from service `hostile`\n\
             \x20 reason      {reason}\n\
             \x20 may send    GET POST http://a.example/allowed/**\n"
        );
        assert_eq!((code, text), (Some(1), expected));
    }
}

#[test]
fn a_name_that_does_not_resolve_is_explained() {
    // No label is longer than 63 bytes, so nobody has to be asked.
    let url = format!("http://{}.example", "a".repeat(64));
    let config = one_service("hostile", &format!("config: {{ url: '{url}' }}"));
    let (code, text) = said(explain(&config, "GET", &format!("{url}/allowed/x"), &[]));
    let expected = format!(
        "REFUSED  GET {url}/allowed/x from service `hostile`\n\
         \x20 reason      the host has no address\n\
         \x20 rule        GET POST {url}/allowed/**\n\
         \x20 hint        the name does not resolve here: "
    );
    assert!(code == Some(1) && text.starts_with(&expected), "{code:?}: {text}");
}

#[test]
fn what_cannot_be_asked_is_an_error() {
    let config = one_service("hostile", "");
    let explain = |service: &str, code, parts: &[&str]| {
        let asked = ["explain", "--service", service, "--url", "http://a.example/"];
        refused(&config, &asked, code, parts);
    };
    explain("hostle", 1, &["error: there is no service `hostle`. Did you mean `hostile`?\n"]);
    explain("prometheus", 1, &["error: there is no service `prometheus`. Known here: hostile.\n"]);
    let method = |method: &str, parts: &[&str]| {
        let asked = ["explain", "--service", "hostile", "--url", "http://a.example/", "--method", method];
        refused(&config, &asked, 64, parts);
    };
    method("TRACE", &["error: TRACE is never allowed: it would show credentials, or open a tunnel\n"]);
    method("CONNECT", &["error: CONNECT is never allowed"]);
    method("get", &["error: `get` is not an HTTP method; write it in capitals, like GET\n"]);
    refused(&config, &["explain", "--service", "hostile"], 64, &["--url"]);
    refused(&config, &["explain", "--url", "http://a.example/"], 64, &["--service"]);
}

#[test]
fn a_service_that_cannot_be_loaded_says_why_and_leaves_the_others_alone() {
    let config =
        services("hostile", &[("broken", "config: { refuse: 'url: must be https' }"), ("hostile", "")]);
    let asked = ["explain", "--service", "broken", "--url", "http://a.example/"];
    refused(&config, &asked, 1, &["error: service `broken` cannot be loaded: config: url: must be https\n"]);
    let output = explain(&config, "GET", "http://a.example/", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("REFUSED  GET http://a.example/ from"));
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Sent,
    /// By the host, for this reason.
    Refused(&'static str),
    /// By the SDK inside the guest, before the host sees it; the host would for this reason.
    NotEvenAsked(&'static str),
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_does_what_was_explained() {
    use Fate::{NotEvenAsked, Refused, Sent};
    let (first, second) = (Upstream::start(hello).await, Upstream::start(hello).await);
    let stranger = Upstream::start(hello).await;
    let (one, two, port) = (first.url(), second.url(), first.address.port());
    let config = one_service(
        "hostile",
        &format!(
            "config: {{ url: '{one}', others: ['{two}'] }}, egress: [\
             {{ url: '{one}/allowed/a/**', methods: [GET], query: [q] }}, {{ url: '{two}/allowed/**' }}], \
             credentials: [{{ for: '{one}', bearer: canary-7 }}, {{ for: '{two}', query: api_key, value: canary-7 }}]"
        ),
    );
    let table = [
        ("GET", format!("{one}/allowed/a/x"), Sent),
        ("GET", format!("{one}/allowed/a"), Sent),
        ("GET", format!("{one}/allowed/b/../a/./x?q=1&q=2#part"), Sent),
        ("GET", format!("{one}/%61llowed/a/x%20y?%71=1"), Sent),
        ("GET", format!("http://127.1:{port}/allowed/a/x"), Sent),
        ("POST", format!("{two}/allowed/x?any=1"), Sent),
        ("GET", format!("{one}/allowed/a/x?other=1"), Refused("no_rule")),
        ("GET", format!("{one}/allowed/a/x?q=1&Q=1"), Refused("no_rule")),
        ("POST", format!("{one}/allowed/a/x"), Refused("no_rule")),
        ("HEAD", format!("{one}/allowed/a/x"), Refused("no_rule")),
        ("GET", format!("{one}/allowed/b"), Refused("no_rule")),
        ("GET", format!("{one}/allowed/a/../x"), Refused("no_rule")),
        ("GET", format!("{one}/allowed/a/%2e%2E/x"), Refused("no_rule")),
        ("GET", format!("http://localhost:{port}/allowed/a/x"), Refused("no_rule")),
        ("GET", format!("https://127.0.0.1:{port}/allowed/a/x"), Refused("no_rule")),
        ("GET", format!("{}/allowed/a/x", stranger.url()), Refused("no_rule")),
        ("GET", "http://169.254.169.254/allowed/a/x".to_owned(), Refused("no_rule")),
        ("GET", format!("{one}/allowed/a/..%2fx"), Refused("malformed_url")),
        ("GET", format!("{one}/allowed/a/..%5cx"), Refused("malformed_url")),
        ("GET", format!("{two}/allowed/x?API%5Fkey=mine"), Refused("guest_credential")),
        ("GET", format!("http://u:p@127.0.0.1:{port}/allowed/a/x"), NotEvenAsked("user_info")),
        ("GET", "nonsense".to_owned(), NotEvenAsked("malformed_url")),
        ("GET", format!("ftp://127.0.0.1:{port}/allowed/a/x"), NotEvenAsked("malformed_url")),
        ("DELETE", format!("{two}/allowed/x"), Refused("no_rule")),
    ];
    let server = Server::start(&config);
    let client = server.client();
    let mut reasons = Vec::new();
    for (method, url, fate) in &table {
        let (code, text) = said(explain(&config, method, url, &["--json"]));
        let explained: Value = serde_json::from_str(&text).unwrap();
        let before = first.received().len() + second.received().len();
        let called = client.fetch("hostile", json!({ "method": method, "url": url })).await;
        let arrived = [first.received(), second.received()].concat().len() - before;
        let ended = called.as_ref().map_or_else(|(reason, _)| reason.as_str(), |_| "ok");
        let (reason, expected) = match *fate {
            Sent => (Value::Null, (Some(0), "ok", 1)),
            Refused(reason) => (json!(reason), (Some(1), "denied", 0)),
            NotEvenAsked(reason) => (json!(reason), (Some(1), "failed", 0)),
        };
        assert_eq!((code, ended, arrived), expected, "{method} {url}: {explained} {called:?}");
        assert_eq!((&explained["allowed"], &explained["reason"]), (&json!(*fate == Sent), &reason), "{url}");
        match fate {
            Sent => {
                // It went where it was said to go, by the rule that was said.
                let shown = explained["url"].as_str().unwrap();
                let upstream = if shown.starts_with(&one) { &first } else { &second };
                let received = upstream.received().pop().unwrap();
                let sent = format!("{}{}", upstream.url(), received.target);
                assert_eq!(sent.trim_end_matches("&api_key=canary-7"), shown);
                let place = json!(shown.split('?').next().unwrap());
                let recorded = |told: Value| {
                    (&told["method"], &told["url"], &told["rule"])
                        == (&json!(method), &place, &explained["rule"])
                };
                server.logged(|entry| told(entry).is_some_and(recorded));
            }
            Refused(reason) => reasons.push(*reason),
            NotEvenAsked(_) => {}
        }
    }
    let log = server.log_until_now().await;
    let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let refusals = entries.filter(|entry| entry["message"] == "outbound request refused");
    let logged: Vec<_> = refusals.map(|entry| entry["reason"].as_str().unwrap().to_owned()).collect();
    assert_eq!(logged, reasons);
    assert_eq!(stranger.accepted(), 0);
}

/// The first outbound request of a call's record.
fn told(entry: &Value) -> Option<Value> {
    let exchanges: Value = serde_json::from_str(entry["egress"].as_str()?).ok()?;
    exchanges.get(0).cloned()
}
