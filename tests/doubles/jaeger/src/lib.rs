//! Jaeger, played for tests: spans that are kept, told in either of its dialects.
//!
//! It behaves as the real one where that matters: one span has to fit all of a search, an empty search is an empty list in
//! one dialect and a 404 in the other, refusals in each one's form, the UI's page for unknown paths.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a double fails by panicking, which fails the test"
)]

mod data;
mod examples;
mod v1;
mod v3;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use double_kit::{Contract, Double, Reply, Request};
use serde_json::Value;

pub use examples::examples;

/// The operations of both dialects.
const TABLE: &str = include_str!("../../../../components/jaeger/api.txt");

/// One span. Times are unix microseconds.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// The trace, in hexadecimal.
    pub trace: String,
    /// The span, in hexadecimal.
    pub id: String,
    /// The span it is a child of.
    pub parent: Option<String>,
    /// Who sent it.
    pub service: String,
    /// What it is.
    pub name: String,
    /// `server`, `client` and so on.
    pub kind: String,
    /// When it began.
    pub start: i64,
    /// How long it took.
    pub duration: i64,
    /// Strings, numbers and booleans.
    pub attributes: Vec<(String, Value)>,
    /// If it failed, what its status says.
    pub error: Option<String>,
    /// An exception it recorded.
    pub exception: Option<String>,
}

/// One query service.
#[derive(Debug)]
pub struct Jaeger {
    contract: Contract,
    published: bool,
    traces: Mutex<BTreeMap<String, Vec<Span>>>,
}

/// A shop's Jaeger, as its UI is told: payments time out since ten minutes before `now`.
pub fn double(now: f64) -> Arc<dyn Double> {
    Arc::new(Jaeger::empty(false).filled(now))
}

/// The same in the published dialect.
pub fn published(now: f64) -> Arc<dyn Double> {
    Arc::new(Jaeger::empty(true).filled(now))
}

/// The part of the table that a dialect is.
fn table(published: bool) -> &'static str {
    let at = TABLE.find("# The published one").unwrap();
    if published { &TABLE[at..] } else { &TABLE[..at] }
}

/// What is looked for.
struct Search<'a> {
    service: &'a str,
    operation: Option<&'a str>,
    attributes: BTreeMap<String, Value>,
    shortest: i64,
    longest: i64,
    start: i64,
    end: i64,
    limit: usize,
}

impl Jaeger {
    /// One without any span.
    pub fn empty(published: bool) -> Self {
        Self { contract: Contract::parse(table(published)), published, traces: Mutex::default() }
    }

    fn filled(self, now: f64) -> Self {
        data::fill(&self, (now * 1e6) as i64);
        self
    }

    /// Takes spans in.
    pub fn push(&self, spans: impl IntoIterator<Item = Span>) {
        let mut traces = self.traces.lock().unwrap();
        for span in spans {
            traces.entry(span.trace.clone()).or_default().push(span);
        }
    }

    fn services(&self) -> BTreeSet<String> {
        let traces = self.traces.lock().unwrap();
        traces.values().flatten().map(|span| span.service.clone()).collect()
    }

    /// Names and kinds.
    fn operations(&self, service: &str) -> BTreeSet<(String, String)> {
        let traces = self.traces.lock().unwrap();
        let own = traces.values().flatten().filter(|span| span.service == service);
        own.map(|span| (span.name.clone(), span.kind.clone())).collect()
    }

    fn trace(&self, id: &str) -> Option<Vec<Span>> {
        // Leading zeros may be left out.
        let traces = self.traces.lock().unwrap();
        traces
            .iter()
            .find(|(known, _)| known.trim_start_matches('0') == id.trim_start_matches('0'))
            .map(|(_, spans)| spans.clone())
    }

    fn search(&self, wanted: &Search<'_>) -> Vec<Vec<Span>> {
        let fits = |span: &Span| {
            let has = |(name, value): (&String, &Value)| match name.as_str() {
                "error" => span.error.is_some() == (value == "true"),
                name => span.attributes.iter().any(|(key, known)| {
                    key == name && (known == value || Some(&*known.to_string()) == value.as_str())
                }),
            };
            span.service == wanted.service
                && wanted.operation.is_none_or(|name| span.name == name)
                && (wanted.shortest..=wanted.longest).contains(&span.duration)
                && (wanted.start..=wanted.end).contains(&span.start)
                && wanted.attributes.iter().all(has)
        };
        let traces = self.traces.lock().unwrap();
        traces.values().filter(|spans| spans.iter().any(fits)).take(wanted.limit).cloned().collect()
    }

    /// Calls between services in a window.
    fn calls(&self, start: i64, end: i64) -> BTreeMap<(String, String), u64> {
        let mut calls = BTreeMap::new();
        for spans in self.traces.lock().unwrap().values() {
            for span in spans.iter().filter(|span| (start..=end).contains(&span.start)) {
                let parent = spans.iter().find(|other| Some(&other.id) == span.parent.as_ref());
                if let Some(parent) = parent.filter(|parent| parent.service != span.service) {
                    *calls.entry((parent.service.clone(), span.service.clone())).or_default() += 1;
                }
            }
        }
        calls
    }
}

/// Microseconds in `1.5s`; what is wrong is said as Go says it.
fn duration(text: &str) -> Result<i64, String> {
    let number = text.strip_suffix('s').and_then(|number| number.parse::<f64>().ok());
    number.map(|seconds| (seconds * 1e6).round() as i64).ok_or(format!("time: invalid duration \"{text}\""))
}

impl Double for Jaeger {
    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn answer(&self, request: &Request) -> Reply {
        if self.published { v3::answer(self, request) } else { v1::answer(self, request) }
    }
}
