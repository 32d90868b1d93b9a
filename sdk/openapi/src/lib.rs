//! From an OpenAPI document to tools, and from a tool's arguments to the exact request. No I/O: it runs natively and in a
//! component alike.
//!
//! Reading order: a [`Document`] is parsed, given the files it refers to and changed by [overlays](Document::overlay);
//! [`map`] turns the operations that a [`Choice`] takes into [`Operation`]s, with a [`Note`] on each; an operation's
//! [`Plan`] travels with its tool, and [`Plan::request`] makes the request of a call from it alone.
//!
//! ```
//! use bulkhead_openapi::{Document, Limits, Plan, Servers, Settings, map};
//! use serde_json::json;
//!
//! let text = r#"{"openapi": "3.1.0", "paths": {"/pets/{id}": {"get": {"operationId": "getPet", "parameters": [
//!     {"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]}}}}"#;
//! let document = Document::parse(text.as_bytes(), "/pets.json", Limits::default()).unwrap();
//! let servers = Servers { url: Some("https://pets.example/v1".into()), ..Servers::default() };
//! let mapping = map(&document, &Settings { servers, ..Settings::default() });
//! assert_eq!(mapping.notes[0].to_string(), "GET /pets/{id} -> get_pet: mapped");
//! let plan = Plan::from_bytes(&mapping.operations[0].plan.to_bytes().unwrap()).unwrap();
//! let request = plan.request(json!({"id": 7}).as_object().unwrap()).unwrap();
//! assert_eq!(request.url, "https://pets.example/v1/pets/7");
//! ```

mod arguments;
mod body;
mod choice;
mod contents;
mod document;
mod limits;
mod location;
mod map;
mod multipart;
mod names;
mod notes;
mod overlay;
mod plan;
mod read;
mod request;
mod sample;
mod schema;
mod security;
mod servers;
mod styles;
mod text;
mod yaml;

pub use choice::Choice;
pub use document::{Document, Version};
pub use limits::Limits;
pub use map::{Annotations, Mapping, Operation, Settings, map};
pub use notes::{Note, Outcome};
pub use plan::{Body, Encoding, Field, In, Parameter, Plan, Style, Written};
pub use request::{ArgumentError, RequestParts};
pub use sample::{Much, required, sample};
pub use servers::Servers;

use serde_json::Value;

/// Reads JSON or YAML that is no API document: an overlay, say.
///
/// # Errors
/// It is neither, or larger than the limits.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Value, String> {
    document::read(bytes, limits)
}
