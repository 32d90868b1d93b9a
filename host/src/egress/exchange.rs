//! One admitted request, from its turn to its response: credentials, sending, trying again, filtering.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::{
    Policy,
    body::{Filtered, Rules},
    cookie,
    credential::Kind,
    fault, headers,
    log::Entry,
    replay::{Attempt, Replay},
    reuse::{Keeping, Wish},
    target::Target,
    upstream::{NotNow, Upstream},
};
use crate::breaker::Pass;

/// The header of a response that the host made itself, and why.
pub(super) const REFUSED: &str = "bulkhead-refused";
/// How long an upstream may ask to wait before the host tries again by itself; for longer, the guest is told.
const SHORT_WAIT: Duration = Duration::from_secs(2);
/// The pause before the first further attempt; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// A request that passed the rules, with its place among the service's requests.
pub(super) struct Admitted {
    pub(super) request: Request<WasiBody>,
    pub(super) target: Target,
    pub(super) room: OwnedSemaphorePermit,
    /// Whether its response is to be kept.
    pub(super) wish: Option<Wish>,
}

/// Why there is no response: for the guest, and for the operator.
pub(super) struct Fault {
    pub(super) typed: Error,
    pub(super) why: String,
}

impl From<Error> for Fault {
    fn from(typed: Error) -> Self {
        Self { why: typed.to_string(), typed }
    }
}

/// Sends an admitted request and returns the filtered response.
pub(super) async fn exchange(
    policy: &Policy,
    admitted: Admitted,
    options: RequestOptions,
    log: Entry,
) -> Result<Response<WasiBody>, Fault> {
    let Admitted { mut request, target, room, wish } = admitted;
    if let Some(Ok(traceparent)) = log.traceparent().map(HeaderValue::try_from) {
        request.headers_mut().insert("traceparent", traceparent);
    }
    let upstream = policy.upstreams.of(&target);
    let pass = match upstream.turn().await {
        Ok(pass) => pass,
        Err(not_now) => {
            log.denied(match not_now {
                NotNow::Rate(_) => "requests_per_second",
                NotNow::Circuit(_) => "circuit_open",
            });
            return Ok(instead(not_now));
        }
    };
    let started = Instant::now();
    let sent = attempts(policy, &upstream, request, &target, &options, &log).await;
    settle(policy, &target, pass, sent.as_ref());
    let mut response = sent?;
    response.headers_mut().remove(REFUSED); // nobody else says it
    log.answered(response.status().as_u16(), started.elapsed());
    let (mut parts, body) = response.into_parts();
    if headers::size(&parts.headers) > policy.caps.header_bytes.as_u64() {
        return Err(Error::HttpResponseHeaderSectionSize(None).into());
    }
    let needles = policy.needles();
    if let Some(needles) = &needles {
        let telling: Vec<_> =
            parts.headers.keys().filter(|n| needles.are_in_name(n.as_str())).cloned().collect();
        for name in telling {
            parts.headers.remove(name);
        }
        for value in parts.headers.values_mut() {
            if let std::borrow::Cow::Owned(clean) = needles.clean(value.as_bytes()) {
                *value = HeaderValue::from_bytes(&clean).unwrap_or(HeaderValue::from_static("[removed]"));
            }
        }
    }
    let between = options.between_bytes_timeout.unwrap_or(Duration::MAX);
    let rules = Rules {
        limit: policy.caps.response_bytes.as_u64(),
        between_bytes: policy.caps.between_bytes_timeout.min(between),
        needles,
        log,
        _room: room,
    };
    let body = Filtered::new(body, &mut parts.headers, rules)?;
    let place = wish.and_then(|wish| policy.kept.place(wish, parts.status, &parts.headers));
    let body = match place {
        Some(place) => Keeping::new(body, place).boxed_unsync(),
        None => body.boxed_unsync(),
    };
    Ok(Response::from_parts(parts, body))
}

/// Sends it, and again where that is harmless and may help.
async fn attempts(
    policy: &Policy,
    upstream: &Upstream,
    request: Request<WasiBody>,
    target: &Target,
    options: &RequestOptions,
    log: &Entry,
) -> Result<Response<Incoming>, Fault> {
    let (parts, body) = request.into_parts();
    let again = idempotent(&parts.method);
    let body = Replay::new(body);
    let mut left = if again { policy.caps.retries } else { 0 };
    let mut pause = PAUSE;
    let mut fresh_token = again;
    loop {
        let (request, token) = ready(policy, &parts, body.attempt(), target).await?;
        log.attempt();
        let sent = once(policy, request, target, options).await;
        if let (Ok(response), Some(token)) = (&sent, token)
            && response.status() == StatusCode::UNAUTHORIZED
            && let Some(source) = policy.token_source(target)
        {
            source.refused(&token).await;
            if std::mem::take(&mut fresh_token) && body.is_whole() {
                continue;
            }
        }
        let asked = sent.as_ref().ok().and_then(|r| upstream.heed(r.status(), r.headers()));
        let wait = match (&sent, asked) {
            (Ok(_), Some(asked)) if asked <= SHORT_WAIT => asked,
            (Ok(_), Some(_)) => return sent,
            (Ok(response), None) if is_outage(response.status()) => jittered(pause),
            (Err(fault), _) if is_unreachable(&fault.typed) => jittered(pause),
            _ => return sent,
        };
        let Some(fewer) = left.checked_sub(1).filter(|_| body.is_whole()) else { return sent };
        left = fewer;
        pause = pause.saturating_mul(2);
        tokio::time::sleep(wait).await;
    }
}

