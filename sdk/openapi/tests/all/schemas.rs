//! What each version says of schemas, in the words of JSON Schema 2020-12.

use serde_json::{Value, json};

use crate::{document, mapped, one, remarks, settings, tool};

/// The schema of one argument, of a document of that version.
#[track_caller]
fn argument(version: &str, schema: &Value) -> Value {
    let text = match version {
        "2.0" => {
            json!({ "swagger": "2.0", "definitions": { "Pet": {"type": "object"} }, "paths": { "/x": { "post": {
            "parameters": [{ "name": "body", "in": "body", "schema": schema }] } } } })
        }
        version => {
            json!({ "openapi": version, "components": { "schemas": { "Pet": {"type": "object"} } }, "paths": { "/x": { "post": {
            "requestBody": { "content": { "application/json": { "schema": schema } } } } } } })
        }
    };
    tool(&text).input_schema["properties"]["body"].clone()
}

#[test]
fn older_words_become_those_of_2020_12() {
    for (version, schema, expected) in [
        ("3.0.3", json!({"type": "string", "nullable": true}), json!({"type": ["string", "null"]})),
        (
            "3.0.3",
            json!({"type": "string", "nullable": true, "enum": ["a"]}),
            json!({"type": ["string", "null"], "enum": ["a", null]}),
        ),
        (
            "3.0.3",
            json!({"allOf": [{"$ref": "#/components/schemas/Pet"}], "nullable": true, "description": "d"}),
            json!({"anyOf": [{"type": "object"}, {"type": "null"}], "description": "d"}),
        ),
        (
            "3.0.3",
            json!({"$ref": "#/components/schemas/Pet", "description": "d", "maxProperties": 3}),
            json!({"type": "object", "description": "d"}),
        ),
        (
            "3.1.0",
            json!({"$ref": "#/components/schemas/Pet", "description": "d", "maxProperties": 3}),
            json!({"type": "object", "description": "d", "maxProperties": 3}),
        ),
        (
            "3.0.3",
            json!({"minimum": 1, "exclusiveMinimum": true, "maximum": 5, "exclusiveMaximum": false}),
            json!({"exclusiveMinimum": 1, "maximum": 5}),
        ),
        ("3.0.3", json!({"type": "string", "example": "x"}), json!({"type": "string", "examples": ["x"]})),
        (
            "3.1.0",
            json!({"type": ["string", "null"], "const": 0, "examples": [1]}),
            json!({"type": ["string", "null"], "const": 0, "examples": [1]}),
        ),
        (
            "2.0",
            json!({"type": "string", "x-nullable": true, "x-other": 1}),
            json!({"type": ["string", "null"]}),
        ),
        ("2.0", json!({"type": "file"}), json!({"type": "string", "contentEncoding": "base64"})),
        ("2.0", json!({"items": [{"type": "string"}]}), json!({"prefixItems": [{"type": "string"}]})),
        ("3.1.0", json!(true), json!({})),
        (
            "3.1.0",
            json!({"properties": {"a": true, "b": false}, "additionalProperties": false}),
            json!({"properties": {"a": {}, "b": {"not": {}}}, "additionalProperties": false}),
        ),
        (
            "3.1.0",
            json!({"prefixItems": [true], "items": false, "unevaluatedProperties": true, "not": true}),
            json!({"prefixItems": [{}], "items": {"not": {}}, "unevaluatedProperties": true, "not": {}}),
        ),
    ] {
        assert_eq!(argument(version, &schema), expected, "{version} {schema}");
    }
}

#[test]
fn what_a_schema_says_is_kept() {
    let schema = json!({
        "type": "object", "title": "T", "description": "D", "minProperties": 1, "required": ["a"],
        "properties": {
            "a": {"type": "string", "enum": ["x", "y"], "default": "x", "minLength": 1, "maxLength": 9, "pattern": "^.$", "format": "date"},
            "b": {"type": "integer", "minimum": 0, "maximum": 9, "multipleOf": 3, "deprecated": true},
            "c": {"type": "array", "items": {"type": "number"}, "uniqueItems": true, "minItems": 1, "maxItems": 4},
            "d": {"oneOf": [{"type": "string"}, {"type": "integer"}], "not": {"const": 3}},
            "e": {"anyOf": [{"type": "string"}, {"type": "null"}], "if": {"type": "string"}, "then": {"minLength": 2}},
            "items": {"type": "boolean", "const": false},
        },
        "additionalProperties": {"type": "string"}, "patternProperties": {"^x-": {}}, "dependentRequired": {"a": ["b"]},
    });
    assert_eq!(argument("3.1.0", &schema), schema);
}

