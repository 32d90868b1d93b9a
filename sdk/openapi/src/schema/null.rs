//! Owns what null does to a schema: OpenAPI 3.0's `nullable`, and results, which have null where nobody said so.

use serde_json::{Map, Value, json};

use super::keywords::ANNOTATIONS;

/// A schema that takes null, too.
pub(super) fn nullable(mut schema: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    let composed = ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|keyword| schema.contains_key(*keyword));
    match schema.get_mut("type") {
        Some(Value::String(name)) if name != "null" => {
            let types = json!([name, "null"]);
            schema.insert("type".to_owned(), types);
        }
        Some(Value::Array(types)) if !types.contains(&json!("null")) => types.push(json!("null")),
        Some(_) => {}
        None if composed => {
            let (words, rest): (Map<_, _>, Map<_, _>) =
                schema.into_iter().partition(|(keyword, _)| ANNOTATIONS.contains(&keyword.as_str()));
            schema = words;
            schema.insert("anyOf".to_owned(), json!([rest, { "type": "null" }]));
        }
        None => {}
    }
    schema
}

/// What a result looks like, without what it would have to keep to: servers send more, less, and null, and a client that
/// checks results would refuse them.
pub(super) fn loosened(mut schema: Map<String, Value>) -> Map<String, Value> {
    let says = |keyword: &str| {
        [
            "title",
            "description",
            "type",
            "properties",
            "items",
            "anyOf",
            "allOf",
            "$ref",
            "format",
            "deprecated",
        ]
        .contains(&keyword)
    };
    if let Some(Value::Array(alternatives)) = schema.remove("oneOf")
        && !schema.contains_key("anyOf")
    {
        schema.insert("anyOf".to_owned(), Value::Array(alternatives));
    }
    if let Some(more) = schema.get("additionalProperties").filter(|more| more.is_object()).cloned() {
        schema.retain(|keyword, _| says(keyword));
        schema.insert("additionalProperties".to_owned(), more);
    } else {
        schema.retain(|keyword, _| says(keyword));
    }
    if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
        for alternative in alternatives.iter_mut().filter_map(Value::as_object_mut) {
            alternative.retain(|keyword, _| says(keyword));
            if alternative.contains_key("$ref") {
                alternative.remove("properties"); // of a discriminator
            }
        }
    }
    if schema.contains_key("type") {
        schema = nullable(schema);
    }
    schema
}
