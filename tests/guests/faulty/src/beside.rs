//! What it offers beside tools.

use crate::{
    bindings::{
        bulkhead::service::types::{CallContext, Content, ResourceBody, ResourceContents, ServiceError},
        exports::bulkhead::service::{
            completions::{self, Completion, CompletionCall},
            prompts::{self, Message, Prompt, PromptArgument, PromptCall, PromptOutcome, PromptResult, Role},
            resources::{self, ReadOutcome, ResourceEntry, ResourcePage, ResourceRead, ResourceTemplate},
        },
    },
    export::Component,
    has,
};

impl prompts::Guest for Component {
    fn list_prompts() -> Result<Vec<Prompt>, ServiceError> {
        let argument = |name: &str, required| PromptArgument {
            name: name.to_owned(),
            title: None,
            description: "What it is about.".to_owned(),
            required,
        };
        Ok(vec![Prompt {
            name: "look".to_owned(),
            title: None,
            description: "Looks at one item.".to_owned(),
            arguments: vec![argument("item", true), argument("why", false)],
        }])
    }

    fn get_prompt(_: CallContext, call: PromptCall) -> Result<PromptOutcome, ServiceError> {
        let why = call.arguments.contains("\"why\"");
        assert!(why || !has("prompt.trap"), "no reason");
        if has("prompt.refused") && !why {
            return Err(ServiceError::InvalidArguments("arguments.why: is missing".to_owned()));
        }
        let tool = match () {
            () if has("prompt.reference") => "{tool:get_thing}",
            () if has("listing.empty") => "somehow",
            () => "{tool:get_item}",
        };
        let text = format!("1. Read it: {tool}.\n2. Say what it is.");
        let message = Message { role: Role::User, content: Content::Text(text) };
        Ok(PromptOutcome::Complete(PromptResult { description: None, messages: vec![message] }))
    }
}

fn uri(n: u32) -> String {
    if has("resource.uri") { format!("items {n}") } else { format!("faulty://items/{n}") }
}

impl resources::Guest for Component {
    fn list_resources(_: CallContext, cursor: Option<String>) -> Result<ResourcePage, ServiceError> {
        assert!(!has("resource.trap"), "no resources");
        let first = cursor.is_none();
        let entry = ResourceEntry {
            uri: uri(if first { 1 } else { 2 }),
            name: "item".to_owned(),
            title: None,
            description: None,
            mime_type: None,
            size: None,
            meta: None,
        };
        let next_cursor = (first || has("resource.paging")).then(|| "2".to_owned());
        Ok(ResourcePage { resources: vec![entry], next_cursor })
    }

    fn list_templates() -> Result<Vec<ResourceTemplate>, ServiceError> {
        let uri_template =
            if has("resource.template") { "faulty://items/{id" } else { "faulty://items/{id}" };
        let template = ResourceTemplate {
            uri_template: uri_template.to_owned(),
            name: "item".to_owned(),
            title: None,
            description: None,
            mime_type: None,
            meta: None,
        };
        // Twice is what the host refuses.
        Ok(vec![template; if has("component.refused") { 2 } else { 1 }])
    }

    fn read_resource(_: CallContext, read: ResourceRead) -> Result<ReadOutcome, ServiceError> {
        if has("resource.lost") || ![uri(1), uri(2)].contains(&read.uri) {
            return Err(ServiceError::NotFound(format!("there is no {}", read.uri)));
        }
        let body = ResourceBody::Text("an item".to_owned());
        Ok(ReadOutcome::Complete(vec![ResourceContents { uri: read.uri, mime_type: None, body }]))
    }
}

impl completions::Guest for Component {
    fn complete(_: CallContext, call: CompletionCall) -> Result<Completion, ServiceError> {
        if has("completion.trap") {
            // Cuts at a byte, and not at a character.
            let _ = call.prefix.get(..1).unwrap_or_else(|| panic!("not a character"));
        }
        Ok(Completion { values: vec!["1".to_owned(), "2".to_owned()], total: None, has_more: false })
    }
}
