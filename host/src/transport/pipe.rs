//! HTTP+SSE, the transport of 2024-11-05, for clients that know no other: `GET /sse` opens a stream that says where
//! messages go, and everything comes back on it. The stream is the session: with it, both end.

use std::{io, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use rmcp::{
    RoleServer, ServiceExt as _,
    model::{ClientJsonRpcMessage, GetExtensions as _, JsonRpcMessage, ServerJsonRpcMessage},
    transport::Transport,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    body::{is_json, read},
    entry::{Answered, Entry, not_allowed},
    handler::Handler,
    http::json_rpc,
    message::{self, INVALID_REQUEST, Incoming, Malformed, Message},
    news::News,
    session::{Refused, Session, Sessions},
    sse,
};
use crate::auth::Caller;

/// Messages that wait, in each direction. A client that sends more than its session takes is told to come again; one
/// that reads less than it asked for is waited for, by its own session.
const WAITING: usize = 64;

/// Opens the stream.
pub(super) async fn open(State(entry): State<Arc<Entry>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(sessions) = &entry.pipes else { return not_served() };
    if let Err(refused) = entry.origins.check(&parts.uri, &parts.headers) {
        return *refused;
    }
    if parts.method != Method::GET {
        return not_allowed("GET");
    }
    stream(&entry, sessions).unwrap_or_else(|refused| *refused)
}

fn stream(entry: &Entry, sessions: &Arc<Sessions>) -> Answered {
    let handler = Handler::of_request().map_err(|error| {
        tracing::error!(%error, "a request without a caller");
        json_rpc(StatusCode::INTERNAL_SERVER_ERROR, -32603, "internal error")
    })?;
    let caller = handler.caller().clone();
    let (id, session) = sessions.begin_pipe(&caller).map_err(Refused::response)?;
    let stop = match sessions.listen(&caller, &session) {
        Ok(stop) => stop,
        Err(refused) => {
            // It was made a moment ago; nobody else can have ended it.
            let _ = sessions.end(&caller, &id);
            return Err(refused.response().into());
        }
    };
    let (to_service, inbox) = mpsc::channel(WAITING);
    let (outbox, answers) = mpsc::channel(WAITING);
    session.pipe(to_service);
    session.told.begin(&entry.host, &caller.tenant);
    let news = News::of(handler.listener(true));
    let service = handler.on(session.connection.clone()).only_legacy();
    let serving = service.serve_with_ct(Pipe { inbox, outbox }, stop.clone());
    tokio::spawn(async move {
        match serving.await {
            Ok(running) => drop(running.waiting().await),
            Err(error) => tracing::debug!(%error, "a client over HTTP+SSE did not begin"),
        }
    });
    let endpoint = format!("/messages?sessionId={id}");
    let first = sse::event(Some("endpoint"), None, endpoint.as_bytes());
    let open = Open { sessions: sessions.clone(), session, caller, id, stop, answers, news, began: false };
    Ok(sse::response(futures::stream::iter([first]).chain(open.events())))
}

/// Takes a message.
pub(super) async fn message(State(entry): State<Arc<Entry>>, request: Request) -> Response {
    let Some(sessions) = &entry.pipes else { return not_served() };
    take(&entry, sessions, request).await.unwrap_or_else(|refused| *refused)
}

async fn take(entry: &Entry, sessions: &Sessions, request: Request) -> Answered {
    let (parts, body) = request.into_parts();
    entry.origins.check(&parts.uri, &parts.headers)?;
    if parts.method != Method::POST {
        return Err(not_allowed("POST").into());
    }
    let caller = parts
        .extensions
        .get::<Caller>()
        .ok_or_else(|| json_rpc(StatusCode::UNAUTHORIZED, INVALID_REQUEST, "authentication is required"))?;
    let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let id = query.into_iter().find_map(|(name, value)| (name == "sessionId").then_some(value));
    let Some(id) = id else {
        let why = "sessionId is missing; GET /sse says where messages go";
        return Err(json_rpc(StatusCode::BAD_REQUEST, INVALID_REQUEST, why).into());
    };
    let session = sessions.find_pipe(caller, &id).map_err(Refused::response)?;
    is_json(&parts.headers)?;
    let body = read(&parts.headers, body, entry.body_bytes).await?;
    let malformed = |malformed: Malformed| Box::new(malformed.response());
    let Incoming::One(message) = message::read(&body).map_err(malformed)? else {
        return Err(malformed(Malformed::new(INVALID_REQUEST, "there are no batches over HTTP+SSE")));
    };
    let mut message = message.fit().and_then(Message::typed).map_err(malformed)?;
    if let JsonRpcMessage::Request(request) = &mut message {
        request.request.extensions_mut().insert(parts);
    }
    if session.pass(message) {
        return Ok((StatusCode::ACCEPTED, "Accepted").into_response());
    }
    let mut busy = json_rpc(StatusCode::SERVICE_UNAVAILABLE, INVALID_REQUEST, "the session is busy");
    busy.headers_mut().insert(header::RETRY_AFTER, 1.into());
    Err(busy.into())
}

fn not_served() -> Response<Body> {
    let why = "HTTP+SSE is not served here; speak Streamable HTTP at /mcp, or set server.legacy_sse";
    json_rpc(StatusCode::NOT_FOUND, INVALID_REQUEST, why)
}

/// rmcp's end of the two streams.
struct Pipe {
    inbox: mpsc::Receiver<ClientJsonRpcMessage>,
    outbox: mpsc::Sender<ServerJsonRpcMessage>,
}

impl Transport<RoleServer> for Pipe {
    type Error = io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let outbox = self.outbox.clone();
        async move { outbox.send(message).await.map_err(|_| io::ErrorKind::BrokenPipe.into()) }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.inbox.recv().await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.inbox.close();
        Ok(())
    }
}

/// An open stream. Its end is the session's.
struct Open {
    sessions: Arc<Sessions>,
    session: Arc<Session>,
    caller: Caller,
    id: String,
    stop: CancellationToken,
    answers: mpsc::Receiver<ServerJsonRpcMessage>,
    news: News,
    /// Before the first answer, `initialize`'s, there is no news.
    began: bool,
}

impl Open {
    fn events(self) -> impl Stream<Item = Bytes> + Send + 'static {
        futures::stream::unfold(self, async |mut open| {
            let Self { session, stop, answers, news, began, .. } = &mut open;
            let message = tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                answer = answers.recv() => {
                    *began = true;
                    answer?
                }
                next = news.next(&session.connection, &session.told), if *began => {
                    ServerJsonRpcMessage::notification(next?)
                }
            };
            let text = serde_json::to_vec(&message).ok()?;
            Some((sse::event(Some("message"), None, &text), open))
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.session.unlisten(&self.stop);
        // If it has expired there is nothing left to end.
        let _ = self.sessions.end(&self.caller, &self.id);
    }
}
