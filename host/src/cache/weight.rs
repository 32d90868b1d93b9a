//! What a result takes in memory, near enough to bound it.

use serde_json::{Map, Value};

use crate::request::{Content, Media, ResourceBody, ToolOutput};

/// An entry of the cache itself: hash tables, queues, the ledger.
const ENTRY: usize = 512;
/// A member of an object beside its key and its value: its part of a node of the tree.
const MEMBER: usize = 48;

/// The weight of a result, in bytes.
pub(super) fn of(output: &ToolOutput) -> usize {
    let content = output.content.iter().map(|block| size_of::<Content>() + content(block)).sum::<usize>();
    let structured = output.structured.as_ref().map_or(0, json);
    ENTRY + content + structured + output.meta.as_ref().map_or(0, object)
}

fn content(content: &Content) -> usize {
    let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    match content {
        Content::Text(text) => text.len(),
        Content::Image(Media { data, mime_type }) | Content::Audio(Media { data, mime_type }) => {
            data.len() + mime_type.len()
        }
        Content::Link { uri, name, mime_type, description } => {
            uri.len() + name.len() + len(mime_type) + len(description)
        }
        Content::Resource { uri, mime_type, body } => {
            let body = match body {
                ResourceBody::Text(text) => text.len(),
                ResourceBody::Blob(bytes) => bytes.len(),
            };
            uri.len() + len(mime_type) + body
        }
    }
}

/// Recursion is bounded: values are read by serde_json, which stops at a depth of 128.
fn json(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(json).sum(),
            Value::Object(map) => object(map),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

fn object(map: &Map<String, Value>) -> usize {
    map.iter().map(|(key, value)| MEMBER + key.len() + json(value)).sum()
}
