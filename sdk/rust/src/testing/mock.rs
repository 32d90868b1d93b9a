//! Owns [`Mock`]: the host of a test. It answers requests by script, keeps the clock, and writes
//! down what the call sent, logged and reported.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::call::Level;
use crate::http::{Failure, Method, Response};

/// The host of a test. Clones are the same host.
#[derive(Debug, Clone, Default)]
pub struct Mock(Rc<RefCell<State>>);

/// What answers when no script does.
type Serving = Rc<dyn Fn(&Sent) -> Response>;

#[derive(Default)]
struct State {
    script: Vec<Scripted>,
    serving: Option<Serving>,
    silent: bool,
    sent: Vec<Sent>,
    progress: Vec<Progress>,
    logs: Vec<LogLine>,
    slept: Duration,
    wall: Option<SystemTime>,
    deadline: Option<Duration>,
    cancel_after: Option<Duration>,
    in_flight_at_most: usize,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("script", &self.script)
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Scripted {
    method: Method,
    target: Target,
    answers: Vec<Result<Response, Failure>>,
    used: usize,
}

/// A request the call sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its method.
    pub method: Method,
    /// Its URL as sent.
    pub url: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Sent {
    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// A progress report of the call.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// How much is done.
    pub done: f64,
    /// Of how much.
    pub total: Option<f64>,
    /// In words.
    pub message: Option<String>,
}

/// A line the call logged.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Its severity.
    pub level: Level,
    /// Its text.
    pub message: String,
    /// Its data.
    pub data: Option<Value>,
}

/// The body of a scripted answer: JSON, text, or bytes of any type.
#[derive(Debug, Clone)]
pub struct Body {
    content_type: String,
    bytes: Vec<u8>,
}

impl Body {
    /// Bytes of this media type.
    pub fn new(content_type: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { content_type: content_type.into(), bytes: bytes.into() }
    }
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self::new("application/json", value.to_string())
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self::new("text/plain; charset=utf-8", text)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::new("text/plain; charset=utf-8", text)
    }
}

impl Mock {
    /// A host that answers nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a request: `"/path?a=1&b=2"` on any host, or a whole URL. The order of query
    /// parameters does not matter. Said again for the same request, it is the next answer; the
    /// last one repeats.
    #[must_use]
    pub fn on(self, method: Method, target: &str, status: u16, body: impl Into<Body>) -> Self {
        self.on_with(method, target, status, &[], body)
    }

    /// The same with response headers.
    #[must_use]
    pub fn on_with(
        self,
        method: Method,
        target: &str,
        status: u16,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Self {
        let Body { content_type, bytes } = body.into();
        let mut all: Vec<(String, String)> =
            headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())).collect();
        if !all.iter().any(|(name, _)| name == "content-type") {
            all.push(("content-type".to_owned(), content_type));
        }
        self.script(method, target, Ok(Response { status, headers: all, body: bytes, truncated: false }))
    }

    /// Answers every request that no script answers: an upstream with a state of its own.
    #[must_use]
    pub fn serving(self, answer: impl Fn(&Sent) -> Response + 'static) -> Self {
        self.0.borrow_mut().serving = Some(Rc::new(answer));
        self
    }

    /// Never answers, whatever is asked and no script answers: every such request runs into its timeout.
    #[must_use]
    pub fn silent(self) -> Self {
        self.0.borrow_mut().silent = true;
        self
    }

    /// Refuses a request as the host's egress rules would.
    #[must_use]
    pub fn deny(self, method: Method, target: &str) -> Self {
        self.script(method, target, Err(Failure::Denied))
    }

    /// Does not connect, and why: `"connection refused"`.
    #[must_use]
    pub fn unreachable(self, method: Method, target: &str, why: &str) -> Self {
        self.script(method, target, Err(Failure::Unreachable(why.to_owned())))
    }

    /// Never answers: the request runs into its timeout.
    #[must_use]
    pub fn hang(self, method: Method, target: &str) -> Self {
        self.script(method, target, Err(Failure::Timeout(Duration::ZERO)))
    }

    /// Sets the wall clock; it moves on as the call sleeps.
    #[must_use]
    pub fn at(self, time: SystemTime) -> Self {
        self.0.borrow_mut().wall = Some(time);
        self
    }

    /// Gives calls this long instead of 30 s.
    #[must_use]
    pub fn deadline(self, time: Duration) -> Self {
        self.0.borrow_mut().deadline = Some(time);
        self
    }

    /// The client goes away once the call has slept this long.
    #[must_use]
    pub fn cancel_after(self, time: Duration) -> Self {
        self.0.borrow_mut().cancel_after = Some(time);
        self
    }

    /// Every request so far, in order.
    pub fn requests(&self) -> Vec<Sent> {
        self.0.borrow().sent.clone()
    }

    /// Every progress report so far.
    pub fn progress(&self) -> Vec<Progress> {
        self.0.borrow().progress.clone()
    }

    /// Every line logged so far.
    pub fn logs(&self) -> Vec<LogLine> {
        self.0.borrow().logs.clone()
    }

    /// How long calls slept in all.
    pub fn slept(&self) -> Duration {
        self.0.borrow().slept
    }

    /// The most requests that were in flight at once.
    pub fn in_flight_at_most(&self) -> usize {
        self.0.borrow().in_flight_at_most
    }

    pub(crate) fn allowed(&self) -> Option<Duration> {
        self.0.borrow().deadline
    }

    /// Makes this the host of the thread until the guard is dropped.
    pub(crate) fn install(&self) -> Installed {
        Installed(HOST.replace(Some(self.clone())))
    }

    fn script(self, method: Method, target: &str, answer: Result<Response, Failure>) -> Self {
        let target = Target::parse(target);
        {
            let script = &mut self.0.borrow_mut().script;
            match script.iter_mut().find(|known| known.method == method && known.target == target) {
                Some(known) => known.answers.push(answer),
                None => script.push(Scripted { method, target, answers: vec![answer], used: 0 }),
            }
        }
        self
    }

    fn answer(&self, sent: &Sent, time: Duration) -> Result<Response, Failure> {
        self.0.borrow_mut().sent.push(sent.clone());
        let mut state = self.0.borrow_mut();
        let target = Target::parse(&sent.url);
        let line = format!("{} {}", sent.method, sent.url);
        let method = sent.method;
        let scripted =
            state.script.iter().any(|known| known.method == method && known.target.covers(&target));
        if !scripted && let Some(serving) = state.serving.clone() {
            drop(state); // the upstream of a test may look at the mock itself
            return Ok(serving(sent));
        }
        if !scripted && state.silent {
            state.slept += time;
            return Err(Failure::Timeout(time));
        }
        let known = state.script.iter().map(|known| format!("{} {}", known.method, known.target.text));
        let known = known.collect::<Vec<_>>().join(", ");
        let Some(scripted) =
            state.script.iter_mut().find(|known| known.method == method && known.target.covers(&target))
        else {
            return Err(Failure::Other(format!("the test scripts no answer to {line}; it scripts: {known}")));
        };
        let last = scripted.answers.len().saturating_sub(1);
        let answer = scripted.answers.get(scripted.used.min(last)).cloned();
        scripted.used += 1;
        match answer {
            Some(Err(Failure::Timeout(_))) => {
                state.slept += time;
                Err(Failure::Timeout(time))
            }
            Some(answer) => answer,
            None => Err(Failure::Other(format!("the test scripts no answer to {line}"))),
        }
    }
}

