//! Calls that outlive their request: tasks. A task is a call like any other, with its places, its limits and its
//! record; what is here is who may ask for it, and what became of it until nobody has asked for a while.
//!
//! Its id is a sealed handle, bound to the caller; what it stands for is in the memory of this host, and ends with it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant, SystemTime},
};

use serde::Serialize;
use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    ask::{Accepts, Answers, Inquiry, PATIENCE},
    auth::{Caller, Who},
    config::tasks::Tasks as Limits,
    error::CallError,
    limit::peers::{Full, Seat, Table},
    operation::{Operation, Outcome},
    request::{CallId, Scope, Via},
    seal::{Kind, NONCE, Sealer},
};

/// The longest a handle lives, and so a task.
const LIFE: Duration = Duration::from_secs(24 * 3600);
/// Bytes of arguments, and of answers, that are kept while others are waited for. Each task of a caller may keep as much,
/// so with ten times that a caller has gigabytes.
const KEPT: usize = 256 << 10;
/// How often it is looked whether one is over. To a client one is over at once; only its memory is freed later.
const SWEEP: Duration = Duration::from_secs(1);

/// What of a request is kept to call again.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// Where what it names is looked for.
    pub scope: Scope,
    /// What it asks for.
    pub operation: Operation,
    /// What its client can be asked.
    pub accepts: Accepts,
    /// W3C `traceparent`.
    pub traceparent: Option<String>,
    /// How it came.
    pub via: Via,
}

/// The tasks of a host.
#[derive(Debug)]
pub struct Tasks {
    limits: Limits,
    seats: Arc<Table<Who>>,
    known: Mutex<Known>,
    /// Stops all.
    stop: CancellationToken,
    running: TaskTracker,
}

#[derive(Debug, Default)]
struct Known {
    tasks: HashMap<[u8; NONCE], Arc<Task>>,
    /// Whether somebody looks for those that are over.
    swept: bool,
}

/// One task.
#[derive(Debug)]
pub struct Task {
    /// When it began.
    pub began: SystemTime,
    /// Stops its guest.
    pub stop: CancellationToken,
    start: Instant,
    ttl: Duration,
    state: Mutex<State>,
    _seat: Seat<Who>,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    /// What it calls; none once it has ended.
    repeat: Option<Repeat>,
    changed: (SystemTime, Instant),
}

/// How far a task is.
#[derive(Clone, Debug)]
pub enum Stage {
    /// Its guest runs.
    Working,
    /// Its guest has asked something.
    Asking(Asking),
    /// It was cancelled.
    Cancelled,
    /// The call has ended.
    Ended(Arc<(CallId, Result<Outcome, CallError>)>),
}

/// What waits for answers.
#[derive(Clone, Debug)]
pub struct Asking {
    inquiry: Inquiry,
    given: BTreeMap<String, Value>,
}

impl Asking {
    /// The questions without an answer.
    pub fn open(&self) -> impl Iterator<Item = &crate::ask::Question> {
        self.inquiry.questions.iter().filter(|question| !self.given.contains_key(&question.key))
    }
}

/// How a task is now.
#[derive(Clone, Debug)]
pub struct Now {
    /// How far.
    pub stage: Stage,
    /// Since when.
    pub changed: SystemTime,
    /// How long it is kept, counted from its beginning. Grows while it runs.
    pub ttl: Duration,
}

impl Tasks {
    /// No tasks yet, and room for as many.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            seats: Table::new(limits.total, limits.per_caller),
            known: Mutex::default(),
            stop: CancellationToken::new(),
            running: TaskTracker::new(),
        })
    }

    /// How long a call runs before it becomes one.
    #[must_use]
    pub fn after(&self) -> Duration {
        self.limits.after
    }

    /// What stops a call that may become one.
    #[must_use]
    pub fn stopper(&self) -> CancellationToken {
        self.stop.child_token()
    }

    /// Room for one more.
    ///
    /// # Errors
    /// When there is none.
    pub fn seat(&self, caller: &Caller) -> Result<Seat<Who>, Full> {
        self.seats.open(caller.who())
    }

    /// A call becomes a task; its handle. From now on it can be asked for.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn begin(
        self: &Arc<Self>,
        sealer: &Sealer,
        caller: &Caller,
        seat: Seat<Who>,
        stop: CancellationToken,
        repeat: Repeat,
    ) -> Result<(String, Arc<Task>), CallError> {
        let handle = sealer.seal(Kind::Task, caller, LIFE, &[]).map_err(CallError::internal)?;
        let id = sealer.open(Kind::Task, caller, &handle).map_err(CallError::internal)?.id();
        let now = (SystemTime::now(), Instant::now());
        let task = Arc::new(Task {
            began: now.0,
            stop,
            start: now.1,
            ttl: self.limits.ttl,
            state: Mutex::new(State { stage: Stage::Working, repeat: Some(repeat), changed: now }),
            _seat: seat,
        });
        let mut known = self.known();
        known.tasks.insert(id, task.clone());
        if !known.swept {
            known.swept = true;
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
        Ok((handle, task))
    }

    /// The task of a handle, if it is this caller's.
    #[must_use]
    pub fn find(&self, sealer: &Sealer, caller: &Caller, handle: &str) -> Option<Arc<Task>> {
        let id = sealer.open(Kind::Task, caller, handle).ok()?.id();
        let task = self.known().tasks.get(&id).cloned()?;
        (!task.is_over(Instant::now())).then_some(task)
    }

    /// Runs what a task does, beside the request it came from.
    pub fn run(&self, doing: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(doing);
    }

    /// Stops all that run, and waits for them so long.
    pub async fn close(&self, patience: Duration) {
        self.stop.cancel();
        self.running.close();
        if tokio::time::timeout(patience, self.running.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in time and were dropped");
        }
    }

    /// How many there are, running or kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known().tasks.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets tasks that are over, for as long as there are any. One timer for all.
async fn sweep(of: Weak<Tasks>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(tasks) = of.upgrade() else { return };
        let now = Instant::now();
        let mut known = tasks.known();
        known.tasks.retain(|_, task| !task.is_over(now));
        if known.tasks.is_empty() {
            *known = Known::default();
            return;
        }
    }
}

