//! The server itself: starting, reloading, notifying, and the counters that tell what it loses.

use bulkhead_sdk::duration;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{Seconds, When};
use bulkhead_sdk::value::{list, text};

use super::{Facts, finding, some};
use crate::selector::{NAME, notation};
use crate::shape::{self, Point, Series};
use crate::tools::status::replay;

/// A server younger than this has no history yet: `for` of alerts begins anew.
const YOUNG: Seconds = 900.0;

/// Counters that only grow when something is lost: what that is, and what to do.
const COUNTERS: [(&str, &str, &str); 11] = [
    (
        "prometheus_target_scrapes_sample_out_of_order_total",
        "samples were dropped as out of order",
        "two targets or a proxy expose the same series with their own timestamps",
    ),
    (
        "prometheus_target_scrapes_sample_duplicate_timestamp_total",
        "samples were dropped as duplicates",
        "two targets have the same labels after relabelling",
    ),
    (
        "prometheus_target_scrapes_sample_out_of_bounds_total",
        "samples were dropped as too old or too new",
        "check the clocks of targets that set timestamps",
    ),
    (
        "prometheus_target_scrapes_exceeded_sample_limit_total",
        "scrapes exceeded sample_limit and were dropped",
        "see what the target exposes more of, or raise the limit",
    ),
    ("prometheus_rule_evaluation_failures_total", "rule evaluations failed", "see `rules` with state `err`"),
    (
        "prometheus_rule_group_iterations_missed_total",
        "rule evaluations were skipped, because the last took too long",
        "split or lighten the group",
    ),
    (
        "prometheus_notifications_dropped_total",
        "notifications were dropped: alerts did not reach Alertmanager",
        "check Alertmanager and the queue's capacity",
    ),
    ("prometheus_notifications_errors_total", "notifications failed", "check that Alertmanager answers"),
    (
        "prometheus_remote_storage_samples_failed_total",
        "samples were lost on the way to remote storage",
        "see the server's log for what the remote end answers",
    ),
    (
        "prometheus_tsdb_compactions_failed_total",
        "compactions failed",
        "check disk space and the server's log",
    ),
    ("prometheus_tsdb_wal_corruptions_total", "the write-ahead log was corrupted", "check the disk"),
];

/// Asks for all those counters at once.
pub(super) fn query() -> String {
    let names: Vec<&str> = COUNTERS.iter().map(|(name, ..)| *name).collect();
    format!("{{__name__=~\"{}\"}}", names.join("|"))
}

pub(super) fn counters(facts: &Facts) -> Vec<Value> {
    let mut found = Vec::new();
    for (name, says, next) in COUNTERS {
        let of_name =
            facts.counters.iter().filter(|series| series.metric.get(NAME).is_some_and(|own| own == name));
        let grown: Vec<(String, f64)> = of_name
            .map(|series| (notation(&series.metric), increase(series)))
            .filter(|(_, by)| *by > 0.0)
            .collect();
        if grown.is_empty() {
            continue;
        }
        let total: f64 = grown.iter().map(|(_, by)| by).sum();
        found.push(finding(
            "something_is_lost",
            format!("{says}: {total} in the last hour"),
            json!({ "metric": name, "increase": shape::number(total), "series": some(grown.iter().map(|(series, _)| series.as_str())) }),
            next,
        ));
    }
    found
}

/// How much a counter grew, across restarts.
fn increase(series: &Series) -> f64 {
    let values: Vec<f64> = series.values.iter().map(|point: &Point| point.number().1).collect();
    let steps = values.windows(2).map(|pair| match pair {
        [before, after] if after >= before => after - before,
        [_, after] => *after,
        _ => 0.0,
    });
    steps.sum()
}

pub(super) fn replaying(facts: &Facts) -> Vec<Value> {
    let progress = if facts.replay.is_null() { Value::Null } else { replay(&facts.replay) };
    match progress.get("done").and_then(Value::as_bool) {
        Some(false) => vec![finding(
            "log_is_replayed",
            format!(
                "Prometheus is starting: {} % of its log is replayed; until then queries fail",
                progress.get("percent").cloned().unwrap_or_default()
            ),
            progress,
            "wait; if it starts over and over, it may run out of memory while replaying",
        )],
        _ => Vec::new(),
    }
}

pub(super) fn reload_failed(facts: &Facts) -> Vec<Value> {
    match facts.runtime.get("reloadConfigSuccess") {
        Some(Value::Bool(false)) => vec![finding(
            "reload_failed",
            "the last reload of the configuration failed: the one before is still in use",
            json!({ "last_good_reload": facts.runtime.get("lastConfigTime") }),
            "check the files with promtool check config; the server's log has the error",
        )],
        _ => Vec::new(),
    }
}

pub(super) fn corrupted(facts: &Facts) -> Vec<Value> {
    match facts.runtime.get("corruptionCount").and_then(Value::as_u64) {
        Some(count) if count > 0 => vec![finding(
            "log_was_corrupted",
            "the write-ahead log was found corrupted: samples are lost",
            json!({ "corruptions": count }),
            "check the disk and how the server is stopped",
        )],
        _ => Vec::new(),
    }
}

pub(super) fn nobody_is_notified(facts: &Facts) -> Vec<Value> {
    let rules = || facts.groups.iter().flat_map(|group| list(group, "/rules"));
    let alerting = rules().filter(|rule| text(rule, "/type") == "alerting").count();
    let firing = rules().filter(|rule| text(rule, "/state") == "firing").count();
    let known = facts.alertmanagers.get("activeAlertmanagers").is_some();
    if !known || alerting == 0 || !list(&facts.alertmanagers, "/activeAlertmanagers").is_empty() {
        return Vec::new();
    }
    vec![finding(
        "nobody_is_notified",
        format!("no Alertmanager is there to tell; alerting rules: {alerting}, firing: {firing}"),
        json!({ "dropped_alertmanagers": list(&facts.alertmanagers, "/droppedAlertmanagers").len() }),
        "check alerting.alertmanagers in the configuration, and its discovery",
    )]
}

pub(super) fn restarted(facts: &Facts) -> Vec<Value> {
    let started = text(&facts.runtime, "/startTime");
    let age = When::parse(started).map(|when| facts.now - when.resolve(facts.now));
    match age {
        Ok(age) if (0.0..YOUNG).contains(&age) => vec![finding(
            "started_recently",
            format!(
                "Prometheus started {} ago: alerts that wait (`for`) may have begun anew",
                duration::words(age.floor())
            ),
            json!({ "started_at": started }),
            "if nobody restarted it, look for crashes and for memory",
        )],
        _ => Vec::new(),
    }
}
