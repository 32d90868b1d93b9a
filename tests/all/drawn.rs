//! Services whose tools come from a document, by the guest `drawn`: what a call of one of their tools may send, what
//! they say while they are listed, and when they are listed again.

mod again;
mod many;
mod says;
mod sends;

use serde_json::{Value, json};

use crate::support::one_service;

/// A config with the guest under its own name; `config` is its config as flow YAML, `rest` are further lines.
fn drawn(config: &Value, rest: &str) -> String {
    one_service("drawn", &format!("config: {config}, {rest}"))
}

/// A tool of the document that sends this and nothing else.
fn sending(name: &str, method: &str, url: &str) -> Value {
    json!({ "name": name, "meta": { "bulkhead/egress": [{ "url": url, "methods": [method] }] } })
}
