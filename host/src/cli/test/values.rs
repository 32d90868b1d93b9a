//! Values that a JSON Schema takes: what its author had in mind first, then its bounds, then anything. What comes out is
//! a guess in places (`not`, `if`, patterns across parts): whoever uses it asks the validator.

mod pattern;

use bulkhead_openapi::required;
use serde_json::{Map, Number, Value, json};

use super::random::Random;

/// Deeper, a recursive schema gets its shortest value.
const DEEP: usize = 6;
/// Items and properties beyond those that are required.
const WIDE: usize = 3;
/// Characters of a text that has no bound: no upstream takes more in a URL.
const LONG: usize = 2000;

/// Which values are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taste {
    /// Only what is required; what the author wrote as an example.
    Plain,
    /// Everything there is; examples again.
    Full,
    /// The least of each.
    Least,
    /// The most of each.
    Most,
    /// Whatever comes.
    Any,
}

impl Taste {
    /// The taste of the case with this number.
    pub(super) fn of(case: usize) -> Self {
        match case {
            0 => Self::Plain,
            1 => Self::Full,
            2 => Self::Least,
            3 => Self::Most,
            _ => Self::Any,
        }
    }
}

/// Draws values of one schema.
#[derive(Debug)]
pub(super) struct Values<'a> {
    root: &'a Value,
    taste: Taste,
    random: &'a mut Random,
}

impl<'a> Values<'a> {
    pub(super) fn new(root: &'a Value, taste: Taste, random: &'a mut Random) -> Self {
        Self { root, taste, random }
    }

    /// A value of the schema itself.
    pub(super) fn value(&mut self) -> Value {
        self.draw(self.root, 0)
    }

    fn draw(&mut self, schema: &Value, depth: usize) -> Value {
        let Some(schema) = schema.as_object() else { return json!("anything") };
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(written) = self.written(schema) {
            return written;
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            let first = matches!(self.taste, Taste::Plain | Taste::Full | Taste::Least);
            let drawn = match self.taste {
                _ if first => values.first(),
                Taste::Most => values.last(),
                _ => self.random.pick(values),
            };
            return drawn.cloned().unwrap_or_default();
        }
        if let Some(found) = schema.get("$ref").and_then(Value::as_str).and_then(|to| resolve(self.root, to))
        {
            // A schema that is nothing but itself has no value.
            if depth > 2 * DEEP {
                return Value::Null;
            }
            return self.draw(found, depth.saturating_add(1));
        }
        for key in ["oneOf", "anyOf"] {
            let Some(ways) = schema.get(key).and_then(Value::as_array) else { continue };
            let way = match self.taste {
                Taste::Any if depth <= DEEP => self.random.pick(ways),
                Taste::Most => ways.last(),
                _ => ways.iter().find(|way| way.get("type") != Some(&json!("null"))),
            };
            let Some(way) = way else { continue };
            return self.draw(&merged(schema, &[key], [way]), depth.saturating_add(1));
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            let root = self.root;
            let all = all.iter().map(|one| deref(root, one));
            return self.draw(&merged(schema, &["allOf"], all), depth.saturating_add(1));
        }
        match self.kind(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "integer" | "number" => self.number(schema),
            "boolean" => Value::Bool(match self.taste {
                Taste::Most | Taste::Full => true,
                Taste::Any => self.random.one_in(2),
                _ => false,
            }),
            "null" => Value::Null,
            _ => Value::String(self.text(schema)),
        }
    }

    /// What the author wrote as an example or default.
    fn written(&mut self, schema: &Map<String, Value>) -> Option<Value> {
        let examples = schema.get("examples").and_then(Value::as_array);
        let (examples, default) = (examples.into_iter().flatten(), schema.get("default"));
        let written: Vec<&Value> = examples.chain(schema.get("example")).chain(default).collect();
        match self.taste {
            Taste::Plain | Taste::Full => written.first().copied().cloned(),
            Taste::Any if self.random.one_in(3) => self.random.pick(&written).copied().cloned(),
            _ => None,
        }
    }

