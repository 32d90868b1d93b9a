//! Owns [`Document`]: the file that was given and those it refers to, read, bounded, and looked up by reference.
//!
//! It does no I/O. What is still missing is asked for: while there is something [`wanted`](Document::wanted),
//! whoever has the document fetches it and gives it ([`provide`](Document::provide)), or says why not
//! ([`refuse`](Document::refuse)); [`load`](Document::load) does that with a function.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::limits::Limits;
use crate::location;
use crate::yaml;

/// References that lead to references are followed this far; more is a loop.
const HOPS: usize = 32;
/// Ours, for overlays: a document of somebody else's must not say of itself that it only reads.
pub(crate) const EXTENSION: &str = "x-bulkhead";

/// Which words a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Swagger 2.0.
    Swagger2,
    /// OpenAPI 3.0, with a dialect of JSON Schema of its own.
    V30,
    /// OpenAPI 3.1, and 3.2 as far as it is the same.
    V31,
}

/// A document with what it refers to.
#[derive(Debug, Clone)]
pub struct Document {
    pub(crate) parts: Vec<Part>,
    pub(crate) limits: Limits,
    version: Version,
    nodes: usize,
    wanted: BTreeSet<String>,
    refused: BTreeMap<String, String>,
    /// What is to be said of the document as a whole.
    pub(crate) remarks: Vec<String>,
}

/// One file.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) at: String,
    pub(crate) root: Value,
}

/// A value, and the file it is in, which is what its references are relative to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    pub(crate) part: usize,
    pub(crate) value: &'a Value,
}

/// Where a reference leads: a file, and a JSON pointer into it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) part: usize,
    pub(crate) pointer: String,
}

impl<'a> Node<'a> {
    pub(crate) fn get(self, key: &str) -> Option<Node<'a>> {
        self.value.get(key).map(|value| Node { part: self.part, value })
    }

    pub(crate) fn text(self, key: &str) -> Option<&'a str> {
        self.value.get(key).and_then(Value::as_str)
    }

    pub(crate) fn flag(self, key: &str) -> bool {
        self.value.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The items of a list there; nothing if there is none.
    pub(crate) fn items(self, key: &str) -> impl Iterator<Item = Node<'a>> {
        let items = self.value.get(key).and_then(Value::as_array);
        items.into_iter().flatten().map(move |value| Node { part: self.part, value })
    }

    /// The fields of an object there; nothing if there is none.
    pub(crate) fn fields(self, key: &str) -> impl Iterator<Item = (&'a String, Node<'a>)> {
        let fields = self.value.get(key).and_then(Value::as_object);
        fields.into_iter().flatten().map(move |(key, value)| (key, Node { part: self.part, value }))
    }

    pub(crate) fn texts(self, key: &str) -> Vec<&'a str> {
        self.items(key).filter_map(|item| item.value.as_str()).collect()
    }
}

