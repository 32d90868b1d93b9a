//! Owns sending over wasi:http. Waiting is on pollables, so requests sent together are in flight
//! together. The bindings are used directly rather than through wstd's client: that one reports a
//! refused request as a broken body stream when it has a body, and reads bodies without a bound.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method as WasiMethod,
    OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;
use wstd::runtime::AsyncPollable;

use super::body::Reading;
use super::{Failure, Method, Request, Response};
use crate::clock::{self, Instant};
use crate::error::Result;
use crate::url::Url;

/// One read of a body stream; the host's own frames are about this size.
const CHUNK: u64 = 64 * 1024;

pub(crate) async fn send(mut request: Request) -> Result<Response> {
    let target = request.target();
    let time = request.time();
    let url = std::mem::replace(&mut request.url, Err(crate::Error::failed("")))?;
    let exchange = async {
        let mut exchange = pin!(exchange(request, &url, (Instant::now(), time)));
        let mut timer = pin!(clock::sleep(time));
        poll_fn(|context| match exchange.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => timer.as_mut().poll(context).map(|()| Err(Failure::Timeout(time))),
        })
        .await
    };
    exchange.await.map_err(|failure| failure.into_error(&target, &url.authority))
}

async fn exchange(request: Request, url: &Url, within: (Instant, Duration)) -> Result<Response, Failure> {
    let Request { headers, body, limit, cut, .. } = &request;
    let outgoing = outgoing(&request, headers, url)?;
    // A request whose body was never taken has none, and the host may then send it again if the upstream fails.
    let upload = match body.is_empty() {
        true => None,
        false => {
            Some(outgoing.body().map_err(|()| Failure::Other("the request has no body stream".to_owned()))?)
        }
    };
    let options = RequestOptions::new();
    let pending = outgoing_handler::handle(outgoing, Some(options)).map_err(failure)?;

    // An upstream may answer before it has read everything; then the rest need not be sent. A
    // failed upload is not reported: the response says better what happened.
    let mut upload = pin!(send_body(upload, body));
    let mut answer = pin!(receive_head(&pending));
    let mut uploading = true;
    let incoming = poll_fn(|context| {
        if uploading && upload.as_mut().poll(context).is_ready() {
            uploading = false;
        }
        answer.as_mut().poll(context)
    })
    .await?;

    let status = incoming.status();
    let headers = incoming
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned()))
        .collect();
    let body =
        incoming.consume().map_err(|()| Failure::Other("the response has no body stream".to_owned()))?;
    let (body, truncated) = receive_body(&body, *limit, *cut, within).await?;
    Ok(Response { status, headers, body, truncated })
}

fn outgoing(request: &Request, headers: &[(String, Vec<u8>)], url: &Url) -> Result<OutgoingRequest, Failure> {
    let fields = Fields::new();
    for (name, value) in headers {
        fields
            .append(name, value)
            .map_err(|error| Failure::Other(format!("the header `{name}` is refused: {error}")))?;
    }
    if !request.body.is_empty() {
        // Refused where the host counts by itself; then it is not needed.
        let _ = fields.append("content-length", request.body.len().to_string().as_bytes());
    }
    let outgoing = OutgoingRequest::new(fields);
    let method = match request.method {
        Method::Get => WasiMethod::Get,
        Method::Head => WasiMethod::Head,
        Method::Post => WasiMethod::Post,
        Method::Put => WasiMethod::Put,
        Method::Patch => WasiMethod::Patch,
        Method::Delete => WasiMethod::Delete,
        Method::Options => WasiMethod::Options,
    };
    let scheme = if url.https { Scheme::Https } else { Scheme::Http };
    outgoing
        .set_method(&method)
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(&url.authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&url.path_with_query())))
        .map_err(|()| Failure::Other(format!("`{url}` cannot be sent")))?;
    Ok(outgoing)
}

