//! How much work it is to check arguments against a schema, found out before it is done. A schema is the
//! component's and arguments are the caller's: together they can ask for more work than there is time for
//! (references that double, alternatives that are all tried at every level), and checking happens in the host.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// Most (subschema, value) pairs that are looked at. A generous request with a thousand fields needs some thousands.
const VISITS: u32 = 50_000;
/// Deepest nesting of pairs: a reference that only leads to itself has no end.
const DEPTH: u32 = 500;

/// Applies subschemas to the value itself.
const IN_PLACE: [&str; 8] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"];
/// Applies subschemas to what is in the value.
const WITHIN: [&str; 10] = [
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "unevaluatedProperties",
    "items",
    "prefixItems",
    "contains",
    "unevaluatedItems",
    "additionalItems",
];

/// A schema, prepared for the question.
#[derive(Debug)]
pub(crate) struct Effort {
    root: Value,
    anchors: HashMap<String, Value>,
    subschemas: u32,
    refers: bool,
}

/// The work would be too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuch;

impl Effort {
    /// Prepares a schema.
    ///
    /// # Errors
    /// When it asks for too much whatever the value is, or refers to something other than a place in itself.
    pub(crate) fn new(schema: &Map<String, Value>) -> Result<Self, String> {
        let root = Value::Object(schema.clone());
        let mut effort = Self { root, anchors: HashMap::new(), subschemas: 0, refers: false };
        let root = effort.root.clone();
        effort.survey(&root)?;
        // Every subschema by itself, against a value with nothing in it: only references in place can add up.
        let mut count = Count { effort: &effort, left: VISITS };
        count
            .every(&root)
            .map_err(|TooMuch| "its references and alternatives multiply without end".to_owned())?;
        Ok(effort)
    }

    /// Counts, and collects what can be referred to by name.
    fn survey(&mut self, schema: &Value) -> Result<(), String> {
        match schema {
            Value::Object(object) => {
                self.subschemas = self.subschemas.saturating_add(1);
                for key in ["$ref", "$dynamicRef"] {
                    if let Some(Value::String(to)) = object.get(key) {
                        self.refers = true;
                        if !to.starts_with('#') {
                            return Err(format!("`{key}` must begin with `#`; `{to}` leaves the document"));
                        }
                    }
                }
                for key in ["$anchor", "$dynamicAnchor"] {
                    if let Some(Value::String(name)) = object.get(key) {
                        self.anchors.insert(name.clone(), schema.clone());
                    }
                }
                object.values().try_for_each(|below| self.survey(below))
            }
            Value::Array(items) => items.iter().try_for_each(|below| self.survey(below)),
            _ => Ok(()),
        }
    }

    /// Whether a value can be checked in good time.
    pub(crate) fn allow(&self, value: &Value) -> Result<(), TooMuch> {
        // Without references no pair is looked at twice.
        if !self.refers && self.subschemas.saturating_mul(size(value)) <= VISITS {
            return Ok(());
        }
        Count { effort: self, left: VISITS }.pair(&self.root, Some(value), 0)
    }

    fn referred(&self, to: &str) -> Option<&Value> {
        let place = to.strip_prefix('#')?;
        if place.is_empty() || place.starts_with('/') {
            let place = percent_encoding::percent_decode_str(place).decode_utf8().ok()?;
            return self.root.pointer(&place);
        }
        self.anchors.get(place)
    }
}

/// Values in a value, itself included.
fn size(value: &Value) -> u32 {
    let below: u32 = match value {
        Value::Array(items) => items.iter().map(size).fold(0, u32::saturating_add),
        Value::Object(fields) => fields.values().map(size).fold(0, u32::saturating_add),
        _ => 0,
    };
    below.saturating_add(1)
}

/// What is left of the visits.
struct Count<'a> {
    effort: &'a Effort,
    left: u32,
}

