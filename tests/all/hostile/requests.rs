//! Guests that send too much, too often, or never to the end.

use serde_json::json;
use tokio::net::TcpStream;

use super::{
    outgoing::{DENIED, hello, with_upstream},
    trial::is,
};
use crate::support::{
    RawUpstream,
    raw_upstream::{page, say, say_and_wait},
};

pub(super) async fn request_flood() {
    let upstream = hello().await;
    let trial = with_upstream("request_flood", &upstream.url(), "limits: { requests_per_call: 3 }");
    for round in 1..=2 {
        let outcomes = trial.outcomes(json!({ "times": 5 })).await;
        assert_eq!(outcomes, ["200", "200", "200", DENIED, DENIED]);
        assert_eq!(upstream.received().len(), 3 * round, "each call has its own");
    }
}

/// Below `/allowed/held` answers begin and do not end.
async fn held(head: String, stream: TcpStream) {
    if head.contains("/allowed/held") {
        say_and_wait(stream, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx").await;
    } else {
        say(stream, page("200 OK", "", b"hello")).await;
    }
}

pub(super) async fn parallel_flood() {
    let upstream = RawUpstream::start(held).await;
    let trial = with_upstream("parallel_flood", &upstream.url(), "limits: { concurrent_requests: 4 }");
    let full = "ConnectionLimitReached";
    for _ in 0..2 {
        assert_eq!(trial.outcomes(json!({})).await, ["200", "200", "200", "200", full, full, "200"]);
    }
    assert_eq!(upstream.heads().len(), 10);
}

pub(super) async fn rate_flood() {
    let upstream = hello().await;
    let trial = with_upstream("rate_flood", &upstream.url(), "limits: { requests_per_second: 5 }");
    let seen = trial.structured(json!({ "times": 30 })).await;
    let answers = seen["answers"].as_array().unwrap();
    let (sent, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer["status"] == json!(200));
    assert_eq!(upstream.received().len(), sent.len());
    assert!(!sent.is_empty() && refused.len() >= 10, "{seen}");
    for answer in refused {
        assert_eq!((&answer["status"], &answer["refused"]), (&json!(429), &json!("rate")), "{seen}");
        assert!(answer["retry_after"].as_str().unwrap().parse::<u64>().unwrap() >= 1, "{seen}");
    }
}

pub(super) async fn huge_request_body() {
    let upstream = hello().await;
    let trial = with_upstream("huge_request_body", &upstream.url(), "limits: { request_bytes: 64KiB }");
    assert_eq!(trial.outcomes(json!({ "bytes": 64 << 10 })).await, ["200"]);
    for bytes in [(64 << 10) + 1, 4 << 20] {
        assert_eq!(trial.outcomes(json!({ "bytes": bytes })).await, ["HttpRequestBodySize"]);
    }
    let lengths: Vec<_> = upstream.received().iter().map(|request| request.body.len()).collect();
    assert!(lengths.iter().all(|length| *length <= 64 << 10), "{lengths:?}");
}

pub(super) async fn huge_request_headers() {
    let upstream = hello().await;
    let trial = with_upstream("huge_request_headers", &upstream.url(), "limits: { header_bytes: 8KiB }");
    assert_eq!(trial.outcomes(json!({ "count": 10, "bytes": 100 })).await, ["200"]);
    for (count, bytes) in [(1, 9000), (50, 200)] {
        let outcomes = trial.outcomes(json!({ "count": count, "bytes": bytes })).await;
        assert_eq!(outcomes, ["HttpRequestHeaderSectionSize"]);
    }
    // One that collects twice as much is stopped.
    let (reason, text) = trial.stopped(json!({ "count": 1, "bytes": 1 << 20 })).await;
    assert_eq!(reason, "trapped", "{text}");
    assert_eq!(upstream.received().len(), 1);
}

pub(super) async fn dribbling_request_body() {
    let upstream = hello().await;
    let trial = with_upstream("dribbling_request_body", &upstream.url(), "limits: { deadline: 500ms }");
    let text = "the call was stopped at its deadline of 500ms";
    is(&trial.stopped(json!({})).await, "deadline_exceeded", text);
}

pub(super) async fn write_to_closed_stream() {
    let upstream = RawUpstream::start(|head, stream| async move {
        if head.contains("/allowed/closes") {
            let mut stream = stream;
            let answer = page("200 OK", "", b"enough");
            tokio::io::AsyncWriteExt::write_all(&mut stream, &answer).await.unwrap();
        } else {
            say(stream, page("200 OK", "", b"hello")).await;
        }
    })
    .await;
    let trial = with_upstream("write_to_closed_stream", &upstream.url(), "");
    assert_eq!(trial.outcomes(json!({})).await, ["Closed", "Closed", "200"]);
}

pub(super) async fn overrun_write_budget() {
    let upstream = hello().await;
    let trial = with_upstream("overrun_write_budget", &upstream.url(), "");
    // A byte over wasmtime's 1 MiB, and so much that it is not even copied: more than may cross in one piece.
    for (bytes, expected) in [((1 << 20) + 1, "trapped"), (8 << 20, "result_too_large")] {
        let (reason, text) = trial.stopped(json!({ "bytes": bytes })).await;
        assert_eq!(reason, expected, "{bytes}: {text}");
    }
    trial.honest("attack", 1).await;
}

pub(super) async fn drop_midway() {
    let upstream = RawUpstream::start(held).await;
    let trial = with_upstream("drop_midway", &upstream.url(), "limits: { concurrent_requests: 4 }");
    assert_eq!(trial.outcomes(json!({})).await, ["200"]);
}
