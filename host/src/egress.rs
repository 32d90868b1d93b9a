//! The way out, and the only one: every outbound request of every guest passes [`Egress::send_request`].
//!
//! In order: normalise the URL ([`Target`]), match the grant, refuse credentials of the guest's own
//! ([`Policy::decide`]);
//! then room, and a response that is kept (`reuse`), or turn, the operator's credentials, a vetted
//! address, the response's filter (`exchange`). Redirects are not followed: a guest that follows one
//! sends a new request, which is checked like any other.

pub mod address;
mod body;
pub mod cookie;
pub mod credential;
pub mod dial;
pub mod document;
mod exchange;
pub mod explain;
mod fault;
pub mod headers;
pub mod log;
pub mod oauth2;
pub mod pattern;
pub mod probe;
mod replay;
pub mod resolve;
mod reuse;
pub mod scrub;
pub mod target;
pub mod tls;
pub mod upstream;

use std::{
    convert::Infallible,
    future::Future,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::{Duration, Instant},
};

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

use crate::{
    breaker::Trip,
    config::Caps,
    grant::{Grant, Rule, tool::ToolGrant},
    metrics::{ServiceMeters, Upstream},
    request::CallId,
    secret::Secret,
};
use credential::{Credential, Kind};
use dial::Dialer;
use log::{EgressLog, Entry};
use reuse::{Reuse, Wish};
use scrub::Needles;
use target::Target;
use upstream::Upstreams;

/// Why a request was refused before anything was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyReason {
    /// Not an absolute http or https URL, or one that upstreams could read in two ways.
    MalformedUrl,
    /// The URL names a user or a password.
    UserInfo,
    /// No rule of the grant allows this method on this URL.
    NoRule,
    /// The grant does, and the tool that is called says of itself that it sends no such request.
    NoRuleOfTool,
    /// The guest set a header or a query key that only a credential of the operator may set.
    GuestCredential,
    /// The guest set a cookie that no rule of the operator names.
    GuestCookie,
    /// The guest asks for a part of a response to a request that carries a credential: in parts, the
    /// credential could not be found and removed.
    PartWithCredential,
    /// The headers are larger than `limits.header_bytes`.
    HeaderBytes,
    /// The call has sent as many requests as `limits.requests_per_call`.
    TooManyRequests,
    /// As many requests of the service are under way as `limits.concurrent_requests`.
    TooManyAtOnce,
}

impl DenyReason {
    /// A bounded label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MalformedUrl => "malformed_url",
            Self::UserInfo => "user_info",
            Self::NoRule => "no_rule",
            Self::NoRuleOfTool => "no_rule_of_tool",
            Self::GuestCredential => "guest_credential",
            Self::GuestCookie => "guest_cookie",
            Self::PartWithCredential => "part_with_credential",
            Self::HeaderBytes => "header_bytes",
            Self::TooManyRequests => "requests_per_call",
            Self::TooManyAtOnce => "concurrent_requests",
        }
    }

    /// The limit that was hit, if it was one, and whose it is.
    fn limit(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::HeaderBytes | Self::TooManyRequests => Some((self.as_str(), "call")),
            Self::TooManyAtOnce => Some((self.as_str(), "service")),
            _ => None,
        }
    }

    /// What the guest sees.
    fn typed(self) -> Error {
        match self {
            Self::HeaderBytes => Error::HttpRequestHeaderSectionSize(None),
            Self::TooManyAtOnce => Error::ConnectionLimitReached,
            _ => Error::HttpRequestDenied,
        }
    }
}

/// What a service may send, with what, and how much of it.
#[derive(Debug)]
pub struct Policy {
    /// The service's name, for the log.
    pub service: Arc<str>,
    /// Which requests.
    pub grant: Grant,
    /// What is attached to them.
    pub credentials: Vec<Credential>,
    /// How much.
    pub caps: Caps,
    /// Its connections.
    pub dialer: Dialer,
    /// Its upstreams, as it knows them.
    pub upstreams: Upstreams,
    kept: Reuse,
    meters: OnceLock<Arc<ServiceMeters>>,
    room: Arc<Semaphore>,
    needles: RwLock<Kept>,
}

