//! A datasource. Secrets go in and never come out.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;
use serde_json::Map;

use super::{checked, dry};
use crate::api::{self, Api};
use crate::tools::objects;
use crate::{diff, redact};

/// What Grafana takes; the rest of what it tells of a datasource is its own.
const TAKEN: &[&str] = &[
    "name",
    "type",
    "url",
    "access",
    "database",
    "user",
    "basicAuth",
    "basicAuthUser",
    "withCredentials",
    "isDefault",
    "jsonData",
    "secureJsonData",
    "uid",
    "version",
];

pub(super) async fn save(
    api: &Api,
    uid: Option<&str>,
    given: &Map<String, Value>,
    only_told: bool,
) -> Result<Output> {
    if let Some(name) = ["password", "basicAuthPassword"].into_iter().find(|name| given.contains_key(*name)) {
        let path = format!("fields.{name}");
        return Err(Error::invalid(&path, format!("is a secret: give it as `secureJsonData.{name}`")));
    }
    let needed: &[&str] = if uid.is_none() { &["name", "type"] } else { &[] };
    checked("a datasource", given, TAKEN, needed)?;
    let old = match uid {
        None => json!({}),
        Some(uid) => current(api, uid).await?,
    };
    let mut new = old.clone();
    merge(&mut new, &Value::Object(given.clone()));
    if let (None, Some(object)) = (uid, new.as_object_mut()) {
        object.entry("access").or_insert_with(|| "proxy".into());
    }
    let changes = diff::diff(&shown(&old), &shown(&new));
    if only_told {
        return Ok(dry(uid.is_none(), &changes));
    }
    let request = match uid {
        None => api.request(Method::Post, "/api/datasources"),
        Some(uid) => api.request(Method::Put, "/api/datasources/uid").segment(uid),
    };
    let done: Value = api::blame(api::json(request.json_body(&new)).await, "fields")?;
    let uid = text(&done, "/datasource/uid");
    if uid.is_empty() {
        return Err(Error::failed("Grafana did not say what it saved: see get_objects kind datasource"));
    }
    let health = objects::health_of(api, uid).await;
    Ok(Output::json(&json!({ "uid": uid, "name": text(&done, "/name"), "diff": changes, "health": health })))
}

/// What there is, as far as it can be sent back. Secrets Grafana keeps by itself where none are sent.
async fn current(api: &Api, uid: &str) -> Result<Value> {
    let found = api::json::<Value>(api.get("/api/datasources/uid").segment(uid)).await;
    let found = api::named(found, &format!("datasource `{uid}`"))?;
    if found.get("readOnly").and_then(Value::as_bool) == Some(true) {
        return Err(Error::denied(format!("datasource `{uid}` is provisioned from a file: change it there")));
    }
    let taken = found.as_object().into_iter().flatten().filter(|(name, _)| TAKEN.contains(&name.as_str()));
    Ok(Value::Object(taken.map(|(name, value)| (name.clone(), value.clone())).collect()))
}

fn merge(into: &mut Value, from: &Value) {
    let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) else { return };
    for (name, value) in from {
        match into.get_mut(name) {
            Some(known) if known.is_object() && value.is_object() => merge(known, value),
            _ => drop(into.insert(name.clone(), value.clone())),
        }
    }
}

fn shown(source: &Value) -> Value {
    let mut source = source.clone();
    redact::secrets(&mut source);
    if let Some(object) = source.as_object_mut() {
        object.remove("version");
    }
    source
}
