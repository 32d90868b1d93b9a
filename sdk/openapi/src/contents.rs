//! Owns bodies as documents describe them: which of several media types is offered, and how its fields are written.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::body::File;
use crate::document::{Document, Node};
use crate::names;
use crate::plan::{self, Encoding, Field, In};
use crate::read::{Body, Content, openapi};
use crate::schema::{Direction, Schemas};

/// How a media type is written; `*/*` goes by what is described.
fn encoding(document: &Document, content: &Content<'_>) -> Encoding {
    let media = essence(content.media);
    let subtype = media.split_once('/').map_or("", |(_, subtype)| subtype);
    match media.as_str() {
        "application/x-www-form-urlencoded" => Encoding::Form,
        "multipart/form-data" => Encoding::Multipart,
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonlines"
        | "application/json-seq" => Encoding::Lines,
        _ if subtype.ends_with("+x-ndjson") => Encoding::Lines,
        _ if is_json(&media) => Encoding::Json,
        "*/*" | "application/*" => match &content.schema {
            Some(schema) if !is_file(document, schema.node()) => Encoding::Json,
            _ => Encoding::Binary,
        },
        _ if media.starts_with("text/") => Encoding::Text,
        _ if ["xml", "yaml", "x-yaml", "graphql", "javascript", "sql", "toml", "jwt"].contains(&subtype) => {
            Encoding::Text
        }
        _ if subtype.ends_with("+xml") || subtype.ends_with("+yaml") => Encoding::Text,
        _ => Encoding::Binary,
    }
}

/// A media type without its parameters.
fn essence(media: &str) -> String {
    media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

pub(crate) fn is_json(media: &str) -> bool {
    let media = essence(media);
    matches!(media.as_str(), "application/json" | "text/json" | "*/json") || media.ends_with("+json")
}

/// Whether a schema describes the bytes of a file.
fn is_file(document: &Document, node: Node<'_>) -> bool {
    let Ok(node) = document.follow(node) else { return false };
    let kind = node.text("type");
    kind == Some("file")
        || matches!(kind, Some("string") | None) && node.text("format") == Some("binary")
        || matches!(kind, Some("string") | None)
            && node.get("contentMediaType").is_some()
            && node.get("contentEncoding").is_none()
}

/// The properties of a schema, those of what it is composed of included.
fn properties<'n>(document: &'n Document, node: Node<'n>, depth: usize) -> Vec<(&'n String, Node<'n>)> {
    let Ok(node) = document.follow(node) else { return Vec::new() };
    let mut all: Vec<_> = node.fields("properties").collect();
    if depth < 8 {
        all.extend(node.items("allOf").flat_map(|one| properties(document, one, depth + 1)));
    }
    all
}

/// The order in which encodings are offered; a form that has files needs parts.
fn rank(encoding: Encoding, has_files: bool) -> u8 {
    match encoding {
        Encoding::Json => 0,
        Encoding::Multipart if has_files => 1,
        Encoding::Form => 2,
        Encoding::Multipart => 3,
        Encoding::Lines => 4,
        Encoding::Text => 5,
        Encoding::Binary => 6,
    }
}

/// A body with the schemas of its arguments.
pub(crate) struct Offered {
    pub(crate) plan: plan::Body,
    pub(crate) schema: Value,
    /// Of the argument that chooses the media type.
    pub(crate) choice: Option<Value>,
}

/// What is offered of a body.
pub(crate) fn offered(
    schemas: &mut Schemas<'_>,
    body: &Body<'_>,
    taken: &mut BTreeSet<String>,
    remarks: &mut BTreeSet<String>,
) -> Option<Offered> {
    let document = schemas.document;
    let files = |content: &Content<'_>| {
        let Some(schema) = &content.schema else { return false };
        properties(document, schema.node(), 0)
            .iter()
            .any(|(_, field)| is_file(document, *field) || lists_files(document, *field))
    };
    let mut all: Vec<(Encoding, &Content<'_>)> =
        body.contents.iter().map(|content| (encoding(document, content), content)).collect();
    all.sort_by_key(|(encoding, content)| {
        let exact = essence(content.media) != "application/json";
        let merges = !content.media.contains("merge-patch");
        (rank(*encoding, files(content)), exact, merges)
    });
    let Some((encoding, content)) = all.first().map(|(encoding, content)| (*encoding, *content)) else {
        remarks.insert("the body has no media type; it is left out".to_owned());
        return None;
    };
    let name = if body.name.is_empty() { "body" } else { body.name };
    let argument = names::argument(name, "request", taken);
    let mut media = vec![concrete(content.media, encoding)];
    let mut left = Vec::new();
    for (other, content) in all.iter().skip(1) {
        // Patches differ in what they mean, and bytes in what they are; other forms of JSON say the same.
        let means_more = *other == encoding
            && (encoding == Encoding::Binary
                || encoding == Encoding::Json
                    && (content.media.contains("patch") || media[..].iter().any(|m| m.contains("patch"))));
        match means_more && !content.media.contains('*') {
            true => media.push(concrete(content.media, encoding)),
            false => left.push(content.media.trim().to_owned()),
        }
    }
    media.dedup();
    if !left.is_empty() {
        remarks.insert(format!("the body is sent as {}; not as {}", media.join(" or "), left.join(", ")));
    }
    let choice = (media.len() > 1).then(|| names::argument("content_type", "request", taken));
    let mut fields = Vec::new();
    let mut schema = match encoding {
        Encoding::Json => normal(schemas, content, remarks),
        Encoding::Lines => match normal(schemas, content, remarks) {
            list @ Value::Object(_) if list.get("type") == Some(&json!("array")) => list,
            one => json!({ "type": "array", "items": one }),
        },
        Encoding::Text => {
            json!({ "type": "string", "description": format!("Text of the type {}.", content.media) })
        }
        Encoding::Binary => File::schema(false, media.iter().any(|media| media.contains('*'))),
        Encoding::Form | Encoding::Multipart => form(schemas, content, encoding, &mut fields, remarks),
    };
    describe(&mut schema, body.description, document.limits.description);
    let chooses = json!({ "enum": media, "default": media.first() });
    Some(Offered {
        choice: choice.is_some().then_some(chooses),
        plan: plan::Body { argument, media, choice, encoding, fields },
        schema,
    })
}

