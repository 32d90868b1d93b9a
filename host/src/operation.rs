//! What a client may ask of a service, and what comes of it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{
    ask::Inquiry,
    catalog::{Member, uri},
    error::CallError,
    request::{Content, ResourceBody, ToolOutput},
};

/// What a client asks for, in its own words.
#[derive(Clone, Debug)]
pub enum Operation {
    /// `tools/call`.
    CallTool {
        /// `{service}_{tool}`.
        name: String,
        /// The arguments object; an absent one is empty.
        arguments: Map<String, Value>,
    },
    /// `prompts/get`.
    GetPrompt {
        /// `{service}_{prompt}`.
        name: String,
        /// An object of strings.
        arguments: Map<String, Value>,
    },
    /// One page of one service's part of `resources/list`.
    ListResources {
        /// The service.
        service: String,
        /// Where the service's last page ended, in its own words.
        cursor: Option<String>,
    },
    /// `resources/read`.
    ReadResource {
        /// The URI as clients know it.
        uri: String,
    },
    /// `completion/complete`.
    Complete(Completing),
}

/// What is completed.
#[derive(Clone, Debug)]
pub struct Completing {
    /// Whose argument.
    pub reference: Reference,
    /// Which.
    pub argument: String,
    /// What the user typed so far.
    pub prefix: String,
    /// Arguments that are settled: an object of strings.
    pub settled: Map<String, Value>,
}

/// What has arguments that can be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A prompt, by its name.
    Prompt(String),
    /// A template, by its URI template.
    Template(String),
}

impl Operation {
    /// The MCP method.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::CallTool { .. } => "tools/call",
            Self::GetPrompt { .. } => "prompts/get",
            Self::ListResources { .. } => "resources/list",
            Self::ReadResource { .. } => "resources/read",
            Self::Complete(_) => "completion/complete",
        }
    }

    /// What it is about, for records: the name of a tool or a prompt, or a URI without its query, where secrets
    /// may be.
    #[must_use]
    pub fn target(&self) -> Cow<'_, str> {
        let bare = |uri: &'_ str| uri.find(['?', '#']).unwrap_or(uri.len());
        match self {
            Self::CallTool { name, .. } | Self::GetPrompt { name, .. } => name.into(),
            Self::ListResources { service, .. } => resources_of(service).into(),
            Self::ReadResource { uri } => uri.get(..bare(uri)).unwrap_or_default().into(),
            Self::Complete(Completing { reference, .. }) => match reference {
                Reference::Prompt(name) => name.into(),
                Reference::Template(uri) => uri.get(..bare(uri)).unwrap_or_default().into(),
            },
        }
    }

    /// The arguments, where there are any, for records.
    #[must_use]
    pub fn arguments(&self) -> Option<&Map<String, Value>> {
        match self {
            Self::CallTool { arguments, .. } | Self::GetPrompt { arguments, .. } => Some(arguments),
            Self::Complete(completing) => Some(&completing.settled),
            Self::ListResources { .. } | Self::ReadResource { .. } => None,
        }
    }

    /// By which name rights and limits know what is asked for; none if no service can have it.
    #[must_use]
    pub fn right(&self) -> Option<Cow<'_, str>> {
        let of = |uri: &str| uri::split(uri).map(|(service, _)| resources_of(service).into());
        match self {
            Self::CallTool { name, .. } | Self::GetPrompt { name, .. } => Some(name.into()),
            Self::ListResources { service, .. } => Some(resources_of(service).into()),
            Self::ReadResource { uri } => of(uri),
            Self::Complete(Completing { reference, .. }) => match reference {
                Reference::Prompt(name) => Some(name.into()),
                Reference::Template(uri) => of(uri),
            },
        }
    }

    /// Whether it can be asked of what has that name.
    #[must_use]
    pub fn fits(&self, member: &Member) -> bool {
        let wanted_prompt = |reference: &Reference| matches!(reference, Reference::Prompt(_));
        match member {
            Member::Tool(_) => matches!(self, Self::CallTool { .. }),
            Member::Prompt(_) => match self {
                Self::GetPrompt { .. } => true,
                Self::Complete(completing) => wanted_prompt(&completing.reference),
                _ => false,
            },
            Member::Resources(_) => match self {
                Self::ListResources { .. } | Self::ReadResource { .. } => true,
                Self::Complete(completing) => !wanted_prompt(&completing.reference),
                _ => false,
            },
        }
    }

    /// The answer to who asks for what is not there, or not for it.
    #[must_use]
    pub fn unknown(&self) -> CallError {
        match self {
            Self::CallTool { name, .. } => CallError::UnknownTool(name.clone()),
            Self::GetPrompt { name, .. }
            | Self::Complete(Completing { reference: Reference::Prompt(name), .. }) => {
                CallError::UnknownPrompt(name.clone())
            }
            Self::ReadResource { uri }
            | Self::Complete(Completing { reference: Reference::Template(uri), .. }) => {
                CallError::UnknownResource(uri.clone())
            }
            Self::ListResources { service, .. } => CallError::UnknownResource(service.clone()),
        }
    }
}

/// By which name rights know the resources of a service.
#[must_use]
pub fn resources_of(service: &str) -> String {
    format!("{service}_resources")
}

/// What comes of an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Of a tool.
    Tool(ToolOutput),
    /// Of a prompt.
    Prompt(PromptOutput),
    /// A page of resources.
    Resources(ResourcePage),
    /// The contents of a resource.
    Contents(Vec<Contents>),
    /// Completions.
    Completion(Completion),
    /// Nothing yet: the user is asked something first.
    Asked(Inquiry),
}

/// A prompt, filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptOutput {
    /// What it is for.
    pub description: Option<String>,
    /// Its messages.
    pub messages: Vec<Message>,
}

/// One message of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Whether the model says it, and not the user.
    pub assistant: bool,
    /// What is said.
    pub content: Content,
}

/// Some of a service's resources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourcePage {
    /// They.
    pub resources: Vec<Resource>,
    /// Where the next page begins, in the service's words; none on the last.
    pub next: Option<String>,
}

/// A resource as it is listed.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of `resource-entry` in wit/service.wit")]
pub struct Resource {
    pub uri: String,
    pub name: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub mime_type: Option<String>,
    pub size: Option<u64>,
    pub meta: Option<Map<String, Value>>,
}

/// What a resource holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// Which it is.
    pub uri: String,
    /// Its MIME type.
    pub mime_type: Option<String>,
    /// What is in it.
    pub body: ResourceBody,
}

/// What an argument could be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Best first.
    pub values: Vec<String>,
    /// How many there are in all.
    pub total: Option<u32>,
    /// Whether there are more than these.
    pub has_more: bool,
}

impl Outcome {
    /// The same with the URIs clients know: those of a service are told from others' by its name.
    #[must_use]
    pub fn published(mut self, service: &str) -> Self {
        let publish = |uri: &mut String| *uri = uri::public(service, uri);
        let link = |content: &mut Content| match content {
            Content::Link { uri, .. } | Content::Resource { uri, .. } if !uri::is_web(uri) => publish(uri),
            _ => {}
        };
        match &mut self {
            Self::Tool(output) => output.content.iter_mut().for_each(link),
            Self::Prompt(prompt) => prompt.messages.iter_mut().for_each(|message| link(&mut message.content)),
            Self::Resources(page) => {
                page.resources.iter_mut().for_each(|resource| publish(&mut resource.uri))
            }
            Self::Contents(contents) => contents.iter_mut().for_each(|part| publish(&mut part.uri)),
            Self::Completion(_) | Self::Asked(_) => {}
        }
        self
    }
}
