//! An honest guest whose upstream misbehaves.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::{
    outgoing::{hello, with_upstream},
    trial::{Trial, is},
};
use crate::support::{
    RawUpstream, gzip,
    raw_upstream::{page, repeat, say, say_and_wait},
};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

fn fetching(url: &str, rest: &str) -> Trial {
    with_upstream("fetch", url, rest)
}

/// What one GET comes to where the upstream answers every request like this.
async fn outcome<F: Future<Output = ()> + Send + 'static>(
    rest: &str,
    script: impl Fn(TcpStream) -> F + Send + Sync + 'static,
) -> String {
    let upstream = RawUpstream::start(move |_, stream| script(stream)).await;
    let trial = fetching(&upstream.url(), rest);
    let outcomes = trial.outcomes(json!({})).await;
    trial.honest("attack", 1).await;
    outcomes.concat()
}

/// The same where it says these bytes.
async fn outcome_of(rest: &str, bytes: Vec<u8>) -> String {
    outcome(rest, move |stream| say(stream, bytes.clone())).await
}

pub(super) async fn fetch() {
    let upstream = hello().await;
    let trial = fetching(&upstream.url(), "");
    assert_eq!(trial.outcomes(json!({ "times": 3 })).await, ["200"; 3]);
    assert_eq!(trial.outcomes(json!({ "method": "POST" })).await, ["200"]);
    assert_eq!(upstream.received().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_loris_upstream() {
    let rest = "limits: { between_bytes_timeout: 200ms }";
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx";
    let came = outcome(rest, move |stream| say_and_wait(stream, begun)).await;
    assert_eq!(came, "200, then connection read timeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_upstream() {
    let came = outcome("limits: { first_byte_timeout: 200ms }", |stream| say_and_wait(stream, "")).await;
    assert_eq!(came, "HttpResponseTimeout");
    // A head that is begun is no head.
    let came = outcome("limits: { first_byte_timeout: 200ms }", |stream| {
        say_and_wait(stream, "HTTP/1.1 200 OK\r\n")
    })
    .await;
    assert_eq!(came, "HttpResponseTimeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn dribbling_upstream() {
    let upstream = RawUpstream::start(|_, stream| async move {
        let mut stream = stream;
        let mut say = async |bytes: &[u8]| stream.write_all(bytes).await;
        let _ = say(CHUNKED.as_bytes()).await;
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(20));
        while say(b"1\r\nx\r\n").await.is_ok() {
            tick.tick().await;
        }
    })
    .await;
    let trial = fetching(&upstream.url(), "limits: { deadline: 500ms, between_bytes_timeout: 400ms }");
    let text = "the call was stopped at its deadline of 500ms";
    is(&trial.stopped(json!({})).await, "deadline_exceeded", text);
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_body() {
    let came = outcome("limits: { response_bytes: 64KiB }", |mut stream| async move {
        let _ = stream.write_all(CHUNKED.as_bytes()).await;
        repeat(stream, format!("1000\r\n{}\r\n", "x".repeat(0x1000))).await;
    })
    .await;
    assert_eq!(came, "200, then HTTP response body size exceeds limit: 65536 bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn gzip_bomb() {
    let bomb = gzip::zeros(50 << 20);
    assert!(bomb.len() < 512 << 10, "{}", bomb.len());
    let bomb = page("200 OK", "content-encoding: gzip\r\n", &bomb);
    let came = outcome_of("limits: { response_bytes: 1MiB }", bomb).await;
    assert_eq!(came, "200, then HTTP response body size exceeds limit: 1048576 bytes");
}

/// Members of gzip that hold nothing make no byte that could be counted.
#[tokio::test(flavor = "multi_thread")]
async fn gzip_of_nothing() {
    let came = outcome("limits: { between_bytes_timeout: 300ms }", |mut stream| async move {
        let head = CHUNKED.replace("\r\n\r\n", "\r\ncontent-encoding: gzip\r\n\r\n");
        let _ = stream.write_all(head.as_bytes()).await;
        let nothing = gzip::stored(b"").repeat(100);
        let chunk = [format!("{:x}\r\n", nothing.len()).as_bytes(), &nothing, b"\r\n"].concat();
        repeat(stream, chunk).await;
    })
    .await;
    assert_eq!(came, "200, then connection read timeout");
}

/// Answers that are not yet the answer.
#[tokio::test(flavor = "multi_thread")]
async fn endless_prelude() {
    let came = outcome("limits: { first_byte_timeout: 300ms }", |stream| {
        repeat(stream, "HTTP/1.1 100 Continue\r\n\r\n".repeat(100))
    })
    .await;
    assert_eq!(came, "HttpResponseTimeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_chunk_extension() {
    let came = outcome("limits: { between_bytes_timeout: 300ms }", |mut stream| async move {
        let begun = format!("{CHUNKED}1;");
        let _ = stream.write_all(begun.as_bytes()).await;
        repeat(stream, "x".repeat(4096)).await;
    })
    .await;
    assert_eq!(came, "200, then incomplete HTTP response");
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_gzip() {
    let came = outcome_of("", page("200 OK", "content-encoding: gzip\r\n", b"this is not gzip")).await;
    assert!(came.starts_with("200, then ") || came == "HttpResponseContentCoding", "{came}");
}

#[tokio::test(flavor = "multi_thread")]
async fn brotli_body() {
    for encoding in ["br", "zstd", "gzip, br", "compress"] {
        let headers = format!("content-encoding: {encoding}\r\n");
        let came = outcome_of("", page("200 OK", &headers, b"\x0b\x02\x80hello\x03")).await;
        assert_eq!(came, "HttpResponseContentCoding", "{encoding}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hundred_thousand_headers() {
    let came = outcome_of("", page("200 OK", &"x: 1\r\n".repeat(100_000), b"hello")).await;
    assert_eq!(came, "HttpResponseHeaderSectionSize");
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_response_header() {
    let header = format!("x: {}\r\n", "x".repeat(1 << 20));
    let came = outcome_of("", page("200 OK", &header, b"hello")).await;
    assert_eq!(came, "HttpResponseHeaderSectionSize");
    let came = outcome_of("limits: { header_bytes: 8KiB }", page("200 OK", &header[..9000], b"hello")).await;
    assert_eq!(came, "HttpResponseHeaderSectionSize");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_upstream() {
    for garbage in
        ["SSH-2.0-OpenSSH\r\n", "\0\u{1}\u{2}\u{3}\r\n\r\n", "HTTP/9.9 20 ?\r\n\r\n", "hello\r\n\r\n"]
    {
        assert_eq!(outcome_of("", garbage.into()).await, "HttpProtocolError", "{garbage:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lengths() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 3\r\n\r\nhello";
    assert_eq!(outcome_of("", answer.into()).await, "HttpProtocolError");
}

#[tokio::test(flavor = "multi_thread")]
async fn closes_early() {
    let came = outcome_of("", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello".to_vec()).await;
    assert!(came.starts_with("200, then "), "{came}");
    let came = outcome_of("", b"HTTP/1.1 200 OK\r\nx: 1".to_vec()).await;
    assert!(["ConnectionTerminated", "HttpResponseIncomplete"].contains(&came.as_str()), "{came}");
}

/// The circuit opens, keeps the guest from knocking, and closes when the upstream is back.
#[tokio::test(flavor = "multi_thread")]
async fn dead_upstream() {
    // A port that is taken but that nobody listens on.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let rest = "network: { circuit_breaker: { failures: 3, backoff: 300ms, max_backoff: 300ms } }, limits: { retries: 0 }";
    let trial = fetching(&url, rest);
    let (refused, open) = ("ConnectionRefused", "503 by the host: circuit");
    assert_eq!(trial.outcomes(json!({ "times": 5 })).await, [refused, refused, refused, open, open]);
    let upstream =
        RawUpstream::on(socket.listen(8).unwrap(), |_, stream| say(stream, page("200 OK", "", b"")));
    let back = async {
        while trial.outcomes(json!({})).await != ["200"] {}
        trial.outcomes(json!({ "times": 3 })).await
    };
    let back = tokio::time::timeout(std::time::Duration::from_secs(30), back).await.unwrap();
    assert_eq!(back, ["200"; 3]);
    assert_eq!(upstream.heads().len(), 4, "an open circuit lets nothing through");
}

#[tokio::test(flavor = "multi_thread")]
async fn flaky_upstream() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let upstream = RawUpstream::start(move |_, stream| {
        let first = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst).is_multiple_of(2);
        let status = if first { "503 Service Unavailable" } else { "200 OK" };
        say(stream, page(status, "", b""))
    })
    .await;
    let trial = fetching(&upstream.url(), "");
    assert_eq!(trial.outcomes(json!({})).await, ["200"], "what may be sent twice is sent twice");
    assert_eq!(upstream.heads().len(), 2);
    assert_eq!(trial.outcomes(json!({ "method": "POST" })).await, ["503"]);
    assert_eq!(upstream.heads().len(), 3, "what may not is not");
}

#[tokio::test(flavor = "multi_thread")]
async fn asks_to_wait() {
    let answer = page("429 Too Many Requests", "retry-after: 60\r\n", b"");
    let upstream = RawUpstream::start(move |_, stream| say(stream, answer.clone())).await;
    let trial = fetching(&upstream.url(), "");
    let told = "429 by the host: rate";
    assert_eq!(trial.outcomes(json!({ "times": 3 })).await, ["429", told, told]);
    assert_eq!(trial.outcomes(json!({})).await, [told], "and so it is for the next call");
    assert_eq!(upstream.heads().len(), 1);
}

/// The first attempt is answered in the pause of the upload and its connection closed a little later; the second
/// gets the whole body all the same.
pub(super) async fn unhurried_upload() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let upstream = RawUpstream::start(move |_, mut stream| {
        let first = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        async move {
            if first {
                let answer = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
                let _ = stream.write_all(answer).await;
                tokio::time::sleep(std::time::Duration::from_millis(250)).await;
                return;
            }
            let mut body = Vec::new();
            while !body.ends_with(b"0\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { return };
                body.push(byte);
            }
            let whole = body == b"6\r\nfirst \r\n6\r\nsecond\r\n0\r\n\r\n";
            say(stream, page(if whole { "200 OK" } else { "422 Unprocessable" }, "", b"")).await;
        }
    })
    .await;
    let trial = with_upstream("unhurried_upload", &upstream.url(), "limits: { first_byte_timeout: 5s }");
    assert_eq!(trial.outcomes(json!({})).await, ["200"]);
    assert_eq!(upstream.heads().len(), 2);
}
