//! Owns reading operations of Swagger 2.0: parameters that are schemas themselves, bodies and forms that are parameters,
//! and media types that hold for all of a document.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

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
    let mut fields = Vec::new();
    let mut body = None;
    for found in parameters(document, items, node, &mut remarks) {
        let name = found.text("name").filter(|name| !name.is_empty()).unwrap_or("body");
        let place = match found.text("in") {
            Some("path") => In::Path,
            Some("query") => In::Query,
            Some("header") => In::Header,
            Some("formData") => {
                fields.push((name, found));
                continue;
            }
            Some("body") => {
                if body.replace((name, found)).is_some() {
                    remarks.push("it has two bodies; the last counts".to_owned());
                }
                continue;
            }
            other => {
                let other = other.unwrap_or("nowhere");
                remarks.push(format!(
                    "parameter {name} is left out: `in: {other}` is not path, query, header, formData or body"
                ));
                continue;
            }
        };
        operation.parameters.push(Parameter {
            name,
            place,
            required: found.flag("required") || place == In::Path,
            description: found.text("description"),
            deprecated: found.flag("x-deprecated"),
            example: found.value.get("x-example"),
            schema: Some(Shape { part: found.part, value: Cow::Owned(own_schema(found)) }),
            written: written(found, place),
        });
    }
    let consumes = media(document, node, "consumes");
    if let Some((name, found)) = body {
        if !fields.is_empty() {
            remarks.push("it has a body and form fields; the form fields are left out".to_owned());
        }
        let kinds = if consumes.is_empty() { vec!["application/json"] } else { consumes };
        let schema =
            found.get("schema").map(|schema| Shape { part: schema.part, value: Cow::Borrowed(schema.value) });
        let content = |media| Content { media, schema: schema.clone(), encoding: None, written: Vec::new() };
        operation.body = Some(Body {
            required: found.flag("required"),
            name,
            description: found.text("description"),
            contents: kinds.into_iter().map(content).collect(),
        });
    } else if !fields.is_empty() {
        operation.body = Some(form(&fields, &consumes));
    }
    let produces = media(document, node, "produces");
    for (_, response) in node.fields("responses").filter(|(status, _)| is_success(status)) {
        let Ok(response) = document.follow(response) else { continue };
        let Some(schema) = response.get("schema") else { continue };
        let kinds = if produces.is_empty() { &["application/json"][..] } else { &produces };
        let schema = Shape { part: schema.part, value: Cow::Borrowed(schema.value) };
        operation.answers.extend(kinds.iter().map(|media| Answer { media, schema: Some(schema.clone()) }));
    }
    operation.remarks = remarks;
    operation
}

/// `consumes` or `produces` of the operation, or of the document.
fn media<'a>(document: &'a Document, node: Node<'a>, key: &str) -> Vec<&'a str> {
    let owner = if node.get(key).is_some() { node } else { document.root() };
    owner.texts(key)
}

/// The schema that a parameter is itself.
fn own_schema(node: Node<'_>) -> Value {
    const OURS: [&str; 9] = [
        "name",
        "in",
        "required",
        "description",
        "allowEmptyValue",
        "collectionFormat",
        "schema",
        "x-example",
        "example",
    ];
    let fields = node.value.as_object().into_iter().flatten();
    let kept: Map<String, Value> = fields
        .filter(|(key, _)| !OURS.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Value::Object(kept)
}

fn written(node: Node<'_>, place: In) -> Written {
    let (style, explode) = match (node.text("collectionFormat"), place) {
        (Some("multi"), _) => (Style::Form, true),
        (Some("ssv"), _) => (Style::Space, false),
        (Some("tsv"), _) => (Style::Tab, false),
        (Some("pipes"), _) => (Style::Pipe, false),
        (_, In::Path | In::Header) => (Style::Simple, false),
        _ => (Style::Form, false),
    };
    Written { style, explode, reserved: false }
}

/// Form fields as one object.
fn form<'a>(fields: &[(&'a str, Node<'a>)], consumes: &[&'a str]) -> Body<'a> {
    let has_file = fields.iter().any(|(_, field)| field.text("type") == Some("file"));
    let media = match consumes.iter().find(|media| media.starts_with("multipart/")) {
        Some(multipart) if has_file || !consumes.contains(&"application/x-www-form-urlencoded") => multipart,
        None if has_file => "multipart/form-data",
        _ => "application/x-www-form-urlencoded",
    };
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut ways = Vec::new();
    for (name, field) in fields {
        let mut schema = own_schema(*field);
        if let (Value::Object(schema), Some(description)) = (&mut schema, field.text("description")) {
            schema.insert("description".to_owned(), json!(description));
        }
        properties.insert((*name).to_owned(), schema);
        if field.flag("required") {
            required.push(*name);
        }
        if field.text("type") == Some("array") {
            ways.push(((*name).to_owned(), written(*field, In::Query)));
        }
    }
    let part = fields.first().map_or(0, |(_, field)| field.part);
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    let schema = Shape { part, value: Cow::Owned(schema) };
    Body {
        required: !required.is_empty(),
        name: "body",
        description: None,
        contents: vec![Content { media, schema: Some(schema), encoding: None, written: ways }],
    }
}
