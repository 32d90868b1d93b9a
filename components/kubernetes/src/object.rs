//! Objects as a reader wants them: without what is noise, without what is secret, and in short.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{Seconds, When};
use bulkhead_sdk::value::{list, shortened, text};
use serde_json::Map;

/// A manifest inside an annotation repeats the object, secrets and all.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The most a summary shows of what it does not know.
const LARGEST_PART: usize = 3000;

/// Takes away the bookkeeping of field managers and the last applied manifest, and hides what a Secret holds. True if
/// something was hidden.
pub(crate) fn clean(object: &mut Value) -> bool {
    lighten(object);
    if text(object, "/kind") != "Secret" {
        return false;
    }
    let mut hidden = false;
    for part in ["data", "stringData"] {
        for (_, value) in object.get_mut(part).and_then(Value::as_object_mut).into_iter().flatten() {
            let size = value.as_str().map_or(0, |text| text.len());
            let bytes = if part == "data" { size * 3 / 4 } else { size };
            *value = format!("(hidden, about {bytes} bytes)").into();
            hidden = true;
        }
    }
    hidden
}

/// Takes away the bookkeeping, which can be half of an object.
pub(crate) fn lighten(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
    }
}

/// `Pod/web-1`.
pub(crate) fn label(kind: &str, object: &Value) -> String {
    format!("{kind}/{}", name(object))
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// A whole number at a pointer; absent is zero, as Go leaves it out.
pub(crate) fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

pub(crate) fn flag(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// A moment of an object, as unix seconds.
pub(crate) fn moment(object: &Value, pointer: &str) -> Option<Seconds> {
    When::parse(text(object, pointer)).ok().map(|when| when.resolve(0.0))
}

/// How long ago, as kubectl words it: `95s`, `12m`, `30h`, `5d`.
pub(crate) fn ago(at: Seconds, now: Seconds) -> String {
    let seconds = (now - at).max(0.0) as u64;
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

pub(crate) fn age(object: &Value, now: Seconds) -> Option<String> {
    moment(object, "/metadata/creationTimestamp").map(|at| ago(at, now))
}

/// The owner that manages an object: `ReplicaSet`, `web-5d4`.
pub(crate) fn controller(object: &Value) -> Option<(&str, &str)> {
    let owners = list(object, "/metadata/ownerReferences");
    let owner = owners.iter().find(|owner| flag(owner, "/controller"))?;
    Some((text(owner, "/kind"), text(owner, "/name")))
}

/// Whether an object is managed by the one of that uid.
pub(crate) fn owned_by(object: &Value, uid: &str) -> bool {
    list(object, "/metadata/ownerReferences").iter().any(|owner| text(owner, "/uid") == uid)
}

/// The condition of that type.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, "/status/conditions").iter().find(|condition| text(condition, "/type") == kind)
}

/// `Progressing=False (ProgressDeadlineExceeded): ReplicaSet "x" has timed out progressing, since 5m`.
pub(crate) fn condition_line(condition: &Value, now: Seconds) -> String {
    let mut line = format!("{}={}", text(condition, "/type"), text(condition, "/status"));
    if !text(condition, "/reason").is_empty() {
        line += &format!(" ({})", text(condition, "/reason"));
    }
    if !text(condition, "/message").is_empty() {
        line += &format!(": {}", shortened(text(condition, "/message"), 300));
    }
    if let Some(at) = moment(condition, "/lastTransitionTime") {
        line += &format!(", since {}", ago(at, now));
    }
    line
}

/// What `kubectl describe` says first, of any kind: who it is, whose it is, its conditions, and the rest in short.
pub(crate) fn summary(object: &Value, now: Seconds) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        let empty = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(object) => object.is_empty(),
            _ => false,
        };
        if !empty {
            out.insert(name.to_owned(), value);
        }
    };
    put("kind", text(object, "/kind").into());
    put("name", name(object).into());
    put("namespace", namespace(object).into());
    put("created", text(object, "/metadata/creationTimestamp").into());
    put("age", json!(age(object, now)));
    put("deleting_since", text(object, "/metadata/deletionTimestamp").into());
    put("finalizers", object.pointer("/metadata/finalizers").cloned().unwrap_or_default());
    put("owner", json!(controller(object).map(|(kind, name)| format!("{kind}/{name}"))));
    put("labels", object.pointer("/metadata/labels").cloned().unwrap_or_default());
    put("annotations", brief_annotations(object));
    let conditions = list(object, "/status/conditions");
    put("conditions", conditions.iter().map(|condition| condition_line(condition, now)).collect());
    for part in object.as_object().into_iter().flat_map(Map::keys) {
        if !["kind", "apiVersion", "metadata"].contains(&part.as_str()) {
            put(part, bounded(part, object));
        }
    }
    out
}

