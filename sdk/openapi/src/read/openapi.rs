//! Owns reading operations of OpenAPI 3.0, 3.1 and 3.2.

use std::borrow::Cow;

use super::{Answer, Body, Content, Operation, Parameter, Shape, begun, is_success, parameters};
use crate::document::{Document, Node};
use crate::plan::{In, Style, Written};

pub(super) fn operation<'a>(
    document: &'a Document,
    path: &'a str,
    method: &str,
    items: &[Node<'a>],
    node: Node<'a>,
) -> Operation<'a> {
    let mut operation = begun(path, method, node);
    let mut remarks = Vec::new();
    for found in parameters(document, items, node, &mut remarks) {
        match parameter(document, found) {
            Ok(parameter) => operation.parameters.push(parameter),
            Err(why) => remarks.push(why),
        }
    }
    if let Some(body) = node.get("requestBody") {
        match document.follow(body) {
            Ok(body) => {
                operation.body = Some(Body {
                    required: body.flag("required"),
                    name: "body",
                    description: body.text("description"),
                    contents: contents(document, body),
                });
            }
            Err(why) => remarks.push(format!("the body is left out: {why}")),
        }
    }
    for (_, response) in node.fields("responses").filter(|(status, _)| is_success(status)) {
        let Ok(response) = document.follow(response) else { continue };
        let answers =
            response.fields("content").map(|(media, content)| Answer { media, schema: schema(content) });
        operation.answers.extend(answers);
    }
    operation.servers = std::iter::once(&node)
        .chain(items)
        .map(|owner| owner.items("servers").collect::<Vec<_>>())
        .find(|servers| !servers.is_empty())
        .unwrap_or_default();
    if node.get("callbacks").is_some() {
        remarks.push("callbacks are left out: the API calls those itself".to_owned());
    }
    operation.remarks = remarks;
    operation
}

fn schema(node: Node<'_>) -> Option<Shape<'_>> {
    node.get("schema").map(|schema| Shape { part: schema.part, value: Cow::Borrowed(schema.value) })
}

fn contents<'a>(document: &'a Document, body: Node<'a>) -> Vec<Content<'a>> {
    body.fields("content")
        .map(|(media, content)| {
            let content = document.follow(content).unwrap_or(content);
            Content { media, schema: schema(content), encoding: content.get("encoding"), written: Vec::new() }
        })
        .collect()
}

fn parameter<'a>(document: &'a Document, node: Node<'a>) -> Result<Parameter<'a>, String> {
    let name = node.text("name").filter(|name| !name.is_empty());
    let name = name.ok_or("a parameter without a name is left out")?;
    let place = match node.text("in") {
        Some("path") => In::Path,
        Some("query") => In::Query,
        Some("header") => In::Header,
        Some("cookie") => In::Cookie,
        other => {
            let other = other.unwrap_or("nowhere");
            return Err(format!(
                "parameter {name} is left out: `in: {other}` is not path, query, header or cookie"
            ));
        }
    };
    let content = node.fields("content").next();
    let (schema, written) = match content {
        Some((_, content)) => {
            let written = Written { style: Style::Json, explode: false, reserved: false };
            (schema(document.follow(content).unwrap_or(content)), written)
        }
        None => (
            schema(node),
            written(node, place).map_err(|style| {
                format!(
                    "parameter {name} is left out: the style `{style}` is none of those in {}",
                    place.word()
                )
            })?,
        ),
    };
    Ok(Parameter {
        name,
        place,
        required: node.flag("required") || place == In::Path,
        description: node.text("description"),
        deprecated: node.flag("deprecated"),
        example: node.value.get("example"),
        schema,
        written,
    })
}

/// How a parameter is written; the style if it is none of those there are in its place.
pub(crate) fn written(node: Node<'_>, place: In) -> Result<Written, String> {
    let usual = if matches!(place, In::Query | In::Cookie) { Style::Form } else { Style::Simple };
    let style = match (place, node.text("style")) {
        (_, None) => usual,
        (In::Path | In::Header, Some("simple")) => Style::Simple,
        (In::Path, Some("label")) => Style::Label,
        (In::Path, Some("matrix")) => Style::Matrix,
        (In::Query | In::Cookie, Some("form")) | (In::Cookie, Some("cookie")) => Style::Form,
        (In::Query, Some("spaceDelimited")) => Style::Space,
        (In::Query, Some("pipeDelimited")) => Style::Pipe,
        (In::Query, Some("deepObject")) => Style::Deep,
        (_, Some(other)) => return Err(other.to_owned()),
    };
    let explode =
        node.value.get("explode").and_then(serde_json::Value::as_bool).unwrap_or(style == Style::Form);
    Ok(Written { style, explode, reserved: place == In::Query && node.flag("allowReserved") })
}
