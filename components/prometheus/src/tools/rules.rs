//! `get_rules` and `rules_summary`: what is recorded and alerted on.

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use super::{View, reads, take, text, wanted};
use crate::Prometheus;
use crate::api::{Answer, Ask, Remarks};
use crate::page::{Key, Page};

const DEFAULT_LIMIT: usize = 50;
const SUMMARY_LIMIT: usize = 200;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct GetRules {
    /// Only rules of this type.
    #[serde(rename = "type")]
    kind: Option<Kind>,
    /// Only rules of this name.
    name: Option<String>,
    /// Only rules of this group.
    group: Option<String>,
    /// Only rules from this file, as Prometheus writes its path.
    file: Option<String>,
    /// Only rules in this health: `err` are those that fail to evaluate.
    health: Option<Health>,
    /// Only alerting rules in this state.
    state: Option<State>,
    /// `full` gives every field, with active alerts, labels and annotations.
    #[serde(default)]
    view: View,
    /// Most rules to return. Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor` of the previous page, with the same other arguments.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct RulesSummary {
    /// Only rules of this type.
    #[serde(rename = "type")]
    kind: Option<Kind>,
    /// Most rules to return. Default 200.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor` of the previous page, with the same other arguments.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Alert,
    Record,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Ok,
    Err,
    Unknown,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Inactive,
    Pending,
    Firing,
}

impl Kind {
    /// As a parameter, and as rules call themselves.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Alert => ("alert", "alerting"),
            Self::Record => ("record", "recording"),
        }
    }
}

impl Health {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Err => "err",
            Self::Unknown => "unknown",
        }
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// Which rules to ask for.
#[derive(Default)]
struct Wish<'a> {
    kind: Option<Kind>,
    name: Option<&'a str>,
    group: Option<&'a str>,
    file: Option<&'a str>,
}

pub(crate) fn add(tools: Tools<Prometheus>) -> Tools<Prometheus> {
    tools
        .add(reads(
            "rules_summary",
            "Rules, in short",
            "One short line for each rule (name, type, group, and health or state where it matters), \
             with totals. Start here to see which rules exist.",
            rules_summary,
        ))
        .add(reads(
            "get_rules",
            "Rules",
            "Recording and alerting rules with their PromQL expression, health and last error; filter \
             by type, name, group, file, health or state. Use it to see why an alert does or does not \
             fire.",
            get_rules,
        ))
}

async fn get_rules(service: &Prometheus, args: GetRules, _: &Call) -> Result<Output> {
    let key = Key::new("get_rules", &args)?;
    let wish = Wish {
        kind: args.kind,
        name: args.name.as_deref(),
        group: args.group.as_deref(),
        file: args.file.as_deref(),
    };
    let (mut rules, remarks) = fetch(service, &wish).await?;
    rules.retain(|rule| {
        args.health.is_none_or(|health| text(rule, "/health") == health.word())
            && args.state.is_none_or(|state| text(rule, "/state") == state.word())
    });
    let counts = counts(&rules);
    let page = Page::cut(rules, wanted(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page
        .map(|rule| match args.view {
            View::Summary => Value::Object(detailed(&rule)),
            View::Full => rule,
        })
        .into_object("rules");
    out.insert("by_type".into(), counts);
    remarks.write(&mut out);
    Ok(Output::json(&out))
}

async fn rules_summary(service: &Prometheus, args: RulesSummary, _: &Call) -> Result<Output> {
    let key = Key::new("rules_summary", &args)?;
    let (rules, remarks) = fetch(service, &Wish { kind: args.kind, ..Wish::default() }).await?;
    let counts = counts(&rules);
    let page = Page::cut(rules, wanted(args.limit, SUMMARY_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page.map(|rule| Value::Object(line(&rule))).into_object("rules");
    out.insert("by_type".into(), counts);
    remarks.write(&mut out);
    Ok(Output::json(&out))
}

/// The rules asked for, in the order of their groups, each with its group and file. The filters are
/// applied here too: `rule_name[]`, `rule_group[]` and `file[]` are ignored by servers before 2.44.
async fn fetch(service: &Prometheus, wish: &Wish<'_>) -> Result<(Vec<Value>, Remarks)> {
    let ask = Ask::get("rules")
        .maybe("type", wish.kind.map(|kind| kind.words().0))
        .maybe("rule_name[]", wish.name)
        .maybe("rule_group[]", wish.group)
        .maybe("file[]", wish.file)
        .blame("type");
    let Answer { mut data, remarks } = service.api.ask::<Value>(ask).await?;
    let is = |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted == found);
    let mut rules = Vec::new();
    for mut group in take(&mut data, "groups") {
        let of_group = take(&mut group, "rules");
        if !is(wish.group, text(&group, "/name")) || !is(wish.file, text(&group, "/file")) {
            continue;
        }
        for mut rule in of_group {
            if is(wish.name, text(&rule, "/name"))
                && is(wish.kind.map(|kind| kind.words().1), text(&rule, "/type"))
            {
                if let Some(object) = rule.as_object_mut() {
                    object.insert("group".into(), text(&group, "/name").into());
                    object.insert("file".into(), text(&group, "/file").into());
                }
                rules.push(rule);
            }
        }
    }
    Ok((rules, remarks))
}

fn counts(rules: &[Value]) -> Value {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in rules {
        *counts.entry(text(rule, "/type")).or_default() += 1;
    }
    json!(counts)
}

/// Name, type and group; state unless inactive; health and error unless all is well.
fn line(rule: &Value) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, field) in [("name", "/name"), ("type", "/type"), ("group", "/group")] {
        out.insert(name.into(), text(rule, field).into());
    }
    for (name, field, usual) in [("state", "/state", "inactive"), ("health", "/health", "ok")] {
        let word = text(rule, field);
        if !word.is_empty() && word != usual {
            out.insert(name.into(), word.into());
        }
    }
    out
}

fn detailed(rule: &Value) -> Map<String, Value> {
    let mut out = line(rule);
    for (name, field) in [
        ("state", "/state"),
        ("health", "/health"),
        ("query", "/query"),
        ("last_error", "/lastError"),
        ("file", "/file"),
    ] {
        let words = text(rule, field);
        if !words.is_empty() {
            out.insert(name.into(), words.into());
        }
    }
    if let Some(seconds) = rule.get("duration") {
        out.insert("for_seconds".into(), seconds.clone());
    }
    if let Some(alerts) = rule.get("alerts").and_then(Value::as_array) {
        out.insert("active_alerts".into(), alerts.len().into());
    }
    if let Some(labels) = rule.get("labels") {
        out.insert("labels".into(), labels.clone());
    }
    out
}
