//! What about alerts and silences deserves a look: one rule each, from facts, with the evidence and what to do next.

use std::collections::BTreeSet;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::Seconds;
use bulkhead_sdk::value::text;
use serde_json::Map;

use crate::alert::{Alert, lasting};
use crate::matchers::Matcher;
use crate::silence::Silence;

/// A silence that names no alert and holds this many names is broad.
const BROAD: usize = 3;

/// A silence with more than this to go is likely to be forgotten.
const LONG: Seconds = 30.0 * 86_400.0;

/// An alert that nobody has mended for so long is no news to anyone.
const STALE: Seconds = 7.0 * 86_400.0;

/// What the rules look at.
pub(crate) struct Facts<'a> {
    /// Every alert there is.
    pub(crate) all: &'a [Alert],
    /// Those that were asked about, worst first.
    pub(crate) alerts: &'a [Alert],
    /// Active and pending ones.
    pub(crate) silences: &'a [Silence],
    /// Null if it is not known.
    pub(crate) status: &'a Value,
    pub(crate) now: Seconds,
    pub(crate) soon: Seconds,
    /// Whether only some of the alerts were asked about: then what is not about them is no matter.
    pub(crate) part: bool,
}

impl<'a> Facts<'a> {
    /// Of the alerts asked about, those that this silence keeps quiet.
    pub(crate) fn held_by(&self, silence: &Silence) -> impl Iterator<Item = &'a Alert> {
        self.alerts.iter().filter(move |alert| alert.silenced_by().any(|id| id == silence.id()))
    }

    /// Active silences, each with the alerts it keeps quiet, if it matters to what was asked.
    fn active(&self) -> impl Iterator<Item = (&'a Silence, Vec<&'a Alert>)> {
        let active = self.silences.iter().filter(|silence| silence.state() == "active");
        active.map(|silence| (silence, self.held_by(silence).collect()))
    }
}

/// Every finding, the most pressing rule first.
pub(crate) fn all(facts: &Facts<'_>) -> Vec<Value> {
    let rules = [
        cluster_not_ready,
        critical_alert_silenced,
        inhibitor_is_quiet,
        silence_ends_soon,
        silence_is_broad,
        silence_holds_nothing,
        silence_is_long,
        alert_is_stale,
    ];
    rules.iter().flat_map(|rule| rule(facts)).collect()
}

fn finding(rule: &str, says: impl Into<String>, evidence: Value, next: &str) -> Value {
    Value::Object(Map::from_iter([
        ("finding".to_owned(), rule.into()),
        ("says".to_owned(), says.into().into()),
        ("evidence".to_owned(), evidence),
        ("next".to_owned(), next.into()),
    ]))
}

fn cluster_not_ready(facts: &Facts<'_>) -> Vec<Value> {
    let cluster = &facts.status["cluster"];
    match text(cluster, "/status") {
        "" | "ready" | "disabled" => Vec::new(),
        state => vec![finding(
            "cluster_not_ready",
            format!(
                "the cluster is {state}: notifications may come twice, and silences may not be known everywhere"
            ),
            json!({ "cluster": cluster }),
            "if it stays so, look at the peers' addresses and at Alertmanager's log",
        )],
    }
}

fn critical_alert_silenced(facts: &Facts<'_>) -> Vec<Value> {
    let held = |(silence, alerts): (&Silence, Vec<&Alert>)| {
        let critical: Vec<_> = alerts.iter().filter(|alert| alert.rank() == 0).collect();
        let first = critical.first()?;
        Some(finding(
            "critical_alert_silenced",
            match critical.len() {
                1 => format!("the critical alert {} is silenced", first.name()),
                count => format!("{count} critical alerts are silenced, among them {}", first.name()),
            },
            json!({
                "silence": silence.brief(facts.now),
                "alerts": critical.iter().take(5).map(|alert| alert.line(facts.now)).collect::<Vec<_>>(),
            }),
            "ask the silence's author whether somebody works on it",
        ))
    };
    facts.active().filter_map(held).collect()
}

