//! The tools, one file for each family of endpoints, and what those files share.

mod admin;
mod alerts;
mod instant;
mod labels;
mod metadata;
mod range;
mod rules;
mod series;
pub(crate) mod status;
mod targets;
mod tsdb;

use bulkhead_sdk::prelude::*;
use serde::de::DeserializeOwned;

use crate::Prometheus;
use crate::page::{Key, Wanted};

/// Every tool, in the order a model should consider them.
pub(crate) fn all() -> Tools<Prometheus> {
    [
        instant::add,
        range::add,
        labels::add,
        series::add,
        metadata::add,
        targets::add,
        alerts::add,
        rules::add,
        status::add,
        tsdb::add,
        admin::add,
    ]
    .into_iter()
    .fold(Tools::new(), |tools, add| add(tools))
}

/// A tool that only reads; all but one do.
fn reads<A, F>(
    name: &'static str,
    title: &'static str,
    description: &'static str,
    handler: F,
) -> Tool<Prometheus>
where
    A: DeserializeOwned + JsonSchema + 'static,
    F: for<'a> AsyncFn(&'a Prometheus, A, &'a Call) -> Result<Output> + 'static,
{
    Tool::new(name, description, handler).title(title).read_only().idempotent().open_world().tag("read")
}

/// How much of each item is wanted.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum View {
    /// The fields that matter, short.
    #[default]
    Summary,
    /// Everything Prometheus says.
    Full,
}

/// What the caller said about paging, with the tool's default for the size of a page.
pub(crate) fn wanted<'a>(
    limit: Option<u32>,
    default: usize,
    cursor: Option<&'a str>,
    key: Key,
) -> Wanted<'a> {
    Wanted { limit: limit.map_or(default, |limit| limit as usize), cursor, key }
}

/// The string at a JSON pointer, or nothing.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Removes and returns the array at a field; an absent one is empty.
pub(crate) fn take(value: &mut Value, field: &str) -> Vec<Value> {
    match value.get_mut(field).map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// Text cut to a number of characters, with a mark where it was.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
