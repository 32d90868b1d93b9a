//! The way out, and the only one: every outbound request of every guest passes [`Egress::send_request`].
//!
//! In order: normalise the URL, match the grant, refuse credentials of the guest's own, attach the
//! operator's, dial a vetted address, cap what comes back. Redirects are not followed: a guest that follows
//! one sends a new request, which is checked like any other.

pub mod address;
pub mod credential;
pub mod dial;
pub mod headers;
pub mod pattern;
pub mod target;

use std::{error::Error as StdError, future::Future, io, sync::Arc, time::Duration};

use bytesize::ByteSize;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use wasmtime_wasi_http::{Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

use crate::{grant::Grant, request::CallId};
use credential::Credential;
use dial::{AddressRefused, Dialer};
use target::Target;

/// Why a request was refused before anything was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyReason {
    /// Not an absolute http or https URL, or one that upstreams could read in two ways.
    MalformedUrl,
    /// The URL names a user or a password.
    UserInfo,
    /// No rule of the grant allows this method on this URL.
    NoRule,
    /// The guest set a header that only a credential of the operator may set.
    GuestCredential,
}

impl DenyReason {
    /// A bounded label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MalformedUrl => "malformed_url",
            Self::UserInfo => "user_info",
            Self::NoRule => "no_rule",
            Self::GuestCredential => "guest_credential",
        }
    }
}

/// What a service may send, and with what.
#[derive(Debug)]
pub struct Policy {
    /// The service's name, for the log.
    pub service: String,
    /// Which requests.
    pub grant: Grant,
    /// What is attached to them.
    pub credentials: Vec<Credential>,
    /// How much of a response's body is read.
    pub response_bytes: ByteSize,
    /// Its connections.
    pub dialer: Dialer,
}

/// The way out of one call.
#[derive(Debug)]
pub struct Egress {
    policy: Arc<Policy>,
    call: CallId,
}

impl Egress {
    /// The way out of the call `call`.
    #[must_use]
    pub fn new(policy: Arc<Policy>, call: CallId) -> Self {
        Self { policy, call }
    }

    /// Checks a request and readies it for sending.
    fn admit(&self, request: Request<WasiBody>) -> Result<Request<WasiBody>, DenyReason> {
        let target = Target::parse(&request.uri().to_string())?;
        self.policy.grant.check(request.method(), &target)?;
        headers::refuse_credentials(request.headers(), &self.policy.credentials)?;
        let (mut parts, body) = request.into_parts();
        parts.uri = Uri::try_from(target.url().as_str()).map_err(|_| DenyReason::MalformedUrl)?;
        parts.headers.remove(http::header::HOST); // the client sets it from the URL that was matched
        for credential in &self.policy.credentials {
            credential.attach(&target, &mut parts.headers);
        }
        Ok(Request::from_parts(parts, body))
    }
}

type Sent = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Egress {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(headers::belongs_to_host)
    }

    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _response_read: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let (service, call) = (&self.policy.service, self.call);
        let shown = shown(request.method(), request.uri());
        let request = match self.admit(request) {
            Ok(request) => request,
            Err(reason) => {
                tracing::warn!(%call, %service, request = shown, reason = reason.as_str(), "outbound request refused");
                return Box::new(async { Err(Error::HttpRequestDenied) });
            }
        };
        let policy = self.policy.clone();
        Box::new(async move {
            let sending = policy.dialer.send(request);
            let sent = match first_byte(options) {
                Some(limit) => {
                    tokio::time::timeout(limit, sending).await.map_err(|_| Error::HttpResponseTimeout)?
                }
                None => sending.await,
            };
            let response = sent.map_err(|error| {
                let typed = typed(&error);
                tracing::warn!(%call, service = %policy.service, request = shown, error = chain(&error), "outbound request failed");
                typed
            })?;
            tracing::debug!(%call, service = %policy.service, request = shown, status = response.status().as_u16(), "outbound request");
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(async { Ok(()) });
            Ok((capped(response, policy.response_bytes), done))
        })
    }
}

/// Method and URL for the log; a query may hold what the caller typed.
fn shown(method: &http::Method, uri: &Uri) -> String {
    let target = Target::parse(&uri.to_string()).map(|t| t.without_query());
    format!("{method} {}", target.unwrap_or_else(|_| "(a malformed URL)".to_owned()))
}

/// The guest's own limits on waiting; the call's deadline holds anyway. A pooled connection has no separate
/// time to connect.
fn first_byte(options: Option<RequestOptions>) -> Option<Duration> {
    let options = options?;
    Some(options.first_byte_timeout?.saturating_add(options.connect_timeout.unwrap_or_default()))
}

fn capped(response: Response<Incoming>, limit: ByteSize) -> Response<WasiBody> {
    let bytes = usize::try_from(limit.as_u64()).unwrap_or(usize::MAX);
    response.map(|body| {
        let body = Limited::new(body, bytes).map_err(move |error| match error.downcast::<hyper::Error>() {
            Ok(error) => Error::from(*error),
            Err(error) if error.is::<LengthLimitError>() => Error::HttpResponseBodySize(Some(limit.as_u64())),
            Err(_) => Error::HttpResponseIncomplete,
        });
        body.boxed_unsync()
    })
}

/// The typed error a guest sees. It names no address: a guest must not map a network with it.
fn typed(error: &(dyn StdError + 'static)) -> Error {
    for cause in causes(error) {
        if cause.is::<AddressRefused>() {
            return Error::DestinationIpProhibited;
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return match tls {
                rustls::Error::InvalidCertificate(_) => Error::TlsCertificateError,
                _ => Error::TlsProtocolError,
            };
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            // An io::Error may wrap one of the above; its `source` is then next in line.
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return Error::ConnectionRefused,
                io::ErrorKind::TimedOut => return Error::ConnectionTimeout,
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                    return Error::ConnectionTerminated;
                }
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    return Error::DestinationUnavailable;
                }
                _ => {}
            }
        }
    }
    if chain(error).contains("dns error") {
        return Error::DnsError { rcode: None, info_code: None };
    }
    Error::HttpProtocolError
}

/// An error and what caused it. `io::Error` hides the error inside it from `source`, hence the detour.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        causes.push(error);
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    causes
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut texts: Vec<String> = causes(error).into_iter().map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_address_is_a_typed_error_that_names_no_address() {
        let refused =
            dial::vet("metadata.example", &["169.254.169.254:80".parse().unwrap()], &[]).unwrap_err();
        // As the client hands it on: an error inside an error.
        let error = io::Error::other(refused);
        assert!(matches!(typed(&error), Error::DestinationIpProhibited));
        assert!(chain(&error).contains("allow_addresses"), "the operator's log says what to add");
    }

    #[test]
    fn what_went_wrong_on_the_way_is_told_apart() {
        let kind = |kind: io::ErrorKind| typed(&io::Error::from(kind));
        assert!(matches!(kind(io::ErrorKind::ConnectionRefused), Error::ConnectionRefused));
        assert!(matches!(kind(io::ErrorKind::TimedOut), Error::ConnectionTimeout));
        assert!(matches!(kind(io::ErrorKind::ConnectionReset), Error::ConnectionTerminated));
        let bad = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        assert!(matches!(typed(&io::Error::other(bad)), Error::TlsCertificateError));
        assert!(matches!(typed(&io::Error::other("odd")), Error::HttpProtocolError));
    }
}
