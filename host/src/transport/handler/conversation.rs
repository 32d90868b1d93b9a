//! One request of a client, to its end or to a question: what the guest tells meanwhile goes to the client, and so
//! does what it asks.
//!
//! A client of 2026-07-28 gets the questions as the result, and calls again. An older one is asked over the
//! connection, one question after the other, and the host calls again in its place, with the same sealed state. No call
//! is under way while a person is asked, so no deadline runs and no place is taken.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use rmcp::{
    RoleServer,
    model::InputRequest,
    service::{Peer, ServiceError},
};
use serde::Serialize;
use serde_json::Value;
use tokio::{sync::mpsc, time::timeout};

use super::{Client, Handler, meta, wire};
use crate::{
    ask::{Answers, Inquiry, PATIENCE},
    error::CallError,
    operation::{Operation, Outcome},
    request::{CallId, CallRequest, Credentials, Event, Events, Listing},
};

/// What a client asks for, and what it brings.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) operation: Operation,
    pub(super) answers: Option<Answers>,
    /// Answers to what was not asked yet; they are used when it is.
    pub(super) early: BTreeMap<String, Value>,
}

impl Attempt {
    /// An attempt with what its request says of an earlier one.
    pub(super) fn new(
        operation: Operation,
        state: Option<String>,
        responses: Option<BTreeMap<String, Value>>,
    ) -> Self {
        let responses = responses.unwrap_or_default();
        match state {
            Some(state) => {
                Self { operation, answers: Some(Answers { state, responses }), early: BTreeMap::new() }
            }
            None => Self { operation, answers: None, early: responses },
        }
    }
}

impl Handler {
    /// Runs an operation until it has a result, or asks what only the client can answer.
    pub(super) async fn converse(
        &self,
        attempt: Attempt,
        client: &Client,
    ) -> (CallId, Result<Outcome, CallError>) {
        let Attempt { operation, mut answers, mut early } = attempt;
        let accepts = client.accepts;
        // Who cannot be asked is not called for again, and nothing has to be kept for that.
        let again = accepts.kinds().next().is_some().then(|| operation.clone());
        let mut operation = operation;
        loop {
            let id = CallId::new();
            // Boxed: rmcp moves its futures about, and a call's is large.
            let call = Box::pin(self.once(id, operation, answers.take(), client));
            let inquiry = match call.await {
                Ok(Outcome::Asked(inquiry)) => inquiry,
                other => return (id, other),
            };
            let next = self.asked(inquiry, std::mem::take(&mut early), client).await;
            (operation, answers) = match (next, &again) {
                (Ok(Next::Again(given)), Some(again)) => (again.clone(), Some(given)),
                (Ok(Next::Again(_)), None) => return (id, Err(CallError::InputUnavailable(accepts))),
                (Ok(Next::Return(inquiry)), _) => return (id, Ok(Outcome::Asked(inquiry))),
                (Err(error), _) => return (id, Err(error)),
            };
        }
    }

    async fn once(
        &self,
        id: CallId,
        operation: Operation,
        answers: Option<Answers>,
        client: &Client,
    ) -> Result<Outcome, CallError> {
        let (events, received) = self.events(client);
        let looks = self.listing() == Listing::Search && meta::answers(&operation);
        let request = CallRequest {
            id,
            credentials: Credentials::Established(self.caller.clone()),
            scope: self.scope.clone(),
            operation,
            answers,
            accepts: client.accepts,
            traceparent: client.traceparent.clone(),
            via: client.via(),
            events,
            cancelled: client.gone.clone(),
        };
        if looks {
            return reporting(self.host.look(request, meta::answer).boxed(), received, client).await;
        }
        // Most clients want to hear nothing. A call's future is large, and would be moved once more.
        match received {
            None => self.host.call(request).await,
            received => reporting(self.host.call(request).boxed(), received, client).await,
        }
    }

    /// Where what a guest tells goes, if its client wants any of it.
    pub(super) fn events(&self, client: &Client) -> (Events, Option<mpsc::Receiver<Event>>) {
        let level = if client.is_modern() {
            client.level
        } else {
            self.connection.as_ref().and_then(|connection| connection.level())
        };
        let progress = client.progress.is_some();
        let (events, received) =
            (progress || level.is_some()).then(|| Events::channel(progress, level)).unzip();
        (events.unwrap_or_default(), received)
    }

    /// Decides what becomes of a question: answers were brought along, the client gets it and calls again, or it is
    /// asked now.
    pub(super) async fn asked(
        &self,
        inquiry: Inquiry,
        mut early: BTreeMap<String, Value>,
        client: &Client,
    ) -> Result<Next, CallError> {
        if inquiry.questions.iter().all(|question| early.contains_key(&question.key)) {
            early.retain(|key, _| inquiry.questions.iter().any(|question| question.key == *key));
            return Ok(Next::Again(Answers { state: inquiry.state, responses: early }));
        }
        if client.is_modern() {
            return Ok(Next::Return(inquiry));
        }
        let Some(peer) = &client.peer else { return Err(CallError::InputUnavailable(client.accepts)) };
        let _seat = self.host.wait_for_person(&self.caller)?;
        let mut responses = BTreeMap::new();
        for question in &inquiry.questions {
            let request = wire::question(question)?;
            let answer = tokio::select! {
                answer = timeout(PATIENCE, ask(request, peer)) => answer,
                () = client.gone.cancelled() => return Err(CallError::Cancelled),
            };
            let method = question.kind.method();
            let answer = match answer {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => {
                    return Err(CallError::Failed(format!("the client did not answer `{method}`: {error}")));
                }
                Err(_) => return Err(CallError::Failed(format!("nobody answered `{method}` in time"))),
            };
            responses.insert(question.key.clone(), answer);
        }
        Ok(Next::Again(Answers { state: inquiry.state, responses }))
    }
}

/// What is done about a question.
pub(super) enum Next {
    /// The guest is called again, with these answers.
    Again(Answers),
    /// The client gets it.
    Return(Inquiry),
}

/// Asks a client over its connection.
async fn ask(request: InputRequest, peer: &Peer<RoleServer>) -> Result<Value, ServiceError> {
    fn value(answer: impl Serialize) -> Result<Value, ServiceError> {
        serde_json::to_value(answer).map_err(|_| ServiceError::UnexpectedResponse)
    }
    match request {
        InputRequest::Elicitation(request) => value(peer.create_elicitation(request.params).await?),
        InputRequest::CreateMessage(request) => value(peer.create_message(request.params).await?),
        InputRequest::ListRoots(_) => value(peer.list_roots().await?),
        _ => Err(ServiceError::UnexpectedResponse),
    }
}

/// Awaits a call while what its guest tells goes to the client.
pub(super) async fn reporting<T>(
    call: impl Future<Output = T>,
    events: Option<mpsc::Receiver<Event>>,
    client: &Client,
) -> T {
    let Some(mut events) = events else { return call.await };
    tokio::pin!(call);
    let result = loop {
        tokio::select! {
            result = &mut call => break result,
            Some(event) = events.recv() => client.tell(event).await,
        }
    };
    while let Ok(event) = events.try_recv() {
        client.tell(event).await;
    }
    result
}
