//! Guests that want to reach what they were not granted.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use serde_json::json;

use super::{
    outgoing::{DENIED, answer, hello, nothing_arrives, with_upstream},
    trial::{Trial, attack, neighbour},
};
use crate::support::{RawUpstream, Upstream, component};

/// wasmtime's word for a scheme that is not http or https.
const NO_SCHEME: &str = "HttpProtocolError";

pub(super) async fn other_host() {
    let trial = nothing_arrives("other_host", &[DENIED; 6]).await;
    let entry = trial.server.logged(|entry| entry["message"] == "outbound request refused");
    assert_eq!((&entry["reason"], &entry["service"]), (&json!("no_rule"), &json!("attack")));
}

pub(super) async fn other_port() {
    nothing_arrives("other_port", &[DENIED; 2]).await;
}

pub(super) async fn other_scheme() {
    let expected = [DENIED, NO_SCHEME, NO_SCHEME, NO_SCHEME, NO_SCHEME, NO_SCHEME];
    nothing_arrives("other_scheme", &expected).await;
}

pub(super) async fn other_method() {
    nothing_arrives("other_method", &[DENIED; 5]).await;
}

pub(super) async fn trace_and_connect() {
    nothing_arrives("trace_and_connect", &[DENIED; 5]).await;
}

pub(super) async fn metadata_address() {
    nothing_arrives("metadata_address", &[DENIED; 7]).await;
}

pub(super) async fn v6_disguises() {
    nothing_arrives("v6_disguises", &[DENIED; 13]).await;
}

pub(super) async fn user_info() {
    let expected = [DENIED, DENIED, DENIED, DENIED, "unbuilt: authority"];
    let trial = nothing_arrives("user_info", &expected).await;
    let entry = trial.server.logged(|entry| entry["message"] == "outbound request refused");
    assert_eq!(entry["reason"], json!("user_info"));
    // What stands before the host may be a password.
    assert!(!trial.server.log_text().contains("password"));
}

pub(super) async fn path_escape() {
    let upstream = hello().await;
    let trial = with_upstream("path_escape", &upstream.url(), "");
    let refused = [
        "/",
        "/secret",
        "/allowed/../secret",
        "/allowed/x/../../secret",
        "/allowed/./../secret",
        "/allowed//../../secret",
        "/allowed/;/../../secret",
        "//allowed/x",
        "/./allowed/../secret",
        "/ALLOWED/x",
        "/allowedx",
        "/allowed%2fx",
        "/secret?/allowed/x",
        "/secret#/allowed/x",
        // encoded dots
        "/allowed/%2e%2e/secret",
        "/allowed/%2E%2E/secret",
        "/allowed/%2E./secret",
        "/allowed/.%2e/secret",
        "/allowed/%2e%2e%2fsecret",
        "/allowed/%2e%2e",
        // encoded slashes
        "/allowed/..%2fsecret",
        "/allowed/..%2Fsecret",
        "/allowed/x%2f..%2f..%2fsecret",
        "/allowed/x%2f..",
        "/allowed/%2f..%2fsecret",
        // slashes that lean the other way
        "/allowed/..\\secret",
        "/allowed\\..\\secret",
        "/allowed/..%5csecret",
        "/allowed/%2e%2e%5Csecret",
        "/allowed/x%5c..%5c..%5csecret",
        // parameters of a segment, which some servers cut off before they resolve the dots
        "/allowed/..;/secret",
        "/allowed/..;x=1/secret",
        "/allowed/%2e%2e;/secret",
        "/allowed/..%3b/secret",
        // what ends a text elsewhere, and what is no text
        "/allowed/x%00",
        "/allowed/..%00/secret",
        "/allowed/%ff",
        "/allowed/%c0%ae%c0%ae/secret",
    ];
    let allowed = [
        "/allowed",
        "/allowed/",
        "/allowed/x",
        "/allowed/a%2fb",
        "/allowed/...",
        "/allowed/..x",
        "/allowed/;/x",
        // Encoded twice: to a server that decodes once these are names.
        "/allowed/%252e%252e/secret",
        "/allowed/%252e%252e%252fsecret",
        "/allowed/%25%32%65",
    ];
    let expected: Vec<_> = refused
        .map(|path| json!([path, DENIED]))
        .into_iter()
        .chain(allowed.map(|path| json!([path, "200"])))
        .collect();
    let paths: Vec<_> = refused.into_iter().chain(allowed).collect();
    let outcomes = trial.structured(json!({ "paths": paths })).await["outcomes"].take();
    let wrong: Vec<_> =
        outcomes.as_array().unwrap().iter().zip(&expected).filter(|(came, due)| came != due).collect();
    assert!(wrong.is_empty(), "came, and was due: {wrong:#?}");
    // What was matched is what was sent.
    let received: Vec<_> = upstream.received().into_iter().map(|request| request.target).collect();
    assert_eq!(received, allowed);
}

