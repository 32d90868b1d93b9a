//! Guests that want to reach what they were not granted, or send what is not theirs to send: with `fetch` and the SDK's
//! client, which a guest need not use, and past them.

use serde_json::{Value, json};

use super::{
    super::{
        outgoing::{answer, hello, strings},
        trial::Trial,
    },
    Language, args,
};
use crate::support::Upstream;

const DENIED: &str = "Denied";
/// What the SDKs refuse before the host is asked.
const FAILED: &str = "Failed";

/// Tries `guest` with the upstream at `url`.
pub(super) async fn with_upstream(language: Language, guest: &str, url: &str, rest: &str) -> Trial {
    language.trial_with(&format!("guest: {guest}, url: '{url}'"), rest).await
}

pub(super) async fn outcomes(trial: &Trial, arguments: Value) -> Vec<String> {
    strings(&trial.structured(args(arguments)).await["outcomes"])
}

/// GETs of these come to this, and nothing arrives: not at its upstream, not at `other`.
async fn nothing_arrives(
    language: Language,
    guest: &str,
    arguments: impl Fn(&Upstream, &Upstream) -> Value,
    expected: &[&str],
) -> Trial {
    let (upstream, other) = (hello().await, hello().await);
    let trial = with_upstream(language, guest, &upstream.url(), "").await;
    assert_eq!(outcomes(&trial, arguments(&upstream, &other)).await, expected);
    assert_eq!((upstream.received().len(), other.received().len()), (0, 0));
    trial.honest("attack", 1).await;
    trial
}

pub(super) async fn other_host(language: Language) {
    let hosts = ["localhost", "127.0.0.2", "127.0.0.1.example.com", "example.com", "[::1]", "0.0.0.0"];
    let urls = |own: &Upstream, _: &Upstream| {
        let url = |host: &&str| format!("http://{host}:{}/allowed/x", own.address.port());
        json!({ "urls": hosts.iter().map(url).collect::<Vec<_>>() })
    };
    let trial = nothing_arrives(language, "other_host", urls, &[DENIED; 6]).await;
    let entry = trial.server.logged(|entry| entry["message"] == "outbound request refused");
    assert_eq!((&entry["reason"], &entry["service"]), (&json!("no_rule"), &json!("attack")));
}

pub(super) async fn other_port(language: Language) {
    let urls = |_: &Upstream, other: &Upstream| json!({ "urls": [format!("{}/allowed/x", other.url()), "http://127.0.0.1/allowed/x"] });
    nothing_arrives(language, "other_port", urls, &[DENIED; 2]).await;
}

pub(super) async fn other_scheme(language: Language) {
    let urls = |own: &Upstream, _: &Upstream| {
        let url = |scheme: &str| own.url().replacen("http", scheme, 1) + "/allowed/x";
        json!({ "urls": [
            url("https"), url("ws"), url("ftp"), url("gopher"), "file:///etc/passwd", "file:/etc/passwd",
            "data:text/plain,hello", "blob:null/x", "about:blank", "javascript:1", "//127.0.0.1/x", "/etc/passwd", "",
        ] })
    };
    let mut expected = vec![FAILED; 13];
    expected[0] = DENIED;
    nothing_arrives(language, "other_scheme", urls, &expected).await;
}

/// The engine's own `fetch` goes the same way out.
pub(super) async fn native_fetch(language: Language) {
    let urls = |own: &Upstream, other: &Upstream| {
        let url = |scheme: &str| own.url().replacen("http", scheme, 1) + "/allowed/x";
        json!({ "urls": [
            format!("{}/allowed/x", other.url()), format!("{}/secret", own.url()), url("https"), url("ws"), url("ftp"),
            "file:///etc/passwd", "data:text/plain,hello", "blob:null/x", "about:blank", "//127.0.0.1/x", "",
            "http://169.254.169.254/latest/meta-data/",
        ] })
    };
    let (unsent, unknown) = ("TypeError", "Error");
    let expected =
        [unsent, unsent, unsent, unknown, unknown, unknown, unknown, unsent, unknown, unsent, unsent, unsent];
    nothing_arrives(language, "native_fetch", urls, &expected).await;
}

