//! The streams of a session: that of a call, which its client may lose and come back to, and the one on which a client
//! hears what it did not ask for.

use std::{sync::Arc, time::Duration};

use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use rmcp::model::ServerJsonRpcMessage;
use tokio_util::sync::CancellationToken;

use super::{call::Events, news::News, session::Session, sse};

/// When a client whose stream was closed is to come back.
const RETRY: Duration = Duration::from_secs(1);

/// The stream of a call: from where its reader is, after the event `primed`, to its end or to a moment.
pub(super) fn of_call(
    session: Arc<Session>,
    events: Events,
    primed: Option<u64>,
    until: Option<tokio::time::Instant>,
) -> Response {
    let call = events.call.clone();
    session.keep(&call);
    let priming = primed.map(|event| sse::priming(&call.event_id(event), RETRY));
    let until = until.filter(|_| primed.is_some());
    let end = async move {
        match until {
            Some(until) => tokio::time::sleep_until(until).await,
            None => std::future::pending().await,
        }
    };
    let reading = Reading { session, events };
    let events = futures::stream::unfold(reading, async |mut reading| {
        let event = reading.events.next_event().await?;
        Some((event, reading))
    });
    sse::response(futures::stream::iter(priming).chain(events.take_until(Box::pin(end))))
}

/// Somebody reads a call's events. Once all are read, the call need not be kept.
struct Reading {
    session: Arc<Session>,
    events: Events,
}

impl Drop for Reading {
    fn drop(&mut self) {
        if self.events.is_done() {
            self.session.forget(&self.events.call);
        }
    }
}

/// A client listens.
pub(super) struct Listening {
    pub(super) news: News,
    pub(super) session: Arc<Session>,
    pub(super) stop: CancellationToken,
}

impl Listening {
    /// What it hears.
    pub(super) fn events(self) -> impl Stream<Item = Bytes> + Send + 'static {
        futures::stream::unfold(self, async |mut listening| {
            let Self { news, session, stop, .. } = &mut listening;
            let next = tokio::select! {
                () = stop.cancelled() => return None,
                next = news.next(&session.connection, &session.told) => next?,
            };
            let message = ServerJsonRpcMessage::notification(next);
            let text = serde_json::to_vec(&message).ok()?;
            Some((sse::event(None, None, &text), listening))
        })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.session.unlisten(&self.stop);
    }
}
