//! `rules`: what is recorded and alerted on.

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use super::counted;
use crate::Prometheus;
use crate::api::{Answer, Ask, Remarks};
use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::value::{Fields, take, text};

const DEFAULT_LIMIT: usize = 50;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Arguments {
    /// Default: both.
    #[serde(rename = "type")]
    kind: Option<Kind>,
    /// Exact name.
    name: Option<String>,
    /// Its group.
    group: Option<String>,
    /// `err`: it fails.
    state: Option<State>,
    view: Option<View>,
    /// Of `full`: `alerts.value`.
    #[schemars(length(max = 20))]
    fields: Option<Fields>,
    /// Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor`.
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
enum State {
    Inactive,
    Pending,
    Firing,
    Ok,
    Err,
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

impl State {
    /// An alert's state, or how the evaluation of any rule went.
    fn keeps(self, rule: &Value) -> bool {
        match self {
            Self::Inactive => text(rule, "/state") == "inactive",
            Self::Pending => text(rule, "/state") == "pending",
            Self::Firing => text(rule, "/state") == "firing",
            Self::Ok => text(rule, "/health") == "ok",
            Self::Err => text(rule, "/health") == "err",
        }
    }
}

/// Which rules to ask for.
#[derive(Default)]
pub(super) struct Wish<'a> {
    kind: Option<Kind>,
    name: Option<&'a str>,
    group: Option<&'a str>,
}

impl<'a> Wish<'a> {
    /// Those of one name.
    pub(super) fn named(name: &'a str) -> Self {
        Self { name: Some(name), ..Self::default() }
    }
}

returns!(Answered { total: "integer", rules: "array" });

pub(super) fn tool() -> Tool<Prometheus> {
    Tool::reads("rules", "Rules", "Rules with expression and last error.", rules).output::<Answered>()
}

async fn rules(service: &Prometheus, args: Arguments, _: &Call) -> Result<Output> {
    let key = Key::new("rules", &args)?;
    let wish = Wish { kind: args.kind, name: args.name.as_deref(), group: args.group.as_deref() };
    let (mut rules, remarks) = fetch(service, &wish).await?;
    rules.retain(|rule| args.state.is_none_or(|state| state.keeps(rule)));
    let counts = json!(counted(rules.iter().map(|rule| text(rule, "/type"))));
    let page = Page::cut(rules, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page.shown("rules", args.view, args.fields.as_ref(), |rule| detailed(&rule).into());
    out.insert("by_type".into(), counts);
    remarks.write(&mut out);
    Ok(Output::json(&out))
}

/// The rules asked for, in the order of their groups, each with its group and file. The filters are
/// applied here too: `rule_name[]` and `rule_group[]` are ignored by servers before 2.44.
pub(super) async fn fetch(service: &Prometheus, wish: &Wish<'_>) -> Result<(Vec<Value>, Remarks)> {
    let ask = Ask::get("rules")
        .maybe("type", wish.kind.map(|kind| kind.words().0))
        .maybe("rule_name[]", wish.name)
        .maybe("rule_group[]", wish.group)
        .blame("type");
    let Answer { mut data, remarks } = service.api.ask::<Value>(ask).await?;
    let is = |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted == found);
    let mut rules = Vec::new();
    for mut group in take(&mut data, "groups") {
        let of_group = take(&mut group, "rules");
        if !is(wish.group, text(&group, "/name")) {
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

pub(super) fn detailed(rule: &Value) -> Map<String, Value> {
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
