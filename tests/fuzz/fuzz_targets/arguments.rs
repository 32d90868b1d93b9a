//! A tool as a component declares it, and the arguments of callers. A line each: name, input schema, output
//! schema and meta (`-` for none), then arguments. What passes the schema has at least what its root requires.
#![no_main]

use bulkhead::catalog::tool::{Declared, Tool};
use bulkhead_fuzz::text;
use serde_json::{Map, Value};

/// Whether a value is of a type of JSON Schema.
fn is(value: &Value, kind: &str) -> bool {
    match (kind, value) {
        ("null", Value::Null)
        | ("boolean", Value::Bool(_))
        | ("number", Value::Number(_))
        | ("string", Value::String(_))
        | ("array", Value::Array(_))
        | ("object", Value::Object(_)) => true,
        ("integer", Value::Number(number)) => {
            number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        _ => false,
    }
}

/// The plainest demands of a root: whatever else a schema says, it cannot take these back.
fn obeys(schema: &Map<String, Value>, arguments: &Value) -> Result<(), String> {
    let Value::Object(arguments) = arguments else { return Err("is not an object".to_owned()) };
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if name.as_str().is_some_and(|name| !arguments.contains_key(name)) {
            return Err(format!("lacks {name}"));
        }
    }
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    for (name, value) in arguments {
        match properties.get(name) {
            Some(Value::Bool(false)) => return Err(format!("has {name}")),
            Some(Value::Object(property)) => {
                let kind = property.get("type").and_then(Value::as_str);
                if kind.is_some_and(|kind| !is(value, kind)) {
                    return Err(format!("{name} is no {kind:?}"));
                }
                if property.get("const").is_some_and(|fixed| fixed.is_string() && fixed != value) {
                    return Err(format!("{name} is not what it must be"));
                }
            }
            Some(_) => {}
            None => {
                let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
                if closed && !schema.contains_key("patternProperties") {
                    return Err(format!("has {name}, too"));
                }
            }
        }
    }
    Ok(())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(text) = text(data) else { return };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (name, input, output, meta) = (line(), line(), line(), line());
    let given = |text: &str| (text != "-").then(|| text.to_owned());
    let declared = Declared {
        name: name.to_owned(),
        input_schema: input.to_owned(),
        output_schema: given(output),
        meta: given(meta),
        ..Declared::default()
    };
    let tool = match Tool::new("service", declared) {
        Ok(tool) => tool,
        Err(why) => {
            let said = why.strip_prefix(&format!("tool `{name}`: "));
            return assert!(said.is_some_and(|said| !said.trim().is_empty()), "{why}");
        }
    };

    assert_eq!(&*tool.public_name, format!("service_{name}"));
    assert!(tool.public_name.len() <= 64 && name.bytes().all(|b| b.is_ascii_graphic()));
    assert_eq!(Value::Object((*tool.input_schema).clone()), serde_json::from_str::<Value>(input).unwrap());
    assert_eq!(tool.input_schema["type"], "object");
    let reserved = |key: &String| key.starts_with("io.modelcontextprotocol/");
    assert!(!tool.meta.iter().flat_map(|meta| meta.keys()).any(reserved));

    for text in lines.take(4) {
        let Ok(arguments) = serde_json::from_str::<Value>(text) else { continue };
        match tool.validate(&arguments) {
            Ok(()) => assert_eq!(obeys(&tool.input_schema, &arguments), Ok(()), "{input} and {text}"),
            Err(said) => {
                assert!(said.starts_with("arguments"), "{said}");
                // At most eight faults: the path of each is the caller's own, its text is cut.
                assert!(said.len() <= 8 * (text.len() + 400), "{said}");
                assert_eq!(tool.validate(&arguments), Err(said), "it says the same twice");
            }
        }
    }
});
