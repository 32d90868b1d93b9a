//! Owns examples: values that match a schema, for tests and documents. They are the same every time.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Value, json};

/// How much an example has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Much {
    /// What is required.
    Required,
    /// Everything there may be, a few levels down.
    Everything,
}

/// Levels at which what is not required is left out, whatever was asked for: schemas lead in circles.
const DEEP: usize = 4;
/// Levels at which even what is required is given up.
const DEEPEST: usize = 24;

/// Bytes of a text that a pattern asks for: repetitions in repetitions multiply.
const LONGEST: usize = 16 << 10;

/// A value that matches a schema with its own `$defs`. None where there is none to be found: what it demands is
/// contradictory, or endless. A pattern that is too odd to follow may leave one that does not match; who needs to know
/// validates it.
pub fn sample(schema: &Value, much: Much) -> Option<Value> {
    Sampler { root: schema, much }.value(schema, 0)
}

struct Sampler<'a> {
    root: &'a Value,
    much: Much,
}

impl Sampler<'_> {
    fn value(&self, schema: &Value, depth: usize) -> Option<Value> {
        if depth > DEEPEST || *schema == Value::Bool(false) {
            return None;
        }
        let Some(fields) = schema.as_object() else { return Some(json!("x")) };
        if fields.get("not") == Some(&json!({})) {
            return None;
        }
        if let Some(pointer) = fields.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'))
        {
            return self.value(self.root.pointer(pointer)?, depth + 1);
        }
        if let Some(fixed) = fields.get("const") {
            return Some(fixed.clone());
        }
        if let Some(values) = fields.get("enum").and_then(Value::as_array) {
            return values.iter().find(|value| !value.is_null()).or(values.first()).cloned();
        }
        let mut whole = self.own(fields, depth)?;
        for alternatives in ["oneOf", "anyOf"].iter().filter_map(|key| fields.get(*key)?.as_array()) {
            // The null beside it is the last resort.
            let made = |one| Some((one, self.value(one, depth + 1).filter(|one| !one.is_null())?));
            let (chosen, found) = alternatives.iter().find_map(made)?;
            whole = merged(whole, found);
            // What only the others ask for would make it theirs, too.
            let mine: Vec<&str> =
                required(chosen.get("required")).chain(required(schema.get("required"))).collect();
            let others = alternatives
                .iter()
                .flat_map(|one| required(one.get("required")))
                .filter(|name| !mine.contains(name));
            if let Value::Object(whole) = &mut whole {
                others.for_each(|name| drop(whole.remove(name)));
            }
        }
        for part in fields.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            whole = merged(whole, self.value(part, depth + 1)?);
        }
        Some(whole)
    }

    /// What the schema's own words ask for. `Null` where they ask for nothing, and others may.
    fn own(&self, fields: &Map<String, Value>, depth: usize) -> Option<Value> {
        let kind = match fields.get("type") {
            Some(Value::String(kind)) => Some(kind.as_str()),
            Some(Value::Array(kinds)) => {
                kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").or(Some("null"))
            }
            _ => None,
        };
        let number = |key: &str| fields.get(key).and_then(Value::as_f64);
        let composed = ["oneOf", "anyOf", "allOf"].iter().any(|key| fields.contains_key(*key));
        Some(match kind {
            Some("string") => json!(text(fields)),
            Some("boolean") => json!(true),
            Some("null") => Value::Null,
            Some(kind @ ("integer" | "number")) => {
                let step = number("multipleOf").filter(|step| *step > 0.0).unwrap_or(1.0);
                let mut least = number("minimum").unwrap_or(f64::MIN);
                let above = number("exclusiveMinimum").unwrap_or(f64::MIN);
                let most = number("maximum").or_else(|| number("exclusiveMaximum").map(|most| most - step));
                if above >= least {
                    least = above + step.min(1.0);
                }
                let wanted = 1f64.clamp(least.min(most.unwrap_or(f64::MAX)), most.unwrap_or(f64::MAX));
                let value = (wanted / step).ceil() * step;
                let whole = value as i64;
                if kind == "integer" || value.fract() == 0.0 { json!(whole) } else { json!(value) }
            }
            Some("array") => self.list(fields, depth)?,
            Some("object") => self.object(fields, depth)?,
            None if fields.contains_key("properties") || fields.contains_key("required") => {
                self.object(fields, depth)?
            }
            None if composed => Value::Null,
            _ => json!("x"),
        })
    }

    fn list(&self, fields: &Map<String, Value>, depth: usize) -> Option<Value> {
        let least = fields.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let most = fields.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let full = self.much == Much::Everything && depth < DEEP;
        let mut items = Vec::new();
        for first in fields.get("prefixItems").and_then(Value::as_array).into_iter().flatten() {
            items.push(self.value(first, depth + 1)?);
        }
        let wanted = least.max(u64::from(full || depth < 2)).min(most).min(64);
        let distinct = fields.get("uniqueItems") == Some(&json!(true));
        let any = json!(true);
        let each = fields.get("items").unwrap_or(&any);
        while (items.len() as u64) < wanted {
            let Some(mut item) = self.value(each, depth + 1) else { return (least == 0).then(|| json!([])) };
            if distinct && items.contains(&item) {
                let known = each.get("enum").and_then(Value::as_array).into_iter().flatten();
                let mut others = known.filter(|value| !items.contains(value));
                item = match (others.next(), &item) {
                    (Some(other), _) => other.clone(),
                    (None, Value::String(text)) => json!(format!("{text}{}", items.len())),
                    (None, Value::Number(number)) => json!(number.as_i64()? + items.len() as i64),
                    _ => break,
                };
            }
            items.push(item);
        }
        Some(Value::Array(items))
    }

    fn object(&self, fields: &Map<String, Value>, depth: usize) -> Option<Value> {
        let mut made = Map::new();
        let none = Map::new();
        let known = fields.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required: Vec<&str> = required(fields.get("required")).collect();
        let full = self.much == Much::Everything && depth < DEEP;
        for (name, schema) in known {
            let needed = required.contains(&name.as_str());
            if !needed && !full {
                continue;
            }
            match self.value(schema, depth + 1) {
                Some(value) => drop(made.insert(name.clone(), value)),
                None if needed => return None,
                None => {}
            }
        }
        let others = fields.get("additionalProperties").filter(|others| others.is_object());
        for name in required {
            if !made.contains_key(name) {
                let value = others.map_or(Some(json!("x")), |schema| self.value(schema, depth + 1))?;
                made.insert(name.to_owned(), value);
            }
        }
        let least = fields.get("minProperties").and_then(Value::as_u64).unwrap_or(0);
        let mut spare =
            known.iter().filter(|(name, _)| !made.contains_key(*name)).collect::<Vec<_>>().into_iter();
        while (made.len() as u64) < least.min(16) {
            let (name, value) = match spare.next() {
                Some((name, schema)) => (name.clone(), self.value(schema, depth + 1)),
                None => (
                    format!("k{}", made.len()),
                    others.map_or(Some(json!("x")), |one| self.value(one, depth + 1)),
                ),
            };
            made.insert(name, value?);
        }
        Some(Value::Object(made))
    }
}

