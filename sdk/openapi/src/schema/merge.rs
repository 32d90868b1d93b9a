//! Owns merging `allOf`: two schemas into one that takes the same values, where that can be said in one.

use serde_json::{Map, Value, json};

use super::keywords::ANNOTATIONS;

/// Puts `more` into `schema`, which then takes what both take. False, and nothing is changed, where one schema cannot say
/// that. Of annotations those that are there stay.
pub(crate) fn merge(schema: &mut Map<String, Value>, more: &Map<String, Value>) -> bool {
    if closed(schema, more) || closed(more, schema) {
        return false;
    }
    let mut merged = schema.clone();
    for (keyword, value) in more {
        let Some(own) = merged.get(keyword) else {
            if clashes(&merged, keyword) {
                return false;
            }
            merged.insert(keyword.clone(), value.clone());
            continue;
        };
        if own == value || ANNOTATIONS.contains(&keyword.as_str()) {
            continue;
        }
        let Some(both) = both(keyword, own, value) else { return false };
        merged.insert(keyword.clone(), both);
    }
    *schema = merged;
    true
}

/// Whether a schema says of all other properties what the other, which has more, does not mean to be said of its own.
fn closed(schema: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let says =
        |keyword: &str| schema.get(keyword).is_some_and(|value| *value != json!(true) && *value != json!({}));
    if says("unevaluatedProperties") || says("unevaluatedItems") {
        return true;
    }
    let names = |schema: &Map<String, Value>| match schema.get("properties") {
        Some(Value::Object(properties)) => properties.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let own = names(schema);
    says("additionalProperties")
        && (names(other).iter().any(|name| !own.contains(name)) || other.contains_key("patternProperties"))
}

/// Keywords that speak of each other; one schema's may not change what the other's mean.
fn clashes(schema: &Map<String, Value>, keyword: &str) -> bool {
    const GROUPS: [&[&str]; 3] =
        [&["if", "then", "else"], &["items", "prefixItems"], &["contains", "minContains", "maxContains"]];
    GROUPS
        .iter()
        .filter(|group| group.contains(&keyword))
        .any(|group| group.iter().any(|other| *other != keyword && schema.contains_key(*other)))
}

fn both(keyword: &str, own: &Value, more: &Value) -> Option<Value> {
    match (keyword, own, more) {
        ("properties", Value::Object(own), Value::Object(more)) => {
            let mut properties = own.clone();
            for (name, value) in more {
                let merged = match properties.get(name) {
                    None => value.clone(),
                    Some(there) if there == value => continue,
                    Some(there) => property(there, value),
                };
                properties.insert(name.clone(), merged);
            }
            Some(Value::Object(properties))
        }
        ("required", Value::Array(own), Value::Array(more)) => {
            let mut names = own.clone();
            names.extend(more.iter().filter(|name| !own.contains(name)).cloned());
            Some(Value::Array(names))
        }
        ("type", own, more) => types(own, more),
        ("enum", Value::Array(own), Value::Array(more)) => {
            let common: Vec<Value> = own.iter().filter(|value| more.contains(value)).cloned().collect();
            (!common.is_empty()).then_some(Value::Array(common))
        }
        ("minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties", own, more) => {
            Some(if own.as_f64()? >= more.as_f64()? { own.clone() } else { more.clone() })
        }
        ("maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties", own, more) => {
            Some(if own.as_f64()? <= more.as_f64()? { own.clone() } else { more.clone() })
        }
        ("uniqueItems", _, _) => Some(json!(true)),
        _ => None,
    }
}

fn property(own: &Value, more: &Value) -> Value {
    if let (Value::Object(first), Value::Object(second)) = (own, more)
        && !first.contains_key("$ref")
        && !second.contains_key("$ref")
    {
        let mut merged = first.clone();
        if merge(&mut merged, second) {
            return Value::Object(merged);
        }
    }
    json!({ "allOf": [own, more] })
}

/// What both lists of types have in common; an integer is a number.
fn types(own: &Value, more: &Value) -> Option<Value> {
    let list = |value: &Value| match value {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let (own, more) = (list(own), list(more));
    let has = |types: &[Value], one: &Value| {
        types.contains(one) || *one == json!("integer") && types.contains(&json!("number"))
    };
    let mut common: Vec<Value> = own.iter().filter(|one| has(&more, one)).cloned().collect();
    common.extend(more.iter().filter(|one| has(&own, one) && !own.contains(one)).cloned());
    match common.len() {
        0 => None,
        1 => common.pop(),
        _ => Some(Value::Array(common)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn merged(own: &Value, more: &Value) -> Option<Value> {
        let mut schema = own.as_object().unwrap().clone();
        let before = schema.clone();
        let done = merge(&mut schema, more.as_object().unwrap());
        assert!(done || schema == before);
        done.then_some(Value::Object(schema))
    }

    #[test]
    fn what_both_say_is_said_in_one() {
        for (own, more, expected) in [
            (
                json!({"properties": {"a": {"type": "string"}}, "required": ["a"]}),
                json!({"properties": {"b": {"type": "integer"}}, "required": ["b", "a"], "description": "d"}),
                json!({"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "b"],
                       "description": "d"}),
            ),
            (
                json!({"type": "number", "minimum": 1}),
                json!({"type": "integer", "minimum": 3}),
                json!({"type": "integer", "minimum": 3}),
            ),
            (
                json!({"type": ["string", "null"], "enum": ["a", "b"]}),
                json!({"type": "string", "enum": ["b", "c"]}),
                json!({"type": "string", "enum": ["b"]}),
            ),
            (
                json!({"properties": {"a": {"maxLength": 5}}}),
                json!({"properties": {"a": {"maxLength": 3, "type": "string"}}}),
                json!({"properties": {"a": {"maxLength": 3, "type": "string"}}}),
            ),
            (
                json!({"properties": {"a": {"pattern": "x"}}}),
                json!({"properties": {"a": {"pattern": "y"}}}),
                json!({"properties": {"a": {"allOf": [{"pattern": "x"}, {"pattern": "y"}]}}}),
            ),
            (json!({"description": "mine"}), json!({"description": "yours"}), json!({"description": "mine"})),
        ] {
            assert_eq!(merged(&own, &more), Some(expected), "{own} {more}");
        }
    }

    #[test]
    fn what_one_schema_cannot_say_stays_apart() {
        for (own, more) in [
            (json!({"type": "string"}), json!({"type": "integer"})),
            (json!({"pattern": "a"}), json!({"pattern": "b"})),
            (json!({"oneOf": [{}]}), json!({"oneOf": [{"type": "string"}]})),
            (
                json!({"properties": {"a": {}}, "additionalProperties": false}),
                json!({"properties": {"b": {}}}),
            ),
            (
                json!({"properties": {"b": {}}}),
                json!({"properties": {"a": {}}, "additionalProperties": false}),
            ),
            (json!({"items": {}}), json!({"prefixItems": [{}]})),
            (json!({"enum": [1]}), json!({"enum": [2]})),
        ] {
            assert_eq!(merged(&own, &more), None, "{own} {more}");
        }
    }
}
