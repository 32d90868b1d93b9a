//! What a model reads of a trace: who took part, what failed, where the time went, and its shape.

use std::collections::{BTreeMap, HashMap, HashSet};

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{Nanos, nanos_rfc3339};
use bulkhead_sdk::value::shortened;
use serde_json::Map;

use crate::critical_path::{self, Segment, Share};
use crate::length::{millis, percent};
use crate::model::{Span, Trace};

/// Contributors to the critical path: of a trace in a list, and of one alone.
const FEW: usize = 3;
const MANY: usize = 10;

const ERRORS: usize = 10;
/// Spans in the tree.
const TREE: usize = 40;
const MESSAGE: usize = 300;

/// So many calls of one operation by one span are a loop that one call could do.
pub(crate) const REPEATED: usize = 10;

/// A trace in a list.
pub(crate) fn brief(trace: &Trace) -> Map<String, Value> {
    let mut out = head(trace);
    let services: Map<String, Value> =
        trace.services().into_iter().map(|(name, (spans, _))| (name.to_owned(), spans.into())).collect();
    out.insert("services".into(), services.into());
    let origins = trace.error_origins();
    if let Some(origin) = origins.first().and_then(|place| trace.spans.get(*place)) {
        out.insert("error".into(), failed(origin));
    }
    out.insert("critical_path".into(), path_of_root(trace, FEW));
    out
}

/// A trace alone.
pub(crate) fn whole(trace: &Trace) -> Map<String, Value> {
    let mut out = head(trace);
    let services = trace.services().into_iter();
    let services =
        services.map(|(name, (spans, errors))| json!({ "service": name, "spans": spans, "errors": errors }));
    out.insert("services".into(), services.collect());
    let origins = trace.error_origins();
    let errors = origins.iter().take(ERRORS).filter_map(|place| trace.spans.get(*place)).map(failed);
    out.insert("error_origins".into(), errors.collect());
    if let Some(left) = origins.len().checked_sub(ERRORS).filter(|left| *left > 0) {
        out.insert("error_origins_left_out".into(), left.into());
    }
    out.insert("critical_path".into(), path_of_root(trace, MANY));
    let repeated: Vec<Value> = repeated(trace).iter().map(|found| found.told(trace)).collect();
    if !repeated.is_empty() {
        out.insert("repeated_calls".into(), repeated.into());
    }
    let path = trace.root().map(|root| critical_path::of(trace, root)).unwrap_or_default();
    out.insert("tree".into(), tree(trace, &path).into());
    out
}

fn head(trace: &Trace) -> Map<String, Value> {
    let (start, end) = trace.extent();
    let root = trace.root().and_then(|root| trace.spans.get(root));
    let errors = trace.spans.iter().filter(|span| span.error).count();
    let told = [
        ("trace_id", trace.id.as_str().into()),
        ("root", root.map(|root| format!("{}: {}", root.service, root.operation)).into()),
        ("start", nanos_rfc3339(start).into()),
        ("duration_ms", millis(end - start)),
        ("spans", trace.spans.len().into()),
        ("error_spans", errors.into()),
    ];
    let mut out: Map<String, Value> =
        told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if trace.orphans() > 0 {
        out.insert("incomplete".into(), format!("{} spans lack their parent", trace.orphans()).into());
    }
    out
}

/// A span that failed.
pub(crate) fn failed(span: &Span) -> Value {
    json!({
        "service": span.service, "operation": span.operation, "span_id": span.id, "duration_ms": millis(span.length()),
        "message": span.complaint().map(|words| shortened(&words, MESSAGE)),
    })
}

fn path_of_root(trace: &Trace, most: usize) -> Value {
    let Some((place, root)) = trace.root().and_then(|root| Some((root, trace.spans.get(root)?))) else {
        return json!([]);
    };
    let path = critical_path::of(trace, place);
    let told = |share: &Share<'_>| {
        json!({
            "service": share.service, "operation": share.operation, "own_ms": millis(share.own),
            "percent": percent(share.own, root.length()), "spans": share.spans,
        })
    };
    critical_path::shares(trace, &path).iter().take(most).map(told).collect()
}

