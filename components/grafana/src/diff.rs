//! What differs between two JSON documents, as a list of paths with what was and what is.
//!
//! Lists whose items have a key of their own (panels by `id`, targets by `refId`, variables by `name`) are compared item
//! by item whatever their order, so that a panel that moved is no difference.

use std::collections::BTreeSet;

use bulkhead_sdk::value::shortened;
use serde_json::{Map, Value, json};

use crate::json_path::below;

/// Enough of a value to see what it is.
const VALUE_LENGTH: usize = 300;

/// The most differences that are told.
const MOST: usize = 50;

const KEYS: [&str; 4] = ["id", "refId", "uid", "name"];

/// The differences that are told, and how many there are in all.
pub(crate) fn diff(old: &Value, new: &Value) -> Value {
    let mut all = Vec::new();
    compare("$", old, new, &mut all);
    let total = all.len();
    all.truncate(MOST);
    json!({ "total": total, "shown": all.len(), "changes": all })
}

fn compare(at: &str, old: &Value, new: &Value, out: &mut Vec<Value>) {
    match (old, new) {
        (old, new) if old == new => {}
        (Value::Object(old), Value::Object(new)) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                either(&below(at, name), old.get(name), new.get(name), out);
            }
        }
        (Value::Array(old), Value::Array(new)) => match key_of(old, new) {
            Some(key) => by_key(at, key, old, new, out),
            None => {
                for place in 0..old.len().max(new.len()) {
                    either(&format!("{at}[{place}]"), old.get(place), new.get(place), out);
                }
            }
        },
        (old, new) => either(at, Some(old), Some(new), out),
    }
}

fn by_key(at: &str, key: &str, old: &[Value], new: &[Value], out: &mut Vec<Value>) {
    let with = |items: &'_ [Value], wanted: &str| {
        items.iter().position(|item| word(item, key).as_deref() == Some(wanted))
    };
    let words: BTreeSet<String> = old.iter().chain(new).filter_map(|item| word(item, key)).collect();
    for wanted in words {
        let was = with(old, &wanted).and_then(|place| old.get(place));
        let is = with(new, &wanted).and_then(|place| new.get(place));
        either(&format!("{at}[{key}={wanted}]"), was, is, out);
    }
}

fn either(at: &str, old: Option<&Value>, new: Option<&Value>, out: &mut Vec<Value>) {
    match (old, new) {
        (Some(old), Some(new)) if both_hold(old, new) => compare(at, old, new, out),
        (Some(old), Some(new)) if old == new => {}
        (old, new) => {
            let mut change = Map::from_iter([("path".to_owned(), Value::from(at))]);
            for (name, value) in [("from", old), ("to", new)] {
                if let Some(value) = value {
                    change.insert(name.to_owned(), brief(value));
                }
            }
            out.push(Value::Object(change));
        }
    }
}

fn both_hold(old: &Value, new: &Value) -> bool {
    (old.is_object() && new.is_object()) || (old.is_array() && new.is_array())
}

/// The key that every item of both lists has, each with another value.
fn key_of(old: &[Value], new: &[Value]) -> Option<&'static str> {
    let unique = |items: &[Value], key: &str| {
        let words: Option<BTreeSet<String>> = items.iter().map(|item| word(item, key)).collect();
        words.is_some_and(|words| words.len() == items.len())
    };
    KEYS.into_iter().find(|key| unique(old, key) && unique(new, key))
}

fn word(item: &Value, key: &str) -> Option<String> {
    match item.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn brief(value: &Value) -> Value {
    match value {
        Value::String(text) => shortened(text, VALUE_LENGTH).into(),
        Value::Object(_) | Value::Array(_) => {
            let text = value.to_string();
            if text.len() <= VALUE_LENGTH { value.clone() } else { shortened(&text, VALUE_LENGTH).into() }
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_by_path() {
        let old = json!({ "title": "a", "same": [1], "tags": ["x"], "panels": [
            { "id": 1, "title": "one" }, { "id": 2, "title": "two" }] });
        let new = json!({ "title": "b", "same": [1], "tags": ["x", "y"], "refresh": "5s", "panels": [
            { "id": 2, "title": "zwei" }, { "id": 1, "title": "one" }, { "id": 9, "title": "new" }] });
        assert_eq!(
            diff(&old, &new),
            json!({ "total": 5, "shown": 5, "changes": [
                { "path": "$.panels[id=2].title", "from": "two", "to": "zwei" },
                { "path": "$.panels[id=9]", "to": { "id": 9, "title": "new" } },
                { "path": "$.refresh", "to": "5s" },
                { "path": "$.tags[1]", "to": "y" },
                { "path": "$.title", "from": "a", "to": "b" },
            ]})
        );
        assert_eq!(diff(&old, &old), json!({ "total": 0, "shown": 0, "changes": [] }));
        assert_eq!(diff(&json!(1), &json!({}))["changes"], json!([{ "path": "$", "from": 1, "to": {} }]));
    }

    #[test]
    fn many_and_long_differences_are_cut() {
        let new: Value =
            (0..60).map(|n| (format!("k{n:02}"), json!("v".repeat(400)))).collect::<Map<_, _>>().into();
        let told = diff(&json!({}), &new);
        assert_eq!((&told["total"], &told["shown"]), (&json!(60), &json!(50)));
        assert_eq!(told["changes"][0]["to"], json!(format!("{}…", "v".repeat(300))));
    }
}
