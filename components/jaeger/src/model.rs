//! A trace as both of Jaeger's dialects mean it.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{Nanos, nanos_rfc3339};
use serde_json::Map;

use crate::length::millis;

/// The spans of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    pub(crate) id: String,
    /// By when they began.
    pub(crate) spans: Vec<Span>,
    /// The places of each span's children.
    children: Vec<Vec<usize>>,
    /// The places of the spans without a parent here.
    roots: Vec<usize>,
}

/// One span.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Span {
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    /// It came of its parent, which did not wait for it.
    pub(crate) follows: bool,
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) kind: String,
    pub(crate) start: Nanos,
    pub(crate) end: Nanos,
    pub(crate) error: bool,
    /// What the status says.
    pub(crate) message: Option<String>,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) events: Vec<Event>,
    pub(crate) links: Vec<Value>,
    /// Shared by all spans of a process: traces are large, and a guest's memory is not.
    pub(crate) resource: Rc<Map<String, Value>>,
}

/// Something that happened during a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) at: Nanos,
    pub(crate) name: String,
    pub(crate) attributes: Map<String, Value>,
}

/// A service's operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) kind: String,
}

/// Who called whom, how often.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dependency {
    pub(crate) parent: String,
    pub(crate) child: String,
    pub(crate) calls: u64,
}

impl Trace {
    /// Puts the spans in order and finds their children.
    pub(crate) fn new(id: impl Into<String>, mut spans: Vec<Span>) -> Self {
        spans.sort_by(|a, b| (a.start, -a.end, &a.id).cmp(&(b.start, -b.end, &b.id)));
        let places: HashMap<&str, usize> =
            spans.iter().enumerate().map(|(place, span)| (span.id.as_str(), place)).collect();
        let (mut children, mut roots) = (vec![Vec::new(); spans.len()], Vec::new());
        for (place, span) in spans.iter().enumerate() {
            let parent = span.parent.as_deref().and_then(|parent| places.get(parent).copied());
            match parent.and_then(|parent| children.get_mut(parent)) {
                Some(siblings) if parent != Some(place) => siblings.push(place),
                _ => roots.push(place),
            }
        }
        Self { id: id.into(), children, roots, spans }
    }

    /// The spans that a span called for, by when they began.
    pub(crate) fn children(&self, place: usize) -> &[usize] {
        self.children.get(place).map(Vec::as_slice).unwrap_or_default()
    }

    /// The span all others stem from. In an incomplete trace, the longest of those whose parent is missing.
    pub(crate) fn root(&self) -> Option<usize> {
        let whole = |place: &usize| self.spans.get(*place).is_some_and(|span| span.parent.is_none());
        let length = |place: &usize| self.spans.get(*place).map_or(0, Span::length);
        let first = self.roots.iter().copied().find(whole);
        first.or_else(|| self.roots.iter().copied().rev().max_by_key(length))
    }

    /// The spans without a parent here: the first is the root, the others' parents are missing or they have none.
    pub(crate) fn roots(&self) -> &[usize] {
        &self.roots
    }

    /// How many spans name a parent that is not here.
    pub(crate) fn orphans(&self) -> usize {
        let orphan = |place: &&usize| self.spans.get(**place).is_some_and(|span| span.parent.is_some());
        self.roots.iter().filter(orphan).count()
    }

    /// When the first span began and the last ended.
    pub(crate) fn extent(&self) -> (Nanos, Nanos) {
        let start = self.spans.iter().map(|span| span.start).min().unwrap_or_default();
        (start, self.spans.iter().map(|span| span.end).max().unwrap_or_default())
    }

    /// The places of the spans through which requests come into a service: its parent is another's, or none.
    pub(crate) fn entries<'a>(&'a self, service: &'a str) -> impl Iterator<Item = usize> + 'a {
        let mut inner = vec![false; self.spans.len()];
        for (place, children) in self.children.iter().enumerate() {
            if self.spans.get(place).is_some_and(|span| span.service == service) {
                children
                    .iter()
                    .for_each(|child| inner.get_mut(*child).into_iter().for_each(|inner| *inner = true));
            }
        }
        let own = move |(span, inner): (&Span, bool)| span.service == service && !inner;
        let places = self.spans.iter().zip(inner).enumerate();
        places.filter_map(move |(place, found)| own(found).then_some(place))
    }

    /// The places of spans that failed without any span below them that did: where errors come from.
    pub(crate) fn error_origins(&self) -> Vec<usize> {
        let failed = |place: &usize| self.spans.get(*place).is_some_and(|span| span.error);
        (0..self.spans.len())
            .filter(|place| failed(place) && !self.children(*place).iter().any(failed))
            .collect()
    }

    /// Spans and errors of each service.
    pub(crate) fn services(&self) -> BTreeMap<&str, (usize, usize)> {
        let mut services: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for span in &self.spans {
            let (spans, errors) = services.entry(&span.service).or_default();
            *spans += 1;
            *errors += usize::from(span.error);
        }
        services
    }
}

impl Span {
    /// From its beginning to its end.
    pub(crate) fn length(&self) -> Nanos {
        self.end.saturating_sub(self.start)
    }

