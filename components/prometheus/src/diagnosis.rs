//! What deserves a look: rules over facts, one file for each thing they are about. Each finding has its evidence and what
//! to do next.

mod database;
mod rules;
mod server;
mod targets;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::Seconds;
use serde_json::Map;

use crate::shape::Series;

/// Names shown as evidence; the rest is counted.
const SHOWN: usize = 5;

/// What the rules look at; what could not be read is null or empty, and no finding comes of it.
#[derive(Default)]
pub(crate) struct Facts {
    /// Active ones, as Prometheus has them.
    pub(crate) targets: Vec<Value>,
    pub(crate) groups: Vec<Value>,
    pub(crate) runtime: Value,
    pub(crate) tsdb: Value,
    pub(crate) replay: Value,
    /// Null if it is not known.
    pub(crate) alertmanagers: Value,
    /// Prometheus's counters about itself, where something scrapes it, over the last hour.
    pub(crate) counters: Vec<Series>,
    pub(crate) now: Seconds,
}

/// Every finding, the most pressing first.
pub(crate) fn all(facts: &Facts) -> Vec<Value> {
    let rules: [fn(&Facts) -> Vec<Value>; 12] = [
        server::replaying,
        server::reload_failed,
        server::corrupted,
        server::nobody_is_notified,
        targets::down,
        rules::failing,
        server::counters,
        rules::slow,
        targets::slow,
        database::large_metrics,
        database::large_labels,
        server::restarted,
    ];
    rules.iter().flat_map(|rule| rule(facts)).collect()
}

/// The query behind [`Facts::counters`].
pub(crate) fn counters_query() -> String {
    server::query()
}

fn finding(rule: &str, says: impl Into<String>, evidence: Value, next: &str) -> Value {
    Value::Object(Map::from_iter([
        ("finding".to_owned(), rule.into()),
        ("says".to_owned(), says.into().into()),
        ("evidence".to_owned(), evidence),
        ("next".to_owned(), next.into()),
    ]))
}

/// The first few, and how many more there are.
fn some<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(SHOWN);
    let mut shown: Vec<String> = names.into_iter().take(SHOWN).map(str::to_owned).collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.into()
}