#[test]
fn what_is_composed_is_merged_and_alternatives_are_kept() {
    let text = json!({ "openapi": "3.0.3", "paths": { "/x": { "post": { "requestBody": { "content": { "application/json": { "schema": {
            "allOf": [{"$ref": "#/components/schemas/Base"}, {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}] } } } } } } },
        "components": { "schemas": { "Base": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]} } } });
    assert_eq!(
        tool(&text).input_schema["properties"]["body"],
        json!({
        "type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "b"] })
    );
}

#[test]
fn a_discriminator_settles_which_alternative_is_meant() {
    let text = json!({ "openapi": "3.0.3", "paths": { "/x": { "post": { "requestBody": { "content": { "application/json": { "schema": {
            "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
            "discriminator": {"propertyName": "kind", "mapping": {"hound": "#/components/schemas/Dog", "puppy": "Dog"}} } } } } } } },
        "components": { "schemas": {
            "Cat": {"type": "object", "properties": {"kind": {"type": "string"}}},
            "Dog": {"type": "object", "properties": {"kind": {"type": "string"}}} } } });
    let schema = tool(&text).input_schema;
    let validator = jsonschema::draft202012::options().build(&schema).unwrap();
    // Without the words both alternatives fit, and `oneOf` would refuse each.
    for (kind, valid) in [("Cat", true), ("hound", true), ("puppy", true), ("Dog", false), ("bird", false)] {
        assert_eq!(validator.is_valid(&json!({ "body": {"kind": kind} })), valid, "{kind} {schema}");
    }
    assert_eq!(schema["properties"]["body"]["discriminator"], json!({"propertyName": "kind"}));
}

#[test]
fn what_only_the_server_sets_is_not_asked_for() {
    let text = json!({ "openapi": "3.0.3", "paths": { "/x": { "post": {
        "requestBody": { "content": { "application/json": { "schema": {"$ref": "#/components/schemas/Pet"} } } },
        "responses": { "200": { "content": { "application/json": { "schema": {"$ref": "#/components/schemas/Pet"} } } } },
    } } }, "components": { "schemas": { "Pet": {"type": "object", "required": ["id", "name"], "additionalProperties": false, "properties": {
        "id": {"type": "integer", "readOnly": true}, "name": {"type": "string", "enum": ["a"]}, "password": {"type": "string", "writeOnly": true} } } } } });
    let mut settings = settings();
    settings.output_schemas = true;
    let mapping = bulkhead_openapi::map(&document(&text), &settings);
    let tool = &mapping.operations[0];
    assert_eq!(tool.input_schema["$defs"]["Pet"]["required"], json!(["name"]));
    assert_eq!(
        tool.input_schema["$defs"]["Pet"]["properties"],
        json!({
        "name": {"type": "string", "enum": ["a"]}, "password": {"type": "string", "writeOnly": true} })
    );
    // A result is told, and not held to: servers send more, less, and null.
    let output = tool.output_schema.as_ref().unwrap();
    crate::sound(output);
    assert_eq!(
        output["properties"]["body"],
        json!({"type": ["object", "null"], "properties": {
        "id": {"type": ["integer", "null"]}, "name": {"type": ["string", "null"]} }})
    );
    assert!(mapping.notes.iter().any(
        |note| note.to_string() == "document: schema Pet: what only the server sets is not asked for: id"
    ));
}

#[test]
fn what_is_not_json_schema_is_left_out_and_said() {
    let mapping = mapped(&one(
        "/x",
        &json!({ "parameters": [{ "name": "p", "in": "query", "schema": {
        "type": "datetime", "required": true, "minimum": "1", "enum": [], "properties": [], "foo": 1, "items": {"type": ["string", "any"]},
        "minLength": -1, "multipleOf": 0 } }] }),
    ));
    assert_eq!(mapping.operations[0].input_schema["properties"]["p"], json!({ "items": {} }));
    assert_eq!(
        remarks(&mapping),
        [
            "`enum` has no values; left out",
            "`foo` is not a keyword of schemas; left out",
            "`minLength: -1` is not what it has to be; left out",
            "`minimum: \"1\"` is not what it has to be; left out",
            "`multipleOf: 0` is not what it has to be; left out",
            "`properties: []` is not what it has to be; left out",
            "`required: true` is not what it has to be; left out",
            "`type: \"datetime\"` is not a type of JSON; any is taken",
            "`type: [\"string\",\"any\"]` is not a type of JSON; any is taken",
        ]
    );
}

#[test]
fn what_does_not_fit_loses_words_first() {
    let long = "A sentence. ".repeat(60);
    let fields: serde_json::Map<String, Value> =
        (0..100).map(|n| (format!("f{n}"), json!({"type": "string", "description": long}))).collect();
    let text = json!({ "openapi": "3.1.0", "components": {"schemas": {"Big": {"type": "object", "properties": fields}}},
        "paths": { "/x": { "post": { "requestBody": { "content": { "application/json": { "schema": {"$ref": "#/components/schemas/Big"} } } } } } } });
    let mapping = mapped(&text);
    assert_eq!(
        mapping.operations[0].input_schema["$defs"]["Big"]["properties"]["f7"],
        json!({"type": "string", "description": "A sentence."})
    );
    let said = remarks(&mapping);
    assert!(said.len() == 1 && said[0].ends_with(": shorter descriptions"), "{said:?}");
}

#[test]
fn what_a_parameter_says_goes_before_what_its_schema_says() {
    let tool = tool(&one(
        "/x",
        &json!({ "parameters": [
        { "name": "p", "in": "query", "description": "Of the parameter.", "deprecated": true, "example": 7, "required": true,
          "schema": {"type": "integer", "description": "Of the schema.", "default": 3} },
        { "name": "q", "in": "query", "schema": {"type": "string", "description": "Of the schema."} } ] }),
    ));
    assert_eq!(
        tool.input_schema,
        json!({ "type": "object", "additionalProperties": false, "required": ["p"], "properties": {
        "p": {"type": "integer", "description": "Of the parameter.", "default": 3, "deprecated": true, "examples": [7]},
        "q": {"type": "string", "description": "Of the schema."} } })
    );
}
