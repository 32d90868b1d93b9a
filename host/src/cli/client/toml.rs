//! TOML, changed in place.

use serde_json::Value;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike};

use super::{
    document::{Broken, Slot},
    node::Node,
};

pub(super) fn read(text: &str) -> Result<Value, Broken> {
    Ok(table(parse(text)?.as_table()))
}

pub(super) fn put(text: &str, slot: Slot<'_>, entry: &Node) -> Result<String, Broken> {
    let mut document = parse(text)?;
    let mut within: &mut dyn TableLike = document.as_table_mut();
    for key in slot.servers {
        let item = within.entry(key).or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        within = item.as_table_like_mut().ok_or_else(|| Broken::whole(format!("`{key}` is not a table")))?;
    }
    let Node::Table(entries) = entry else { return Err(Broken::whole("an entry is a table")) };
    let mut table = Table::new();
    for (key, node) in entries {
        table.insert(key, Item::Value(value(node)));
    }
    match within.get_mut(slot.name) {
        // What stands around it stays.
        Some(Item::Table(old)) => {
            *table.decor_mut() = old.decor().clone();
            table.set_position(old.position());
            *old = table;
        }
        Some(old) => *old = Item::Value(table.into_inline_table().into()),
        None => drop(within.insert(slot.name, Item::Table(table))),
    }
    Ok(document.to_string())
}

pub(super) fn take(text: &str, slot: Slot<'_>) -> Result<String, Broken> {
    let mut document = parse(text)?;
    let mut within: Option<&mut dyn TableLike> = Some(document.as_table_mut());
    for key in slot.servers {
        within = within.and_then(|table| table.get_mut(key)?.as_table_like_mut());
    }
    if let Some(table) = within {
        table.remove(slot.name);
    }
    Ok(document.to_string())
}

fn parse(text: &str) -> Result<DocumentMut, Broken> {
    text.parse::<DocumentMut>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let at = before.map(|before| {
            let line = before.rsplit('\n').next().unwrap_or_default();
            (before.matches('\n').count() + 1, line.chars().count() + 1)
        });
        Broken { at, what: error.message().replace('\n', ", ") }
    })
}

fn value(node: &Node) -> toml_edit::Value {
    match node {
        // TOML has none; clients leave such keys out.
        Node::Null => "".into(),
        Node::Bool(bool) => (*bool).into(),
        Node::Number(number) => match number.parse::<i64>() {
            Ok(whole) => whole.into(),
            Err(_) => number.parse::<f64>().unwrap_or_default().into(),
        },
        Node::Text(text) => text.as_str().into(),
        Node::List(list) => list.iter().map(value).collect::<Array>().into(),
        Node::Table(entries) => {
            entries.iter().map(|(key, node)| (key.as_str(), value(node))).collect::<InlineTable>().into()
        }
    }
}

fn table(table: &dyn TableLike) -> Value {
    Value::Object(table.iter().map(|(key, entry)| (key.to_owned(), item(entry))).collect())
}

fn item(item: &Item) -> Value {
    match item {
        Item::None => Value::Null,
        Item::Value(value) => data(value),
        Item::Table(inner) => table(inner),
        Item::ArrayOfTables(tables) => tables.iter().map(|inner| table(inner)).collect(),
    }
}

fn data(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => text.value().as_str().into(),
        toml_edit::Value::Integer(number) => (*number.value()).into(),
        toml_edit::Value::Float(number) => (*number.value()).into(),
        toml_edit::Value::Boolean(bool) => (*bool.value()).into(),
        toml_edit::Value::Datetime(time) => time.value().to_string().into(),
        toml_edit::Value::Array(list) => list.iter().map(data).collect(),
        toml_edit::Value::InlineTable(inner) => table(inner),
    }
}
