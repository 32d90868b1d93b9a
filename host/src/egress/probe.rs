//! What an upstream shows of itself to whoever only knocks: for `doctor`, which asks for nothing that a tool would.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Empty};

use super::{dial::Dialer, fault, target::Target, tls};

/// An upstream that accepts a connection answers `HEAD /` in this time, or does not speak HTTP.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// Until when its certificate is good.
    pub certificate_until: Option<SystemTime>,
    /// What its clock says, to the second.
    pub clock: Option<SystemTime>,
}

impl Dialer {
    /// Connects, agrees on TLS, and sends `HEAD /`, which changes nothing and carries no credential.
    ///
    /// # Errors
    /// When it cannot be reached, or does not answer as HTTP servers do.
    pub async fn probe(&self, target: &Target) -> Result<Probe, String> {
        let certificate = self.greet(target).await?;
        let certificate_until = certificate.as_ref().and_then(tls::good_until);
        let mut request = Request::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
        let root = target.url().join("/").map_err(|error| error.to_string())?;
        *request.uri_mut() = root.as_str().parse().map_err(|_| "the URL cannot be sent")?;
        *request.method_mut() = Method::HEAD;
        let sent = tokio::time::timeout(PATIENCE, self.send(target, request)).await;
        let sent = sent.map_err(|_| format!("no answer to HTTP within {PATIENCE:?}"))?;
        let response = sent.map_err(|error| fault::chain(&error))?;
        Ok(Probe { certificate_until, clock: clock(response.headers()) })
    }
}

/// The `Date` of a response (RFC 9110 §6.6.1).
fn clock(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()
}
