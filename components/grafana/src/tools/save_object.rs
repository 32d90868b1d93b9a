//! `save_object`: creates or changes a folder, a datasource or an alert rule.

mod datasource;
mod folder;
mod rule;

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use super::Object;
use crate::Grafana;

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Folder,
    Datasource,
    AlertRule,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Save {
    /// What it is.
    kind: Kind,
    /// Uid of the one to change; not to create.
    uid: Option<String>,
    /// As in Grafana's API; of a change, only what changes. `{"title", "parentUid"}`; `{"name", "type", "url", "jsonData",
    /// "secureJsonData"}`; `{"title", "folderUID", "ruleGroup", "condition", "data", "for", "isPaused"}` and `interval` of
    /// its group.
    fields: Object,
    /// Only tell the diff.
    dry_run: Option<bool>,
}

returns!(Saved { uid: "string", diff: "object" });

pub(crate) fn tool() -> Tool<Grafana> {
    Tool::writes(
        "save_object",
        "Save an object",
        "Creates or changes a folder, a datasource or an alert rule. dry_run first.",
        save,
    )
    .destructive()
    .tag("admin")
    .output::<Saved>()
}

async fn save(service: &Grafana, args: Save, _: &Call) -> Result<Output> {
    let (api, uid, dry) = (&service.api, args.uid.as_deref(), args.dry_run == Some(true));
    if args.fields.is_empty() {
        return Err(Error::invalid("fields", "is empty: nothing to save"));
    }
    let other = args.fields.get("uid").filter(|other| uid.is_some_and(|uid| **other != json!(uid)));
    if other.is_some() {
        return Err(Error::invalid("fields.uid", "cannot be changed"));
    }
    match args.kind {
        Kind::Folder => folder::save(api, uid, &args.fields, dry).await,
        Kind::Datasource => datasource::save(api, uid, &args.fields, dry).await,
        Kind::AlertRule => rule::save(api, uid, &args.fields, dry).await,
    }
}

/// Refuses what Grafana would silently leave out, and a new object without what it needs.
fn checked(what: &str, given: &Map<String, Value>, taken: &[&str], needed: &[&str]) -> Result<()> {
    if let Some(name) = given.keys().find(|name| !taken.contains(&name.as_str())) {
        let path = format!("fields.{name}");
        return Err(Error::invalid(&path, format!("is no field of {what}; there are {}", taken.join(", "))));
    }
    match needed.iter().find(|name| given.get(**name).is_none_or(|value| *value == json!(""))) {
        Some(name) => Err(Error::invalid("fields", format!("needs `{name}` to create {what}"))),
        None => Ok(()),
    }
}

/// What would be done.
fn dry(creates: bool, diff: &Value) -> Output {
    Output::json(&json!({ "dry_run": true, "creates": creates, "diff": diff }))
}
