//! Elasticsearch, played for tests: a cluster of facts (`cluster`) that is searched (`search`, `lucene`, `aggs`) and
//! told of (`cat`, `admin`) as Elasticsearch does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's tools fail by panicking"
)]

mod admin;
mod aggs;
mod cat;
pub mod cluster;
mod esql;
mod examples;
mod lucene;
mod search;
mod static_answers;

use std::sync::{Arc, Mutex};

use double_kit::{Contract, Double, Reply, Request};
use serde_json::{Value, json};

pub use cluster::{Cluster, Index, Node, Shard};
pub use examples::examples;

/// A played server.
#[derive(Debug)]
pub struct Elastic {
    contract: Contract,
    /// What it is at the moment; a test may change it.
    pub cluster: Mutex<Cluster>,
}

impl Elastic {
    /// A server that is this cluster.
    pub fn new(cluster: Cluster) -> Arc<Self> {
        let contract = Contract::parse(include_str!("../../../../components/elasticsearch/api.txt"));
        Arc::new(Self { contract, cluster: Mutex::new(cluster) })
    }
}

/// A cluster in trouble: two shards are unassigned, a disk is nearly full, a lifecycle is stuck.
pub fn double(now: f64) -> Arc<dyn Double> {
    Elastic::new(Cluster::troubled(now))
}

impl Double for Elastic {
    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn answer(&self, request: &Request) -> Reply {
        let cluster = self.cluster.lock().unwrap();
        if cluster.denied.iter().any(|part| request.path.contains(part.as_str())) {
            let reason = "action [cluster:monitor] is unauthorized for user [agent], this action is granted by the cluster privileges [monitor]";
            return refusal(403, "security_exception", reason, json!({}));
        }
        let segments = request.segments();
        let path: Vec<&str> =
            segments.iter().map(String::as_str).filter(|segment| !segment.is_empty()).collect();
        let answer = match *path.as_slice() {
            [] => Ok(static_answers::info(&cluster)),
            ["_query"] => return esql::answer(&cluster, &request.json()),
            ["_cat", table, ..] => cat::table(&cluster, table, path.get(2).copied().unwrap_or("*"), request),
            ["_cluster", what] => admin::cluster(&cluster, what, request),
            ["_cluster", "allocation", "explain"] => admin::explain(&cluster, &request.json()),
            ["_nodes", nodes, "hot_threads"] => return admin::hot_threads(&cluster, nodes),
            ["_nodes", nodes, "stats", ..] => Ok(admin::node_stats(&cluster, nodes)),
            ["_nodes", nodes] => Ok(admin::node_info(&cluster, nodes)),
            ["_tasks"] => Ok(admin::tasks(&cluster, request)),
            ["_slm", "policy"] => Ok(cluster.slm.clone()),
            ["_data_stream", name] => admin::data_streams(&cluster, name),
            ["_data_stream", name, "_stats"] => admin::data_stream_stats(&cluster, name),
            [index, what, ..] => cluster
                .resolve_with(index, request.param("expand_wildcards") == Some("all"))
                .and_then(|indices| search::index_answer(&cluster, &indices, what, request)),
            _ => Err(refusal(400, "illegal_argument_exception", "no handler found", json!({}))),
        };
        match answer {
            Ok(value) => Reply::json(200, &value).with("x-elastic-product", "Elasticsearch"),
            Err(refusal) => refusal,
        }
    }
}

/// An error as Elasticsearch writes it; `more` is beside the type and reason.
pub fn refusal(status: u16, kind: &str, reason: &str, more: Value) -> Reply {
    let mut cause = json!({ "type": kind, "reason": reason });
    if let (Some(cause), Value::Object(more)) = (cause.as_object_mut(), more) {
        cause.extend(more);
    }
    let mut error = cause.clone();
    error["root_cause"] = json!([cause]);
    Reply::json(status, &json!({ "error": error, "status": status }))
}

/// A search that failed on its shards.
pub(crate) fn all_shards_failed(index: &str, cause: &Value) -> Reply {
    let root = json!({ "type": cause["type"], "reason": cause["reason"], "index": index, "index_uuid": "u" });
    let error = json!({
        "root_cause": [root],
        "type": "search_phase_execution_exception",
        "reason": "all shards failed",
        "phase": "query",
        "grouped": true,
        "failed_shards": [{ "shard": 0, "index": index, "node": "n", "reason": cause }],
    });
    Reply::json(400, &json!({ "error": error, "status": 400 }))
}