    fn kind<'s>(&mut self, schema: &'s Map<String, Value>) -> &'s str {
        match schema.get("type") {
            Some(Value::String(kind)) => kind,
            Some(Value::Array(kinds)) => {
                let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
                let drawn = match self.taste {
                    Taste::Any => self.random.pick(&kinds).copied(),
                    Taste::Most => kinds.iter().rfind(|kind| **kind != "null").copied(),
                    _ => kinds.iter().find(|kind| **kind != "null").copied(),
                };
                drawn.unwrap_or("null")
            }
            _ if schema.contains_key("properties") || schema.contains_key("required") => "object",
            _ if schema.contains_key("items") || schema.contains_key("prefixItems") => "array",
            _ if schema.contains_key("minimum") || schema.contains_key("maximum") => "integer",
            _ => "string",
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let required: Vec<&str> = required(schema.get("required")).collect();
        let mut object = Map::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let wanted = required.contains(&name.as_str())
                || depth <= DEEP
                    && match self.taste {
                        Taste::Plain | Taste::Least => false,
                        Taste::Full | Taste::Most => true,
                        Taste::Any => self.random.one_in(2),
                    };
            if wanted {
                let value = self.draw(property, depth.saturating_add(1));
                object.insert(name.clone(), value);
            }
        }
        for name in required {
            if !object.contains_key(name) {
                object.insert(name.to_owned(), json!("anything"));
            }
        }
        let least = bound(schema, "minProperties").unwrap_or_default();
        let free = schema.get("additionalProperties").filter(|schema| schema.is_object()).cloned();
        let more = if self.taste == Taste::Full || self.taste == Taste::Most { WIDE } else { 0 };
        if let Some(free) = free {
            for n in 0..least.max(more).min(WIDE) {
                let value = self.draw(&free, depth.saturating_add(1));
                object.insert(format!("key{n}"), value);
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let least = bound(schema, "minItems").unwrap_or_default();
        let most = bound(schema, "maxItems").unwrap_or(least.saturating_add(WIDE));
        let many = match self.taste {
            Taste::Least => least,
            Taste::Plain => least.max(1).min(most),
            Taste::Full => least.max(2).min(most),
            Taste::Most => most.min(least.saturating_add(64)),
            Taste::Any => least.saturating_add(self.random.below(WIDE.saturating_add(1))).min(most),
        };
        let many = if depth > DEEP { least } else { many };
        let prefix = schema.get("prefixItems").and_then(Value::as_array);
        let (items, unique) = (schema.get("items"), schema.get("uniqueItems") == Some(&Value::Bool(true)));
        let mut array: Vec<Value> = Vec::new();
        for at in 0..many {
            let own = prefix.and_then(|prefix| prefix.get(at)).or(items);
            if own == Some(&Value::Bool(false)) {
                break;
            }
            let value = own.map_or(json!("anything"), |own| self.draw(own, depth.saturating_add(1)));
            if !unique || !array.contains(&value) {
                array.push(value);
                continue;
            }
            // Another one, if there is another one.
            let taste = std::mem::replace(&mut self.taste, Taste::Any);
            let mut drawn =
                (0..8).map(|_| own.map_or(Value::Null, |own| self.draw(own, depth.saturating_add(1))));
            let other = drawn.find(|value| !array.contains(value));
            self.taste = taste;
            match other {
                Some(other) => array.push(other),
                None => break,
            }
        }
        Value::Array(array)
    }

    fn number(&mut self, schema: &Map<String, Value>) -> Value {
        let given = |key: &str| schema.get(key).and_then(Value::as_f64);
        let whole = schema.get("type").is_none_or(|kind| kind.to_string().contains("integer"));
        let step = given("multipleOf").filter(|step| *step > 0.0);
        let part = if whole { 1.0 } else { step.unwrap_or(0.5) };
        let least = given("minimum").or(given("exclusiveMinimum").map(|least| least + part));
        let most = given("maximum").or(given("exclusiveMaximum").map(|most| most - part));
        // Without bounds, as large as programs like to get wrong.
        let (far_least, far_most) = (-9_007_199_254_740_991.0, 9_007_199_254_740_991.0);
        let drawn = match self.taste {
            Taste::Least => least.unwrap_or(far_least),
            Taste::Most => most.unwrap_or(far_most),
            Taste::Plain | Taste::Full => least.unwrap_or_else(|| most.unwrap_or(1.0).min(1.0)),
            Taste::Any => {
                let (least, most) = (least.unwrap_or(-1000.0), most.unwrap_or(1000.0));
                let share = self.random.below(1001);
                least + (most - least) * (f64::from(u32::try_from(share).unwrap_or_default()) / 1000.0)
            }
        };
        let drawn = step.map_or(drawn, |step| {
            let down = (drawn / step).floor() * step;
            if least.is_some_and(|least| down < least) { down + step } else { down }
        });
        if whole {
            // A bound that does not fit is cut to one that does.
            return Value::from(drawn.floor() as i64);
        }
        Number::from_f64(drawn).map_or(Value::from(0), Value::Number)
    }

    fn text(&mut self, schema: &Map<String, Value>) -> String {
        let least = bound(schema, "minLength").unwrap_or_default();
        let most = bound(schema, "maxLength").unwrap_or(usize::MAX);
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
            let long = self.taste == Taste::Most || self.taste == Taste::Full;
            if let Some(text) = pattern::matching(pattern, long, self.random) {
                return text;
            }
        }
        if let Some(text) = schema.get("format").and_then(Value::as_str).and_then(formatted) {
            return text.to_owned();
        }
        let text = match self.taste {
            Taste::Plain | Taste::Full => "example".to_owned(),
            Taste::Least => String::new(),
            Taste::Most => "m".repeat(most.min(LONG)),
            Taste::Any => (*self.random.pick(&ODD).unwrap_or(&"odd")).to_owned(),
        };
        let mut text: String = text.chars().take(most).collect();
        text.extend(std::iter::repeat_n('x', least.saturating_sub(text.chars().count()).min(1 << 20)));
        text
    }
}

