//! Owns making JSON Schemas of Rust types: draft 2020-12, small, without references where a type
//! is not recursive, because a model reads them.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// A type that is only the schema of a structured result: the fields that are always there, or that a caller goes by, and
/// their JSON types. A model reads it with every listing, and a derived schema says three times as much.
///
/// ```
/// # use bulkhead_sdk::prelude::*;
/// bulkhead_sdk::returns!(Listed { total: "integer", items: "array" });
/// # fn add<S>(tool: Tool<S>) -> Tool<S> where S: 'static {
/// tool.output::<Listed>()
/// # }
/// ```
#[macro_export]
macro_rules! returns {
    ($(#[$attribute:meta])* $visibility:vis $name:ident { $($field:ident: $kind:literal),+ $(,)? }) => {
        $(#[$attribute])*
        $visibility struct $name;

        impl $crate::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                ::core::stringify!($name).into()
            }
            fn json_schema(_: &mut $crate::schemars::SchemaGenerator) -> $crate::schemars::Schema {
                $crate::schemars::json_schema!({
                    "type": "object",
                    "properties": { $((::core::stringify!($field)): { "type": $kind }),+ }
                })
            }
        }
    };
}

/// The schema of a type as it is written here, inline wherever the type is used.
///
/// ```
/// # use bulkhead_sdk::serde_json::Value;
/// struct TextOrObject(Value);
/// bulkhead_sdk::schema!(TextOrObject { "type": ["string", "object"] });
/// ```
#[macro_export]
macro_rules! schema {
    ($name:ident { $($schema:tt)+ }) => {
        impl $crate::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                ::core::stringify!($name).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut $crate::schemars::SchemaGenerator) -> $crate::schemars::Schema {
                $crate::schemars::json_schema!({ $($schema)+ })
            }
        }
    };
}

/// The schema of a tool's arguments or of a service's config. Unknown keys are refused, and an
/// optional key is left out rather than null.
pub fn input<A: JsonSchema>() -> Value {
    let mut schema = match generate::<A>().to_value() {
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    // An empty schema is `Value`'s: any object. A map says that it takes any key; a struct says
    // nothing about other keys, and means none.
    let says = ["additionalProperties", "unevaluatedProperties"].iter().any(|key| schema.contains_key(*key));
    if !schema.is_empty() && !says {
        let combined = ["oneOf", "anyOf", "allOf", "$ref"].iter().any(|key| schema.contains_key(*key));
        let key = if combined { "unevaluatedProperties" } else { "additionalProperties" };
        schema.insert(key.to_owned(), Value::Bool(false));
    }
    schema.insert("type".to_owned(), json!("object"));
    schema.entry("properties").or_insert_with(|| json!({}));
    schema.remove("description"); // the Rust type's own words; the tool has its description
    let required: Vec<String> = match schema.get("required") {
        Some(Value::Array(names)) => {
            names.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
        }
        _ => Vec::new(),
    };
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (_, property) in properties.iter_mut().filter(|(name, _)| !required.contains(name)) {
            drop_null(property);
        }
    }
    Value::Object(schema)
}

/// The schema of a structured result.
pub fn output<T: JsonSchema>() -> Value {
    generate::<T>().to_value()
}

fn generate<T: JsonSchema>() -> Schema {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .into_generator();
    let mut schema = generator.root_schema_for::<T>();
    schema.remove("title");
    if let Some(object) = schema.as_object_mut() {
        for value in object.values_mut() {
            drop_what_says_nothing(value);
        }
    }
    schema
}

/// `uint8` and its like are no JSON Schema formats; the bounds beside them say the same. `writeOnly` is how schemars says
/// that a key of a cursor is not serialized, which is no matter of the caller's.
fn drop_what_says_nothing(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let numeric = |format: &str| format.starts_with("int") || format.starts_with("uint");
            if object
                .get("format")
                .and_then(Value::as_str)
                .is_some_and(|format| numeric(format) || ["double", "float"].contains(&format))
            {
                object.remove("format");
            }
            if object.get("writeOnly").is_some_and(Value::is_boolean) {
                object.remove("writeOnly");
            }
            object.values_mut().for_each(drop_what_says_nothing);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_what_says_nothing),
        _ => {}
    }
}

/// Takes "or null" off the schema of an optional key.
fn drop_null(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return };
    choices.retain(|choice| *choice != json!({"type": "null"}));
    if choices.len() == 1
        && let Some(Value::Object(only)) = choices.pop()
    {
        object.remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value); // the field's own description comes first
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::service::NoArgs;

    /// Words for Rust readers.
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Forecast {
        /// City name.
        city: String,
        /// Days ahead, 1 to 7.
        #[schemars(range(min = 1, max = 7))]
        days: Option<u8>,
        /// Units.
        units: Option<Units>,
        #[serde(default)]
        near: Vec<Place>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Units {
        Metric,
        Imperial,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Place {
        name: String,
        height: Option<f64>,
    }

    #[test]
    fn an_input_schema_is_small_closed_and_without_references() {
        assert_eq!(
            input::<Forecast>(),
            json!({
                "type": "object",
                "properties": {
                    "city": {"description": "City name.", "type": "string"},
                    "days": {"description": "Days ahead, 1 to 7.", "type": "integer", "minimum": 1, "maximum": 7},
                    "units": {"description": "Units.", "type": "string", "enum": ["metric", "imperial"]},
                    "near": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"name": {"type": "string"}, "height": {"type": ["number", "null"]}},
                            "required": ["name"]
                        }
                    }
                },
                "required": ["city"],
                "additionalProperties": false
            })
        );
    }

    #[test]
    fn no_arguments_is_an_empty_closed_object() {
        assert_eq!(
            input::<NoArgs>(),
            json!({"type": "object", "properties": {}, "additionalProperties": false})
        );
    }

    #[test]
    fn any_json_is_an_open_object() {
        assert_eq!(input::<Value>(), json!({"type": "object", "properties": {}}));
    }

    #[test]
    fn a_schema_that_is_written_is_what_is_published() {
        crate::returns!(Listed { total: "integer", items: "array" });
        let properties = json!({"total": {"type": "integer"}, "items": {"type": "array"}});
        assert_eq!(output::<Listed>(), json!({"type": "object", "properties": properties}));

        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema is used")]
        struct Search {
            /// Words.
            query: Option<TextOrObject>,
        }
        struct TextOrObject;
        crate::schema!(TextOrObject { "type": ["string", "object"] });
        let query = json!({"type": ["string", "object"], "description": "Words."});
        assert_eq!(input::<Search>()["properties"], json!({"query": query}));
    }

    #[test]
    fn a_recursive_type_keeps_its_references_inside_the_document() {
        #[derive(Deserialize, JsonSchema)]
        #[expect(dead_code, reason = "only its schema is used")]
        struct Node {
            children: Vec<Node>,
        }
        let schema = input::<Node>();
        assert_eq!(schema["properties"]["children"]["items"]["$ref"].as_str().map(|r| &r[..1]), Some("#"));
    }

    #[test]
    fn an_output_schema_keeps_null() {
        assert_eq!(output::<Place>()["properties"]["height"], json!({"type": ["number", "null"]}));
    }
}
