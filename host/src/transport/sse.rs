//! Server-sent events, as bytes on their way to a client.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};

/// A comment says that a silent stream is alive; proxies commonly close one after a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One event with JSON as its data: without line ends, as `serde_json` writes it.
pub(super) fn event(kind: Option<&str>, id: Option<&str>, data: &[u8]) -> Bytes {
    let mut text = Vec::with_capacity(data.len() + 64);
    for (name, value) in [("event", kind), ("id", id)] {
        if let Some(value) = value {
            text.extend_from_slice(format!("{name}: {value}\n").as_bytes());
        }
    }
    text.extend_from_slice(b"data: ");
    text.extend_from_slice(data);
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// The event a stream begins with, so that a client that loses it can come back (SEP-1699); `retry` says when.
pub(super) fn priming(id: &str, retry: Duration) -> Bytes {
    format!("id: {id}\nretry: {}\ndata: \n\n", retry.as_millis()).into()
}

/// A response of these events, alive until they end.
pub(super) fn response(events: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let events = futures::stream::unfold(Box::pin(events), async |mut events| {
        let next = match tokio::time::timeout(KEEP_ALIVE, events.next()).await {
            Ok(next) => next?,
            Err(_) => Bytes::from_static(b": \n\n"),
        };
        Some((Ok::<_, Infallible>(next), events))
    });
    let mut response = Response::new(Body::from_stream(events));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // nginx would collect events before it passes them on.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_is_kept_alive() {
        let silence = futures::stream::once(async {
            tokio::time::sleep(KEEP_ALIVE * 2 + Duration::from_secs(1)).await;
            event(Some("message"), Some("1"), b"{}")
        });
        let body = response(silence).into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, ": \n\n: \n\nevent: message\nid: 1\ndata: {}\n\n");
    }
}
