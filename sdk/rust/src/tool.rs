//! Owns [`Tool`] and [`Tools`]: what a service offers, and the typed handler behind each.
//!
//! Schemas are made only when tools are listed. A call builds the list (a few words per tool),
//! finds its handler, and runs it.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call::Call;
use crate::error::Result;
use crate::output::Output;
use crate::{arguments, schema};

/// A schema that a type makes when it is asked for, or that was made elsewhere.
enum Published {
    Of(fn() -> Value),
    Made(Value),
}

/// What the calls of a tool send, in its `_meta`. The host takes it out: clients do not see it.
const EGRESS: &str = "bulkhead/egress";

type Running<'a> = Pin<Box<dyn Future<Output = Result<Output>> + 'a>>;

/// One tool of the service `S`.
pub struct Tool<S> {
    pub(crate) name: Cow<'static, str>,
    pub(crate) title: Option<Cow<'static, str>>,
    pub(crate) description: Cow<'static, str>,
    pub(crate) annotations: Annotations,
    pub(crate) tags: Vec<Cow<'static, str>>,
    pub(crate) cache: Option<Duration>,
    pub(crate) plan: Option<Vec<u8>>,
    meta: Option<Value>,
    egress: Vec<Value>,
    input: Option<Value>,
    output: Option<Published>,
    handler: Box<dyn Handler<S>>,
}

/// Hints for clients; each is false until said otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Annotations {
    /// Changes nothing anywhere.
    pub read_only: bool,
    /// May overwrite or delete.
    pub destructive: bool,
    /// The same call twice changes no more than once.
    pub idempotent: bool,
    /// Reaches beyond the host.
    pub open_world: bool,
}

impl<S: 'static> Tool<S> {
    /// A tool called `name` (`[a-z][a-z0-9_]*`). The description is for the model: what it does,
    /// when to use it, what comes back. The handler's argument type makes the input schema.
    pub fn new<A, F>(
        name: impl Into<Cow<'static, str>>,
        description: impl Into<Cow<'static, str>>,
        handler: F,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + 'static,
        F: for<'a> AsyncFn(&'a S, A, &'a Call) -> Result<Output> + 'static,
    {
        Self {
            name: name.into(),
            title: None,
            description: description.into(),
            annotations: Annotations::default(),
            tags: Vec::new(),
            cache: None,
            plan: None,
            meta: None,
            egress: Vec::new(),
            input: None,
            output: None,
            handler: Box::new(Typed { handler, arguments: PhantomData }),
        }
    }

    /// A tool that only reads an upstream, as most tools do: read-only, idempotent, open world, tagged `read`, so that
    /// operators can grant reading alone.
    pub fn reads<A, F>(
        name: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
        description: impl Into<Cow<'static, str>>,
        handler: F,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + 'static,
        F: for<'a> AsyncFn(&'a S, A, &'a Call) -> Result<Output> + 'static,
    {
        Self::new(name, description, handler).title(title).read_only().idempotent().open_world().tag("read")
    }

    /// A tool that changes an upstream: open world, tagged `write`. One that may overwrite or delete is also
    /// [`destructive`](Tool::destructive), and one that may be repeated [`idempotent`](Tool::idempotent).
    pub fn writes<A, F>(
        name: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
        description: impl Into<Cow<'static, str>>,
        handler: F,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + 'static,
        F: for<'a> AsyncFn(&'a S, A, &'a Call) -> Result<Output> + 'static,
    {
        Self::new(name, description, handler).title(title).open_world().tag("write")
    }

    /// A short name for people.
    #[must_use]
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// It changes nothing anywhere.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.annotations.read_only = true;
        self
    }

    /// It may overwrite or delete.
    #[must_use]
    pub fn destructive(mut self) -> Self {
        self.annotations.destructive = true;
        self
    }

    /// The same call twice changes no more than once.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.annotations.idempotent = true;
        self
    }

    /// It reaches beyond the host.
    #[must_use]
    pub fn open_world(mut self) -> Self {
        self.annotations.open_world = true;
        self
    }

    /// A word operators can select tools by: `write`, `admin`, `logs`.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Cow<'static, str>>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// How long the host may reuse a result for the same tenant and arguments.
    #[must_use]
    pub fn cache(mut self, time: Duration) -> Self {
        self.cache = Some(time);
        self
    }

    /// The type of the structured result; publishes its schema.
    #[must_use]
    pub fn output<T: JsonSchema>(mut self) -> Self {
        self.output = Some(Published::Of(schema::output::<T>));
        self
    }

    /// The schema of the structured result, made elsewhere.
    #[must_use]
    pub fn output_schema(mut self, schema: Value) -> Self {
        self.output = Some(Published::Made(schema));
        self
    }

    /// An input schema made elsewhere (from an API document, say) instead of the argument type's;
    /// the handler then usually takes a [`Value`].
    #[must_use]
    pub fn input_schema(mut self, schema: Value) -> Self {
        self.input = Some(schema);
        self
    }

    /// Bytes handed back with every call of this tool ([`Call::plan`]); at most 64 KiB.
    #[must_use]
    pub fn plan(mut self, plan: Vec<u8>) -> Self {
        self.plan = Some(plan);
        self
    }

    /// A JSON object for the MCP `_meta` of the tool. With `"bulkhead/task": "optional"` in it, calls are tasks from the
    /// start for clients that know tasks; with `"required"` the tool is only for those.
    #[must_use]
    pub fn meta(mut self, meta: Value) -> Self {
        self.meta = Some(meta);
        self
    }

    /// Its calls send only such requests, and others if it is said again; the host refuses the rest. The pattern is one
    /// as in [`Manifest::egress`](crate::Manifest::egress), which must ask for it too: a tool only ever gets less. For
    /// services whose tools come from their config, where the manifest can ask only for all that they might be. A call
    /// that fetches something in [`Service::new`](crate::Service::new) needs a pattern for that as well.
    #[must_use]
    pub fn egress(mut self, pattern: impl Into<String>, methods: &[&str]) -> Self {
        self.egress.push(serde_json::json!({ "url": pattern.into(), "methods": methods }));
        self
    }

    /// Its `_meta`, with what it sends.
    pub(crate) fn whole_meta(&self) -> Option<Value> {
        if self.egress.is_empty() {
            return self.meta.clone();
        }
        let mut meta = match &self.meta {
            Some(Value::Object(meta)) => meta.clone(),
            _ => serde_json::Map::new(),
        };
        let said = meta.entry(EGRESS).or_insert_with(|| Value::Array(Vec::new()));
        if let Some(said) = said.as_array_mut() {
            said.extend(self.egress.iter().cloned());
        }
        Some(Value::Object(meta))
    }

    pub(crate) fn input(&self) -> Value {
        self.input.clone().unwrap_or_else(|| self.handler.input())
    }

    pub(crate) fn published_output(&self) -> Option<Value> {
        self.output.as_ref().map(|output| match output {
            Published::Of(make) => make(),
            Published::Made(schema) => schema.clone(),
        })
    }

    /// Reads the arguments and runs the handler.
    pub(crate) async fn run(&self, service: &S, arguments: &str, call: &Call) -> Result<Output> {
        self.handler.run(service, arguments::parse(arguments)?, call).await?.checked()
    }
}

