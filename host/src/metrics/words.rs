//! Counters by the host's own words. All words are known beforehand, and each has its counter from the start,
//! at nought: a rate can be taken from the first count on.

use std::sync::Arc;

use prometheus_client::{metrics::counter::Counter, metrics::family::Family, registry::Registry};

use super::labels::OTHER;

/// What becomes of a call: `ok`, or the reasons of [`CallError`](crate::error::CallError).
pub const OUTCOMES: [&str; 29] = [
    "ok",
    "unknown_tool",
    "unknown_prompt",
    "unknown_resource",
    "bad_answer",
    "invalid_arguments",
    "not_found",
    "unauthenticated",
    "denied",
    "forbidden",
    "throttled",
    "quota_exceeded",
    "unavailable",
    "upstream",
    "failed",
    "deadline_exceeded",
    "out_of_memory",
    "cpu_exceeded",
    "fuel_exceeded",
    "too_many_handles",
    "quarantined",
    "trapped",
    "result_too_large",
    "input_unavailable",
    "needs_tasks",
    "cancelled",
    "declined",
    "shutting_down",
    "internal",
];

/// Limits, by their keys in the config.
pub(super) const LIMITS: [&str; 24] = [
    "memory",
    "deadline",
    "cpu",
    "fuel",
    "handles",
    "result_bytes",
    "log_bytes",
    "concurrent_calls",
    "calls_per_second",
    "calls_per_day",
    "requests_per_call",
    "concurrent_requests",
    "requests_per_second",
    "request_bytes",
    "response_bytes",
    "header_bytes",
    "connections",
    "connections_per_peer",
    "sessions",
    "sessions_per_caller",
    "streams",
    "streams_per_caller",
    "tasks",
    "tasks_per_caller",
];

/// Whose limit it is.
pub(super) const SCOPES: [&str; 6] = ["call", "tool", "service", "tenant", "caller", "host"];

type Labels = Vec<(&'static str, &'static str)>;

/// Counters by one word, or by several. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Words(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The words of each label.
    words: Vec<&'static [&'static str]>,
    /// All combinations, the last label's words next to each other; `_other` is the last of each.
    counters: Vec<Counter>,
}

impl Words {
    pub(super) fn new<const N: usize>(
        registry: &mut Registry,
        name: &str,
        help: &str,
        labels: [(&'static str, &'static [&'static str]); N],
    ) -> Self {
        let mut combined: Vec<Labels> = vec![Labels::new()];
        for (label, words) in labels {
            let with = |so_far: &Labels, word| [so_far.clone(), vec![(label, word)]].concat();
            combined = combined
                .iter()
                .flat_map(|so_far| words.iter().copied().chain([OTHER]).map(move |word| with(so_far, word)))
                .collect();
        }
        let family = Family::<Labels, Counter>::default();
        let counters = combined.iter().map(|labels| family.get_or_create_owned(labels)).collect();
        registry.register(name, help, family);
        Self(Arc::new(Inner { words: labels.map(|(_, words)| words).into(), counters }))
    }

    pub(super) fn count<const N: usize>(&self, words: [&str; N]) {
        self.add(words, 1);
    }

    pub(super) fn add<const N: usize>(&self, words: [&str; N], count: u64) {
        let at = self.0.words.iter().zip(words).fold(0, |at, (known, word)| {
            at * (known.len() + 1) + known.iter().position(|known| *known == word).unwrap_or(known.len())
        });
        if let Some(counter) = self.0.counters.get(at) {
            counter.inc_by(count);
        }
    }
}
