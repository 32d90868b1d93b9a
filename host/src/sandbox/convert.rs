//! Between the contract's types and the host's.

use std::time::Duration;

use serde_json::{Map, Value};

use super::bindings::types;
use crate::{
    catalog::tool::{Annotations, Declared},
    config::Limits,
    error::CallError,
    grant::EgressRequest,
    request::{Content, Media, ResourceBody, ToolOutput},
};

/// What a component says of itself.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// The default name of a service made from it.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// For people.
    pub title: String,
    /// For the operator.
    pub description: String,
    /// For the model.
    pub instructions: Option<String>,
    /// JSON Schema of its config.
    pub config_schema: String,
    /// The outbound requests it asks for.
    pub egress: Vec<EgressRequest>,
}

impl From<types::Manifest> for Manifest {
    fn from(manifest: types::Manifest) -> Self {
        let egress = manifest.egress.into_iter();
        let egress = egress.map(|e| EgressRequest { url: e.url, methods: e.methods, reason: e.reason });
        Self {
            name: manifest.name,
            version: manifest.version,
            title: manifest.title,
            description: manifest.description,
            instructions: manifest.instructions,
            config_schema: manifest.config_schema,
            egress: egress.collect(),
        }
    }
}

impl From<types::Tool> for Declared {
    fn from(tool: types::Tool) -> Self {
        let types::Annotations { read_only, destructive, idempotent, open_world } = tool.annotations;
        Self {
            name: tool.name,
            title: tool.title,
            description: tool.description,
            input_schema: tool.input_schema,
            output_schema: tool.output_schema,
            annotations: Annotations { read_only, destructive, idempotent, open_world },
            tags: tool.tags,
            cache_ttl: tool.cache_ttl_ms.map(|ms| Duration::from_millis(ms.into())),
            plan: tool.plan,
            meta: tool.meta,
        }
    }
}

impl From<types::ServiceError> for CallError {
    fn from(error: types::ServiceError) -> Self {
        let wait = |ms: Option<u64>| ms.map(Duration::from_millis);
        match error {
            types::ServiceError::InvalidArguments(message) => Self::InvalidArguments(message),
            types::ServiceError::NotFound(message) => Self::NotFound(message),
            types::ServiceError::Denied(message) => Self::Denied(message),
            types::ServiceError::RateLimited(types::Retry { message, retry_after_ms }) => {
                Self::Throttled { message, retry_after: wait(retry_after_ms) }
            }
            types::ServiceError::Unavailable(types::Retry { message, retry_after_ms }) => {
                Self::Unavailable { message, retry_after: wait(retry_after_ms) }
            }
            types::ServiceError::Upstream(types::UpstreamError { status, message }) => {
                Self::Upstream { status, message }
            }
            types::ServiceError::Failed(message) => Self::Failed(message),
        }
    }
}

/// An error in the component's words, cut as a result is.
pub(super) fn refusal(mut error: types::ServiceError, limits: &Limits) -> CallError {
    use types::ServiceError as E;
    let words = match &mut error {
        E::InvalidArguments(words) | E::NotFound(words) | E::Denied(words) | E::Failed(words) => words,
        E::RateLimited(retry) | E::Unavailable(retry) => &mut retry.message,
        E::Upstream(upstream) => &mut upstream.message,
    };
    let (all, limit) = (words.len(), limits.result_bytes);
    if all as u64 > limits.taken().as_u64() {
        return CallError::ResultTooLarge(limit);
    }
    let shown = words.floor_char_boundary(usize::try_from(limit.as_u64()).unwrap_or(usize::MAX));
    if shown < all {
        words.truncate(shown);
        words.push_str(&format!(" [cut: {shown} of {all} bytes shown]"));
    }
    error.into()
}

/// The result of a call, if it is sound and not too large to be cut.
pub(super) fn output(result: types::ToolResult, limits: &Limits) -> Result<ToolOutput, CallError> {
    let texts = [&result.structured, &result.meta];
    let size = result.content.iter().map(content_size).sum::<usize>()
        + texts.iter().filter_map(|text| text.as_ref()).map(String::len).sum::<usize>();
    if size as u64 > limits.taken().as_u64() {
        return Err(CallError::ResultTooLarge(limits.result_bytes));
    }
    let structured = result.structured.map(|text| json(&text, "structured result")).transpose()?;
    let mut meta = result.meta.map(|text| object(&text, "result meta")).transpose()?;
    if let Some(meta) = &mut meta {
        meta.retain(|key, _| !is_reserved(key));
    }
    Ok(ToolOutput { content: result.content.into_iter().map(content).collect(), structured, meta })
}

/// Keys that mean something to clients, and so are the host's to set.
fn is_reserved(key: &str) -> bool {
    key.starts_with("io.modelcontextprotocol/") || key.starts_with("bulkhead/")
}

fn json(text: &str, what: &str) -> Result<Value, CallError> {
    serde_json::from_str(text).map_err(|e| CallError::Trapped(format!("its {what} is not JSON ({e})")))
}

pub(super) fn object(text: &str, what: &str) -> Result<Map<String, Value>, CallError> {
    match json(text, what)? {
        Value::Object(object) => Ok(object),
        _ => Err(CallError::Trapped(format!("its {what} is not a JSON object"))),
    }
}

pub(super) fn content_size(content: &types::Content) -> usize {
    let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    match content {
        types::Content::Text(text) => text.len(),
        types::Content::Image(media) | types::Content::Audio(media) => {
            media.data.len() + media.mime_type.len()
        }
        types::Content::ResourceLink(link) => {
            link.uri.len() + link.name.len() + len(&link.mime_type) + len(&link.description)
        }
        types::Content::Embedded(resource) => resource_size(resource),
    }
}

pub(super) fn resource_size(resource: &types::ResourceContents) -> usize {
    let body = match &resource.body {
        types::ResourceBody::Text(text) => text.len(),
        types::ResourceBody::Blob(bytes) => bytes.len(),
    };
    resource.uri.len() + resource.mime_type.as_ref().map_or(0, String::len) + body
}

pub(super) fn body(body: types::ResourceBody) -> ResourceBody {
    match body {
        types::ResourceBody::Text(text) => ResourceBody::Text(text),
        types::ResourceBody::Blob(bytes) => ResourceBody::Blob(bytes),
    }
}

pub(super) fn content(content: types::Content) -> Content {
    let media = |media: types::Media| Media { data: media.data, mime_type: media.mime_type };
    match content {
        types::Content::Text(text) => Content::Text(text),
        types::Content::Image(image) => Content::Image(media(image)),
        types::Content::Audio(audio) => Content::Audio(media(audio)),
        types::Content::ResourceLink(types::ResourceLink { uri, name, mime_type, description }) => {
            Content::Link { uri, name, mime_type, description }
        }
        types::Content::Embedded(types::ResourceContents { uri, mime_type, body }) => {
            Content::Resource { uri, mime_type, body: self::body(body) }
        }
    }
}
