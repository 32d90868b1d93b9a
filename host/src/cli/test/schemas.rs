//! JSON Schemas: whether they are any, and whether they say enough for a host to refuse what is wrong.

use bulkhead::catalog::tool::Declared;
use serde_json::{Map, Value};

use super::{ledger::Ledger, text::first_hidden, values::deref};

/// How far a schema is followed.
const DEEP: usize = 12;
/// Dialects that say 2020-12.
const DIALECT: &str = "json-schema.org/draft/2020-12/schema";

/// Reads a schema that has to be an object's.
pub(super) fn read(text: &str, place: &str, invalid: &'static str, ledger: &mut Ledger) -> Option<Value> {
    let schema: Value = match serde_json::from_str(text) {
        Ok(schema) => schema,
        Err(error) => {
            ledger.find(invalid, place, format!("it is not JSON: {error}"));
            return None;
        }
    };
    let Some(object) = schema.as_object() else {
        ledger.find(invalid, place, "it is not an object");
        return None;
    };
    let mut sound = true;
    if let Some(remote) = remote(&schema, 0) {
        let id = if invalid == "schema.invalid" { "schema.remote" } else { invalid };
        ledger.find(id, place, format!("`$ref`: `{remote}`"));
        sound = false;
    }
    if let Some(dialect) = object.get("$schema").and_then(Value::as_str)
        && !dialect.contains(DIALECT)
    {
        let id = if invalid == "schema.invalid" { "schema.dialect" } else { invalid };
        ledger.find(id, place, format!("`$schema`: `{dialect}`"));
        sound = false;
    }
    if object.get("type").and_then(Value::as_str) != Some("object") {
        let id = if invalid == "schema.invalid" { "schema.root" } else { invalid };
        ledger.find(id, place, format!("`type` is {}", object.get("type").unwrap_or(&Value::Null)));
        sound = false;
    }
    if sound && let Err(error) = jsonschema::draft202012::options().build(&schema) {
        ledger.find(invalid, place, error.to_string());
        sound = false;
    }
    sound.then_some(schema)
}

/// The first reference that leaves the document.
fn remote(schema: &Value, depth: usize) -> Option<&str> {
    if depth > DEEP {
        return None;
    }
    let deeper = depth.saturating_add(1);
    match schema {
        Value::Object(object) => {
            let mut own = ["$ref", "$dynamicRef"].into_iter().filter_map(|key| object.get(key)?.as_str());
            let own = own.find(|to| !to.starts_with('#'));
            own.or_else(|| object.values().find_map(|below| remote(below, deeper)))
        }
        Value::Array(items) => items.iter().find_map(|below| remote(below, deeper)),
        _ => None,
    }
}

/// Looks at both schemas of a tool.
pub(super) fn of_tool(tool: &Declared, ledger: &mut Ledger) {
    let place = format!("tool {}", tool.name);
    if let Some(input) = read(&tool.input_schema, &place, "schema.invalid", ledger) {
        arguments(&input, &place, ledger);
    }
    if let Some(output) = &tool.output_schema {
        read(output, &format!("{place}, output schema"), "schema.invalid", ledger);
    }
}

fn arguments(root: &Value, place: &str, ledger: &mut Ledger) {
    let mut left: Vec<(String, &Value, usize)> = Vec::new();
    for (name, schema) in properties(root) {
        left.push((name.clone(), schema, 0));
        let schema = deref(root, schema);
        let words = [schema, schema_of(root, name)].into_iter().find_map(description);
        match words {
            None if says_itself(schema) => {}
            None => {
                ledger.find("text.missing", format!("{place}, argument {name}"), "it has no `description`")
            }
            Some(words) => {
                if let Some(hidden) = first_hidden(words) {
                    ledger.find(
                        "text.hidden",
                        format!("{place}, argument {name}"),
                        format!("{hidden} in its description"),
                    );
                }
            }
        }
    }
    while let Some((path, schema, depth)) = left.pop() {
        let schema = deref(root, schema);
        let Some(object) = schema.as_object() else { continue };
        unbounded(object, &format!("{place}, argument {path}"), ledger);
        examples(root, object, &format!("{place}, argument {path}"), ledger);
        if depth >= DEEP {
            continue;
        }
        let deeper = depth.saturating_add(1);
        left.extend(properties(schema).map(|(name, below)| (format!("{path}.{name}"), below, deeper)));
        left.extend(object.get("items").map(|items| (format!("{path}[]"), items, deeper)));
        for key in ["anyOf", "oneOf", "allOf"] {
            let ways = object.get(key).and_then(Value::as_array);
            left.extend(ways.into_iter().flatten().map(|way| (path.clone(), way, deeper)));
        }
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn schema_of<'a>(root: &'a Value, name: &str) -> &'a Value {
    root.get("properties").and_then(|all| all.get(name)).unwrap_or(root)
}

