//! Owns what each version's words for schemas are in JSON Schema 2020-12. Whatever is changed or left out is remarked.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::keywords::{ANNOTATIONS, Kind, kind, referred};
use super::merge::merge;
use super::null::{loosened, nullable};
use super::{Direction, Schemas, pattern};
use crate::document::{Node, Version};

/// Schemas within schemas. Each is up to two levels of JSON, and the host takes 64.
const DEPTH: usize = 24;
/// The same for values that are written out: defaults, examples.
const VALUE_DEPTH: usize = 8;
const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "object", "array", "null"];

/// A walk through a schema.
pub(super) struct Normal<'s, 'a> {
    pub(super) schemas: &'s mut Schemas<'a>,
    pub(super) direction: Direction,
    pub(super) remarks: &'s mut BTreeSet<String>,
}

impl Normal<'_, '_> {
    fn remark(&mut self, text: impl Into<String>) {
        self.remarks.insert(text.into());
    }

    pub(super) fn schema(&mut self, node: Node<'_>, depth: usize) -> Value {
        let object = match node.value {
            Value::Object(object) => object,
            // A client may take no schema but an object (MCP Inspector's `--strict`).
            Value::Bool(false) if self.direction == Direction::Input => return json!({ "not": {} }),
            Value::Bool(_) => return json!({}),
            other => {
                self.remark(format!("{} stands where a schema is expected; anything is taken", shown(other)));
                return json!({});
            }
        };
        if depth > DEPTH {
            self.remark("nested too deeply; the innermost schemas take anything");
            return json!({});
        }
        let mut schema = Map::new();
        let reference = object.get("$ref").filter(|reference| !reference.is_object());
        if let Some(reference) = reference
            && let Some(name) = self.reference(node, reference)
        {
            schema.insert("$ref".to_owned(), json!(format!("#/$defs/{name}")));
        }
        // Before 3.1 nothing beside a reference counts. Documents have descriptions there all the same.
        let only_annotations = reference.is_some() && self.schemas.document.version() != Version::V31;
        for (keyword, value) in object {
            if only_annotations && !ANNOTATIONS.contains(&keyword.as_str()) {
                continue;
            }
            self.keyword(&mut schema, Node { part: node.part, value }, keyword, depth);
        }
        self.bounds(&mut schema, object);
        self.types(&mut schema, object);
        self.without_what_does_not_go_this_way(&mut schema, node);
        self.discriminator(&mut schema, node);
        self.merged(&mut schema);
        if object.get("nullable").or_else(|| object.get("x-nullable")) == Some(&json!(true)) {
            schema = nullable(schema);
        }
        if self.direction == Direction::Output {
            schema = loosened(schema);
        }
        Value::Object(schema)
    }

    fn reference(&mut self, node: Node<'_>, reference: &Value) -> Option<String> {
        let Some(text) = reference.as_str() else {
            self.remark(format!("`$ref: {}` is not a text; anything is taken there", shown(reference)));
            return None;
        };
        match self.schemas.document.resolve(node.part, text) {
            Ok((place, _)) => Some(self.schemas.name(place, self.direction)),
            Err(why) => {
                self.remark(format!("{why}; anything is taken there"));
                None
            }
        }
    }

