//! The methods clients ask for most, answered without rmcp's service loop, which runs tasks and channels for
//! every request.
//!
//! Only requests that stand for themselves and are beyond doubt come this way; what is odd in any way, or wants to be
//! told something before its answer, is rmcp's. The answers are made of rmcp's types by the same [`Handler`], so they
//! are the same bytes either way; `tests/all/direct.rs` holds the two against each other.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use futures::{FutureExt as _, future::BoxFuture};
use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ErrorCode, ErrorData, JsonRpcMessage, PaginatedRequestParams,
    ProtocolVersion, RequestId, ServerJsonRpcMessage, ServerResult,
};
use serde::Deserialize as _;
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{
    body::text,
    handler::{Client, Handler, Written},
    http::json_rpc,
    message::{Kind, Malformed, Message, is_modern},
    wire,
};

/// What is asked for.
#[derive(Debug)]
pub(super) enum Asked {
    /// `tools/call`.
    Call(CallToolRequestParams),
    /// `tools/list`.
    List(Option<PaginatedRequestParams>),
    /// `server/discover`.
    Discover,
    /// `ping`.
    Ping,
}

/// A request that can be answered directly.
pub(super) struct Direct {
    id: RequestId,
    asked: Asked,
    client: Client,
}

/// The way a request goes.
pub(super) enum Way {
    Direct(Box<Direct>),
    Rmcp(Message),
}

/// Chooses the way of a request.
///
/// # Errors
/// When its params do not fit its method.
pub(super) fn way(parts: &Parts, handler: &Handler, message: Message) -> Result<Way, Malformed> {
    let Some(client) = plain(&parts.headers, handler, &message) else { return Ok(Way::Rmcp(message)) };
    let method = message.method().unwrap_or_default().to_owned();
    let (id, params) = message.into_request();
    let misfit = |misfit| Malformed::unfit(&method, &misfit).of(id.clone());
    let asked = asked(&method, params).map_err(misfit)?;
    let id = RequestId::deserialize(&id).map_err(misfit)?;
    Ok(Way::Direct(Box::new(Direct { id, asked, client })))
}

fn asked(method: &str, params: Option<Map<String, Value>>) -> Result<Asked, serde_json::Error> {
    let params = params.map(Value::Object);
    match method {
        "tools/call" => CallToolRequestParams::deserialize(params.unwrap_or_default()).map(Asked::Call),
        "tools/list" => params.map(PaginatedRequestParams::deserialize).transpose().map(Asked::List),
        "server/discover" => Ok(Asked::Discover),
        _ => Ok(Asked::Ping),
    }
}

/// The client of a request about which there is no doubt. What is checked here is what rmcp checks; what does not
/// pass is left to it, and to its words.
fn plain(headers: &HeaderMap, handler: &Handler, message: &Message) -> Option<Client> {
    let method = message.method().filter(|_| message.kind() == Kind::Request)?;
    if !accepts_both(headers) {
        return None;
    }
    let none = Map::new();
    let meta = match message.params().and_then(|params| params.get("_meta")) {
        Some(meta) => meta.as_object()?,
        None => &none,
    };
    if meta.contains_key("progressToken") || meta.contains_key("io.modelcontextprotocol/logLevel") {
        return None;
    }
    let header = match headers.get("mcp-protocol-version") {
        Some(value) => Some(known(value.to_str().ok()?)?),
        None => None,
    };
    let capabilities = meta.get("io.modelcontextprotocol/clientCapabilities");
    let version = match (meta.get("io.modelcontextprotocol/protocolVersion"), header) {
        (Some(named), Some(header)) => {
            let is = named.as_str() == Some(header.as_str()) && is_modern(header.as_str());
            let fits = matches!(method, "tools/list" | "server/discover")
                || (method == "tools/call" && names(headers, handler, message));
            let told = single(headers, "mcp-method") == Some(method);
            (is && fits && told).then_some(header)?
        }
        (None, header) => {
            let version = header.unwrap_or(&ProtocolVersion::V_2025_03_26);
            let is = !is_modern(version.as_str()) && capabilities.is_none();
            (is && matches!(method, "tools/call" | "tools/list" | "ping")).then_some(version)?
        }
        (Some(_), None) => return None,
    };
    let capabilities = match capabilities {
        Some(capabilities) => Some(ClientCapabilities::deserialize(capabilities).ok()?),
        None if is_modern(version.as_str()) => return None,
        None => None,
    };
    let accepts = wire::accepts(capabilities);
    if accepts.tasks {
        return None; // its call may outlive the request
    }
    let traceparent =
        meta.get("traceparent").and_then(Value::as_str).or_else(|| text(headers, "traceparent"));
    Some(Client::new(Some(version.clone()), accepts, traceparent, CancellationToken::new()))
}

