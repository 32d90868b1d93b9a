//! `get_alert_rules`: alert rules with the state they are in.

use std::collections::BTreeMap;

use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::Fields;

use super::{contains, labels, listed};
use crate::Grafana;
use crate::rules::{self, Rule, State};

const DEFAULT_LIMIT: usize = 50;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct GetRules {
    /// Only this one, in full.
    uid: Option<String>,
    /// In one of these.
    #[schemars(length(max = 6))]
    states: Option<Vec<State>>,
    /// Uid or title.
    folder: Option<String>,
    /// Exact name.
    group: Option<String>,
    /// Words in the title.
    query: Option<String>,
    /// `team=shop`
    labels: Option<String>,
    /// Default summary.
    view: Option<View>,
    /// Keys of each.
    #[schemars(length(max = 20))]
    fields: Option<Fields>,
    /// Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// Last `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

returns!(Rules { rules: "array", next_cursor: "string" });

pub(crate) fn tool() -> Tool<Grafana> {
    Tool::reads(
        "get_alert_rules",
        "Alert rules",
        "Alert rules with state, since when and last error, the worst first; full adds definition and instances.",
        get,
    )
    .output::<Rules>()
}

async fn get(service: &Grafana, args: GetRules, _: &Call) -> Result<Output> {
    let key = Key::new("get_alert_rules", &args)?;
    let mut notes = Vec::new();
    let mut rules = rules::all(&service.api, &mut notes).await?;
    let labels = labels(args.labels.as_deref())?;
    rules.retain(|rule| is_wanted(rule, &args, &labels));
    if let (Some(uid), true) = (&args.uid, rules.is_empty()) {
        return Err(Error::not_found(format!("there is no alert rule `{uid}`")));
    }
    let mut by_state: BTreeMap<State, usize> = BTreeMap::new();
    for rule in &rules {
        *by_state.entry(rule.state()).or_default() += 1;
    }
    let by_state: BTreeMap<String, usize> = by_state
        .into_iter()
        .filter_map(|(state, count)| Some((json!(state).as_str()?.to_owned(), count)))
        .collect();
    let whole = args.uid.is_some() || matches!(args.view, Some(View::Full));
    let page = Page::cut(rules, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let page = page.map(|rule| match &args.fields {
        Some(fields) => fields.of(&full(&rule)),
        None if whole => full(&rule),
        None => rule.line(),
    });
    let mut out = listed(page, "rules", args.fields.as_ref(), notes);
    out.insert("by_state".into(), json!(by_state));
    Ok(Output::json(&out))
}

fn is_wanted(rule: &Rule, args: &GetRules, labels: &[(&str, &str)]) -> bool {
    args.uid.as_deref().is_none_or(|uid| rule.uid == uid)
        && args.states.as_ref().is_none_or(|states| states.contains(&rule.state()))
        && args.folder.as_deref().is_none_or(|folder| rule.is_in(folder))
        && args.group.as_deref().is_none_or(|group| rule.group == group)
        && args.query.as_deref().is_none_or(|words| contains(&rule.title, words))
        && rule.has(labels)
}

/// The line, the definition and what is active.
fn full(rule: &Rule) -> Value {
    let mut out = rule.line();
    if let Some(object) = out.as_object_mut() {
        object.insert("datasources".into(), json!(rule.datasources()));
        object.insert("definition".into(), rule.definition.clone());
        let active: Vec<&Value> = rule.active().into_iter().take(DEFAULT_LIMIT).collect();
        object.insert("active".into(), json!(active));
        for (name, field) in [("evaluated", "lastEvaluation"), ("query", "query")] {
            object.extend(rule.status.get(field).map(|value| (name.to_owned(), value.clone())));
        }
    }
    out
}
