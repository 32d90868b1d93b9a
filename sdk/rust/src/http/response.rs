//! Owns [`Response`] and what an upstream's status means to the caller.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};

/// Enough of an upstream's words to act on, not so much that a page of HTML fills the context.
const EXCERPT: usize = 300;

/// A response, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Lower-case names, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// There was more than [`Request::read_at_most`](super::Request::read_at_most) asked for.
    pub truncated: bool,
}

impl Response {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// True for 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Itself for 2xx and 3xx; otherwise the error the status stands for.
    ///
    /// # Errors
    /// 404 and 410 are not-found, 401 and 403 denied, 429 rate-limited, 502 to 504 unavailable,
    /// everything else upstream.
    pub fn ok(self) -> Result<Self> {
        if self.status < 400 { Ok(self) } else { Err(self.error()) }
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is not the JSON that was expected; says where, and how the body begins.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let mut deserializer = serde_json::Deserializer::from_slice(&self.body);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let at = match error.path().to_string() {
                path if path == "." => String::new(),
                path => format!(" at `{path}`"),
            };
            let inner = error.into_inner();
            Error::failed(format!(
                "the upstream's answer is not what was expected{at}: {inner}; it begins with: {}",
                shortened(&String::from_utf8_lossy(&self.body), 120)
            ))
        })
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The error this status stands for, in the upstream's words.
    pub fn error(&self) -> Error {
        let said = self.said();
        let with = |what: &str| if said.is_empty() { what.to_owned() } else { format!("{what}: {said}") };
        match self.status {
            404 | 410 => Error::not_found(with(&format!("the upstream has no such thing ({})", self.status))),
            401 => Error::denied(with(
                "the upstream wants a credential or refused the one it got (401); the operator sets it for this service",
            )),
            403 => Error::denied(with(
                "the upstream forbids this (403); the permissions of the service's credential are the operator's to mend",
            )),
            429 => Error::rate_limited(
                with("the upstream limits the rate of requests (429)"),
                self.retry_after(),
            ),
            502..=504 => Error::unavailable(
                with(&format!("the upstream is unavailable ({})", self.status)),
                self.retry_after(),
            ),
            status => {
                let next = match status {
                    409 => "what is there has changed, or is there already: read it again first",
                    500.. => "a retry may help",
                    _ => "the same request would fail again",
                };
                let said = if said.is_empty() { "no message" } else { &said };
                Error::upstream(status, format!("{said} ({next})"))
            }
        }
    }

    /// `Retry-After` in seconds; dates are rare there and not worth a parser.
    fn retry_after(&self) -> Option<Duration> {
        let seconds: u64 = self.header("retry-after")?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds.min(86_400)))
    }

    /// The message in an error body: JSON's usual places for it, or how the text begins.
    fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let message = serde_json::from_slice::<Value>(&self.body).ok().and_then(|body| message_of(&body));
        shortened(message.as_deref().unwrap_or(&text), EXCERPT)
    }
}

/// Where APIs put their message: `error`, `message`, `error.message`, `errors[0]`, `detail`, …
fn message_of(body: &Value) -> Option<String> {
    match body {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Array(items) => items.first().and_then(message_of),
        Value::Object(object) => {
            ["message", "error", "error_description", "errors", "detail", "reason", "title", "msg"]
                .iter()
                .find_map(|key| object.get(*key).and_then(message_of))
        }
        _ => None,
    }
}

/// The beginning of a text on one line.
fn shortened(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
