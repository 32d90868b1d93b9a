//! Serves one request of a client with rmcp: a service loop for as long as the request lasts, on a transport of ours.
//! What the handler sends goes to the request's [`Call`]; what the client answers comes from there.

use std::{io, sync::Arc};

use axum::http::request::Parts;
use rmcp::{
    RoleServer,
    model::{
        ClientJsonRpcMessage, ClientRequest, GetExtensions as _, InitializeRequestParams, JsonRpcMessage,
        JsonRpcRequest, RequestId, ServerJsonRpcMessage, ServerNotification,
    },
    service::{Service, serve_directly_with_ct},
    transport::Transport,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    call::{Call, Reply, Sent},
    message::{INVALID_REQUEST, Malformed},
    session::{Running, Session},
};

/// Who asks, and how it is answered.
#[derive(Clone)]
pub(super) struct Asking<S> {
    pub(super) handler: S,
    /// What the client said of itself at `initialize`.
    pub(super) client: InitializeRequestParams,
    pub(super) parts: Parts,
    /// None of a request that stands for itself.
    pub(super) session: Option<Arc<Session>>,
    /// Whether it can be asked something, or told something, before it is answered.
    pub(super) talks: bool,
}

/// Starts serving a request.
///
/// # Errors
/// When the session has a request of the same id under way: it could not be told which one is answered.
pub(super) fn serve<S: Service<RoleServer>>(
    asking: Asking<S>,
    mut request: JsonRpcRequest<ClientRequest>,
) -> Result<Arc<Call>, Malformed> {
    let stop = CancellationToken::new();
    let (call, inbox) = Call::new(stop.clone());
    let id = request.id.clone();
    let running = match &asking.session {
        None => None,
        Some(session) => Some(session.start(&id, &call).ok_or_else(|| {
            let id = serde_json::to_value(&id).unwrap_or_default();
            Malformed::new(INVALID_REQUEST, "a request with this id is under way").of(id)
        })?),
    };
    request.request.extensions_mut().insert(asking.parts);
    let wire = Wire {
        call: call.clone(),
        first: Some(JsonRpcMessage::Request(request)),
        inbox,
        answered: CancellationToken::new(),
        session: asking.session.filter(|_| asking.talks),
        talks: asking.talks,
        asked: Vec::new(),
        running,
    };
    let service = serve_directly_with_ct(asking.handler, wire, Some(asking.client), stop);
    let served = call.clone();
    tokio::spawn(async move {
        // However it ends: its record says more than rmcp does.
        let _ = service.waiting().await;
        served.end();
    });
    Ok(call)
}

/// The transport of one request.
struct Wire {
    call: Arc<Call>,
    first: Option<ClientJsonRpcMessage>,
    inbox: mpsc::UnboundedReceiver<Sent>,
    answered: CancellationToken,
    session: Option<Arc<Session>>,
    talks: bool,
    /// What rmcp calls a request to the client, and what the client does.
    asked: Vec<(RequestId, u64)>,
    /// Until it is answered: a client that has the answer may use its id again.
    running: Option<Running>,
}

impl Wire {
    /// Gives a message to the call.
    fn put(&mut self, mut message: ServerJsonRpcMessage) -> io::Result<()> {
        let is = match &mut message {
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => Reply::Response,
            JsonRpcMessage::Notification(_) if !self.talks => return Ok(()),
            JsonRpcMessage::Notification(notification) => {
                if let ServerNotification::CancelledNotification(cancelled) = &mut notification.notification {
                    let known = cancelled.params.request_id.as_mut().and_then(|id| {
                        let place = self.asked.iter().position(|(ours, _)| ours == id)?;
                        let (_, number) = self.asked.swap_remove(place);
                        *id = wire_id(number);
                        Some(number)
                    });
                    if let (Some(session), Some(number)) = (&self.session, known) {
                        session.answer(number);
                    }
                }
                Reply::Notification
            }
            JsonRpcMessage::Request(request) => {
                let Some(session) = &self.session else {
                    return Err(io::Error::other("nobody can be asked over this request"));
                };
                // rmcp counts in each of its loops; in the session, and wherever it goes on, the id must be one.
                let number = session.ask(&self.call, request.id.clone());
                self.asked.push((std::mem::replace(&mut request.id, wire_id(number)), number));
                Reply::Request
            }
        };
        if is == Reply::Response {
            self.running = None;
        }
        self.call.push(is, &message)?;
        if is == Reply::Response {
            self.answered.cancel();
        }
        Ok(())
    }
}

fn wire_id(number: u64) -> RequestId {
    RequestId::Number(i64::try_from(number).unwrap_or(i64::MAX))
}

