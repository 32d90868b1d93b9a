//! The HTTP listener: `/mcp`, `/mcp/{service}`, `/sse`, `/messages`, `/healthz`, `/readyz`, `/metrics`.
//!
//! rmcp speaks the protocol; what it leaves to its user is here: TCP_NODELAY (without it, streamed answers
//! wait 40 ms for an acknowledgement), Host and Origin checks that are on, errors as JSON-RPC, and a
//! shutdown that lets running calls end.

use std::{io, sync::Arc, time::Duration};

use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{ConnectInfo, RawQuery, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use futures::{FutureExt as _, future::BoxFuture};
use http_body_util::{BodyExt, Limited};
use percent_encoding::percent_decode_str;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

pub use super::workers::Peer;
use super::{
    entry::Entry,
    front::{self, Gate},
    handler::{Handler, Written, asking},
    origin::Origins,
    pipe,
    session::Sessions,
    tls::Tls,
    workers::Workers,
};
use crate::{
    access::narrowing::Narrowing,
    audit::api::{self, Refusal},
    auth::Caller,
    call::Host,
    config::{Server, front::Front},
    health::Health,
    limit::peers::PeerTable,
    metrics::OPEN_METRICS,
    request::Scope,
};

/// How long running calls may take to end once the host is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves a host until `stop` fires, then drains.
///
/// # Errors
/// When the listener fails.
pub fn serve<'a>(
    listener: TcpListener,
    host: Arc<Host>,
    config: &'a Server,
    front: &'a Front,
    stop: CancellationToken,
) -> BoxFuture<'a, io::Result<()>> {
    async move {
        let mut config = config.clone();
        let scheme = if front.tls.is_some() { "https" } else { "http" };
        config.allowed_origins.extend(own_origins(scheme, listener.local_addr()?.port()));
        let tls = front.tls.as_ref().map(|files| Tls::start(files, stop.child_token())).transpose()?;
        let app = App::new(&host, &config, front, &stop);
        let seats = PeerTable::new(config.limits.connections, config.limits.connections_per_peer);
        let mut workers = Workers::start(&app, tls.as_ref(), &stop)?;
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => match seats.open(peer.ip().into()) {
                        Ok(seat) => workers.hand_over(stream, seat),
                        Err(full) => {
                            host.metrics().limit_hit(full.key(), "host");
                            tracing::warn!(peer = %peer.ip(), limit = full.key(), "a connection is refused");
                        }
                    },
                    // Out of file descriptors, say: the next connection may do better.
                    Err(error) => {
                        tracing::warn!(%error, "a connection cannot be accepted");
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                },
                () = stop.cancelled() => break,
            }
        }
        drop(listener);
        if tokio::time::timeout(DRAIN, workers.drained()).await.is_err() {
            tracing::warn!("some calls did not end in time and were dropped");
        }
        Ok(())
    }
    .boxed()
}

/// What a browser calls a page that this listener itself served: same-origin, so no other site's doing.
fn own_origins(scheme: &str, port: u16) -> [String; 3] {
    ["localhost", "127.0.0.1", "[::1]"].map(|name| format!("{scheme}://{name}:{port}"))
}

/// What a listener serves.
#[derive(Clone)]
pub struct App {
    host: Arc<Host>,
    gate: Arc<Gate>,
    entry: Arc<Entry>,
    /// All but MCP.
    router: Router,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

impl App {
    /// The app of a host, until `stop` fires.
    #[must_use]
    pub fn new(host: &Arc<Host>, config: &Server, front: &Front, stop: &CancellationToken) -> Self {
        let gate = Arc::new(Gate::new(host.clone(), front, config.limits.header_bytes));
        let entry = entry(host, config, stop);
        let router = router(host, &entry, &gate);
        Self { host: host.clone(), gate, entry, router }
    }