impl Document {
    /// Reads a document, JSON or YAML, that was found at a URL or an absolute path.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(bytes: &[u8], at: &str, limits: Limits) -> Result<Self, String> {
        let root = read(bytes, &limits)?;
        let version = version(&root)?;
        let mut document = Self {
            parts: Vec::new(),
            limits,
            version,
            nodes: 0,
            wanted: BTreeSet::new(),
            refused: BTreeMap::new(),
            remarks: Vec::new(),
        };
        let says = root.get("openapi").and_then(Value::as_str).unwrap_or_default();
        if says.starts_with("3.2") {
            document.remarks.push(format!("it is OpenAPI {says}, and is read as 3.1"));
        }
        for (key, what) in [("webhooks", "webhooks"), ("x-webhooks", "webhooks")] {
            if let Some(there) = root.get(key).and_then(Value::as_object).filter(|there| !there.is_empty()) {
                document
                    .remarks
                    .push(format!("{} {what} are left out: the API calls those itself", there.len()));
            }
        }
        document.take(at, root)?;
        Ok(document)
    }

    /// Reads a document and all it refers to.
    ///
    /// # Errors
    /// As [`parse`](Document::parse). What `fetch` does not give is no error: it is said where it is missed.
    pub fn load(
        bytes: &[u8],
        at: &str,
        limits: Limits,
        mut fetch: impl FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, String> {
        let mut document = Self::parse(bytes, at, limits)?;
        while let Some(next) = document.wanted().map(str::to_owned) {
            match fetch(&next) {
                Ok(bytes) => document.provide(&next, &bytes),
                Err(why) => document.refuse(&next, &why),
            }
        }
        Ok(document)
    }

    /// Which words it is written in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// What the API calls itself.
    pub fn title(&self) -> &str {
        self.root().get("info").and_then(|info| info.text("title")).unwrap_or("API")
    }

    /// The URL of the first server that it names in full, its variables' defaults filled in.
    pub fn server(&self) -> Option<String> {
        crate::servers::first(self)
    }

    /// A file that is referred to and not there yet.
    pub fn wanted(&self) -> Option<&str> {
        self.wanted.first().map(String::as_str)
    }

    /// Gives a file that was wanted.
    pub fn provide(&mut self, at: &str, bytes: &[u8]) {
        let taken = match self.parts.len() >= self.limits.documents {
            true => Err(format!("more than {} files are referred to", self.limits.documents)),
            false => read(bytes, &self.limits).and_then(|root| self.take(at, root)),
        };
        self.wanted.remove(at);
        if let Err(why) = taken {
            self.refuse(at, &why);
        }
    }

    /// Says why a file that was wanted is not to be had.
    pub fn refuse(&mut self, at: &str, why: &str) {
        self.wanted.remove(at);
        self.refused.insert(at.to_owned(), why.to_owned());
    }

    fn take(&mut self, at: &str, mut root: Value) -> Result<(), String> {
        let mut found = Vec::new();
        let mut left = self.limits.nodes.saturating_sub(self.nodes);
        survey(&mut root, self.limits.depth, &mut left, &mut found)?;
        self.nodes = self.limits.nodes.saturating_sub(left);
        self.parts.push(Part { at: at.to_owned(), root });
        for reference in found {
            // One that cannot be is said where it is met.
            let Ok(target) = location::join(at, &reference) else { continue };
            if !self.parts.iter().any(|part| part.at == target) && !self.refused.contains_key(&target) {
                self.wanted.insert(target);
            }
        }
        Ok(())
    }

    pub(crate) fn root(&self) -> Node<'_> {
        Node { part: 0, value: self.parts.first().map_or(&Value::Null, |part| &part.root) }
    }

    /// Where the file of that number was found.
    pub(crate) fn at(&self, part: usize) -> &str {
        self.parts.get(part).map_or("", |part| &part.at)
    }

    /// The place a reference in `part` means, and what is there.
    pub(crate) fn resolve(&self, part: usize, reference: &str) -> Result<(Place, Node<'_>), String> {
        let fail = |why: String| format!("`{reference}` cannot be followed: {why}");
        let target = location::join(self.at(part), reference).map_err(&fail)?;
        let Some(found) = self.parts.iter().position(|part| part.at == target) else {
            let why = self.refused.get(&target).map_or("it was not loaded", String::as_str);
            return Err(fail(why.to_owned()));
        };
        let fragment = reference.split_once('#').map_or("", |(_, fragment)| fragment);
        let pointer = percent_encoding::percent_decode_str(fragment).decode_utf8_lossy().into_owned();
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(fail("names of anchors are not looked up; a JSON pointer is expected".to_owned()));
        }
        let node = self.walk(found, &pointer, HOPS).ok_or_else(|| fail("nothing is there".to_owned()))?;
        Ok((Place { part: found, pointer }, node))
    }

    /// What is at a place that was resolved before.
    pub(crate) fn there(&self, place: &Place) -> Option<Node<'_>> {
        self.walk(place.part, &place.pointer, HOPS)
    }

    /// Walks a pointer. References on the way are followed: `#/paths/~1a/get/parameters/0/schema` may lead through one.
    fn walk(&self, part: usize, pointer: &str, hops: usize) -> Option<Node<'_>> {
        let mut node = Node { part, value: &self.parts.get(part)?.root };
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let step = |node: Node<'_>| match node.value {
                Value::Array(_) => token.parse::<usize>().is_ok_and(|at| node.value.get(at).is_some()),
                value => value.get(&token).is_some(),
            };
            if !step(node)
                && let Some(reference) = node.text("$ref")
                && hops > 0
            {
                let at = location::join(self.at(node.part), reference).ok()?;
                let part = self.parts.iter().position(|part| part.at == at)?;
                let fragment = reference.split_once('#').map_or("", |(_, fragment)| fragment);
                node = self.walk(part, fragment, hops - 1)?;
            }
            let value = match node.value {
                Value::Array(items) => items.get(token.parse::<usize>().ok()?)?,
                value => value.get(&token)?,
            };
            node = Node { part: node.part, value };
        }
        Some(node)
    }

    /// The value itself, references followed to their end.
    pub(crate) fn follow<'a>(&'a self, mut node: Node<'a>) -> Result<Node<'a>, String> {
        for _ in 0..HOPS {
            let Some(reference) = node.value.get("$ref") else { return Ok(node) };
            let reference = reference.as_str().ok_or_else(|| format!("`$ref: {reference}` is not a text"))?;
            node = self.resolve(node.part, reference)?.1;
        }
        Err("references lead in a circle".to_owned())
    }
}

pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Value, String> {
    if bytes.len() > limits.bytes {
        return Err(format!("it has {} bytes; at most {} are read", bytes.len(), limits.bytes));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {error}"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let json = text.trim_start().starts_with(['{', '[']);
    if json {
        match serde_json::from_str(text) {
            Ok(value) => return Ok(value),
            Err(error) => {
                // A flow mapping of YAML begins as JSON does; of two errors the one of JSON says more.
                let small = text.len() <= 64 << 10;
                return small
                    .then(|| yaml::read(text, limits).ok())
                    .flatten()
                    .ok_or_else(|| format!("it is not JSON: {error}"));
            }
        }
    }
    yaml::read(text, limits).map_err(|error| format!("it is not YAML: {error}"))
}

fn version(root: &Value) -> Result<Version, String> {
    if !root.is_object() {
        return Err("it is not an API document: an object with `openapi` or `swagger` is expected".to_owned());
    }
    let text = |key: &str| match root.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()), // `swagger: 2.0` without quotes
        _ => None,
    };
    match (text("swagger"), text("openapi")) {
        (Some(version), _) if version == "2.0" => Ok(Version::Swagger2),
        (_, Some(version)) if version.starts_with("3.0") => Ok(Version::V30),
        (_, Some(version)) if version.starts_with("3.1") || version.starts_with("3.2") => Ok(Version::V31),
        (Some(version), _) => Err(format!("`swagger: {version}` is not read; 2.0 is")),
        (_, Some(version)) => Err(format!("`openapi: {version}` is not read; 3.0, 3.1 and 3.2 are")),
        (None, None) => Err("it is not an API document: it has neither `openapi` nor `swagger`".to_owned()),
    }
}

/// Counts and bounds, finds references to other files, and takes out what only an overlay may say.
fn survey(value: &mut Value, depth: usize, left: &mut usize, found: &mut Vec<String>) -> Result<(), String> {
    *left = left.checked_sub(1).ok_or("it has more values than are read")?;
    let depth = depth.checked_sub(1).ok_or("it is nested too deeply")?;
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| survey(item, depth, left, found)),
        Value::Object(fields) => {
            fields.remove(EXTENSION);
            if let Some(Value::String(reference)) = fields.get("$ref")
                && !reference.starts_with('#')
            {
                found.push(reference.clone());
            }
            fields.values_mut().try_for_each(|field| survey(field, depth, left, found))
        }
        _ => Ok(()),
    }
}
