//! Guests that send too much, too often, or want answers that never end.

use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpSocket};

use super::{
    super::{outgoing::hello, trial::is},
    Language, args,
    egress::{outcomes, with_upstream},
};
use crate::support::{
    RawUpstream,
    raw_upstream::{page, repeat, say, say_and_wait},
};

pub(super) async fn request_flood(language: Language) {
    let upstream = hello().await;
    let trial =
        with_upstream(language, "request_flood", &upstream.url(), "limits: { requests_per_call: 3 }").await;
    let urls: Vec<_> = (0..5).map(|n| format!("{}/allowed/{n}", upstream.url())).collect();
    for round in 1..=2 {
        let came = outcomes(&trial, json!({ "urls": urls })).await;
        assert_eq!(came, ["200", "200", "200", "Denied", "Denied"]);
        assert_eq!(upstream.received().len(), 3 * round, "each call has its own");
    }
}

pub(super) async fn parallel_flood(language: Language) {
    // Answers begin and do not end, so that all are open at once.
    let upstream = RawUpstream::start(|_, stream| {
        say_and_wait(stream, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx")
    })
    .await;
    let rest = "limits: { concurrent_requests: 4, deadline: 3s, between_bytes_timeout: 500ms }";
    let trial = with_upstream(language, "parallel_flood", &upstream.url(), rest).await;
    let came = outcomes(&trial, json!({ "times": 6, "path": "held" })).await;
    assert_eq!(came.len(), 6);
    assert!(!came.contains(&"200".to_owned()), "{came:?}");
    assert_eq!(upstream.heads().len(), 4, "{came:?}");
    trial.honest("attack", 1).await;
}

pub(super) async fn rate_flood(language: Language) {
    let upstream = hello().await;
    let rest = "limits: { requests_per_second: 5, concurrent_requests: 64, requests_per_call: 64 }";
    let trial = with_upstream(language, "rate_flood", &upstream.url(), rest).await;
    let came = outcomes(&trial, json!({ "times": 30 })).await;
    let (sent, refused): (Vec<_>, Vec<_>) = came.iter().partition(|came| *came == "200");
    assert_eq!(upstream.received().len(), sent.len());
    assert!(!sent.is_empty() && refused.len() >= 10, "{came:?}");
    assert!(refused.iter().all(|came| *came == "429 by the host: rate"), "{came:?}");
}

pub(super) async fn huge_request_body(language: Language) {
    let upstream = hello().await;
    let rest = "limits: { request_bytes: 64KiB, memory: 512MiB }";
    let trial = with_upstream(language, "huge_request_body", &upstream.url(), rest).await;
    let sent = trial.answered(args(json!({ "bytes": 64 << 10 }))).await;
    assert_eq!(sent["content"][0]["text"], json!("200"));
    for bytes in [(64 << 10) + 1, 4 << 20] {
        let text =
            format!("POST {}/allowed/x failed: the request is larger than the host allows", upstream.url());
        is(&trial.stopped(args(json!({ "bytes": bytes }))).await, "failed", &text);
    }
    let lengths: Vec<_> = upstream.received().iter().map(|request| request.body.len()).collect();
    assert!(lengths.iter().all(|length| *length <= 64 << 10), "{lengths:?}");
}

pub(super) async fn endless_answer(language: Language) {
    let upstream = RawUpstream::start(|_, mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        repeat(stream, format!("1000\r\n{}\r\n", "x".repeat(0x1000))).await;
    })
    .await;
    let at = format!("GET {}/allowed/x", upstream.url());
    // The SDK's own bound, and the host's where a guest takes that away.
    let trial = with_upstream(language, "endless_answer", &upstream.url(), "").await;
    let text = format!("the response to {} is larger than 65536 bytes; ask for less", &at);
    is(&trial.stopped(args(json!({ "limit": 65_536 }))).await, "failed", &text);
    let rest = "limits: { response_bytes: 1MiB }";
    let trial = with_upstream(language, "endless_answer", &upstream.url(), rest).await;
    let text =
        format!("{at} failed: its answer broke off: HTTP response body size exceeds limit: 1048576 bytes");
    is(&trial.stopped(args(json!({ "limit": 1_u64 << 40 }))).await, "failed", &text);
    trial.honest("attack", 1).await;
}

/// The circuit opens, and keeps the guest from knocking.
pub(super) async fn dead_upstream(language: Language) {
    // A port that is taken but that nobody listens on.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let rest = "network: { circuit_breaker: { failures: 3, backoff: 300ms, max_backoff: 300ms } }, limits: { retries: 0 }";
    let trial = with_upstream(language, "dead_upstream", &url, rest).await;
    let urls = vec![format!("{url}/allowed/x"); 5];
    let (refused, open) = ("Unavailable", "503 by the host: circuit");
    assert_eq!(outcomes(&trial, json!({ "urls": urls })).await, [refused, refused, refused, open, open]);
    let upstream =
        RawUpstream::on(socket.listen(8).unwrap(), |_, stream| say(stream, page("200 OK", "", b"")));
    let back = async { while outcomes(&trial, json!({ "urls": urls[..1] })).await != ["200"] {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), back).await.unwrap();
    assert_eq!(upstream.heads().len(), 1, "an open circuit lets nothing through");
}
