//! The component as its host sees it: listed and called through the exports' path, with an API that is played.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy.toml allows these in test functions, but not in the helpers beside them"
)]

mod calls;
mod config;
mod listing;

use bulkhead_sdk::Output;
use bulkhead_sdk::testing::{self, Body, Mock, ToolInfo};
use bulkhead_sdk::{Call, Error, Method};
use openapi::OpenApi;
use serde_json::{Value, json};

const DOCUMENT: &str = "https://docs.example/api/openapi.json";
const UP: &str = "https://up.example/v1";

/// A document at its URL, and the API somewhere else.
fn config() -> Value {
    json!({ "document": DOCUMENT, "url": UP })
}

fn with(key: &str, value: Value) -> Value {
    let mut config = config();
    config[key] = value;
    config
}

/// An API with a few operations.
fn api() -> Value {
    json!({ "openapi": "3.1.0", "info": {"title": "Things"}, "paths": {
        "/things": {
            "get": { "operationId": "listThings", "tags": ["read"], "summary": "All things",
                "parameters": [{ "name": "limit", "in": "query", "schema": {"type": "integer"} }],
                "responses": { "200": { "content": { "application/json": { "schema": {"type": "array", "items": {"$ref": "schemas.json#/Thing"}} } } } } },
            "post": { "operationId": "addThing", "requestBody": { "required": true,
                "content": { "application/json": { "schema": {"$ref": "schemas.json#/Thing"} } } } },
        },
        "/things/{id}": { "delete": { "operationId": "removeThing", "deprecated": true,
            "parameters": [{ "name": "id", "in": "path", "required": true, "schema": {"type": "string"} }] } },
    }})
}

fn upstream() -> Mock {
    Mock::new().on(Method::Get, DOCUMENT, 200, api()).on(
        Method::Get,
        "https://docs.example/api/schemas.json",
        200,
        json!({ "Thing": {"type": "object", "properties": {"name": {"type": "string"}}} }),
    )
}

#[track_caller]
fn listed(config: &Value, mock: &Mock) -> Vec<ToolInfo> {
    testing::list_with::<OpenApi>(config.clone(), mock).unwrap()
}

/// A call as the host makes it: with the plan from listing, and nothing else of the document.
fn call(tool: &str, arguments: &Value, mock: &Mock) -> Result<Output, Error> {
    call_with(&config(), tool, arguments, mock)
}

fn call_with(config: &Value, tool: &str, arguments: &Value, mock: &Mock) -> Result<Output, Error> {
    let tools = listed(config, &upstream());
    let plan = tools.iter().find(|info| info.name == tool).unwrap().plan.clone().unwrap();
    let context: Call = testing::context().with_plan(plan);
    testing::call_as::<OpenApi>(config.clone(), mock, tool, arguments.clone(), context)
}

fn text(body: &str, kind: &str) -> Body {
    Body::new(kind, body)
}