impl<S> fmt::Debug for Tool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The tools of a service, in the order clients see.
#[derive(Debug)]
pub struct Tools<S>(Vec<Tool<S>>);

impl<S> Tools<S> {
    /// No tools yet.
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a list of tools is not a number")]
    pub fn add(mut self, tool: Tool<S>) -> Self {
        self.0.push(tool);
        self
    }

    /// Adds all of another list, for services that keep families of tools in files of their own.
    #[must_use]
    pub fn extend(mut self, more: impl IntoIterator<Item = Tool<S>>) -> Self {
        self.0.extend(more);
        self
    }

    /// The tool of that name.
    pub fn find(self, name: &str) -> Option<Tool<S>> {
        self.0.into_iter().find(|tool| tool.name == name)
    }
}

impl<S> Default for Tools<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> IntoIterator for Tools<S> {
    type Item = Tool<S>;
    type IntoIter = std::vec::IntoIter<Tool<S>>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A handler with its argument type out of sight. Handlers are functions, so the box is empty.
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
    F: for<'a> AsyncFn(&'a S, A, &'a Call) -> Result<Output>,
{
    fn run<'a>(&'a self, service: &'a S, arguments: Value, call: &'a Call) -> Running<'a> {
        Box::pin(async move { (self.handler)(service, arguments::read(arguments)?, call).await })
    }

    fn input(&self) -> Value {
        schema::input::<A>()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::NoArgs;

    fn tool() -> Tool<()> {
        Tool::new("get", "Gets.", async |&(): &(), _: NoArgs, _: &Call| Ok(Output::text("")))
    }

    #[test]
    fn a_tool_that_reads_or_writes_says_so() {
        let handler = async |&(): &(), _: NoArgs, _: &Call| Ok(Output::text(""));
        let said = |tool: Tool<()>| (tool.title, tool.annotations, tool.tags);
        let open = Annotations { open_world: true, ..Annotations::default() };
        assert_eq!(
            said(Tool::reads("get", "Get", "Gets.", handler)),
            (
                Some("Get".into()),
                Annotations { read_only: true, idempotent: true, ..open },
                vec!["read".into()]
            )
        );
        assert_eq!(
            said(Tool::writes("put", "Put", "Puts.", handler)),
            (Some("Put".into()), open, vec!["write".into()])
        );
    }

    #[test]
    fn what_a_tool_sends_is_in_its_meta() {
        assert_eq!(tool().whole_meta(), None);
        assert_eq!(tool().meta(json!({ "a": 1 })).whole_meta(), Some(json!({ "a": 1 })));
        let pets = json!({ "url": "{config.url}/pets", "methods": ["GET", "POST"] });
        let pet = json!({ "url": "{config.url}/pets/*", "methods": ["GET"] });
        let said =
            tool().egress("{config.url}/pets", &["GET", "POST"]).egress("{config.url}/pets/*", &["GET"]);
        let both = json!({ "a": 1, "bulkhead/egress": [pets, pet] });
        assert_eq!(said.meta(json!({ "a": 1 })).whole_meta(), Some(both));
        let nothing = json!({ "bulkhead/egress": [] });
        assert_eq!(tool().meta(nothing.clone()).whole_meta(), Some(nothing));
    }
}