impl Count<'_> {
    /// Looks at `schema` and everything in it, each against nothing.
    fn every(&mut self, schema: &Value) -> Result<(), TooMuch> {
        match schema {
            Value::Object(object) => {
                self.pair(schema, None, 0)?;
                object.values().try_for_each(|below| self.every(below))
            }
            Value::Array(items) => items.iter().try_for_each(|below| self.every(below)),
            _ => Ok(()),
        }
    }

    /// Visits what a validator might, if it tried every alternative.
    fn pair(&mut self, schema: &Value, value: Option<&Value>, depth: u32) -> Result<(), TooMuch> {
        let Value::Object(schema) = schema else { return Ok(()) };
        self.left = self.left.checked_sub(1).filter(|_| depth < DEPTH).ok_or(TooMuch)?;
        let depth = depth + 1;
        for key in ["$ref", "$dynamicRef"] {
            let to = schema.get(key).and_then(Value::as_str).and_then(|to| self.effort.referred(to));
            to.map_or(Ok(()), |to| self.pair(to, value, depth))?;
        }
        for key in IN_PLACE {
            match (key, schema.get(key)) {
                (_, Some(Value::Array(all))) => {
                    all.iter().try_for_each(|one| self.pair(one, value, depth))?
                }
                ("dependentSchemas", Some(Value::Object(all))) => {
                    all.values().try_for_each(|one| self.pair(one, value, depth))?;
                }
                (_, Some(one)) => self.pair(one, value, depth)?,
                (_, None) => {}
            }
        }
        let fields: Vec<(Option<&str>, &Value)> = match value {
            Some(Value::Object(fields)) => {
                fields.iter().map(|(name, field)| (Some(name.as_str()), field)).collect()
            }
            Some(Value::Array(items)) => items.iter().map(|item| (None, item)).collect(),
            _ => return Ok(()),
        };
        for key in WITHIN {
            let Some(subschemas) = schema.get(key) else { continue };
            for (name, field) in &fields {
                match (key, name, subschemas) {
                    ("properties", Some(name), Value::Object(all)) => {
                        all.get(*name).map_or(Ok(()), |one| self.pair(one, Some(field), depth))?;
                    }
                    ("properties", None, _) => {}
                    ("patternProperties", _, Value::Object(all)) => {
                        all.values().try_for_each(|one| self.pair(one, Some(field), depth))?;
                    }
                    ("prefixItems" | "items", _, Value::Array(all)) => {
                        all.iter().try_for_each(|one| self.pair(one, Some(field), depth))?;
                    }
                    _ => self.pair(subschemas, Some(field), depth)?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn effort(schema: Value) -> Result<Effort, String> {
        let Value::Object(schema) = schema else { panic!("an object") };
        Effort::new(&schema)
    }

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!({}), |value, _| json!({ "a": value }))
    }

    #[test]
    fn references_that_double_are_refused_before_any_value() {
        let mut defs = Map::new();
        for n in 0..20 {
            let next = json!({ "$ref": format!("#/$defs/d{}", n + 1) });
            defs.insert(format!("d{n}"), json!({ "anyOf": [next, next] }));
        }
        defs.insert("d20".to_owned(), json!({ "type": "string" }));
        let schema =
            json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/d0" } }, "$defs": defs });
        assert!(effort(schema).unwrap_err().contains("multiply without end"));
    }

    #[test]
    fn a_reference_to_itself_is_refused() {
        let schema = json!({ "$defs": { "a": { "$ref": "#/$defs/a" } }, "$ref": "#/$defs/a" });
        assert!(effort(schema).is_err());
    }

    #[test]
    fn alternatives_that_double_at_every_level_end_at_the_bound() {
        let again = json!({ "$ref": "#/$defs/n" });
        let schema = json!({
            "type": "object",
            "$ref": "#/$defs/n",
            "$defs": { "n": { "anyOf": [
                { "properties": { "a": again } },
                { "title": "x", "properties": { "a": again } },
            ] } }
        });
        let effort = effort(schema).unwrap();
        assert_eq!(effort.allow(&nested(5)), Ok(()));
        assert_eq!(effort.allow(&nested(30)), Err(TooMuch));
    }

    #[test]
    fn many_alternatives_for_many_items_end_at_the_bound() {
        let any: Vec<Value> = (0..1000).map(|n| json!({ "const": n })).collect();
        let effort = effort(json!({ "properties": { "a": { "items": { "anyOf": any } } } })).unwrap();
        assert_eq!(effort.allow(&json!({ "a": vec![0; 10] })), Ok(()));
        assert_eq!(effort.allow(&json!({ "a": vec![0; 1000] })), Err(TooMuch));
    }

    #[test]
    fn usual_schemas_are_no_trouble() {
        let tree = json!({
            "type": "object",
            "properties": { "name": { "type": "string" }, "a": { "$ref": "#" }, "all": { "items": { "$ref": "#" } } }
        });
        let effort = effort(tree).unwrap();
        assert_eq!(effort.allow(&nested(100)), Ok(()));
        let wide = json!({ "all": vec![json!({ "name": "x" }); 5000] });
        assert_eq!(effort.allow(&wide), Ok(()));
    }

    #[test]
    fn a_reference_that_leaves_the_document_is_refused() {
        let error = effort(json!({ "properties": { "a": { "$ref": "http://h/x" } } })).unwrap_err();
        assert_eq!(error, "`$ref` must begin with `#`; `http://h/x` leaves the document");
        let anchored =
            json!({ "$defs": { "x": { "$anchor": "here" } }, "properties": { "a": { "$ref": "#here" } } });
        assert!(effort(anchored).is_ok());
    }
}
