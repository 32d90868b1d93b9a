//! Owns [`Resource`] and [`Resources`]: what a service lets clients read, by URI, and the typed
//! handler behind each. A resource with a `{…}` in its URI is a template; the handler's argument
//! type gets what stands there.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::arguments;
use crate::ask::Ask;
use crate::call::Call;
use crate::completion::{Completer, Completers, Completing, Completion};
use crate::error::{Error, Result};
use crate::template::Template;

type Reading<'a> = Pin<Box<dyn Future<Output = Result<Contents>> + 'a>>;
type Listing<'a> = Pin<Box<dyn Future<Output = Result<Page>> + 'a>>;

/// What is known of a resource without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// Where it is.
    pub uri: String,
    /// What it is called.
    pub name: String,
    /// The same for people.
    pub title: Option<String>,
    /// What it is, for the model.
    pub description: Option<String>,
    /// Its media type.
    pub mime_type: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
}

impl Entry {
    /// A resource that is listed.
    pub fn new(uri: impl Into<String>, name: impl Into<String>) -> Self {
        Self { uri: uri.into(), name: name.into(), ..Self::default() }
    }
}

/// One resource of the service `S`, or all that a template stands for.
pub struct Resource<S> {
    pub(crate) entry: Entry,
    template: Template,
    reader: Box<dyn Reader<S>>,
    completers: Completers<S>,
}

impl<S: 'static> Resource<S> {
    /// What is at a URI. In a template, `docs://{section}/{+path}`, `{section}` is anything up to
    /// the next slash and `{+path}` anything at all.
    pub fn new<A, F>(uri: impl Into<String>, name: impl Into<String>, reader: F) -> Self
    where
        A: DeserializeOwned + 'static,
        F: for<'a> AsyncFn(&'a S, A, &'a Call) -> Result<Contents> + 'static,
    {
        let entry = Entry::new(uri, name);
        let template = Template::new(&entry.uri);
        let reader = Box::new(Typed { reader, arguments: PhantomData });
        Self { entry, template, reader, completers: Completers::new() }
    }

    /// A short name for people.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.entry.title = Some(title.into());
        self
    }

    /// What it is, for the model.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.entry.description = Some(description.into());
        self
    }

    /// Its media type; also that of its contents, unless they say otherwise.
    #[must_use]
    pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
        self.entry.mime_type = Some(mime_type.into());
        self
    }

    /// Suggests what could stand in a template while the user types. Export it:
    /// `register!(…, completions)`.
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
}

impl<S> fmt::Debug for Resource<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// The resources of a service, in the order clients see.
pub struct Resources<S> {
    all: Vec<Resource<S>>,
    lister: Option<Box<dyn Lister<S>>>,
}

impl<S: 'static> Resources<S> {
    /// No resources yet.
    pub fn new() -> Self {
        Self { all: Vec::new(), lister: None }
    }

    /// Adds a resource, or a template.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a list of resources is not a number")]
    pub fn add(mut self, resource: Resource<S>) -> Self {
        self.all.push(resource);
        self
    }

    /// Lists, after those that were added, what only the upstream knows, page by page: the handler
    /// gets the cursor of its last page. They are read by a template.
    #[must_use]
    pub fn list<F>(mut self, lister: F) -> Self
    where
        F: for<'a> AsyncFn(&'a S, Option<&'a str>, &'a Call) -> Result<Page> + 'static,
    {
        self.lister = Some(Box::new(lister));
        self
    }

    /// The templates.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Entry> {
        self.all.iter().filter(|one| one.template.has_variables()).map(|one| &one.entry)
    }

    pub(crate) fn template(&self, uri: &str) -> Option<&Resource<S>> {
        self.all.iter().find(|one| one.entry.uri == uri)
    }

    /// One page: first what was added, then what the lister gives.
    pub(crate) async fn page(&self, service: &S, cursor: Option<&str>, call: &Call) -> Result<Page> {
        let fixed = self.all.iter().filter(|one| !one.template.has_variables());
        let fixed = fixed.filter(|_| cursor.is_none()).map(|one| one.entry.clone());
        let mut page = Page { entries: fixed.collect(), next: None };
        if let Some(lister) = &self.lister {
            let Page { entries, next } = lister.run(service, cursor, call).await?;
            page.entries.extend(entries);
            page.next = next;
        }
        Ok(page)
    }

    pub(crate) async fn read(&self, service: &S, uri: &str, call: &Call) -> Result<Contents> {
        let fitting = |one: &Resource<S>| one.template.variables(uri);
        let found = self.all.iter().find_map(|one| Some((one, fitting(one)?)));
        let Some((resource, variables)) = found else {
            return Err(Error::not_found(format!("there is no resource `{uri}`")));
        };
        let mut contents = resource.reader.run(service, variables, call).await?;
        for part in &mut contents.parts {
            part.uri.get_or_insert_with(|| uri.to_owned());
            if part.mime_type.is_none() {
                part.mime_type.clone_from(&resource.entry.mime_type);
            }
        }
        Ok(contents)
    }
}

