//! The tools, one file each, and what those files share.

pub(crate) mod alerts;
mod diagnose;
mod explain;
mod labels;
mod metadata;
mod query;
mod query_range;
pub(crate) mod rules;
mod snapshot;
pub(crate) mod status;
pub(crate) mod targets;

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use crate::Prometheus;

/// Every tool, in the order a model should consider them.
pub(crate) fn all() -> Tools<Prometheus> {
    Tools::new()
        .add(diagnose::tool())
        .add(query::tool())
        .add(query_range::tool())
        .add(labels::tool())
        .add(metadata::tool())
        .add(targets::tool())
        .add(alerts::tool())
        .add(rules::tool())
        .add(status::tool())
        .add(snapshot::tool())
}

/// How many there are of each word.
fn counted<'a>(words: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    words.for_each(|word| *counts.entry(word).or_default() += 1);
    counts
}

/// The labels of an object at a field, but for some that are told beside them.
fn labels_but(object: &Value, field: &str, told: &[&str]) -> Map<String, Value> {
    let labels = object.get(field).and_then(Value::as_object).into_iter().flatten();
    labels
        .filter(|(name, _)| !told.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
