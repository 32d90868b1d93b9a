//! The interfaces beside tools: prompts, resources, completions.

use super::{Export, Registered, asked, content_into, error, made, service, types, uninitialized};
use crate::bindings::completions::exports::bulkhead::service::completions;
use crate::bindings::prompts::exports::bulkhead::service::prompts;
use crate::bindings::resources::exports::bulkhead::service::resources;
use crate::resource::{Body, Entry, Part};
use crate::{Completing, Contents, Messages, Role, dispatch};

impl<S: Registered> prompts::Guest for Export<S> {
    fn list_prompts() -> Result<Vec<prompts::Prompt>, types::ServiceError> {
        let service = service::<S>().ok_or_else(uninitialized)?;
        let prompt = |prompt: crate::Prompt<S>| prompts::Prompt {
            arguments: prompt
                .arguments()
                .into_iter()
                .map(|one| prompts::PromptArgument {
                    name: one.name,
                    title: None,
                    description: one.description,
                    required: one.required,
                })
                .collect(),
            name: prompt.name.into_owned(),
            title: prompt.title.map(Into::into),
            description: prompt.description.into_owned(),
        };
        Ok(service.prompts().into_iter().map(prompt).collect())
    }

    fn get_prompt(
        context: types::CallContext,
        call: prompts::PromptCall,
    ) -> Result<prompts::PromptOutcome, types::ServiceError> {
        let service = service::<S>().ok_or_else(uninitialized)?;
        let prompts::PromptCall { name, arguments, inputs, state } = call;
        let call = made(context, inputs, state);
        let filled = dispatch::get_prompt(service, &name, &arguments, &call).map_err(error)?;
        let Messages { description, messages, ask } = filled;
        Ok(match ask {
            Some(ask) => prompts::PromptOutcome::InputRequired(asked(ask)),
            None => {
                let message = |(role, content)| prompts::Message {
                    role: match role {
                        Role::User => prompts::Role::User,
                        Role::Assistant => prompts::Role::Assistant,
                    },
                    content: content_into(content),
                };
                let messages = messages.into_iter().map(message).collect();
                prompts::PromptOutcome::Complete(prompts::PromptResult { description, messages })
            }
        })
    }
}

impl<S: Registered> resources::Guest for Export<S> {
    fn list_resources(
        context: types::CallContext,
        cursor: Option<String>,
    ) -> Result<resources::ResourcePage, types::ServiceError> {
        let service = service::<S>().ok_or_else(uninitialized)?;
        let call = made(context, Vec::new(), None);
        let page = dispatch::list_resources(service, cursor.as_deref(), &call).map_err(error)?;
        let entry = |entry: Entry| resources::ResourceEntry {
            uri: entry.uri,
            name: entry.name,
            title: entry.title,
            description: entry.description,
            mime_type: entry.mime_type,
            size: entry.size,
            meta: None,
        };
        let resources = page.entries.into_iter().map(entry).collect();
        Ok(resources::ResourcePage { resources, next_cursor: page.next })
    }

    fn list_templates() -> Result<Vec<resources::ResourceTemplate>, types::ServiceError> {
        let service = service::<S>().ok_or_else(uninitialized)?;
        let template = |entry: &Entry| resources::ResourceTemplate {
            uri_template: entry.uri.clone(),
            name: entry.name.clone(),
            title: entry.title.clone(),
            description: entry.description.clone(),
            mime_type: entry.mime_type.clone(),
            meta: None,
        };
        Ok(service.resources().templates().map(template).collect())
    }

    fn read_resource(
        context: types::CallContext,
        read: resources::ResourceRead,
    ) -> Result<resources::ReadOutcome, types::ServiceError> {
        let service = service::<S>().ok_or_else(uninitialized)?;
        let resources::ResourceRead { uri, inputs, state } = read;
        let call = made(context, inputs, state);
        let Contents { parts, ask } = dispatch::read_resource(service, &uri, &call).map_err(error)?;
        Ok(match ask {
            Some(ask) => resources::ReadOutcome::InputRequired(asked(ask)),
            None => {
                let part = |part: Part| types::ResourceContents {
                    uri: part.uri.unwrap_or_default(),
                    mime_type: part.mime_type,
                    body: match part.body {
                        Body::Text(text) => types::ResourceBody::Text(text),
                        Body::Blob(bytes) => types::ResourceBody::Blob(bytes),
                    },
                };
                resources::ReadOutcome::Complete(parts.into_iter().map(part).collect())
            }
        })
    }
}

impl<S: Registered> completions::Guest for Export<S> {
    fn complete(
        context: types::CallContext,
        call: completions::CompletionCall,
    ) -> Result<completions::Completion, types::ServiceError> {
        let service = service::<S>().ok_or_else(uninitialized)?;
        let completions::CompletionCall { reference, argument, prefix, settled } = call;
        let reference = match reference {
            completions::Reference::Prompt(name) => dispatch::Reference::Prompt(name),
            completions::Reference::ResourceTemplate(uri) => dispatch::Reference::Template(uri),
        };
        let typed = Completing { prefix, settled: serde_json::from_str(&settled).unwrap_or_default() };
        let call = made(context, Vec::new(), None);
        let completed = dispatch::complete(service, &reference, &argument, &typed, &call).map_err(error)?;
        let (values, total, has_more) = completed.into_parts();
        Ok(completions::Completion { values, total, has_more })
    }
}
