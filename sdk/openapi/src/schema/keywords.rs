//! Owns what JSON Schema 2020-12 has keywords for, and the way through a schema by them: a property that is called
//! `items` is no keyword.

use serde_json::{Map, Value};

/// What a keyword's value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Schema,
    Schemas,
    SchemaMap,
    Number,
    Count,
    Text,
    Flag,
    Names,
    NameMap,
    Values,
    Any,
}

/// The kind of a keyword; none if it is none, or one that is dealt with by itself.
pub(crate) fn kind(keyword: &str) -> Option<Kind> {
    Some(match keyword {
        "additionalProperties"
        | "items"
        | "contains"
        | "not"
        | "if"
        | "then"
        | "else"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contentSchema" => Kind::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Kind::Schemas,
        "properties" | "patternProperties" | "dependentSchemas" => Kind::SchemaMap,
        "multipleOf" | "maximum" | "minimum" | "exclusiveMaximum" | "exclusiveMinimum" => Kind::Number,
        "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties"
        | "maxContains" | "minContains" => Kind::Count,
        "title" | "description" | "format" | "pattern" | "contentEncoding" | "contentMediaType" => Kind::Text,
        "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" => Kind::Flag,
        "required" => Kind::Names,
        "dependentRequired" => Kind::NameMap,
        "enum" | "examples" => Kind::Values,
        "default" | "const" => Kind::Any,
        _ => return None,
    })
}

/// Keywords that say something to readers and nothing about what is valid.
pub(crate) const ANNOTATIONS: [&str; 9] = [
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
    "discriminator",
];

/// Calls `visit` with each schema directly below.
pub(crate) fn below<'v>(schema: &'v Map<String, Value>, visit: &mut impl FnMut(&'v Value)) {
    for (keyword, value) in schema {
        match (kind(keyword), value) {
            (Some(Kind::Schema), value) => visit(value),
            (Some(Kind::Schemas), Value::Array(all)) => all.iter().for_each(&mut *visit),
            (Some(Kind::SchemaMap), Value::Object(all)) => all.values().for_each(&mut *visit),
            _ => {}
        }
    }
}

/// The same, to change them.
pub(crate) fn below_mut(schema: &mut Map<String, Value>, visit: &mut impl FnMut(&mut Value)) {
    for (keyword, value) in schema {
        match (kind(keyword), value) {
            (Some(Kind::Schema), value) => visit(value),
            (Some(Kind::Schemas), Value::Array(all)) => all.iter_mut().for_each(&mut *visit),
            (Some(Kind::SchemaMap), Value::Object(all)) => all.values_mut().for_each(&mut *visit),
            _ => {}
        }
    }
}

/// The definition a reference of ours leads to.
pub(crate) fn referred(schema: &Map<String, Value>) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")
}
