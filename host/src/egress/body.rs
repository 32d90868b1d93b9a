//! A response's body on its way to the guest: decoded, bounded, not too slow, without secrets.

use std::{
    error::Error as StdError,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use async_compression::tokio::bufread::GzipDecoder;
use bytes::Bytes;
use futures::Stream;
use http::{HeaderMap, header};
use http_body::{Body, Frame};
use http_body_util::BodyDataStream;
use hyper::body::Incoming;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::io::{ReaderStream, StreamReader};
use wasmtime_wasi_http::Error;

use super::{
    fault,
    log::Entry,
    scrub::{Needles, Scrubber},
};

/// A body, decoded.
type Decoded = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// What a response's body comes as.
enum Source {
    Plain(Incoming),
    Gzip(Decoded),
}

/// What is done to a body.
pub(super) struct Rules {
    pub(super) limit: u64,
    pub(super) between_bytes: Duration,
    pub(super) needles: Option<Arc<Needles>>,
    pub(super) log: Entry,
    /// Room among the service's requests; given back when the body is done with.
    pub(super) _room: OwnedSemaphorePermit,
}

/// A body under its rules. Trailers end here: no component of ours reads them, and they could carry anything.
pub(super) struct Filtered {
    source: Source,
    left: u64,
    silence: Option<Pin<Box<Sleep>>>,
    scrubber: Option<Scrubber>,
    ended: bool,
    rules: Rules,
}

impl Filtered {
    /// Takes a body over, with the headers that say how it is encoded. Those that are no longer true are
    /// removed.
    pub(super) fn new(body: Incoming, headers: &mut HeaderMap, rules: Rules) -> Result<Self, Error> {
        let source = match encoding(headers)? {
            // A response to HEAD, say, is encoded in name only.
            Encoding::Gzip if !body.is_end_stream() => {
                let read = StreamReader::new(io_errors(BodyDataStream::new(body)));
                let mut decoder = GzipDecoder::new(read);
                decoder.multiple_members(true);
                Source::Gzip(Box::pin(ReaderStream::with_capacity(decoder, 32 << 10)))
            }
            _ => Source::Plain(body),
        };
        let scrubber = rules.needles.clone().map(Scrubber::new);
        if scrubber.is_some() || matches!(source, Source::Gzip(_)) {
            headers.remove(header::CONTENT_LENGTH);
        }
        headers.remove(header::CONTENT_ENCODING);
        Ok(Self { source, left: rules.limit, silence: None, scrubber, ended: false, rules })
    }

    /// The next chunk as the upstream meant it.
    fn poll_source(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let polled = match &mut self.source {
            Source::Plain(body) => match ready_frame(body, context) {
                Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(typed(&error)))),
                Poll::Ready(Some(Ok(bytes))) => Poll::Ready(Some(Ok(bytes))),
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            },
            Source::Gzip(stream) => stream.as_mut().poll_next(context).map(|next| {
                next.map(|chunk| {
                    chunk.map_err(|error| match error.kind() {
                        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                            Error::HttpResponseContentCoding(Some("gzip".to_owned()))
                        }
                        _ => typed(&error),
                    })
                })
            }),
        };
        if polled.is_ready() {
            self.silence = None;
            return polled;
        }
        let between = self.rules.between_bytes;
        let silence = self.silence.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + between)));
        ready!(silence.as_mut().poll(context));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.ended = true;
        self.rules.log.failed(&error.to_string());
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for Filtered {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        while !self.ended {
            let clean = match ready!(self.poll_source(context)) {
                Some(Err(error)) => return self.fail(error),
                Some(Ok(chunk)) => {
                    let Some(left) = self.left.checked_sub(chunk.len() as u64) else {
                        let limit = self.rules.limit;
                        return self.fail(Error::HttpResponseBodySize(Some(limit)));
                    };
                    self.left = left;
                    match &mut self.scrubber {
                        Some(scrubber) => scrubber.push(chunk),
                        None => chunk,
                    }
                }
                None => {
                    self.ended = true;
                    self.scrubber.as_mut().map(Scrubber::finish).unwrap_or_default()
                }
            };
            if !clean.is_empty() {
                self.rules.log.received(clean.len());
                return Poll::Ready(Some(Ok(Frame::data(clean))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

fn ready_frame(body: &mut Incoming, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, hyper::Error>>> {
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(context)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => return Poll::Ready(Some(Ok(data))),
                Err(_trailers) => {}
            },
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => return Poll::Ready(None),
        }
    }
}

fn io_errors(stream: BodyDataStream<Incoming>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    use futures::TryStreamExt;
    stream.map_err(io::Error::other)
}

/// An answer that stops in the middle is a kind of its own.
fn typed(error: &(dyn StdError + 'static)) -> Error {
    match fault::typed(error) {
        Error::HttpProtocolError | Error::ConnectionTerminated => Error::HttpResponseIncomplete,
        other => other,
    }
}

enum Encoding {
    Identity,
    Gzip,
}

/// How a body is encoded. The host asks for gzip and nothing else; it cannot look into anything else.
fn encoding(headers: &HeaderMap) -> Result<Encoding, Error> {
    let mut found = Encoding::Identity;
    for value in headers.get_all(header::CONTENT_ENCODING) {
        for coding in value.to_str().unwrap_or("?").split(',').map(str::trim) {
            found = match (coding.to_ascii_lowercase().as_str(), &found) {
                ("" | "identity", _) => found,
                ("gzip" | "x-gzip", Encoding::Identity) => Encoding::Gzip,
                _ => return Err(Error::HttpResponseContentCoding(Some(coding.chars().take(32).collect()))),
            };
        }
    }
    Ok(found)
}

impl std::fmt::Debug for Filtered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filtered").field("left", &self.left).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<Encoding, Error> {
        let headers = values.iter().map(|value| (header::CONTENT_ENCODING, value.parse().unwrap())).collect();
        encoding(&headers)
    }

    #[test]
    fn only_what_the_host_can_look_into_comes_through() {
        assert!(matches!(of(&[]), Ok(Encoding::Identity)));
        assert!(matches!(of(&["identity"]), Ok(Encoding::Identity)));
        assert!(matches!(of(&["GZip"]), Ok(Encoding::Gzip)));
        for odd in [&["br"][..], &["gzip, gzip"], &["gzip", "x-gzip"], &["deflate"], &["zstd"]] {
            assert!(matches!(of(odd), Err(Error::HttpResponseContentCoding(Some(_)))), "{odd:?}");
        }
    }
}
