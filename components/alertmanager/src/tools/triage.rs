//! `triage`: the on-call question in one call. What fires and matters, what is kept quiet by whom and until when, and
//! what about that deserves a look.

use std::collections::BTreeMap;

use bulkhead_sdk::duration::Span;
use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, Seconds};
use bulkhead_sdk::value::{put, text};
use serde_json::Map;

use super::unexpired;
use crate::Alertmanager;
use crate::alert::{Alert, common_labels, counted, lasting};
use crate::findings::{self, Facts};
use crate::matchers;
use crate::silence::Silence;

const DEFAULT_LIMIT: u32 = 20;

/// Silences that end sooner are told of.
const SOON: Seconds = 7200.0;

/// Values named of a label that tells the alerts of a name apart.
const VALUES: usize = 5;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Arguments {
    /// `team="db"`.
    matchers: Option<String>,
    /// Regex of its name.
    receiver: Option<String>,
    /// Which silences end soon. Default `2h`.
    expires_within: Option<Span>,
    /// Of each list. Default 20.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
}

returns!(Answer {
    summary: "string",
    firing: "array",
    silenced: "array",
    inhibited: "array",
    findings: "array"
});

pub(super) fn tool() -> Tool<Alertmanager> {
    Tool::reads(
        "triage",
        "Triage",
        "Start here: what fires (worst first), what is silenced or inhibited, and findings with evidence.",
        triage,
    )
    .output::<Answer>()
}

async fn triage(service: &Alertmanager, args: Arguments, call: &Call) -> Result<Output> {
    let now = time::unix(call.now());
    let matchers = matchers::parse_any(args.matchers.as_deref())?;
    let part = !matchers.is_empty() || args.receiver.is_some();
    let all = service.api.get("alerts").json::<Vec<Alert>>();
    let chosen = async {
        let ask = service.api.get("alerts").each("filter", &matchers);
        let blame = if matchers.is_empty() { "receiver" } else { "matchers" };
        let ask = ask.maybe("receiver", args.receiver.as_deref()).blame(blame);
        if part { ask.json::<Vec<Alert>>().await.map(Some) } else { Ok(None) }
    };
    let status = service.api.get("status").json::<Value>();
    let (all, chosen, silences, status) = join!(all, chosen, unexpired(service), status);
    // Inhibitors and what a silence hits are looked for among all alerts; what is told is of the chosen ones.
    let (all, chosen) = (all?, chosen?);
    let mut alerts = chosen.unwrap_or_else(|| all.clone());
    alerts.sort_by_cached_key(Alert::order);

    let mut missing = Map::new();
    let silences = silences.unwrap_or_else(|error| {
        missing.insert("silences".into(), error.to_string().into());
        Vec::new()
    });
    let status = status.unwrap_or_else(|error| {
        missing.insert("status".into(), error.to_string().into());
        Value::Null
    });
    let soon = args.expires_within.map_or(SOON, |Span(length)| length);
    let facts = Facts { all: &all, alerts: &alerts, silences: &silences, status: &status, now, soon, part };
    let limit = args.limit.unwrap_or(DEFAULT_LIMIT).max(1) as usize;

    let firing = by_name(alerts.iter().filter(|alert| alert.is_heard()));
    let inhibited = by_name(alerts.iter().filter(|alert| alert.inhibited_by().next().is_some()));
    let lists = [
        ("firing", firing.iter().map(|(_, alerts)| group(alerts, now)).collect()),
        ("silenced", silenced(&facts)),
        ("inhibited", inhibited.iter().map(|(name, alerts)| held(name, alerts, &all, now)).collect()),
        ("findings", findings::all(&facts)),
    ];
    let [firing, silenced, inhibited, findings] =
        lists.each_ref().map(|(_, list): &(&str, Vec<Value>)| list.len());
    let mut out = Map::new();
    let severe = alerts.iter().filter(|alert| alert.is_heard() && alert.rank() == 0).count();
    let heard = alerts.iter().filter(|alert| alert.is_heard()).count();
    let summary = format!(
        "alerts firing: {heard} (names: {firing}, critical: {severe}); silences that hold alerts: {silenced}; names \
         inhibited: {inhibited}; findings: {findings}",
    );
    out.insert("summary".into(), summary.into());
    out.insert("by_state".into(), counted(alerts.iter().map(Alert::state)));
    let mut left_out = Map::new();
    for (name, mut list) in lists {
        if list.len() > limit {
            left_out.insert(name.into(), (list.len() - limit).into());
            list.truncate(limit);
        }
        out.insert(name.into(), list.into());
    }
    for (name, object) in [("left_out", left_out), ("missing", missing)] {
        if !object.is_empty() {
            out.insert(name.into(), object.into());
        }
    }
    Ok(Output::json(&out))
}

