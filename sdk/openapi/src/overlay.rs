//! Owns overlays (OpenAPI Overlay 1.0): what the operator changes in a document before it is mapped.

use serde_json::{Map, Value};
use serde_json_path::JsonPath;

use crate::document::Document;
use crate::text;

impl Document {
    /// Applies an overlay: each action's `target` (a JSONPath) is removed, or updated with its `update`. Gives what had no
    /// effect. An overlay may set `x-bulkhead` on an operation, which in a document itself is not read.
    ///
    /// # Errors
    /// It is not an overlay; says which action is wrong and how.
    pub fn overlay(&mut self, overlay: &Value) -> Result<Vec<String>, String> {
        let version = overlay.get("overlay").and_then(Value::as_str);
        if !version.is_some_and(|version| version.starts_with("1.")) {
            return Err("it is not an overlay: `overlay: 1.0.0` is expected".to_owned());
        }
        let actions = overlay.get("actions").and_then(Value::as_array);
        let actions = actions.ok_or("it has no list of `actions`")?;
        let mut remarks = Vec::new();
        for (number, action) in actions.iter().enumerate() {
            let wrong = |why: String| format!("actions[{number}]: {why}");
            let target = action.get("target").and_then(Value::as_str);
            let target = target.ok_or_else(|| wrong("it has no `target`".to_owned()))?;
            let path = JsonPath::parse(target)
                .map_err(|error| wrong(format!("`{target}` is not a JSONPath: {error}")))?;
            let Some(root) = self.parts.first_mut().map(|part| &mut part.root) else { continue };
            let mut pointers: Vec<String> =
                path.query_located(root).iter().map(|found| found.location().to_json_pointer()).collect();
            if pointers.is_empty() {
                remarks
                    .push(format!("overlay: actions[{number}]: nothing is at `{}`", text::line(target, 120)));
            }
            let remove = action.get("remove").and_then(Value::as_bool).unwrap_or(false);
            match (remove, action.get("update")) {
                (true, _) => {
                    // From the last on, so that what is before keeps its place.
                    pointers.reverse();
                    pointers.iter().for_each(|pointer| take_out(root, pointer));
                }
                (false, Some(update)) => {
                    for pointer in &pointers {
                        if let Some(found) = root.pointer_mut(pointer) {
                            put_in(found, update);
                        }
                    }
                }
                (false, None) => return Err(wrong("it has neither `update` nor `remove: true`".to_owned())),
            }
        }
        Ok(remarks)
    }
}

fn take_out(root: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    match root.pointer_mut(parent) {
        Some(Value::Object(fields)) => drop(fields.remove(&last.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(items)) => {
            if let Some(at) = last.parse::<usize>().ok().filter(|at| *at < items.len()) {
                items.remove(at);
            }
        }
        _ => {}
    }
}

/// Objects are merged, lists get more at their end, anything else is replaced.
fn put_in(target: &mut Value, update: &Value) {
    match (target, update) {
        (Value::Object(fields), Value::Object(more)) => merge(fields, more),
        (Value::Array(items), Value::Array(more)) => items.extend(more.iter().cloned()),
        (Value::Array(items), one) => items.push(one.clone()),
        (target, update) => *target = update.clone(),
    }
}

fn merge(fields: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (key, value) in more {
        match fields.get_mut(key) {
            Some(own) if own.is_object() || own.is_array() => put_in(own, value),
            _ => drop(fields.insert(key.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::limits::Limits;

    fn document() -> Document {
        let text = json!({
            "openapi": "3.1.0",
            "paths": {
                "/a": { "get": { "tags": ["x"], "summary": "old", "parameters": [{"name": "p"}, {"name": "q"}] } },
                "/b": { "get": {}, "delete": { "deprecated": true } },
            }
        });
        Document::parse(text.to_string().as_bytes(), "/a.json", Limits::default()).unwrap()
    }

    #[test]
    fn actions_update_and_remove_what_their_targets_find() {
        let mut document = document();
        let remarks = document
            .overlay(&json!({ "overlay": "1.0.0", "info": {}, "actions": [
                { "target": "$.paths['/a'].get", "update": { "summary": "new", "tags": ["y"], "x-bulkhead": {"name": "n"} } },
                { "target": "$.paths.*.*[?@.deprecated]", "remove": true },
                { "target": "$.paths.*[?@.deprecated==true]", "remove": true },
                { "target": "$.paths['/a'].get.parameters[?@.name=='p']", "remove": true },
                { "target": "$.paths['/nowhere']", "update": {} },
            ]}))
            .unwrap();
        assert_eq!(
            document.root().value["paths"],
            json!({
                "/a": { "get": { "tags": ["x", "y"], "summary": "new", "x-bulkhead": {"name": "n"}, "parameters": [{"name": "q"}] } },
                "/b": { "get": {} },
            })
        );
        assert_eq!(
            remarks,
            [
                "overlay: actions[1]: nothing is at `$.paths.*.*[?@.deprecated]`",
                "overlay: actions[4]: nothing is at `$.paths['/nowhere']`",
            ]
        );
    }

    #[test]
    fn what_is_no_overlay_is_refused_and_said_where() {
        for (overlay, why) in [
            (json!({}), "`overlay: 1.0.0` is expected"),
            (json!({"overlay": "1.0.0"}), "no list of `actions`"),
            (json!({"overlay": "1.0.0", "actions": [{}]}), "actions[0]: it has no `target`"),
            (
                json!({"overlay": "1.0.0", "actions": [{"target": "paths", "remove": true}]}),
                "is not a JSONPath",
            ),
            (
                json!({"overlay": "1.0.0", "actions": [{"target": "$"}]}),
                "neither `update` nor `remove: true`",
            ),
        ] {
            let error = document().overlay(&overlay).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
