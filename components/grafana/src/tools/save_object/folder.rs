//! A folder: its title, and the folder it is in.

use bulkhead_sdk::Request;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;
use serde_json::Map;

use super::{checked, dry};
use crate::api::{self, Api};
use crate::diff;
use crate::tools::picked;

const TAKEN: &[&str] = &["title", "parentUid", "uid", "version", "overwrite"];

pub(super) async fn save(
    api: &Api,
    uid: Option<&str>,
    given: &Map<String, Value>,
    only_told: bool,
) -> Result<Output> {
    let Some(uid) = uid else {
        checked("a folder", given, TAKEN, &["title"])?;
        let body = picked(&given.clone().into(), &["title", "uid", "parentUid"]);
        if only_told {
            return Ok(dry(true, &diff::diff(&json!({}), &body)));
        }
        return told(api, &put(api.request(Method::Post, "/api/folders").json_body(&body)).await?);
    };
    checked("a folder", given, TAKEN, &[])?;
    let found = api::json::<Value>(api.get("/api/folders").segment(uid)).await;
    let old = api::named(found, &format!("folder `{uid}`"))?;
    let known = ["title", "parentUid"];
    let mut new = picked(&old, &known);
    for name in known {
        if let (Some(value), Some(object)) = (given.get(name), new.as_object_mut()) {
            object.insert(name.to_owned(), value.clone());
        }
    }
    let changes = diff::diff(&picked(&old, &known), &new);
    if only_told {
        return Ok(dry(false, &changes));
    }
    let mut saved = old.clone();
    if let Some(title) = given.get("title") {
        let version = given.get("version").or_else(|| old.get("version"));
        let overwrite = given.get("overwrite").and_then(Value::as_bool).unwrap_or(false);
        let body = json!({ "title": title, "version": version, "overwrite": overwrite });
        saved = put(api.request(Method::Put, "/api/folders").segment(uid).json_body(&body)).await?;
    }
    if let Some(parent) = given.get("parentUid") {
        let request = api.request(Method::Post, "/api/folders").segment(uid).segment("move");
        saved = put(request.json_body(&json!({ "parentUid": parent }))).await?;
    }
    told(api, &saved)
}

async fn put(request: Request) -> Result<Value> {
    let response = api::send(request).await?;
    if response.status == 412 {
        return Err(Error::upstream(
            412,
            "the folder was changed since that version: leave `version` out, or give `overwrite`: true",
        ));
    }
    api::blame(api::read(&response), "fields")
}

fn told(api: &Api, folder: &Value) -> Result<Output> {
    let mut out = picked(folder, &["uid", "title", "parentUid", "version"]);
    if text(&out, "/uid").is_empty() {
        return Err(Error::failed("Grafana did not say which folder it saved: see get_objects kind folder"));
    }
    if let Some(object) = out.as_object_mut() {
        object.insert("url".into(), api.public_of(text(folder, "/url")).into());
    }
    Ok(Output::json(&out))
}
