//! Tools about tools, for clients whose model cannot hold a list of all: find some, look at them, call one. Offered
//! instead of the list where `listing: search` says so. They show and call what the caller may use and nothing else;
//! a call through them is the same call.

use std::sync::{Arc, LazyLock};

use rmcp::model::{Tool as WireTool, ToolAnnotations};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::wire;
use crate::{
    auth::Caller,
    catalog::{Catalog, tool::Tool},
    error::CallError,
    operation::Operation,
    request::{CallRequest, Content, Scope, ToolOutput},
};

/// The names. No service can be called `tool`, so no tool of one has them.
const SEARCH: &str = "tool_search";
const SCHEMA: &str = "tool_schema";
const INVOKE: &str = "tool_invoke";

/// What the server's instructions begin with.
pub(super) const INSTRUCTIONS: &str = "The tools are not listed. Find them with tool_search, look at their arguments with \
                                       tool_schema, and call them with tool_invoke.";

/// Tools found at once, unless the question says how many, and at most.
const FOUND: usize = 10;
const MOST_FOUND: usize = 50;
/// Tools described at once.
const MOST_DESCRIBED: usize = 20;

/// The tools, as they are listed.
pub(super) static TOOLS: LazyLock<[WireTool; 3]> = LazyLock::new(|| {
    let words =
        "Words for what the tool should do, such as `logs of a pod`. Without any, all tools are found.";
    let search = json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            "query": { "type": "string", "maxLength": 1000, "description": words },
            "limit": { "type": "integer", "minimum": 1, "maximum": MOST_FOUND, "default": FOUND },
        },
    });
    let found = json!({
        "type": "object", "required": ["tools", "more"],
        "properties": {
            "tools": { "type": "array", "items": { "type": "object", "required": ["name", "description", "readOnly"] } },
            "more": { "type": "integer", "description": "How many others were found." },
        },
    });
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["names"],
        "properties": {
            "names": { "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": MOST_DESCRIBED },
        },
    });
    let described = json!({
        "type": "object", "required": ["tools"], "properties": { "tools": { "type": "array" } },
    });
    let invoke = json!({
        "type": "object", "additionalProperties": false, "required": ["name"],
        "properties": {
            "name": { "type": "string" },
            "arguments": { "type": "object", "description": "As the tool's own schema has them." },
        },
    });
    [
        tool(
            SEARCH,
            "Finds tools by what they do: name and description, the best first.",
            search,
            Some(found),
        ),
        tool(
            SCHEMA,
            "Describes tools in full: their arguments, and what they return.",
            schema,
            Some(described),
        ),
        tool(INVOKE, "Calls a tool that tool_search found. The result is the tool's own.", invoke, None),
    ]
});

fn tool(name: &'static str, description: &'static str, input: Value, output: Option<Value>) -> WireTool {
    let object = |value: Value| match value {
        Value::Object(object) => Arc::new(object),
        _ => Arc::default(),
    };
    let reads = output.is_some();
    let mut tool = WireTool::new(name, description, object(input));
    tool.output_schema = output.map(object);
    tool.annotations = Some(ToolAnnotations::new().read_only(reads).idempotent(reads).open_world(!reads));
    tool
}

/// Whether a name is one of these.
pub(super) fn is_one(name: &str) -> bool {
    [SEARCH, SCHEMA, INVOKE].contains(&name)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    #[serde(default)]
    query: String,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invoke {
    name: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

/// What a call of `tool_invoke` asks for; any other operation as it is. A call that cannot be read, or
/// names one of these, is left to [`answer`], which says why.
pub(super) fn invoked(operation: Operation) -> Operation {
    match operation {
        Operation::CallTool { name, arguments } if name == INVOKE => match read(arguments.clone()) {
            Ok(Invoke { name, arguments }) if !is_one(&name) => Operation::CallTool { name, arguments },
            _ => Operation::CallTool { name, arguments },
        },
        other => other,
    }
}

/// Whether an operation is a call of one of these.
pub(super) fn answers(operation: &Operation) -> bool {
    matches!(operation, Operation::CallTool { name, .. } if is_one(name))
}

/// Arguments as a type; what serde says of them names the key.
fn read<T: DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, CallError> {
    let read = serde_json::from_value(Value::Object(arguments));
    read.map_err(|error| CallError::InvalidArguments(format!("arguments: {error}")))
}

/// Answers `tool_search` and `tool_schema`, and a `tool_invoke` that names no tool.
pub(super) fn answer(
    catalog: &Catalog,
    caller: &Caller,
    asked: CallRequest,
) -> Result<ToolOutput, CallError> {
    let CallRequest { operation, scope, .. } = asked;
    let Operation::CallTool { name, arguments } = operation else { return Err(operation.unknown()) };
    match name.as_str() {
        SEARCH => search(catalog, caller, &scope, &read(arguments)?),
        SCHEMA => describe(catalog, caller, &scope, read(arguments)?),
        _ => Err(CallError::UnknownTool(read::<Invoke>(arguments)?.name)),
    }
}

fn search(
    catalog: &Catalog,
    caller: &Caller,
    scope: &Scope,
    asked: &Question,
) -> Result<ToolOutput, CallError> {
    let limit = asked.limit.unwrap_or(FOUND);
    if !(1..=MOST_FOUND).contains(&limit) {
        return Err(CallError::InvalidArguments(format!(
            "arguments.limit: must be between 1 and {MOST_FOUND}"
        )));
    }
    let found = catalog.search(caller, scope, &asked.query);
    let shown: Vec<Value> = found.iter().take(limit).map(|tool| brief(tool)).collect();
    let more = found.len() - shown.len();
    Ok(output(json!({ "tools": shown, "more": more })))
}

fn describe(
    catalog: &Catalog,
    caller: &Caller,
    scope: &Scope,
    asked: Names,
) -> Result<ToolOutput, CallError> {
    if !(1..=MOST_DESCRIBED).contains(&asked.names.len()) {
        let why = format!("arguments.names: must have between 1 and {MOST_DESCRIBED} entries");
        return Err(CallError::InvalidArguments(why));
    }
    let described = asked.names.into_iter().map(|name| {
        let tool = catalog.tool(caller, scope, &name).ok_or(CallError::UnknownTool(name))?;
        serde_json::to_value(wire::tool(&tool)).map_err(CallError::internal)
    });
    Ok(output(json!({ "tools": described.collect::<Result<Vec<_>, _>>()? })))
}

/// What a model needs to know to choose one.
fn brief(tool: &Tool) -> Value {
    json!({
        "name": tool.public_name, "description": tool.description, "readOnly": tool.annotations.read_only,
    })
}

fn output(structured: Value) -> ToolOutput {
    let text = Content::Text(structured.to_string());
    ToolOutput { content: vec![text], structured: Some(structured), meta: None }
}
