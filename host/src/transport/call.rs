//! One request on its way through rmcp, and what comes of it: a response, and messages to the client before it. They
//! wait here for whoever reads them, so a client that is slow or gone delays nothing, and one that comes back gets
//! what it missed.

use std::{
    collections::VecDeque,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use rmcp::model::ServerJsonRpcMessage;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::sse;

/// Bytes of notifications that wait for a reader, or for one that comes back; then the oldest go. Requests and the
/// response always wait.
const WAITING: usize = 256 << 10;

/// Numbers that no other call or request has: they start anywhere, so that those of another process are others.
static NUMBERS: LazyLock<AtomicU64> = LazyLock::new(|| {
    // Half of what a JSON number holds exactly, so there is as much left to count up.
    AtomicU64::new(getrandom::u64().unwrap_or_default() >> 12)
});

/// The next of them; fits a JSON number.
pub(super) fn number() -> u64 {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// A request that is being served, or was.
#[derive(Debug)]
pub(super) struct Call {
    /// Which.
    pub(super) number: u64,
    /// Stops it.
    pub(super) stop: CancellationToken,
    /// What the client sends to it.
    pub(super) inbox: mpsc::UnboundedSender<Sent>,
    state: Mutex<State>,
}

/// What a message to the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Told, and not answered.
    Notification,
    /// A request to the client.
    Request,
    /// The end.
    Response,
}

/// What a client sends to a running call.
#[derive(Debug)]
pub(super) enum Sent {
    /// A message.
    Message(Box<rmcp::model::ClientJsonRpcMessage>),
    /// Nothing more is to come of it: it was cancelled.
    End,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Event>,
    /// Bytes of the notifications among them.
    bytes: usize,
    next: u64,
    ended: Option<Instant>,
    /// The reader; another one takes its place.
    reader: u64,
    waker: Option<Waker>,
}

#[derive(Clone, Debug)]
struct Event {
    number: u64,
    is: Reply,
    text: Bytes,
}

impl Call {
    /// A new call, and what the client sends to it.
    pub(super) fn new(stop: CancellationToken) -> (Arc<Self>, mpsc::UnboundedReceiver<Sent>) {
        let (inbox, received) = mpsc::unbounded_channel();
        (Arc::new(Self { number: number(), stop, inbox, state: Mutex::default() }), received)
    }

    /// Keeps a message for the client.
    pub(super) fn push(&self, is: Reply, message: &ServerJsonRpcMessage) -> Result<(), serde_json::Error> {
        let text = Bytes::from(serde_json::to_vec(message)?);
        let mut state = self.state();
        if is == Reply::Notification {
            state.bytes += text.len();
        }
        // The event 0 is the priming one.
        state.next += 1;
        let number = state.next;
        state.waiting.push_back(Event { number, is, text });
        while state.bytes > WAITING {
            let Some(oldest) = state.waiting.iter().position(|event| event.is == Reply::Notification) else {
                break;
            };
            let gone = state.waiting.remove(oldest).map_or(0, |event| event.text.len());
            state.bytes = state.bytes.saturating_sub(gone);
        }
        state.wake();
        Ok(())
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.ended.get_or_insert_with(Instant::now);
        state.wake();
    }

    /// When it ended.
    pub(super) fn ended(&self) -> Option<Instant> {
        self.state().ended
    }

    /// The events after one, for a reader that takes the place of any other.
    pub(super) fn read(self: &Arc<Self>, after: u64) -> Events {
        let mut state = self.state();
        state.reader += 1;
        state.wake();
        let reader = state.reader;
        drop(state);
        Events { call: self.clone(), reader, after }
    }

    /// The name of an event: no other event of any call has it.
    pub(super) fn event_id(&self, event: u64) -> String {
        format!("{:x}-{event:x}", self.number)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Call and event of an event's name.
pub(super) fn parse_event_id(text: &str) -> Option<(u64, u64)> {
    let (call, event) = text.split_once('-')?;
    Some((u64::from_str_radix(call, 16).ok()?, u64::from_str_radix(event, 16).ok()?))
}

/// What a reader sees of a call.
#[derive(Debug)]
pub(super) struct Events {
    pub(super) call: Arc<Call>,
    reader: u64,
    after: u64,
}

impl Events {
    /// The next message; none once there are no more, or another reader has taken over.
    pub(super) async fn next(&mut self) -> Option<(Reply, Bytes)> {
        let event = std::future::poll_fn(|context| self.poll_event(context)).await?;
        Some((event.is, event.text))
    }

    /// The same, as a server-sent event.
    pub(super) async fn next_event(&mut self) -> Option<Bytes> {
        let event = std::future::poll_fn(|context| self.poll_event(context)).await?;
        Some(sse::event(None, Some(&self.call.event_id(event.number)), &event.text))
    }

    /// Shows the last message again: what is next is to be read in another form.
    pub(super) fn back(&mut self) {
        self.after = self.after.saturating_sub(1);
    }

    /// Whether everything was read that ever comes.
    pub(super) fn is_done(&self) -> bool {
        let state = self.call.state();
        state.ended.is_some() && state.waiting.back().is_none_or(|last| last.number <= self.after)
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut state = self.call.state();
        if state.reader != self.reader {
            return Poll::Ready(None);
        }
        if let Some(event) = state.waiting.iter().find(|event| event.number > self.after) {
            self.after = event.number;
            return Poll::Ready(Some(event.clone()));
        }
        if state.ended.is_some() {
            return Poll::Ready(None);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::{
        ErrorData, NumberOrString, ProgressNotification, ProgressNotificationParam, ProgressToken,
        ServerNotification,
    };

    use super::*;

    fn progress(message: &str) -> ServerJsonRpcMessage {
        let mut param = ProgressNotificationParam::new(ProgressToken(NumberOrString::Number(1)), 1.0);
        param.message = Some(message.to_owned());
        ServerJsonRpcMessage::notification(ServerNotification::ProgressNotification(
            ProgressNotification::new(param),
        ))
    }

    fn message(text: &[u8]) -> String {
        let message: serde_json::Value = serde_json::from_slice(text).unwrap();
        message["params"]["message"].as_str().unwrap().to_owned()
    }

    fn error() -> ServerJsonRpcMessage {
        ServerJsonRpcMessage::error(ErrorData::internal_error("x", None), Some(NumberOrString::Number(1)))
    }

    fn call() -> Arc<Call> {
        Call::new(CancellationToken::new()).0
    }

    #[tokio::test]
    async fn who_comes_back_gets_what_is_missing_and_takes_over() {
        let call = call();
        let mut first = call.read(0);
        for message in ["a", "b"] {
            call.push(Reply::Notification, &progress(message)).unwrap();
        }
        assert_eq!(message(&first.next().await.unwrap().1), "a");
        let mut second = call.read(1);
        assert_eq!(first.next().await, None);
        assert_eq!(message(&second.next().await.unwrap().1), "b");
        call.push(Reply::Response, &error()).unwrap();
        call.end();
        assert!(!second.is_done());
        assert_eq!(second.next().await.unwrap().0, Reply::Response);
        assert!(second.is_done() && second.next().await.is_none());
        assert_eq!(call.read(2).next().await.unwrap().0, Reply::Response);
    }

    #[tokio::test]
    async fn what_nobody_reads_is_bounded_and_the_response_is_not_lost() {
        let call = call();
        let long = "x".repeat(1000);
        for _ in 0..1000 {
            call.push(Reply::Notification, &progress(&long)).unwrap();
        }
        call.push(Reply::Response, &error()).unwrap();
        assert!(call.state().bytes <= WAITING && call.state().waiting.len() < 300);
        call.end();
        let mut events = call.read(0);
        let mut last = None;
        while let Some((is, _)) = events.next().await {
            last = Some(is);
        }
        assert_eq!(last, Some(Reply::Response));
    }

    #[test]
    fn an_event_has_one_name() {
        let (one, other) = (call(), call());
        assert_ne!(one.event_id(1), other.event_id(1));
        assert_eq!(parse_event_id(&one.event_id(31)), Some((one.number, 31)));
        for text in ["", "1", "-", "x-1", "1-x", "1-2-3", "fffffffffffffffff-1"] {
            assert_eq!(parse_event_id(text), None, "{text}");
        }
    }
}
