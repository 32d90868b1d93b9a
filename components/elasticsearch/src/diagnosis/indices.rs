//! Indices that refuse writes, are cut badly, or whose lifecycle or snapshots fail.

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::rfc3339;
use bulkhead_sdk::value::{at, shortened, text};

use super::{Facts, Finding, Severity, first, keeps_data, some};
use crate::shape::{bytes, counted, number, told};

/// Elastic's own advice for the size of a shard.
const LARGE: f64 = 50.0 * 1024.0 * 1024.0 * 1024.0;
/// Lucene cannot hold more than 2^31 documents in a shard.
const MANY_DOCS: f64 = 1.8e9;
const LONGEST: usize = 300;

/// Elasticsearch sets this block itself when a disk is flooded.
pub(super) fn blocked(facts: &Facts, out: &mut Vec<Finding>) {
    let all = facts.blocks.iter().filter_map(Value::as_object).flatten();
    let blocked =
        all.filter(|(_, index)| at(index, "/settings/index.blocks.read_only_allow_delete") == "true");
    let names: Vec<String> = blocked.map(|(name, _)| name.clone()).collect();
    if !names.is_empty() {
        out.push(Finding {
            severity: Severity::Critical,
            finding: format!("{} writes (index.blocks.read_only_allow_delete)", counted(names.len(), "index refuses", "indices refuse")),
            evidence: json!({ "indices": first(names) }),
            next: "free disk on the nodes above the flood stage; if none is, set the block to null on these indices".to_owned(),
        });
    }
}

/// Shards too large to move and recover in a reasonable time.
pub(super) fn oversized(facts: &Facts, out: &mut Vec<Finding>) {
    let size = |shard: &super::Shard| number(&shard.raw, "store").unwrap_or_default();
    let docs = |shard: &super::Shard| number(&shard.raw, "docs").unwrap_or_default();
    let mut large: Vec<_> = facts
        .shards
        .iter()
        .flatten()
        .filter(|shard| shard.primary && (size(shard) > LARGE || docs(shard) > MANY_DOCS))
        .collect();
    if large.is_empty() {
        return;
    }
    large.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let evidence = large.iter().map(|shard| json!({
        "index": shard.index, "shard": shard.number, "size": bytes(size(shard)), "docs": docs(shard) as u64,
    }));
    out.push(Finding {
        severity: Severity::Warning,
        finding: format!(
            "{} larger than 50 GiB or near Lucene's limit of documents",
            counted(large.len(), "primary shard is", "primary shards are")
        ),
        evidence: some(evidence.collect()),
        next: "roll over earlier (ILM max_primary_shard_size), or split or reindex into more shards"
            .to_owned(),
    });
}

/// Nodes of the same roles with very different numbers of shards.
pub(super) fn unbalanced(facts: &Facts, out: &mut Vec<Finding>) {
    let Some(shards) = &facts.shards else { return };
    let mut tiers: BTreeMap<String, Vec<(usize, &str)>> = BTreeMap::new();
    for node in facts.nodes().filter(|node| keeps_data(node)) {
        let name = text(node, "/name");
        let count = shards.iter().filter(|shard| shard.node() == Some(name)).count();
        tiers.entry(node["roles"].to_string()).or_default().push((count, name));
    }
    for counts in tiers.values() {
        let (Some(least), Some(most)) = (counts.iter().min(), counts.iter().max()) else { continue };
        if most.0 > least.0 * 2 && most.0 - least.0 > 20 {
            out.push(Finding {
                severity: Severity::Warning,
                finding: format!("shards are spread unevenly: {} on {}, {} on {}", most.0, most.1, least.0, least.1),
                evidence: some(counts.iter().map(|(count, node)| json!({ "node": node, "shards": count })).collect()),
                next: "a node that has just joined fills up by itself; else look for allocation filters, disk watermarks or rebalancing that is switched off".to_owned(),
            });
        }
    }
}

/// Indices whose lifecycle is stuck: they are not rolled over, moved or deleted.
pub(super) fn lifecycle(facts: &Facts, out: &mut Vec<Finding>) {
    let all = facts.lifecycle.iter().filter_map(|ilm| ilm["indices"].as_object()).flatten();
    let stuck: Vec<Value> = all
        .map(|(name, ilm)| {
            told(json!({
                "index": name,
                "policy": ilm["policy"],
                "failed_step": ilm["failed_step"],
                "reason": shortened(text(ilm, "/step_info/reason"), LONGEST),
                "retries": ilm["failed_step_retry_count"],
            }))
        })
        .collect();
    if !stuck.is_empty() {
        out.push(Finding {
            severity: Severity::Warning,
            finding: format!("the lifecycle of {} is stuck", counted(stuck.len(), "index", "indices")),
            evidence: some(stuck),
            next: "mend the reason, then POST INDEX/_ilm/retry; until then these indices grow or stay"
                .to_owned(),
        });
    }
}

/// Policies whose last snapshot failed.
pub(super) fn snapshots(facts: &Facts, out: &mut Vec<Finding>) {
    let time =
        |policy: &Value, what: &str| policy[what].get("time").and_then(Value::as_f64).unwrap_or_default();
    let all = facts.snapshots.iter().filter_map(Value::as_object).flatten();
    let failed: Vec<Value> = all
        .filter(|(_, policy)| time(policy, "last_failure") > time(policy, "last_success"))
        .map(|(name, policy)| told(json!({
            "policy": name,
            "failed": rfc3339(time(policy, "last_failure") / 1000.0),
            "last_success": (time(policy, "last_success") > 0.0).then(|| rfc3339(time(policy, "last_success") / 1000.0)),
            "details": shortened(text(policy, "/last_failure/details"), LONGEST),
        })))
        .collect();
    if !failed.is_empty() {
        out.push(Finding {
            severity: Severity::Warning,
            finding: format!("the last snapshot of {} failed", counted(failed.len(), "policy", "policies")),
            evidence: some(failed),
            next: "check the repository and the details; until one succeeds there is no newer backup"
                .to_owned(),
        });
    }
}
