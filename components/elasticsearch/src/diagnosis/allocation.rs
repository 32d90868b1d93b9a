//! Shards that are nowhere, and why: what Elasticsearch's allocation says, and what to do about it.

use std::collections::{BTreeMap, BTreeSet};

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{at, list, shortened, text};

use super::{Facts, Finding, Severity, first};
use crate::api::Api;
use crate::shape::{counted, numeric, told};

const COLUMNS: &str =
    "index,shard,prirep,state,docs,store,node,unassigned.reason,unassigned.at,unassigned.details";
const LONGEST: usize = 300;

/// A copy of a shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shard {
    pub(crate) index: String,
    pub(crate) number: u64,
    pub(crate) primary: bool,
    pub(crate) state: String,
    pub(crate) raw: Value,
}

/// Why a shard is unassigned.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Why {
    can_allocate: String,
    explanation: String,
    /// Which decider says no, in which words, on which nodes.
    deciders: Vec<(String, String, Vec<String>)>,
    details: String,
}

/// A decider or a verdict, and what to do.
const STEPS: &[(&str, &str)] = &[
    (
        "no_valid_shard_copy",
        "every copy is lost: bring back the node that had it, else restore the index from a snapshot; forcing an empty primary loses its data",
    ),
    (
        "allocation_delayed",
        "a node left and is waited for: bring it back, or wait for index.unassigned.node_left.delayed_timeout",
    ),
    ("awaiting_info", "shard data is still being fetched from nodes: look again in a minute"),
    ("throttled", "recoveries are throttled: it is queued and will be assigned"),
    ("replica_after_primary_active", "its primary is not active: mend that first"),
    ("disk_threshold", "nodes are above the disk watermark: delete or move data, or add disk or nodes"),
    ("same_shard", "every node that could has a copy already: add a data node, or lower number_of_replicas"),
    (
        "max_retry",
        "allocation failed too often: mend the cause in `details`, then POST _cluster/reroute?retry_failed=true",
    ),
    (
        "enable",
        "allocation is switched off: reset cluster.routing.allocation.enable or index.routing.allocation.enable",
    ),
    ("cluster_rebalance", "rebalancing waits for other shards to be active"),
    (
        "data_tier",
        "no node has the tier the index wants: add one, or change index.routing.allocation.include._tier_preference",
    ),
    (
        "filter",
        "allocation filters exclude every node: check index.routing.allocation.* and cluster.routing.allocation.exclude.*",
    ),
    (
        "awareness",
        "too few zones for the copies: add nodes in another zone, or change cluster.routing.allocation.awareness",
    ),
    ("shards_limit", "the limit of shards on a node is reached: raise total_shards_per_node or add nodes"),
    ("node_version", "a replica cannot go to an older node than its primary: finish the upgrade"),
    ("restore_in_progress", "a snapshot is being restored into it: wait for it"),
    ("node_shutdown", "nodes are marked to be shut down: finish that, or remove the mark"),
];

impl Shard {
    pub(super) fn of(row: &Value) -> Self {
        Self {
            index: text(row, "/index").to_owned(),
            number: text(row, "/shard").parse().unwrap_or_default(),
            primary: row["prirep"] == "p",
            state: text(row, "/state").to_owned(),
            raw: row.clone(),
        }
    }

    pub(crate) fn is_unassigned(&self) -> bool {
        self.state == "UNASSIGNED"
    }

    /// The node it is on. One that moves is on the first of `a -> ip id b`.
    pub(crate) fn node(&self) -> Option<&str> {
        at(&self.raw, "/node").as_str().and_then(|node| node.split(" -> ").next())
    }

    pub(crate) fn told(&self) -> Value {
        let raw = &self.raw;
        told(json!({
            "index": self.index,
            "shard": self.number,
            "primary": self.primary,
            "state": self.state,
            "docs": numeric(raw, "docs"),
            "size_bytes": numeric(raw, "store"),
            "node": raw["node"],
            "unassigned_reason": raw["unassigned.reason"],
            "unassigned_at": raw["unassigned.at"],
            "details": raw["unassigned.details"].as_str().map(|details| shortened(details, LONGEST)),
        }))
    }

    /// Whether its primary is one of these.
    pub(super) fn waits_for(&self, primaries: &[&Shard]) -> bool {
        !self.primary && primaries.iter().any(|lost| lost.index == self.index && lost.number == self.number)
    }

    fn name(&self) -> String {
        format!("{}[{}]", self.index, self.number)
    }
}

/// Every copy of the shards of these indices; of all, hidden ones too, if no pattern is given.
pub(crate) async fn shards(api: &Api, pattern: Option<&str>) -> Result<Vec<Shard>> {
    let path: Vec<&str> = ["_cat", "shards"].into_iter().chain(pattern).collect();
    let ask = api.get(&path).with("h", COLUMNS).with("bytes", "b");
    Ok(ask.blame("index").rows().await?.iter().map(Shard::of).collect())
}

/// Asks why a shard is unassigned.
pub(crate) async fn explain(api: &Api, shard: &Shard) -> Result<Why> {
    let body = json!({ "index": shard.index, "shard": shard.number, "primary": shard.primary });
    let answer = api.post(&["_cluster", "allocation", "explain"], &body).object().await?;
    Ok(Why::of(&answer))
}

