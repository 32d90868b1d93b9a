//! What is left of a request that was answered before its body was read to its end: a refused one, mostly.
//!
//! hyper closes a connection on which some of a request was left, without a word. A client whose body came a moment
//! after its headers hears of that only by losing its next request. So a short rest is read before the answer goes
//! out, and an answer after which the connection ends says so (RFC 9112 §9.6).

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
    response::Response,
};
use futures::FutureExt as _;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::time::timeout;

/// A longer body, or one of unknown length, is not read for nothing.
const SHORT: u64 = 64 << 10;
/// Nor is a short one that has not come by then.
const PATIENCE: Duration = Duration::from_secs(1);

/// Answers a request, and sees to what was not read of it.
pub(super) async fn answer<F: Future<Output = Response>>(
    request: Request<Incoming>,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    if request.body().is_end_stream() {
        return answer(request.map(Body::new)).await;
    }
    // A client that waits to be told to send its body is better told no.
    let waits = request.headers().contains_key(header::EXPECT);
    let rest = Rest::default();
    let lent = rest.clone();
    let mut response = answer(request.map(|body| Body::new(Lent { body: Some(body), lender: lent }))).await;
    if let Some(body) = rest.take()
        && !response.headers().contains_key(header::CONNECTION) // whoever gave up reading it has said so
        && (waits || !read(body).boxed().await)
    {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Reads what is left of a body, if that is short. Whether it came to its end.
async fn read(mut body: Incoming) -> bool {
    if body.size_hint().upper().is_none_or(|left| left > SHORT) {
        return false;
    }
    let end = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        true
    };
    timeout(PATIENCE, end).await == Ok(true)
}

/// Where a body that was not read to its end comes back to.
#[derive(Clone, Default)]
struct Rest(Arc<Mutex<Option<Incoming>>>);

impl Rest {
    fn take(&self) -> Option<Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A body that comes back when it is dropped, unless nothing is left of it.
struct Lent {
    body: Option<Incoming>,
    lender: Rest,
}

impl hyper::body::Body for Lent {
    type Data = <Incoming as hyper::body::Body>::Data;
    type Error = <Incoming as hyper::body::Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.lender.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::response::IntoResponse as _;
    use hyper::{server::conn::http1, service::service_fn};
    use hyper_util::rt::TokioIo;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        sync::mpsc,
    };

    use super::*;

    /// The client's end of a connection on which every request is refused unread, and a word for each refusal.
    fn refusing() -> (DuplexStream, mpsc::UnboundedReceiver<()>) {
        refusing_with(|| "no".into_response())
    }

    fn refusing_with(refusal: fn() -> Response) -> (DuplexStream, mpsc::UnboundedReceiver<()>) {
        let (client, server) = duplex(1 << 10);
        let (tell, told) = mpsc::unbounded_channel();
        let refuse = service_fn(move |request| {
            let tell = tell.clone();
            let refused = answer(request, move |_| async move {
                tell.send(()).unwrap();
                refusal()
            });
            refused.map(Ok::<_, Infallible>)
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(server), refuse));
        (client, told)
    }

    /// Reads one answer, whose body is `no`.
    async fn answered(client: &mut DuplexStream) -> String {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nno") {
            answer.push(client.read_u8().await.unwrap());
        }
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_body_that_comes_late_costs_no_connection() {
        let (mut client, mut told) = refusing();
        for _ in 0..3 {
            client.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nb").await.unwrap();
            told.recv().await.unwrap();
            client.write_all(b"ody").await.unwrap();
            assert!(!answered(&mut client).await.contains("connection: close"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_long_or_waited_for_or_does_not_come_costs_the_connection_and_it_is_said() {
        let heads = [
            "content-length: 65537",
            "transfer-encoding: chunked",
            "content-length: 4\r\nexpect: 100-continue",
            "content-length: 4",
        ];
        for head in heads {
            let (mut client, _told) = refusing();
            client
                .write_all(format!("POST / HTTP/1.1\r\nhost: a\r\n{head}\r\n\r\n").as_bytes())
                .await
                .unwrap();
            assert!(answered(&mut client).await.contains("\r\nconnection: close\r\n"), "{head}");
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "{head}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_given_up_already_is_not_waited_for_again() {
        let begun = tokio::time::Instant::now();
        let (mut client, _told) = refusing_with(|| ([(header::CONNECTION, "close")], "no").into_response());
        client.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n").await.unwrap();
        assert!(answered(&mut client).await.contains("\r\nconnection: close\r\n"));
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
