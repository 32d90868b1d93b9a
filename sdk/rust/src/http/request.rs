//! Owns [`Request`]: building one, sending it, and what to do with a plain answer.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Method, Response, backend};
use crate::call;
use crate::error::{Error, Result};
use crate::url::{self, Url};

/// A tool result is read by a model; eight MiB of JSON is far beyond that, and fits in memory.
const DEFAULT_LIMIT: usize = 8 << 20;
/// Longer than any healthy API answers, shorter than the usual deadline of a call.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// Kept of the deadline, so that a slow upstream is reported rather than the guest ended.
const MARGIN: Duration = Duration::from_millis(250);

/// A request being built. Nothing is sent before [`send`](Request::send) or its like is awaited.
#[derive(Debug)]
#[must_use = "a request is sent by `.send()`, `.json()` or `.text()`"]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Result<Url>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) limit: usize,
    /// Cut the body at the limit instead of failing.
    pub(crate) cut: bool,
    timeout: Option<Duration>,
    accepts: bool,
}

impl Request {
    pub(super) fn new(method: Method, url: Result<Url>) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: Vec::new(),
            limit: DEFAULT_LIMIT,
            cut: false,
            timeout: None,
            accepts: false,
        }
    }

    /// Adds a query parameter; may be repeated.
    #[expect(clippy::needless_pass_by_value, reason = "`.query(\"limit\", 5)` reads better than `&5`")]
    pub fn query(mut self, key: &str, value: impl ToString) -> Self {
        if let Ok(url) = &mut self.url {
            url::push_pair(&mut url.query, key, &value.to_string());
        }
        self
    }

    /// Adds a query parameter if there is a value.
    pub fn query_opt(self, key: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(key, value),
            None => self,
        }
    }

    /// Adds a path segment, encoded as a whole: a `/` in it stays part of the segment. One with dot segments (`..`,
    /// `a/../b`) is refused, as the host would.
    pub fn segment(mut self, segment: &str) -> Self {
        if let Ok(url) = &mut self.url {
            if segment.is_empty() || url::climbs(segment) {
                self.url = Err(Error::failed(format!("`{segment}` cannot be part of a path")));
                return self;
            }
            if !url.path.ends_with('/') {
                url.path.push('/');
            }
            url.path.push_str(&url::encode_component(segment));
        }
        self
    }

    /// Adds a header. Credentials are not the guest's to set: the host attaches them.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.accepts |= name.eq_ignore_ascii_case("accept");
        self.headers.push((name.to_ascii_lowercase(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>, content_type: &str) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// Sets a JSON body.
    pub fn json_body<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body(body, "application/json"),
            Err(error) => {
                self.url = Err(Error::failed(format!("the request body is not JSON: {error}")));
                self
            }
        }
    }

    /// Sets a form body.
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        self.body(url::form_encode(pairs.iter().copied()), "application/x-www-form-urlencoded")
    }

    /// How long the whole exchange may take; 30 s if not set, and never beyond the call's deadline.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Lets the host answer this GET with a response that it kept, if that is no older than `time`, and keep the
    /// one it gets for so long: whole seconds, at most 600. For documents that calls of any caller would fetch again
    /// and again, such as what an API offers: each call has a fresh instance, which remembers nothing.
    ///
    /// Only what has status 200, is at most 1 MiB and was read to its end is kept, for this service with this config, by
    /// the URL and all headers. A response that was kept has the header `age`. Nothing but time outdates it: not for what
    /// a tool of yours changes, nor for a health check. It has no effect on other methods, nor with a body.
    pub fn reuse(self, time: Duration) -> Self {
        self.header("bulkhead-reuse", time.as_secs().to_string())
    }

    /// Fails if the response is larger than this; 8 MiB if not set.
    pub fn limit(mut self, bytes: usize) -> Self {
        (self.limit, self.cut) = (bytes, false);
        self
    }

    /// Reads at most this much of the response; [`Response::truncated`] says if there was more.
    pub fn read_at_most(mut self, bytes: usize) -> Self {
        (self.limit, self.cut) = (bytes, true);
        self
    }

    /// Sends it and gives the response, whatever its status.
    ///
    /// # Errors
    /// The host refused it, the upstream did not answer, or the response is too large.
    pub async fn send(mut self) -> Result<Response> {
        if let Some(traceparent) = call::ambient_traceparent() {
            self = self.header("traceparent", traceparent);
        }
        if !self.accepts {
            self = self.header("accept", "*/*");
        }
        backend::send(self).await
    }

    /// Sends it and reads JSON.
    ///
    /// # Errors
    /// As [`send`](Request::send) and [`Response::ok`], or it is not the JSON that was expected.
    pub async fn json<T: DeserializeOwned>(mut self) -> Result<T> {
        if !self.accepts {
            self = self.header("accept", "application/json");
        }
        self.send().await?.ok()?.json()
    }

    /// Sends it and reads text.
    ///
    /// # Errors
    /// As [`send`](Request::send) and [`Response::ok`].
    pub async fn text(self) -> Result<String> {
        Ok(self.send().await?.ok()?.text())
    }

    /// The time this exchange has, given what is left of the call.
    pub(crate) fn time(&self) -> Duration {
        let wanted = self.timeout.unwrap_or(DEFAULT_TIMEOUT);
        match call::ambient_remaining() {
            Some(left) => wanted.min(left.saturating_sub(MARGIN)),
            None => wanted,
        }
    }

    /// For messages: the URL without its query, which may carry what nobody should read.
    pub(crate) fn target(&self) -> String {
        match &self.url {
            Ok(url) => format!("{} {}://{}{}", self.method, url.scheme(), url.authority, url.path),
            Err(_) => self.method.to_string(),
        }
    }
}

/// A request that did not get an answer, as the guest learns of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The host's rules forbid it.
    Denied,
    /// It resolved to an address guests may not reach.
    #[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "the mock has no addresses"))]
    AddressDenied,
    /// Nothing answered; why, in a few words.
    Unreachable(String),
    /// No answer in the time it had.
    Timeout(Duration),
    /// Larger than the limit.
    TooLarge(usize),
    /// Larger than there is room for, with all the others that are read at the same time.
    #[cfg_attr(
        not(any(target_family = "wasm", test)),
        expect(dead_code, reason = "the mock answers one by one")
    )]
    TooMuch(usize),
    /// Anything else.
    Other(String),
}

impl Failure {
    pub(crate) fn into_error(self, target: &str, authority: &str) -> Error {
        match self {
            Self::Denied => Error::denied(format!("{target} is not allowed by this service's egress rules")),
            Self::AddressDenied => Error::denied(format!(
                "{target} is not allowed: {authority} resolves to an address this service may not reach; \
                 the operator can grant it with network.allow_addresses"
            )),
            Self::Unreachable(why) => Error::unavailable(format!("{authority} does not answer: {why}"), None),
            Self::Timeout(time) => {
                Error::unavailable(format!("{authority} did not answer within {} s", seconds(time)), None)
            }
            Self::TooLarge(limit) => {
                Error::failed(format!("the response to {target} is larger than {limit} bytes; ask for less"))
            }
            Self::TooMuch(room) => Error::failed(format!(
                "the response to {target} and those read at the same time are larger than {room} bytes; ask for less"
            )),
            Self::Other(why) => Error::failed(format!("{target} failed: {why}")),
        }
    }
}

/// Seconds with at most one decimal.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}
