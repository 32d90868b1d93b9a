//! Owns [`map`]: from a document to its operations as tools, with a note on each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::choice::{Asked, Choice};
use crate::contents::is_json;
use crate::document::{Document, EXTENSION};
use crate::names;
use crate::notes::{Note, Outcome};
use crate::plan::Plan;
use crate::read;
use crate::schema::{Direction, Schemas, fit};
use crate::security::Schemes;
use crate::servers::Servers;
use crate::text;

/// What the operator wants of a document.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Which operations.
    pub choice: Choice,
    /// Where requests go.
    pub servers: Servers,
    /// Whether tools say what their results look like.
    pub output_schemas: bool,
}

/// The tools of a document.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// By path and method.
    pub operations: Vec<Operation>,
    /// One for each operation, and some for the document.
    pub notes: Vec<Note>,
}

/// An operation as a tool.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are those of `tool` in wit/service.wit")]
pub struct Operation {
    pub name: String,
    pub title: Option<String>,
    pub description: String,
    pub input_schema: Value,
    /// Of `{status, headers, body}`.
    pub output_schema: Option<Value>,
    pub annotations: Annotations,
    pub tags: Vec<String>,
    pub plan: Plan,
}

/// Hints, from the method unless an overlay says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `annotations` in wit/service.wit")]
pub struct Annotations {
    pub read_only: bool,
    pub destructive: bool,
    pub idempotent: bool,
    pub open_world: bool,
}

impl Annotations {
    fn of(operation: &read::Operation<'_>) -> Self {
        let method = operation.method.as_str();
        let reads = matches!(method, "GET" | "HEAD" | "OPTIONS");
        let own = operation.node.get(EXTENSION);
        let says = |key: &str, usual: bool| {
            own.and_then(|own| own.value.get(key)).and_then(Value::as_bool).unwrap_or(usual)
        };
        let read_only = says("read_only", reads);
        Self {
            read_only,
            destructive: !read_only && says("destructive", matches!(method, "DELETE" | "PUT" | "PATCH")),
            idempotent: says("idempotent", reads || matches!(method, "DELETE" | "PUT")),
            open_world: says("open_world", true),
        }
    }
}

/// Maps the operations that are chosen, and says what became of each.
pub fn map(document: &Document, settings: &Settings) -> Mapping {
    let mut notes: Vec<Note> = document.remarks.iter().map(Note::document).collect();
    let schemes = Schemes::new(document);
    let mut schemas = Schemas::new(document);
    let mut found = Vec::new();
    for read in read::operations(document) {
        match read {
            Ok(operation) => found.push(operation),
            Err(read::Unreadable { identity, why }) => {
                notes.push(Note {
                    operation: Some(identity),
                    outcome: Outcome::Dropped(why),
                    remarks: Vec::new(),
                });
            }
        }
    }
    if found.is_empty() {
        notes.push(Note::document("it has no operations"));
    }
    let wanted: Vec<(String, String)> = found
        .iter()
        .map(|operation| {
            let own = operation.node.get(EXTENSION).and_then(|own| own.text("name"));
            let name = own.or(operation.id).map_or_else(|| operation.identity(), str::to_owned);
            (name, operation.identity())
        })
        .collect();
    let names = names::tools(&wanted);
    let mut operations = Vec::new();
    let (mut used, mut base) = (BTreeSet::new(), None);
    for (operation, name) in found.iter().zip(names) {
        let annotations = Annotations::of(operation);
        let asked = Asked {
            tags: &operation.tags,
            path: operation.path,
            method: &operation.method,
            id: operation.id,
            name: &name,
            deprecated: operation.deprecated,
            read_only: annotations.read_only,
        };
        let note = |outcome, remarks| Note { operation: Some(operation.identity()), outcome, remarks };
        if let Some(list) = settings.choice.refuses(&asked) {
            notes.push(note(Outcome::NotChosen(list), Vec::new()));
            continue;
        }
        if operations.len() >= document.limits.operations {
            let why = format!("more than {} operations are chosen", document.limits.operations);
            notes.push(note(Outcome::Dropped(why), Vec::new()));
            continue;
        }
        let mut remarks: BTreeSet<String> = operation.remarks.iter().cloned().collect();
        match tool(operation, name, annotations, &mut schemas, &schemes, settings, &mut remarks) {
            Ok(mapped) => {
                remarks.extend(Schemes::needs(document, operation.node, &mut used));
                base.get_or_insert_with(|| mapped.plan.base.clone());
                notes.push(note(Outcome::Mapped(mapped.name.clone()), remarks.into_iter().collect()));
                operations.push(mapped);
            }
            Err(why) => notes.push(note(Outcome::Dropped(why), remarks.into_iter().collect())),
        }
    }
    let cookies: BTreeSet<&str> = operations.iter().flat_map(|operation| operation.plan.cookies()).collect();
    if !cookies.is_empty() {
        let names = cookies.into_iter().collect::<Vec<_>>().join(", ");
        let rule =
            format!("sent where the operator's `egress` names them: `egress: [{{ cookies: [{names}] }}]`");
        notes.push(Note::document(format!("cookies {names}: {rule}")));
    }
    notes.extend(schemas.remarks.iter().map(Note::document));
    notes.extend(schemes.credentials(&used, base.as_deref()).iter().map(Note::document));
    notes.sort_by_key(|note| note.operation.is_some());
    Mapping { operations, notes }
}

