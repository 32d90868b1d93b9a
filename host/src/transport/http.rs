//! The HTTP listener: `/mcp`, `/mcp/{service}`, `/healthz`, `/readyz`, `/metrics`.
//!
//! rmcp speaks the protocol; what it leaves to its user is here: TCP_NODELAY (without it, streamed answers
//! wait 40 ms for an acknowledgement), Host and Origin checks that are on, errors as JSON-RPC, and a
//! shutdown that lets running calls end.

use std::{io, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use http_body_util::{BodyExt, Limited};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{handler::Handler, workers::Workers};
use crate::{
    call::Host,
    config::Server,
    health::Health,
    metrics::{OPEN_METRICS, state},
    request::{Credentials, Scope},
};

/// How long running calls may take to end once the host is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves a host until `stop` fires, then drains.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    host: Arc<Host>,
    config: &Server,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut config = config.clone();
    config.allowed_origins.extend(own_origins(listener.local_addr()?.port()));
    let app = router(host, &config, &stop);
    let mut workers = Workers::start(&app, &stop)?;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => workers.hand_over(stream),
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

/// What a browser calls a page that this listener itself served: same-origin, so no other site's doing.
fn own_origins(port: u16) -> [String; 3] {
    ["localhost", "127.0.0.1", "[::1]"].map(|name| format!("http://{name}:{port}"))
}

/// The routes of a host.
pub fn router(host: Arc<Host>, config: &Server, stop: &CancellationToken) -> Router {
    let mut streamable = StreamableHttpServerConfig::default();
    streamable.legacy_session_mode = false;
    streamable.json_response = true;
    streamable.allowed_hosts.extend(config.allowed_hosts.iter().cloned());
    streamable.allowed_origins.clone_from(&config.allowed_origins);
    streamable.cancellation_token = stop.child_token();
    let streamable = streamable.enforce_origin_validation();
    let handler = Handler::new(host.clone());
    let mcp = StreamableHttpService::new(
        move || Ok(handler.clone()),
        Arc::new(NeverSessionManager::default()),
        streamable,
    );
    let (health, metrics) = (host.clone(), host.clone());
    let one = middleware::from_fn_with_state(host, scope_of_service);
    let mcp = Router::new()
        .route_service("/mcp", mcp.clone())
        .route_service("/mcp/", mcp.clone())
        .merge(Router::new().route_service("/mcp/{service}", mcp).route_layer(one))
        .layer(middleware::from_fn(json_rpc_errors));
    // Services are loaded before the listener opens, so a host that answers is ready.
    let ready = || async { Json(json!({ "status": "ok" })) };
    let healthy = move || async move { Json(Health::of(&health)) };
    let numbers = move || async move { ([(header::CONTENT_TYPE, OPEN_METRICS)], state::text(&metrics)) };
    mcp.route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .route("/metrics", get(numbers))
        .fallback(not_found)
}

async fn not_found() -> Response {
    let text = "not found; MCP is at /mcp and /mcp/{service}\n";
    (StatusCode::NOT_FOUND, text).into_response()
}

/// Narrows a request to the service its path names.
async fn scope_of_service(
    State(host): State<Arc<Host>>,
    Path(service): Path<String>,
    mut request: Request,
    next: Next,
) -> Response {
    let scope = Scope::Service(service);
    let known = host
        .authenticate(&Credentials::Local)
        .is_ok_and(|caller| host.catalog().services(&caller, &scope).next().is_some());
    if !known {
        return json_rpc(StatusCode::NOT_FOUND, -32600, "no such service; /mcp serves all of them");
    }
    request.extensions_mut().insert(scope);
    next.run(request).await
}

/// rmcp answers some bad requests in plain text; clients can only read JSON-RPC.
async fn json_rpc_errors(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|value| value.as_bytes().starts_with(b"text/plain"));
    if !response.status().is_client_error() || !plain {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = match Limited::new(body, 4096).collect().await {
        Ok(collected) => String::from_utf8_lossy(&collected.to_bytes()).into_owned(),
        Err(_) => String::new(),
    };
    let unparsable = parts.status == StatusCode::UNSUPPORTED_MEDIA_TYPE && text.contains("deserialize");
    let (status, code) = if unparsable { (StatusCode::BAD_REQUEST, -32700) } else { (parts.status, -32600) };
    let text = if text.is_empty() { status.canonical_reason().unwrap_or("refused").to_owned() } else { text };
    let mut rewritten = json_rpc(status, code, &text);
    for (name, value) in &parts.headers {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            rewritten.headers_mut().insert(name, value.clone());
        }
    }
    rewritten
}

fn json_rpc(status: StatusCode, code: i32, message: &str) -> Response<Body> {
    let body = json!({ "jsonrpc": "2.0", "id": null, "error": { "code": code, "message": message } });
    (status, Json(body)).into_response()
}
