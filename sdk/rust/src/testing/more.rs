//! Testing what a service has beside tools.

use serde_json::Value;

use super::Mock;
use crate::call::Call;
use crate::completion::{Completing, Completion};
use crate::dispatch::{self, Reference};
use crate::error::{Error, Result};
use crate::prompt::{Messages, PromptArgument};
use crate::resource::{Contents, Entry, Page};
use crate::service::Service;

/// A prompt as clients will see it, without the service's prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptInfo {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: Option<String>,
    /// Its description.
    pub description: String,
    /// What it takes.
    pub arguments: Vec<PromptArgument>,
}

fn service<S: Service>(config: impl Into<Value>) -> Result<S> {
    dispatch::initialize(&config.into().to_string()).map_err(Error::failed)
}

/// Every prompt the service lists with this config.
///
/// # Errors
/// The config is refused.
pub fn prompts<S: Service>(config: impl Into<Value>) -> Result<Vec<PromptInfo>> {
    let prompts = service::<S>(config)?.prompts().into_iter();
    let info = |prompt: crate::Prompt<S>| PromptInfo {
        arguments: prompt.arguments(),
        name: prompt.name.into_owned(),
        title: prompt.title.map(Into::into),
        description: prompt.description.into_owned(),
    };
    Ok(prompts.map(info).collect())
}

/// Fills a prompt in.
///
/// # Errors
/// As the prompt's; a config that is refused is `failed`.
pub fn prompt<S: Service>(
    config: impl Into<Value>,
    mock: &Mock,
    name: &str,
    arguments: impl Into<Value>,
    call: &Call,
) -> Result<Messages> {
    let _host = mock.install();
    dispatch::get_prompt(&service::<S>(config)?, name, &arguments.into().to_string(), call)
}

/// Every resource template the service lists with this config.
///
/// # Errors
/// The config is refused.
pub fn templates<S: Service>(config: impl Into<Value>) -> Result<Vec<Entry>> {
    Ok(service::<S>(config)?.resources().templates().cloned().collect())
}

/// Lists a page of resources.
///
/// # Errors
/// As the service's; a config that is refused is `failed`.
pub fn resources<S: Service>(
    config: impl Into<Value>,
    mock: &Mock,
    cursor: Option<&str>,
    call: &Call,
) -> Result<Page> {
    let _host = mock.install();
    dispatch::list_resources(&service::<S>(config)?, cursor, call)
}

/// Reads a resource.
///
/// # Errors
/// As the resource's; a config that is refused is `failed`.
pub fn read<S: Service>(config: impl Into<Value>, mock: &Mock, uri: &str, call: &Call) -> Result<Contents> {
    let _host = mock.install();
    dispatch::read_resource(&service::<S>(config)?, uri, call)
}

/// Completes an argument.
///
/// # Errors
/// As the completer's; a config that is refused is `failed`.
pub fn complete<S: Service>(
    config: impl Into<Value>,
    mock: &Mock,
    reference: &Reference,
    argument: &str,
    typed: &Completing,
    call: &Call,
) -> Result<Completion> {
    let _host = mock.install();
    dispatch::complete(&service::<S>(config)?, reference, argument, typed, call)
}

#[cfg(test)]
mod tests;