    /// Answers a request.
    pub async fn answer(&self, peer: Peer, mut request: Request) -> Response {
        let Some(service) = mcp_service(request.uri().path()) else {
            request.extensions_mut().insert(ConnectInfo(peer));
            let Ok(response) = self.router.clone().call(request).boxed().await;
            return response;
        };
        let answered = async {
            let Some(caller) = self.gate.pass(self.gate.access_to(Route::Mcp), &peer, &mut request).await?
            else {
                return Err(unauthenticated());
            };
            let scope = scope(&self.host, &caller, service, request.uri().query())?;
            Ok(self.entry.mcp(Handler::new(self.host.clone(), caller, scope), request).await)
        };
        match answered.await {
            Ok(response) if response.status().is_client_error() => json_rpc_error(response).boxed().await,
            Ok(response) => response,
            Err(refusal) => *refusal,
        }
    }
}

/// Which service's MCP a path is that of: none of them in particular at `/mcp`. None if it is no path of MCP.
fn mcp_service(path: &str) -> Option<Option<String>> {
    let rest = path.strip_prefix(Route::Mcp.path())?;
    let Some(service) = rest.strip_prefix('/') else { return rest.is_empty().then_some(None) };
    if service.contains('/') {
        return None;
    }
    let service = percent_decode_str(service).decode_utf8_lossy();
    Some((!service.is_empty()).then(|| service.into_owned()))
}

/// The routes beside MCP.
fn router(host: &Arc<Host>, entry: &Arc<Entry>, gate: &Arc<Gate>) -> Router {
    let mut app = Router::new();
    for route in Route::ALL.iter().copied() {
        let path = route.path();
        app = match route {
            Route::Mcp | Route::McpSlash | Route::Service => app, // see `App::answer`
            Route::Sse => {
                let scoped = middleware::from_fn_with_state(host.clone(), scoped);
                let opened = any(pipe::open).with_state(entry.clone());
                app.merge(Router::new().route(path, opened).route_layer(scoped))
            }
            Route::Messages => app.route(path, any(pipe::message).with_state(entry.clone())),
            Route::Health => app.route(path, get(health)),
            Route::Ready => app.route(path, get(ready)),
            Route::Metrics => app.route(path, get(metrics)),
            Route::Audit => app.route(path, get(audit)),
            Route::Resource | Route::ResourceMcp | Route::ResourceService => {
                let gate = gate.clone();
                let metadata = move || async move { gate.metadata().map(Json).ok_or(StatusCode::NOT_FOUND) };
                app.route(path, get(metadata))
            }
        };
    }
    let authenticated = middleware::from_fn_with_state(gate.clone(), front::authenticate);
    app.fallback(not_found).layer(authenticated).with_state(host.clone())
}

/// What serves MCP.
fn entry(host: &Arc<Host>, config: &Server, stop: &CancellationToken) -> Arc<Entry> {
    let body_bytes = usize::try_from(config.limits.body_bytes.as_u64()).unwrap_or(usize::MAX);
    let mut streamable = StreamableHttpServerConfig::default();
    streamable.legacy_session_mode = false;
    streamable.json_response = true;
    streamable.max_request_body_bytes = body_bytes;
    streamable.allowed_hosts.extend(config.allowed_hosts.iter().cloned());
    streamable.allowed_origins.clone_from(&config.allowed_origins);
    streamable.cancellation_token = stop.child_token();
    let streamable = streamable.enforce_origin_validation();
    let stateless =
        StreamableHttpService::new(Handler::of_request, Arc::new(NeverSessionManager::default()), streamable);
    let sessions = (config.sessions.is_some() || config.legacy_sse).then(|| {
        let limits = config.sessions.unwrap_or_default();
        let of = host.clone();
        let sealer = crate::transport::session::CurrentSealer(Box::new(move || of.sealer()));
        Sessions::new(limits, sealer, host.metrics.clone(), host.streams.clone(), stop.child_token())
    });
    if let Some(sessions) = &sessions {
        tokio::spawn(sessions.clone().reap());
    }
    Arc::new(Entry {
        host: host.clone(),
        origins: Origins::new(&config.allowed_hosts, &config.allowed_origins),
        body_bytes,
        sessions: sessions.clone().filter(|_| config.sessions.is_some()),
        pipes: sessions.filter(|_| config.legacy_sse),
        direct: config.direct,
        written: Written::default(),
        stateless,
    })
}

/// The routes there are. What is not among them, or is and has no credential to need, is decided in one place:
/// [`Route::access`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// MCP, all services of the caller.
    Mcp,
    /// The same, as some clients write it.
    McpSlash,
    /// MCP, one service.
    Service,
    /// MCP over HTTP+SSE: the stream.
    Sse,
    /// MCP over HTTP+SSE: messages.
    Messages,
    /// How the services are.
    Health,
    /// Whether the host serves.
    Ready,
    /// Numbers.
    Metrics,
    /// Who called what.
    Audit,
    /// OAuth metadata of the host (RFC 9728 §3).
    Resource,
    /// The same, where clients of `/mcp` look.
    ResourceMcp,
    /// The same, where clients of one service look; no service need exist there.
    ResourceService,
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone; credentials are not looked at.
    Open,
    /// Anyone, and callers see more. Credentials that do not hold are refused.
    Optional,
    /// Callers.
    Caller,
    /// Callers that are admins.
    Admin,
}

impl Route {
    /// All of them. The router is made from this list, but for those of MCP, which [`App::answer`] knows.
    pub const ALL: &[Self] = &[
        Self::Mcp,
        Self::McpSlash,
        Self::Service,
        Self::Sse,
        Self::Messages,
        Self::Health,
        Self::Ready,
        Self::Metrics,
        Self::Audit,
        Self::Resource,
        Self::ResourceMcp,
        Self::ResourceService,
    ];

    /// Its path.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Mcp => "/mcp",
            Self::McpSlash => "/mcp/",
            Self::Service => "/mcp/{service}",
            Self::Sse => "/sse",
            Self::Messages => "/messages",
            Self::Health => "/healthz",
            Self::Ready => "/readyz",
            Self::Metrics => "/metrics",
            Self::Audit => "/api/v1/audit",
            Self::Resource => "/.well-known/oauth-protected-resource",
            Self::ResourceMcp => "/.well-known/oauth-protected-resource/mcp",
            Self::ResourceService => "/.well-known/oauth-protected-resource/mcp/{service}",
        }
    }

    /// Who may use it.
    #[must_use]
    pub fn access(self, front: &Front) -> Access {
        match self {
            Self::Mcp | Self::McpSlash | Self::Service | Self::Sse | Self::Messages => Access::Caller,
            Self::Health => Access::Optional,
            Self::Metrics if front.metrics_open => Access::Open,
            Self::Metrics | Self::Audit => Access::Admin,
            Self::Ready | Self::Resource | Self::ResourceMcp | Self::ResourceService => Access::Open,
        }
    }
}