/// What to keep out of responses: the credentials' secrets, and tokens that were in use lately.
#[derive(Debug, Default)]
struct Kept {
    tokens: Vec<Secret>,
    needles: Option<Arc<Needles>>,
}

/// Tokens are kept out of responses for this many renewals.
const TOKENS: usize = 8;

impl Policy {
    /// A service's policy.
    #[must_use]
    pub fn new(
        service: Arc<str>,
        grant: Grant,
        credentials: Vec<Credential>,
        caps: Caps,
        circuit_breaker: Trip,
        dialer: Dialer,
    ) -> Self {
        let needles = Needles::new(credentials.iter().flat_map(Credential::secrets)).map(Arc::new);
        Self {
            service,
            grant,
            credentials,
            caps,
            dialer,
            upstreams: Upstreams::new(&caps, circuit_breaker),
            kept: Reuse::default(),
            meters: OnceLock::new(),
            room: Arc::new(Semaphore::new(usize::try_from(caps.concurrent_requests).unwrap_or(usize::MAX))),
            needles: RwLock::new(Kept { tokens: Vec::new(), needles }),
        }
    }

    /// No way out.
    #[must_use]
    pub fn closed(service: Arc<str>) -> Self {
        Self::new(service, Grant::default(), Vec::new(), Caps::default(), Trip::default(), Dialer::closed())
    }

    /// Whether a request may be sent, and by which rule. Pure: `explain` asks the same.
    ///
    /// # Errors
    /// With the reason it may not.
    pub fn decide(&self, method: &Method, target: &Target, headers: &HeaderMap) -> Result<&Rule, DenyReason> {
        let rule = self.grant.check(method, target)?;
        headers::refuse_credentials(headers, target, &self.credentials)?;
        cookie::check(headers, &self.grant, &self.credentials, method, target)?;
        if headers::size(headers) > self.caps.header_bytes.as_u64() {
            return Err(DenyReason::HeaderBytes);
        }
        if headers.contains_key(http::header::RANGE) && self.attached(target).next().is_some() {
            return Err(DenyReason::PartWithCredential);
        }
        Ok(rule)
    }

    /// The same for a call of a tool whose component says what its calls send.
    ///
    /// # Errors
    /// With the reason it may not.
    pub fn decide_for<'a>(
        &'a self,
        tool: Option<&'a ToolGrant>,
        method: &Method,
        target: &Target,
        headers: &HeaderMap,
    ) -> Result<&'a Rule, DenyReason> {
        let rule = self.decide(method, target, headers)?;
        tool.map_or(Ok(rule), |own| own.check(method, target))
    }

    /// From now on its requests are counted and timed by these meters. Once they are set they stay.
    pub fn measure(&self, meters: Arc<ServiceMeters>) {
        let _ = self.meters.set(meters);
    }

    /// The meters, if there are any.
    pub(crate) fn meters(&self) -> Option<&ServiceMeters> {
        self.meters.get().map(AsRef::as_ref)
    }

    /// Counts and times a request.
    fn measured(&self, outcome: Upstream, took: Duration, limit: Option<(&str, &str)>) {
        if let Some(meters) = self.meters() {
            meters.upstream(outcome, took);
            if let Some((limit, scope)) = limit {
                meters.limit_hit(limit, scope);
            }
        }
    }

    /// The credentials a request to `target` gets.
    pub fn attached<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a Credential> {
        self.credentials.iter().filter(|credential| credential.audience().matches(target))
    }

    /// What to keep out of responses now.
    fn needles(&self) -> Option<Arc<Needles>> {
        self.needles.read().unwrap_or_else(PoisonError::into_inner).needles.clone()
    }

    /// Keeps a token out of responses from now on.
    fn keep_out(&self, token: &Secret) {
        let known = |kept: &Kept| kept.tokens.contains(token);
        if known(&self.needles.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut kept = self.needles.write().unwrap_or_else(PoisonError::into_inner);
        if kept.tokens.len() >= TOKENS {
            kept.tokens.remove(0);
        }
        kept.tokens.push(token.clone());
        let fixed = self.credentials.iter().flat_map(Credential::secrets);
        let needles = Needles::new(fixed.chain(kept.tokens.iter().map(Secret::expose)));
        kept.needles = needles.map(Arc::new);
    }

    /// Whether one of its upstreams gets an OAuth 2 token.
    fn token_source<'a>(&'a self, target: &'a Target) -> Option<&'a Arc<oauth2::ClientCredentials>> {
        self.attached(target).find_map(|credential| match credential.kind() {
            Kind::OAuth2(client) => Some(client),
            _ => None,
        })
    }
}

