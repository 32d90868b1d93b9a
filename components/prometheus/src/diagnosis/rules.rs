//! Rules that fail, and groups of rules that take too long.

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, shortened, text};

use super::{Facts, SHOWN, finding, some};

/// A group that takes more of its interval than this skips evaluations soon.
const NEAR: f64 = 0.8;

pub(super) fn failing(facts: &Facts) -> Vec<Value> {
    let mut by_error: BTreeMap<&str, Vec<(&str, &Value)>> = BTreeMap::new();
    for group in &facts.groups {
        for rule in list(group, "/rules").iter().filter(|rule| text(rule, "/health") == "err") {
            by_error.entry(text(rule, "/lastError")).or_default().push((text(group, "/name"), rule));
        }
    }
    let told = |(error, rules): (&str, Vec<(&str, &Value)>)| {
        let alerting = rules.iter().filter(|(_, rule)| text(rule, "/type") == "alerting").count();
        finding(
            "rules_failing",
            format!("rules that fail to evaluate: {} (alerts that cannot fire: {alerting})", rules.len()),
            json!({
                "rules": some(rules.iter().map(|(_, rule)| text(rule, "/name"))),
                "groups": some(rules.iter().map(|(group, _)| *group)),
                "last_error": shortened(error, 300),
            }),
            "run the rule's expression with `query`; many-to-many matching and renamed labels are usual causes",
        )
    };
    by_error.into_iter().map(told).collect()
}

pub(super) fn slow(facts: &Facts) -> Vec<Value> {
    let number = |group: &Value, field: &str| group.get(field).and_then(Value::as_f64).unwrap_or(0.0);
    let near = |group: &&Value| {
        let interval = number(group, "interval");
        interval > 0.0 && number(group, "evaluationTime") > interval * NEAR
    };
    let slow: Vec<&Value> = facts.groups.iter().filter(near).collect();
    if slow.is_empty() {
        return Vec::new();
    }
    let line = |group: &&Value| {
        let mut rules: Vec<&Value> = list(group, "/rules").iter().collect();
        rules.sort_by(|a, b| number(b, "evaluationTime").total_cmp(&number(a, "evaluationTime")));
        json!({
            "group": text(group, "/name"), "took_seconds": number(group, "evaluationTime"),
            "interval_seconds": number(group, "interval"), "slowest_rule": rules.first().map(|rule| text(rule, "/name")),
        })
    };
    vec![finding(
        "rule_groups_slow",
        format!("rule groups that take most of their interval and may skip evaluations: {}", slow.len()),
        json!({ "groups": slow.iter().take(SHOWN).map(line).collect::<Vec<_>>() }),
        "split the group, make the slowest rule cheaper, or lengthen the interval",
    )]
}
