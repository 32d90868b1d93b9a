//! One question to the API server: where an object or a list is, and how it is read and written.
//!
//! Objects stay JSON: every kind, known or not, is read alike.

use std::time::Duration;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::{Request, Response};

use crate::kind::Kind;
use crate::{object, refusal};

/// What a list is asked for at once. A pod can have 30 kB, and a page has to stay below the limit of a response.
const PAGE: usize = 250;

/// The pages one list is followed for.
const PAGES: usize = 20;

/// The field manager of everything that is written.
const MANAGER: &str = "bulkhead";

/// How long the host may answer for a discovery document: it changes when something is installed.
const DISCOVERY_KEPT: Duration = Duration::from_secs(300);

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

/// An API server, and the namespace that is meant where none is named.
#[derive(Debug)]
pub(crate) struct Api {
    base: Base,
    pub(crate) namespace: String,
}

/// Where something is.
#[derive(Clone, Debug)]
pub(crate) struct At {
    kind: Kind,
    pub(crate) namespace: Option<String>,
    name: Option<String>,
    sub: Option<&'static str>,
}

/// Which items of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Select {
    pub(crate) labels: Option<String>,
    pub(crate) fields: Option<String>,
}

/// The form a list is wanted in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    Objects,
    /// The columns that `kubectl get` shows, made by the server.
    Table,
    /// Names, labels and annotations.
    Metadata,
}

/// How a patch is to be understood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Patching {
    Apply { force: bool },
    Merge,
    Strategic,
    Json,
}

/// All of a list, or as much of it as one call reads.
#[derive(Debug)]
pub(crate) struct All<T = Value> {
    pub(crate) items: Vec<T>,
    /// How many there are, with those that were not kept.
    pub(crate) seen: usize,
    /// There was more.
    pub(crate) cut: bool,
}

impl Kind {
    /// The list of this kind: in a namespace, or in all.
    pub(crate) fn at(&self, namespace: Option<&str>) -> At {
        let namespace = namespace.filter(|_| self.namespaced).map(str::to_owned);
        At { kind: self.clone(), namespace, name: None, sub: None }
    }
}

impl At {
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    pub(crate) fn sub(mut self, sub: &'static str) -> Self {
        self.sub = Some(sub);
        self
    }
}

impl Select {
    pub(crate) fn labels(labels: impl Into<String>) -> Self {
        Self { labels: Some(labels.into()), fields: None }
    }

    pub(crate) fn fields(fields: impl Into<String>) -> Self {
        Self { labels: None, fields: Some(fields.into()) }
    }
}

impl Patching {
    fn media_type(self) -> &'static str {
        match self {
            Self::Apply { .. } => "application/apply-patch+yaml",
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Json => "application/json-patch+json",
        }
    }
}

impl Api {
    /// The API under this base URL; the error names the config key.
    pub(crate) fn new(url: &str, namespace: String) -> Result<Self, String> {
        let base = Base::new(url).map_err(|error| format!("config.url: {error}"))?;
        Ok(Self { base, namespace })
    }

    /// The namespace that is meant; none for all (`*`).
    pub(crate) fn scope<'a>(&'a self, namespace: Option<&'a str>) -> Option<&'a str> {
        match namespace {
            Some("*") => None,
            Some("") | None => Some(&self.namespace),
            named => named,
        }
    }

    /// The namespace of one object.
    ///
    /// # Errors
    /// All are named, where one is needed.
    pub(crate) fn one<'a>(&'a self, namespace: Option<&'a str>) -> Result<&'a str> {
        self.scope(namespace).ok_or_else(|| {
            Error::invalid("namespace", "an object is in one namespace; `*` is for lists. `list` finds it")
        })
    }

    fn request(&self, method: Method, at: &At) -> Request {
        let Kind { group, version, plural, .. } = &at.kind;
        let start = match &**group {
            "" => self.base.request(method, "/api"),
            group => self.base.request(method, "/apis").segment(group),
        };
        let mut request = start.segment(version);
        if let Some(namespace) = &at.namespace {
            request = request.segment("namespaces").segment(namespace);
        }
        request = request.segment(plural);
        let rest = at.name.as_deref().into_iter().chain(at.sub);
        rest.fold(request, Request::segment)
    }

    /// A discovery document, which the host keeps for a while: they are large and change when something is installed.
    pub(crate) async fn discovery(&self, path: &[&str]) -> Result<Value> {
        const AGGREGATED: &str =
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        let start = self.base.get(path.first().copied().unwrap_or_default());
        let request = path.iter().skip(1).fold(start, |request, segment| request.segment(segment));
        let request = request.header("accept", AGGREGATED).reuse(DISCOVERY_KEPT);
        read(&send(request, "kind").await?)
    }

    /// What `/version` says.
    pub(crate) async fn version(&self) -> Result<Value> {
        let response = send(self.base.get("/version").header("accept", "application/json"), "").await?;
        let version: Value = response.json()?;
        match version.get("gitVersion") {
            Some(Value::String(_)) => Ok(version),
            _ => Err(foreign("a version")),
        }
    }

    /// One object.
    pub(crate) async fn get(&self, at: At) -> Result<Value> {
        read(&send(self.request(Method::Get, &at), "name").await?)
    }

    /// One object; none if the server knows that it is not there.
    pub(crate) async fn find(&self, at: At) -> Result<Option<Value>> {
        let response = self.request(Method::Get, &at).send().await?;
        if refusal::says_absent(&response) {
            return Ok(None);
        }
        read(&refusal::checked(response, "name")?).map(Some)
    }