/// The request as it goes out: the URL that was matched, the host's own headers, the operator's credentials.
/// Also the OAuth 2 token it carries, if any.
async fn ready(
    policy: &Policy,
    parts: &Parts,
    body: Attempt,
    target: &Target,
) -> Result<(Request<WasiBody>, Option<HeaderValue>), Fault> {
    let mut url = target.url().clone();
    let mut headers = parts.headers.clone();
    let mut used = None;
    headers.remove(header::HOST); // the client sets it from the URL
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    for credential in policy.attached(target) {
        match credential.kind() {
            Kind::Header(name, value) if name == header::COOKIE => cookie::add(&mut headers, value),
            Kind::Header(name, value) => {
                headers.insert(name.clone(), value.clone());
            }
            Kind::Query(key, value) => {
                url.query_pairs_mut().append_pair(key, value.expose());
            }
            Kind::OAuth2(client) => {
                let token = client
                    .token(&policy.dialer)
                    .await
                    .map_err(|e| Fault { typed: fault::typed(&e), why: e.to_string() })?;
                policy.keep_out(&token.secret);
                headers.insert(header::AUTHORIZATION, token.header.clone());
                used = Some(token.header);
            }
        }
    }
    let uri = url.as_str().parse().map_err(|_| Error::HttpRequestUriInvalid)?;
    let limit = usize::try_from(policy.caps.request_bytes.as_u64()).unwrap_or(usize::MAX);
    let body = Limited::new(body, limit).map_err(body_error).boxed_unsync();
    let mut request = Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok((request, used))
}

/// What became of a request's body: the guest's own doing, or the cap.
fn body_error(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    match error.downcast::<Error>() {
        Ok(own) => *own,
        Err(_) => Error::HttpRequestBodySize(None),
    }
}

async fn once(
    policy: &Policy,
    request: Request<WasiBody>,
    target: &Target,
    options: &RequestOptions,
) -> Result<Response<Incoming>, Fault> {
    // A pooled connection has no separate time to connect, so the guest's own two limits are one.
    let own = options
        .first_byte_timeout
        .map_or(Duration::MAX, |first| first.saturating_add(options.connect_timeout.unwrap_or_default()));
    let patience = policy.caps.first_byte_timeout.min(own);
    match timeout(patience, policy.dialer.send(target, request)).await {
        Err(_) => Err(Error::HttpResponseTimeout.into()),
        Ok(Err(error)) => Err(Fault { typed: fault::typed(&error), why: fault::chain(&error) }),
        Ok(Ok(response)) => Ok(response),
    }
}

/// RFC 9110 §9.2.2.
fn idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

/// Statuses by which an upstream, or a proxy before it, says it is not there.
fn is_outage(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// Failures to reach an upstream, which may pass. Time-outs are not among them: trying again would double
/// what the caller already waited.
fn is_unreachable(error: &Error) -> bool {
    matches!(
        error,
        Error::ConnectionRefused
            | Error::ConnectionTerminated
            | Error::DestinationUnavailable
            | Error::DnsError { .. }
            | Error::HttpResponseIncomplete
    )
}

/// Failures before anything reached the upstream, by the host's own doing or the guest's.
fn is_ours(error: &Error) -> bool {
    matches!(
        error,
        Error::ConfigurationError
            | Error::DestinationIpProhibited
            | Error::HttpRequestBodySize(_)
            | Error::HttpRequestUriInvalid
            | Error::TlsCertificateError
    )
}

/// Tells the circuit breaker how it went.
fn settle(policy: &Policy, target: &Target, pass: Pass, sent: Result<&Response<Incoming>, &Fault>) {
    if sent.is_err_and(|fault| is_ours(&fault.typed)) {
        return; // it says nothing about the upstream
    }
    let down = match sent {
        Ok(response) => is_outage(response.status()),
        Err(fault) => {
            is_unreachable(&fault.typed)
                || matches!(fault.typed, Error::HttpResponseTimeout | Error::ConnectionTimeout)
        }
    };
    let (service, upstream) = (&policy.service, target.without_query());
    if down {
        if pass.failed() {
            tracing::warn!(%service, upstream, "an upstream keeps failing and is left alone for a while");
        }
    } else if pass.succeeded() {
        tracing::info!(%service, upstream, "an upstream is back");
    }
}

/// What the guest gets instead of a request that is not sent now: a response that any client understands.
fn instead(not_now: NotNow) -> Response<WasiBody> {
    let (status, why, wait, text) = match not_now {
        NotNow::Rate(wait) => {
            (StatusCode::TOO_MANY_REQUESTS, "rate", wait, "too many requests to this upstream; not sent\n")
        }
        NotNow::Circuit(wait) => {
            (StatusCode::SERVICE_UNAVAILABLE, "circuit", wait, "this upstream keeps failing; not sent\n")
        }
    };
    let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
    let body = Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response.headers_mut().insert(REFUSED, HeaderValue::from_static(why));
    response
}

/// Between half and one and a half times `pause`, so that clients that failed together do not come back
/// together.
fn jittered(pause: Duration) -> Duration {
    // Without randomness from the system the pause is merely not jittered.
    let random = getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX));
    pause.mul_f64(0.5 + random)
}
