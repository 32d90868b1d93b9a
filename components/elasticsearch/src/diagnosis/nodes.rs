//! Nodes short of memory, threads or CPU.
//!
//! Breakers and thread pools count since the node started. What they counted is told as information only, unless the
//! node is near the edge now.

use bulkhead_sdk::duration::words;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{at, text};

use super::{Facts, Finding, Severity, some};
use crate::shape::counted;

const FULL: u64 = 85;
const BURSTING: u64 = 95;
const BUSY: u64 = 90;

pub(super) fn heap(facts: &Facts, out: &mut Vec<Finding>) {
    let used = |node: &Value| at(node, "/jvm/mem/heap_used_percent").as_u64().unwrap_or_default();
    let full: Vec<&Value> = facts.nodes().filter(|node| used(node) >= FULL).collect();
    let Some(worst) = full.iter().map(|node| used(node)).max() else { return };
    let evidence = full.iter().map(|node| json!({ "node": text(node, "/name"), "heap_percent": used(node) }));
    out.push(Finding {
        severity: if worst >= BURSTING { Severity::Critical } else { Severity::Warning },
        finding: format!("{} little heap left: up to {worst}% is used", counted(full.len(), "node has", "nodes have")),
        evidence: some(evidence.collect()),
        next: "find heavy searches: `cluster` with `include: [\"tasks\"]`; fewer shards, fewer buckets or more heap relieve it".to_owned(),
    });
}

pub(super) fn breakers(facts: &Facts, out: &mut Vec<Finding>) {
    let (mut near, mut tripped) = (Vec::new(), Vec::new());
    for node in facts.nodes() {
        for (name, breaker) in node["breakers"].as_object().into_iter().flatten() {
            let number = |field: &str| breaker[field].as_u64().unwrap_or_default();
            let (limit, used, trips) =
                (number("limit_size_in_bytes"), number("estimated_size_in_bytes"), number("tripped"));
            let evidence = json!({
                "node": text(node, "/name"), "breaker": name, "tripped": trips,
                "used": breaker["estimated_size"], "limit": breaker["limit_size"], "node_up": up(node),
            });
            if limit > 0 && used * 10 >= limit * 9 {
                near.push(evidence);
            } else if trips > 0 {
                tripped.push(evidence);
            }
        }
    }
    let next = "requests that need much memory are refused (429): make them smaller; `cluster` with `include: [\"nodes\"]` in full tells what holds the memory";
    let groups = [
        (Severity::Warning, near, ("circuit breaker is", "circuit breakers are"), "about to refuse requests"),
        (
            Severity::Info,
            tripped,
            ("circuit breaker has", "circuit breakers have"),
            "refused requests since the node started",
        ),
    ];
    told(groups, next, out);
}

pub(super) fn rejections(facts: &Facts, out: &mut Vec<Finding>) {
    let (mut now, mut before) = (Vec::new(), Vec::new());
    for node in facts.nodes() {
        for (name, pool) in node["thread_pool"].as_object().into_iter().flatten() {
            let number = |field: &str| pool[field].as_u64().unwrap_or_default();
            if number("rejected") == 0 {
                continue;
            }
            let evidence = json!({
                "node": text(node, "/name"), "pool": name, "rejected": number("rejected"),
                "queue": number("queue"), "active": number("active"), "node_up": up(node),
            });
            if number("queue") > 0 { now.push(evidence) } else { before.push(evidence) }
        }
    }
    let next = "slow down or spread what fills the pool (bulk requests for `write`, searches for `search`); `cluster` with `include: [\"hot_threads\"]` tells what runs";
    let groups = [
        (Severity::Warning, now, ("thread pool has", "thread pools have"), "rejected work, with a queue now"),
        (
            Severity::Info,
            before,
            ("thread pool has", "thread pools have"),
            "rejected work since the node started, without a queue now",
        ),
    ];
    told(groups, next, out);
}

/// How bad, what shows it, what that is one of and several, and what it did.
type Group = (Severity, Vec<Value>, (&'static str, &'static str), &'static str);

/// A finding for each group that is there.
fn told(groups: impl IntoIterator<Item = Group>, next: &str, out: &mut Vec<Finding>) {
    for (severity, evidence, (one, more), what) in groups {
        if !evidence.is_empty() {
            let finding = format!("{} {what}", counted(evidence.len(), one, more));
            out.push(Finding { severity, finding, evidence: some(evidence), next: next.to_owned() });
        }
    }
}

pub(super) fn cpu(facts: &Facts, out: &mut Vec<Finding>) {
    let used = |node: &Value| at(node, "/os/cpu/percent").as_u64().unwrap_or_default();
    let evidence: Vec<Value> = facts
        .nodes()
        .filter(|node| used(node) >= BUSY)
        .map(|node| json!({
            "node": text(node, "/name"), "cpu_percent": used(node), "load_1m": at(node, "/os/cpu/load_average/1m"),
        }))
        .collect();
    if !evidence.is_empty() {
        out.push(Finding {
            severity: Severity::Warning,
            finding: format!("{} no CPU left", counted(evidence.len(), "node has", "nodes have")),
            evidence: some(evidence),
            next: "see `cluster` with `include: [\"hot_threads\", \"tasks\"]`".to_owned(),
        });
    }
}

/// How long a node is up.
fn up(node: &Value) -> Option<String> {
    let millis = at(node, "/jvm/uptime_in_millis").as_f64()?;
    Some(words((millis / 1000.0).round()))
}
