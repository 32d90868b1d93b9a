//! What a call sent, for its record: bounded, without queries, headers or bodies.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::trace::{Child, Kind, Parent};

/// Requests a record tells one by one; the rest is in its sums.
const TOLD: usize = 32;

/// One outbound request.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Exchange {
    /// Its method.
    pub method: String,
    /// Its URL, without the query.
    pub url: String,
    /// The rule that allowed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why it was refused before anything was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied: Option<&'static str>,
    /// What went wrong afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// The response's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whether a response that is kept answered it; then it was not sent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// How often it was sent.
    pub attempts: u32,
    /// Bytes of the response's body, as the guest reads them.
    pub received: u64,
    /// Microseconds until the response's headers.
    pub took_us: u64,
}

/// What all requests of a call come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Requests.
    pub requests: u32,
    /// Those refused before anything was sent.
    pub denied: u32,
    /// Those that failed afterwards.
    pub failed: u32,
    /// Bytes of all response bodies.
    pub received: u64,
}

/// The outbound requests of one call. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct EgressLog(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    sums: Sums,
    told: Vec<Exchange>,
    /// Where spans of requests are made, if the call is traced.
    traced: Option<Parent>,
    /// Those of the requests that are told, until they have ended.
    spans: Vec<Option<Child>>,
}

/// One request's place in the log.
#[derive(Clone, Debug)]
pub struct Entry {
    log: EgressLog,
    at: usize,
}

impl EgressLog {
    /// The log of a call; its requests are spans below `parent`, if there is one.
    #[must_use]
    pub fn traced(parent: Option<Parent>) -> Self {
        Self(Arc::new(Mutex::new(Inner { traced: parent, ..Inner::default() })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing under this lock can panic or wait.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the entry of a request.
    #[must_use]
    pub fn open(&self, method: &http::Method, url: &str) -> Entry {
        let mut inner = self.inner();
        inner.sums.requests = inner.sums.requests.saturating_add(1);
        let at = inner.told.len();
        if at < TOLD {
            // Both are the guest's: cut, so that a record stays small.
            let cut = |text: &str| text.chars().take(512).collect();
            inner.told.push(Exchange { method: cut(method.as_str()), url: cut(url), ..Exchange::default() });
            let span = inner.traced.as_ref().map(|parent| span(parent, method, url));
            inner.spans.extend(span.map(Some));
            return Entry { log: self.clone(), at };
        }
        Entry { log: self.clone(), at: usize::MAX }
    }

    /// What they come to.
    #[must_use]
    pub fn sums(&self) -> Sums {
        self.inner().sums
    }

    /// The first of them, one by one.
    #[must_use]
    pub fn told(&self) -> Vec<Exchange> {
        self.inner().told.clone()
    }
}

/// The span of a request, with the semantic conventions for HTTP clients.
fn span(parent: &Parent, method: &http::Method, url: &str) -> Child {
    let mut span = parent.child(method.as_str(), Kind::Client);
    span.note("http.request.method", method.as_str());
    if let Ok(url) = url::Url::parse(url) {
        span.note("url.full", url.as_str());
        span.note("server.address", url.host_str().unwrap_or_default());
        span.note_number("server.port", url.port_or_known_default().unwrap_or_default().into());
    }
    span
}

impl Entry {
    /// What the upstream is told about the trace; none if the call is not traced, and what the guest says stays.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        Some(self.log.inner().spans.get(self.at)?.as_ref()?.traceparent())
    }

    /// Ends its span.
    fn end(&self, end: impl FnOnce(Child)) {
        let span = self.log.inner().spans.get_mut(self.at).and_then(Option::take);
        if let Some(span) = span {
            end(span);
        }
    }

    fn note(&self, note: impl FnOnce(&mut Sums, Option<&mut Exchange>)) {
        let inner = &mut *self.log.inner();
        note(&mut inner.sums, inner.told.get_mut(self.at));
    }

    /// It was refused.
    pub fn denied(&self, reason: &'static str) {
        self.end(|span| span.end(Some(reason)));
        self.note(|sums, exchange| {
            sums.denied = sums.denied.saturating_add(1);
            if let Some(exchange) = exchange {
                exchange.denied = Some(reason);
            }
        });
    }

    /// It was allowed by this rule.
    pub fn allowed(&self, rule: &impl ToString) {
        self.note(|_, exchange| {
            if let Some(exchange) = exchange {
                exchange.rule = Some(rule.to_string());
            }
        });
    }

    /// It was sent.
    pub fn attempt(&self) {
        self.note(|_, exchange| {
            if let Some(exchange) = exchange {
                exchange.attempts = exchange.attempts.saturating_add(1);
            }
        });
    }

    /// The response's headers are there.
    pub fn answered(&self, status: u16, took: std::time::Duration) {
        self.end(|mut span| {
            span.note_number("http.response.status_code", status.into());
            let error = (status >= 400).then(|| status.to_string());
            span.end(error.as_deref());
        });
        self.note(|_, exchange| {
            if let Some(exchange) = exchange {
                exchange.status = Some(status);
                exchange.took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            }
        });
    }

    /// A response that is kept answered it, with so many bytes.
    pub fn reused(&self, bytes: u64) {
        self.end(|mut span| {
            span.note("bulkhead.reused", "true");
            span.end(None);
        });
        self.note(|_, exchange| {
            if let Some(exchange) = exchange {
                exchange.reused = true;
            }
        });
        self.received(usize::try_from(bytes).unwrap_or(usize::MAX));
    }

    /// Something went wrong.
    pub fn failed(&self, why: &str) {
        self.end(|span| span.end(Some("failed")));
        self.note(|sums, exchange| {
            sums.failed = sums.failed.saturating_add(1);
            if let Some(exchange) = exchange {
                exchange.failed = Some(why.chars().take(256).collect());
            }
        });
    }

    /// A piece of the response's body went to the guest.
    pub fn received(&self, bytes: usize) {
        self.note(|sums, exchange| {
            sums.received = sums.received.saturating_add(bytes as u64);
            if let Some(exchange) = exchange {
                exchange.received = exchange.received.saturating_add(bytes as u64);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_told_and_all_are_counted() {
        let log = EgressLog::default();
        for n in 0..TOLD + 3 {
            let entry = log.open(&http::Method::GET, &format!("http://h/{n}"));
            entry.received(10);
            entry.denied("no_rule");
        }
        assert_eq!(log.sums(), Sums { requests: 35, denied: 35, failed: 0, received: 350 });
        let told = log.told();
        assert_eq!((told.len(), told[31].url.as_str(), told[31].received), (32, "http://h/31", 10));
    }
}
