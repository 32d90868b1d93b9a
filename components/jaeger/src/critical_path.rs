//! The critical path of a span: at each moment from its beginning to its end, the one span below it that it waited for.
//!
//! Gone through backward. What a span waited for at its end is the child that ended last; before that child began, the one
//! that ended last of those begun by then; and so on. Between children, the time is the span's own. A child that outlives
//! the moment it is looked at from (it overlaps its successor, or its parent did not wait for its end) counts until that
//! moment; one that its parent did not wait for at all (`follows`) never does. So each moment is counted once, and all of
//! it adds up to the span's length.

use std::collections::HashMap;

use bulkhead_sdk::time::Nanos;

use crate::model::Trace;

/// A stretch of time on the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    pub(crate) from: Nanos,
    pub(crate) to: Nanos,
    /// The span's place in the trace.
    pub(crate) span: usize,
}

/// What an operation has of a path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Share<'a> {
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    /// Its own time on the path.
    pub(crate) own: Nanos,
    /// How many of its spans are on the path.
    pub(crate) spans: usize,
}

/// The path of the span at this place, in time order.
pub(crate) fn of(trace: &Trace, place: usize) -> Vec<Segment> {
    let mut path = Vec::new();
    let whole = trace.spans.get(place).map(|span| (place, span.start, span.end));
    // Not recursive: some traces are thousands of spans deep.
    let mut todo: Vec<(usize, Nanos, Nanos)> = whole.into_iter().collect();
    while let Some((place, from, to)) = todo.pop() {
        let mut own = |from, to| {
            if from < to {
                path.push(Segment { from, to, span: place });
            }
        };
        let mut until = to;
        let mut children: Vec<_> = trace
            .children(place)
            .iter()
            .filter_map(|child| Some((*child, trace.spans.get(*child)?)))
            .collect();
        children.sort_by_key(|(_, span)| std::cmp::Reverse((span.end, span.start)));
        // The moment only moves back, so a child that begins after it never counts.
        for (child, span) in children {
            let (start, end) = (span.start.max(from), span.end.min(until));
            if start < end && !span.follows {
                own(end, until);
                todo.push((child, start, end));
                until = start;
            }
        }
        own(from, until);
    }
    path.sort_unstable();
    path
}

