//! Owns completing arguments of prompts and resource templates while the user types.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

use serde_json::{Map, Value};

use crate::call::Call;
use crate::error::Result;

/// What MCP lets through at once.
#[cfg(any(target_family = "wasm", test))]
const MOST: usize = 100;

/// What the user has typed so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Completing {
    /// Of the argument that is completed.
    pub prefix: String,
    /// The arguments that are settled.
    pub settled: Map<String, Value>,
}

impl Completing {
    /// The value of an argument that is settled.
    pub fn settled(&self, argument: &str) -> Option<&str> {
        self.settled.get(argument).and_then(Value::as_str)
    }

    /// Those of the candidates that begin with what was typed.
    pub fn matching(&self, candidates: impl IntoIterator<Item = impl Into<String>>) -> Completion {
        let candidates = candidates.into_iter().map(Into::into);
        candidates.filter(|candidate: &String| candidate.starts_with(&self.prefix)).collect()
    }
}

/// What the argument could be, best first. Only the first hundred are sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completion {
    pub(crate) values: Vec<String>,
    pub(crate) total: Option<u32>,
}

impl Completion {
    /// The values.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// How many there are in all, where that is known and more than these.
    #[must_use]
    pub fn of(mut self, total: u32) -> Self {
        self.total = Some(total);
        self
    }

    /// The values that fit, how many there are in all, and whether some are missing.
    #[cfg(any(target_family = "wasm", test))]
    pub(crate) fn into_parts(mut self) -> (Vec<String>, Option<u32>, bool) {
        let all = self.values.len();
        self.values.truncate(MOST);
        let total = self.total.or(u32::try_from(all).ok());
        let missing = total.is_some_and(|total| usize::try_from(total).is_ok_and(|t| t > self.values.len()));
        (self.values, total, missing)
    }
}

impl<T: Into<String>> FromIterator<T> for Completion {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self { values: values.into_iter().map(Into::into).collect(), total: None }
    }
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Completion>> + 'a>>;

/// A function that completes one argument.
pub(crate) trait Completer<S> {
    fn run<'a>(&'a self, service: &'a S, typed: &'a Completing, call: &'a Call) -> Running<'a>;
}

impl<S, F> Completer<S> for F
where
    F: for<'a> AsyncFn(&'a S, &'a Completing, &'a Call) -> Result<Completion>,
{
    fn run<'a>(&'a self, service: &'a S, typed: &'a Completing, call: &'a Call) -> Running<'a> {
        Box::pin(self(service, typed, call))
    }
}

/// The completers of what has arguments, by argument.
pub(crate) type Completers<S> = Vec<(Cow<'static, str>, Box<dyn Completer<S>>)>;

pub(crate) fn find<'a, S>(completers: &'a Completers<S>, argument: &str) -> Option<&'a dyn Completer<S>> {
    completers.iter().find(|(name, _)| name == argument).map(|(_, completer)| &**completer)
}