impl Task {
    /// How it is.
    #[must_use]
    pub fn now(&self) -> Now {
        let state = self.state();
        let until = if state.stage.is_end() { state.changed.1 } else { Instant::now() };
        let ttl = (until.saturating_duration_since(self.start) + self.ttl).min(LIFE);
        Now { stage: state.stage.clone(), changed: state.changed.0, ttl }
    }

    /// What it calls again; none if it has ended.
    #[must_use]
    pub fn repeat(&self) -> Option<Repeat> {
        self.state().repeat.clone()
    }

    /// Its guest asks.
    pub fn ask(&self, id: CallId, inquiry: Inquiry) {
        let size = |repeat: &Repeat| repeat.operation.arguments().map_or(0, size);
        if self.state().repeat.as_ref().map_or(0, size) > KEPT {
            let why =
                format!("a task whose arguments are larger than {} KiB cannot ask anything", KEPT >> 10);
            return self.end(id, Err(CallError::Failed(why)));
        }
        self.turn(Stage::Asking(Asking { inquiry, given: BTreeMap::new() }));
    }

    /// Its call has ended.
    pub fn end(&self, id: CallId, result: Result<Outcome, CallError>) {
        self.turn(match result {
            Err(CallError::Cancelled) => Stage::Cancelled,
            result => Stage::Ended((id, result).into()),
        });
    }

    /// Ends it, if it has not ended.
    pub fn cancel(&self) {
        let mut state = self.state();
        if !state.stage.is_end() {
            state.turn(Stage::Cancelled);
        }
        drop(state);
        self.stop.cancel();
    }

    /// Takes answers. With the last of them the guest is to be called again: these are for it. What was not asked, or
    /// is answered already, is left out.
    ///
    /// # Errors
    /// When one is no answer to what was asked; then none is taken.
    pub fn answer(&self, responses: BTreeMap<String, Value>) -> Result<Option<(Repeat, Answers)>, CallError> {
        let mut state = self.state();
        let Stage::Asking(asking) = &mut state.stage else { return Ok(None) };
        let open: Vec<_> = asking.open().map(|question| question.key.clone()).collect();
        let mut given = asking.given.clone();
        given.extend(responses.into_iter().filter(|(key, _)| open.contains(key)));
        asking.inquiry.check(&given)?;
        let whole = asking.inquiry.questions.iter().all(|question| given.contains_key(&question.key));
        if !whole && size(&given) > KEPT {
            let kib = KEPT >> 10;
            let why =
                format!("inputResponses: without the others at most {kib} KiB are kept; give all at once");
            return Err(CallError::BadAnswer(why));
        }
        asking.given = given;
        if !whole {
            return Ok(None);
        }
        let answers = Answers {
            state: std::mem::take(&mut asking.inquiry.state),
            responses: std::mem::take(&mut asking.given),
        };
        state.turn(Stage::Working);
        Ok(state.repeat.clone().map(|repeat| (repeat, answers)))
    }

    /// Of a task that is not at work any more, the end is known already.
    fn turn(&self, stage: Stage) {
        let mut state = self.state();
        if matches!(state.stage, Stage::Working) {
            state.turn(stage);
        }
    }

    /// Whether nothing is left to be asked for. What nobody has answered in time ends here.
    fn is_over(&self, now: Instant) -> bool {
        let since = |then: Instant| now.saturating_duration_since(then);
        if since(self.start) >= LIFE {
            self.cancel();
            return true;
        }
        let mut state = self.state();
        if matches!(state.stage, Stage::Asking(_)) && since(state.changed.1) >= PATIENCE {
            let why = CallError::BadAnswer("nobody answered in time".to_owned());
            state.turn(Stage::Ended((CallId::new(), Err(why)).into()));
        }
        state.stage.is_end() && since(state.changed.1) >= self.ttl
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn turn(&mut self, stage: Stage) {
        self.stage = stage;
        if self.stage.is_end() {
            self.repeat = None;
        }
        self.changed = (SystemTime::now(), Instant::now());
    }
}

impl Stage {
    /// Whether nothing more comes.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Cancelled | Self::Ended(_))
    }
}

/// Bytes as JSON.
fn size(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests;
