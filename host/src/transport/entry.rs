//! Where MCP over HTTP comes in, after authentication: Host and Origin, the body, what it says, and who answers. A
//! request that stands for itself is rmcp's; what belongs to a session, and batches, are served here.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::FutureExt as _;
use http_body_util::Full;
use rmcp::{
    model::{InitializeRequestParams, JsonRpcMessage, ProtocolVersion},
    transport::streamable_http_server::{StreamableHttpService, session::never::NeverSessionManager},
};
use serde_json::Value;

use super::{
    answer::take,
    body::{accepted, accepts, is_json, read, text},
    call::{Reply, parse_event_id},
    direct::{self, Way},
    exchange::{Asking, serve},
    handler::{Handler, Written, asking},
    http::json_rpc,
    message::{self, INVALID_REQUEST, Incoming, Kind, Malformed, Message, is_modern},
    news::News,
    origin::Origins,
    session::{Refused, Session, Sessions},
    sse,
    stream::{self, Listening},
};
use crate::call::Host;

/// The header that names a session, and the one that names a version.
const SESSION: &str = "mcp-session-id";
const VERSION: &str = "mcp-protocol-version";
/// What serves MCP over HTTP.
pub(super) struct Entry {
    pub(super) host: Arc<Host>,
    pub(super) origins: Origins,
    pub(super) body_bytes: usize,
    /// None if every request stands for itself.
    pub(super) sessions: Option<Arc<Sessions>>,
    /// None if HTTP+SSE is not served.
    pub(super) pipes: Option<Arc<Sessions>>,
    /// Whether what can be is answered without rmcp's service loop.
    pub(super) direct: bool,
    pub(super) written: Written,
    pub(super) stateless: StreamableHttpService<Handler, NeverSessionManager>,
}

/// Boxed: a response is large, and these are rare.
pub(super) type Answered = Result<Response, Box<Response>>;