    fn keyword(&mut self, schema: &mut Map<String, Value>, node: Node<'_>, keyword: &str, depth: usize) {
        let value = node.value;
        let Some(kind) = kind(keyword) else {
            // Each dealt with elsewhere, or saying nothing about JSON.
            const KNOWN: [&str; 25] = [
                "$ref",
                "type",
                "nullable",
                "example",
                "discriminator",
                "xml",
                "externalDocs",
                "$schema",
                "$id",
                "id",
                "$anchor",
                "$comment",
                "$defs",
                "definitions",
                "$vocabulary",
                "$dynamicAnchor",
                "allowEmptyValue",
                "collectionFormat",
                "in",
                "name",
                "style",
                "explode",
                "schema",
                "additionalItems",
                "$recursiveAnchor",
            ];
            if keyword == "example" {
                self.example(schema, value);
            } else if !KNOWN.contains(&keyword) && !keyword.starts_with("x-") {
                self.remark(format!("`{keyword}` is not a keyword of schemas; left out"));
            }
            return;
        };
        let below = |value| Node { part: node.part, value };
        let made = match (kind, value) {
            // The list form of `items` before 2020-12.
            (Kind::Schema, Value::Array(all)) if keyword == "items" => {
                let items = all.iter().map(|one| self.schema(below(one), depth + 1)).collect();
                schema.insert("prefixItems".to_owned(), Value::Array(items));
                return;
            }
            (Kind::Schema, Value::Bool(_))
                if keyword.ends_with("Properties") || keyword == "unevaluatedItems" =>
            {
                Some(value.clone())
            }
            (Kind::Schema, value) => Some(self.schema(below(value), depth + 1)),
            (Kind::Schemas, Value::Array(all)) if !all.is_empty() => {
                Some(all.iter().map(|one| self.schema(below(one), depth + 1)).collect())
            }
            (Kind::SchemaMap, Value::Object(all)) => {
                let mut made = Map::new();
                for (name, one) in all {
                    if keyword == "patternProperties" && !self.is_pattern(name) {
                        continue;
                    }
                    made.insert(name.clone(), self.schema(below(one), depth + 1));
                }
                Some(Value::Object(made))
            }
            (Kind::Number, Value::Number(number))
                if keyword != "multipleOf" || number.as_f64() > Some(0.0) =>
            {
                Some(value.clone())
            }
            (Kind::Number, Value::Bool(_)) if keyword.starts_with("exclusive") => return, // see `bounds`
            (Kind::Count, Value::Number(number)) => {
                number.as_u64().or_else(|| whole(number.as_f64()?)).map(|count| json!(count))
            }
            (Kind::Text, Value::String(text)) => match keyword {
                "pattern" if !self.is_pattern(text) => return,
                "description" => {
                    Some(json!(crate::text::capped(text, self.schemas.document.limits.description)))
                }
                _ => Some(value.clone()),
            },
            (Kind::Flag, Value::Bool(_)) => Some(value.clone()),
            (Kind::Names, Value::Array(names)) => {
                let mut unique: Vec<&Value> = Vec::new();
                for name in names.iter().filter(|name| name.is_string()) {
                    if !unique.contains(&name) {
                        unique.push(name);
                    }
                }
                Some(json!(unique))
            }
            (Kind::NameMap, Value::Object(all)) if all.values().all(is_names) => Some(value.clone()),
            (Kind::Values, Value::Array(all)) if keyword == "enum" => match self.allowed(schema, all) {
                Some(all) => Some(all),
                None => return,
            },
            (Kind::Values, Value::Array(_)) | (Kind::Any, _) => match nested(value) > VALUE_DEPTH {
                false => Some(value.clone()),
                true => None,
            },
            // `examples` with a name each are OpenAPI's.
            (Kind::Values, Value::Object(_)) if keyword == "examples" => return,
            _ => None,
        };
        match made {
            Some(made) => drop(schema.insert(keyword.to_owned(), made)),
            None => self.remark(format!("`{keyword}: {}` is not what it has to be; left out", shown(value))),
        }
    }

    fn example(&mut self, schema: &mut Map<String, Value>, value: &Value) {
        let small = nested(value) <= VALUE_DEPTH && value.to_string().len() <= 400;
        if small && !value.is_null() && !schema.contains_key("examples") {
            schema.insert("examples".to_owned(), json!([value]));
        }
    }

