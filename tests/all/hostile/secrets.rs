//! Guests that are after the credentials the host attaches for them.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    outgoing::{DENIED, hello},
    trial::{Trial, attack, is, neighbour},
};
use crate::support::{
    RawUpstream, component, gzip,
    raw_upstream::{page, say},
};

/// With a character that JSON escapes and URLs encode, and as long as base64 likes it after `u:`.
const SECRET: &str = "canary\"726";
pub(super) const BEARER: &str = "header: Authorization, value: 'Bearer ${secret:key}'";
const BASIC: &str = "basic: { username: u, password: '${secret:key}' }";
const QUERY: &str = "query: api_key, value: '${secret:key}'";
/// What the upstream's answers must have become.
pub(super) const CLEANED: &str = "got [removed] end";

/// A guest whose upstream gets the secret by way of `credential`.
fn entrusted(guest: &str, url: &str, credential: &str) -> Trial {
    let dir = tempfile::tempdir().unwrap();
    let rest = format!("credentials: [{{ for: '{url}', {credential} }}]");
    let attack = attack(&component("attacks"), &format!("guest: {guest}, url: '{url}'"), &rest);
    Trial::start(&format!("{attack}{}{}", neighbour(), secret(&dir)))
}

/// The secret, as the configuration has it.
pub(super) fn secret(dir: &tempfile::TempDir) -> String {
    let file = dir.path().join("key");
    std::fs::write(&file, SECRET).unwrap();
    format!("secrets: {{ key: {{ file: '{}' }} }}\n", file.display())
}

pub(super) fn no_canary(trial: &Trial, seen: &Value) {
    for text in [seen.to_string(), trial.server.log_text()] {
        assert!(!text.contains("canary") && !text.contains(&BASE64_STANDARD.encode(SECRET)), "{text}");
    }
}

pub(super) async fn own_credentials() {
    let upstream = hello().await;
    let credential = "header: X-Api-Key, value: '${secret:key}'";
    let trial = entrusted("own_credentials", &upstream.url(), credential);
    let expected = [DENIED, DENIED, DENIED, DENIED, DENIED, "unbuilt: header Forbidden"];
    assert_eq!(trial.outcomes(json!({})).await, expected);
    assert_eq!(upstream.received().len(), 0);
    trial.server.logged(|entry| entry["reason"] == "guest_credential");
}

pub(super) async fn own_query_credential() {
    let upstream = hello().await;
    let trial = entrusted("own_query_credential", &upstream.url(), QUERY);
    let expected = [DENIED, DENIED, DENIED, DENIED, DENIED, "200"];
    assert_eq!(trial.outcomes(json!({})).await, expected);
    let received: Vec<_> = upstream.received().into_iter().map(|request| request.target).collect();
    assert_eq!(received, ["/allowed/x?q=1&api_key=canary%22726"]);
    no_canary(&trial, &json!(null));
}

pub(super) async fn range_piecewise() {
    let upstream = hello().await;
    let trial = entrusted("range_piecewise", &upstream.url(), BEARER);
    assert_eq!(trial.outcomes(json!({})).await, [DENIED; 4]);
    assert_eq!(upstream.received().len(), 0);
}

/// The secret in one disguise, as `path` asks for it.
pub(super) async fn echo(head: String, stream: TcpStream) {
    let path = head.split([' ', '?']).nth(1).unwrap();
    let basic = BASE64_STANDARD.encode(format!("u:{SECRET}"));
    let said = match path {
        "/allowed/percent" => "canary%22726",
        "/allowed/json" => "canary\\\"726",
        "/allowed/basic" => &basic,
        _ => SECRET,
    };
    let said = format!("got {said} end");
    match path {
        "/allowed/header" => {
            say(stream, page("200 OK", &format!("x-echo: {said}\r\n"), CLEANED.as_bytes())).await
        }
        "/allowed/name" => {
            say(stream, page("200 OK", "canary%22726: x\r\n", CLEANED.as_bytes())).await;
        }
        "/allowed/bytes" => say_in_chunks(stream, said.as_bytes(), 1).await,
        "/allowed/halves" => say_in_chunks(stream, said.as_bytes(), 7).await,
        "/allowed/cut" => {
            say(stream, page("200 OK", "", said.strip_suffix("26 end").unwrap().as_bytes())).await
        }
        _ => say(stream, page("200 OK", "", said.as_bytes())).await,
    }
}

