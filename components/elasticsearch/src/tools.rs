//! The tools, one file for each, and what those files share.

mod cluster;
mod diagnose;
mod esql;
pub(crate) mod indices;
mod log_spikes;
pub(crate) mod mappings;
mod search;
mod shards;

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use crate::Elasticsearch;

/// Every tool, in the order a model should consider them.
pub(crate) fn all() -> Tools<Elasticsearch> {
    [
        search::add,
        log_spikes::add,
        esql::add,
        mappings::add,
        diagnose::add,
        cluster::add,
        indices::add,
        shards::add,
    ]
    .into_iter()
    .fold(Tools::new(), |tools, add| add(tools))
}

/// Puts parts of an answer together. One that fails is told under `failed`; if all fail, so does the call.
fn gather(parts: Vec<(&str, Result<Value>)>) -> Result<Map<String, Value>> {
    let (mut out, mut failed, mut first) = (Map::new(), Map::new(), None);
    for (name, part) in parts {
        match part {
            Ok(value) => drop(out.insert(name.to_owned(), value)),
            Err(error) => {
                failed.insert(name.to_owned(), error.to_string().into());
                first.get_or_insert(error);
            }
        }
    }
    match first {
        Some(error) if out.is_empty() => Err(error),
        _ => {
            if !failed.is_empty() {
                out.insert("failed".into(), failed.into());
            }
            Ok(out)
        }
    }
}

/// Adds a list of remarks, if there are any.
fn remark(out: &mut Map<String, Value>, name: &str, remarks: impl IntoIterator<Item = impl Into<Value>>) {
    let remarks: Vec<Value> = remarks.into_iter().map(Into::into).collect();
    if !remarks.is_empty() {
        out.insert(name.into(), remarks.into());
    }
}
