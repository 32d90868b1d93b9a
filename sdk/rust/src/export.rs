//! Owns the component's exports: turns the contract's types into the SDK's and back, around
//! [`dispatch`].

use std::cell::OnceCell;
use std::fmt;
use std::marker::PhantomData;
use std::thread::LocalKey;
use std::time::Duration;

use serde_json::Value;

use crate::bindings::bulkhead::service::types;
use crate::bindings::exports::bulkhead::service::{lifecycle, tools};
use crate::{
    Answer, Ask, Call, Content, Error, InputKind, Output, Question, Service, clock, dispatch, schema,
};

mod more;

/// A service with the place its one instance is kept. [`register!`](crate::register) implements it.
pub trait Registered: Service {
    /// Set by `initialize`, once.
    fn slot() -> &'static LocalKey<OnceCell<&'static Self>>;
}

/// The exports of a component made of `S`.
pub struct Export<S>(PhantomData<S>);

impl<S> fmt::Debug for Export<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Export")
    }
}

fn service<S: Registered>() -> Option<&'static S> {
    S::slot().with(|slot| slot.get().copied())
}

impl<S: Registered> lifecycle::Guest for Export<S> {
    fn describe() -> types::Manifest {
        let manifest = S::manifest();
        types::Manifest {
            name: manifest.name.into_owned(),
            version: manifest.version.into_owned(),
            title: manifest.title.into_owned(),
            description: manifest.description.into_owned(),
            instructions: manifest.instructions.map(Into::into),
            config_schema: schema::input::<S::Config>().to_string(),
            egress: manifest
                .egress
                .into_iter()
                .map(|egress| types::EgressRequest {
                    url: egress.url,
                    methods: egress.methods,
                    reason: egress.reason,
                })
                .collect(),
        }
    }

    fn initialize(config: String) -> Result<(), String> {
        // The instance ends with the call, so nothing is lost by never freeing the service.
        let made: &'static S = Box::leak(Box::new(dispatch::initialize::<S>(&config)?));
        S::slot().with(|slot| slot.set(made)).map_err(|_| "initialize was called twice".to_owned())
    }

    fn health_check() -> Result<String, String> {
        let service = service::<S>().ok_or("health-check came before initialize")?;
        clock::block_on(service.health())
    }
}

impl<S: Registered> tools::Guest for Export<S> {
    fn list_tools() -> Result<Vec<types::Tool>, types::ServiceError> {
        let service = service::<S>().ok_or_else(uninitialized)?;
        let tools = dispatch::list_tools(service).map_err(error)?;
        Ok(tools
            .into_iter()
            .map(|tool| types::Tool {
                input_schema: tool.input().to_string(),
                meta: tool.whole_meta().map(|meta| meta.to_string()),
                output_schema: tool.published_output().map(|schema| schema.to_string()),
                name: tool.name.into_owned(),
                title: tool.title.map(Into::into),
                description: tool.description.into_owned(),
                annotations: types::Annotations {
                    read_only: tool.annotations.read_only,
                    destructive: tool.annotations.destructive,
                    idempotent: tool.annotations.idempotent,
                    open_world: tool.annotations.open_world,
                },
                tags: tool.tags.into_iter().map(Into::into).collect(),
                cache_ttl_ms: tool.cache.map(|time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX)),
                plan: tool.plan,
            })
            .collect())
    }

    fn call_tool(
        context: types::CallContext,
        call: types::ToolCall,
    ) -> Result<types::Outcome, types::ServiceError> {
        let service = service::<S>().ok_or_else(uninitialized)?;
        let types::ToolCall { name, arguments, plan, inputs, state } = call;
        let call = Call { plan, ..made(context, inputs, state) };
        dispatch::call_tool(service, &name, &arguments, &call).map(outcome).map_err(error)
    }
}

/// The call, as the SDK has it.
fn made(context: types::CallContext, inputs: Vec<types::InputResponse>, state: Option<Vec<u8>>) -> Call {
    let answer = |input: types::InputResponse| Answer {
        key: input.key,
        value: serde_json::from_str(&input.value).unwrap_or(Value::Null),
    };
    Call {
        id: context.call_id,
        tenant: context.tenant,
        caller: context.caller,
        allowed: Duration::from_millis(context.deadline_ms.into()),
        started: clock::now(),
        traceparent: context.traceparent,
        accepts: context.accepts.into_iter().map(kind_from).collect(),
        plan: None,
        inputs: inputs.into_iter().map(answer).collect(),
        state,
    }
}

fn uninitialized() -> types::ServiceError {
    types::ServiceError::Failed("a call came before initialize".to_owned())
}

fn outcome(output: Output) -> types::Outcome {
    let (content, structured, meta, ask) = output.into_parts();
    match ask {
        Some(ask) => types::Outcome::InputRequired(asked(ask)),
        None => types::Outcome::Complete(types::ToolResult {
            content: content.into_iter().map(content_into).collect(),
            structured: structured.map(|value| value.to_string()),
            meta: meta.map(|meta| meta.to_string()),
        }),
    }
}

fn asked(ask: Ask) -> types::InputRequired {
    let request = |question: Question| types::InputRequest {
        key: question.key,
        kind: kind_into(question.kind),
        params: question.params.to_string(),
    };
    types::InputRequired { requests: ask.requests.into_iter().map(request).collect(), state: ask.state }
}

fn content_into(content: Content) -> types::Content {
    match content {
        Content::Text(text) => types::Content::Text(text),
        Content::Image { data, mime_type } => types::Content::Image(types::Media { data, mime_type }),
        Content::Audio { data, mime_type } => types::Content::Audio(types::Media { data, mime_type }),
        Content::Link { uri, name, mime_type, description } => {
            types::Content::ResourceLink(types::ResourceLink { uri, name, mime_type, description })
        }
        Content::Resource { uri, mime_type, text } => types::Content::Embedded(types::ResourceContents {
            uri,
            mime_type,
            body: types::ResourceBody::Text(text),
        }),
        Content::Blob { uri, mime_type, data } => types::Content::Embedded(types::ResourceContents {
            uri,
            mime_type,
            body: types::ResourceBody::Blob(data),
        }),
    }
}

fn kind_into(kind: InputKind) -> types::InputKind {
    match kind {
        InputKind::Elicitation => types::InputKind::Elicitation,
        InputKind::Sampling => types::InputKind::Sampling,
        InputKind::Roots => types::InputKind::Roots,
    }
}

fn kind_from(kind: types::InputKind) -> InputKind {
    match kind {
        types::InputKind::Elicitation => InputKind::Elicitation,
        types::InputKind::Sampling => InputKind::Sampling,
        types::InputKind::Roots => InputKind::Roots,
    }
}

fn error(error: Error) -> types::ServiceError {
    let retry = |message, after: Option<Duration>| types::Retry {
        message,
        retry_after_ms: after.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
    };
    match error {
        Error::InvalidArguments(message) => types::ServiceError::InvalidArguments(message),
        Error::NotFound(message) => types::ServiceError::NotFound(message),
        Error::Denied(message) => types::ServiceError::Denied(message),
        Error::RateLimited { message, retry_after } => {
            types::ServiceError::RateLimited(retry(message, retry_after))
        }
        Error::Unavailable { message, retry_after } => {
            types::ServiceError::Unavailable(retry(message, retry_after))
        }
        Error::Upstream { status, message } => {
            types::ServiceError::Upstream(types::UpstreamError { status, message })
        }
        Error::Failed(message) => types::ServiceError::Failed(message),
    }
}
