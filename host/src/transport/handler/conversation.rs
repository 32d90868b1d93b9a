//! One request of a client, to its end or to a question: what the guest tells meanwhile goes to the client, and so
//! does what it asks.
//!
//! A client of 2026-07-28 gets the questions as the result, and calls again. An older one is asked over the
//! connection, one question after the other, and the host calls again in its place, with the same sealed state. No call
//! is under way while a person is asked, so no deadline runs and no place is taken.

use std::collections::BTreeMap;

use rmcp::{
    RoleServer,
    model::{InputRequest, LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken},
    service::{RequestContext, ServiceError},
};
use serde::Serialize;
use serde_json::Value;
use tokio::{sync::mpsc, time::timeout};

use super::{Handler, is_modern, meta, traceparent, via, wire};
use crate::{
    ask::{Accepts, Answers, Inquiry, PATIENCE},
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
        context: &RequestContext<RoleServer>,
    ) -> (CallId, Result<Outcome, CallError>) {
        let Attempt { operation, mut answers, mut early } = attempt;
        let accepts = self.accepts(context);
        // Who cannot be asked is not called for again, and nothing has to be kept for that.
        let again = accepts.kinds().next().is_some().then(|| operation.clone());
        let mut operation = operation;
        loop {
            let id = CallId::new();
            // Boxed: rmcp moves its futures about, and a call's is large.
            let call = Box::pin(self.once(id, operation, answers.take(), accepts, context));
            let inquiry = match call.await {
                Ok(Outcome::Asked(inquiry)) => inquiry,
                other => return (id, other),
            };
            let next = self.asked(inquiry, std::mem::take(&mut early), context).await;
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
        accepts: Accepts,
        context: &RequestContext<RoleServer>,
    ) -> Result<Outcome, CallError> {
        let (events, received, token) = self.events(context);
        let looks = self.listing() == Listing::Search && meta::answers(&operation);
        let request = CallRequest {
            id,
            credentials: Credentials::Established(self.caller.clone()),
            scope: self.scope.clone(),
            operation,
            answers,
            accepts,
            traceparent: traceparent(context),
            via: via(context),
            events,
            cancelled: context.ct.clone(),
        };
        let call = async {
            if looks { self.host.look(request, meta::answer).await } else { self.host.call(request).await }
        };
        reporting(call, received, token, context).await
    }

    /// Where what a guest tells goes, if its client wants any of it; and which progress.
    pub(super) fn events(
        &self,
        context: &RequestContext<RoleServer>,
    ) -> (Events, Option<mpsc::Receiver<Event>>, Option<ProgressToken>) {
        let token = context.meta.get_progress_token();
        let level = if is_modern(context) {
            context.meta.log_level().map(wire::level)
        } else {
            self.connection.as_ref().and_then(|connection| connection.level())
        };
        let wanted = token.is_some() || level.is_some();
        let (events, received) = wanted.then(|| Events::channel(token.is_some(), level)).unzip();
        (events.unwrap_or_default(), received, token)
    }

    /// Decides what becomes of a question: answers were brought along, the client gets it and calls again, or it is
    /// asked now.
    pub(super) async fn asked(
        &self,
        inquiry: Inquiry,
        mut early: BTreeMap<String, Value>,
        context: &RequestContext<RoleServer>,
    ) -> Result<Next, CallError> {
        if inquiry.questions.iter().all(|question| early.contains_key(&question.key)) {
            early.retain(|key, _| inquiry.questions.iter().any(|question| question.key == *key));
            return Ok(Next::Again(Answers { state: inquiry.state, responses: early }));
        }
        if is_modern(context) {
            return Ok(Next::Return(inquiry));
        }
        let _seat = self.host.wait_for_person(&self.caller)?;
        let mut responses = BTreeMap::new();
        for question in &inquiry.questions {
            let request = wire::question(question)?;
            let answer = tokio::select! {
                answer = timeout(PATIENCE, ask(request, context)) => answer,
                () = context.ct.cancelled() => return Err(CallError::Cancelled),
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
async fn ask(request: InputRequest, context: &RequestContext<RoleServer>) -> Result<Value, ServiceError> {
    fn value(answer: impl Serialize) -> Result<Value, ServiceError> {
        serde_json::to_value(answer).map_err(|_| ServiceError::UnexpectedResponse)
    }
    let peer = &context.peer;
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
    token: Option<ProgressToken>,
    context: &RequestContext<RoleServer>,
) -> T {
    let Some(mut events) = events else { return call.await };
    let report = async |event| {
        let told = match event {
            Event::Progress { done, total, message } => {
                let Some(token) = token.clone() else { return };
                let mut progress = ProgressNotificationParam::new(token, done);
                progress.total = total;
                progress.message = message;
                context.peer.notify_progress(progress).await
            }
            Event::Log { logger, level, message, data } => {
                let mut line = LoggingMessageNotificationParam::new(
                    wire::logging_level(level),
                    wire::log_data(message, data),
                );
                line.logger = Some(logger.to_string());
                context.peer.notify_logging_message(line).await
            }
        };
        if let Err(error) = told {
            tracing::debug!(%error, "an event cannot be delivered");
        }
    };
    tokio::pin!(call);
    let result = loop {
        tokio::select! {
            result = &mut call => break result,
            Some(event) = events.recv() => report(event).await,
        }
    };
    while let Ok(event) = events.try_recv() {
        report(event).await;
    }
    result
}