/// What changed on the critical path from another trace to this one, the largest change first.
pub(crate) fn compared(trace: &Trace, other: &Trace) -> Value {
    let shares = |trace: &Trace| -> BTreeMap<(String, String), Nanos> {
        let path = trace.root().map(|root| critical_path::of(trace, root)).unwrap_or_default();
        let shares = critical_path::shares(trace, &path);
        shares
            .iter()
            .map(|share| ((share.service.to_owned(), share.operation.to_owned()), share.own))
            .collect()
    };
    let (here, there) = (shares(trace), shares(other));
    let names: HashSet<_> = here.keys().chain(there.keys()).collect();
    let own = |of: &BTreeMap<(String, String), Nanos>, name| of.get(name).copied().unwrap_or_default();
    let mut changes: Vec<_> =
        names.into_iter().map(|name| (name, own(&here, name), own(&there, name))).collect();
    changes.sort_by_key(|(name, here, there)| (std::cmp::Reverse((here - there).abs()), *name));
    let told = |((service, operation), here, there): (&(String, String), Nanos, Nanos)| {
        json!({
            "service": service, "operation": operation, "own_ms": millis(here), "other_ms": millis(there),
            "difference_ms": millis(here - there),
        })
    };
    let total = changes.len();
    let changes: Vec<Value> = changes.into_iter().take(MANY).map(told).collect();
    json!({ "other": head(other), "total": total, "critical_path": changes })
}

/// Calls of one operation that one span made again and again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    parent: usize,
    calls: Vec<usize>,
}

impl Repeated {
    pub(crate) fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Whether each began after the one before had ended.
    fn in_turn(&self, trace: &Trace) -> bool {
        let spans: Vec<&Span> = self.calls.iter().filter_map(|place| trace.spans.get(*place)).collect();
        spans.windows(2).all(|pair| matches!(pair, [a, b] if a.end <= b.start))
    }

    /// Who calls what how often.
    pub(crate) fn words(&self, trace: &Trace) -> String {
        let name = |place: usize| {
            trace
                .spans
                .get(place)
                .map(|span| format!("{} {}", span.service, span.operation))
                .unwrap_or_default()
        };
        let called = self.calls.first().map(|place| name(*place)).unwrap_or_default();
        let how = if self.in_turn(trace) { ", one after the other" } else { "" };
        format!("{} calls {called} {} times{how}", name(self.parent), self.calls.len())
    }

    fn told(&self, trace: &Trace) -> Value {
        let spent: Nanos =
            self.calls.iter().filter_map(|place| trace.spans.get(*place)).map(Span::length).sum();
        json!({ "finding": self.words(trace), "total_ms": millis(spent) })
    }
}

/// Loops of calls, the longest first.
pub(crate) fn repeated(trace: &Trace) -> Vec<Repeated> {
    let mut found = Vec::new();
    for parent in 0..trace.spans.len() {
        let children = trace.children(parent);
        if children.len() < REPEATED {
            continue;
        }
        let mut calls: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for child in children {
            if let Some(span) = trace.spans.get(*child) {
                calls.entry((&span.service, &span.operation)).or_default().push(*child);
            }
        }
        let many = calls.into_values().filter(|calls| calls.len() >= REPEATED);
        found.extend(many.map(|calls| Repeated { parent, calls }));
    }
    found.sort_by_key(|found| std::cmp::Reverse(found.calls.len()));
    found.truncate(5);
    found
}

/// The trace as lines, deeper ones indented: `*` is on the critical path, `!` failed. Of a large trace the lines that
/// matter: errors, what is on the path, what is long, and what leads there.
fn tree(trace: &Trace, path: &[Segment]) -> Vec<String> {
    let on_path: HashSet<usize> = path.iter().map(|segment| segment.span).collect();
    let chosen = chosen(trace, path);
    let mut lines = Vec::new();
    let mut todo: Vec<(usize, usize)> = trace.roots().iter().rev().map(|root| (*root, 0)).collect();
    while let Some((place, depth)) = todo.pop() {
        let Some(span) = trace.spans.get(place).filter(|_| chosen.contains(&place)) else { continue };
        let children = trace.children(place);
        let left = children.iter().filter(|child| !chosen.contains(child)).count();
        let indent = "  ".repeat(depth);
        let marks = format!(
            "{}{}{}",
            if on_path.contains(&place) { " *" } else { "" },
            if span.error { " !" } else { "" },
            if left > 0 { format!(" (+{left} not shown)") } else { String::new() }
        );
        lines.push(format!(
            "{indent}{}: {} {} ms{marks}",
            span.service,
            span.operation,
            millis(span.length())
        ));
        todo.extend(children.iter().rev().map(|child| (*child, depth + 1)));
    }
    let roots = trace.roots().iter().filter(|root| !chosen.contains(root)).count();
    if roots > 0 {
        lines.push(format!("(+{roots} without a parent, not shown)"));
    }
    lines
}

