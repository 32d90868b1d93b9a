//! What a write changes: the differences between two versions of an object, field by field.

use std::collections::BTreeSet;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{shortened, text};

/// What the server keeps for itself, and changes with every write.
const BOOKKEEPING: [&str; 6] =
    ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"];

const MOST: usize = 100;
const LONGEST: usize = 300;

/// Gets each difference: where, what was, and what is.
type Told<'a> = dyn FnMut(&str, Option<&Value>, Option<&Value>) + 'a;

/// The changes: `{path, from, to}`, one of them left out where there is none. `status` is not looked at; values of a Secret
/// are hidden.
pub(crate) fn changes(before: &Value, after: &Value) -> Vec<Value> {
    let secret = [before, after].iter().any(|object| text(object, "/kind") == "Secret");
    let mut out = Vec::new();
    walk("", Some(before), Some(after), &mut |path, from, to| {
        let hidden = secret && (path.starts_with("data.") || path.starts_with("stringData."));
        let shown = |value: &Value| match value {
            _ if hidden => "(hidden)".into(),
            Value::String(text) => shortened(text, LONGEST).into(),
            value if value.to_string().len() > LONGEST => shortened(&value.to_string(), LONGEST).into(),
            value => value.clone(),
        };
        let mut change = json!({ "path": path });
        if let Some(change) = change.as_object_mut() {
            change.extend(from.map(|from| ("from".to_owned(), shown(from))));
            change.extend(to.map(|to| ("to".to_owned(), shown(to))));
        }
        out.push(change);
    });
    let more = out.len().saturating_sub(MOST);
    out.truncate(MOST);
    if more > 0 {
        out.push(json!({ "path": format!("({more} more changes are left out)") }));
    }
    out
}

fn walk(path: &str, before: Option<&Value>, after: Option<&Value>, told: &mut Told<'_>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let noise = path.is_empty() && name == "status"
                    || path == "metadata" && BOOKKEEPING.contains(&name.as_str());
                if !noise {
                    walk(&below(path, name), before.get(name), after.get(name), told);
                }
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            for index in 0..before.len().max(after.len()) {
                walk(
                    &format!("{path}[{}]", item_name(before, after, index)),
                    before.get(index),
                    after.get(index),
                    told,
                );
            }
        }
        (before, after) => told(path, before, after),
    }
}

fn below(path: &str, name: &str) -> String {
    // A dot in a name is written as in `fields`.
    let name = name.replace('.', "\\.");
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

/// The name of an item where both have the same there; its place otherwise.
fn item_name(before: &[Value], after: &[Value], index: usize) -> String {
    let name =
        |items: &[Value]| items.get(index).map(|item| text(item, "/name").to_owned()).unwrap_or_default();
    match (name(before), name(after)) {
        (a, b) if a == b && !a.is_empty() => a,
        _ => index.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told_with_where_it_is() {
        let before = json!({
            "metadata": { "resourceVersion": "1", "labels": { "a.b/c": "x" } }, "status": { "n": 1 },
            "spec": { "replicas": 2, "containers": [{ "name": "web", "image": "web:1" }, { "name": "old" }] }
        });
        let after = json!({
            "metadata": { "resourceVersion": "2", "labels": { "a.b/c": "y" } }, "status": { "n": 2 },
            "spec": { "replicas": 2, "paused": true, "containers": [{ "name": "web", "image": "web:2" }] }
        });
        assert_eq!(
            Value::from(changes(&before, &after)),
            json!([
                { "path": "metadata.labels.a\\.b/c", "from": "x", "to": "y" },
                { "path": "spec.containers[web].image", "from": "web:1", "to": "web:2" },
                { "path": "spec.containers[1]", "from": { "name": "old" } },
                { "path": "spec.paused", "to": true }
            ])
        );
        assert_eq!(changes(&before, &before), Vec::<Value>::new());
    }

    #[test]
    fn a_secret_stays_one_and_lists_are_bounded() {
        let secret = |value: &str| json!({ "kind": "Secret", "data": { "p": value } });
        assert_eq!(
            Value::from(changes(&secret("YQ=="), &secret("Yg=="))),
            json!([{ "path": "data.p", "from": "(hidden)", "to": "(hidden)" }])
        );
        let many = |n: i32| json!({ "spec": (0..150).map(|i| (format!("k{i:03}"), json!(i * n))).collect::<serde_json::Map<_, _>>() });
        let told = changes(&many(1), &many(2));
        assert_eq!(told.len(), 101);
        assert_eq!(told[100]["path"], "(49 more changes are left out)");
    }
}
