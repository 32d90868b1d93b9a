//! Owns what an operation is, whichever version its document is written in: [`openapi`] reads 3.x, [`swagger`] 2.0.

pub(crate) mod openapi;
pub(crate) mod swagger;

use std::borrow::Cow;

use serde_json::Value;

use crate::document::{Document, Node, Version};
use crate::plan::{In, Written};

/// The methods that can be sent, as documents write them.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];
/// Those that documents have and that are not sent: TRACE shows what it was sent, credentials included.
const UNSENT: [&str; 2] = ["trace", "query"];

/// A schema as it is written, and the file it is in.
#[derive(Debug, Clone)]
pub(crate) struct Shape<'a> {
    pub(crate) part: usize,
    pub(crate) value: Cow<'a, Value>,
}

impl Shape<'_> {
    pub(crate) fn node(&self) -> Node<'_> {
        Node { part: self.part, value: &self.value }
    }
}

/// A parameter outside the body.
#[derive(Debug)]
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a str,
    pub(crate) place: In,
    pub(crate) required: bool,
    pub(crate) description: Option<&'a str>,
    pub(crate) deprecated: bool,
    pub(crate) example: Option<&'a Value>,
    pub(crate) schema: Option<Shape<'a>>,
    pub(crate) written: Written,
}

/// One way to write a body.
#[derive(Debug)]
pub(crate) struct Content<'a> {
    pub(crate) media: &'a str,
    pub(crate) schema: Option<Shape<'a>>,
    /// Per field, in forms: `{style, explode, allowReserved, contentType}`.
    pub(crate) encoding: Option<Node<'a>>,
    /// Of Swagger 2, whose fields say it themselves.
    pub(crate) written: Vec<(String, Written)>,
}

/// A body.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    pub(crate) required: bool,
    pub(crate) name: &'a str,
    pub(crate) description: Option<&'a str>,
    pub(crate) contents: Vec<Content<'a>>,
}

/// What an answer that went well looks like.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) media: &'a str,
    pub(crate) schema: Option<Shape<'a>>,
}

/// An operation.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    /// Upper-case.
    pub(crate) method: String,
    /// As it is written.
    pub(crate) path: &'a str,
    pub(crate) node: Node<'a>,
    pub(crate) id: Option<&'a str>,
    pub(crate) tags: Vec<&'a str>,
    pub(crate) deprecated: bool,
    pub(crate) parameters: Vec<Parameter<'a>>,
    pub(crate) body: Option<Body<'a>>,
    pub(crate) answers: Vec<Answer<'a>>,
    /// The servers it has of its own.
    pub(crate) servers: Vec<Node<'a>>,
    /// Changed or left out while reading.
    pub(crate) remarks: Vec<String>,
}

impl Operation<'_> {
    /// `GET /pets/{petId}`.
    pub(crate) fn identity(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// An operation that cannot be read, and why.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) identity: String,
    pub(crate) why: String,
}

/// Every operation of a document, by path and method.
pub(crate) fn operations(document: &Document) -> Vec<Result<Operation<'_>, Unreadable>> {
    let mut found = Vec::new();
    let mut paths: Vec<(&String, Node<'_>)> = document.root().fields("paths").collect();
    paths.sort_by_key(|(path, _)| *path);
    for (path, item) in paths.into_iter().filter(|(path, _)| !path.starts_with("x-")) {
        let unreadable = |method: &str, why: String| {
            Err(Unreadable { identity: format!("{} {path}", method.to_uppercase()), why })
        };
        let resolved = match document.follow(item) {
            Ok(resolved) if resolved.value.is_object() => resolved,
            Ok(_) => {
                found.push(unreadable("*", "it is not an object".to_owned()));
                continue;
            }
            Err(why) => {
                found.push(unreadable("*", why));
                continue;
            }
        };
        // In 3.1 a path item may have fields of its own beside its reference.
        let items = if item.value.get("$ref").is_some() { vec![item, resolved] } else { vec![resolved] };
        for method in METHODS.into_iter().chain(UNSENT) {
            let Some(node) = items.iter().find_map(|item| item.get(method)) else { continue };
            if UNSENT.contains(&method) {
                let why = format!("requests with the method {} are not sent", method.to_uppercase());
                found.push(unreadable(method, why));
                continue;
            }
            if !node.value.is_object() {
                found.push(unreadable(method, "it is not an object".to_owned()));
                continue;
            }
            let read = match document.version() {
                Version::Swagger2 => swagger::operation,
                Version::V30 | Version::V31 => openapi::operation,
            };
            found.push(Ok(read(document, path, method, &items, node)));
        }
        for more in items.iter().flat_map(|item| item.fields("additionalOperations")) {
            let why = format!("requests with the method {} are not sent", more.0);
            found.push(unreadable(more.0, why));
        }
    }
    found
}

/// The parameters of an operation: its own, and those of its path that it does not have itself. With what each leads to.
fn parameters<'a>(
    document: &'a Document,
    items: &[Node<'a>],
    node: Node<'a>,
    remarks: &mut Vec<String>,
) -> Vec<Node<'a>> {
    let mut kept: Vec<Node<'a>> = Vec::new();
    let key = |parameter: Node<'a>| (parameter.text("name"), parameter.text("in"));
    for (level, owner) in std::iter::once(&node).chain(items).enumerate() {
        let before = kept.len();
        for parameter in owner.items("parameters") {
            match document.follow(parameter) {
                Ok(found) => {
                    let known = kept
                        .iter()
                        .position(|known| key(*known) == key(found) && found.text("in") != Some("body"));
                    match known {
                        Some(at) if at >= before => {
                            remarks.push(format!(
                                "parameter {} is there twice; the first counts",
                                found.text("name").unwrap_or("?")
                            ));
                        }
                        Some(_) => {}
                        // A path's body parameter gives way to the operation's.
                        None if level > 0
                            && found.text("in") == Some("body")
                            && kept.iter().any(|known| known.text("in") == Some("body")) => {}
                        None => kept.push(found),
                    }
                }
                Err(why) => remarks.push(format!("a parameter is left out: {why}")),
            }
        }
    }
    kept
}

/// The words of an operation that every version has.
fn begun<'a>(path: &'a str, method: &str, node: Node<'a>) -> Operation<'a> {
    Operation {
        method: method.to_uppercase(),
        path,
        node,
        id: node.text("operationId").filter(|id| !id.trim().is_empty()),
        tags: node.texts("tags"),
        deprecated: node.flag("deprecated"),
        parameters: Vec::new(),
        body: None,
        answers: Vec::new(),
        servers: Vec::new(),
        remarks: Vec::new(),
    }
}

/// Responses that mean success: `200`, `2XX`.
fn is_success(status: &str) -> bool {
    status.starts_with('2')
}