async fn send_body(outgoing: Option<OutgoingBody>, mut rest: &[u8]) {
    let Some(outgoing) = outgoing else { return };
    if !rest.is_empty() {
        let Ok(stream) = outgoing.write() else { return };
        while !rest.is_empty() {
            match stream.check_write() {
                Ok(0) => AsyncPollable::new(stream.subscribe()).wait_for().await,
                Ok(room) => {
                    let (now, later) =
                        rest.split_at(rest.len().min(usize::try_from(room).unwrap_or(rest.len())));
                    if stream.write(now).is_err() {
                        return;
                    }
                    rest = later;
                }
                Err(_) => return,
            }
        }
        if stream.flush().is_err() {
            return;
        }
        AsyncPollable::new(stream.subscribe()).wait_for().await;
        if stream.check_write().is_err() {
            return;
        }
    }
    let _ = OutgoingBody::finish(outgoing, None);
}

async fn receive_head(pending: &FutureIncomingResponse) -> Result<IncomingResponse, Failure> {
    loop {
        match pending.get() {
            Some(Ok(answer)) => return answer.map_err(failure),
            Some(Err(())) => return Err(Failure::Other("the response was taken twice".to_owned())),
            None => AsyncPollable::new(pending.subscribe()).wait_for().await,
        }
    }
}

/// At most `limit` bytes: more is a failure, or cut. While there is always more to read nothing waits, so no timer is
/// looked at: the clock is.
async fn receive_body(
    body: &IncomingBody,
    limit: usize,
    cut: bool,
    (start, time): (Instant, Duration),
) -> Result<(Vec<u8>, bool), Failure> {
    let stream = body.stream().map_err(|()| Failure::Other("the response has no body stream".to_owned()))?;
    let mut reading = Reading::new(limit, cut);
    loop {
        match stream.read(CHUNK) {
            Ok(chunk) if chunk.is_empty() => AsyncPollable::new(stream.subscribe()).wait_for().await,
            Ok(chunk) => {
                if !reading.take(chunk)? {
                    return Ok((reading.whole(), true));
                }
                if start.elapsed() >= time {
                    return Err(Failure::Timeout(time));
                }
            }
            Err(StreamError::Closed) => return Ok((reading.whole(), false)),
            Err(StreamError::LastOperationFailed(error)) => {
                let code = wasip2::http::types::http_error_code(&error);
                // wasmtime has no code for an error of the host's own, such as a body over the limit.
                let unnamed = || Failure::Other(format!("its answer broke off: {}", error.to_debug_string()));
                return Err(code.map_or_else(unnamed, failure));
            }
        }
    }
}

/// What the host's code means to the caller.
fn failure(code: ErrorCode) -> Failure {
    let unreachable = |why: &str| Failure::Unreachable(why.to_owned());
    match code {
        ErrorCode::HttpRequestDenied => Failure::Denied,
        ErrorCode::DestinationIpProhibited => Failure::AddressDenied,
        ErrorCode::DnsTimeout => unreachable("its name was not resolved in time"),
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => unreachable("its name does not resolve"),
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            unreachable("there is no route to it")
        }
        ErrorCode::ConnectionRefused => unreachable("connection refused"),
        ErrorCode::ConnectionTerminated => unreachable("the connection was closed"),
        ErrorCode::ConnectionTimeout => unreachable("connecting took too long"),
        ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => unreachable("it took too long"),
        ErrorCode::ConnectionLimitReached => unreachable("too many connections are open"),
        ErrorCode::TlsProtocolError => unreachable("TLS could not be agreed on"),
        ErrorCode::TlsCertificateError => unreachable("its TLS certificate is not trusted"),
        ErrorCode::TlsAlertReceived(_) => unreachable("it refused TLS"),
        ErrorCode::HttpResponseIncomplete => unreachable("its answer broke off"),
        ErrorCode::HttpResponseBodySize(_) => {
            Failure::Other("the answer is larger than the host allows".to_owned())
        }
        ErrorCode::HttpRequestBodySize(_) => {
            Failure::Other("the request is larger than the host allows".to_owned())
        }
        ErrorCode::InternalError(Some(why)) => Failure::Other(why),
        other => Failure::Other(format!("{other:?}")),
    }
}
