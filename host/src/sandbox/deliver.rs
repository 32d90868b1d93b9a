//! What guests give beside the results of tools, in the host's words: prompts, resources, completions, questions.

use serde_json::{Map, Value};

use super::{
    bindings::{completions, prompts, resources, types},
    convert::{self, content, content_size, object},
};
use crate::{
    ask::{Asked, Question},
    catalog::{
        prompt::{DeclaredPrompt, DeclaredTemplate, PromptArgument},
        tool::meta,
    },
    config::Limits,
    error::CallError,
    operation::{Completion, Contents, Message, PromptOutput, Resource, ResourcePage},
};

/// Resources a page may have, and messages a prompt. More are no page.
const MOST: usize = 1000;
/// Bytes of a cursor: it has to fit into a handle, and then into a request.
const CURSOR: usize = 4 << 10;
/// Completions at once (MCP).
const COMPLETIONS: usize = 100;

fn fault(why: String) -> CallError {
    CallError::Trapped(why)
}

fn within(size: usize, limits: &Limits) -> Result<(), CallError> {
    if size as u64 > limits.result_bytes.as_u64() {
        return Err(CallError::TooLarge(limits.result_bytes));
    }
    Ok(())
}

pub(super) fn prompt(result: prompts::PromptResult, limits: &Limits) -> Result<PromptOutput, CallError> {
    let prompts::PromptResult { description, messages } = result;
    if messages.len() > MOST {
        return Err(fault(format!("its prompt has more than {MOST} messages")));
    }
    within(messages.iter().map(|message| content_size(&message.content)).sum(), limits)?;
    let message = |message: prompts::Message| Message {
        assistant: message.role == prompts::Role::Assistant,
        content: content(message.content),
    };
    Ok(PromptOutput { description, messages: messages.into_iter().map(message).collect() })
}

pub(super) fn page(page: resources::ResourcePage, limits: &Limits) -> Result<ResourcePage, CallError> {
    let resources::ResourcePage { resources, next_cursor } = page;
    if resources.len() > MOST {
        return Err(fault(format!("its page has more than {MOST} resources; it must give a cursor")));
    }
    if next_cursor.as_ref().is_some_and(|cursor| cursor.len() > CURSOR) {
        return Err(fault(format!("its cursor is longer than {} KiB", CURSOR >> 10)));
    }
    let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let size = |one: &resources::ResourceEntry| {
        let texts = [&one.title, &one.description, &one.mime_type, &one.meta];
        one.uri.len() + one.name.len() + texts.into_iter().map(len).sum::<usize>()
    };
    within(resources.iter().map(size).sum(), limits)?;
    let resource = |one: resources::ResourceEntry| {
        let meta = one.meta.as_deref().map(meta).transpose();
        Ok(Resource {
            meta: meta.map_err(|why| fault(format!("of its resource: {why}")))?,
            uri: one.uri,
            name: one.name,
            title: one.title,
            description: one.description,
            mime_type: one.mime_type,
            size: one.size,
        })
    };
    let resources = resources.into_iter().map(resource).collect::<Result<_, CallError>>()?;
    Ok(ResourcePage { resources, next: next_cursor })
}

pub(super) fn contents(
    contents: Vec<types::ResourceContents>,
    limits: &Limits,
) -> Result<Vec<Contents>, CallError> {
    if contents.len() > MOST {
        return Err(fault(format!("its resource has more than {MOST} parts")));
    }
    within(contents.iter().map(convert::resource_size).sum(), limits)?;
    let part = |part: types::ResourceContents| Contents {
        uri: part.uri,
        mime_type: part.mime_type,
        body: convert::body(part.body),
    };
    Ok(contents.into_iter().map(part).collect())
}

pub(super) fn completion(completion: completions::Completion) -> Result<Completion, CallError> {
    let completions::Completion { values, total, has_more } = completion;
    if values.len() > COMPLETIONS {
        return Err(fault(format!("it gave more than {COMPLETIONS} completions")));
    }
    Ok(Completion { values, total, has_more })
}

pub(super) fn asked(asked: types::InputRequired) -> Result<Asked, CallError> {
    let question = |request: types::InputRequest| {
        let params: Map<String, Value> = object(&request.params, "question")?;
        Ok(Question { key: request.key, kind: request.kind.into(), params })
    };
    let questions = asked.requests.into_iter().map(question).collect::<Result<_, CallError>>()?;
    Ok(Asked { questions, state: asked.state })
}

impl From<prompts::Prompt> for DeclaredPrompt {
    fn from(prompt: prompts::Prompt) -> Self {
        let argument = |argument: prompts::PromptArgument| PromptArgument {
            name: argument.name,
            title: argument.title,
            description: argument.description,
            required: argument.required,
        };
        Self {
            name: prompt.name,
            title: prompt.title,
            description: prompt.description,
            arguments: prompt.arguments.into_iter().map(argument).collect(),
        }
    }
}

impl From<resources::ResourceTemplate> for DeclaredTemplate {
    fn from(template: resources::ResourceTemplate) -> Self {
        Self {
            uri_template: template.uri_template,
            name: template.name,
            title: template.title,
            description: template.description,
            mime_type: template.mime_type,
            meta: template.meta,
        }
    }
}
