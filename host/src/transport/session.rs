//! Sessions of legacy clients. A session is its id: a sealed handle that says what the client said at `initialize`,
//! so every host with the key serves it, after a restart too. What is in memory is what has to be: the client's
//! settings, its calls under way, and what was asked of it. An idle session is a few hundred bytes; it has no task.

mod table;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rmcp::model::{
    CancelledNotificationParam, ClientJsonRpcMessage, ClientNotification, JsonRpcMessage, RequestId,
};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

pub(super) use table::{CurrentSealer, Refused, Sessions};

use super::{
    call::{Call, Sent},
    connection::Connection,
    news::Told,
};
use crate::{
    auth::Who,
    limit::{peers::Seat, streams::Stream},
};

/// Answers that were not fetched are kept for a client that comes back this long.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// So many of them in one session; each may be as large as a result.
const KEPT: usize = 8;

/// What is in memory of a session.
#[derive(Debug)]
pub(super) struct Session {
    /// What the client set up.
    pub(super) connection: Arc<Connection>,
    /// What it was told of lists.
    pub(super) told: Told,
    work: Mutex<Work>,
    _seat: Seat<Who>,
}

#[derive(Debug)]
struct Work {
    used: Instant,
    /// Calls under way, by the client's ids.
    running: HashMap<RequestId, Arc<Call>>,
    /// Calls whose events the client may come back for.
    kept: Vec<Arc<Call>>,
    /// What was asked of the client: by which call, and what rmcp calls it.
    asked: HashMap<u64, (Arc<Call>, RequestId)>,
    listener: Option<Listener>,
    /// Where messages go to, of a client that speaks HTTP+SSE.
    pipe: Option<mpsc::Sender<ClientJsonRpcMessage>>,
}

/// The stream on which a client hears what nobody asked for.
#[derive(Debug)]
struct Listener {
    stop: CancellationToken,
    _stream: Stream,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A call under way; its session is not idle as long as there is this.
#[derive(Debug)]
pub(super) struct Running {
    session: Arc<Session>,
    id: RequestId,
}

impl Session {
    fn new(seat: Seat<Who>) -> Self {
        let work = Work {
            used: Instant::now(),
            running: HashMap::new(),
            kept: Vec::new(),
            asked: HashMap::new(),
            listener: None,
            pipe: None,
        };
        Self { connection: Arc::default(), told: Told::default(), work: Mutex::new(work), _seat: seat }
    }

    /// A call begins; none if one of this id is under way.
    pub(super) fn start(self: &Arc<Self>, id: &RequestId, call: &Arc<Call>) -> Option<Running> {
        let mut work = self.work();
        if work.running.contains_key(id) {
            return None;
        }
        work.running.insert(id.clone(), call.clone());
        Some(Running { session: self.clone(), id: id.clone() })
    }

    /// The client changed its mind. Of a call that is over, or never was, nothing is left to cancel.
    pub(super) fn cancel(&self, cancelled: &CancelledNotificationParam) {
        let Some(id) = &cancelled.request_id else { return };
        let Some(call) = self.work().running.get(id).cloned() else { return };
        let message = ClientNotification::CancelledNotification(rmcp::model::CancelledNotification::new(
            cancelled.clone(),
        ));
        // A call that does not listen any more has ended.
        let _ = call.inbox.send(Sent::Message(Box::new(JsonRpcMessage::notification(message))));
        let _ = call.inbox.send(Sent::End);
    }

    /// Something is asked of the client; the id it is asked with.
    pub(super) fn ask(&self, call: &Arc<Call>, id: RequestId) -> u64 {
        let number = super::call::number();
        self.work().asked.insert(number, (call.clone(), id));
        number
    }

    /// What was asked under this id is answered, or not asked any more.
    pub(super) fn answer(&self, number: u64) -> Option<(Arc<Call>, RequestId)> {
        self.work().asked.remove(&number)
    }

    /// Keeps a call for a client that loses its stream.
    pub(super) fn keep(&self, call: &Arc<Call>) {
        let mut work = self.work();
        if work.kept.iter().any(|kept| kept.number == call.number) {
            return;
        }
        if work.kept.iter().filter(|call| call.ended().is_some()).count() >= KEPT
            && let Some(oldest) = work.kept.iter().position(|call| call.ended().is_some())
        {
            work.kept.remove(oldest);
        }
        work.kept.push(call.clone());
    }

    /// The client has all of it.
    pub(super) fn forget(&self, call: &Call) {
        self.work().kept.retain(|kept| kept.number != call.number);
    }

    /// A call that is kept.
    pub(super) fn kept(&self, number: u64) -> Option<Arc<Call>> {
        self.work().kept.iter().find(|call| call.number == number).cloned()
    }

    /// The client listens. The token says when it is to stop.
    fn listen(&self, stream: Stream, parent: &CancellationToken) -> CancellationToken {
        let stop = parent.child_token();
        self.work().listener = Some(Listener { stop: stop.clone(), _stream: stream });
        stop
    }

    /// Whoever listens is a connection that the client has lost, or gives up.
    fn hang_up(&self) {
        self.work().listener = None;
    }

    /// Whoever listens with this token does so no longer.
    pub(super) fn unlisten(&self, stop: &CancellationToken) {
        stop.cancel();
        let mut work = self.work();
        if work.listener.as_ref().is_some_and(|listener| listener.stop.is_cancelled()) {
            work.listener = None;
        }
        work.used = Instant::now();
    }

    /// Messages of the client go here from now on.
    pub(super) fn pipe(&self, pipe: mpsc::Sender<ClientJsonRpcMessage>) {
        self.work().pipe = Some(pipe);
    }

    /// Gives a message to the client's service; false if it takes none now.
    pub(super) fn pass(&self, message: ClientJsonRpcMessage) -> bool {
        let mut work = self.work();
        work.used = Instant::now();
        work.pipe.as_ref().is_some_and(|pipe| pipe.try_send(message).is_ok())
    }

    fn touch(&self) {
        self.work().used = Instant::now();
    }

    /// Whether nothing is under way, and nothing was for so long.
    fn is_idle(&self, now: Instant, idle: Duration) -> bool {
        let mut work = self.work();
        work.kept.retain(|call| call.ended().is_none_or(|ended| now.duration_since(ended) < KEPT_FOR));
        let busy = !work.running.is_empty() || !work.kept.is_empty() || work.listener.is_some();
        !busy && now.duration_since(work.used) >= idle
    }

    /// Ends whatever is under way.
    fn end(&self) {
        let mut work = self.work();
        for call in work.running.values() {
            call.stop.cancel();
        }
        work.listener = None;
        work.kept.clear();
        work.asked.clear();
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut work = self.session.work();
        work.running.remove(&self.id);
        work.used = Instant::now();
        if work.running.is_empty() {
            work.running.shrink_to_fit();
        }
    }
}