    /// One page of a list, in the words of the server: `items` or `rows`, and `metadata.continue`.
    pub(crate) async fn page(
        &self,
        at: &At,
        select: &Select,
        form: Form,
        limit: usize,
        next: Option<&str>,
    ) -> Result<Value> {
        let request = self
            .request(Method::Get, at)
            .query("limit", limit)
            .query_opt("labelSelector", select.labels.as_deref())
            .query_opt("fieldSelector", select.fields.as_deref())
            .query_opt("continue", next);
        let request = match form {
            Form::Objects => request,
            Form::Table => request.header("accept", TABLE),
            Form::Metadata => request.header("accept", METADATA),
        };
        let blame = match (&select.labels, &select.fields) {
            (Some(_), None) => "labels",
            (None, Some(_)) => "field_selector",
            _ => "",
        };
        read(&send(request, blame).await?)
    }

    /// The pages of a list, one after the other, so that only one is held at a time. True if there were more.
    pub(crate) async fn pages(
        &self,
        at: &At,
        select: &Select,
        form: Form,
        mut take: impl FnMut(Value) -> Result<()>,
    ) -> Result<bool> {
        let mut next = None;
        for _ in 0..PAGES {
            let page = self.page(at, select, form, PAGE, next.as_deref()).await?;
            next = continued(&page);
            take(page)?;
            if next.is_none() {
                break;
            }
        }
        Ok(next.is_some())
    }

    /// What is to be kept of the items of a list.
    pub(crate) async fn sift<T>(
        &self,
        at: At,
        select: &Select,
        mut keep: impl FnMut(Value) -> Option<T>,
    ) -> Result<All<T>> {
        let (mut items, mut seen) = (Vec::new(), 0);
        let cut = self
            .pages(&at, select, Form::Objects, |mut page| {
                let page = page_items(&mut page)?;
                seen += page.len();
                items.extend(page.into_iter().filter_map(&mut keep));
                Ok(())
            })
            .await?;
        Ok(All { items, seen, cut })
    }

    /// The items of a list, without what only the server needs.
    pub(crate) async fn all(&self, at: At, select: &Select) -> Result<All> {
        let light = |mut item| {
            object::lighten(&mut item);
            Some(item)
        };
        self.sift(at, select, light).await
    }

    /// The names in a list, as many as one request gives.
    pub(crate) async fn names(&self, at: At) -> Result<Vec<String>> {
        let mut page = self.page(&at, &Select::default(), Form::Metadata, PAGE, None).await?;
        Ok(page_items(&mut page)?.iter().map(|item| object::name(item).to_owned()).collect())
    }

    /// The items of a list that is not paged: the metrics API knows no pages.
    pub(crate) async fn plain(&self, at: At, labels: Option<&str>) -> Result<Vec<Value>> {
        let request = self.request(Method::Get, &at).query_opt("labelSelector", labels);
        page_items(&mut read(&send(request, "labels").await?)?)
    }

    /// The log of a container, cut at a size that no model reads.
    pub(crate) async fn log(&self, at: At, params: &[(&str, String)]) -> Result<String> {
        let request = self.request(Method::Get, &at.sub("log"));
        let request = params.iter().fold(request, |request, (name, value)| request.query(name, value));
        Ok(send(request, "container").await?.text())
    }

    /// Changes an object, or says what would change.
    pub(crate) async fn patch(
        &self,
        at: At,
        how: Patching,
        body: &Value,
        dry_run: bool,
        blame: &str,
    ) -> Result<Value> {
        let force = matches!(how, Patching::Apply { force: true }).then_some("true");
        let request = written(self.request(Method::Patch, &at), dry_run).query_opt("force", force);
        read(&send(request.body(body.to_string(), how.media_type()), blame).await?)
    }

    /// Makes an object.
    pub(crate) async fn create(&self, at: At, body: &Value, dry_run: bool, blame: &str) -> Result<Value> {
        let request = written(self.request(Method::Post, &at), dry_run);
        read(&send(request.json_body(body), blame).await?)
    }

    /// Asks for a review, or for an eviction: a POST that leaves no object.
    pub(crate) async fn post(&self, at: At, body: &Value, dry_run: bool) -> Result<Value> {
        let request = self.request(Method::Post, &at).query_opt("dryRun", dry_run.then_some("All"));
        read(&send(request.json_body(body), "").await?)
    }

    /// Deletes an object.
    pub(crate) async fn delete(&self, at: At, options: &Value) -> Result<Value> {
        read(&send(self.request(Method::Delete, &at).json_body(options), "name").await?)
    }
}

fn written(request: Request, dry_run: bool) -> Request {
    request
        .query("fieldManager", MANAGER)
        .query("fieldValidation", "Strict")
        .query_opt("dryRun", dry_run.then_some("All"))
}

async fn send(request: Request, blame: &str) -> Result<Response> {
    refusal::checked(request.send().await?, blame)
}

/// What the API server answers is an object that says its kind.
fn read(response: &Response) -> Result<Value> {
    let value: Value = response.json()?;
    match value.get("kind") {
        Some(Value::String(kind)) if !kind.is_empty() => Ok(value),
        _ => Err(foreign("an object of Kubernetes")),
    }
}

fn foreign(what: &str) -> Error {
    Error::failed(format!("the answer is not {what}: the operator's `url` may not be that of an API server"))
}

/// The items of a page; a list without any is written as null at times, but it is a list.
pub(crate) fn page_items(page: &mut Value) -> Result<Vec<Value>> {
    match page.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        Some(Value::Null) => Ok(Vec::new()),
        _ => Err(foreign("a list")),
    }
}

/// Where the next page begins, in the server's words.
pub(crate) fn continued(page: &Value) -> Option<String> {
    let next = page.pointer("/metadata/continue").and_then(Value::as_str)?;
    (!next.is_empty()).then(|| next.to_owned())
}
