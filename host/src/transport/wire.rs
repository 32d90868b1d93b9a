//! Between the host's words and MCP's. The one place where a [`CallError`] becomes something on the wire.

mod ask;
mod served;
mod task;

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rmcp::model::{
    CallToolResponse, CallToolResult, CompleteResult, CompletionInfo, ContentBlock, ErrorCode, ErrorData,
    GetPromptResponse, GetPromptResult, MetaObject, PromptMessage, ReadResourceResponse, ReadResourceResult,
    Resource, ResourceContents, Role, Tool as WireTool, ToolAnnotations,
};
use serde_json::{Value, json};

use crate::{
    catalog::tool::Tool,
    error::CallError,
    operation::{Contents, Message, Outcome},
    request::{CallId, Content, Media, ResourceBody, ToolOutput},
};
pub(super) use ask::{accepts, question};
pub(super) use served::{level, log_data, logging_level, prompt, resource, template};
pub(super) use task::{asked, begun, unknown as unknown_task};

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

/// Refusals of the host that MCP has no code for (JSON-RPC: -32000 to -32099 are the server's).
pub(super) const REFUSED: ErrorCode = ErrorCode(-32000);

/// What became of a `tools/call`. `modern` is whether the client speaks 2026-07-28 or later.
pub(super) fn called(
    result: Result<Outcome, CallError>,
    id: CallId,
    modern: bool,
) -> Result<CallToolResponse, ErrorData> {
    match result {
        Ok(Outcome::Tool(output)) => Ok(CallToolResponse::Complete(success(output, modern))),
        Ok(Outcome::Asked(inquiry)) => Ok(CallToolResponse::InputRequired(ask::inquiry(&inquiry)?)),
        Ok(_) => Err(mismatch()),
        Err(error) => failed(&error, id, modern).map(CallToolResponse::Complete),
    }
}

/// The same of a task that has ended, for whoever asks for it, and as often.
fn called_again(result: &Result<Outcome, CallError>, id: CallId) -> Result<CallToolResult, ErrorData> {
    match result {
        Ok(Outcome::Tool(output)) => Ok(success(output.clone(), true)),
        Ok(_) => Err(mismatch()),
        Err(error) => failed(error, id, true),
    }
}

/// What the model can act on is a result; the rest is an error.
fn failed(error: &CallError, id: CallId, modern: bool) -> Result<CallToolResult, ErrorData> {
    match error {
        CallError::UnknownTool(_) | CallError::BadAnswer(_) | CallError::Internal(_) => {
            Err(refused(error, id, modern))
        }
        CallError::InputUnavailable(_) | CallError::NeedsTasks if modern => Err(refused(error, id, modern)),
        _ => Ok(failure(error, id)),
    }
}

/// What became of a `prompts/get`.
pub(super) fn prompted(
    result: Result<Outcome, CallError>,
    id: CallId,
    modern: bool,
) -> Result<GetPromptResponse, ErrorData> {
    match result {
        Ok(Outcome::Prompt(output)) => {
            let message = |Message { assistant, content }: Message| {
                PromptMessage::new(
                    if assistant { Role::Assistant } else { Role::User },
                    self::content(content),
                )
            };
            let mut result = GetPromptResult::new(output.messages.into_iter().map(message).collect());
            result.description = output.description;
            Ok(GetPromptResponse::Complete(result))
        }
        Ok(Outcome::Asked(inquiry)) => Ok(GetPromptResponse::InputRequired(ask::inquiry(&inquiry)?)),
        Ok(_) => Err(mismatch()),
        Err(error) => Err(refused(&error, id, modern)),
    }
}

/// What became of a `resources/read` of `uri`.
pub(super) fn read(
    result: Result<Outcome, CallError>,
    id: CallId,
    modern: bool,
    uri: &str,
) -> Result<ReadResourceResponse, ErrorData> {
    match result {
        Ok(Outcome::Contents(contents)) => {
            let part = |Contents { uri, mime_type, body }| resource_contents(uri, mime_type, body);
            let result = ReadResourceResult::new(contents.into_iter().map(part).collect());
            Ok(ReadResourceResponse::Complete(result))
        }
        Ok(Outcome::Asked(inquiry)) => Ok(ReadResourceResponse::InputRequired(ask::inquiry(&inquiry)?)),
        Ok(_) => Err(mismatch()),
        Err(error @ CallError::NotFound(_)) => {
            Err(ErrorData::resource_not_found(error.to_string(), Some(json!({ "uri": uri }))))
        }
        Err(error) => Err(refused(&error, id, modern)),
    }
}

