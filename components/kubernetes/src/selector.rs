//! Label selectors of objects: written for a query, and matched here where one list is held against many.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};
use serde_json::Map;

/// `app=web,tier in (a,b)`: a `LabelSelector`, or the plain map of a Service. None if it selects nothing by itself.
pub(crate) fn query(selector: &Value) -> Option<String> {
    let mut terms: Vec<String> = labels(selector)
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}={}", word(value)))
        .collect();
    for expression in list(selector, "/matchExpressions") {
        let (key, values) = (text(expression, "/key"), list(expression, "/values"));
        let values = values.iter().map(word).collect::<Vec<_>>().join(",");
        terms.push(match text(expression, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    (!terms.is_empty()).then(|| terms.join(","))
}

/// Whether an object has the labels that are asked for. An empty selector matches all.
pub(crate) fn matches(selector: &Value, object: &Value) -> bool {
    let has = |name: &str| object.pointer("/metadata/labels").and_then(|labels| labels.get(name)).map(word);
    let equal = labels(selector).into_iter().flatten().all(|(name, value)| has(name) == Some(word(value)));
    equal
        && list(selector, "/matchExpressions").iter().all(|expression| {
            let value = has(text(expression, "/key"));
            let among = || list(expression, "/values").iter().any(|one| Some(word(one)) == value);
            match text(expression, "/operator") {
                "In" => among(),
                "NotIn" => !among(),
                "Exists" => value.is_some(),
                _ => value.is_none(),
            }
        })
}

fn labels(selector: &Value) -> Option<&Map<String, Value>> {
    let structured = selector.get("matchLabels").is_some_and(Value::is_object)
        || selector.get("matchExpressions").is_some_and(Value::is_array);
    match structured {
        true => selector.get("matchLabels").and_then(Value::as_object),
        false => selector.as_object(),
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_written_and_matched_alike() {
        let full = json!({
            "matchLabels": { "app": "web" },
            "matchExpressions": [
                { "key": "tier", "operator": "In", "values": ["a", "b"] },
                { "key": "env", "operator": "NotIn", "values": ["dev"] },
                { "key": "zone", "operator": "Exists" },
                { "key": "old", "operator": "DoesNotExist" }
            ]
        });
        assert_eq!(query(&full).unwrap(), "app=web,tier in (a,b),env notin (dev),zone,!old");
        let pod = |labels: Value| json!({ "metadata": { "labels": labels } });
        assert!(matches(&full, &pod(json!({ "app": "web", "tier": "a", "zone": "1" }))));
        for labels in [
            json!({}),
            json!({ "app": "web", "tier": "c", "zone": "1" }),
            json!({ "app": "web", "tier": "a" }),
            json!({ "app": "web", "tier": "a", "zone": "1", "env": "dev" }),
            json!({ "app": "web", "tier": "a", "zone": "1", "old": "" }),
        ] {
            assert!(!matches(&full, &pod(labels.clone())), "{labels}");
        }
        assert_eq!(query(&json!({ "app": "web" })).unwrap(), "app=web", "as a Service has it");
        assert_eq!(query(&json!({})), None);
        assert!(matches(&json!({ "matchLabels": {} }), &pod(json!({}))));
    }
}
