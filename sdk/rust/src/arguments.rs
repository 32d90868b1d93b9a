//! Owns reading arguments and config: every refusal names the field and what was expected.

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use crate::error::{Error, Result};

/// Arguments as JSON. The host has already matched them with the schema; a test may not have.
pub(crate) fn parse(text: &str) -> Result<Value> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Error::invalid("", "expected an object")),
        Err(error) => Err(Error::invalid("", error.to_string())),
    }
}

/// Arguments as the handler wants them.
///
/// # Errors
/// `arguments.days: invalid type: string "x", expected u8`.
pub fn read<A: DeserializeOwned>(arguments: Value) -> Result<A> {
    at_root(arguments).map_err(|(path, message)| Error::invalid(&path, message))
}

/// Config as the service wants it; absent config is an empty object.
pub(crate) fn config<C: DeserializeOwned + JsonSchema>(text: &str) -> Result<C, String> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    let value: Value = serde_json::from_str(text).map_err(|error| format!("config: {error}"))?;
    at_root(value).map_err(|(path, message)| match path.as_str() {
        "" => format!("config: {message}"),
        path => format!("config.{path}: {message}"),
    })
}

/// Deserializes, or says where and why not.
fn at_root<T: DeserializeOwned>(value: Value) -> Result<T, (String, String)> {
    serde_path_to_error::deserialize(Root(value)).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        };
        (path, error.into_inner().to_string())
    })
}

/// The root object. serde ignores keys it does not know; a misspelt argument would then quietly
/// do nothing. Derived code tells its field names here, so knowing them costs no schema.
struct Root(Value);

impl<'de> Deserializer<'de> for Root {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        if let Value::Object(object) = &self.0
            && let Some(unknown) = object.keys().find(|key| !fields.contains(&key.as_str()))
        {
            return Err(Self::Error::custom(unknown_field(unknown, fields)));
        }
        self.0.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_option(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

fn unknown_field(unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known) {
        Some(near) => format!("unknown key `{unknown}`; did you mean `{near}`?"),
        None if known.is_empty() => format!("unknown key `{unknown}`; none is taken"),
        None => format!("unknown key `{unknown}`; known are {}", known.join(", ")),
    }
}

/// The known word closest to `word`, if it is close enough to be what was meant.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    let close = |candidate: &&'a str| {
        let distance = distance(&word, candidate);
        let within = distance <= candidate.len().max(word.len()) / 3 + 1;
        let prefix = candidate.len() >= 3 && word.len() >= 3;
        (within || prefix && (candidate.starts_with(&word) || word.starts_with(*candidate)))
            .then_some(distance)
    };
    known.iter().filter_map(|candidate| Some((close(candidate)?, *candidate))).min().map(|(_, near)| near)
}

/// Levenshtein distance, over bytes: names are ASCII.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (cell, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let next = (diagonal + usize::from(x != y)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, next);
            left = next;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Forecast {
        city: String,
        days: Option<u8>,
        #[serde(default)]
        near: Vec<Place>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Place {
        name: String,
    }

    fn refused(arguments: Value) -> String {
        read::<Forecast>(arguments).unwrap_err().to_string()
    }

    #[test]
    fn a_refusal_names_the_field_and_what_was_expected() {
        assert_eq!(
            refused(json!({"city": "x", "days": "x"})),
            "arguments.days: invalid type: string \"x\", expected u8"
        );
        assert_eq!(refused(json!({})), "arguments: missing field `city`");
        assert_eq!(
            refused(json!({"city": "x", "near": [{"name": "a"}, {"name": 3}]})),
            "arguments.near[1].name: invalid type: integer `3`, expected a string"
        );
    }

    #[test]
    fn an_unknown_argument_suggests_the_nearest() {
        assert_eq!(refused(json!({"ctiy": "x"})), "arguments: unknown key `ctiy`; did you mean `city`?");
        assert_eq!(
            refused(json!({"zzzzzz": 1})),
            "arguments: unknown key `zzzzzz`; known are city, days, near"
        );
    }

    #[test]
    fn distances_are_levenshtein() {
        for (a, b, expected) in
            [("", "abc", 3), ("kitten", "sitting", 3), ("query", "query", 0), ("ab", "ba", 2)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn config_errors_name_the_key() {
        #[derive(Debug, Deserialize, JsonSchema)]
        struct Config {
            #[expect(dead_code, reason = "only read by serde")]
            url: String,
        }
        assert_eq!(
            config::<Config>(r#"{"url":1}"#).unwrap_err(),
            "config.url: invalid type: integer `1`, expected a string"
        );
        assert_eq!(config::<Config>("").unwrap_err(), "config: missing field `url`");
        assert_eq!(
            config::<Config>(r#"{"ulr":"x"}"#).unwrap_err(),
            "config: unknown key `ulr`; did you mean `url`?"
        );
    }
}