/// Texts that programs like to get wrong: empty, alike to other types, odd in URLs, long in bytes.
const ODD: [&str; 20] = [
    "a",
    "",
    " ",
    "0",
    "-1",
    "null",
    "true",
    "[]",
    "a/../b",
    "%2e%2e%2f",
    "a b&c=d#e?f",
    "{x}",
    "\"",
    "\\",
    "*",
    "Größe",
    "日本語🙂",
    "2026-02-30",
    "1e400",
    "a\nb",
];

fn formatted(format: &str) -> Option<&'static str> {
    Some(match format {
        "date-time" => "2026-01-02T03:04:05Z",
        "date" => "2026-01-02",
        "time" => "03:04:05Z",
        "duration" => "PT1H",
        "email" => "someone@example.com",
        "hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uri" | "uri-reference" | "iri" | "url" => "https://example.com/a",
        "uuid" => "0190a5c4-7e3b-7000-8000-000000000001",
        "regex" => "a+",
        "json-pointer" => "/a/0",
        _ => return None,
    })
}

fn bound(schema: &Map<String, Value>, key: &str) -> Option<usize> {
    schema.get(key).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok())
}

/// What a `$ref` within the document stands for.
pub(super) fn resolve<'a>(root: &'a Value, to: &str) -> Option<&'a Value> {
    let pointer = to.strip_prefix('#')?;
    root.pointer(pointer)
}

/// A schema, or what it refers to.
pub(super) fn deref<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let to = schema.get("$ref").and_then(Value::as_str);
    to.and_then(|to| resolve(root, to)).unwrap_or(schema)
}

