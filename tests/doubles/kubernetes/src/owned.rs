//! Who owns which field: `managedFields`, as sets of paths.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::kinds::Kind;
use crate::lists::{Shape, is_whole, shape};

/// Elements as `fieldsV1` has them: `f:spec`, `k:{"name":"web"}`, `v:"x"`.
pub type Path = Vec<String>;

/// What one owns.
pub type Set = BTreeSet<Path>;

/// Who writes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// As it calls itself.
    pub name: String,
    /// `Apply` or `Update`.
    pub operation: &'static str,
    /// Of the object it wrote.
    pub api_version: String,
    /// Which part; empty: the object itself.
    pub subresource: String,
}

/// Of the metadata, what the server itself writes.
const SERVERS: [&str; 10] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
];

/// Each field that can be owned, and its value. An item of a keyed list is one too, without a value.
pub fn leaves(kind: &Kind, object: &Value) -> BTreeMap<Path, Value> {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|field, _| !SERVERS.contains(&field.as_str()));
    }
    let mut leaves = BTreeMap::new();
    walk(kind, &object, &mut Vec::new(), &mut Vec::new(), &mut leaves);
    leaves
}

fn walk(
    kind: &Kind,
    value: &Value,
    names: &mut Vec<String>,
    at: &mut Path,
    leaves: &mut BTreeMap<Path, Value>,
) {
    match (value, shape(kind, names)) {
        (Value::Null, _) => {}
        (Value::Object(fields), _) if names.is_empty() || !is_whole(kind, names) => {
            if fields.is_empty() && !at.is_empty() && names.last().is_none_or(|name| name != "metadata") {
                leaves.insert(at.clone(), value.clone());
            }
            for (name, value) in fields {
                names.push(name.clone());
                at.push(format!("f:{name}"));
                walk(kind, value, names, at, leaves);
                at.pop();
                names.pop();
            }
        }
        (Value::Array(items), Shape::Keyed(keys)) if !items.is_empty() => {
            for item in items {
                at.push(item_element(item, keys));
                leaves.insert(at.clone(), Value::Null);
                // The fields of an item are named after the list.
                walk(kind, item, names, at, leaves);
                at.pop();
            }
        }
        (Value::Array(items), Shape::Set) => {
            for item in items {
                at.push(format!("v:{item}"));
                leaves.insert(at.clone(), Value::Null);
                at.pop();
            }
        }
        _ => {
            leaves.insert(at.clone(), value.clone());
        }
    }
}

/// What an item of a keyed list is known by.
pub fn item_element(item: &Value, keys: &[&str]) -> String {
    let value = |key: &str| match &item[key] {
        Value::Null if key == "protocol" => json!("TCP"),
        value => value.clone(),
    };
    let keys: Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), value(key))).collect();
    format!("k:{}", Value::Object(keys))
}

/// A set as `fieldsV1`.
pub fn fields(set: &Set) -> Value {
    let mut root = json!({});
    for path in set {
        let mut at = &mut root;
        for element in path {
            at = &mut at[element.as_str()];
            if at.is_null() {
                *at = json!({});
            }
        }
    }
    // An item is owned besides what is within it.
    for path in set.iter().filter(|path| path.last().is_some_and(|last| last.starts_with("k:"))) {
        let item = path.iter().fold(&mut root, |at, element| &mut at[element.as_str()]);
        item["."] = json!({});
    }
    root
}

/// `fieldsV1` as a set.
pub fn set(fields: &Value) -> Set {
    fn walk(fields: &Value, at: &mut Path, set: &mut Set) {
        let Some(object) = fields.as_object() else { return };
        if object.is_empty() {
            set.insert(at.clone());
        }
        for (element, below) in object {
            if element == "." {
                set.insert(at.clone());
                continue;
            }
            at.push(element.clone());
            walk(below, at, set);
            at.pop();
        }
    }
    let mut set = Set::new();
    walk(fields, &mut Vec::new(), &mut set);
    set
}

/// As messages have it: `.spec.template.spec.containers[name="web"].image`.
pub fn text(path: &Path) -> String {
    let element = |element: &String| match element.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("k", keys)) => {
            let keys: Value = serde_json::from_str(keys).unwrap_or_default();
            let keys = keys.as_object().into_iter().flatten().map(|(key, value)| format!("{key}={value}"));
            format!("[{}]", keys.collect::<Vec<_>>().join(","))
        }
        Some((_, value)) => format!("[={value}]"),
        None => element.clone(),
    };
    path.iter().map(element).collect()
}

/// Each entry of an object, and what it owns.
pub fn entries(object: &Value) -> Vec<(Value, Set)> {
    let all = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    all.map(|entry| (entry.clone(), set(&entry["fieldsV1"]))).collect()
}

impl Manager {
    /// Whether an entry is its own.
    pub fn is(&self, entry: &Value) -> bool {
        entry["manager"] == self.name
            && entry["operation"] == self.operation
            && entry["subresource"].as_str().unwrap_or_default() == self.subresource
    }

    /// An entry.
    pub fn entry(&self, time: &str) -> Value {
        let mut entry = json!({
            "manager": self.name, "operation": self.operation, "apiVersion": self.api_version, "time": time,
            "fieldsType": "FieldsV1",
        });
        if !self.subresource.is_empty() {
            entry["subresource"] = self.subresource.clone().into();
        }
        entry
    }
}

/// Writes entries back; those that own nothing are left out.
pub fn keep(object: &mut Value, entries: Vec<(Value, Set)>) {
    let entry = |(mut entry, set): (Value, Set)| {
        entry["fieldsV1"] = fields(&set);
        entry
    };
    let entries: Vec<Value> = entries.into_iter().filter(|(_, set)| !set.is_empty()).map(entry).collect();
    if entries.is_empty() {
        object["metadata"].as_object_mut().map(|metadata| metadata.remove("managedFields"));
    } else {
        object["metadata"]["managedFields"] = entries.into();
    }
}

/// Takes note of a write that is no apply: what it changed is the writer's, and nobody else's.
pub fn updated(kind: &Kind, old: Option<&Value>, new: &mut Value, manager: &Manager, time: &str) {
    let before = old.map(|old| leaves(kind, old)).unwrap_or_default();
    let after = leaves(kind, new);
    let changed: Set = after
        .iter()
        .filter(|(path, value)| before.get(*path) != Some(value))
        .map(|(path, _)| path.clone())
        .collect();
    let removed: Set = before.into_keys().filter(|path| !after.contains_key(path)).collect();
    let mut all = old.map(entries).unwrap_or_default();
    for (entry, set) in &mut all {
        set.retain(|path| !removed.contains(path) && (manager.is(entry) || !changed.contains(path)));
    }
    if !changed.is_empty() {
        if !all.iter().any(|(entry, _)| manager.is(entry)) {
            all.push((manager.entry(time), Set::new()));
        }
        for (entry, set) in all.iter_mut().filter(|(entry, _)| manager.is(entry)) {
            entry["time"] = time.into();
            set.extend(changed.iter().cloned());
        }
    }
    keep(new, all);
}