/// Whether the headers of a `tools/call` say what its body does (SEP-2243).
fn names(headers: &HeaderMap, handler: &Handler, message: &Message) -> bool {
    let name = message.params().and_then(|params| params.get("name")?.as_str());
    // One that is encoded is rmcp's, and so are arguments that are to be repeated in headers.
    let same = single(headers, "mcp-name").is_some_and(|told| Some(told) == name && !told.starts_with('='));
    same && name.is_some_and(|name| !handler.has_header_arguments(name))
}

/// The value of a header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

fn known(version: &str) -> Option<&'static ProtocolVersion> {
    ProtocolVersion::KNOWN_VERSIONS.iter().find(|known| known.as_str() == version)
}

/// Whether the client takes JSON and streams, and says so without weights.
fn accepts_both(headers: &HeaderMap) -> bool {
    let (mut json, mut stream) = (false, false);
    for value in headers.get_all(header::ACCEPT) {
        let Ok(value) = value.to_str() else { return false };
        if value.contains([';', '"']) {
            return false;
        }
        for kind in value.split(',').map(str::trim) {
            json |= kind.eq_ignore_ascii_case("application/json");
            stream |= kind.eq_ignore_ascii_case("text/event-stream");
        }
    }
    json && stream
}

impl Direct {
    /// Answers the request.
    pub(super) async fn answer(self, handler: Handler, written: &Written) -> Response {
        let Self { id, asked, client } = self;
        if let Asked::List(params) = &asked
            && params.as_ref().is_none_or(|params| params.cursor.is_none())
            && let Ok(list) = handler.written_tools(written, &client)
            && let Ok(id) = serde_json::to_vec(&id)
        {
            let answer = [&br#"{"jsonrpc":"2.0","id":"#[..], &id, br#","result":"#, &list, b"}"].concat();
            return json(StatusCode::OK, answer);
        }
        let gone = client.gone().clone();
        let modern = client.is_modern();
        let answering = async move { handler.answer(asked, &client).await };
        let result = Attended { answering: Some(answering.boxed()), gone }.await;
        let status = match &result {
            Err(error) if modern => status(error),
            _ => StatusCode::OK,
        };
        let message: ServerJsonRpcMessage = match result {
            Ok(result) => JsonRpcMessage::response(result, id),
            Err(error) => JsonRpcMessage::error(error, Some(id)),
        };
        match serde_json::to_vec(&message) {
            Ok(body) => json(status, body),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written");
                json_rpc(StatusCode::INTERNAL_SERVER_ERROR, -32603, "internal error")
            }
        }
    }
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The HTTP status of an error, for clients of 2026-07-28 (transports, error responses).
fn status(error: &ErrorData) -> StatusCode {
    match error.code {
        ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY => StatusCode::BAD_REQUEST,
        ErrorCode::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    }
}

/// An answer for which a client waits. If the client goes away, the call hears of it and may tidy up: it goes on
/// without its connection for as long as the sandbox grants.
struct Attended {
    answering: Option<BoxFuture<'static, Result<ServerResult, ErrorData>>>,
    gone: CancellationToken,
}

impl Future for Attended {
    type Output = Result<ServerResult, ErrorData>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(answering) = &mut self.answering else { return Poll::Pending };
        let answer = std::task::ready!(answering.as_mut().poll(context));
        self.answering = None;
        Poll::Ready(answer)
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        let Some(answering) = self.answering.take() else { return };
        self.gone.cancel();
        // Without a runtime the process ends, and the call with it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(answering);
        }
    }
}
