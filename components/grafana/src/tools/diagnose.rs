//! `diagnose_alerting`: what is wrong now, in one call: rules that fire, cannot be evaluated or have no data, with the
//! health of the datasources they query, and notifications that are not delivered.

use std::collections::{BTreeMap, BTreeSet};

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, When};
use bulkhead_sdk::value::{list, shortened, text};
use bulkhead_sdk::{join, join_all};
use serde_json::Map;

use super::{labels, noted, objects, picked};
use crate::Grafana;
use crate::api;
use crate::rules::{self, Rule, State};

/// A rule that missed so many evaluations is not evaluated.
const MISSED: f64 = 3.0;

/// Datasources whose test is asked for.
const TESTED: usize = 10;

/// Rules told of in each finding.
const SHOWN: usize = 20;

/// Instances shown of each rule.
const INSTANCES: usize = 3;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Diagnose {
    /// Uid or title.
    folder: Option<String>,
    /// `team=shop`
    labels: Option<String>,
}

returns!(Diagnosis { verdict: "string", findings: "array" });

pub(crate) fn tool() -> Tool<Grafana> {
    Tool::reads(
        "diagnose_alerting",
        "Diagnose alerting",
        "What is wrong now: rules that fire, fail, have no data or are not evaluated, since when, their datasources' health, \
         undelivered notifications.",
        diagnose,
    )
    .output::<Diagnosis>()
}