    /// The values of an `enum`, if there are not so many that nobody reads them.
    fn allowed(&mut self, schema: &mut Map<String, Value>, all: &[Value]) -> Option<Value> {
        let mut unique: Vec<&Value> = Vec::new();
        let mut bytes = 0;
        for value in all {
            bytes += value.to_string().len() + 1;
            if bytes > self.schemas.document.limits.enum_bytes {
                let some: Vec<String> = unique.iter().take(5).map(|value| shown(value)).collect();
                self.remark(format!(
                    "a list of {} allowed values is too long to be told; any is taken",
                    all.len()
                ));
                let hint = format!("One of {} values, such as {}.", all.len(), some.join(", "));
                let said = schema
                    .get("description")
                    .and_then(Value::as_str)
                    .map_or(String::new(), |d| format!("{d} "));
                schema.insert("description".to_owned(), json!(format!("{said}{hint}")));
                return None;
            }
            if !unique.contains(&value) {
                unique.push(value);
            }
        }
        if unique.is_empty() {
            self.remark("`enum` has no values; left out");
            return None;
        }
        Some(json!(unique))
    }

    fn is_pattern(&mut self, pattern: &str) -> bool {
        let sound = pattern::is_sound(pattern);
        if !sound {
            self.remark(format!(
                "the pattern `{}` is none that can be checked; left out",
                short(pattern, 60)
            ));
        }
        sound
    }

    /// `exclusiveMinimum: true` beside `minimum`, as before 3.1.
    fn bounds(&mut self, schema: &mut Map<String, Value>, object: &Map<String, Value>) {
        for (flag, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
            if object.get(flag) == Some(&json!(true))
                && let Some(value) = schema.remove(bound)
            {
                schema.insert(flag.to_owned(), value);
            }
        }
    }

    fn types(&mut self, schema: &mut Map<String, Value>, object: &Map<String, Value>) {
        let Some(written) = object.get("type") else { return };
        if schema.contains_key("$ref") && self.schemas.document.version() != Version::V31 {
            return;
        }
        let names = match written {
            Value::String(_) => std::slice::from_ref(written),
            Value::Array(names) => names.as_slice(),
            _ => &[],
        };
        let mut types: Vec<&str> = Vec::new();
        for name in names.iter().filter_map(Value::as_str) {
            match name {
                "file" => {
                    types.push("string");
                    schema.insert("contentEncoding".to_owned(), json!("base64"));
                }
                name if TYPES.contains(&name) && !types.contains(&name) => types.push(name),
                _ => {}
            }
        }
        if types.len() < names.len() || types.is_empty() {
            self.remark(format!("`type: {}` is not a type of JSON; any is taken", shown(written)));
        }
        match types.as_slice() {
            _ if types.len() < names.len() => {}
            [] => {}
            [one] => drop(schema.insert("type".to_owned(), json!(one))),
            several => drop(schema.insert("type".to_owned(), json!(several))),
        }
    }