/// An alert that inhibits others and is itself silenced: nobody hears of either.
fn inhibitor_is_quiet(facts: &Facts<'_>) -> Vec<Value> {
    let mut found = Vec::new();
    for inhibitor in facts.all.iter().filter(|alert| alert.silenced_by().next().is_some()) {
        let held = facts.alerts.iter().filter(|alert| {
            alert.silenced_by().next().is_none()
                && alert.inhibited_by().any(|fingerprint| fingerprint == inhibitor.fingerprint())
        });
        let held: Vec<&Alert> = held.collect();
        if !held.is_empty() {
            found.push(finding(
                "inhibitor_is_silenced",
                format!(
                    "{} is silenced and inhibits others ({}): nobody hears of either",
                    inhibitor.name(),
                    held.len()
                ),
                json!({
                    "inhibitor": inhibitor.brief(facts.now),
                    "inhibited": held.iter().take(5).map(|alert| alert.line(facts.now)).collect::<Vec<_>>(),
                }),
                "look at the inhibited alerts themselves, or end the silence",
            ));
        }
    }
    found
}

fn silence_ends_soon(facts: &Facts<'_>) -> Vec<Value> {
    let ending = |(silence, alerts): (&Silence, Vec<&Alert>)| {
        let left = silence.ends() - facts.now;
        (left <= facts.soon && !alerts.is_empty()).then(|| {
            finding(
                "silence_ends_soon",
                format!(
                    "alerts that are heard again in {}, when a silence ends: {}",
                    lasting(left),
                    alerts.len()
                ),
                json!({ "silence": silence.brief(facts.now), "alerts": alerts.len() }),
                "extend it if the work is not done, else let it end",
            )
        })
    };
    facts.active().filter_map(ending).collect()
}

fn silence_is_broad(facts: &Facts<'_>) -> Vec<Value> {
    let broad = |(silence, alerts): (&Silence, Vec<&Alert>)| {
        let names: BTreeSet<&str> = alerts.iter().map(|alert| alert.name()).collect();
        let open = silence.matchers().iter().all(Matcher::is_open);
        let named = silence.matchers().iter().any(|matcher| matcher.is_on("alertname") && !matcher.is_open());
        (open || (!named && names.len() >= BROAD)).then(|| {
            finding(
                "silence_is_broad",
                format!("names that a silence without an alertname keeps quiet: {}", names.len()),
                json!({ "silence": silence.brief(facts.now), "alertnames": names, "alerts": alerts.len() }),
                "replace it by one that names what is meant",
            )
        })
    };
    facts.active().filter(|(_, alerts)| !facts.part || !alerts.is_empty()).filter_map(broad).collect()
}

fn silence_holds_nothing(facts: &Facts<'_>) -> Vec<Value> {
    let idle = facts.active().filter(|(_, alerts)| !facts.part && alerts.is_empty());
    idle.map(|(silence, _)| {
        finding(
            "silence_holds_nothing",
            "an active silence matches no alert there is",
            json!({ "silence": silence.brief(facts.now) }),
            "end it if the work is done; if an alert was meant to be quiet, its matchers do not fit",
        )
    })
    .collect()
}

fn silence_is_long(facts: &Facts<'_>) -> Vec<Value> {
    let long = facts
        .active()
        .filter(|(silence, alerts)| silence.ends() - facts.now > LONG && (!facts.part || !alerts.is_empty()));
    long.map(|(silence, alerts)| {
        finding(
            "silence_is_long",
            format!("a silence goes on for another {}", lasting(silence.ends() - facts.now)),
            json!({ "silence": silence.brief(facts.now), "alerts": alerts.len() }),
            "change the alert's rule or route instead, if it is not wanted at all",
        )
    })
    .collect()
}

fn alert_is_stale(facts: &Facts<'_>) -> Vec<Value> {
    let stale = facts.alerts.iter().filter(|alert| {
        // An alert that always fires, to show that alerting works, is meant to.
        alert.is_heard() && alert.name() != "Watchdog" && facts.now - alert.since() > STALE
    });
    let stale: Vec<&Alert> = stale.collect();
    if stale.is_empty() {
        return Vec::new();
    }
    vec![finding(
        "alert_is_stale",
        format!("alerts firing for more than {}: {}", lasting(STALE), stale.len()),
        json!({ "alerts": stale.iter().take(5).map(|alert| alert.line(facts.now)).collect::<Vec<_>>() }),
        "mend the cause, or mend the rule if nobody needs to act on it",
    )]
}
