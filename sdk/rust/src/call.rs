//! Owns [`Call`]: who asks, how long is left, and the way back to the client while running.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::ask::{Answer, InputKind};
use crate::clock::{self, Instant};

/// The call being answered.
#[derive(Debug, Clone)]
pub struct Call {
    pub(crate) id: String,
    pub(crate) tenant: String,
    pub(crate) caller: String,
    pub(crate) allowed: Duration,
    pub(crate) started: Instant,
    pub(crate) traceparent: Option<String>,
    pub(crate) accepts: Vec<InputKind>,
    pub(crate) plan: Option<Vec<u8>>,
    pub(crate) inputs: Vec<Answer>,
    pub(crate) state: Option<Vec<u8>>,
}

/// Syslog severities (RFC 5424), as MCP has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the standard's and say it all")]
pub enum Level {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

/// Writes to the operator's log where there is no [`Call`]: what a service noticed while its tools are listed, say. There,
/// `bulkhead check --service NAME` shows it. What is printed goes there too.
pub fn log(level: Level, message: &str) {
    backend::log(level, message, None);
}

impl Call {
    /// Unique per call; the same id is in the host's log, audit and trace.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose services, secrets and quotas apply.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Who calls.
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// How long the call had when it started.
    pub fn deadline(&self) -> Duration {
        self.allowed
    }

    /// How long it still has. The host ends the guest when it reaches zero.
    pub fn remaining(&self) -> Duration {
        self.allowed.saturating_sub(clock::now().duration_since(self.started))
    }

    /// The wall clock.
    pub fn now(&self) -> SystemTime {
        clock::wall()
    }

    /// W3C Trace Context. The SDK adds it to outbound requests by itself.
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    /// Whether the caller's client can answer questions of this kind.
    pub fn accepts(&self, kind: InputKind) -> bool {
        self.accepts.contains(&kind)
    }

    /// What listing left for this tool ([`Tool::plan`](crate::Tool::plan)).
    pub fn plan(&self) -> Option<&[u8]> {
        self.plan.as_deref()
    }

    /// Answers to what an earlier attempt asked.
    pub fn inputs(&self) -> &[Answer] {
        &self.inputs
    }

    /// The answer to the question of that key.
    pub fn input(&self, key: &str) -> Option<&Value> {
        self.inputs.iter().find(|answer| answer.key == key).map(|answer| &answer.value)
    }

    /// The state an earlier attempt left ([`Ask::state`](crate::Ask)).
    pub fn state(&self) -> Option<&[u8]> {
        self.state.as_deref()
    }

    /// Tells the client how far the call is, if it asked for that.
    pub fn progress(&self, done: f64, total: Option<f64>, message: Option<&str>) {
        backend::progress(done, total, message);
    }

    /// Writes to the operator's log, and to the client's if it asked for one.
    pub fn log(&self, level: Level, message: &str) {
        backend::log(level, message, None);
    }

    /// The same with data.
    pub fn log_data(&self, level: Level, message: &str, data: &Value) {
        backend::log(level, message, Some(data));
    }

    /// True once the client went away; the host ends the guest soon after anyway.
    pub fn cancelled(&self) -> bool {
        backend::cancelled()
    }

    /// Makes this the call that requests are sent for.
    pub(crate) fn enter(&self) {
        let end = self.started.checked_add(self.allowed);
        AMBIENT.set(Ambient { traceparent: self.traceparent.clone(), end });
    }
}

/// What requests need of the call they are sent for: a request is built without one at hand.
#[derive(Clone, Default)]
struct Ambient {
    traceparent: Option<String>,
    end: Option<Instant>,
}

thread_local! {
    static AMBIENT: RefCell<Ambient> = const { RefCell::new(Ambient { traceparent: None, end: None }) };
}

pub(crate) fn ambient_traceparent() -> Option<String> {
    AMBIENT.with_borrow(|ambient| ambient.traceparent.clone())
}

/// What is left of the call being answered; none outside of one.
pub(crate) fn ambient_remaining() -> Option<Duration> {
    let end = AMBIENT.with_borrow(|ambient| ambient.end)?;
    Some(end.saturating_duration_since(clock::now()))
}

#[cfg(target_family = "wasm")]
mod backend {
    use serde_json::Value;

    use super::Level;
    use crate::bindings::bulkhead::service::call;

    pub(super) fn progress(done: f64, total: Option<f64>, message: Option<&str>) {
        call::progress(done, total, message);
    }

    pub(super) fn log(level: Level, message: &str, data: Option<&Value>) {
        let level = match level {
            Level::Debug => call::Level::Debug,
            Level::Info => call::Level::Info,
            Level::Notice => call::Level::Notice,
            Level::Warning => call::Level::Warning,
            Level::Error => call::Level::Error,
            Level::Critical => call::Level::Critical,
            Level::Alert => call::Level::Alert,
            Level::Emergency => call::Level::Emergency,
        };
        call::log(level, message, data.map(Value::to_string).as_deref());
    }

    pub(super) fn cancelled() -> bool {
        call::cancelled()
    }
}

#[cfg(not(target_family = "wasm"))]
mod backend {
    pub(super) use crate::testing::mock::{cancelled, log, progress};
}
