//! `bulkhead call`: one call from the terminal, through the same line as any other.

use std::io::Read;

use bulkhead::{
    ask::Accepts,
    error::CallError,
    operation::{self, Operation},
    request::{CallId, CallRequest, Content, Credentials, Events, ResourceBody, Scope, ToolOutput, Via},
};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{Failure, Options, Outcome, build_host, failed, stop_signal, usage};

/// Call one tool and print its result.
#[derive(Debug, Args)]
pub(super) struct Call {
    /// The tool, as `bulkhead tools` lists it.
    tool: String,
    /// Its arguments, a JSON object; `-` reads them from stdin.
    #[arg(default_value = "{}")]
    arguments: String,
}

impl Call {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let arguments = arguments(self.arguments)?;
        let host = build_host(options.own()?).await?;
        let request = CallRequest {
            id: CallId::new(),
            credentials: Credentials::Local,
            scope: Scope::all(),
            operation: Operation::CallTool { name: self.tool, arguments },
            answers: None,
            accepts: Accepts { tasks: true, ..Accepts::default() }, // whoever waits here comes back
            traceparent: None,
            via: Via::default(),
            events: Events::none(),
            cancelled: stop_signal()?,
        };
        match host.calling(request).await {
            Ok(operation::Outcome::Tool(output)) => {
                out!("{}", if options.json { data(&output).to_string() } else { text(&output) });
                Ok(())
            }
            Ok(_) => Err(failed("the tool gave something that is no tool's result")),
            Err(error) => {
                if options.json {
                    out!(
                        "{}",
                        json!({ "error": { "reason": error.reason(), "message": error.to_string() } })
                    );
                }
                Err(explained(&error))
            }
        }
    }
}

fn explained(error: &CallError) -> Failure {
    match error {
        CallError::UnknownTool(_) => failed(format!("{error}. `bulkhead tools` lists them")),
        error => failed(error),
    }
}

fn arguments(text: String) -> Result<Map<String, Value>, Failure> {
    let text = if text == "-" {
        let mut read = String::new();
        std::io::stdin().read_to_string(&mut read).map_err(|e| failed(format!("reading stdin: {e}")))?;
        read
    } else {
        text
    };
    serde_json::from_str(&text).map_err(|e| usage(format!("the arguments are not a JSON object: {e}")))
}

pub(super) fn text(output: &ToolOutput) -> String {
    let parts = output.content.iter().map(|content| match content {
        Content::Text(text) | Content::Resource { body: ResourceBody::Text(text), .. } => text.clone(),
        Content::Image(media) | Content::Audio(media) => {
            format!("({}, {} bytes)", media.mime_type, media.data.len())
        }
        Content::Link { uri, .. } => uri.clone(),
        Content::Resource { uri, body: ResourceBody::Blob(bytes), .. } => {
            format!("({uri}, {} bytes)", bytes.len())
        }
    });
    parts.collect::<Vec<_>>().join("\n")
}

pub(super) fn data(output: &ToolOutput) -> Value {
    match &output.structured {
        Some(structured) => structured.clone(),
        None => json!({ "text": text(output) }),
    }
}