impl<S> fmt::Debug for Resources<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources").field("all", &self.all).finish_non_exhaustive()
    }
}

impl<S: 'static> Default for Resources<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// Some resources, and where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The resources.
    pub entries: Vec<Entry>,
    /// Handed back for the next page; none on the last.
    pub next: Option<String>,
}

/// What a resource holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contents {
    pub(crate) parts: Vec<Part>,
    pub(crate) ask: Option<Ask>,
}

/// One part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where it is; the URI that is read, if nothing is said.
    pub uri: Option<String>,
    /// Its media type; that of the resource, if nothing is said.
    pub mime_type: Option<String>,
    /// What is in it.
    pub body: Body,
}

/// Text or bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Contents {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::of(Body::Text(text.into()))
    }

    /// Bytes.
    pub fn blob(bytes: impl Into<Vec<u8>>) -> Self {
        Self::of(Body::Blob(bytes.into()))
    }

    fn of(body: Body) -> Self {
        Self { parts: vec![Part { uri: None, mime_type: None, body }], ask: None }
    }

    /// Not done: the user is asked something first.
    pub fn ask(ask: Ask) -> Self {
        Self { parts: Vec::new(), ask: Some(ask) }
    }

    /// Adds a part that has a URI of its own, such as a file of a folder.
    #[must_use]
    pub fn and(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// The parts.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What the user is asked, if the call is not done.
    pub fn asked(&self) -> Option<&Ask> {
        self.ask.as_ref()
    }
}

trait Reader<S> {
    fn run<'a>(&'a self, service: &'a S, variables: Map<String, Value>, call: &'a Call) -> Reading<'a>;
}

struct Typed<A, F> {
    reader: F,
    arguments: PhantomData<fn(A)>,
}

impl<S, A, F> Reader<S> for Typed<A, F>
where
    A: DeserializeOwned,
    F: for<'a> AsyncFn(&'a S, A, &'a Call) -> Result<Contents>,
{
    fn run<'a>(&'a self, service: &'a S, variables: Map<String, Value>, call: &'a Call) -> Reading<'a> {
        Box::pin(
            async move { (self.reader)(service, arguments::read(Value::Object(variables))?, call).await },
        )
    }
}

trait Lister<S> {
    fn run<'a>(&'a self, service: &'a S, cursor: Option<&'a str>, call: &'a Call) -> Listing<'a>;
}

impl<S, F> Lister<S> for F
where
    F: for<'a> AsyncFn(&'a S, Option<&'a str>, &'a Call) -> Result<Page>,
{
    fn run<'a>(&'a self, service: &'a S, cursor: Option<&'a str>, call: &'a Call) -> Listing<'a> {
        Box::pin(self(service, cursor, call))
    }
}
