//! `/scale`: how many replicas there are to be, whatever the kind.

use std::sync::Arc;

use double_kit::{Reply, Request};
use serde_json::{Value, json};

use crate::cluster::State;
use crate::kinds::Kind;
use crate::options::{Options, body};
use crate::route::Target;
use crate::status::{Cause, Outcome, Status};
use crate::{patch, write};

/// GET, PUT and PATCH.
pub fn answer(state: &mut State, target: &Target, request: &Request) -> Outcome {
    let name = target.name.as_deref().unwrap_or_default();
    let old = state.store.get(&target.key(name)).ok_or_else(|| Status::not_found(target.kind, name))?;
    let mut scale = of(target.kind, &old);
    if request.method == "GET" {
        return Ok(Reply::json(200, &scale));
    }
    let options = Options::of(target, request)?;
    match (request.method.as_str(), request.media_type()) {
        ("PUT", _) => scale = body(request)?,
        (_, "application/merge-patch+json" | "application/strategic-merge-patch+json") => {
            patch::merge(&mut scale, &body(request)?);
        }
        (_, "application/json-patch+json") => {
            let operations = request.json();
            let operations = operations.as_array().ok_or_else(Status::unprocessable)?;
            patch::json_patch(&mut scale, operations).map_err(|_| Status::unprocessable())?;
        }
        _ => {
            return Err(Status::unsupported_media_type(&[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
            ]));
        }
    }
    let changed = rescaled(state, target, name, &old, &scale, &options)?;
    Ok(Reply::json(200, &of(target.kind, &changed)))
}

fn rescaled(
    state: &mut State,
    target: &Target,
    name: &str,
    old: &Value,
    scale: &Value,
    options: &Options,
) -> Outcome<Arc<Value>> {
    let replicas = scale["spec"].get("replicas").cloned().unwrap_or(json!(0));
    if replicas.as_i64().is_none_or(|replicas| replicas < 0) {
        let cause = Cause::invalid("spec.replicas", &replicas, "must be greater than or equal to 0");
        return Err(Status::invalid_named("Scale.autoscaling", "autoscaling", "Scale", name, &[cause]));
    }
    let mut new = old.clone();
    new["spec"]["replicas"] = replicas;
    for field in ["resourceVersion", "uid"] {
        let given = scale["metadata"][field].clone();
        if !given.is_null() {
            new["metadata"][field] = given;
        }
    }
    write::change(state, target, name, old, new, options)
}

fn of(kind: &Kind, object: &Value) -> Value {
    let metadata = &object["metadata"];
    let field = |value: &Value, name: &str| value[name].as_i64().unwrap_or_default();
    let mut scale = json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": { "replicas": field(&object["spec"], "replicas") },
        "status": { "replicas": field(&object["status"], "replicas") },
    });
    let labels = object["spec"]["selector"]["matchLabels"].as_object().filter(|_| !kind.is_custom());
    let pairs = labels.into_iter().flatten();
    let pairs: Vec<String> =
        pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    if !pairs.is_empty() {
        scale["status"]["selector"] = pairs.join(",").into();
    }
    scale
}