pub(super) fn not_allowed(allowed: &'static str) -> Response {
    let mut response = json_rpc(StatusCode::METHOD_NOT_ALLOWED, INVALID_REQUEST, "Method Not Allowed");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

impl Entry {
    /// Answers a request to `/mcp` or `/mcp/{service}`.
    pub(super) async fn mcp(&self, handler: Handler, request: Request) -> Response {
        if let Err(refused) = self.origins.check(request.uri(), request.headers()) {
            return *refused;
        }
        let (parts, body) = request.into_parts();
        let answered = match (&parts.method, &self.sessions) {
            (&Method::POST, _) => self.post(handler, parts, body).await,
            (&Method::GET, Some(sessions)) => self.get(sessions, &handler, &parts),
            (&Method::DELETE, Some(sessions)) => self.delete(sessions, &handler, &parts),
            (_, Some(_)) => Ok(not_allowed("GET, POST, DELETE")),
            (_, None) => Ok(not_allowed("POST")),
        };
        answered.unwrap_or_else(|refused| *refused)
    }

    async fn post(&self, handler: Handler, parts: Parts, body: Body) -> Answered {
        is_json(&parts.headers)?;
        let body = read(&parts.headers, body, self.body_bytes).await?;
        let malformed = |malformed: Malformed| Box::new(malformed.response());
        match message::read(&body).map_err(malformed)? {
            Incoming::One(message) => self.one(handler, parts, message, body).await,
            Incoming::Many(messages) => self.many(handler, parts, messages).boxed().await,
        }
    }

    /// Answers one message. What is rare is boxed: a future is moved with all it may ever hold.
    async fn one(&self, handler: Handler, parts: Parts, message: Message, body: Bytes) -> Answered {
        let malformed = |malformed: Malformed| Box::new(malformed.response());
        let initializes = message.method() == Some("initialize") && !message.version().is_some_and(is_modern);
        let modern = message.version().is_some() || text(&parts.headers, VERSION).is_some_and(is_modern);
        match (&self.sessions, text(&parts.headers, SESSION)) {
            (Some(sessions), _) if initializes => {
                self.initialize(sessions, handler, parts, message.fit().map_err(malformed)?).boxed().await
            }
            (Some(sessions), Some(id)) if !modern => {
                let message = message.fit().map_err(malformed)?;
                known_version(&parts.headers)?;
                let (session, client) = Self::find(sessions, &handler, id)?;
                self.in_session(sessions, handler, parts, message, session, client).boxed().await
            }
            _ => self.alone(handler, parts, message, body).await,
        }
    }

    /// Answers a message that stands for itself.
    async fn alone(&self, handler: Handler, parts: Parts, message: Message, body: Bytes) -> Answered {
        let malformed = |malformed: Malformed| Box::new(malformed.response());
        let way = if self.direct {
            direct::way(&parts, &handler, message).map_err(malformed)?
        } else {
            Way::Rmcp(message)
        };
        match way {
            Way::Direct(request) => Ok(request.answer(handler, &self.written).await),
            Way::Rmcp(message) => {
                message.fit().map_err(malformed)?;
                let request = Request::from_parts(parts, Full::new(body));
                Ok(asking(handler, self.stateless.handle(request)).boxed().await.map(Body::new))
            }
        }
    }

    /// Answers a message of a session.
    async fn in_session(
        &self,
        sessions: &Sessions,
        handler: Handler,
        parts: Parts,
        message: Message,
        session: Arc<Session>,
        client: InitializeRequestParams,
    ) -> Answered {
        let accepts_json = accepts(&parts.headers)?;
        let id = message.id();
        let typed = message.typed().map_err(|malformed| malformed.response())?;
        let request = match typed {
            JsonRpcMessage::Request(request) => request,
            other => {
                take(&session, other).map_err(Malformed::response)?;
                return Ok(StatusCode::ACCEPTED.into_response());
            }
        };
        let polls = sessions.limits().poll_after.filter(|_| primes(&client.protocol_version));
        let primed = primes(&client.protocol_version);
        let asking = Asking {
            handler: handler.on(session.connection.clone()),
            client,
            parts,
            session: Some(session.clone()),
            talks: true,
        };
        let call = serve(asking, request).map_err(|malformed| malformed.of(id).response())?;
        let until = polls.map(|after| tokio::time::Instant::now() + after);
        let mut events = call.read(0);
        let first = match until {
            None => Ok(events.next().await),
            Some(until) => tokio::time::timeout_at(until, events.next()).await,
        };
        match first {
            Ok(Some((Reply::Response, answer))) if accepts_json => Ok(as_json(answer)),
            // Told or asked something first, or wanted as a stream.
            Ok(Some(_)) => {
                events.back();
                Ok(stream::of_call(session, events, primed.then_some(0), until))
            }
            // Cancelled: there is no response, or it is time to come back for it.
            Ok(None) | Err(_) => Ok(stream::of_call(session, events, primed.then_some(0), until)),
        }
    }

    /// Begins a session.
    async fn initialize(
        &self,
        sessions: &Sessions,
        handler: Handler,
        parts: Parts,
        message: Message,
    ) -> Answered {
        let accepts_json = accepts(&parts.headers)?;
        let id = message.id();
        let malformed = |malformed: Malformed| Box::new(malformed.response());
        let JsonRpcMessage::Request(request) = message.typed().map_err(malformed)? else {
            return Err(malformed(Malformed::new(INVALID_REQUEST, "initialize needs an `id`")));
        };
        let rmcp::model::ClientRequest::InitializeRequest(initialize) = &request.request else {
            return Err(malformed(Malformed::new(INVALID_REQUEST, "initialize cannot be read").of(id)));
        };
        let mut client = initialize.params.clone();
        let caller = handler.caller().clone();
        // Nothing is set up yet; that there is a place for it changes what the server says it can do.
        let handler = handler.on(Arc::default());
        let asking = Asking { handler, client: client.clone(), parts, session: None, talks: false };
        let call = serve(asking, request).map_err(malformed)?;
        let _stop = call.stop.clone().drop_guard();
        let Some((_, answer)) = call.read(0).next().await else {
            return Err(json_rpc(StatusCode::INTERNAL_SERVER_ERROR, -32603, "no answer").into());
        };
        let agreed = serde_json::from_slice::<Value>(&answer).unwrap_or_default();
        let version = agreed.pointer("/result/protocolVersion").cloned().unwrap_or_default();
        let Ok(version) = serde_json::from_value::<ProtocolVersion>(version) else {
            return Ok(as_json(answer)); // an error
        };
        client.protocol_version = version;
        let (id, session) = sessions.begin(&caller, &client).map_err(Refused::response)?;
        session.told.begin(&self.host, &caller.tenant);
        let mut response = if accepts_json {
            as_json(answer)
        } else {
            sse::response(futures::stream::once(async move { sse::event(None, None, &answer) }))
        };
        if let Ok(id) = id.try_into() {
            response.headers_mut().insert(SESSION, id);
        }
        Ok(response)
    }

    /// Answers a batch.
    async fn many(
        &self,
        handler: Handler,
        parts: Parts,
        messages: Vec<Result<Message, Malformed>>,
    ) -> Answered {
        let (session, client) = match (&self.sessions, text(&parts.headers, SESSION)) {
            (Some(sessions), Some(id)) => {
                let (session, client) = Self::find(sessions, &handler, id)?;
                (Some(session), client)
            }
            _ => {
                let version = known_version(&parts.headers)?.unwrap_or(ProtocolVersion::V_2025_03_26);
                let mut client = InitializeRequestParams::default();
                client.protocol_version = version;
                (None, client)
            }
        };
        if client.protocol_version != ProtocolVersion::V_2025_03_26 {
            let why = format!("batches are of 2025-03-26, not of {}", client.protocol_version);
            return Err(Malformed::new(INVALID_REQUEST, why).response().into());
        }
        accepts(&parts.headers)?;
        let handler = match &session {
            Some(session) => handler.on(session.connection.clone()),
            None => handler,
        };
        let asking = Asking { handler, client, parts, session, talks: false };
        let answers =
            futures::future::join_all(messages.into_iter().map(|message| element(&asking, message)));
        let answers: Vec<Value> = answers.await.into_iter().flatten().collect();
        if answers.is_empty() {
            return Ok(StatusCode::ACCEPTED.into_response());
        }
        Ok(Json(answers).into_response())
    }

    /// Lets a client listen, or fetch what it missed of a call.
    fn get(&self, sessions: &Arc<Sessions>, handler: &Handler, parts: &Parts) -> Answered {
        let (session, client) = Self::named(sessions, handler, &parts.headers)?;
        if !accepted(&parts.headers).1 {
            let why = "the client must accept text/event-stream";
            return Err(json_rpc(StatusCode::NOT_ACCEPTABLE, INVALID_REQUEST, why).into());
        }
        if let Some(last) = text(&parts.headers, "last-event-id") {
            let kept = parse_event_id(last).and_then(|(call, event)| Some((session.kept(call)?, event)));
            let Some((call, event)) = kept else {
                let why = "there is nothing to resume: the event is not known, or too long ago";
                return Err(json_rpc(StatusCode::BAD_REQUEST, INVALID_REQUEST, why).into());
            };
            let until = sessions.limits().poll_after.map(|after| tokio::time::Instant::now() + after);
            let primed = primes(&client.protocol_version).then_some(event);
            return Ok(stream::of_call(session, call.read(event), primed, until));
        }
        let stop = sessions.listen(handler.caller(), &session).map_err(Refused::response)?;
        let listening = Listening { news: News::of(handler.listener(true)), session, stop };
        Ok(sse::response(listening.events()))
    }

    /// Ends a session.
    fn delete(&self, sessions: &Sessions, handler: &Handler, parts: &Parts) -> Answered {
        let id = session_id(&parts.headers)?;
        sessions.end(handler.caller(), id).map_err(Refused::response)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    fn named(
        sessions: &Sessions,
        handler: &Handler,
        headers: &HeaderMap,
    ) -> Result<(Arc<Session>, InitializeRequestParams), Box<Response>> {
        known_version(headers)?;
        Self::find(sessions, handler, session_id(headers)?)
    }

    fn find(
        sessions: &Sessions,
        handler: &Handler,
        id: &str,
    ) -> Result<(Arc<Session>, InitializeRequestParams), Box<Response>> {
        Ok(sessions.find(handler.caller(), id).map_err(Refused::response)?)
    }
}

/// Answers a message of a batch; nothing if there is nothing to answer.
async fn element(asking: &Asking<Handler>, message: Result<Message, Malformed>) -> Option<Value> {
    let message = match message {
        Ok(message) => message,
        Err(malformed) => return Some(malformed.answer()),
    };
    let id = message.id();
    let refused = |why: &str| Some(Malformed::new(INVALID_REQUEST, why).of(id.clone()).answer());
    if message.method() == Some("initialize") {
        return refused("initialize is not for batches");
    }
    if message.kind() == Kind::Request && message.version().is_some() {
        return refused("a request that names its version is not for batches");
    }
    let request = match message.typed() {
        Ok(JsonRpcMessage::Request(request)) => request,
        Ok(other) => {
            let session = asking.session.as_ref()?;
            return take(session, other).err().map(Malformed::answer);
        }
        Err(malformed) => return Some(malformed.answer()),
    };
    let call = match serve(asking.clone(), request) {
        Ok(call) => call,
        Err(malformed) => return Some(malformed.answer()),
    };
    // Without a session nobody can come back for the answer.
    let _stop = asking.session.is_none().then(|| call.stop.clone().drop_guard());
    let (_, answer) = call.read(0).next().await?;
    serde_json::from_slice(&answer).ok()
}

fn as_json(answer: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], answer).into_response()
}

/// Whether streams begin with an event that names them. Clients of older versions stumble over it.
fn primes(version: &ProtocolVersion) -> bool {
    *version >= ProtocolVersion::V_2025_11_25
}

fn session_id(headers: &HeaderMap) -> Result<&str, Box<Response>> {
    let missing = || json_rpc(StatusCode::BAD_REQUEST, INVALID_REQUEST, "Mcp-Session-Id is missing").into();
    text(headers, SESSION).ok_or_else(missing)
}

/// The version a request names beside its body.
fn known_version(headers: &HeaderMap) -> Result<Option<ProtocolVersion>, Box<Response>> {
    let Some(value) = headers.get(VERSION) else { return Ok(None) };
    let known =
        ProtocolVersion::KNOWN_VERSIONS.iter().find(|known| value.as_bytes() == known.as_str().as_bytes());
    let why = "MCP-Protocol-Version names no version that is known here";
    let unknown = || json_rpc(StatusCode::BAD_REQUEST, INVALID_REQUEST, why).into();
    known.cloned().map(Some).ok_or_else(unknown)
}