fn tool(
    operation: &read::Operation<'_>,
    name: String,
    annotations: Annotations,
    schemas: &mut Schemas<'_>,
    schemes: &Schemes<'_>,
    settings: &Settings,
    remarks: &mut BTreeSet<String>,
) -> Result<Operation, String> {
    let document = schemas.document;
    let limits = &document.limits;
    if !operation.path.starts_with('/') {
        return Err(format!("the path `{}` does not begin with a slash", text::line(operation.path, 100)));
    }
    let (path, fragment) = operation.path.split_once('#').unwrap_or((operation.path, ""));
    if !fragment.is_empty() {
        remarks.insert(format!("`#{fragment}` is not sent: it is no part of a request"));
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err("its path has dot segments, which lead elsewhere".to_owned());
    }
    let base = settings.servers.base(document, &operation.servers)?;
    let mut plan = Plan::new(&operation.method, &base, path, query);
    let arguments = Arguments::new(operation, schemas, schemes, &mut plan, remarks);
    let (input_schema, cut) = fit::fit(schemas, Direction::Input, arguments.schema(), limits.schema_bytes)?;
    remarks.extend(cut);
    plan.accept = accept(operation);
    plan.to_bytes()?;
    let output_schema = settings.output_schemas.then(|| output(operation, schemas, remarks)).flatten();
    let words = |key: &str| operation.node.text(key).filter(|words| !words.trim().is_empty());
    let description = words("description").or_else(|| words("summary"));
    let description = description.map_or_else(|| format!("Sends {}.", operation.identity()), str::to_owned);
    let mark = if operation.deprecated { "Deprecated. " } else { "" };
    let mut tags: BTreeSet<String> = operation.tags.iter().map(|tag| text::line(tag, 64)).collect();
    tags.extend((!annotations.read_only).then(|| "write".to_owned()));
    tags.extend(operation.deprecated.then(|| "deprecated".to_owned()));
    Ok(Operation {
        name,
        title: words("summary").map(|words| text::line(words, 100)),
        description: format!("{mark}{}", text::capped(&description, limits.description)),
        input_schema,
        output_schema,
        annotations,
        tags: tags.into_iter().filter(|tag| !tag.is_empty()).collect(),
        plan,
    })
}

/// What the operation answers with, JSON first.
fn accept(operation: &read::Operation<'_>) -> String {
    let mut media: Vec<&str> = Vec::new();
    let sound = |media: &str| {
        media.contains('/') && media.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && !media.contains(',')
    };
    for answer in operation.answers.iter().filter(|answer| sound(answer.media)) {
        if !media.contains(&answer.media) {
            media.push(answer.media);
        }
    }
    media.sort_by_key(|media| !is_json(media));
    media.truncate(4);
    match media.as_slice() {
        [] => "application/json, */*;q=0.5".to_owned(),
        ["*/*", ..] => "*/*".to_owned(),
        [first, others @ ..] => {
            let others = others.iter().map(|media| {
                if media.contains(";q=") { (*media).to_owned() } else { format!("{media};q=0.8") }
            });
            std::iter::once((*first).to_owned())
                .chain(others)
                .chain(["*/*;q=0.5".to_owned()])
                .collect::<Vec<_>>()
                .join(", ")
        }
    }
}

/// The schema of a result: `{status, headers, body}`. It says what there is, and not what there has to be.
fn output(
    operation: &read::Operation<'_>,
    schemas: &mut Schemas<'_>,
    remarks: &mut BTreeSet<String>,
) -> Option<Value> {
    let most = schemas.document.limits.output_bytes;
    let mut shapes: BTreeMap<String, Value> = BTreeMap::new();
    let mut ignored = BTreeSet::new();
    for answer in operation.answers.iter().filter(|answer| is_json(answer.media) || answer.media == "*/*") {
        let Some(shape) = &answer.schema else { return None };
        let schema = schemas.normal(shape.node(), Direction::Output, &mut ignored);
        shapes.insert(schema.to_string(), schema);
    }
    let mut bodies: Vec<Value> = shapes
        .into_values()
        .filter(|shape| shape.as_object().is_some_and(|shape| !shape.is_empty()))
        .collect();
    let body = match bodies.len() {
        0 => return None,
        1 => bodies.pop()?,
        _ => json!({ "anyOf": bodies }),
    };
    // What is not JSON comes as text, whatever the document says.
    let body = match operation.answers.iter().all(|answer| is_json(answer.media)) {
        true => body,
        false => json!({ "anyOf": [body, { "type": "string" }] }),
    };
    let root = json!({
        "type": "object",
        "properties": {
            "status": { "type": "integer" },
            "headers": { "type": "object", "additionalProperties": { "type": "string" } },
            "body": body,
        },
        "required": ["status"],
    });
    match fit::fit(schemas, Direction::Output, root, most) {
        Ok((schema, _)) => Some(schema),
        Err(why) => {
            remarks.insert(format!("no output schema: {why}"));
            None
        }
    }
}
