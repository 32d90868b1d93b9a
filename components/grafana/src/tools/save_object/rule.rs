//! An alert rule, and how often its group is evaluated.

use bulkhead_sdk::Request;
use bulkhead_sdk::duration::Span;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;
use serde_json::Map;

use super::{checked, dry};
use crate::api::{self, Api};
use crate::diff;

/// What Grafana takes of a rule, and `interval`, which is its group's.
const TAKEN: &[&str] = &[
    "uid",
    "orgID",
    "folderUID",
    "ruleGroup",
    "title",
    "condition",
    "data",
    "noDataState",
    "execErrState",
    "for",
    "annotations",
    "labels",
    "isPaused",
    "notification_settings",
    "provenance",
    "interval",
];

pub(super) async fn save(
    api: &Api,
    uid: Option<&str>,
    given: &Map<String, Value>,
    only_told: bool,
) -> Result<Output> {
    let needed: &[&str] = if uid.is_none() { &["title", "folderUID", "condition", "data"] } else { &[] };
    checked("an alert rule", given, TAKEN, needed)?;
    let mut given = given.clone();
    let interval = given.remove("interval").map(serde_json::from_value::<Span>).transpose();
    let interval = interval.map_err(|error| Error::invalid("fields.interval", error))?;
    let old = match uid {
        None => json!({}),
        Some(uid) => {
            let found = api::json::<Value>(api.get("/api/v1/provisioning/alert-rules").segment(uid)).await;
            without_stamps(&api::named(found, &format!("alert rule `{uid}`"))?)
        }
    };
    let new = merged(&old, given, uid.is_none());
    let changes = diff::diff(&old, &new);
    if only_told {
        return Ok(dry(uid.is_none(), &changes));
    }
    // Without the header a rule that was made over the API cannot be edited by people.
    let editable = text(&new, "/provenance") != "api";
    let request = match uid {
        None => api.request(Method::Post, "/api/v1/provisioning/alert-rules"),
        Some(uid) => api.request(Method::Put, "/api/v1/provisioning/alert-rules").segment(uid),
    };
    let done: Value =
        api::blame(api::json(with_provenance(request, editable).json_body(&new)).await, "fields")?;
    let saved = text(&done, "/uid");
    if saved.is_empty() {
        return Err(Error::failed("Grafana did not say what it saved: see get_alert_rules"));
    }
    let mut out = json!({ "uid": saved, "title": text(&done, "/title"), "diff": changes });
    if let Some(Span(seconds)) = interval {
        let group = evaluated_every(api, &done, seconds, editable).await.map_err(|error| {
            error.context(format!("rule `{saved}` was saved, but not how often its group is evaluated"))
        })?;
        if let Some(object) = out.as_object_mut() {
            object.insert("group_interval".into(), group.get("interval").cloned().unwrap_or_default());
        }
    }
    Ok(Output::json(&out))
}

fn with_provenance(request: Request, editable: bool) -> Request {
    if editable { request.header("x-disable-provenance", "true") } else { request }
}

/// Without what Grafana sets itself.
fn without_stamps(rule: &Value) -> Value {
    let own = rule.as_object().into_iter().flatten().filter(|(name, _)| TAKEN.contains(&name.as_str()));
    Value::Object(own.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn merged(old: &Value, given: Map<String, Value>, creates: bool) -> Value {
    let mut new = old.as_object().cloned().unwrap_or_default();
    new.extend(given);
    if creates {
        for (name, value) in [
            ("orgID", json!(1)),
            ("noDataState", json!("NoData")),
            ("execErrState", json!("Error")),
            ("for", json!("0s")),
            ("ruleGroup", json!("default")),
        ] {
            new.entry(name).or_insert(value);
        }
    }
    Value::Object(new)
}

/// Sets the interval of the group a rule is in.
async fn evaluated_every(api: &Api, rule: &Value, seconds: f64, editable: bool) -> Result<Value> {
    let at = |method: Method| {
        let request = api.request(method, "/api/v1/provisioning/folder").segment(text(rule, "/folderUID"));
        request.segment("rule-groups").segment(text(rule, "/ruleGroup"))
    };
    let mut group: Value = api::json(at(Method::Get)).await?;
    if let Some(object) = group.as_object_mut() {
        object.insert("interval".into(), (seconds.round() as u64).into());
    }
    api::blame(
        api::json(with_provenance(at(Method::Put), editable).json_body(&group)).await,
        "fields.interval",
    )
}