    /// What went wrong, as far as it says: its status, the exception it recorded, or the status of the protocol.
    pub(crate) fn complaint(&self) -> Option<String> {
        if !self.error {
            return None;
        }
        let texts = |attributes: &Map<String, Value>, names: &[&str]| {
            names.iter().find_map(|name| match attributes.get(*name)? {
                Value::String(text) if !text.is_empty() => Some(text.clone()),
                Value::Number(number) => Some(format!("{name} {number}")),
                _ => None,
            })
        };
        let of_event =
            |event: &Event| texts(&event.attributes, &["exception.message", "message", "error.object"]);
        self.message
            .clone()
            .filter(|message| !message.is_empty())
            .or_else(|| self.events.iter().find_map(of_event))
            .or_else(|| texts(&self.attributes, &["error.message", "error.type"]))
            .or_else(|| {
                texts(
                    &self.attributes,
                    &["http.response.status_code", "http.status_code", "rpc.grpc.status_code"],
                )
            })
    }

    /// All of it, for a reader; what looks like a secret is not.
    pub(crate) fn told(&self) -> Value {
        let mut out = json!({
            "span_id": self.id, "parent_span_id": self.parent, "service": self.service, "operation": self.operation,
            "kind": self.kind, "start": nanos_rfc3339(self.start), "duration_ms": millis(self.length()), "error": self.error,
            "attributes": redacted(&self.attributes), "resource": redacted(&self.resource),
        });
        let events = self.events.iter().map(|event| {
            json!({ "time": nanos_rfc3339(event.at), "name": event.name, "attributes": redacted(&event.attributes) })
        });
        if let Some(object) = out.as_object_mut() {
            if let Some(complaint) = self.complaint() {
                object.insert("message".into(), complaint.into());
            }
            object.insert("events".into(), events.collect());
            object.insert("links".into(), self.links.clone().into());
            object.retain(|_, value| {
                !(value.is_null() || value == &json!([]) || value == &json!({}) || value == "")
            });
        }
        out
    }
}

/// Parts of names whose values are nobody's to read.
const SECRET: [&str; 8] =
    ["authorization", "cookie", "password", "passwd", "secret", "token", "api_key", "apikey"];

fn redacted(attributes: &Map<String, Value>) -> Map<String, Value> {
    let shown = |(name, value): (&String, &Value)| {
        let lower = name.to_lowercase().replace('-', "_");
        // Numbers count tokens, they are none.
        let secret =
            !(value.is_number() || value.is_boolean()) && SECRET.iter().any(|word| lower.contains(word));
        (name.clone(), if secret { "[redacted]".into() } else { value.clone() })
    };
    attributes.iter().map(shown).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// `("a", None, 0, 100)`: id, parent, start and end; the service is its first letter, the operation its id.
    pub(crate) fn trace(spans: &[(&str, Option<&str>, i64, i64)]) -> Trace {
        let span = |(id, parent, start, end): &(&str, Option<&str>, i64, i64)| Span {
            id: (*id).to_owned(),
            parent: parent.map(str::to_owned),
            service: id[..1].to_owned(),
            operation: (*id).to_owned(),
            start: *start,
            end: *end,
            ..Span::default()
        };
        Trace::new("t", spans.iter().map(span).collect())
    }

    #[test]
    fn children_are_found_and_orphans_are_counted() {
        let trace = trace(&[("b", Some("a"), 5, 9), ("a", None, 0, 10), ("c", Some("gone"), 3, 4)]);
        assert_eq!((trace.root(), trace.children(0), trace.orphans()), (Some(0), &[2][..], 1));
        assert_eq!((trace.extent(), trace.roots()), ((0, 10), &[0, 1][..]));
    }

    #[test]
    fn without_a_root_the_longest_orphan_is_one() {
        let trace = trace(&[("a", Some("x"), 0, 10), ("b", Some("y"), 1, 50), ("c", Some("c"), 2, 3)]);
        assert_eq!(trace.root(), Some(1));
        assert_eq!(Trace::default().root(), None);
    }

    #[test]
    fn requests_come_in_where_the_parent_is_another_service() {
        let trace = trace(&[
            ("a", None, 0, 9),
            ("b1", Some("a"), 1, 8),
            ("b2", Some("b1"), 2, 3),
            ("b3", Some("a"), 4, 5),
        ]);
        assert_eq!(trace.entries("b").collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn errors_come_from_the_deepest() {
        let mut trace = trace(&[("a", None, 0, 9), ("b", Some("a"), 1, 8), ("c", Some("b"), 2, 3)]);
        trace.spans[0].error = true;
        trace.spans[1].error = true;
        assert_eq!(trace.error_origins(), [1]);
    }

    #[test]
    fn a_span_says_what_went_wrong() {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let mut span = Span { attributes: map(json!({ "http.status_code": 503 })), ..Span::default() };
        assert_eq!(span.complaint(), None, "it did not fail");
        span.error = true;
        assert_eq!(span.complaint().unwrap(), "http.status_code 503");
        let attributes = map(json!({ "exception.message": "no route" }));
        span.events = vec![Event { attributes, ..Event::default() }];
        assert_eq!(span.complaint().unwrap(), "no route");
        span.message = Some("timeout".into());
        assert_eq!(span.complaint().unwrap(), "timeout");
    }

    #[test]
    fn secrets_are_not_told() {
        let attributes = json!({ "http.request.header.Authorization": ["Bearer x"], "x-api-key": "k", "input_tokens": 7, "user": "u" });
        assert_eq!(
            Value::from(redacted(attributes.as_object().unwrap())),
            json!({ "http.request.header.Authorization": "[redacted]", "x-api-key": "[redacted]", "input_tokens": 7, "user": "u" })
        );
    }
}