fn brief_annotations(object: &Value) -> Value {
    let all = object.pointer("/metadata/annotations").and_then(Value::as_object);
    let brief = |(name, value): (&String, &Value)| {
        (name.clone(), shortened(value.as_str().unwrap_or_default(), 120).into())
    };
    all.into_iter().flatten().map(brief).collect::<Map<_, _>>().into()
}

/// A part of an object; only the names of its fields if it is long.
fn bounded(part: &str, object: &Value) -> Value {
    let mut value = object.get(part).cloned().unwrap_or_default();
    if part == "status"
        && let Some(status) = value.as_object_mut()
    {
        status.remove("conditions");
    }
    if value.to_string().len() <= LARGEST_PART {
        return value;
    }
    match value {
        Value::Object(parts) => parts
            .into_iter()
            .map(|(name, value)| {
                let length = value.to_string().len();
                let short = format!("({length} bytes: `fields` with `{part}.{name}` shows it)");
                (name, if length <= LARGEST_PART / 4 { value } else { short.into() })
            })
            .collect::<Map<_, _>>()
            .into(),
        other => format!("({} bytes: view=full shows it)", other.to_string().len()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_and_secrets_are_taken_away() {
        let mut secret = json!({
            "kind": "Secret",
            "metadata": {
                "name": "s", "managedFields": [{}],
                "annotations": { LAST_APPLIED: "{\"data\":{\"p\":\"aHVudGVyMg==\"}}", "team": "a" }
            },
            "data": { "p": "aHVudGVyMg==" }, "stringData": { "q": "hunter" }
        });
        assert!(clean(&mut secret));
        assert_eq!(
            secret,
            json!({
                "kind": "Secret", "metadata": { "name": "s", "annotations": { "team": "a" } },
                "data": { "p": "(hidden, about 9 bytes)" }, "stringData": { "q": "(hidden, about 6 bytes)" }
            })
        );
        let mut map = json!({ "kind": "ConfigMap", "metadata": {}, "data": { "a": "b" } });
        assert!(!clean(&mut map));
        assert_eq!(map["data"]["a"], "b");
    }

    #[test]
    fn ages_are_worded_as_kubectl_does() {
        let words: Vec<String> = [0.0, 119.0, 120.0, 7199.0, 7200.0, 172_799.0, 172_800.0]
            .iter()
            .map(|ago_| ago(0.0, *ago_))
            .collect();
        assert_eq!(words, ["0s", "119s", "2m", "119m", "2h", "47h", "2d"]);
        assert_eq!(ago(5.0, 0.0), "0s", "clocks differ");
    }

    #[test]
    fn a_summary_shows_what_is_short_and_names_what_is_long() {
        let long = "x".repeat(4000);
        let object = json!({
            "kind": "ConfigMap", "metadata": { "name": "c", "annotations": { "note": long } },
            "data": { "short": "y", "long": long }
        });
        let summary = Value::Object(summary(&object, 0.0));
        assert_eq!(summary["data"]["short"], "y");
        assert_eq!(summary["data"]["long"], "(4002 bytes: `fields` with `data.long` shows it)");
        assert_eq!(summary["annotations"]["note"].as_str().map(|note| note.chars().count()), Some(121));
        assert_eq!(summary.get("owner"), None);
    }
}
