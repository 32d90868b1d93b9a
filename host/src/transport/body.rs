//! What a request says of its body, and of the answers it takes; and the body itself.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use super::{http::json_rpc, message::INVALID_REQUEST};

/// A client that says nothing for so long in the middle of its body has gone away.
const PATIENCE: Duration = Duration::from_secs(30);
/// So much of a body that is too large is read and dropped, so that its client gets to read why.
const DRAINED: usize = 8 << 20;

/// The value of a header, if it is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Checks that the body is said to be JSON.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), Box<Response>> {
    if text(headers, "content-type").is_some_and(|value| is_type(value, "application/json")) {
        return Ok(());
    }
    let why = "the Content-Type must be application/json";
    Err(json_rpc(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST, why).into())
}

fn is_type(value: &str, wanted: &str) -> bool {
    value.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(wanted))
}

/// Whether the client takes JSON, and whether it takes a stream.
pub(super) fn accepted(headers: &HeaderMap) -> (bool, bool) {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let types: Vec<_> = values.flat_map(|value| value.split(',')).collect();
    let takes = |wanted| types.iter().any(|value| is_type(value, wanted) || is_type(value, "*/*"));
    (takes("application/json"), takes("text/event-stream"))
}

/// Whether the client takes JSON; it must take a stream, as any answer may become one.
pub(super) fn accepts(headers: &HeaderMap) -> Result<bool, Box<Response>> {
    match accepted(headers) {
        (json, true) => Ok(json),
        (_, false) => {
            let why = "the client must accept both application/json and text/event-stream";
            Err(json_rpc(StatusCode::NOT_ACCEPTABLE, INVALID_REQUEST, why).into())
        }
    }
}

/// Reads a body, of so many bytes at most.
pub(super) async fn read(headers: &HeaderMap, mut body: Body, most: usize) -> Result<Bytes, Box<Response>> {
    // What is not read would be taken for the next request.
    let refused = |status, why: &str| {
        let mut response = json_rpc(status, INVALID_REQUEST, why);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        Box::new(response)
    };
    let too_large =
        || refused(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body is too large: at most {most} bytes"));
    let announced = text(headers, "content-length").and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64 + DRAINED as u64) {
        return Err(too_large());
    }
    let mut read = BytesMut::new();
    let mut dropped = 0;
    loop {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await;
        let frame = frame.map_err(|_| refused(StatusCode::REQUEST_TIMEOUT, "the body does not come"))?;
        match frame {
            None if dropped > 0 => return Err(too_large()),
            None => return Ok(read.freeze()),
            Some(Err(_)) => return Err(refused(StatusCode::BAD_REQUEST, "the body ended too soon")),
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                if dropped == 0 && data.len() <= most - read.len() {
                    read.extend_from_slice(&data);
                    continue;
                }
                read.clear();
                dropped += data.len();
                if dropped > DRAINED {
                    return Err(too_large());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures::StreamExt as _;

    use super::*;

    async fn outcome(body: Body, length: Option<usize>) -> Result<usize, u16> {
        let mut headers = HeaderMap::new();
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        let read = read(&headers, body, 1000).await;
        read.map(|bytes| bytes.len()).map_err(|response| response.status().as_u16())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let begun = futures::stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(b"{"))]);
        let slow = Body::from_stream(begun.chain(futures::stream::pending()));
        assert_eq!(outcome(slow, Some(10)).await, Err(408));
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_read_so_that_its_refusal_arrives_but_not_without_end() {
        assert_eq!(outcome(Body::from(vec![0; 1000]), None).await, Ok(1000));
        assert_eq!(outcome(Body::from(vec![0; 1001]), Some(1001)).await, Err(413));
        assert_eq!(
            outcome(Body::from_stream(futures::stream::pending::<io::Result<Bytes>>()), Some(1 << 30)).await,
            Err(413)
        );
        let endless = futures::stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from(vec![0; 1 << 16])));
        assert_eq!(outcome(Body::from_stream(endless), None).await, Err(413));
    }
}