/// Admins see each service of their tenant, the operator on this machine all of them, and others whether all is well.
async fn health(State(host): State<Arc<Host>>, caller: Option<Extension<Caller>>) -> Response {
    if let Some(Extension(caller)) = caller.filter(|caller| caller.admin) {
        let tenant = (!caller.is_local()).then_some(&*caller.tenant);
        return Json(Health::seen_by(&host, tenant)).into_response();
    }
    Json(json!({ "status": Health::of(&host).status })).into_response()
}

/// Whether calls can be served and recorded.
async fn ready(State(host): State<Arc<Host>>) -> Response {
    if host.is_ready() {
        return Json(json!({ "status": "ok" })).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "not ready" }))).into_response()
}

/// The audit log, for admins; what of it is told is their tenant's, unless they are the operator on this machine.
async fn audit(
    State(host): State<Arc<Host>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some((index, _)) = host.records().audit() else {
        return json_rpc(StatusCode::NOT_FOUND, -32600, "there is no audit log; add an `audit` section");
    };
    let tenant = (!caller.is_local()).then_some(&*caller.tenant);
    match api::answer(index, query.as_deref().unwrap_or_default(), tenant).await {
        Ok(answer) => {
            ([(header::CONTENT_TYPE, answer.content_type)], Body::from_stream(answer.body)).into_response()
        }
        Err(Refusal::BadQuery(why)) => json_rpc(StatusCode::BAD_REQUEST, -32600, &why),
        Err(Refusal::Failed(error)) => {
            tracing::error!(%error, "the audit log cannot be asked");
            json_rpc(
                StatusCode::INTERNAL_SERVER_ERROR,
                -32603,
                "the audit log cannot be read; the log says why",
            )
        }
    }
}

async fn metrics(State(host): State<Arc<Host>>) -> Response {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], host.metrics().text(&host)).into_response()
}

async fn not_found() -> Response {
    let text = "not found; MCP is at /mcp and /mcp/{service}\n";
    (StatusCode::NOT_FOUND, text).into_response()
}

/// What a request is about: one service or all, and of them what its URL selects.
fn scope(
    host: &Host,
    caller: &Caller,
    service: Option<String>,
    query: Option<&str>,
) -> Result<Scope, Box<Response>> {
    let mut scope = service.map_or(Scope::all(), Scope::service);
    let now = host.snapshot();
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        let narrowing = Narrowing::parse(query, &now.presets);
        let narrowing = narrowing.map_err(|why| json_rpc(StatusCode::BAD_REQUEST, -32600, &why))?;
        scope.narrowing = Some(narrowing.into());
    }
    // A service of which the caller may use nothing is none.
    if scope.service.is_some() && now.catalog.list(caller, &scope).next().is_none() {
        let why = "no such service; /mcp serves all of them";
        return Err(json_rpc(StatusCode::NOT_FOUND, -32600, why).into());
    }
    Ok(scope)
}

/// Says who asks over HTTP+SSE, and for what.
async fn scoped(State(host): State<Arc<Host>>, request: Request, next: Next) -> Response {
    let Some(caller) = request.extensions().get::<Caller>().cloned() else { return *unauthenticated() };
    match scope(&host, &caller, None, request.uri().query()) {
        Ok(scope) => asking(Handler::new(host, caller, scope), next.run(request)).await,
        Err(refusal) => *refusal,
    }
}

fn unauthenticated() -> Box<Response> {
    json_rpc(StatusCode::UNAUTHORIZED, -32600, "authentication is required").into()
}

/// rmcp answers some bad requests in plain text; clients can only read JSON-RPC.
async fn json_rpc_error(response: Response) -> Response {
    let plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|value| value.as_bytes().starts_with(b"text/plain"));
    if !plain {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = match Limited::new(body, 4096).collect().await {
        Ok(collected) => String::from_utf8_lossy(&collected.to_bytes()).into_owned(),
        Err(_) => String::new(),
    };
    let status = parts.status;
    let text = if text.is_empty() { status.canonical_reason().unwrap_or("refused").to_owned() } else { text };
    let mut rewritten = json_rpc(status, -32600, &text);
    for (name, value) in &parts.headers {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            rewritten.headers_mut().insert(name, value.clone());
        }
    }
    rewritten
}

pub(super) fn json_rpc(status: StatusCode, code: i32, message: &str) -> Response<Body> {
    json_rpc_of(status, code, message, &Value::Null)
}

/// The same, in answer to the request of an id.
pub(super) fn json_rpc_of(status: StatusCode, code: i32, message: &str, id: &Value) -> Response<Body> {
    let body = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } });
    (status, Json(body)).into_response()
}
