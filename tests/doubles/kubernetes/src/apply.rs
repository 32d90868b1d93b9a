//! Server-side apply: what is said is merged, what was said and is not any more is taken away, and what others own is
//! left to them unless it is forced.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kinds::Kind;
use crate::lists::{Shape, is_whole, shape};
use crate::owned::{self, Manager, Path, Set};
use crate::status::{Cause, Outcome, Status};

/// The object after an apply.
pub fn apply(
    kind: &Kind,
    live: Option<&Value>,
    applied: &Value,
    manager: &Manager,
    force: bool,
    time: &str,
) -> Outcome<Value> {
    let wanted = owned::leaves(kind, applied);
    let mut entries = live.map(owned::entries).unwrap_or_default();
    if let Some(live) = live {
        let conflicts = conflicts(&owned::leaves(kind, live), &wanted, &entries, manager);
        if !conflicts.is_empty() && !force {
            return Err(refused(&conflicts));
        }
        for (_, path) in &conflicts {
            entries.iter_mut().filter(|(entry, _)| !manager.is(entry)).for_each(|(_, set)| {
                set.remove(path);
            });
        }
    }
    let mut object = live.cloned().unwrap_or_else(|| json!({}));
    merge(kind, &mut Vec::new(), &mut object, applied);
    let (mine, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(entry, _)| manager.is(entry));
    let of_others: Set = others.iter().flat_map(|(_, set)| set.iter().cloned()).collect();
    let before: Set = mine.into_iter().flat_map(|(_, set)| set).collect();
    // An item goes before what is within it, which is what it is known by.
    for path in &before {
        if !wanted.contains_key(path) && !of_others.contains(path) {
            remove(&mut object, path);
        }
    }
    let mut entries = others;
    entries.push((manager.entry(time), wanted.into_keys().collect()));
    owned::keep(&mut object, entries);
    Ok(object)
}

/// What others own and would be changed: entry and path.
fn conflicts(
    live: &BTreeMap<Path, Value>,
    wanted: &BTreeMap<Path, Value>,
    entries: &[(Value, Set)],
    manager: &Manager,
) -> Vec<(Value, Path)> {
    let changed = wanted.iter().filter(|(path, value)| live.get(*path).is_some_and(|live| live != *value));
    let changed: Vec<&Path> = changed.map(|(path, _)| path).collect();
    let others = entries.iter().filter(|(entry, _)| !manager.is(entry));
    others
        .flat_map(|(entry, set)| {
            let owned = changed.iter().filter(|path| set.contains(**path));
            owned.map(|path| (entry.clone(), (*path).clone())).collect::<Vec<_>>()
        })
        .collect()
}

fn refused(conflicts: &[(Value, Path)]) -> Status {
    let cause = |(entry, path): &(Value, Path)| Cause {
        reason: "FieldManagerConflict",
        message: format!("conflict with {}", told(entry)),
        field: owned::text(path),
    };
    let causes: Vec<Cause> = conflicts.iter().map(cause).collect();
    if let [(entry, path)] = conflicts {
        let message =
            format!("Apply failed with 1 conflict: conflict with {}: {}", told(entry), owned::text(path));
        return Status::apply_conflict(message, &causes);
    }
    let mut by_manager: BTreeMap<String, String> = BTreeMap::new();
    for (entry, path) in conflicts {
        *by_manager.entry(told(entry)).or_default() += &format!("\n- {}", owned::text(path));
    }
    let each = by_manager.iter().map(|(manager, paths)| format!("conflicts with {manager}:{paths}"));
    let each = each.collect::<Vec<_>>().join("\n");
    Status::apply_conflict(format!("Apply failed with {} conflicts: {each}", conflicts.len()), &causes)
}

/// Another manager, as messages have it.
fn told(entry: &Value) -> String {
    let mut told = entry["manager"].to_string();
    if !entry["subresource"].is_null() {
        told += &format!(" with subresource {}", entry["subresource"]);
    }
    let word = |field: &str| entry[field].as_str().unwrap_or_default();
    if entry["operation"] == "Update" {
        told += &format!(" using {}", word("apiVersion"));
        if !word("time").is_empty() {
            told += &format!(" at {}", word("time"));
        }
    }
    told
}

fn merge(kind: &Kind, names: &mut Vec<String>, live: &mut Value, applied: &Value) {
    match (&mut *live, applied, shape(kind, names)) {
        (Value::Object(live), Value::Object(applied), _) if names.is_empty() || !is_whole(kind, names) => {
            for (name, value) in applied {
                names.push(name.clone());
                merge(kind, names, live.entry(name).or_insert(Value::Null), value);
                names.pop();
            }
        }
        (Value::Array(live), Value::Array(applied), Shape::Keyed(keys)) => {
            for item in applied {
                let element = owned::item_element(item, keys);
                match live.iter_mut().find(|known| owned::item_element(known, keys) == element) {
                    Some(known) => merge(kind, names, known, item),
                    None => live.push(item.clone()),
                }
            }
        }
        (Value::Array(live), Value::Array(applied), Shape::Set) => {
            for item in applied {
                if !live.contains(item) {
                    live.push(item.clone());
                }
            }
        }
        _ => applied.clone_into(live),
    }
}

/// Takes a field, or an item, out of an object.
fn remove(object: &mut Value, path: &[String]) {
    let [element, rest @ ..] = path else { return };
    match element.split_once(':') {
        Some(("f", name)) if rest.is_empty() => {
            object.as_object_mut().map(|fields| fields.remove(name));
        }
        Some(("f", name)) => {
            if let Some(below) = object.get_mut(name) {
                remove(below, rest);
            }
        }
        Some((kind, value)) => {
            let value: Value = serde_json::from_str(value).unwrap_or_default();
            let is = |item: &Value| match (kind, value.as_object()) {
                ("k", Some(keys)) => keys
                    .iter()
                    .all(|(key, value)| item[key] == *value || item[key].is_null() && key == "protocol"),
                _ => *item == value,
            };
            let Some(items) = object.as_array_mut() else { return };
            if rest.is_empty() {
                items.retain(|item| !is(item));
            } else if let Some(item) = items.iter_mut().find(|item| is(item)) {
                remove(item, rest);
            }
        }
        None => {}
    }
}
