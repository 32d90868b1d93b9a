//! `diagnose`: the on-call question in one call. What is wrong with this Prometheus and with what it sees; or, of one
//! alert, why it fires.

use bulkhead_sdk::duration;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, Seconds, When};
use bulkhead_sdk::value::{list, shortened, take, text};
use bulkhead_sdk::{join, join_all};
use serde_json::Map;

use super::{explain, labels_but};
use crate::Prometheus;
use crate::api::{Api, Ask};
use crate::diagnosis::{self, Facts};
use crate::shape::{self, Data, Series};

const DEFAULT_LIMIT: usize = 20;

/// How far back the counters are looked at.
const LOOKBACK: Seconds = 3600.0;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Arguments {
    /// Explains this alert or rule instead.
    alert: Option<String>,
    /// Of each list. Default 20.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
}

returns!(Answered { summary: "string", findings: "array", firing: "array", rules: "array" });

pub(super) fn tool() -> Tool<Prometheus> {
    Tool::reads(
        "diagnose",
        "Diagnose",
        "Start here: what is wrong with targets, rules, alerts and server; or why an alert fires.",
        diagnose,
    )
    .output::<Answered>()
}

/// The endpoints that are read whole, and what they are called when they are missing.
const SOURCES: [(&str, &str); 6] = [
    ("targets", "targets"),
    ("rules", "rules"),
    ("runtime", "status/runtimeinfo"),
    ("tsdb", "status/tsdb"),
    ("replay", "status/walreplay"),
    ("alertmanagers", "alertmanagers"),
];

async fn diagnose(service: &Prometheus, args: Arguments, call: &Call) -> Result<Output> {
    let now = time::unix(call.now()).floor();
    if let Some(name) = &args.alert {
        return explain::explain(service, name, now).await;
    }
    let api = &service.api;
    let sources = join_all(SOURCES.iter().map(|(_, path)| source(api, path)));
    let (sources, counters) = join!(sources, counters(api, now));
    if let (Some(Err(error)), true) = (sources.first(), sources.iter().all(Result::is_err)) {
        return Err(error.clone());
    }
    let mut missing = Map::new();
    let mut told = |name: &str, error: Error| {
        missing.insert(name.to_owned(), error.to_string().into());
    };
    let mut facts = Facts { now, ..Facts::default() };
    for ((name, _), answer) in SOURCES.iter().zip(sources) {
        match (*name, answer) {
            (name, Err(error)) => told(name, error),
            ("targets", Ok(mut data)) => facts.targets = take(&mut data, "activeTargets"),
            ("rules", Ok(mut data)) => facts.groups = take(&mut data, "groups"),
            ("runtime", Ok(data)) => facts.runtime = data,
            ("tsdb", Ok(data)) => facts.tsdb = data,
            ("replay", Ok(data)) => facts.replay = data,
            (_, Ok(data)) => facts.alertmanagers = data,
        }
    }
    match counters {
        Ok(counters) => facts.counters = counters,
        Err(error) => told("counters", error),
    }
    Ok(Output::json(&report(
        &facts,
        missing,
        args.limit.map_or(DEFAULT_LIMIT, |limit| limit.max(1) as usize),
    )))
}

async fn source(api: &Api, path: &str) -> Result<Value> {
    // Dropped targets can be many, and are no trouble.
    let active = (path == "targets").then_some("active");
    Ok(api.ask::<Value>(Ask::get(path).maybe("state", active)).await?.data)
}

/// What Prometheus counts about itself, a quarter of an hour apart.
async fn counters(api: &Api, now: Seconds) -> Result<Vec<Series>> {
    let ask = Ask::query("query_range")
        .with("query", diagnosis::counters_query())
        .with("start", time::param(now - LOOKBACK))
        .with("end", time::param(now))
        .with("step", "900");
    match api.ask::<Data>(ask).await?.data {
        Data::Matrix(series) => Ok(series),
        _ => Err(Error::failed("Prometheus answered a range query with something other than a matrix")),
    }
}

fn report(facts: &Facts, missing: Map<String, Value>, limit: usize) -> Map<String, Value> {
    let (mut findings, mut firing) = (diagnosis::all(facts), firing(facts));
    let up = facts.targets.iter().filter(|target| text(target, "/health") == "up").count();
    let mut out = Map::new();
    let summary = format!(
        "targets up: {up} of {}; alerts firing or pending: {}; findings: {}",
        facts.targets.len(),
        firing.len(),
        findings.len()
    );
    out.insert("summary".into(), summary.into());
    let mut left_out = Map::new();
    for (name, items) in [("findings", &mut findings), ("firing", &mut firing)] {
        if items.len() > limit {
            left_out.insert(name.into(), (items.len() - limit).into());
            items.truncate(limit);
        }
        out.insert(name.into(), std::mem::take(items).into());
    }
    for (name, object) in [("left_out", left_out), ("missing", missing)] {
        if !object.is_empty() {
            out.insert(name.into(), object.into());
        }
    }
    out
}

/// The alerting rules that fire or wait to, firing ones first and those that hold the longest.
fn firing(facts: &Facts) -> Vec<Value> {
    let rules = facts.groups.iter().flat_map(|group| list(group, "/rules"));
    let mut active: Vec<(bool, &str, &Value)> = rules
        .filter(|rule| matches!(text(rule, "/state"), "firing" | "pending"))
        .map(|rule| {
            let oldest = list(rule, "/alerts").iter().map(|alert| text(alert, "/activeAt")).min();
            (text(rule, "/state") != "firing", oldest.unwrap_or_default(), rule)
        })
        .collect();
    active.sort_by_key(|(pending, since, rule)| (*pending, *since, text(rule, "/name")));
    active.into_iter().map(|(_, since, rule)| told(rule, since, facts.now)).collect()
}

fn told(rule: &Value, since: &str, now: Seconds) -> Value {
    let alerts = list(rule, "/alerts");
    let mut out = Map::new();
    out.insert("alertname".into(), text(rule, "/name").into());
    out.insert("state".into(), text(rule, "/state").into());
    out.insert("count".into(), alerts.len().into());
    out.insert("since".into(), since.into());
    if let Ok(when) = When::parse(since) {
        out.insert("for".into(), duration::words((now - when.resolve(now)).max(0.0).floor()).into());
    }
    out.insert("labels".into(), labels_but(rule, "labels", &[]).into());
    if let Some(first) = alerts.first() {
        out.insert("first".into(), labels_but(first, "labels", &["alertname"]).into());
        out.insert("value".into(), shape::worded(text(first, "/value")));
        let words = ["/annotations/summary", "/annotations/description"].map(|place| text(first, place));
        if let Some(words) = words.iter().find(|words| !words.is_empty()) {
            out.insert("summary".into(), shortened(words, 200).into());
        }
    }
    Value::Object(out)
}
