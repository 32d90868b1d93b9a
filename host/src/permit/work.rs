//! What a guest is to do: an operation of a client, in the service's own words, with arguments that were checked.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    catalog::{Member, prompt::Prompt, tool::Tool, uri},
    operation::{Completing, Operation, Reference},
};

/// What a guest is to do.
#[derive(Clone, Debug)]
pub enum Work {
    /// `call-tool`.
    Tool {
        /// Which.
        tool: Arc<Tool>,
        /// As JSON.
        arguments: String,
    },
    /// `get-prompt`.
    Prompt {
        /// Which.
        prompt: Arc<Prompt>,
        /// As JSON.
        arguments: String,
    },
    /// `list-resources`.
    List {
        /// Where the last page ended.
        cursor: Option<String>,
    },
    /// `read-resource`.
    Read {
        /// As the service knows it.
        uri: String,
    },
    /// `complete`, with names as the service knows them.
    Complete(Completing),
}

impl Work {
    /// What an operation asks of the member it was routed to, and the arguments conditions may look at.
    ///
    /// # Errors
    /// Names each argument at fault.
    pub(super) fn new(operation: Operation, member: &Member) -> Result<(Self, Value), String> {
        match (operation, member) {
            (Operation::CallTool { arguments, .. }, Member::Tool(tool)) => {
                let arguments = tool.complete(arguments)?;
                Ok((Self::Tool { tool: tool.clone(), arguments: arguments.to_string() }, arguments))
            }
            (Operation::GetPrompt { arguments, .. }, Member::Prompt(prompt)) => {
                prompt.check(&arguments)?;
                let arguments = Value::Object(arguments);
                Ok((Self::Prompt { prompt: prompt.clone(), arguments: arguments.to_string() }, arguments))
            }
            (Operation::ListResources { cursor, .. }, Member::Resources(_)) => {
                Ok((Self::List { cursor }, Value::Object(Map::new())))
            }
            (Operation::ReadResource { uri }, Member::Resources(_)) => {
                let (_, uri) = uri::split(&uri).ok_or("uri: names no service")?;
                let uri = uri.to_owned();
                let arguments = json!({ "uri": uri });
                Ok((Self::Read { uri }, arguments))
            }
            (Operation::Complete(completing), member) => {
                let reference = match (completing.reference, member) {
                    (Reference::Prompt(_), Member::Prompt(prompt)) => {
                        Reference::Prompt(prompt.declared.name.clone())
                    }
                    (Reference::Template(template), Member::Resources(_)) => {
                        let (_, uri) = uri::split(&template).ok_or("ref.uri: names no service")?;
                        Reference::Template(uri.to_owned())
                    }
                    _ => return Err("ref: is of another kind".to_owned()),
                };
                let settled = Value::Object(completing.settled.clone());
                Ok((Self::Complete(Completing { reference, ..completing }), settled))
            }
            _ => Err("what was asked for is of another kind".to_owned()), // routing saw to it
        }
    }

    /// The tool, if it is one.
    #[must_use]
    pub fn tool(&self) -> Option<&Arc<Tool>> {
        match self {
            Self::Tool { tool, .. } => Some(tool),
            _ => None,
        }
    }

    /// Whether it may change something.
    #[must_use]
    pub fn may_change(&self) -> bool {
        self.tool().is_some_and(|tool| !tool.annotations.read_only)
    }

    /// The digest of all it consists of, the same for requests that are the same.
    #[must_use]
    pub fn digest(&self) -> String {
        let canonical = |text: &str| {
            let mut value: Value = serde_json::from_str(text).unwrap_or_default();
            value.sort_all_objects();
            value.to_string()
        };
        let (method, name, rest) = match self {
            Self::Tool { tool, arguments } => ("tool", &*tool.name, canonical(arguments)),
            Self::Prompt { prompt, arguments } => ("prompt", &*prompt.declared.name, canonical(arguments)),
            Self::Read { uri } => ("read", &**uri, String::new()),
            Self::List { .. } | Self::Complete(_) => ("", "", String::new()), // they ask nothing
        };
        let digest = Sha256::digest(json!([method, name, rest]).to_string());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