    /// What only the server sets is not asked for; what is only ever sent is not promised.
    fn without_what_does_not_go_this_way(&mut self, schema: &mut Map<String, Value>, node: Node<'_>) {
        let flag = match self.direction {
            Direction::Input => "readOnly",
            Direction::Output => "writeOnly",
        };
        let document = self.schemas.document;
        let gone: Vec<&String> = node
            .fields("properties")
            .filter(|(_, property)| {
                property.flag(flag) || document.follow(*property).is_ok_and(|there| there.flag(flag))
            })
            .map(|(name, _)| name)
            .collect();
        if gone.is_empty() {
            return;
        }
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.retain(|name, _| !gone.contains(&name));
        }
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            required.retain(|name| !gone.iter().any(|gone| name == gone.as_str()));
        }
        if self.direction == Direction::Input {
            let names: Vec<&str> = gone.iter().map(|name| name.as_str()).collect();
            self.remark(format!(
                "what only the server sets is not asked for: {}",
                short(&names.join(", "), 80)
            ));
        }
    }

    /// With a discriminator, exactly one alternative is meant by a word; a validator has to be told so, for the
    /// alternatives often overlap.
    fn discriminator(&mut self, schema: &mut Map<String, Value>, node: Node<'_>) {
        let Some(discriminator) = node.get("discriminator") else { return };
        let Some(property) = discriminator.text("propertyName") else { return };
        let mapping: Vec<(String, Option<String>)> = discriminator
            .fields("mapping")
            .filter_map(|(word, to)| Some((word.clone(), self.target(node.part, to.value.as_str()?))))
            .collect();
        let mut said = false;
        for key in ["oneOf", "anyOf"] {
            let Some(Value::Array(alternatives)) = schema.get_mut(key) else { continue };
            for alternative in alternatives.iter_mut().filter_map(Value::as_object_mut) {
                let Some(name) = referred(alternative).map(str::to_owned) else { continue };
                let mut words: Vec<&str> = mapping
                    .iter()
                    .filter(|(_, to)| to.as_deref() == Some(&name))
                    .map(|(word, _)| word.as_str())
                    .collect();
                if words.is_empty() {
                    words.push(&name);
                }
                if self
                    .schemas
                    .now(self.direction, &name)
                    .is_some_and(|there| !settles(&there.full, property))
                {
                    alternative.insert("properties".to_owned(), json!({ property: { "enum": words } }));
                    alternative.insert("required".to_owned(), json!([property]));
                    said = true;
                }
            }
        }
        if said || schema.contains_key("oneOf") || schema.contains_key("anyOf") {
            schema.insert("discriminator".to_owned(), json!({ "propertyName": property }));
        }
    }

    /// The definition that a word of a discriminator's mapping means: a reference, or a schema's name.
    fn target(&mut self, part: usize, to: &str) -> Option<String> {
        let by_name = format!("#/components/schemas/{to}");
        let plain = to.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let document = self.schemas.document;
        let found = if plain { document.resolve(part, &by_name).ok() } else { None };
        let (place, _) = found.or_else(|| document.resolve(part, to).ok())?;
        Some(self.schemas.name(place, self.direction))
    }

    /// Without `allOf`, as far as one schema can say the same.
    fn merged(&mut self, schema: &mut Map<String, Value>) {
        let Some(Value::Array(all)) = schema.remove("allOf") else { return };
        let alone = all.len() == 1;
        let mut apart = Vec::new();
        for one in all {
            let Value::Object(one) = one else {
                apart.push(one);
                continue;
            };
            let name = referred(&one).map(str::to_owned);
            let only_says = schema.keys().all(|keyword| ANNOTATIONS.contains(&keyword.as_str()));
            let there = match &name {
                // One reference with words around it stays one.
                Some(_) if alone && only_says => None,
                Some(name) => self.schemas.for_merging(self.direction, name),
                None => None,
            };
            let done = match (&name, there.as_deref().map(|there| &there.full)) {
                (Some(_), Some(Value::Object(there))) if !there.contains_key("$ref") => {
                    let mut whole = one.clone();
                    whole.remove("$ref");
                    let (mut there, before) = (there.clone(), schema.clone());
                    there.remove("discriminator");
                    let done = merge(schema, &whole) && merge(schema, &there);
                    if !done {
                        *schema = before;
                    }
                    done
                }
                (Some(_), _) if alone && only_says => merge(schema, &one),
                (Some(_), _) => false,
                (None, _) => merge(schema, &one),
            };
            if !done {
                apart.push(Value::Object(one));
            }
        }
        if !apart.is_empty() {
            schema.insert("allOf".to_owned(), Value::Array(apart));
        }
    }
}

/// Whether a schema says itself which words a property may have.
fn settles(schema: &Value, property: &str) -> bool {
    let own = schema.get("properties").and_then(|all| all.get(property));
    own.is_some_and(|own| {
        own.get("enum").is_some() || own.get("const").is_some() || own.get("$ref").is_some()
    })
}

fn is_names(value: &Value) -> bool {
    value.as_array().is_some_and(|names| names.iter().all(Value::is_string))
}

fn whole(number: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is a whole number in range"
    )]
    (number >= 0.0 && number.fract() == 0.0 && number < 9e15).then_some(number as u64)
}

fn nested(value: &Value) -> usize {
    let below = match value {
        Value::Array(items) => items.iter().map(nested).max(),
        Value::Object(fields) => fields.values().map(nested).max(),
        _ => return 0,
    };
    1 + below.unwrap_or(0)
}

fn short(text: &str, most: usize) -> String {
    crate::text::capped(text, most)
}

fn shown(value: &Value) -> String {
    short(&value.to_string(), 60)
}