/// The media type that is sent: `*/*` is no type.
fn concrete(media: &str, encoding: Encoding) -> String {
    let known = essence(media);
    match encoding {
        Encoding::Json if known.contains('*') => "application/json".to_owned(),
        Encoding::Form | Encoding::Multipart => known,
        _ => media.trim().to_owned(),
    }
}

fn normal(schemas: &mut Schemas<'_>, content: &Content<'_>, remarks: &mut BTreeSet<String>) -> Value {
    match &content.schema {
        Some(schema) => match schemas.normal(schema.node(), Direction::Input, remarks) {
            Value::Bool(_) => json!({}),
            schema => schema,
        },
        None => json!({}),
    }
}

/// Words for an argument, in place of those its schema has.
pub(crate) fn describe(schema: &mut Value, words: Option<&str>, most: usize) {
    if let (Value::Object(schema), Some(words)) = (schema, words.filter(|words| !words.trim().is_empty())) {
        schema.insert("description".to_owned(), json!(crate::text::capped(words, most)));
    }
}

fn lists_files(document: &Document, node: Node<'_>) -> bool {
    document
        .follow(node)
        .ok()
        .and_then(|list| list.get("items"))
        .is_some_and(|items| is_file(document, items))
}

/// The object of a form's fields, and how each is written.
fn form(
    schemas: &mut Schemas<'_>,
    content: &Content<'_>,
    encoding: Encoding,
    fields: &mut Vec<Field>,
    remarks: &mut BTreeSet<String>,
) -> Value {
    let document = schemas.document;
    let mut schema = match normal(schemas, content, remarks) {
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    let Some(shape) = &content.schema else { return json!({ "type": "object" }) };
    let mut files = Map::new();
    for (name, node) in properties(document, shape.node(), 0) {
        let own = content.encoding.and_then(|all| all.get(name));
        let media = own
            .and_then(|own| own.text("contentType"))
            .map(|all| all.split(',').next().unwrap_or_default().trim());
        let resolved = document.follow(node).unwrap_or(node);
        let value = ["object", "array", "integer", "number", "boolean"]
            .iter()
            .any(|kind| resolved.text("type") == Some(kind));
        let other =
            media.is_some_and(|media| !is_json(media) && !media.starts_with("text/") && !media.is_empty());
        let (one, list) = (is_file(document, node), lists_files(document, node));
        let file = encoding == Encoding::Multipart && (one || list || other && !value);
        let written = match own {
            Some(own) if ["style", "explode", "allowReserved"].iter().any(|key| own.get(key).is_some()) => {
                openapi::written(own, In::Query).ok()
            }
            _ => content.written.iter().find(|(known, _)| known == name).map(|(_, written)| *written),
        };
        if own.is_some_and(|own| own.get("headers").is_some()) {
            remarks.insert(format!("headers of the part {name} are left out"));
        }
        let written = written.filter(|_| encoding == Encoding::Form);
        let media = media
            .filter(|media| encoding == Encoding::Multipart && !media.contains('*') && !media.is_empty());
        if file {
            let words = resolved.text("description");
            let mut shown = File::schema(true, true);
            if list {
                shown = json!({ "type": "array", "items": shown });
            }
            describe(&mut shown, words, document.limits.description);
            files.insert(name.clone(), shown);
        }
        if file || written.is_some() || media.is_some() {
            fields.push(Field { name: name.clone(), file, written, media: media.map(str::to_owned) });
        }
    }
    if !files.is_empty()
        && let Some(name) = crate::schema::keywords::referred(&schema).map(str::to_owned)
        && let Some(Value::Object(there)) =
            schemas.definition(Direction::Input, &name).map(|there| there.full.clone())
    {
        schema.remove("$ref");
        for (keyword, value) in there {
            schema.entry(keyword).or_insert(value);
        }
    }
    if !files.is_empty() {
        let properties = schema.entry("properties").or_insert_with(|| json!({}));
        if let Value::Object(properties) = properties {
            properties.extend(files);
        }
    }
    if !schema.contains_key("$ref") {
        schema.insert("type".to_owned(), json!("object"));
    }
    Value::Object(schema)
}