/// The alerts of each name, in the order of the worst and longest of each.
fn by_name<'a>(alerts: impl Iterator<Item = &'a Alert>) -> Vec<(&'a str, Vec<&'a Alert>)> {
    let mut names: Vec<(&str, Vec<&Alert>)> = Vec::new();
    for alert in alerts {
        match names.iter_mut().find(|(name, _)| *name == alert.name()) {
            Some((_, alerts)) => alerts.push(alert),
            None => names.push((alert.name(), vec![alert])),
        }
    }
    names
}

/// The alerts of one name: how bad, how many, since when, what they share and what tells them apart.
fn group(alerts: &[&Alert], now: Seconds) -> Value {
    let Some(first) = alerts.first() else { return Value::Null };
    let oldest = alerts.iter().map(|alert| alert.since()).fold(f64::INFINITY, f64::min);
    let mut receivers: Vec<&str> = alerts.iter().flat_map(|alert| alert.receivers()).collect();
    receivers.sort_unstable();
    receivers.dedup();
    let mut out = json!({
        "alertname": first.name(), "severity": first.label("severity"), "count": alerts.len(),
        "since": time::rfc3339(oldest), "for": lasting(now - oldest),
        "labels": common_labels(alerts), "receivers": receivers,
    });
    if alerts.len() > 1 {
        put(&mut out, "differ", differing(alerts));
    }
    if let Some(summary) = first.summary() {
        put(&mut out, "summary", summary);
    }
    for (name, place) in [("generator_url", "/generatorURL"), ("runbook_url", "/annotations/runbook_url")] {
        if !text(&first.0, place).is_empty() {
            put(&mut out, name, text(&first.0, place));
        }
    }
    out
}

/// The labels that tell alerts apart, with the first few values of each.
fn differing(alerts: &[&Alert]) -> Value {
    let common = common_labels(alerts);
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in alerts.iter().filter_map(|alert| alert.labels()).flatten() {
        if name != "alertname" && !common.contains_key(name) {
            values.entry(name).or_default().extend(value.as_str());
        }
    }
    for values in values.values_mut() {
        values.sort_unstable();
        values.dedup();
        let more = values.len().saturating_sub(VALUES);
        values.truncate(VALUES);
        if more > 0 {
            values.push("…");
        }
    }
    json!(values)
}

/// The silences that keep some of the alerts quiet, and which those are.
fn silenced(facts: &Facts<'_>) -> Vec<Value> {
    let told = |silence: &Silence| {
        let held: Vec<&Alert> = facts.held_by(silence).collect();
        let mut out = silence.brief(facts.now);
        out.insert("alerts".into(), held.len().into());
        out.insert("alertnames".into(), counted(held.iter().map(|alert| alert.name())));
        (!held.is_empty()).then_some(Value::Object(out))
    };
    facts.silences.iter().filter_map(told).collect()
}

/// The inhibited alerts of one name, and the alerts that inhibit them.
fn held(name: &str, alerts: &[&Alert], all: &[Alert], now: Seconds) -> Value {
    let mut by: Vec<&str> = alerts.iter().flat_map(|alert| alert.inhibited_by()).collect();
    by.sort_unstable();
    by.dedup();
    let inhibitor = |fingerprint: &&str| match all.iter().find(|alert| alert.fingerprint() == *fingerprint) {
        Some(alert) => Value::Object(alert.line(now)),
        None => json!({ "fingerprint": fingerprint, "state": "gone" }),
    };
    json!({
        "alertname": name, "count": alerts.len(), "labels": common_labels(alerts),
        "inhibited_by": by.iter().take(VALUES).map(inhibitor).collect::<Vec<_>>(),
    })
}
