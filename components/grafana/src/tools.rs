//! The tools, one file for each, and what those files share.

mod alert_rules;
mod changes;
pub(crate) mod dashboard;
mod delete;
mod diagnose;
mod links;
pub(crate) mod objects;
mod query;
mod save_annotation;
mod save_dashboard;
mod save_object;

use std::ops::Deref;

use bulkhead_sdk::list::{Page, View};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::Fields;
use serde_json::Map;

use crate::Grafana;

/// Every tool, in the order a model should consider them.
pub(crate) fn all() -> Tools<Grafana> {
    [
        diagnose::tool(),
        changes::tool(),
        objects::tool(),
        dashboard::tool(),
        query::tool(),
        alert_rules::tool(),
        links::tool(),
        save_dashboard::tool(),
        save_object::tool(),
        save_annotation::tool(),
        delete::tool(),
    ]
    .into_iter()
    .fold(Tools::new(), Tools::add)
}

/// An object of any keys, of which the schema says no more than that.
#[derive(Debug, Deserialize, Serialize)]
struct Object(Map<String, Value>);

impl Deref for Object {
    type Target = Map<String, Value>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

bulkhead_sdk::schema!(Object { "type": "object" });

/// Labels a rule must have, as `team=shop,severity=critical`.
fn labels(text: Option<&str>) -> Result<Vec<(&str, &str)>> {
    let pairs = text
        .into_iter()
        .flat_map(|text| text.split(','))
        .map(|one| one.split_once('=').map(|(name, value)| (name.trim(), value.trim())));
    pairs
        .collect::<Option<_>>()
        .ok_or_else(|| Error::invalid("labels", "expected `team=shop,severity=critical`"))
}

/// The fields of an object that a summary has; what is absent or empty is left out.
fn picked(value: &Value, fields: &[&str]) -> Value {
    let said = |value: &&Value| !(value.is_null() || **value == json!("") || **value == json!([]));
    let some = fields
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), value.get(*field).filter(said)?.clone())));
    Value::Object(some.collect())
}

/// One object as it is wanted: some of its fields, all of it, or its summary.
fn seen(
    value: &Value,
    fields: Option<&Fields>,
    view: Option<View>,
    summary: impl FnOnce(&Value) -> Value,
) -> Value {
    match (fields, view) {
        (Some(fields), _) => fields.of(value),
        (None, Some(View::Full)) => value.clone(),
        (None, _) => summary(value),
    }
}

/// A page under `name`, with the notes there are.
fn listed(page: Page<Value>, name: &str, fields: Option<&Fields>, notes: Vec<String>) -> Map<String, Value> {
    let unknown = fields.and_then(|fields| fields.unknown(&page.items));
    let mut out = page.into_object(name);
    out.extend(unknown);
    noted(&mut out, notes);
    out
}

fn noted(out: &mut Map<String, Value>, notes: Vec<String>) {
    if !notes.is_empty() {
        out.insert("notes".into(), notes.into());
    }
}

/// True if the text has the words in it, whatever their case.
fn contains(text: &str, words: &str) -> bool {
    text.to_lowercase().contains(&words.to_lowercase())
}

/// The start and the end that are asked for, as unix seconds.
fn window(
    from: Option<bulkhead_sdk::time::When>,
    to: Option<bulkhead_sdk::time::When>,
    default: f64,
    call: &Call,
) -> Result<(f64, f64)> {
    let now = bulkhead_sdk::time::unix(call.now());
    let to = to.map_or(now, |when| when.resolve(now));
    let from = from.map_or(to - default, |when| when.resolve(now));
    if from < to { Ok((from, to)) } else { Err(Error::invalid("from", "has to be before `to`")) }
}

/// Unix milliseconds, as most of Grafana has times.
fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}