/// What becomes of a request that may be sent.
enum Admission {
    /// A response that is kept answers it.
    Kept(Response<WasiBody>),
    /// It is sent.
    Sent(Box<exchange::Admitted>),
}

/// The way out of one call.
#[derive(Debug)]
pub struct Egress {
    policy: Arc<Policy>,
    tool: Option<Arc<ToolGrant>>,
    fresh: bool,
    call: CallId,
    log: EgressLog,
    left: u32,
}

impl Egress {
    /// The way out of the call `call`; what it sends is told to `log`.
    #[must_use]
    pub fn new(policy: Arc<Policy>, call: CallId, log: EgressLog) -> Self {
        let left = policy.caps.requests_per_call;
        Self { policy, tool: None, fresh: false, call, log, left }
    }

    /// The same for a call of a tool that may send less than its service.
    #[must_use]
    pub fn narrowed(self, tool: Option<Arc<ToolGrant>>) -> Self {
        Self { tool, ..self }
    }

    /// The same without responses that were kept for earlier calls, if that is wanted.
    #[must_use]
    pub fn fresh(self, fresh: bool) -> Self {
        Self { fresh, ..self }
    }

    /// Whether anything was to be sent, allowed or not.
    #[must_use]
    pub fn has_asked(&self) -> bool {
        self.left < self.policy.caps.requests_per_call
    }