/// Restores the host that was there before.
#[derive(Debug)]
pub(crate) struct Installed(Option<Mock>);

impl Drop for Installed {
    fn drop(&mut self) {
        HOST.set(self.0.take());
    }
}

thread_local! {
    static HOST: RefCell<Option<Mock>> = const { RefCell::new(None) };
    static IN_FLIGHT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

fn with_host<T>(run: impl FnOnce(&mut State) -> T) -> Option<T> {
    HOST.with_borrow(|host| host.as_ref().map(|host| run(&mut host.0.borrow_mut())))
}

pub(crate) fn answer(sent: &Sent, time: Duration) -> Result<Response, Failure> {
    let host = HOST.with_borrow(Clone::clone);
    host.map_or_else(
        || Err(Failure::Other("no mock is installed".to_owned())),
        |host| host.answer(sent, time),
    )
}

/// Counts a request as in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight(());

impl InFlight {
    pub(crate) fn new() -> Self {
        let now = IN_FLIGHT.get() + 1;
        IN_FLIGHT.set(now);
        with_host(|state| state.in_flight_at_most = state.in_flight_at_most.max(now));
        Self(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        IN_FLIGHT.set(IN_FLIGHT.get().saturating_sub(1));
    }
}

pub(crate) fn progress(done: f64, total: Option<f64>, message: Option<&str>) {
    with_host(|state| state.progress.push(Progress { done, total, message: message.map(str::to_owned) }));
}

pub(crate) fn log(level: Level, message: &str, data: Option<&Value>) {
    with_host(|state| state.logs.push(LogLine { level, message: message.to_owned(), data: data.cloned() }));
}

pub(crate) fn cancelled() -> bool {
    with_host(|state| state.cancel_after.is_some_and(|after| state.slept >= after)).unwrap_or(false)
}

pub(crate) fn slept() -> Duration {
    with_host(|state| state.slept).unwrap_or_default()
}

pub(crate) fn sleep_until(until: Duration) {
    with_host(|state| state.slept = state.slept.max(until));
}

pub(crate) fn wall() -> SystemTime {
    with_host(|state| state.wall.map(|start| start + state.slept)).flatten().unwrap_or_else(SystemTime::now)
}

/// What a request asks for, so that two spellings of it compare equal.
#[derive(Debug, Clone)]
struct Target {
    text: String,
    /// None: any.
    origin: Option<String>,
    path: String,
    query: Vec<(String, String)>,
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.origin == other.origin && self.path == other.path && self.query == other.query
    }
}

impl Target {
    fn parse(text: &str) -> Self {
        let (before, query) = text.split_once('?').unwrap_or((text, ""));
        let (origin, path) = match before.split_once("://") {
            None => (None, before),
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(format!("{scheme}://{authority}")), path)
            }
        };
        let decode = |text: &str| {
            percent_encoding::percent_decode_str(&text.replace('+', "%20")).decode_utf8_lossy().into_owned()
        };
        let mut query: Vec<(String, String)> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(key, value)| (decode(key), decode(value)))
            .collect();
        query.sort();
        let path = if path.is_empty() { "/" } else { path };
        Self { text: text.to_owned(), origin, path: path.to_owned(), query }
    }

    fn covers(&self, sent: &Self) -> bool {
        (self.origin.is_none() || self.origin == sent.origin)
            && self.path == sent.path
            && self.query == sent.query
    }
}
