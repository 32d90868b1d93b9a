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

#[cfg(test)]
mod tests {
    use bytesize::ByteSize;

    use super::*;

    fn entry(uri: &str) -> resources::ResourceEntry {
        resources::ResourceEntry {
            uri: uri.into(),
            name: String::new(),
            title: None,
            description: None,
            mime_type: None,
            size: None,
            meta: None,
        }
    }

    fn why<T: std::fmt::Debug>(result: Result<T, CallError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_page_is_bounded() {
        let limits = Limits { result_bytes: ByteSize::kib(4), ..Limits::default() };
        let given = |many: usize, uri: &str, cursor: usize| {
            let resources = (0..many).map(|_| entry(uri)).collect();
            page(resources::ResourcePage { resources, next_cursor: Some("c".repeat(cursor)) }, &limits)
        };
        assert_eq!(given(1000, "abcd", CURSOR).unwrap().resources.len(), 1000);
        assert!(why(given(1001, "a", 0)).contains("more than 1000 resources; it must give a cursor"));
        assert!(why(given(1, "a", CURSOR + 1)).contains("its cursor is longer than 4 KiB"));
        assert_eq!(why(given(1000, "abcde", 0)), "what was asked for is larger than the limit of 4.0 KiB");
        let meta = resources::ResourceEntry { meta: Some("3".into()), ..entry("a") };
        let page = page(resources::ResourcePage { resources: vec![meta], next_cursor: None }, &limits);
        assert!(why(page).contains("meta is not a JSON object"));
    }

    #[test]
    fn contents_prompts_and_completions_are_bounded() {
        let limits = Limits { result_bytes: ByteSize::b(8), ..Limits::default() };
        let part = |text: &str| types::ResourceContents {
            uri: "a:b".into(),
            mime_type: None,
            body: types::ResourceBody::Text(text.into()),
        };
        assert!(contents(vec![part("12345")], &limits).is_ok());
        assert!(matches!(contents(vec![part("123456")], &limits), Err(CallError::TooLarge(_))));
        assert!(why(contents(vec![part(""); 1001], &limits)).contains("more than 1000 parts"));
        let message = |text: &str| prompts::Message {
            role: prompts::Role::User,
            content: types::Content::Text(text.into()),
        };
        let filled = |messages| prompt(prompts::PromptResult { description: None, messages }, &limits);
        assert!(filled(vec![message("1234"), message("5678")]).is_ok());
        assert!(matches!(filled(vec![message("1234"), message("56789")]), Err(CallError::TooLarge(_))));
        assert!(why(filled(vec![message(""); 1001])).contains("more than 1000 messages"));
        let given = |many: usize| {
            let values = vec![String::new(); many];
            completion(completions::Completion { values, total: None, has_more: false })
        };
        assert!(given(100).is_ok());
        assert!(why(given(101)).contains("more than 100 completions"));
    }

    #[test]
    fn a_question_is_an_object() {
        let ask = |params: &str| {
            let (key, params) = ("k".to_owned(), params.to_owned());
            let request = types::InputRequest { key, kind: types::InputKind::Roots, params };
            asked(types::InputRequired { requests: vec![request], state: None })
        };
        assert_eq!(ask("{}").unwrap().questions.len(), 1);
        assert!(why(ask("3")).contains("its question is not a JSON object"));
        assert!(why(ask("{")).contains("its question is not JSON"));
    }
}