pub(super) async fn numeric_hosts() {
    let (upstream, other) = (hello().await, hello().await);
    let config = format!("guest: numeric_hosts, url: '{}', other: '{}'", upstream.url(), other.url());
    let trial = Trial::with(&config, "");
    // Another spelling of its own address is its own address, and goes out in the usual spelling.
    assert_eq!(trial.outcomes(json!({ "meaning": "own port" })).await, ["200"; 8]);
    for request in upstream.received() {
        assert_eq!(request.headers["host"], upstream.address.to_string());
    }
    assert_eq!(trial.outcomes(json!({ "meaning": "other port" })).await, [DENIED; 8]);
    assert_eq!(trial.outcomes(json!({ "meaning": "metadata" })).await, [DENIED; 6]);
    assert_eq!((upstream.received().len(), other.received().len()), (8, 0));
}

pub(super) async fn redirect_to_metadata() {
    let other = hello().await;
    let to_other = format!("{}/allowed/x", other.url());
    let upstream = Upstream::start(move |request| {
        let to = match request.target.as_str() {
            "/allowed/metadata" => "http://169.254.169.254/latest/meta-data/",
            "/allowed/port" => &to_other,
            _ => {
                return answer(
                    308,
                    &[("location", &format!("http://{}/secret", request.headers["host"].to_str().unwrap()))],
                    "",
                );
            }
        };
        answer(302, &[("location", to)], "")
    })
    .await;
    let trial = with_upstream("redirect_to_metadata", &upstream.url(), "");
    assert_eq!(trial.outcomes(json!({})).await, ["302", DENIED, "302", DENIED, "308", DENIED]);
    assert_eq!((upstream.received().len(), other.received().len()), (3, 0));
}

/// Between the guest and the server stands a relay: the config needs the address before the server has one.
#[expect(clippy::disallowed_methods, reason = "the relay is the test's own")]
pub(super) async fn calls_itself() {
    let server: Arc<OnceLock<SocketAddr>> = Arc::default();
    let address = server.clone();
    let relay = RawUpstream::start(move |head, mut stream| {
        let address = *address.get().unwrap();
        async move {
            let mut server = tokio::net::TcpStream::connect(address).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut server, head.as_bytes()).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
        }
    })
    .await;
    let config = format!("guest: calls_itself, url: '{}/mcp'", relay.url());
    let own = attack(&component("attacks"), &config, "limits: { concurrent_calls: 3 }");
    let trial = Trial::start(&format!("{}{}", own.replace("attack:", "allowed:"), neighbour()));
    server.set(trial.server.address).unwrap();
    let result = trial.beside(trial.client.call("allowed_run", json!({}))).await;
    // Each call answers with what the next one said; the fourth found no room.
    let said = result["content"][0]["text"].as_str().unwrap();
    assert!(said.contains("too many calls at once: 3 are allowed"), "{result}");
    assert_eq!(relay.heads().len(), 3);
    trial.honest("allowed", 1).await;
}
