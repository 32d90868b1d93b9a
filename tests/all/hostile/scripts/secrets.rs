//! Guests that are after the credentials the host attaches for them.

use serde_json::{Value, json};

use super::{
    super::{
        outgoing::hello,
        secrets::{BEARER, CLEANED, echo, no_canary, secret},
        trial::{Trial, is, neighbour},
    },
    Language, args,
    egress::outcomes,
};
use crate::support::RawUpstream;

/// A guest whose upstream gets the secret by way of `credential`.
async fn entrusted(language: Language, guest: &str, url: &str, credential: &str) -> Trial {
    let dir = tempfile::tempdir().unwrap();
    let rest = format!("credentials: [{{ for: '{url}', {credential} }}]");
    let (own, end) = language.attack(&format!("guest: {guest}, url: '{url}'"), &rest).await;
    Trial::start(&format!("{own}{}{end}{}", neighbour(), secret(&dir)))
}

pub(super) async fn own_credentials(language: Language) {
    let upstream = hello().await;
    let credential = "header: X-Api-Key, value: '${secret:key}'";
    let trial = entrusted(language, "own_credentials", &upstream.url(), credential).await;
    let names = ["authorization", "Authorization", "cookie", "x-api-key", "X-API-KEY", "proxy-authorization"];
    let headers: Vec<_> = names.map(|name| json!([name, "Bearer mine"])).into();
    let url = format!("{}/allowed/x", upstream.url());
    let came = outcomes(&trial, json!({ "url": url, "headers": headers })).await;
    assert_eq!(came, ["Denied", "Denied", "Denied", "Denied", "Denied", "Failed"]);
    assert_eq!(upstream.received().len(), 0);
    trial.server.logged(|entry| entry["reason"] == "guest_credential");
}

pub(super) async fn exfiltrate_by_echo(language: Language) {
    let upstream = RawUpstream::start(echo).await;
    let trial = entrusted(language, "exfiltrate_by_echo", &upstream.url(), BEARER).await;
    for path in ["header", "body", "bytes", "halves", "percent", "json"] {
        let seen = trial.structured(args(json!({ "path": path }))).await;
        assert_eq!(seen["body"], json!(CLEANED), "{path}: {seen}");
        if path == "header" {
            assert_eq!(seen["headers"]["x-echo"], json!(CLEANED));
        }
        no_canary(&trial, &seen);
    }
}

pub(super) async fn exfiltrate_by_error(language: Language) {
    let upstream = RawUpstream::start(echo).await;
    let trial = entrusted(language, "exfiltrate_by_error", &upstream.url(), BEARER).await;
    is(&trial.stopped(args(json!({ "path": "body", "by": "error" }))).await, "failed", CLEANED);
    no_canary(&trial, &trial.record());
}

pub(super) async fn exfiltrate_by_log(language: Language) {
    let upstream = RawUpstream::start(echo).await;
    let trial = entrusted(language, "exfiltrate_by_log", &upstream.url(), BEARER).await;
    let text = format!("TypeError: thrown {CLEANED}");
    is(&trial.stopped(args(json!({ "path": "body", "by": "log" }))).await, "failed", &text);
    for word in ["printed", "logged", "thrown"] {
        let said = |entry: &Value| {
            entry["message"].as_str().is_some_and(|text| text.contains(word) && text.contains(CLEANED))
        };
        trial.server.logged(said);
    }
    no_canary(&trial, &json!(null));
}
