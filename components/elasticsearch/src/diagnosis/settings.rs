//! Settings of the cluster that stop it from doing its work, and the work that waits.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::at;
use serde_json::Map;

use super::{Facts, Finding, Severity, keeps_data};
use crate::shape::flat;

/// What is in force, by dotted name.
#[derive(Debug)]
pub(super) struct Settings(Map<String, Value>);

impl Settings {
    /// Of `{persistent, transient, defaults}`: what is set for now goes before what is set, and that before what is usual.
    pub(super) fn of(settings: &Value) -> Self {
        let layers = ["/defaults", "/persistent", "/transient"];
        Self(layers.iter().flat_map(|layer| flat(at(settings, layer))).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}

/// Allocation or writing is switched off for the whole cluster.
pub(super) fn switched_off(facts: &Facts, out: &mut Vec<Finding>) {
    const SWITCHES: [(&str, &str, Severity, &str); 4] = [
        ("cluster.routing.allocation.enable", "all", Severity::Warning, "shards are not allocated as usual"),
        ("cluster.routing.rebalance.enable", "all", Severity::Info, "shards are not rebalanced as usual"),
        ("cluster.blocks.read_only", "false", Severity::Critical, "the cluster is read-only"),
        ("cluster.blocks.read_only_allow_delete", "false", Severity::Critical, "the cluster refuses writes"),
    ];
    let Some(settings) = &facts.settings else { return };
    for (name, usual, severity, finding) in SWITCHES {
        if let Some(value) = settings.get(name).filter(|value| *value != usual) {
            out.push(Finding {
                severity,
                finding: finding.to_owned(),
                evidence: json!({ name: value }),
                next: format!("if no maintenance is under way, set {name} back to {usual}"),
            });
        }
    }
}

/// Nearly as many shards as are allowed: then no index can be made, and no rollover.
pub(super) fn shard_limit(facts: &Facts, out: &mut Vec<Finding>) {
    let limit = facts.settings.as_ref().and_then(|settings| settings.get("cluster.max_shards_per_node"));
    let Some(limit) = limit.and_then(|limit| limit.parse::<u64>().ok()) else { return };
    let frozen_only = |roles: &Value| *roles == json!(["data_frozen"]);
    let nodes = facts.nodes().filter(|node| keeps_data(node) && !frozen_only(&node["roles"])).count() as u64;
    let shards =
        facts.count("active_shards") + facts.count("initializing_shards") + facts.count("unassigned_shards");
    let allowed = limit * nodes;
    if allowed > 0 && shards * 10 >= allowed * 9 {
        out.push(Finding {
            severity: if shards >= allowed { Severity::Critical } else { Severity::Warning },
            finding: format!("{shards} of at most {allowed} shards are in use"),
            evidence: json!({ "cluster.max_shards_per_node": limit, "data_nodes": nodes, "shards": shards }),
            next: "delete or shrink small indices, lower replicas, or add data nodes before indices can no longer be made".to_owned(),
        });
    }
}

/// The master does not keep up.
pub(super) fn pending(facts: &Facts, out: &mut Vec<Finding>) {
    const LONG_MS: u64 = 30_000;
    let waiting = facts.count("task_max_waiting_in_queue_millis");
    if waiting >= LONG_MS {
        out.push(Finding {
            severity: Severity::Warning,
            finding: format!("the master does not keep up: its oldest task waits {} s", waiting / 1000),
            evidence: json!({ "pending_tasks": facts.count("number_of_pending_tasks") }),
            next: "see `cluster` with `include: [\"pending_tasks\"]`: many of one kind (mappings, shard starts) tell the cause".to_owned(),
        });
    }
}