impl Transport<RoleServer> for Wire {
    type Error = io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        std::future::ready(self.put(message))
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        tokio::select! {
            biased;
            () = self.answered.cancelled() => None,
            sent = self.inbox.recv() => match sent? {
                Sent::Message(message) => Some(*message),
                Sent::End => None,
            },
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        if let Some(session) = &self.session {
            for (_, number) in self.asked.drain(..) {
                session.answer(number);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(deprecated, reason = "legacy clients have roots")]

    use axum::http::Request;
    use rmcp::{
        ServerHandler,
        model::{
            CallToolRequest, CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities,
            ContentBlock, ErrorData, Implementation, ProtocolVersion,
        },
        service::RequestContext,
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        auth::tests::caller,
        config::{sessions::Sessions as Limits, telemetry},
        limit::streams::Streams,
        metrics::Metrics,
        seal::Sealer,
        transport::{answer, session::Sessions},
    };

    /// Asks its client for roots, and says how many there are.
    #[derive(Clone)]
    struct Asker;

    impl ServerHandler for Asker {
        async fn call_tool(
            &self,
            _: CallToolRequestParams,
            context: RequestContext<RoleServer>,
        ) -> Result<CallToolResponse, ErrorData> {
            let text = tokio::select! {
                asked = context.peer.list_roots() => match asked {
                    Ok(roots) => format!("{} roots", roots.roots.len()),
                    Err(error) => error.to_string(),
                },
                () = context.ct.cancelled() => "cancelled".to_owned(),
            };
            Ok(CallToolResponse::Complete(CallToolResult::success(vec![ContentBlock::text(text)])))
        }
    }

    fn session() -> Arc<Session> {
        let metrics = Metrics::new(&telemetry::Metrics::default(), ("runtime", "0"));
        let sealer = std::sync::Arc::new(Sealer::new(&[]).unwrap());
        let sealer = crate::transport::session::CurrentSealer(Box::new(move || sealer.clone()));
        let streams = Streams::new(1, 1, metrics.clone());
        let sessions = Sessions::new(Limits::default(), sealer, metrics, streams, CancellationToken::new());
        sessions.begin(&caller("acme", "alice"), &client()).unwrap().1
    }

    fn client() -> InitializeRequestParams {
        let mut client =
            InitializeRequestParams::new(ClientCapabilities::default(), Implementation::new("t", "1"));
        client.protocol_version = ProtocolVersion::V_2025_06_18;
        client
    }

    fn ask(session: &Arc<Session>, id: i64, talks: bool) -> Arc<Call> {
        let (parts, ()) = Request::new(()).into_parts();
        let session = Some(session.clone());
        let asking = Asking { handler: Asker, client: client(), parts, session, talks };
        let request = CallToolRequest::new(CallToolRequestParams::new("ask"));
        serve(asking, JsonRpcRequest::new(RequestId::Number(id), request.into())).unwrap()
    }

    async fn next(events: &mut crate::transport::call::Events) -> Option<Value> {
        Some(serde_json::from_slice(&events.next().await?.1).unwrap())
    }

    fn say(session: &Session, message: Value) -> Result<(), i32> {
        answer::take(session, serde_json::from_value(message).unwrap()).map_err(|malformed| malformed.code)
    }

    fn text(answer: &Value) -> &str {
        answer["result"]["content"][0]["text"].as_str().unwrap()
    }

    #[tokio::test]
    async fn what_is_asked_of_a_client_is_answered_by_another_request_of_its_session_and_of_no_other() {
        let (session, other) = (session(), session());
        let calls = [ask(&session, 1, true), ask(&session, 2, true)];
        let mut events = calls.each_ref().map(|call| call.read(0));
        let mut asked = Vec::new();
        for events in &mut events {
            let request = next(events).await.unwrap();
            assert_eq!(request["method"], json!("roots/list"));
            asked.push(request["id"].clone());
        }
        // rmcp calls both of them 0.
        assert_ne!(asked[0], asked[1]);
        let roots =
            |id: &Value, roots: Value| json!({ "jsonrpc": "2.0", "id": id, "result": { "roots": roots } });
        assert_eq!(say(&other, roots(&asked[0], json!([]))), Err(INVALID_REQUEST));
        let [first, second] = &mut events;
        let as_text = json!(asked[1].to_string());
        assert_eq!(say(&session, roots(&as_text, json!([{ "uri": "file:///a" }]))), Ok(()));
        assert_eq!(text(&next(second).await.unwrap()), "1 roots");
        let error = json!({ "jsonrpc": "2.0", "id": asked[0], "error": { "code": -1, "message": "no" } });
        assert_eq!(say(&session, error), Ok(()));
        assert!(text(&next(first).await.unwrap()).contains("no"));
        // Once.
        assert_eq!(say(&session, roots(&asked[0], json!([]))), Err(INVALID_REQUEST));
        assert_eq!((next(first).await, next(second).await), (None, None));
    }

    #[tokio::test]
    async fn a_call_that_is_cancelled_has_no_response_and_asks_no_more() {
        let session = session();
        let call = ask(&session, 1, true);
        let mut events = call.read(0);
        let asked = next(&mut events).await.unwrap()["id"].clone();
        let cancelled = |id: i64| {
            let params = json!({ "requestId": id });
            json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params })
        };
        assert_eq!(say(&session, cancelled(2)), Ok(()));
        assert_eq!(say(&session, cancelled(1)), Ok(()));
        assert_eq!(next(&mut events).await, None);
        let late = json!({ "jsonrpc": "2.0", "id": asked, "result": { "roots": [] } });
        assert_eq!(say(&session, late), Err(INVALID_REQUEST));
    }

    #[tokio::test]
    async fn a_request_over_which_nobody_can_be_asked_says_so() {
        let call = ask(&session(), 1, false);
        let answer = next(&mut call.read(0)).await.unwrap();
        assert!(text(&answer).contains("nobody can be asked over this request"), "{answer}");
    }
}
