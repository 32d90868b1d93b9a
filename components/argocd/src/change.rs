//! Owns what a sync would change: the paths at which what is there and what would be there differ.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, shortened, text};

/// A value that is longer is cut: a certificate, or a script in a ConfigMap.
const LONGEST: usize = 120;

/// One managed resource and what a sync would do with it.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// `create`, `prune`, `change`, or nothing at all.
    pub(crate) what: &'static str,
    /// Where, from what to what.
    pub(crate) paths: Vec<Value>,
    pub(crate) live: Value,
}

/// A manifest as Argo CD has it: a text of JSON, `null` or nothing where there is none.
pub(crate) fn manifest(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// What a sync would do with each resource it manages; hooks are run and not compared.
pub(crate) fn changes(managed: &Value) -> Vec<Change> {
    list(managed, "/items")
        .iter()
        .filter(|item| item.get("hook").and_then(Value::as_bool) != Some(true))
        .map(change)
        .collect()
}

fn change(item: &Value) -> Change {
    let state = |key: &str| manifest(text(item, key));
    let (live, target) = (state("/liveState"), state("/targetState"));
    let (mut before, mut after) = (state("/normalizedLiveState"), state("/predictedLiveState"));
    let mut paths = Vec::new();
    let what = match (live.is_null(), target.is_null()) {
        (true, true) => "",
        (true, false) => "create",
        (false, true) => "prune",
        (false, false) => {
            // Older servers do not predict; what is wanted is then compared with itself laid over what is there.
            if before.is_null() || after.is_null() {
                before = live.clone();
                after = live.clone();
                overlay(&mut after, &target);
            }
            compare(&before, &after, "", &mut paths);
            if paths.is_empty() { "" } else { "change" }
        }
    };
    let secret = text(item, "/kind") == "Secret";
    if secret {
        for path in &mut paths {
            *path = json!({ "path": path.get("path") });
        }
    }
    let told = |key: &str| text(item, key).to_owned();
    Change { kind: told("/kind"), name: told("/name"), namespace: told("/namespace"), what, paths, live }
}

/// Lays what is wanted over what is there.
fn overlay(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                overlay(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) if into.len() == from.len() => {
            into.iter_mut().zip(from).for_each(|(into, from)| overlay(into, from));
        }
        (into, from) => *into = from.clone(),
    }
}

fn compare(before: &Value, after: &Value, at: &str, out: &mut Vec<Value>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys.into_iter().filter(|key| !NOISE.contains(&key.as_str())) {
                let (a, b) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                let key = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                compare(a, b, &key, out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (place, (a, b)) in a.iter().zip(b).enumerate() {
                compare(a, b, &format!("{at}[{place}]"), out);
            }
        }
        (before, after) if before != after => {
            out.push(json!({ "path": at, "live": brief(before), "wanted": brief(after) }));
        }
        _ => {}
    }
}

/// Differs without meaning.
const NOISE: &[&str] =
    &["managedFields", "resourceVersion", "generation", "status", "creationTimestamp", "uid"];

fn brief(value: &Value) -> Value {
    match value {
        Value::String(text) => shortened(text, LONGEST).into(),
        Value::Object(_) | Value::Array(_) => shortened(&value.to_string(), LONGEST).into(),
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(item: &Value) -> (&'static str, Vec<Value>) {
        let change = change(item);
        (change.what, change.paths)
    }

    #[test]
    fn paths_that_differ_are_told_and_nothing_else() {
        let live =
            json!({ "spec": { "replicas": 2, "list": [{ "image": "a" }] }, "metadata": { "generation": 1 } });
        let wanted =
            json!({ "spec": { "replicas": 3, "list": [{ "image": "b" }] }, "metadata": { "generation": 2 } });
        let expected = vec![
            json!({ "path": "spec.list[0].image", "live": "a", "wanted": "b" }),
            json!({ "path": "spec.replicas", "live": 2, "wanted": 3 }),
        ];
        let both = |normalized: &Value, predicted: &Value| {
            json!({
                "liveState": live.to_string(), "targetState": wanted.to_string(),
                "normalizedLiveState": normalized.to_string(), "predictedLiveState": predicted.to_string(),
            })
        };
        assert_eq!(told(&both(&live, &wanted)), ("change", expected.clone()));
        assert_eq!(
            told(&both(&Value::Null, &Value::Null)),
            ("change", expected),
            "a server that does not predict"
        );
        assert_eq!(told(&both(&live, &live)), ("", vec![]));
    }

    #[test]
    fn what_is_on_one_side_only_is_created_or_pruned() {
        assert_eq!(told(&json!({ "liveState": "null", "targetState": "{\"a\":1}" })).0, "create");
        assert_eq!(told(&json!({ "liveState": "{\"a\":1}", "targetState": "null" })).0, "prune");
        assert_eq!(told(&json!({ "liveState": "", "targetState": "" })).0, "");
    }

    #[test]
    fn a_secret_tells_only_where() {
        let item = json!({ "kind": "Secret", "liveState": "{\"data\":{\"a\":\"x\"}}", "targetState": "{\"data\":{\"a\":\"y\"}}" });
        assert_eq!(told(&item), ("change", vec![json!({ "path": "data.a" })]));
    }
}
