//! Tasks, as MCP has them (SEP-2663).

use std::{sync::Arc, time::Duration};

use rmcp::model::{
    CallToolResponse, ClientCapabilities, CreateTaskResult, DetailedTask, ErrorData, GetTaskResult,
    JsonObject, Task as WireTask, TaskPayload, TaskStatus,
};
use serde::Serialize;
use serde_json::Value;

use super::{ask, called_again};
use crate::{
    error::CallError,
    operation::Outcome,
    request::CallId,
    tasks::{Now, Stage, Task},
};

/// How often a client should ask. Twice as often is twice the requests, and nobody waits for the half second.
const POLL: Duration = Duration::from_secs(1);

/// What a client declares.
pub(super) fn capability() -> ClientCapabilities {
    ClientCapabilities::builder().enable_tasks().build()
}

/// The answer to who asks for a task that is none, or another's.
pub(in crate::transport) fn unknown() -> ErrorData {
    let why = "taskId: is not known here: no task was begun under it for you, or it has expired";
    ErrorData::invalid_params(why, None)
}

/// What a call is answered with that becomes a task.
pub(in crate::transport) fn begun(handle: String, task: &Task) -> CallToolResponse {
    let wire = described(handle, task, &task.now());
    CallToolResponse::Task(CreateTaskResult::new(wire))
}

/// What `tasks/get` is answered with.
pub(in crate::transport) fn asked(handle: String, task: &Task) -> Result<GetTaskResult, ErrorData> {
    let now = task.now();
    let payload = match &now.stage {
        Stage::Working => TaskPayload::Working,
        Stage::Asking(asking) => TaskPayload::InputRequired { input_requests: ask::requests(asking.open())? },
        Stage::Cancelled => TaskPayload::Cancelled,
        Stage::Ended(end) => ended(end)?,
    };
    Ok(GetTaskResult::new(DetailedTask::new(described(handle, task, &now), payload)))
}

fn described(handle: String, task: &Task, now: &Now) -> WireTask {
    let time = |time| humantime::format_rfc3339_millis(time).to_string();
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    // The status is that of the payload, wherever there is one.
    WireTask::new(handle, TaskStatus::Working, time(task.began), time(now.changed))
        .with_ttl_ms(ms(now.ttl))
        .with_poll_interval_ms(ms(POLL))
}

/// The answer that the call would have had.
fn ended(end: &Arc<(CallId, Result<Outcome, CallError>)>) -> Result<TaskPayload, ErrorData> {
    let (id, result) = &**end;
    Ok(match called_again(result, *id) {
        Ok(result) => TaskPayload::Completed { result: object(&result)? },
        Err(error) => TaskPayload::Failed { error: object(&error)? },
    })
}

fn object(told: &impl Serialize) -> Result<JsonObject, ErrorData> {
    match serde_json::to_value(told) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ErrorData::internal_error("what became of the task is no object", None)),
        Err(error) => Err(ErrorData::internal_error(error.to_string(), None)),
    }
}