/// One schema of several that all hold: enough for a value, if not for a proof.
fn merged<'v>(
    schema: &Map<String, Value>,
    without: &[&str],
    others: impl IntoIterator<Item = &'v Value>,
) -> Value {
    let mut all = schema.clone();
    all.retain(|key, _| !without.contains(&key.as_str()));
    for other in others.into_iter().filter_map(Value::as_object) {
        for (key, value) in other {
            match (all.get_mut(key), value) {
                (Some(Value::Object(own)), Value::Object(value)) => {
                    own.extend(value.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
                (Some(Value::Array(own)), Value::Array(value)) if key == "required" => {
                    own.extend(value.iter().cloned());
                }
                _ => {
                    all.insert(key.clone(), value.clone());
                }
            }
        }
    }
    Value::Object(all)
}

/// Arguments that a strict schema refuses, each with what is wrong with it. They are made of valid ones.
pub(super) fn spoilt(schema: &Value, valid: &Map<String, Value>) -> Vec<(Spoilt, Map<String, Value>)> {
    let with = |name: &str, value: Value| {
        let mut spoilt = valid.clone();
        spoilt.insert(name.to_owned(), value);
        spoilt
    };
    let mut all = vec![(Spoilt::Unknown, with("bulkhead_unknown_argument", json!(1)))];
    for name in required(schema.get("required")) {
        let mut spoilt = valid.clone();
        spoilt.remove(name);
        all.push((Spoilt::Missing, spoilt));
    }
    for name in
        schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name)
    {
        // No argument is both of these.
        for value in [json!({ "bulkhead": ["?"] }), json!([[["bulkhead"]]])] {
            all.push((Spoilt::Type(name.clone()), with(name, value)));
        }
    }
    all
}

/// What is wrong with arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spoilt {
    /// There is one that the schema does not know.
    Unknown,
    /// One is missing that is required.
    Missing,
    /// This one has a type that it should not have.
    Type(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(schema: &Value, case: usize) -> Value {
        let mut random = Random::new(7, "test");
        for _ in 0..case {
            let _ = random.next();
        }
        Values::new(schema, Taste::of(case), &mut random).value()
    }

    #[test]
    fn what_is_drawn_is_what_the_schema_takes() {
        let schema = json!({
            "type": "object",
            "$defs": { "tree": { "type": "object", "required": ["n"], "additionalProperties": false, "properties": {
                "n": { "type": "integer", "minimum": 3, "maximum": 9 },
                "below": { "type": "array", "items": { "$ref": "#/$defs/tree" }, "maxItems": 2 },
            } } },
            "required": ["id", "tree", "when"],
            "additionalProperties": false,
            "properties": {
                "id": { "type": "string", "pattern": "^[a-z]{3}-[0-9]{2,4}$" },
                "tree": { "$ref": "#/$defs/tree" },
                "when": { "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "format": "date-time" }] },
                "kind": { "enum": ["a", "b", null] },
                "share": { "type": "number", "exclusiveMinimum": 0, "maximum": 1 },
                "even": { "type": ["integer", "null"], "multipleOf": 2, "minimum": 1, "maximum": 9 },
                "names": { "type": "array", "minItems": 1, "maxItems": 4, "uniqueItems": true,
                    "items": { "type": "string", "minLength": 2, "maxLength": 5 } },
                "both": { "allOf": [
                    { "type": "object", "required": ["x"], "properties": { "x": { "const": 1 } } },
                    { "required": ["y"], "properties": { "y": { "type": "boolean" } } },
                ] },
                "labels": { "type": "object", "additionalProperties": { "type": "string" }, "minProperties": 1 },
            },
        });
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        for case in 0..200 {
            let value = drawn(&schema, case);
            let faults: Vec<String> = validator.iter_errors(&value).map(|fault| fault.to_string()).collect();
            assert_eq!(faults, Vec::<String>::new(), "case {case}: {value}");
        }
        assert_eq!(drawn(&schema, 2)["tree"], json!({ "n": 3 }));
        assert_eq!(drawn(&schema, 3)["tree"]["n"], json!(9));
    }

    #[test]
    fn examples_come_first_and_the_same_seed_gives_the_same() {
        let schema =
            json!({ "properties": { "q": { "type": "string", "examples": ["up"] } }, "required": ["q"] });
        assert_eq!(drawn(&schema, 0), json!({ "q": "up" }));
        assert_eq!(drawn(&schema, 17), drawn(&schema, 17));
    }

    #[test]
    fn a_schema_that_never_ends_ends() {
        let schema = json!({ "$ref": "#" });
        assert_eq!(drawn(&schema, 0), Value::Null);
        let schema = json!({ "type": "object", "properties": { "a": { "$ref": "#" } }, "required": ["a"] });
        assert!(drawn(&schema, 1).to_string().len() < 1000);
    }

    #[test]
    fn what_is_spoilt_is_refused() {
        let schema = json!({ "type": "object", "additionalProperties": false, "required": ["a"], "properties": {
            "a": { "type": "object", "additionalProperties": { "type": "integer" } },
            "b": { "type": "array", "items": { "type": "string" } },
        } });
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let valid = Map::from_iter([("a".to_owned(), json!({ "x": 1 }))]);
        let spoilt = spoilt(&schema, &valid);
        assert_eq!(spoilt.len(), 6);
        for (what, arguments) in spoilt {
            assert!(!validator.is_valid(&Value::Object(arguments.clone())), "{what:?}: {arguments:?}");
        }
    }
}