/// What each operation has of a path, the most first.
pub(crate) fn shares<'a>(trace: &'a Trace, path: &[Segment]) -> Vec<Share<'a>> {
    let mut own: HashMap<usize, Nanos> = HashMap::new();
    for segment in path {
        *own.entry(segment.span).or_default() += segment.to - segment.from;
    }
    let mut shares: HashMap<(&str, &str), (Nanos, usize)> = HashMap::new();
    for (place, own) in own {
        if let Some(span) = trace.spans.get(place) {
            let (sum, spans) = shares.entry((&span.service, &span.operation)).or_default();
            *sum += own;
            *spans += 1;
        }
    }
    let told = |((service, operation), (own, spans))| Share { service, operation, own, spans };
    let mut shares: Vec<Share<'_>> = shares.into_iter().map(told).collect();
    shares.sort_by(|a, b| (b.own, a.service, a.operation).cmp(&(a.own, b.service, b.operation)));
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::trace;

    /// The path of the root as `id from-to`, which must be without a gap.
    fn path(spans: &[(&str, Option<&str>, i64, i64)]) -> String {
        let trace = trace(spans);
        let path = of(&trace, trace.root().unwrap());
        for pair in path.windows(2) {
            assert_eq!(pair[0].to, pair[1].from, "a moment is lost or counted twice");
        }
        let root = &trace.spans[trace.root().unwrap()];
        assert_eq!((path[0].from, path[path.len() - 1].to), (root.start, root.end));
        let told = |part: &Segment| format!("{} {}-{}", trace.spans[part.span].id, part.from, part.to);
        path.iter().map(told).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn gaps_are_the_parents_own() {
        assert_eq!(path(&[("a", None, 0, 100)]), "a 0-100");
        assert_eq!(
            path(&[("a", None, 0, 100), ("b", Some("a"), 10, 40), ("c", Some("a"), 60, 90)]),
            "a 0-10, b 10-40, a 40-60, c 60-90, a 90-100"
        );
    }

    #[test]
    fn of_children_at_once_the_last_to_end_counts() {
        assert_eq!(
            path(&[("a", None, 0, 100), ("b", Some("a"), 10, 50), ("c", Some("a"), 10, 90)]),
            "a 0-10, c 10-90, a 90-100"
        );
        assert_eq!(
            path(&[
                ("a", None, 0, 100),
                ("b", Some("a"), 20, 30),
                ("c", Some("a"), 10, 90),
                ("d", Some("a"), 12, 89)
            ]),
            "a 0-10, c 10-90, a 90-100"
        );
    }

    #[test]
    fn a_child_that_overlaps_its_successor_counts_until_that_began() {
        assert_eq!(
            path(&[("a", None, 0, 100), ("b", Some("a"), 0, 60), ("c", Some("a"), 40, 100)]),
            "b 0-40, c 40-100"
        );
        // A clock that is off by one does not take the child from the path.
        assert_eq!(
            path(&[("a", None, 0, 100), ("b", Some("a"), 0, 51), ("c", Some("a"), 50, 100)]),
            "b 0-50, c 50-100"
        );
    }

    #[test]
    fn what_outlives_the_parent_was_not_waited_for() {
        assert_eq!(path(&[("a", None, 0, 100), ("b", Some("a"), 80, 300)]), "a 0-80, b 80-100");
        assert_eq!(
            path(&[("a", None, 0, 100), ("b", Some("a"), 100, 300), ("c", Some("a"), 200, 300)]),
            "a 0-100"
        );
        assert_eq!(
            path(&[("a", None, 50, 100), ("b", Some("a"), 0, 60)]),
            "b 50-60, a 60-100",
            "clocks differ"
        );
    }

    #[test]
    fn what_follows_was_not_waited_for() {
        let mut trace = trace(&[("a", None, 0, 100), ("b", Some("a"), 10, 90), ("c", Some("a"), 20, 50)]);
        trace.spans[1].follows = true;
        let spans: Vec<usize> = of(&trace, 0).iter().map(|part| part.span).collect();
        assert_eq!(spans, [0, 2, 0]);
    }

    #[test]
    fn it_goes_down_through_all_levels() {
        assert_eq!(
            path(&[
                ("a", None, 0, 100),
                ("b", Some("a"), 10, 90),
                ("c", Some("b"), 20, 50),
                ("d", Some("b"), 20, 70),
                ("e", Some("d"), 30, 200),
            ]),
            "a 0-10, b 10-20, d 20-30, e 30-70, b 70-90, a 90-100"
        );
    }

    #[test]
    fn spans_of_no_length_take_no_time() {
        assert_eq!(path(&[("a", None, 0, 10), ("b", Some("a"), 5, 5)]), "a 0-10");
        let empty = trace(&[("a", None, 5, 5)]);
        assert_eq!((of(&empty, 0), of(&empty, 9)), (vec![], vec![]));
    }

    #[test]
    fn a_deep_trace_does_not_exhaust_the_stack() {
        let ids: Vec<String> = (0..20_000).map(|depth| format!("s{depth}")).collect();
        let spans: Vec<(&str, Option<&str>, i64, i64)> = (0..20_000)
            .map(|depth| (&*ids[depth], depth.checked_sub(1).map(|above| &*ids[above]), depth as i64, 50_000))
            .collect();
        assert_eq!(of(&trace(&spans), 0).len(), 20_000);
    }

    #[test]
    fn shares_are_by_operation_the_most_first() {
        let mut trace = trace(&[
            ("a", None, 0, 100),
            ("b1", Some("a"), 10, 40),
            ("b2", Some("a"), 50, 90),
            ("b3", Some("a"), 50, 60),
        ]);
        for span in &mut trace.spans[1..] {
            span.operation = "get".into();
        }
        let shares = shares(&trace, &of(&trace, 0));
        assert_eq!(
            shares,
            [
                Share { service: "b", operation: "get", own: 70, spans: 2 },
                Share { service: "a", operation: "a", own: 30, spans: 1 },
            ]
        );
    }
}