/// The names in a schema's `required`.
pub fn required(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Objects together; of anything else what is more.
fn merged(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut fields), Value::Object(more)) => {
            for (name, value) in more {
                let both =
                    fields.remove(&name).map_or_else(|| value.clone(), |known| merged(known, value.clone()));
                fields.insert(name, both);
            }
            Value::Object(fields)
        }
        (Value::Null, other) | (other, Value::Null) => other,
        (one, _) => one,
    }
}

/// A text of that format, pattern and length.
fn text(fields: &Map<String, Value>) -> String {
    let word = |key: &str| fields.get(key).and_then(Value::as_str);
    let least = fields.get("minLength").and_then(Value::as_u64).unwrap_or(0);
    let most = fields.get("maxLength").and_then(Value::as_u64).unwrap_or(u64::MAX);
    if let Some(found) = word("pattern").and_then(|pattern| matching(pattern, least)) {
        return found;
    }
    let example = fields.get("examples").and_then(|all| all.get(0)).and_then(Value::as_str);
    if let Some(example) = example.filter(|_| word("format").is_none() && word("pattern").is_none()) {
        let length = example.chars().count() as u64;
        if (least..=most).contains(&length) {
            return example.to_owned();
        }
    }
    let known = match word("format").unwrap_or_default() {
        "date-time" => "2026-01-02T03:04:05Z",
        "date" => "2026-01-02",
        "time" => "03:04:05Z",
        "duration" => "PT1H",
        "email" | "idn-email" => "a@example.com",
        "hostname" | "idn-hostname" => "a.example.com",
        "ipv4" | "ip" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uri" | "url" | "iri" => "https://example.com/a",
        "uri-reference" | "iri-reference" => "/a",
        "uuid" => "123e4567-e89b-42d3-a456-426614174000",
        "byte" => "eA==",
        "json-pointer" => "/a",
        "regex" => "a",
        _ => "",
    };
    let encoded = if word("contentEncoding") == Some("base64") { "eA==" } else { "x" };
    let mut found = if known.is_empty() { encoded.to_owned() } else { known.to_owned() };
    while (found.chars().count() as u64) < least.min(4096) {
        found.push('x');
    }
    if known.is_empty() {
        found = found.chars().take(usize::try_from(most).unwrap_or(usize::MAX)).collect();
    }
    found
}

