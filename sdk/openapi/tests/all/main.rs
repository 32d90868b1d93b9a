//! The library from outside.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml allows these in test functions, but not in the helpers beside them"
)]

mod choosing;
mod hostile;
mod roundtrip;
mod schemas;
mod specs;
mod wire;

use bulkhead_openapi::{Document, Limits, Mapping, Operation, Outcome, RequestParts, Servers, Settings, map};
use serde_json::{Value, json};

/// Where the API of the tests is.
const BASE: &str = "https://up.example/base";

fn settings() -> Settings {
    Settings { servers: Servers { url: Some(BASE.to_owned()), ..Servers::default() }, ..Settings::default() }
}

#[track_caller]
fn document(value: &Value) -> Document {
    Document::parse(value.to_string().as_bytes(), "https://docs.example/api/openapi.json", Limits::default())
        .unwrap()
}

#[track_caller]
fn mapped(value: &Value) -> Mapping {
    let mapping = map(&document(value), &settings());
    for tool in &mapping.operations {
        sound(&tool.input_schema);
    }
    mapping
}

/// What the host does with a schema before it takes it.
#[track_caller]
fn sound(schema: &Value) {
    jsonschema::draft202012::meta::validate(schema).map_err(|error| error.to_string()).unwrap();
    jsonschema::draft202012::options().build(schema).map_err(|error| error.to_string()).unwrap();
}

/// The one operation of a document of 3.1: `POST /x` with these fields.
fn one(path: &str, operation: &Value) -> Value {
    json!({ "openapi": "3.1.0", "paths": { path: { "post": operation } } })
}

#[track_caller]
fn tool(value: &Value) -> Operation {
    let mut mapping = mapped(value);
    let notes: Vec<String> = mapping.notes.iter().map(ToString::to_string).collect();
    assert_eq!(mapping.operations.len(), 1, "{notes:#?}");
    mapping.operations.remove(0)
}

/// The request of a call, after its arguments were checked as the host does and the plan has travelled.
#[track_caller]
fn request(tool: &Operation, arguments: &Value) -> RequestParts {
    if let Err(error) =
        jsonschema::draft202012::options().build(&tool.input_schema).unwrap().validate(arguments)
    {
        panic!("{error} of {}", tool.input_schema);
    }
    let plan = bulkhead_openapi::Plan::from_bytes(&tool.plan.to_bytes().unwrap()).unwrap();
    plan.request(arguments.as_object().unwrap()).unwrap()
}

/// The remarks on the operation that was mapped.
fn remarks(mapping: &Mapping) -> Vec<String> {
    let mapped = mapping.notes.iter().filter(|note| matches!(note.outcome, Outcome::Mapped(_)));
    mapped.flat_map(|note| note.remarks.clone()).collect()
}