    /// Checks a request, and takes room for it if it is to be sent.
    fn admit(
        &mut self,
        mut request: Request<WasiBody>,
        target: Result<Target, DenyReason>,
        entry: &Entry,
    ) -> Result<Admission, DenyReason> {
        self.left = self.left.checked_sub(1).ok_or(DenyReason::TooManyRequests)?;
        let target = target?;
        let wish = Wish::take(&mut request, &target);
        let (tool, headers) = (self.tool.as_deref(), request.headers());
        let rule = self.policy.decide_for(tool, request.method(), &target, headers)?;
        entry.allowed(rule);
        let room = self.policy.room.clone().try_acquire_owned().map_err(|_| DenyReason::TooManyAtOnce)?;
        let kept = wish.as_ref().filter(|_| !self.fresh);
        let Some(kept) = kept.and_then(|wish| self.policy.kept.find(wish)) else {
            return Ok(Admission::Sent(exchange::Admitted { request, target, room, wish }.into()));
        };
        // It keeps its room until it is read: that bounds what guests hold of the host's memory.
        let held = move |never: Infallible| {
            let _room = &room;
            match never {}
        };
        Ok(Admission::Kept(kept.map(|body| body.map_err(held).boxed_unsync())))
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

type Done = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(Response<WasiBody>, Done), Error>;

/// What is left to do when a response was read.
fn nothing() -> Done {
    Box::new(async { Ok(()) })
}

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
        let target = Target::parse(&request.uri().to_string());
        // A query may hold what the caller typed.
        let url = target.as_ref().map_or("(a malformed URL)".to_owned(), Target::without_query);
        let shown = format!("{} {url}", request.method());
        let entry = self.log.open(request.method(), &url);
        let (call, policy) = (self.call, self.policy.clone());
        let admitted = match self.admit(request, target, &entry) {
            Ok(Admission::Sent(admitted)) => *admitted,
            Ok(Admission::Kept(response)) => {
                entry.reused(response.body().size_hint().exact().unwrap_or_default());
                policy.measured(Upstream::Reused, Duration::ZERO, None);
                let age = response.headers().get(header::AGE);
                tracing::debug!(%call, service = %policy.service, request = shown, ?age, "outbound request answered by what is kept");
                return Box::new(async move { Ok((response, nothing())) });
            }
            Err(reason) => {
                entry.denied(reason.as_str());
                policy.measured(Upstream::Refused, Duration::ZERO, reason.limit());
                tracing::warn!(%call, service = %policy.service, request = shown, reason = reason.as_str(), "outbound request refused");
                return Box::new(async move { Err(reason.typed()) });
            }
        };
        Box::new(async move {
            let started = Instant::now();
            let sent =
                exchange::exchange(&policy, admitted, options.unwrap_or_default(), entry.clone()).await;
            match &sent {
                Ok(response) if response.headers().contains_key(exchange::REFUSED) => {
                    let rate = response.status() == StatusCode::TOO_MANY_REQUESTS;
                    let limit = rate.then_some(("requests_per_second", "service"));
                    policy.measured(Upstream::Refused, Duration::ZERO, limit);
                    tracing::warn!(%call, service = %policy.service, request = shown, reason = ?response.headers().get(exchange::REFUSED), "outbound request not sent now");
                }
                Ok(response) => {
                    let status = response.status().as_u16();
                    policy.measured(Upstream::Answered(status), started.elapsed(), None);
                    tracing::debug!(%call, service = %policy.service, request = shown, status, took_us = micros(started.elapsed()), "outbound request");
                }
                Err(fault) => {
                    entry.failed(&fault.why);
                    policy.measured(Upstream::Failed, started.elapsed(), None);
                    tracing::warn!(%call, service = %policy.service, request = shown, error = fault.why, took_us = micros(started.elapsed()), "outbound request failed");
                }
            }
            sent.map(|response| (response, nothing())).map_err(|fault| fault.typed)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::{Router, extract::State, http::HeaderMap as Headers, routing::get};
    use http_body_util::{BodyExt, Empty};
    use serde_json::json;

    use super::*;
    use crate::{
        config::{Network, telemetry},
        grant::EgressRequest,
        metrics::{Metrics, tests::says},
        trace::Tracer,
    };

    type Seen = Arc<Mutex<Vec<String>>>;

    /// An upstream that remembers the `traceparent` of each request.
    async fn upstream() -> (String, Seen) {
        async fn answer(State(seen): State<Seen>, headers: Headers) -> &'static str {
            let traceparent = headers.get("traceparent").map_or("", |value| value.to_str().unwrap());
            seen.lock().unwrap().push(traceparent.to_owned());
            "hello"
        }
        let seen = Seen::default();
        let app = Router::new().route("/a", get(answer)).with_state(seen.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, app).into_future());
        (url, seen)
    }

    fn policy(url: &str) -> Arc<Policy> {
        let asked = EgressRequest {
            url: "{config.url}/a".into(),
            methods: vec!["GET".into()],
            reason: String::new(),
        };
        let grant = Grant::new(&[asked], &json!({ "url": url }), None).unwrap();
        let caps = Caps { requests_per_call: 3, concurrent_requests: 2, ..Caps::default() };
        let dialer = Dialer::new(Network::default(), &caps, resolve::System::shared());
        Policy::new("svc".into(), grant, Vec::new(), caps, Trip::default(), dialer).into()
    }

    async fn send(egress: &mut Egress, url: &str) -> Result<u16, Error> {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = Request::get(url).header("traceparent", GUEST).body(body).unwrap();
        let sent = Box::into_pin(egress.send_request(request, None, Box::new(async { Ok(()) }))).await;
        sent.map(|(response, _)| response.status().as_u16())
    }

    /// What the guest itself says.
    const GUEST: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[tokio::test]
    async fn an_upstream_is_told_of_the_requests_own_span() {
        let (url, seen) = upstream().await;
        let (policy, id) = (policy(&url), CallId::new());
        let url = format!("{url}/a");
        let mut untraced = Egress::new(policy.clone(), id, EgressLog::traced(None));
        assert_eq!(send(&mut untraced, &url).await.unwrap(), 200);
        assert_eq!(seen.lock().unwrap().pop().unwrap(), GUEST, "it is passed on");

        let (tracer, mut waiting) = Tracer::to_channel();
        let call = tracer.start(id, "tools/call", "t", Some(GUEST));
        let mut traced = Egress::new(policy, id, EgressLog::traced(call.parent()));
        assert_eq!(send(&mut traced, &url).await.unwrap(), 200);
        call.end(None);
        let spans = waiting.recv().await.unwrap();
        let told = seen.lock().unwrap().pop().unwrap();
        let span: String = spans[0].span_id.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(told, format!("00-0af7651916cd43dd8448eb211c80319c-{span}-01"));
    }

    /// A request that asks for its response to be kept.
    fn wishing(url: &str) -> Request<WasiBody> {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        Request::get(url).header("bulkhead-reuse", "60").body(body).unwrap()
    }

    /// Has a response kept, as if it had been fetched.
    async fn keep(policy: &Policy, url: &str) {
        let wish = Wish::take(&mut wishing(url), &Target::parse(url).unwrap()).unwrap();
        let place = policy.kept.place(wish, StatusCode::OK, &HeaderMap::new()).unwrap();
        let passed = reuse::Keeping::new(http_body_util::Full::from("kept"), place).collect().await;
        assert_eq!(passed.unwrap().to_bytes(), "kept");
    }

    async fn answer(policy: &Arc<Policy>, url: &str) -> Result<Response<WasiBody>, String> {
        let mut egress = Egress::new(policy.clone(), CallId::new(), EgressLog::default());
        let sent = egress.send_request(wishing(url), None, Box::new(async { Ok(()) }));
        Box::into_pin(sent).await.map(|(response, _)| response).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn what_is_kept_takes_room_until_it_is_read() {
        let (url, _) = upstream().await;
        let (policy, url) = (policy(&url), format!("{url}/a"));
        keep(&policy, &url).await;
        let [first, _second] = [answer(&policy, &url).await.unwrap(), answer(&policy, &url).await.unwrap()];
        assert_eq!(answer(&policy, &url).await.unwrap_err(), Error::ConnectionLimitReached.to_string());
        assert_eq!(first.into_body().collect().await.unwrap().to_bytes(), "kept");
        assert!(answer(&policy, &url).await.is_ok());
    }

    #[tokio::test]
    async fn what_may_not_be_sent_is_refused_though_a_response_is_kept() {
        let (url, _) = upstream().await;
        let policy = policy(&url);
        for path in ["a", "b"] {
            keep(&policy, &format!("{url}/{path}")).await;
        }
        let kept = answer(&policy, &format!("{url}/a")).await.unwrap();
        assert_eq!(kept.into_body().collect().await.unwrap().to_bytes(), "kept");
        let refused = answer(&policy, &format!("{url}/b")).await.unwrap_err();
        assert_eq!(refused, Error::HttpRequestDenied.to_string());
    }

    #[tokio::test]
    async fn requests_are_measured_by_what_became_of_them() {
        let (url, _) = upstream().await;
        let policy = policy(&url);
        let metrics = Metrics::new(&telemetry::Metrics::default(), ("runtime", "1"));
        policy.measure(metrics.service("t", "svc", [""; 0]));
        let mut egress = Egress::new(policy, CallId::new(), EgressLog::default());
        assert_eq!(send(&mut egress, &format!("{url}/a")).await.unwrap(), 200);
        for path in ["/b", "/a", "/a"] {
            let _ = send(&mut egress, &format!("{url}{path}")).await;
        }
        says(&metrics, r#"bulkhead_upstream_requests_total{service="svc",class="2xx"} 2"#);
        says(&metrics, r#"bulkhead_upstream_requests_total{service="svc",class="refused"} 2"#);
        says(&metrics, r#"bulkhead_limits_hit_total{limit="requests_per_call",scope="call"} 1"#);
    }
}