/// A text that a pattern matches, at least so long where the pattern lets it.
fn matching(pattern: &str, least: u64) -> Option<String> {
    let pattern = jsonschema_regex::to_rust_regex(pattern).ok()?;
    let hir = regex_syntax::Parser::new().parse(&pattern).ok()?;
    let shortest = follow(&hir, 0)?;
    let length = shortest.chars().count() as u64;
    if length >= least {
        return Some(shortest);
    }
    follow(&hir, usize::try_from(least.min(256)).ok()?)
}

/// What it matches, with each repetition at least so often as far as it may be.
fn follow(hir: &Hir, often: usize) -> Option<String> {
    Some(match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => String::new(),
        HirKind::Literal(literal) => String::from_utf8(literal.0.to_vec()).ok()?,
        HirKind::Class(Class::Unicode(class)) => {
            // A letter or a digit, if there is one.
            let usual = |letter: &char| {
                class.ranges().iter().any(|range| (range.start()..=range.end()).contains(letter))
            };
            let letter = ['a', 'A', '1', '-'].into_iter().find(usual);
            letter.or_else(|| class.ranges().first().map(|range| range.start()))?.to_string()
        }
        HirKind::Class(Class::Bytes(class)) => char::from(class.ranges().first()?.start()).to_string(),
        HirKind::Repetition(repetition) => {
            let least = usize::try_from(repetition.min).ok()?;
            let most = repetition.max.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
            // `+` where one will do would be the shortest; an optional part is left out.
            let count = least.max(often).min(most).min(256);
            let piece = follow(&repetition.sub, if repetition.min == 0 { 0 } else { often })?;
            (piece.len().saturating_mul(count) <= LONGEST).then(|| piece.repeat(count))?
        }
        HirKind::Capture(capture) => follow(&capture.sub, often)?,
        HirKind::Concat(parts) => parts.iter().map(|part| follow(part, often)).collect::<Option<_>>()?,
        HirKind::Alternation(parts) => parts.iter().find_map(|part| follow(part, often))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_matches_its_schema() {
        let defs = json!({ "Node": { "type": "object", "required": ["name"],
            "properties": { "name": {"type": "string", "pattern": "^[a-z]{3}-\\d+$"}, "next": {"$ref": "#/$defs/Node"} } } });
        for (schema, required, everything) in [
            (json!({ "type": "integer", "minimum": 5 }), json!(5), json!(5)),
            (json!({ "type": "integer", "exclusiveMaximum": 0 }), json!(-1), json!(-1)),
            (json!({ "type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5 }), json!(1), json!(1)),
            (json!({ "type": ["null", "string"], "minLength": 3 }), json!("xxx"), json!("xxx")),
            (json!({ "enum": ["b", "a"] }), json!("b"), json!("b")),
            (
                json!({ "type": "object", "properties": { "a": {"type": "string", "format": "date"}, "b": {"type": "boolean"} }, "required": ["b"] }),
                json!({ "b": true }),
                json!({ "a": "2026-01-02", "b": true }),
            ),
            (json!({ "anyOf": [{"type": "null"}, {"type": "integer"}] }), json!(1), json!(1)),
            (
                json!({ "type": "array", "minItems": 2, "uniqueItems": true, "items": {"type": "string"} }),
                json!(["x", "x1"]),
                json!(["x", "x1"]),
            ),
            (
                json!({ "type": "string", "pattern": "^(a|b)+$", "minLength": 4 }),
                json!("aaaa"),
                json!("aaaa"),
            ),
        ] {
            assert_eq!(sample(&schema, Much::Required), Some(required), "{schema}");
            assert_eq!(sample(&schema, Much::Everything), Some(everything), "{schema}");
        }
        let circle = json!({ "$ref": "#/$defs/Node", "$defs": defs });
        assert_eq!(sample(&circle, Much::Required), Some(json!({ "name": "aaa-1" })));
        let endless = json!({ "$ref": "#/$defs/A", "$defs": { "A": {"type": "object", "required": ["a"], "properties": { "a": {"$ref": "#/$defs/A"} }} } });
        assert_eq!(sample(&endless, Much::Required), None);
    }
}