pub(super) async fn other_method(language: Language) {
    let methods =
        ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "CONNECT", "PROPFIND", "get /secret"];
    let urls = |own: &Upstream, _: &Upstream| json!({ "url": format!("{}/allowed/x", own.url()), "methods": methods });
    let mut expected = vec![DENIED; 9];
    expected[8] = FAILED;
    nothing_arrives(language, "other_method", urls, &expected).await;
}

pub(super) async fn path_escape(language: Language) {
    let upstream = hello().await;
    let trial = with_upstream(language, "path_escape", &upstream.url(), "").await;
    let refused = [
        "/",
        "/secret",
        "/allowed/../secret",
        "/allowed/x/../../secret",
        "//allowed/x",
        "/ALLOWED/x",
        "/allowedx",
        "/allowed%2fx",
        "/secret?/allowed/x",
        "/secret#/allowed/x",
        "/allowed/%2e%2e/secret",
        "/allowed/.%2e/secret",
        "/allowed/..%2fsecret",
        "/allowed/..%5csecret",
        "/allowed/..;/secret",
        "/allowed/x%00",
        "/allowed/%ff",
        "/allowed/%c0%ae%c0%ae/secret",
    ];
    let allowed = ["/allowed/", "/allowed/x", "/allowed/a%2fb", "/allowed/...", "/allowed/%252e%252e/secret"];
    let urls: Vec<_> =
        refused.iter().chain(&allowed).map(|path| format!("{}{path}", upstream.url())).collect();
    let came = outcomes(&trial, json!({ "urls": urls })).await;
    let expected = [&[DENIED; 18][..], &["200"; 5]].concat();
    let wrong: Vec<_> = urls.iter().zip(came).zip(expected).filter(|((_, came), due)| came != due).collect();
    assert!(wrong.is_empty(), "came, and was due: {wrong:#?}");
    // What was matched is what is sent.
    let received: Vec<_> = upstream.received().into_iter().map(|request| request.target).collect();
    assert_eq!(received, allowed);
}

pub(super) async fn metadata_address(language: Language) {
    let urls = [
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "http://169.254.169.254/allowed/x",
        "http://169.254.170.2/v2/credentials",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://100.100.100.200/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://168.63.129.16/machine",
        "http://10.0.0.1/allowed/x",
        "http://192.168.1.1/allowed/x",
        "http://[::ffff:169.254.169.254]/allowed/x",
        "http://[64:ff9b::a9fe:a9fe]/allowed/x",
    ];
    let urls = |_: &Upstream, _: &Upstream| json!({ "urls": urls });
    nothing_arrives(language, "metadata_address", urls, &[DENIED; 11]).await;
}

pub(super) async fn numeric_hosts(language: Language) {
    let hosts = ["2130706433", "0x7f000001", "017700000001", "127.1", "0177.0.0.01", "0x7f.0x0.0.1"];
    let urls = |_: &Upstream, other: &Upstream| {
        let url = |host: &&str| format!("http://{host}:{}/allowed/x", other.address.port());
        let metadata = ["2852039166", "0xa9fea9fe", "025177524776", "169.254.43518"];
        let metadata = metadata.iter().map(|host| format!("http://{host}/allowed/x"));
        json!({ "urls": hosts.iter().map(url).chain(metadata).collect::<Vec<_>>() })
    };
    nothing_arrives(language, "numeric_hosts", urls, &[DENIED; 10]).await;
}

pub(super) async fn user_info(language: Language) {
    let urls = |own: &Upstream, _: &Upstream| {
        let url = |user: &str| own.url().replacen("://", &format!("://{user}@"), 1) + "/allowed/x";
        json!({ "urls": [url("user:password"), url("user"), url("127.0.0.1:80"), url("%40")] })
    };
    let trial = nothing_arrives(language, "user_info", urls, &[FAILED; 4]).await;
    assert!(!trial.server.log_text().contains("password"));
}

pub(super) async fn redirect_to_metadata(language: Language) {
    let other = hello().await;
    let to_other = format!("{}/allowed/x", other.url());
    let upstream = Upstream::start(move |request| {
        let own = format!("http://{}/secret", request.headers["host"].to_str().unwrap());
        let to = match request.target.as_str() {
            "/allowed/metadata" => "http://169.254.169.254/latest/meta-data/",
            "/allowed/port" => &to_other,
            _ => &own,
        };
        answer(302, &[("location", to)], "")
    })
    .await;
    let trial = with_upstream(language, "redirect_to_metadata", &upstream.url(), "").await;
    let came = outcomes(&trial, json!({ "paths": ["metadata", "port", "path"] })).await;
    assert_eq!(came, ["302", DENIED, "302", DENIED, "302", DENIED]);
    assert_eq!((upstream.received().len(), other.received().len()), (3, 0));
}

