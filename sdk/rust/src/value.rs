//! Owns picking from an upstream's JSON: a text, a list, some fields, the beginning of something long; and adding to it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The string at a JSON pointer, or nothing.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What is at a JSON pointer, or null.
pub fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// The items of the array at a JSON pointer; an absent one is empty.
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Removes and returns the array at a field; an absent one is empty.
pub fn take(value: &mut Value, field: &str) -> Vec<Value> {
    match value.get_mut(field).map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// Removes and returns what is at a field, or null.
pub fn taken(value: &mut Value, field: &str) -> Value {
    value.get_mut(field).map(Value::take).unwrap_or_default()
}

/// Sets a field of an object; what is no object stays as it is.
pub fn put(value: &mut Value, field: impl Into<String>, content: impl Into<Value>) {
    if let Some(object) = value.as_object_mut() {
        object.insert(field.into(), content.into());
    }
}

/// Text cut to a number of characters, with a mark where it was.
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Which fields of an object are wanted, as dotted paths: `["metadata.name", "spec.containers.image"]`. A list on the way
/// is gone through. A dot that is part of a name is written `\.`: `metadata.labels.app\.kubernetes\.io/name`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Fields(Vec<String>);

impl Fields {
    /// True if none is named: then all are wanted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object with these fields alone; all of it if none is named. What is not there is left out.
    pub fn of(&self, value: &Value) -> Value {
        if self.is_empty() {
            return value.clone();
        }
        let mut out = Value::Object(Map::new());
        for path in &self.0 {
            if let Some(found) = pick(value, &names(path)) {
                merge(&mut out, found);
            }
        }
        out
    }

    /// For an answer: `unknown_fields`, the paths that none of these objects has, if there are any.
    pub fn unknown(&self, values: &[Value]) -> Option<(String, Value)> {
        let missing = self.missing(values);
        (!missing.is_empty()).then(|| ("unknown_fields".to_owned(), missing.into()))
    }

    /// The paths that none of these objects has: a misspelt one, usually.
    pub fn missing<'a>(&'a self, values: &[Value]) -> Vec<&'a str> {
        let in_none = |path: &&String| values.iter().all(|value| pick(value, &names(path)).is_none());
        if values.is_empty() {
            Vec::new()
        } else {
            self.0.iter().filter(in_none).map(String::as_str).collect()
        }
    }
}

/// The names in a dotted path.
fn names(path: &str) -> Vec<String> {
    let (mut names, mut letters) = (vec![String::new()], path.chars());
    while let Some(letter) = letters.next() {
        match (letter, names.last_mut()) {
            ('.', _) => names.push(String::new()),
            ('\\', Some(name)) => name.extend(letters.next()),
            (letter, Some(name)) => name.push(letter),
            (_, None) => {}
        }
    }
    names
}

/// What is at the path, still inside the objects and lists on its way.
fn pick(value: &Value, names: &[String]) -> Option<Value> {
    let Some((name, rest)) = names.split_first() else { return Some(value.clone()) };
    match value {
        Value::Object(object) => {
            let found = pick(object.get(name)?, rest)?;
            Some(Value::Object(Map::from_iter([(name.clone(), found)])))
        }
        Value::Array(items) => {
            // An empty object keeps the place of an item that has no such field, so that paths merge item by item.
            let picked: Vec<Option<Value>> = items.iter().map(|item| pick(item, names)).collect();
            let any = items.is_empty() || picked.iter().any(Option::is_some);
            any.then(|| {
                picked.into_iter().map(|item| item.unwrap_or_else(|| Value::Object(Map::new()))).collect()
            })
        }
        _ => None,
    }
}

/// Puts what was picked beside what was picked before.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                match into.get_mut(&name) {
                    Some(known) => merge(known, value),
                    None => drop(into.insert(name, value)),
                }
            }
        }
        (Value::Array(into), Value::Array(from)) if into.len() == from.len() => {
            into.iter_mut().zip(from).for_each(|(into, from)| merge(into, from));
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(paths: &[&str]) -> Fields {
        Fields(paths.iter().map(|path| (*path).to_owned()).collect())
    }

    #[test]
    fn what_is_absent_is_nothing() {
        let mut value = json!({ "a": { "b": "c" }, "list": [1], "n": 1 });
        assert_eq!((text(&value, "/a/b"), text(&value, "/a/x"), text(&value, "/n")), ("c", "", ""));
        assert_eq!((list(&value, "/list"), list(&value, "/a")), (&[json!(1)][..], &[][..]));
        assert_eq!((at(&value, "/a/b"), at(&value, "/a/x")), (&json!("c"), &Value::Null));
        assert_eq!((take(&mut value, "list"), take(&mut value, "x")), (vec![json!(1)], vec![]));
        assert_eq!((taken(&mut value, "a"), taken(&mut value, "x")), (json!({ "b": "c" }), Value::Null));
    }

    #[test]
    fn a_field_is_set_on_an_object_alone() {
        let (mut object, mut list) = (json!({ "a": 1 }), json!([]));
        put(&mut object, "a", 2);
        put(&mut object, "b", "x");
        put(&mut list, "a", 2);
        assert_eq!((object, list), (json!({ "a": 2, "b": "x" }), json!([])));
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!((shortened("ééé", 2), shortened("éé", 2)), ("éé…".to_owned(), "éé".to_owned()));
    }

    #[test]
    fn fields_are_picked_through_lists_and_put_beside_each_other() {
        let pod = json!({
            "metadata": { "name": "a", "labels": { "app.kubernetes.io/name": "x", "tier": "web" } },
            "spec": { "containers": [{ "name": "c", "image": "i", "tty": true }, { "name": "d" }] }
        });
        let wanted = fields(&[
            "metadata.name",
            "spec.containers.name",
            "spec.containers.image",
            r"metadata.labels.app\.kubernetes\.io/name",
        ]);
        assert_eq!(
            wanted.of(&pod),
            json!({
                "metadata": { "name": "a", "labels": { "app.kubernetes.io/name": "x" } },
                "spec": { "containers": [{ "name": "c", "image": "i" }, { "name": "d" }] }
            })
        );
        assert_eq!(fields(&[]).of(&pod), pod);
        assert_eq!(fields(&["metadata", "metadata.name"]).of(&pod)["metadata"], pod["metadata"]);
    }

    #[test]
    fn a_path_that_nothing_has_is_told() {
        let wanted = fields(&["a.b", "a.c", "x.", ""]);
        assert_eq!(wanted.missing(&[json!({ "a": { "b": 1 } }), json!({})]), ["a.c", "x.", ""]);
        assert_eq!(wanted.missing(&[]), [""; 0], "of nothing, nothing is known");
        let mut answer = Map::new();
        answer.extend(wanted.unknown(&[]));
        assert_eq!(answer, Map::new());
        answer.extend(wanted.unknown(&[json!({ "a": { "c": 1 }, "": 1 })]));
        assert_eq!(Value::Object(answer), json!({ "unknown_fields": ["a.b", "x."] }));
    }
}