/// The places of the spans in the tree.
fn chosen(trace: &Trace, path: &[Segment]) -> HashSet<usize> {
    let mut own: HashMap<usize, Nanos> = HashMap::new();
    for segment in path {
        *own.entry(segment.span).or_default() += segment.to - segment.from;
    }
    let origins: HashSet<usize> = trace.error_origins().into_iter().collect();
    let mut parents: HashMap<usize, usize> = HashMap::new();
    for parent in 0..trace.spans.len() {
        parents.extend(trace.children(parent).iter().map(|child| (*child, parent)));
    }
    let mut wanted: Vec<(bool, Nanos, Nanos, usize)> = trace
        .spans
        .iter()
        .enumerate()
        .map(|(place, span)| {
            (!origins.contains(&place), -own.get(&place).copied().unwrap_or_default(), -span.length(), place)
        })
        .collect();
    wanted.sort_unstable();
    let mut chosen: HashSet<usize> = HashSet::new();
    for (.., place) in wanted {
        let up = std::iter::successors(Some(place), |place| parents.get(place).copied());
        let way: Vec<usize> = up.take_while(|place| !chosen.contains(place)).take(TREE + 1).collect();
        if chosen.len() + way.len() <= TREE {
            chosen.extend(way);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::trace;

    #[test]
    fn a_small_trace_is_shown_whole() {
        let mut trace = trace(&[
            ("a", None, 0, 9_000_000),
            ("b", Some("a"), 0, 1_000_000),
            ("c", Some("a"), 0, 8_500_000),
        ]);
        trace.spans[2].error = true;
        let path = critical_path::of(&trace, 0);
        assert_eq!(tree(&trace, &path), ["a: a 9 ms *", "  c: c 8.5 ms *", "  b: b 1 ms !"]);
    }

    #[test]
    fn of_a_large_trace_what_matters_is_shown() {
        let ids: Vec<String> = (0..100).map(|n| format!("b{n}")).collect();
        let mut spans: Vec<(&str, Option<&str>, i64, i64)> =
            (0..100).map(|n| (&*ids[n], Some("a"), n as i64, n as i64 + 1)).collect();
        spans.push(("a", None, 0, 1000));
        spans.push(("e", Some("b99"), 99, 99));
        let mut trace = trace(&spans);
        trace.spans.iter_mut().filter(|span| span.id == "e").for_each(|span| span.error = true);
        let lines = tree(&trace, &critical_path::of(&trace, 0));
        assert_eq!((lines.len(), &*lines[0]), (40, "a: a 0.001 ms * (+62 not shown)"));
        assert_eq!(lines[39], "    e: e 0 ms !");
    }

    #[test]
    fn loops_of_calls_are_found() {
        let ids: Vec<String> = (0..12).map(|n| format!("d{n:02}")).collect();
        let mut spans: Vec<(&str, Option<&str>, i64, i64)> =
            (0..12).map(|n| (&*ids[n], Some("a"), n as i64 * 2, n as i64 * 2 + 1)).collect();
        spans.push(("a", None, 0, 100));
        let mut trace = trace(&spans);
        assert_eq!(repeated(&trace), [], "twelve operations, each once");
        trace
            .spans
            .iter_mut()
            .filter(|span| span.service == "d")
            .for_each(|span| span.operation = "SELECT".into());
        let found = repeated(&trace);
        assert_eq!(found[0].words(&trace), "a a calls d SELECT 12 times, one after the other");
        trace.spans[1].end = 50;
        assert_eq!(found[0].words(&trace), "a a calls d SELECT 12 times");
    }

    #[test]
    fn what_changed_is_told_the_largest_first() {
        let fast = trace(&[("a", None, 0, 10_000_000), ("b", Some("a"), 0, 2_000_000)]);
        let slow = trace(&[
            ("a", None, 0, 50_000_000),
            ("b", Some("a"), 0, 40_000_000),
            ("c", Some("a"), 40_000_000, 41_000_000),
        ]);
        let told = compared(&slow, &fast);
        assert_eq!(
            told["critical_path"][0],
            json!({ "service": "b", "operation": "b", "own_ms": 40, "other_ms": 2, "difference_ms": 38 })
        );
        assert_eq!((&told["total"], &told["other"]["duration_ms"]), (&json!(3), &json!(10)));
    }
}