impl Why {
    fn of(answer: &Value) -> Self {
        let mut deciders: BTreeMap<&str, (&str, Vec<String>)> = BTreeMap::new();
        for node in list(answer, "/node_allocation_decisions") {
            for decider in list(node, "/deciders").iter().filter(|decider| decider["decision"] != "YES") {
                let known = deciders.entry(text(decider, "/decider")).or_default();
                known.0 = text(decider, "/explanation");
                known.1.push(text(node, "/node_name").to_owned());
            }
        }
        let one = |(name, (words, nodes)): (&str, (&str, Vec<String>))| {
            (name.to_owned(), shortened(words, LONGEST), nodes)
        };
        Self {
            can_allocate: text(answer, "/can_allocate").to_owned(),
            explanation: shortened(text(answer, "/allocate_explanation"), LONGEST),
            deciders: deciders.into_iter().map(one).collect(),
            details: shortened(text(answer, "/unassigned_info/details"), LONGEST),
        }
    }

    pub(crate) fn told(&self) -> Value {
        let decider = |(name, words, nodes): &(String, String, Vec<String>)| json!({ "decider": name, "says": words, "on": first(nodes.clone()) });
        told(json!({
            "can_allocate": self.can_allocate,
            "explanation": self.explanation,
            "deciders": self.deciders.iter().map(decider).collect::<Vec<_>>(),
            "details": self.details,
        }))
    }

    /// By the verdict, else by the decider that speaks for most nodes: what stops fewer is not what has to give.
    pub(crate) fn next(&self) -> Option<&'static str> {
        let step = |word: &str| STEPS.iter().find(|(known, _)| *known == word).map(|(_, step)| *step);
        let mut deciders: Vec<_> = self.deciders.iter().collect();
        // Having a copy already is the rule for one node; what the others say is what can be mended.
        deciders.sort_by_key(|(name, _, nodes)| (name == "same_shard", std::cmp::Reverse(nodes.len())));
        step(&self.can_allocate).or_else(|| deciders.iter().find_map(|(name, ..)| step(name)))
    }
}

/// Red for primaries, yellow for replicas. Replicas of a primary that is lost wait for it, and are no trouble of their own.
pub(super) fn unassigned(facts: &Facts, out: &mut Vec<Finding>) {
    let Some(shards) = &facts.shards else { return from_health(facts, out) };
    let lost = || shards.iter().filter(|shard| shard.is_unassigned());
    let primaries: Vec<&Shard> = lost().filter(|shard| shard.primary).collect();
    let (waiting, replicas): (Vec<&Shard>, Vec<&Shard>) =
        lost().filter(|shard| !shard.primary).partition(|shard| shard.waits_for(&primaries));
    for (lost, waiting, severity, words) in [
        (primaries, waiting.len(), Severity::Critical, ("red", "primary shard is", "primary shards are")),
        (replicas, 0, Severity::Warning, ("yellow", "replica is", "replicas are")),
    ] {
        if lost.is_empty() {
            continue;
        }
        let indices: BTreeSet<String> = lost.iter().map(|shard| shard.index.clone()).collect();
        let explained = facts.whys.iter().filter(|(shard, _)| lost.contains(&shard));
        let next = explained.clone().find_map(|(_, why)| why.as_ref().ok().and_then(Why::next));
        let explained: Vec<Value> = explained
            .map(|(shard, why)| {
                json!({
                    "shard": shard.name(),
                    "reason": at(&shard.raw, "/unassigned.reason"),
                    "why": why.as_ref().map_or_else(|error| error.to_string().into(), Why::told),
                })
            })
            .collect();
        let (color, one, more) = words;
        out.push(Finding {
            severity,
            finding: format!("{color}: {} unassigned", counted(lost.len(), one, more)),
            evidence: told(json!({
                "indices": first(indices),
                "explained": explained,
                "replicas_that_wait": Some(waiting).filter(|waiting| *waiting > 0),
                "delayed": Some(facts.count("delayed_unassigned_shards")).filter(|delayed| *delayed > 0),
            })),
            next: next.unwrap_or("see `shards` with `state: UNASSIGNED`").to_owned(),
        });
    }
}

/// The shards may not be read, but the cluster's health tells how many.
fn from_health(facts: &Facts, out: &mut Vec<Finding>) {
    let status = text(&facts.health, "/status").to_lowercase();
    let severity = match status.as_str() {
        "red" => Severity::Critical,
        "yellow" => Severity::Warning,
        _ => return,
    };
    out.push(Finding {
        severity,
        finding: format!(
            "{status}: {} unassigned",
            counted(facts.count("unassigned_shards") as usize, "shard is", "shards are")
        ),
        evidence: json!({ "delayed": facts.count("delayed_unassigned_shards") }),
        next: "let this service's credential read _cat/shards (privilege `monitor`) to know which and why"
            .to_owned(),
    });
}

/// Not green, though nothing is unassigned: shards are on their way.
pub(super) fn recovering(facts: &Facts, out: &mut Vec<Finding>) {
    if facts.count("unassigned_shards") == 0 && facts.count("initializing_shards") > 0 {
        out.push(Finding {
            severity: Severity::Info,
            finding: format!(
                "{} being recovered",
                counted(facts.count("initializing_shards") as usize, "shard is", "shards are")
            ),
            evidence: json!({
                "status": at(&facts.health, "/status"),
                "active_percent": at(&facts.health, "/active_shards_percent_as_number"),
            }),
            next: "nothing, if that number falls: see `shards` with `state: INITIALIZING`".to_owned(),
        });
    }
}
