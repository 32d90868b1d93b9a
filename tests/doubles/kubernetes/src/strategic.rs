//! Strategic merge patches: lists are merged by their keys, and a patch may say `$patch`.

use serde_json::{Value, json};

use crate::kinds::Kind;
use crate::lists::{Shape, shape};
use crate::status::{Outcome, Status};

/// Merges a patch into an object.
pub fn merge(kind: &Kind, target: &mut Value, patch: &Value) -> Outcome<()> {
    object(kind, &mut Vec::new(), target, patch)
}

fn object(kind: &Kind, names: &mut Vec<String>, target: &mut Value, patch: &Value) -> Outcome<()> {
    let Value::Object(fields) = patch else {
        patch.clone_into(target);
        return Ok(());
    };
    match patch["$patch"].as_str() {
        Some("replace" | "delete") => *target = json!({}),
        _ if !target.is_object() => *target = json!({}),
        _ => {}
    }
    if patch["$patch"] == "delete" {
        return Ok(());
    }
    if let (Some(kept), Some(target)) = (patch["$retainKeys"].as_array(), target.as_object_mut()) {
        target.retain(|name, _| kept.iter().any(|one| one == name));
    }
    for (name, value) in fields {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().cloned().unwrap_or_default();
            if let Some(items) = target[list].as_array_mut() {
                items.retain(|item| !gone.contains(item));
            }
        }
        if name.starts_with('$') {
            continue;
        }
        names.push(name.clone());
        field(kind, names, target, name, value)?;
        names.pop();
    }
    Ok(())
}

fn field(kind: &Kind, names: &mut Vec<String>, target: &mut Value, name: &str, value: &Value) -> Outcome<()> {
    match (value, shape(kind, names)) {
        (Value::Null, _) => {
            target.as_object_mut().map(|fields| fields.remove(name));
        }
        (Value::Object(_), _) => object(kind, names, &mut target[name], value)?,
        (Value::Array(patch), Shape::Keyed(keys)) => {
            items(kind, names, &mut target[name], patch, keys.first().copied().unwrap_or_default())?;
        }
        (Value::Array(patch), Shape::Set) => {
            let known = target[name].as_array().cloned().unwrap_or_default();
            let new = patch.iter().filter(|item| !known.contains(item)).cloned();
            target[name] = known.iter().cloned().chain(new).collect();
        }
        _ => target[name] = value.clone(),
    }
    Ok(())
}

fn items(
    kind: &Kind,
    names: &mut Vec<String>,
    target: &mut Value,
    patch: &[Value],
    key: &str,
) -> Outcome<()> {
    let mut merged = target.as_array().cloned().unwrap_or_default();
    // An item that says only that replaces the list by the others.
    if patch.iter().any(|item| item["$patch"] == "replace" && item[key].is_null()) {
        merged.clear();
    }
    for item in patch.iter().filter(|item| item["$patch"] != "replace" || !item[key].is_null()) {
        if item[key].is_null() {
            let message = format!("map: {item} does not contain declared merge key: {key}");
            return Err(Status::unknown(&message));
        }
        let place = merged.iter().position(|known| known[key] == item[key]);
        match (place, item["$patch"].as_str()) {
            (Some(place), Some("delete")) => {
                merged.remove(place);
            }
            (None, Some("delete")) => {}
            (Some(place), _) => object(kind, names, &mut merged[place], item)?,
            (None, _) => {
                let mut new = json!({});
                object(kind, names, &mut new, item)?;
                merged.push(new);
            }
        }
    }
    *target = merged.into();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::named;

    fn merged(target: Value, patch: &Value) -> Value {
        let mut target = target;
        merge(named("Deployment").unwrap(), &mut target, patch).unwrap();
        target
    }

    fn deployment() -> Value {
        json!({ "metadata": { "finalizers": ["a", "b"] }, "spec": { "template": { "spec": {
            "containers": [
                {
                    "name": "web", "image": "web:1", "args": ["-v"], "env": [{ "name": "A", "value": "1" }],
                    "ports": [{ "containerPort": 80, "name": "http" }],
                },
                { "name": "side", "image": "side:1" },
            ],
            "tolerations": [{ "key": "a" }],
        } } } })
    }

    fn pod(target: &Value) -> &Value {
        &target["spec"]["template"]["spec"]
    }

    #[test]
    fn lists_are_merged_by_their_keys() {
        let patch = json!({ "spec": { "template": { "spec": {
            "$setElementOrder/containers": [{ "name": "web" }],
            "containers": [{
                "name": "web", "image": "web:2", "args": ["-q"], "env": [{ "name": "B", "value": "2" }],
                "ports": [{ "containerPort": 80, "name": "www" }, { "containerPort": 81 }],
            }],
            "volumes": [{ "name": "tmp", "emptyDir": {} }],
            "tolerations": [{ "key": "b" }],
        } } } });
        let merged = merged(deployment(), &patch);
        assert_eq!(
            *pod(&merged),
            json!({
                "containers": [
                    {
                        "name": "web", "image": "web:2", "args": ["-q"],
                        "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }],
                        "ports": [{ "containerPort": 80, "name": "www" }, { "containerPort": 81 }],
                    },
                    { "name": "side", "image": "side:1" },
                ],
                "volumes": [{ "name": "tmp", "emptyDir": {} }],
                "tolerations": [{ "key": "b" }],
            })
        );
    }

    #[test]
    fn directives_delete_and_replace() {
        let patch = json!({
            "metadata": { "finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a"] },
            "spec": { "template": { "spec": {
                "containers": [
                    { "name": "side", "$patch": "delete" },
                    { "name": "web", "$retainKeys": ["name", "image"], "env": null },
                ],
            } } },
        });
        let merged = merged(deployment(), &patch);
        assert_eq!(pod(&merged)["containers"], json!([{ "name": "web", "image": "web:1" }]));
        let kept = merged["metadata"]["finalizers"].as_array().unwrap();
        assert!(kept.contains(&json!("b")) && kept.contains(&json!("c")) && !kept.contains(&json!("a")));
        let patch = json!({ "spec": { "template": { "spec": {
            "containers": [{ "$patch": "replace" }, { "name": "new", "image": "new:1" }],
        } } } });
        let merged = super::tests::merged(deployment(), &patch);
        assert_eq!(pod(&merged)["containers"], json!([{ "name": "new", "image": "new:1" }]));
    }

    #[test]
    fn an_item_without_its_key_is_refused() {
        let patch = json!({ "spec": { "template": { "spec": { "containers": [{ "image": "x" }] } } } });
        let refused = merge(named("Deployment").unwrap(), &mut deployment(), &patch).unwrap_err();
        assert_eq!(refused.message, "map: {\"image\":\"x\"} does not contain declared merge key: name");
    }
}
