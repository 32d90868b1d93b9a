//! Merge patches (RFC 7386) and JSON patches (RFC 6902).

use serde_json::{Value, json};

/// A merge patch.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        patch.clone_into(target);
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().map(|target| target.remove(key));
        } else {
            merge(&mut target[key.as_str()], value);
        }
    }
}

/// A JSON patch.
///
/// # Errors
/// An operation that cannot be done, or a test that fails.
pub fn json_patch(target: &mut Value, patch: &[Value]) -> Result<(), String> {
    patch.iter().try_for_each(|operation| one(target, operation))
}

fn one(target: &mut Value, operation: &Value) -> Result<(), String> {
    let word = |field: &str| {
        operation[field].as_str().ok_or_else(|| format!("operation {operation} has no `{field}`"))
    };
    let value = || operation.get("value").cloned().unwrap_or(Value::Null);
    let path = word("path")?;
    match word("op")? {
        "add" => add(target, path, value()),
        "remove" => take(target, path).map(drop),
        "replace" => {
            let place = target.pointer_mut(path).ok_or_else(|| missing("replace", path))?;
            *place = value();
            Ok(())
        }
        "move" => {
            let moved = take(target, word("from")?)?;
            add(target, path, moved)
        }
        "copy" => {
            let from = word("from")?;
            let copied = target.pointer(from).cloned().ok_or_else(|| missing("copy", from))?;
            add(target, path, copied)
        }
        "test" if target.pointer(path).unwrap_or(&Value::Null) == &value() => Ok(()),
        "test" => Err(format!("testing value {path} failed: test failed")),
        other => Err(format!("Unexpected kind: {other}")),
    }
}

fn missing(operation: &str, path: &str) -> String {
    format!("{operation} operation does not apply: doc is missing path: {path}: missing value")
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| missing("add", path))?;
    let last = unescaped(last);
    match target.pointer_mut(parent).ok_or_else(|| missing("add", path))? {
        Value::Object(fields) => {
            fields.insert(last, value);
        }
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) => {
            let place = last.parse().ok().filter(|place| *place <= items.len());
            items.insert(place.ok_or_else(|| missing("add", path))?, value);
        }
        _ => return Err(missing("add", path)),
    }
    Ok(())
}

fn take(target: &mut Value, path: &str) -> Result<Value, String> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| missing("remove", path))?;
    let last = unescaped(last);
    let taken = match target.pointer_mut(parent) {
        Some(Value::Object(fields)) => fields.remove(&last),
        Some(Value::Array(items)) => {
            last.parse().ok().filter(|place| *place < items.len()).map(|place: usize| items.remove(place))
        }
        _ => None,
    };
    taken.ok_or_else(|| missing("remove", path))
}

fn unescaped(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_patch_sets_and_removes() {
        let mut target = json!({ "a": { "b": 1, "c": [1, 2] }, "d": 1 });
        merge(&mut target, &json!({ "a": { "b": null, "c": [3] }, "e": { "f": null, "g": 1 } }));
        assert_eq!(target, json!({ "a": { "c": [3] }, "d": 1, "e": { "g": 1 } }));
    }

    #[test]
    fn a_json_patch_is_done_in_order() {
        let mut target = json!({ "metadata": { "labels": {} }, "list": [1, 3] });
        let patch = json!([
            { "op": "add", "path": "/metadata/labels/example.com~1a", "value": "x" },
            { "op": "add", "path": "/list/1", "value": 2 },
            { "op": "add", "path": "/list/-", "value": 4 },
            { "op": "test", "path": "/list/3", "value": 4 },
            { "op": "remove", "path": "/list/0" },
            { "op": "replace", "path": "/list/0", "value": 9 },
            { "op": "copy", "from": "/list", "path": "/copy" },
            { "op": "move", "from": "/list", "path": "/moved" },
        ]);
        json_patch(&mut target, patch.as_array().unwrap()).unwrap();
        let list = json!([9, 3, 4]);
        assert_eq!(
            target,
            json!({ "metadata": { "labels": { "example.com/a": "x" } }, "copy": list, "moved": list })
        );
        for broken in [
            json!({ "op": "test", "path": "/copy/0", "value": 1 }),
            json!({ "op": "remove", "path": "/none" }),
            json!({ "op": "replace", "path": "/none", "value": 1 }),
            json!({ "op": "add", "path": "/copy/9", "value": 1 }),
            json!({ "op": "invent", "path": "/copy" }),
            json!({ "op": "add" }),
        ] {
            assert!(json_patch(&mut target, std::slice::from_ref(&broken)).is_err(), "{broken}");
        }
    }
}