fn description(schema: &Value) -> Option<&str> {
    let words = schema.get("description").and_then(Value::as_str).or_else(|| schema.get("title")?.as_str());
    words.filter(|words| !words.trim().is_empty())
}

/// An enum of words needs no others.
fn says_itself(schema: &Value) -> bool {
    schema.get("enum").is_some() || schema.get("const").is_some()
}

fn unbounded(schema: &Map<String, Value>, place: &str, ledger: &mut Ledger) {
    let is = |kind: &str| match schema.get("type") {
        Some(Value::String(own)) => own == kind,
        Some(Value::Array(own)) => own.iter().any(|own| own == kind),
        _ => false,
    };
    let lacks = |keys: [&str; 2]| keys.iter().all(|key| !schema.contains_key(*key));
    if is("integer") && !schema.contains_key("enum") && !schema.contains_key("const") {
        let open = [["minimum", "exclusiveMinimum"], ["maximum", "exclusiveMaximum"]]
            .into_iter()
            .filter(|keys| lacks(*keys));
        let open: Vec<&str> = open.map(|[key, _]| key).collect();
        if !open.is_empty() {
            ledger.find("schema.unbounded", place, format!("it has no `{}`", open.join("` and no `")));
        }
    }
    if is("array") && !schema.contains_key("maxItems") {
        ledger.find("schema.unbounded", place, "it has no `maxItems`");
    }
}

fn examples(root: &Value, schema: &Map<String, Value>, place: &str, ledger: &mut Ledger) {
    let examples = schema.get("examples").and_then(Value::as_array).into_iter().flatten();
    let written: Vec<&Value> = examples.chain(schema.get("default")).collect();
    if written.is_empty() {
        return;
    }
    // With the root's definitions, where its references lead.
    let mut own = schema.clone();
    for key in ["$defs", "definitions"] {
        if let Some(definitions) = root.get(key) {
            own.entry(key).or_insert_with(|| definitions.clone());
        }
    }
    let Ok(validator) = jsonschema::draft202012::options().build(&Value::Object(own)) else { return };
    // A default of null is how generators say that there is none.
    for value in written.into_iter().filter(|value| !value.is_null() && !validator.is_valid(value)) {
        ledger.find("schema.example", place, format!("{value} does not fit"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn found(schema: &Value, expected: &[(&str, &str)]) {
        let mut ledger = Ledger::default();
        let tool = Declared { name: "t".to_owned(), input_schema: schema.to_string(), ..Declared::default() };
        of_tool(&tool, &mut ledger);
        let all = ["text", "schema"].into_iter().flat_map(|area| ledger.of(area));
        let all: Vec<_> = all.map(|one| (one.check.id, one.place.as_str())).collect();
        assert_eq!(all, expected);
    }

    #[test]
    fn each_fault_of_a_schema_is_found_where_it_is() {
        let d = "what it is";
        found(&json!({ "type": "object" }), &[]);
        found(&json!({ "type": "array" }), &[("schema.root", "tool t")]);
        found(&json!({ "type": "object", "properties": 3 }), &[("schema.invalid", "tool t")]);
        found(
            &json!({ "type": "object", "properties": { "a": { "$ref": "https://e.example/s", "description": d } } }),
            &[("schema.remote", "tool t")],
        );
        found(
            &json!({ "type": "object", "$schema": "http://json-schema.org/draft-07/schema#" }),
            &[("schema.dialect", "tool t")],
        );
        found(
            &json!({ "type": "object", "properties": { "a": { "type": "string" } } }),
            &[("text.missing", "tool t, argument a")],
        );
        found(
            &json!({ "type": "object", "properties": { "a": { "description": d, "type": "array", "maxItems": 3,
                "items": { "type": "object", "properties": { "n": { "type": ["integer", "null"], "minimum": 0 } } } } } }),
            &[("schema.unbounded", "tool t, argument a[].n")],
        );
        found(
            &json!({ "type": "object", "$defs": { "k": { "enum": ["x", "y"] } }, "properties": {
                "a": { "$ref": "#/$defs/k" }, "b": { "description": d, "type": "string", "maxLength": 2, "examples": ["abc"] } } }),
            &[("schema.example", "tool t, argument b")],
        );
    }
}
