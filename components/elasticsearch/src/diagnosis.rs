//! What is wrong with a cluster: facts are gathered at once, rules read them, and what they find has its evidence and the
//! next step. A fact that may not be read is told as such; it never counts as good.

pub(crate) mod allocation;
mod disk;
mod indices;
mod nodes;
mod settings;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;
use serde_json::Map;

use crate::api::Api;
use allocation::{Shard, Why};
use settings::Settings;

/// Explaining a shard is a request of its own; a few tell what the others suffer from.
const MOST_EXPLAINED: usize = 3;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Info,
    Warning,
    Critical,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) finding: String,
    pub(crate) evidence: Value,
    pub(crate) next: String,
}

/// What is known. What could not be read is absent.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) health: Value,
    shards: Option<Vec<Shard>>,
    /// Those unassigned shards that were asked about.
    whys: Vec<(Shard, Result<Why>)>,
    nodes: Option<Value>,
    settings: Option<Settings>,
    blocks: Option<Value>,
    lifecycle: Option<Value>,
    snapshots: Option<Value>,
    /// What could not be read, and why.
    pub(crate) unknown: Map<String, Value>,
}

/// What is read beside the shards.
const ASKED: [&str; 6] = ["health", "nodes", "settings", "index_blocks", "ilm", "snapshots"];

const RULES: &[fn(&Facts, &mut Vec<Finding>)] = &[
    allocation::unassigned,
    allocation::recovering,
    settings::switched_off,
    settings::shard_limit,
    settings::pending,
    disk::watermarks,
    indices::blocked,
    nodes::heap,
    nodes::breakers,
    nodes::rejections,
    nodes::cpu,
    indices::oversized,
    indices::unbalanced,
    indices::lifecycle,
    indices::snapshots,
];

/// The facts of a cluster. Without its health nothing can be said.
pub(crate) async fn gather(api: &Api) -> Result<Facts> {
    let asked = join_all(ASKED.iter().map(|name| fetch(api, name)));
    let (shards, answers) = bulkhead_sdk::join!(allocation::shards(api, None), asked);
    let mut facts = Facts::default();
    for (name, answer) in ASKED.iter().zip(answers) {
        match answer {
            Ok(value) => facts.learn(name, value),
            Err(error) if *name == "health" => return Err(error),
            Err(error) => drop(facts.unknown.insert((*name).to_owned(), error.to_string().into())),
        }
    }
    match shards {
        Ok(shards) => facts.shards = Some(shards),
        Err(error) => drop(facts.unknown.insert("shards".into(), error.to_string().into())),
    }
    if text(&facts.health, "/status").is_empty() {
        return Err(Error::failed("Elasticsearch's answer to /_cluster/health has no status"));
    }
    let asked = facts.worth_explaining();
    let whys = join_all(asked.iter().map(|shard| allocation::explain(api, shard))).await;
    facts.whys = asked.into_iter().zip(whys).collect();
    Ok(facts)
}

async fn fetch(api: &Api, name: &str) -> Result<Value> {
    match name {
        "nodes" => api.get(&["_nodes", "_all", "stats", "jvm,fs,breaker,thread_pool,os"]).object().await,
        "settings" => api.get(&["_cluster", "settings"]).with("include_defaults", true).object().await,
        "index_blocks" => {
            let ask = api.get(&["*", "_settings", "index.blocks.*"]).with("flat_settings", true);
            ask.with("expand_wildcards", "all").object().await
        }
        "ilm" => api.get(&["*,.*", "_ilm", "explain"]).with("only_errors", true).object().await,
        "snapshots" => api.get(&["_slm", "policy"]).object().await,
        _ => api.get(&["_cluster", "health"]).object().await,
    }
}

impl Facts {
    fn learn(&mut self, name: &str, value: Value) {
        match name {
            "nodes" => self.nodes = Some(value),
            "settings" => self.settings = Some(Settings::of(&value)),
            "index_blocks" => self.blocks = Some(value),
            "ilm" => self.lifecycle = Some(value),
            "snapshots" => self.snapshots = Some(value),
            _ => self.health = value,
        }
    }

    /// Primaries first, and one of each index before a second of any. A replica that waits for its primary needs no words.
    fn worth_explaining(&self) -> Vec<Shard> {
        let mut lost: Vec<&Shard> =
            self.shards.iter().flatten().filter(|shard| shard.is_unassigned()).collect();
        let primaries: Vec<&Shard> = lost.iter().copied().filter(|shard| shard.primary).collect();
        lost.retain(|shard| !shard.waits_for(&primaries));
        lost.sort_by_key(|shard| (!shard.primary, shard.index.clone(), shard.number));
        let mut chosen: Vec<&Shard> = Vec::new();
        for fresh in [true, false] {
            for shard in &lost {
                let known = chosen.iter().any(|one| one.index == shard.index);
                if chosen.len() < MOST_EXPLAINED && known != fresh && !chosen.iter().any(|one| one == shard) {
                    chosen.push(shard);
                }
            }
        }
        chosen.into_iter().cloned().collect()
    }

    /// What the rules find, the worst first.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for rule in RULES {
            rule(self, &mut findings);
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }

    /// A count of the cluster's health.
    fn count(&self, name: &str) -> u64 {
        self.health.get(name).and_then(Value::as_u64).unwrap_or_default()
    }

    /// The nodes, with their ids' statistics.
    fn nodes(&self) -> impl Iterator<Item = &Value> {
        self.nodes.iter().filter_map(|stats| stats["nodes"].as_object()).flat_map(Map::values)
    }
}

/// The first of them, and how many more.
fn first(names: impl IntoIterator<Item = String>) -> Vec<String> {
    const SHOWN: usize = 10;
    let mut names: Vec<String> = names.into_iter().collect();
    if names.len() > SHOWN {
        let more = names.len() - SHOWN;
        names.truncate(SHOWN);
        names.push(format!("and {more} more"));
    }
    names
}

/// The first of the evidence; how much there is in all is in the finding's words.
fn some(evidence: Vec<Value>) -> Value {
    evidence.into_iter().take(10).collect()
}

/// Whether a node keeps data.
fn keeps_data(node: &Value) -> bool {
    let roles = node["roles"].as_array();
    roles.is_some_and(|roles| roles.iter().filter_map(Value::as_str).any(|role| role.starts_with("data")))
}