/// What the caller reads where nobody catches it: which request, without its query, and whose word forbids it.
pub(super) async fn denied_uncaught(language: Language) {
    let upstream = hello().await;
    let trial = with_upstream(language, "denied_uncaught", &upstream.url(), "").await;
    let url = |path: &str| format!("{}{path}", upstream.url());
    let (reason, text) = trial.stopped(args(json!({ "url": url("/secret?key=hidden") }))).await;
    let expected = format!("GET {} is not allowed by this service's egress rules", url("/secret"));
    assert_eq!((reason, text), ("denied".to_owned(), expected));
    assert_eq!(trial.record()["outcome"], json!("denied"));
    let got = trial.answered(args(json!({ "url": url("/allowed/x") }))).await;
    assert_eq!(got["content"][0]["text"], json!("hello"));
}

/// Headers that are the host's, one after the other.
async fn refused_headers(language: Language, guest: &str, names: &[&str]) {
    let urls = |own: &Upstream, _: &Upstream| {
        let headers: Vec<_> = names.iter().map(|name| json!([name, "evil.example"])).collect();
        json!({ "url": format!("{}/allowed/x", own.url()), "headers": headers })
    };
    nothing_arrives(language, guest, urls, &vec![FAILED; names.len()]).await;
}

pub(super) async fn own_headers(language: Language) {
    let names = [
        "host",
        "Host",
        "connection",
        "keep-alive",
        "transfer-encoding",
        "te",
        "upgrade",
        "content-length",
        "forwarded",
        "x-forwarded-for",
        "X-Forwarded-Host",
        "accept-encoding",
        "trailer",
        "proxy-connection",
        "http2-settings",
    ];
    refused_headers(language, "own_headers", &names).await;
}

pub(super) async fn override_headers(language: Language) {
    let names =
        ["x-http-method-override", "X-HTTP-Method", "x-method-override", "x-original-url", "x-rewrite-url"];
    refused_headers(language, "override_headers", &names).await;
}

/// Past the SDK and the engine, where WASI is all there is.
pub(super) async fn header_smuggling(language: Language) {
    let trial = language.trial("header_smuggling", "").await;
    let smuggled = "1\r\nhost: evil.example";
    let values = [smuggled, "1\nx: 1", "1\rx: 1", "1\0", "\u{7f}", "\r\n\r\nGET /secret HTTP/1.1\r\n\r\n"];
    let names = ["x-a\r\nhost", "x-a: 1\r\nx-b", "x a", "x:a", "x\0", ""];
    let headers = values.map(|value| json!(["x-a", value])).into_iter();
    let headers: Vec<_> =
        headers.chain(names.map(|name| json!([name, "1"]))).chain([json!(["host", "x"])]).collect();
    let mut expected = vec!["invalid-syntax"; 12];
    expected.push("forbidden");
    assert_eq!(outcomes(&trial, json!({ "headers": headers })).await, expected);
    trial.honest("attack", 1).await;
}

pub(super) async fn raw_request(language: Language) {
    let requests = |own: &Upstream, other: &Upstream| {
        let (authority, foreign) = (own.address.to_string(), other.address.to_string());
        let request = |authority: &str, path: &str| json!({ "authority": authority, "path": path });
        json!({ "requests": [
            { "method": "GET /secret HTTP/1.1\r\nx: 1", "authority": authority, "path": "/allowed/x" },
            request(&authority, "/allowed/x HTTP/1.1\r\nx: 1"),
            request(&format!("{authority}\r\nx: 1"), "/allowed/x"),
            request(&foreign, "/allowed/x"),
            request(&authority, "/secret"),
            request(&authority, "/allowed/../secret"),
            request(&format!("user:password@{authority}"), "/allowed/x"),
            { "method": "DELETE", "authority": authority, "path": "/allowed/x" },
        ] })
    };
    let (unbuilt, denied) = ("unbuilt", language.or("HTTP-request-denied", "http-request-denied"));
    let expected = [unbuilt, unbuilt, unbuilt, denied, denied, denied, denied, denied];
    nothing_arrives(language, "raw_request", requests, &expected).await;
}
