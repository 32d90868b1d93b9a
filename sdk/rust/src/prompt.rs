//! Owns [`Prompt`] and [`Prompts`]: what a service offers for people to begin with, and the typed
//! handler behind each. Made like tools: the handler's argument type makes the list of arguments.
//!
//! A text says `{tool:query}` for a tool of its own service, and `{tool:loki/query_range}` for one of the component
//! `loki`. The host puts the names in their place that the caller knows, and leaves out each line with a tool that the
//! caller cannot use.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ask::Ask;
use crate::call::Call;
use crate::completion::{Completer, Completers, Completing, Completion};
use crate::error::Result;
use crate::output::Content;
use crate::{arguments, schema};

type Running<'a> = Pin<Box<dyn Future<Output = Result<Messages>> + 'a>>;

/// One prompt of the service `S`.
pub struct Prompt<S> {
    pub(crate) name: Cow<'static, str>,
    pub(crate) title: Option<Cow<'static, str>>,
    pub(crate) description: Cow<'static, str>,
    handler: Box<dyn Handler<S>>,
    completers: Completers<S>,
}

/// An argument of a prompt, as clients see it. Its value is always a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptArgument {
    /// Its name.
    pub name: String,
    /// What it is, for people: the documentation of the field.
    pub description: String,
    /// Whether it must be given.
    pub required: bool,
}

impl<S: 'static> Prompt<S> {
    /// A prompt called `name` (`[a-z][a-z0-9_]*`). The handler's argument type says what it takes:
    /// fields that are strings, optional strings, or enums without data.
    pub fn new<A, F>(
        name: impl Into<Cow<'static, str>>,
        description: impl Into<Cow<'static, str>>,
        handler: F,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + 'static,
        F: for<'a> AsyncFn(&'a S, A, &'a Call) -> Result<Messages> + 'static,
    {
        Self {
            name: name.into(),
            title: None,
            description: description.into(),
            handler: Box::new(Typed { handler, arguments: PhantomData }),
            completers: Completers::new(),
        }
    }

    /// A short name for people.
    #[must_use]
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Suggests values of an argument while the user types. Export it: `register!(…, completions)`.
    #[must_use]
    pub fn complete<F>(mut self, argument: impl Into<Cow<'static, str>>, completer: F) -> Self
    where
        F: for<'a> AsyncFn(&'a S, &'a Completing, &'a Call) -> Result<Completion> + 'static,
    {
        self.completers.push((argument.into(), Box::new(completer)));
        self
    }

    pub(crate) fn completer(&self, argument: &str) -> Option<&dyn Completer<S>> {
        crate::completion::find(&self.completers, argument)
    }

    /// What it takes, from the argument type.
    pub(crate) fn arguments(&self) -> Vec<PromptArgument> {
        let schema = self.handler.input();
        let required = |name: &str| {
            let names = schema.get("required").and_then(Value::as_array);
            names.is_some_and(|names| names.iter().any(|one| one == name))
        };
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let argument = |(name, property): (&String, &Value)| PromptArgument {
            name: name.clone(),
            description: property.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
            required: required(name),
        };
        properties.map(argument).collect()
    }

    pub(crate) async fn run(&self, service: &S, arguments: &str, call: &Call) -> Result<Messages> {
        self.handler.run(service, arguments::parse(arguments)?, call).await
    }
}

impl<S> fmt::Debug for Prompt<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The prompts of a service, in the order clients see.
#[derive(Debug)]
pub struct Prompts<S>(Vec<Prompt<S>>);

impl<S> Prompts<S> {
    /// No prompts yet.
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a list of prompts is not a number")]
    pub fn add(mut self, prompt: Prompt<S>) -> Self {
        self.0.push(prompt);
        self
    }

    /// The prompt of that name.
    pub fn find(self, name: &str) -> Option<Prompt<S>> {
        self.0.into_iter().find(|prompt| prompt.name == name)
    }
}

impl<S> Default for Prompts<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> IntoIterator for Prompts<S> {
    type Item = Prompt<S>;
    type IntoIter = std::vec::IntoIter<Prompt<S>>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// A prompt, filled in: what the conversation begins with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Messages {
    pub(crate) description: Option<String>,
    pub(crate) messages: Vec<(Role, Content)>,
    pub(crate) ask: Option<Ask>,
}

impl Messages {
    /// Nothing said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The user says a text. It may refer to tools: see the head of this module.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new().and(Role::User, Content::Text(text.into()))
    }

    /// Not done: the user is asked something first.
    pub fn ask(ask: Ask) -> Self {
        Self { ask: Some(ask), ..Self::default() }
    }

    /// Adds a message.
    #[must_use]
    pub fn and(mut self, role: Role, content: Content) -> Self {
        self.messages.push((role, content));
        self
    }

    /// What it is for, now that its arguments are known.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// The messages.
    pub fn messages(&self) -> &[(Role, Content)] {
        &self.messages
    }

    /// What the user is asked, if the call is not done.
    pub fn asked(&self) -> Option<&Ask> {
        self.ask.as_ref()
    }
}

/// A handler with its argument type out of sight.
trait Handler<S> {
    fn run<'a>(&'a self, service: &'a S, arguments: Value, call: &'a Call) -> Running<'a>;
    fn input(&self) -> Value;
}

struct Typed<A, F> {
    handler: F,
    arguments: PhantomData<fn(A)>,
}

impl<S, A, F> Handler<S> for Typed<A, F>
where
    A: DeserializeOwned + JsonSchema,
    F: for<'a> AsyncFn(&'a S, A, &'a Call) -> Result<Messages>,
{
    fn run<'a>(&'a self, service: &'a S, arguments: Value, call: &'a Call) -> Running<'a> {
        Box::pin(async move { (self.handler)(service, arguments::read(arguments)?, call).await })
    }

    fn input(&self) -> Value {
        schema::input::<A>()
    }
}