/// What became of a `completion/complete`.
pub(super) fn completed(
    result: Result<Outcome, CallError>,
    id: CallId,
    modern: bool,
) -> Result<CompleteResult, ErrorData> {
    match result {
        Ok(Outcome::Completion(completion)) => {
            let mut info = CompletionInfo::new(completion.values).map_err(|_| mismatch())?;
            (info.total, info.has_more) = (completion.total, Some(completion.has_more));
            Ok(CompleteResult::new(info))
        }
        Ok(_) => Err(mismatch()),
        // To complete the arguments of what is not there is no question of a resource.
        Err(error @ CallError::UnknownResource(_)) => Err(ErrorData::invalid_params(error.to_string(), None)),
        Err(error) => Err(refused(&error, id, modern)),
    }
}

fn mismatch() -> ErrorData {
    ErrorData::internal_error("the result is that of another method", None)
}

/// An error where a result cannot say that something failed.
pub(super) fn refused(error: &CallError, id: CallId, modern: bool) -> ErrorData {
    let (text, detail) = told(error, id);
    let detail = Some(json!({ ERROR_META: detail }));
    match error {
        CallError::UnknownResource(uri) => ErrorData::resource_not_found(text, Some(json!({ "uri": uri }))),
        CallError::UnknownTool(_) | CallError::UnknownPrompt(_) => ErrorData::invalid_params(text, None),
        CallError::InvalidArguments(_) | CallError::BadAnswer(_) => ErrorData::invalid_params(text, detail),
        CallError::InputUnavailable(lacking) if modern => {
            ErrorData::missing_required_client_capability(ask::capabilities(*lacking))
        }
        CallError::NeedsTasks if modern => ErrorData::missing_required_client_capability(task::capability()),
        CallError::Internal(_) => {
            ErrorData::internal_error(format!("{error}; the log has more under call {id}"), None)
        }
        _ => ErrorData::new(REFUSED, text, detail),
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
    let (text, detail) = told(error, id);
    let mut result = CallToolResult::error(vec![ContentBlock::text(text)]);
    result.meta = Some(MetaObject([(ERROR_META.to_owned(), detail)].into_iter().collect()));
    result
}

/// An error for whoever reads it, and for programs.
fn told(error: &CallError, id: CallId) -> (String, Value) {
    let mut text = error.to_string();
    let retry_after = error.retry_after().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    if let Some(wait) = retry_after {
        text.push_str(&format!(" (try again after {wait} ms)"));
    }
    let mut detail = json!({ "reason": error.reason(), "callId": id.to_string() });
    if let (Some(wait), Value::Object(detail)) = (retry_after, &mut detail) {
        detail.insert("retryAfterMs".to_owned(), wait.into());
    }
    (text, detail)
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
        Content::Resource { uri, mime_type, body } => {
            ContentBlock::resource(resource_contents(uri, mime_type, body))
        }
    }
}

fn resource_contents(uri: String, mime_type: Option<String>, body: ResourceBody) -> ResourceContents {
    match body {
        ResourceBody::Text(text) => {
            ResourceContents::TextResourceContents { uri, mime_type, text, meta: None }
        }
        ResourceBody::Blob(bytes) => {
            let blob = STANDARD.encode(bytes);
            ResourceContents::BlobResourceContents { uri, mime_type, blob, meta: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The result of a call that is no question.
    fn outcome(
        result: Result<ToolOutput, CallError>,
        id: CallId,
        modern: bool,
    ) -> Result<CallToolResult, ErrorData> {
        match called(result.map(Outcome::Tool), id, modern)? {
            CallToolResponse::Complete(result) => Ok(result),
            other => panic!("{other:?}"),
        }
    }

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