async fn say_in_chunks(mut stream: TcpStream, bytes: &[u8], size: usize) {
    stream.set_nodelay(true).unwrap();
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for chunk in bytes.chunks(size) {
        let chunk = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        stream.write_all(&chunk).await.unwrap();
        tokio::task::yield_now().await;
    }
    say(stream, "0\r\n\r\n").await;
}

pub(super) async fn exfiltrate_by_echo() {
    let upstream = RawUpstream::start(echo).await;
    let attempts = [
        (BEARER, &["header", "body", "bytes", "halves", "percent", "json"][..]),
        (QUERY, &["header", "body", "percent"]),
        (BASIC, &["body", "basic"]),
    ];
    for (credential, paths) in attempts {
        let trial = entrusted("exfiltrate_by_echo", &upstream.url(), credential);
        let seen = trial.structured(json!({ "paths": paths })).await;
        for (path, seen) in paths.iter().zip(seen["seen"].as_array().unwrap()) {
            assert_eq!(seen["body"], json!(CLEANED), "{credential}, {path}: {seen}");
            if *path == "header" {
                assert_eq!(seen["headers"]["x-echo"], json!(CLEANED), "{credential}");
            }
        }
        no_canary(&trial, &seen);
    }
    // What only looks like the beginning of the secret is not held back for ever.
    let trial = entrusted("exfiltrate_by_echo", &upstream.url(), BEARER);
    let seen = trial.structured(json!({ "paths": ["cut"] })).await;
    assert_eq!(seen["seen"][0]["body"], json!("got canary\"7"));
    // A header's name is as readable as its value.
    no_canary(&trial, &trial.structured(json!({ "paths": ["name"] })).await);
}

pub(super) async fn exfiltrate_by_gzip() {
    let said = gzip::stored(format!("got {SECRET} end").as_bytes());
    let answer = page("200 OK", "content-encoding: gzip\r\n", &said);
    let upstream = RawUpstream::start(move |_, stream| say(stream, answer.clone())).await;
    let trial = entrusted("exfiltrate_by_gzip", &upstream.url(), BEARER);
    let seen = trial.structured(json!({})).await;
    assert_eq!(seen["seen"][0]["body"], json!(CLEANED), "{seen}");
    // The encoding is the host's to ask for: the guest's wish is refused or has no effect.
    for seen in &seen["seen"].as_array().unwrap()[1..] {
        assert!(*seen == json!("unbuilt: header Forbidden") || seen["body"] == json!(CLEANED), "{seen}");
    }
    for head in upstream.heads() {
        assert!(head.to_lowercase().contains("\r\naccept-encoding: gzip\r\n"), "{head}");
    }
    no_canary(&trial, &seen);
}

pub(super) async fn exfiltrate_by_log() {
    let upstream = RawUpstream::start(echo).await;
    let trial = entrusted("exfiltrate_by_log", &upstream.url(), BEARER);
    let ended = trial.stopped(json!({})).await;
    is(&ended, "trapped", "the integration crashed: it panicked or aborted; the log has its last words");
    for word in ["printed", "logged", "panicked"] {
        let said = |entry: &Value| {
            entry["message"].as_str().is_some_and(|text| text.contains(word) && text.contains(CLEANED))
        };
        trial.server.logged(said);
    }
    no_canary(&trial, &json!(null));
}

pub(super) async fn exfiltrate_by_error() {
    let upstream = RawUpstream::start(echo).await;
    let trial = entrusted("exfiltrate_by_error", &upstream.url(), BEARER);
    is(&trial.stopped(json!({})).await, "failed", CLEANED);
    no_canary(&trial, &trial.record());
}
