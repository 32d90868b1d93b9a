//! Owns the path from an export to the service. The component's exports and
//! [`testing`](crate::testing) both go through here, so tests run what runs in the sandbox.

use crate::call::Call;
use crate::completion::{Completing, Completion};
use crate::error::{Error, Result};
use crate::output::Output;
use crate::prompt::Messages;
use crate::resource::{Contents, Page};
use crate::service::Service;
use crate::tool::Tools;
use crate::{arguments, clock};

/// Reads the config and makes the service.
///
/// # Errors
/// Names the key and says what was expected.
pub fn initialize<S: Service>(config: &str) -> Result<S, String> {
    S::new(arguments::config(config)?)
}

/// Every tool.
///
/// # Errors
/// The service cannot tell.
pub fn list_tools<S: Service>(service: &S) -> Result<Tools<S>> {
    clock::block_on(service.list())
}

/// Runs one call to its end.
///
/// # Errors
/// The tool is unknown, its arguments do not fit, or it failed.
pub fn call_tool<S: Service>(service: &S, name: &str, arguments: &str, call: &Call) -> Result<Output> {
    let tool = service
        .tool(name, call.plan())
        .ok_or_else(|| Error::not_found(format!("this service has no tool `{name}`")))?;
    call.enter();
    clock::block_on(tool.run(service, arguments, call))
}

/// Fills a prompt in.
///
/// # Errors
/// The prompt is unknown, its arguments do not fit, or it failed.
pub fn get_prompt<S: Service>(service: &S, name: &str, arguments: &str, call: &Call) -> Result<Messages> {
    let prompt = service.prompts().find(name);
    let prompt = prompt.ok_or_else(|| Error::not_found(format!("this service has no prompt `{name}`")))?;
    call.enter();
    clock::block_on(prompt.run(service, arguments, call))
}

/// Lists a page of resources.
///
/// # Errors
/// Those of the service.
pub fn list_resources<S: Service>(service: &S, cursor: Option<&str>, call: &Call) -> Result<Page> {
    call.enter();
    clock::block_on(service.resources().page(service, cursor, call))
}

/// Reads a resource.
///
/// # Errors
/// There is none at that URI, or it cannot be read.
pub fn read_resource<S: Service>(service: &S, uri: &str, call: &Call) -> Result<Contents> {
    call.enter();
    clock::block_on(service.resources().read(service, uri, call))
}

/// Whose argument is completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A prompt's, by name.
    Prompt(String),
    /// A resource template's, by its URI template.
    Template(String),
}

/// Completes an argument; nothing is suggested where there is no completer.
///
/// # Errors
/// Those of the completer.
pub fn complete<S: Service>(
    service: &S,
    reference: &Reference,
    argument: &str,
    typed: &Completing,
    call: &Call,
) -> Result<Completion> {
    call.enter();
    let (prompt, resources);
    let completer = match reference {
        Reference::Prompt(name) => {
            prompt = service.prompts().find(name);
            prompt.as_ref().and_then(|prompt| prompt.completer(argument))
        }
        Reference::Template(uri) => {
            resources = service.resources();
            resources.template(uri).and_then(|resource| resource.completer(argument))
        }
    };
    match completer {
        Some(completer) => clock::block_on(completer.run(service, typed, call)),
        None => Ok(Completion::default()),
    }
}
