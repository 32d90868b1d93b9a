//! Has a guest do its work: the contract's function for it, and what came of that in the host's words.

use tokio::time::Instant;
use wasmtime::{Store, component::Instance};

use super::{
    bindings::{completions, prompts, resources, types},
    convert, deliver,
    guest::Guest,
};
use crate::{
    ask::{InputKind, Posed},
    config::Limits,
    error::CallError,
    operation::{Completing, Outcome, Reference},
    permit::{Checked, Work},
};

/// What a guest produced.
#[derive(Debug)]
pub enum Produced {
    /// A result.
    Outcome(Outcome),
    /// Questions, before there is one.
    Posed(Posed),
}

/// What a function of the contract gave.
pub(super) enum Given {
    Tool(types::ToolResult),
    Prompt(prompts::PromptResult),
    Page(resources::ResourcePage),
    Contents(Vec<types::ResourceContents>),
    Completion(completions::Completion),
    Asked(types::InputRequired),
}

/// Calls the function for the work. The inner error is the component's own.
pub(super) async fn perform(
    call: &Checked,
    store: &mut Store<Guest>,
    instance: &Instance,
) -> wasmtime::Result<Result<Given, types::ServiceError>> {
    let (exports, context) = (&call.compartment().component.exports, context(call));
    let (inputs, state) = (inputs(call), call.inputs.state.clone());
    let missing = |what: &str| Ok(Err(types::ServiceError::NotFound(format!("the service has no {what}"))));
    match &call.work {
        Work::Tool { tool, arguments } => {
            let (name, plan) = (tool.name.clone(), tool.plan.clone());
            let asked = types::ToolCall { name, arguments: arguments.clone(), plan, inputs, state };
            let call_tool = exports.call_tool(&mut *store, instance)?;
            let (outcome,) = call_tool.call_async(store, (&context, &asked)).await?;
            Ok(outcome.map(|outcome| match outcome {
                types::Outcome::Complete(result) => Given::Tool(result),
                types::Outcome::InputRequired(asked) => Given::Asked(asked),
            }))
        }
        Work::Prompt { prompt, arguments } => {
            let Some(prompts) = exports.prompts(&mut *store, instance)? else { return missing("prompts") };
            let (name, arguments) = (prompt.declared.name.clone(), arguments.clone());
            let asked = prompts::PromptCall { name, arguments, inputs, state };
            Ok(prompts.call_get_prompt(store, &context, &asked).await?.map(|outcome| match outcome {
                prompts::PromptOutcome::Complete(result) => Given::Prompt(result),
                prompts::PromptOutcome::InputRequired(asked) => Given::Asked(asked),
            }))
        }
        Work::List { cursor } => {
            let Some(resources) = exports.resources(&mut *store, instance)? else {
                return missing("resources");
            };
            let listed = resources.call_list_resources(store, &context, cursor.as_deref()).await?;
            Ok(listed.map(Given::Page))
        }
        Work::Read { uri } => {
            let Some(resources) = exports.resources(&mut *store, instance)? else {
                return missing("resources");
            };
            let asked = resources::ResourceRead { uri: uri.clone(), inputs, state };
            Ok(resources.call_read_resource(store, &context, &asked).await?.map(|outcome| match outcome {
                resources::ReadOutcome::Complete(contents) => Given::Contents(contents),
                resources::ReadOutcome::InputRequired(asked) => Given::Asked(asked),
            }))
        }
        Work::Complete(Completing { reference, argument, prefix, settled }) => {
            let Some(completions) = exports.completions(&mut *store, instance)? else {
                return missing("completions");
            };
            let reference = match reference.clone() {
                Reference::Prompt(name) => completions::Reference::Prompt(name),
                Reference::Template(uri) => completions::Reference::ResourceTemplate(uri),
            };
            let (argument, prefix) = (argument.clone(), prefix.clone());
            let settled = serde_json::Value::Object(settled.clone()).to_string();
            let asked = completions::CompletionCall { reference, argument, prefix, settled };
            Ok(completions.call_complete(store, &context, &asked).await?.map(Given::Completion))
        }
    }
}

/// What a guest gave, if it is sound and not too large.
pub(super) fn produced(
    given: Result<Given, types::ServiceError>,
    call: &Checked,
    limits: &Limits,
) -> Result<Produced, CallError> {
    let outcome = match given.map_err(|error| convert::refusal(error, limits))? {
        Given::Tool(result) => Outcome::Tool(convert::output(result, limits)?),
        Given::Prompt(prompt) => Outcome::Prompt(deliver::prompt(prompt, limits)?),
        Given::Page(page) => Outcome::Resources(deliver::page(page, limits)?),
        Given::Contents(contents) => Outcome::Contents(deliver::contents(contents, limits)?),
        Given::Completion(completion) => Outcome::Completion(deliver::completion(completion)?),
        Given::Asked(asked) => return call.pose(deliver::asked(asked)?).map(Produced::Posed),
    };
    Ok(Produced::Outcome(outcome))
}

/// Who asks, as the contract has it.
fn context(call: &Checked) -> types::CallContext {
    let left = call.deadline.saturating_duration_since(Instant::now()).as_millis();
    types::CallContext {
        call_id: call.id.to_string(),
        tenant: call.caller().tenant.to_string(),
        caller: call.caller().id.to_string(),
        deadline_ms: u32::try_from(left).unwrap_or(u32::MAX),
        traceparent: call.traceparent.clone(),
        accepts: call.accepts.kinds().map(kind).collect(),
    }
}

fn inputs(call: &Checked) -> Vec<types::InputResponse> {
    let response =
        |(key, value): &(String, String)| types::InputResponse { key: key.clone(), value: value.clone() };
    call.inputs.answers.iter().map(response).collect()
}

fn kind(kind: InputKind) -> types::InputKind {
    match kind {
        InputKind::Elicitation => types::InputKind::Elicitation,
        InputKind::Sampling => types::InputKind::Sampling,
        InputKind::Roots => types::InputKind::Roots,
    }
}

impl From<types::InputKind> for InputKind {
    fn from(kind: types::InputKind) -> Self {
        match kind {
            types::InputKind::Elicitation => Self::Elicitation,
            types::InputKind::Sampling => Self::Sampling,
            types::InputKind::Roots => Self::Roots,
        }
    }
}
