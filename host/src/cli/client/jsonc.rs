//! JSON as editors write it, with comments and trailing commas: changed in place.

use jsonc_parser::{
    ParseOptions,
    cst::{CstInputValue, CstObject, CstRootNode},
    errors::ParseError,
};
use serde_json::Value;

use super::{
    document::{Broken, Slot},
    node::Node,
};

/// What clients read: nothing of JSON5.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

pub(super) fn read(text: &str) -> Result<Value, Broken> {
    Ok(parse(text)?.to_serde_value().unwrap_or_default())
}

pub(super) fn put(text: &str, slot: Slot<'_>, entry: &Node) -> Result<String, Broken> {
    let root = parse(text)?;
    let mut table = root.object_value_or_create().ok_or_else(|| Broken::whole("it is not an object"))?;
    for key in slot.servers {
        let inner = table.object_value_or_create(key);
        table = inner.ok_or_else(|| Broken::whole(format!("`{key}` is not an object")))?;
    }
    match table.get(slot.name) {
        Some(property) => property.set_value(input(entry)),
        None => drop(table.append(slot.name, input(entry))),
    }
    // A text that is made ends as texts do; one that is there keeps its own end.
    Ok(if text.is_empty() { root.to_string().trim_end().to_owned() + "\n" } else { root.to_string() })
}

pub(super) fn take(text: &str, slot: Slot<'_>) -> Result<String, Broken> {
    let root = parse(text)?;
    let within = |table: Option<CstObject>, key: &&str| table?.object_value(key);
    if let Some(property) =
        slot.servers.iter().fold(root.object_value(), within).and_then(|t| t.get(slot.name))
    {
        property.remove();
    }
    Ok(root.to_string())
}

fn parse(text: &str) -> Result<CstRootNode, Broken> {
    let broken = |error: ParseError| Broken {
        at: Some((error.line_display(), error.column_display())),
        what: error.kind().to_string(),
    };
    CstRootNode::parse(text, &OPTIONS).map_err(broken)
}

fn input(node: &Node) -> CstInputValue {
    match node {
        Node::Null => CstInputValue::Null,
        Node::Bool(bool) => CstInputValue::Bool(*bool),
        Node::Number(number) => CstInputValue::Number(number.clone()),
        Node::Text(text) => CstInputValue::String(text.clone()),
        Node::List(list) => CstInputValue::Array(list.iter().map(input).collect()),
        Node::Table(entries) => {
            CstInputValue::Object(entries.iter().map(|(key, node)| (key.clone(), input(node))).collect())
        }
    }
}
