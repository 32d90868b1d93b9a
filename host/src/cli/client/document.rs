//! A client's configuration as text, in one of three languages: an entry is put in or taken out, and all else stays as
//! it was written. Each change is checked before anybody sees it: read again, the document says what it said, with
//! that entry and nothing else being different.

use std::fmt;

use serde_json::Value;

use super::{
    jsonc,
    node::{Node, nested},
    toml, yaml,
};

/// The language of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// JSON, with comments and trailing commas where they are.
    Json,
    Toml,
    Yaml,
}

/// Why a document is left alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Line and column, from 1, if one is at fault.
    pub(super) at: Option<(usize, usize)>,
    pub(super) what: String,
}

impl Broken {
    pub(super) fn whole(what: impl Into<String>) -> Self {
        Self { at: None, what: what.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "{line}:{column}: {}", self.what),
            None => write!(f, " {}", self.what),
        }
    }
}

/// Where an entry is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot<'a> {
    pub(crate) syntax: Syntax,
    /// The keys of the table it is in.
    pub(crate) servers: &'a [&'a str],
    /// Its own key.
    pub(crate) name: &'a str,
}

impl Slot<'_> {
    /// What a document says, as data.
    pub(crate) fn read(self, text: &str) -> Result<Value, Broken> {
        let value = match self.syntax {
            Syntax::Json => jsonc::read(text)?,
            Syntax::Toml => toml::read(text)?,
            Syntax::Yaml => yaml::read(text)?,
        };
        match value {
            Value::Null => Ok(Value::Object(serde_json::Map::new())),
            Value::Object(_) => Ok(value),
            _ => Err(Broken::whole("it is not a table of settings")),
        }
    }

    /// The entry, if there is one.
    pub(crate) fn find(self, text: &str) -> Result<Option<Value>, Broken> {
        let value = self.read(text)?;
        let table = self.servers.iter().try_fold(&value, |value, key| value.get(key));
        Ok(table.and_then(|table| table.get(self.name)).cloned())
    }

    /// The document with the entry, in the place of one of that name if there is one.
    pub(super) fn put(self, text: &str, entry: &Node) -> Result<String, Broken> {
        let mut expected = self.read(text)?;
        self.check_tables(&expected)?;
        let new = match self.syntax {
            Syntax::Json => jsonc::put(text, self, entry)?,
            Syntax::Toml => toml::put(text, self, entry)?,
            Syntax::Yaml => yaml::put(text, self, entry)?,
        };
        merge(&mut expected, nested(self.servers, nested(&[self.name], Value::Null)));
        *self.entry_of(&mut expected)? = entry.value();
        self.same(&new, &expected)?;
        Ok(new)
    }

    /// The document without the entry.
    pub(super) fn take(self, text: &str) -> Result<String, Broken> {
        let mut expected = self.read(text)?;
        let new = match self.syntax {
            Syntax::Json => jsonc::take(text, self)?,
            Syntax::Toml => toml::take(text, self)?,
            Syntax::Yaml => yaml::take(text, self)?,
        };
        let table = self.servers.iter().try_fold(&mut expected, |value, key| value.get_mut(key));
        if let Some(table) = table.and_then(Value::as_object_mut) {
            table.remove(self.name);
        }
        self.same(&new, &expected)?;
        Ok(new)
    }

    fn entry_of(self, value: &mut Value) -> Result<&mut Value, Broken> {
        let mut keys = self.servers.iter().chain([&self.name]);
        let entry = keys.try_fold(value, |value, key| value.get_mut(key));
        entry.ok_or_else(by_hand)
    }

    /// Refuses what would have to be replaced to make room.
    fn check_tables(self, value: &Value) -> Result<(), Broken> {
        let mut within = value;
        for key in self.servers {
            match within.get(key) {
                None => return Ok(()),
                Some(table @ Value::Object(_)) => within = table,
                Some(Value::Null) if self.syntax == Syntax::Yaml => return Ok(()),
                Some(_) => return Err(Broken::whole(format!("`{key}` is not a table"))),
            }
        }
        Ok(())
    }

    fn same(self, new: &str, expected: &Value) -> Result<(), Broken> {
        let said = self.read(new).map_err(|_| by_hand())?;
        // A table that is empty now may be gone, or not be there yet.
        if without_empty(said) == without_empty(expected.clone()) { Ok(()) } else { Err(by_hand()) }
    }
}

fn by_hand() -> Broken {
    Broken::whole(
        "it is written in a way that cannot be changed safely; change it by hand, with what `bulkhead client` prints",
    )
}

/// Adds tables that are missing.
fn merge(into: &mut Value, from: Value) {
    if !into.is_object() {
        *into = from;
    } else if let (Value::Object(into), Value::Object(from)) = (into, from) {
        for (key, value) in from {
            merge(into.entry(key).or_insert(Value::Null), value);
        }
    }
}

fn without_empty(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let kept = map.into_iter().map(|(key, value)| (key, without_empty(value)));
    Value::Object(
        kept.filter(|(_, value)| !value.is_null() && value.as_object().is_none_or(|map| !map.is_empty()))
            .collect(),
    )
}