async fn diagnose(service: &Grafana, args: Diagnose, call: &Call) -> Result<Output> {
    let (api, labels) = (&service.api, labels(args.labels.as_deref())?);
    let (mut notes, now) = (Vec::new(), time::unix(call.now()));
    let (rules, receivers) = join!(
        rules::all(api, &mut notes),
        api::list(api.get("/api/alertmanager/grafana/config/api/v1/receivers")),
    );
    let mut rules = rules?;
    let receivers = api::optional(receivers, "delivery of notifications is not known", &mut notes)?;
    rules.retain(|rule| args.folder.as_deref().is_none_or(|folder| rule.is_in(folder)) && rule.has(&labels));
    let troubled = |rule: &&Rule| matches!(rule.state(), State::Error | State::NoData | State::Firing);
    let uids: BTreeSet<&str> = rules.iter().filter(troubled).flat_map(Rule::datasources).collect();
    if uids.len() > TESTED {
        notes.push(format!("only {TESTED} of {} datasources were tested", uids.len()));
    }
    let tested = join_all(
        uids.iter()
            .take(TESTED)
            .map(|uid| async move { ((*uid).to_owned(), objects::health_of(api, uid).await) }),
    );
    let health: BTreeMap<String, Value> = tested.await.into_iter().collect();
    let unknown = health.iter().filter(|(_, test)| text(test, "/status") == "UNKNOWN");
    notes.extend(
        unknown.map(|(uid, test)| format!("datasource `{uid}` was not tested: {}", text(test, "/message"))),
    );
    let mut findings = Vec::new();
    findings.extend(sick(&health, &rules));
    for (state, severity, words) in [
        (State::Firing, "critical", "firing"),
        (State::Error, "critical", "failing to be evaluated, so alerting on nothing"),
        (State::NoData, "warning", "without data, so alerting on nothing"),
        (State::Pending, "info", "about to fire"),
    ] {
        let of: Vec<&Rule> = rules.iter().filter(|rule| rule.state() == state).collect();
        findings.extend(finding(severity, words, &of, |rule| evidence(rule, &health)));
    }
    let stale: Vec<&Rule> = rules.iter().filter(|rule| is_stale(rule, now)).collect();
    findings.extend(finding("critical", "no longer evaluated, so alerting on nothing", &stale, |rule| {
        let mut out = rule.line();
        if let Some(object) = out.as_object_mut() {
            object.insert("evaluated".into(), text(&rule.status, "/lastEvaluation").into());
            object.insert("every".into(), bulkhead_sdk::duration::words(rule.interval).into());
        }
        out
    }));
    findings.extend(undelivered(receivers.as_deref().unwrap_or_default()));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for rule in &rules {
        *counts.entry(json!(rule.state()).as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let order = ["critical", "warning", "info"];
    findings.sort_by_key(|finding| order.iter().position(|word| *word == text(finding, "/severity")));
    let mut out = Map::new();
    out.insert("verdict".into(), verdict(&findings, rules.len()).into());
    out.insert("counts".into(), json!(counts));
    out.insert("findings".into(), findings.into());
    noted(&mut out, notes);
    Ok(Output::json(&out))
}

fn verdict(findings: &[Value], rules: usize) -> String {
    match findings.first() {
        Some(first) => text(first, "/finding").to_owned(),
        None => format!("nothing is wrong: {rules} rules, and none of them fires or fails"),
    }
}

fn finding(severity: &str, words: &str, rules: &[&Rule], shape: impl Fn(&Rule) -> Value) -> Option<Value> {
    if rules.is_empty() {
        return None;
    }
    let shown: Vec<Value> = rules.iter().take(SHOWN).map(|rule| shape(rule)).collect();
    Some(
        json!({ "severity": severity, "finding": format!("{} {} {words}", rules.len(), if rules.len() == 1 { "rule" } else { "rules" }),
        "total": rules.len(), "shown": shown.len(), "rules": shown }),
    )
}

/// A rule's line, with some of its instances and the state of what it queries.
fn evidence(rule: &Rule, health: &BTreeMap<String, Value>) -> Value {
    let mut out = rule.line();
    let Some(object) = out.as_object_mut() else { return out };
    let instance = |alert: &&Value| {
        let mut brief = picked(alert, &["state", "activeAt", "labels"]);
        let value = text(alert, "/value");
        if let (Some(brief), false) = (brief.as_object_mut(), value.is_empty()) {
            brief.insert("value".into(), shortened(value, 100).into());
        }
        brief
    };
    let active: Vec<Value> = rule.active().iter().take(INSTANCES).map(instance).collect();
    if !active.is_empty() {
        object.insert("active".into(), active.into());
    }
    let sources = rule.datasources().into_iter();
    let sources: Map<String, Value> =
        sources.filter_map(|uid| Some((uid.to_owned(), health.get(uid)?.get("status")?.clone()))).collect();
    if !sources.is_empty() {
        object.insert("datasources".into(), sources.into());
    }
    out
}

/// Datasources whose test fails: what is behind many rules at once.
fn sick(health: &BTreeMap<String, Value>, rules: &[Rule]) -> Vec<Value> {
    let fails = |test: &Value| !matches!(text(test, "/status"), "OK" | "UNTESTED" | "UNKNOWN");
    let bad = health.iter().filter(|(_, test)| fails(test));
    bad.map(|(uid, test)| {
        let users = rules.iter().filter(|rule| rule.datasources().contains(&uid.as_str())).count();
        let finding = format!("datasource `{uid}` fails its test; {users} of the rules query it");
        json!({ "severity": "critical", "finding": finding, "datasource": uid, "health": test })
    })
    .collect()
}

fn is_stale(rule: &Rule, now: f64) -> bool {
    let last = When::parse(text(&rule.status, "/lastEvaluation")).map(|when| when.resolve(now));
    // A rule that was never evaluated has the year 1.
    let last = last.ok().filter(|at| *at > 0.0);
    rule.interval > 0.0
        && rule.state() != State::Paused
        && last.is_some_and(|at| now - at > MISSED * rule.interval.max(10.0))
}

/// Contact points whose last notification failed.
fn undelivered(receivers: &[Value]) -> Vec<Value> {
    let mut out = Vec::new();
    for receiver in receivers {
        for integration in list(receiver, "/integrations") {
            let error = text(integration, "/lastNotifyAttemptError");
            if !error.is_empty() {
                let name = text(receiver, "/name");
                out.push(json!({ "severity": "critical",
                    "finding": format!("contact point `{name}` did not deliver its last notification"),
                    "integration": text(integration, "/name"), "at": text(integration, "/lastNotifyAttempt"),
                    "error": shortened(error, 300) }));
            }
        }
    }
    out
}
