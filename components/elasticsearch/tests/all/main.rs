//! The component as its host sees it: every tool called through the exports' path, with a played Elasticsearch in front
//! of it. One file for each tool, and for what they share.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "clippy.toml allows these in test functions, but not in the helpers beside them"
)]

mod cluster;
mod diagnose;
mod errors;
mod esql;
mod indices;
mod log_spikes;
mod mappings;
mod prompts;
mod search;
mod service;
mod shards;
mod walk;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulkhead_sdk::Error;
use bulkhead_sdk::testing::{self, Mock};
use double_elasticsearch::{Cluster, Elastic};
use double_kit::{below, wire};
use elasticsearch::Elasticsearch;
use serde_json::{Value, json};

/// When every test call happens: 2026-01-31T12:00:00Z.
const NOW: u64 = 1_769_860_800;
const AT: f64 = NOW as f64;

/// A config with a path prefix, so that every call proves that it is kept.
fn config() -> Value {
    json!({ "url": "http://up:9200/prefix/", "default_index": "logs-app" })
}

fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// A host whose upstream is this cluster, below the prefix.
fn upstream(elastic: &Arc<Elastic>) -> Mock {
    wire::mock(below("/prefix", elastic.clone())).at(clock())
}

fn troubled() -> Arc<Elastic> {
    Elastic::new(Cluster::troubled(AT))
}

/// A cluster that is well but for what is done to it.
fn but(change: impl FnOnce(&mut Cluster)) -> Arc<Elastic> {
    let mut cluster = Cluster::healthy(AT);
    change(&mut cluster);
    Elastic::new(cluster)
}

fn call(mock: &Mock, tool: &str, arguments: Value) -> Result<Value, Error> {
    let output = testing::call::<Elasticsearch>(config(), mock, tool, arguments)?;
    let structured = output.structured().cloned().expect("every tool answers with data");
    assert_eq!(output.text_content(), structured.to_string(), "the text is the data");
    Ok(structured)
}

/// Calls a tool of the troubled cluster.
fn answer(tool: &str, arguments: Value) -> Value {
    call(&upstream(&troubled()), tool, arguments).unwrap()
}

fn refused(tool: &str, arguments: Value) -> String {
    call(&upstream(&troubled()), tool, arguments).unwrap_err().to_string()
}

/// Every page of a list under `name`, to the end.
fn pages(elastic: &Arc<Elastic>, tool: &str, mut arguments: Value, name: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    loop {
        let page = call(&upstream(elastic), tool, arguments.clone()).unwrap();
        pages.push(page[name].as_array().unwrap().clone());
        match page.get("next_cursor") {
            Some(next) => arguments["cursor"] = next.clone(),
            None => return pages,
        }
        assert!(pages.len() < 100, "pages end");
    }
}

/// One field of each.
fn each<'a>(items: &'a Value, field: &str) -> Vec<&'a Value> {
    items.as_array().unwrap().iter().map(|item| &item[field]).collect()
}
