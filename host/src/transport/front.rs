//! The front: every request is authenticated here, before anything reads its body, and goes on with its
//! [`Caller`]. What is refused is told how to do better (RFC 9110 §11.6.1, RFC 9728 §5.1), and not why.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use bytesize::ByteSize;
use serde_json::{Value, json};

use super::{
    http::{Access, Route, json_rpc},
    workers::Peer,
};
use crate::{
    auth::Caller,
    auth::{Auth, Reason, Unauthenticated, read::read},
    call::Host,
    config::front::Front,
    request::Credentials,
};

/// What requests pass.
#[derive(Debug)]
pub(super) struct Gate {
    host: Arc<Host>,
    front: Front,
    /// Size of a request's headers.
    header_bytes: u64,
}

/// Authenticates a request on its way to its route.
pub(super) async fn authenticate(
    State(gate): State<Arc<Gate>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let access = gate.access(&request);
    match gate.pass(access, &peer, &mut request).await {
        Ok(Some(caller)) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Ok(None) => next.run(request).await,
        Err(refusal) => *refusal,
    }
}

impl Gate {
    pub(super) fn new(host: Arc<Host>, front: &Front, header_bytes: ByteSize) -> Self {
        Self { host, front: front.clone(), header_bytes: header_bytes.as_u64() }
    }

    /// Lets a request pass, with its caller unless nobody needs to be one.
    ///
    /// # Errors
    /// The answer to one that may not.
    pub(super) async fn pass(
        &self,
        access: Access,
        peer: &Peer,
        request: &mut Request,
    ) -> Result<Option<Caller>, Box<Response>> {
        let headers = request.headers();
        let sizes = headers.iter().map(|(name, value)| (name.as_str().len() + value.len()) as u64);
        if sizes.sum::<u64>() > self.header_bytes {
            self.host.metrics().limit_hit("header_bytes", "host");
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err(json_rpc(status, -32600, "the headers are too large").into());
        }
        if access == Access::Open {
            return Ok(None);
        }
        let now = self.host.snapshot();
        let shown = peer.certificate.as_ref().filter(|_| now.auth.takes_certificates());
        let credentials = read(headers, shown.cloned());
        let nothing = matches!(credentials, Credentials::Nothing);
        if access == Access::Optional && nothing && now.auth.is_configured() {
            return Ok(None);
        }
        let refusal = match now.auth.authenticate(&credentials, Some(peer.address.ip())).await {
            Ok(caller) if access == Access::Admin && !caller.admin => {
                json_rpc(StatusCode::FORBIDDEN, -32600, "this is for admins")
            }
            Ok(caller) => {
                // What they have told is told; nothing after this needs them, or can pass them on.
                for name in [header::AUTHORIZATION, header::COOKIE, HeaderName::from_static("x-api-key")] {
                    request.headers_mut().remove(name);
                }
                return Ok(Some(caller));
            }
            Err(refused) => {
                self.host.metrics().denied(refused.reason.as_str());
                self.refuse(&refused, request.uri().path())
            }
        };
        Err(refusal.into())
    }

    /// What has no route is for callers, and for admins where only they have business.
    fn access(&self, request: &Request) -> Access {
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let route = Route::ALL.iter().find(|route| Some(route.path()) == path);
        let unknown = if request.uri().path().starts_with("/api/") { Access::Admin } else { Access::Caller };
        route.map_or(unknown, |route| self.access_to(*route))
    }

    /// Who may use a route.
    pub(super) fn access_to(&self, route: Route) -> Access {
        route.access(&self.front)
    }

    fn refuse(&self, refused: &Unauthenticated, path: &str) -> Response {
        if let Some(wait) = refused.retry_after {
            let mut response =
                json_rpc(StatusCode::TOO_MANY_REQUESTS, -32600, "too many attempts; try again later");
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return response;
        }
        if refused.reason == Reason::Scope {
            return self.insufficient_scope(&refused.scopes, path);
        }
        let mut response = json_rpc(StatusCode::UNAUTHORIZED, -32600, &refused.to_string());
        for challenge in challenges(&self.host.auth(), &self.front, path) {
            if let Ok(value) = challenge.try_into() {
                response.headers_mut().append(header::WWW_AUTHENTICATE, value);
            }
        }
        response
    }

    /// Asks for a token with more scopes (RFC 6750 §3.1; MCP, scope step-up).
    fn insufficient_scope(&self, scopes: &[String], path: &str) -> Response {
        let mut response = json_rpc(StatusCode::FORBIDDEN, -32600, "the token lacks a scope");
        let metadata = metadata_url(&self.host.auth(), &self.front, path);
        let metadata = metadata.map(|url| format!(", resource_metadata=\"{url}\"")).unwrap_or_default();
        let challenge =
            format!("Bearer error=\"insufficient_scope\", scope=\"{}\"{metadata}", scopes.join(" "));
        if let Ok(value) = challenge.try_into() {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }

    /// The host's OAuth metadata (RFC 9728 §2). The same wherever it is asked for, so that nobody learns from it
    /// which services there are. None without issuers, or when the host does not know its own name.
    pub(super) fn metadata(&self) -> Option<Value> {
        let (auth, resource) = (self.host.auth(), self.front.resource()?);
        let issuers = auth.issuers();
        if issuers.is_empty() {
            return None;
        }
        let servers: Vec<_> = issuers.iter().map(|issuer| issuer.issuer()).collect();
        let scopes: BTreeSet<_> = issuers.iter().flat_map(|issuer| issuer.scopes()).collect();
        Some(json!({
            "resource": resource, "resource_name": "Bulkhead", "authorization_servers": servers,
            "scopes_supported": scopes, "bearer_methods_supported": ["header"],
        }))
    }
}

/// Where the metadata for a path is; none if there is none.
fn metadata_url(auth: &Auth, front: &Front, path: &str) -> Option<String> {
    let own = front.public_url.as_ref().filter(|_| !auth.issuers().is_empty())?;
    // Only what the router knows, so that nothing of the client's gets into a header.
    let service = path.strip_prefix("/mcp/").filter(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    });
    let below = service.map(|name| format!("/{name}")).unwrap_or_default();
    Some(format!("{own}/.well-known/oauth-protected-resource/mcp{below}"))
}

/// How to do better.
fn challenges(auth: &Auth, front: &Front, path: &str) -> Vec<String> {
    let mut bearer = "Bearer".to_owned();
    if let Some(url) = metadata_url(auth, front, path) {
        bearer.push_str(&format!(" resource_metadata=\"{url}\""));
        // No more than every token needs: clients ask for what they are told here.
        let required = auth.issuers().iter().flat_map(|issuer| issuer.required_scopes());
        let scopes: Vec<_> = required.map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
        if !scopes.is_empty() {
            bearer.push_str(&format!(", scope=\"{}\"", scopes.join(" ")));
        }
    }
    let basic = auth.takes_passwords().then(|| "Basic realm=\"bulkhead\", charset=\"UTF-8\"".to_owned());
    std::iter::once(bearer).chain(basic).collect()
}
