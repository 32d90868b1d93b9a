//! Between the host's words and MCP's. The one place where a [`CallError`] becomes something on the wire.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rmcp::model::{
    CallToolResult, ContentBlock, ErrorData, MetaObject, Resource, ResourceContents, Tool as WireTool,
    ToolAnnotations,
};
use serde_json::{Value, json};

use crate::{
    catalog::tool::Tool,
    error::CallError,
    request::{CallId, Content, Media, ResourceBody, ToolOutput},
};

/// Key of the machine-readable error in a failed result's `_meta`.
const ERROR_META: &str = "bulkhead/error";

/// The size of a tool in `tools/list`, in bytes of JSON.
#[must_use]
pub fn listed(tool: &Tool) -> usize {
    serde_json::to_vec(&self::tool(tool)).map_or(0, |json| json.len()) // what was parsed from JSON becomes JSON
}

/// A tool as it is listed.
pub(super) fn tool(tool: &Tool) -> WireTool {
    let mut wire = WireTool::new(
        Cow::Owned(tool.public_name.to_string()),
        Cow::Owned(tool.description.clone()),
        tool.input_schema.clone(),
    );
    let mut annotations = ToolAnnotations::new()
        .read_only(tool.annotations.read_only)
        .idempotent(tool.annotations.idempotent)
        .open_world(tool.annotations.open_world);
    if !tool.annotations.read_only {
        annotations = annotations.destructive(tool.annotations.destructive);
    }
    wire.title.clone_from(&tool.title);
    wire.output_schema.clone_from(&tool.output_schema);
    wire.annotations = Some(annotations);
    wire.meta = tool.meta.clone().map(MetaObject);
    wire
}

/// A call's outcome. `any_structured` is whether the client's protocol version allows structured results
/// that are not objects (2026-07-28 and later).
pub(super) fn outcome(
    result: Result<ToolOutput, CallError>,
    id: CallId,
    any_structured: bool,
) -> Result<CallToolResult, ErrorData> {
    match result {
        Ok(output) => Ok(success(output, any_structured)),
        Err(error @ CallError::UnknownTool(_)) => Err(ErrorData::invalid_params(error.to_string(), None)),
        Err(error @ CallError::Internal(_)) => {
            Err(ErrorData::internal_error(format!("{error}; the log has more under call {id}"), None))
        }
        Err(error) => Ok(failure(&error, id)),
    }
}

fn success(output: ToolOutput, any_structured: bool) -> CallToolResult {
    let mut result = CallToolResult::success(output.content.into_iter().map(content).collect());
    result.structured_content = output.structured.filter(|value| any_structured || value.is_object());
    result.meta = output.meta.map(MetaObject);
    result
}

/// A failure the model can read and act on (MCP: tool execution errors).
fn failure(error: &CallError, id: CallId) -> CallToolResult {
    let mut text = error.to_string();
    let retry_after = error.retry_after().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    if let Some(wait) = retry_after {
        text.push_str(&format!(" (try again after {wait} ms)"));
    }
    let mut result = CallToolResult::error(vec![ContentBlock::text(text)]);
    let mut detail = json!({ "reason": error.reason(), "callId": id.to_string() });
    if let (Some(wait), Value::Object(detail)) = (retry_after, &mut detail) {
        detail.insert("retryAfterMs".to_owned(), wait.into());
    }
    result.meta = Some(MetaObject([(ERROR_META.to_owned(), detail)].into_iter().collect()));
    result
}

fn content(content: Content) -> ContentBlock {
    match content {
        Content::Text(text) => ContentBlock::text(text),
        Content::Image(Media { data, mime_type }) => ContentBlock::image(STANDARD.encode(data), mime_type),
        Content::Audio(Media { data, mime_type }) => ContentBlock::audio(STANDARD.encode(data), mime_type),
        Content::Link { uri, name, mime_type, description } => {
            let mut link = Resource::new(uri, name);
            link.mime_type = mime_type;
            link.description = description;
            ContentBlock::resource_link(link)
        }
        Content::Resource { uri, mime_type, body } => ContentBlock::resource(match body {
            ResourceBody::Text(text) => {
                ResourceContents::TextResourceContents { uri, mime_type, text, meta: None }
            }
            ResourceBody::Blob(bytes) => ResourceContents::BlobResourceContents {
                uri,
                mime_type,
                blob: STANDARD.encode(bytes),
                meta: None,
            },
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn output(structured: Value) -> ToolOutput {
        ToolOutput { content: vec![Content::Text("t".into())], structured: Some(structured), meta: None }
    }

    #[test]
    fn structured_results_that_are_no_objects_are_for_new_clients() {
        let id = CallId::new();
        let structured = |value, new| outcome(Ok(output(value)), id, new).unwrap().structured_content;
        assert_eq!(structured(json!([1]), true), Some(json!([1])));
        assert_eq!(structured(json!([1]), false), None);
        assert_eq!(structured(json!({"a": 1}), false), Some(json!({"a": 1})));
    }

    #[test]
    fn a_failure_is_a_result_the_model_can_read() {
        let id = CallId::new();
        let error =
            CallError::Throttled { message: "busy".into(), retry_after: Some(Duration::from_secs(1)) };
        let result = serde_json::to_value(outcome(Err(error), id, true).unwrap()).unwrap();
        assert_eq!(result["isError"], json!(true));
        assert_eq!(result["content"][0]["text"], json!("busy (try again after 1000 ms)"));
        let detail = json!({"reason": "throttled", "callId": id.to_string(), "retryAfterMs": 1000});
        assert_eq!(result["_meta"]["bulkhead/error"], detail);
    }

    #[test]
    fn an_unknown_tool_is_a_protocol_error() {
        let error = outcome(Err(CallError::UnknownTool("x".into())), CallId::new(), true).unwrap_err();
        assert_eq!((error.code.0, error.message.as_ref()), (-32602, "Unknown tool: x"));
    }

    #[test]
    fn an_internal_cause_stays_inside() {
        let id = CallId::new();
        let error = outcome(Err(CallError::internal("secret path")), id, true).unwrap_err();
        assert_eq!(error.message, format!("internal error; the log has more under call {id}"));
    }
}
