//! A piece of a client's configuration, in the order in which people write it, whatever the file's language.

use serde_json::{Map, Value};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn texts(texts: &[String]) -> Self {
        Self::List(texts.iter().map(Self::text).collect())
    }

    pub(super) fn table<const N: usize>(entries: [(&str, Self); N]) -> Self {
        Self::Table(entries.map(|(key, value)| (key.to_owned(), value)).into())
    }

    /// The same as data, to compare with what a file says.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Number(number) => serde_json::from_str(number).unwrap_or_default(),
            Self::Text(text) => Value::String(text.clone()),
            Self::List(list) => list.iter().map(Self::value).collect(),
            Self::Table(entries) => {
                Value::Object(entries.iter().map(|(key, node)| (key.clone(), node.value())).collect())
            }
        }
    }
}

impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Number(number) => Self::Number(number.to_string()),
            Value::String(text) => Self::text(text),
            Value::Array(list) => Self::List(list.iter().map(Self::from).collect()),
            Value::Object(map) => {
                Self::Table(map.iter().map(|(key, value)| (key.clone(), value.into())).collect())
            }
        }
    }
}

/// A value at the end of some keys, and nothing beside it.
pub(super) fn nested(keys: &[&str], value: Value) -> Value {
    keys.iter().rev().fold(value, |inner, key| Value::Object(Map::from_iter([((*key).to_owned(), inner)])))
}
