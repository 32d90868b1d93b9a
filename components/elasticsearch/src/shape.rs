//! Elasticsearch's JSON as a model reads it: flat, short, numbers as numbers, nothing secret.

use std::collections::BTreeSet;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::shortened;
use serde_json::Map;

/// What stands for a secret.
const HIDDEN: &str = "(hidden)";

/// The leaves of an object under dotted names. Lists stay as they are.
pub(crate) fn flat(value: &Value) -> Map<String, Value> {
    fn walk(prefix: &str, value: &Value, out: &mut Map<String, Value>) {
        match value {
            Value::Object(object) if !object.is_empty() => {
                for (name, value) in object {
                    let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                    walk(&name, value, out);
                }
            }
            value => drop(out.insert(prefix.to_owned(), value.clone())),
        }
    }
    let mut out = Map::new();
    if value.as_object().is_some_and(|object| !object.is_empty()) {
        walk("", value, &mut out);
    }
    out
}

/// Cuts long texts and remembers under which names.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    pub(crate) cut: BTreeSet<String>,
}

impl Cutter {
    /// The same with no text longer than `most` characters.
    pub(crate) fn value(&mut self, name: &str, value: Value, most: usize) -> Value {
        match value {
            Value::String(words) => {
                let short = shortened(&words, most);
                if short.len() != words.len() {
                    self.cut.insert(name.to_owned());
                }
                short.into()
            }
            Value::Array(items) => items.into_iter().map(|item| self.value(name, item, most)).collect(),
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(key, value)| {
                    let value = self.value(name, value, most);
                    (key, value)
                });
                Value::Object(fields.collect())
            }
            other => other,
        }
    }
}

/// A number, which the `_cat` API writes as text.
pub(crate) fn number(row: &Value, name: &str) -> Option<f64> {
    match &row[name] {
        Value::Number(number) => number.as_f64(),
        Value::String(words) => words.trim_end_matches('%').parse().ok(),
        _ => None,
    }
}

/// The same as JSON: whole numbers without a fraction, null where there is none.
pub(crate) fn numeric(row: &Value, name: &str) -> Value {
    match number(row, name) {
        Some(number) if number.fract() == 0.0 && number.abs() < 9e15 => json!(number as i64),
        Some(number) => json!(number),
        None => Value::Null,
    }
}

/// Without what is null or an empty text.
pub(crate) fn told(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let says = |value: &Value| !value.is_null() && value != "" && *value != json!([]);
            Value::Object(object.into_iter().filter(|(_, value)| says(value)).collect())
        }
        other => other,
    }
}

/// Bytes for a person: `1.5 GiB`.
pub(crate) fn bytes(number: f64) -> String {
    let (mut number, mut units) = (number, ["B", "KiB", "MiB", "GiB", "TiB"].iter());
    let mut unit = units.next();
    while number >= 1024.0 && units.len() > 0 {
        (number, unit) = (number / 1024.0, units.next());
    }
    let digits = usize::from(number < 100.0 && number.fract() > 0.05);
    format!("{number:.digits$} {}", unit.unwrap_or(&"B"))
}

/// `1 index`, `3 indices`.
pub(crate) fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// Whether a name fits one of comma-separated patterns with `*`; one with `-` before it takes away.
pub(crate) fn fits(patterns: &str, name: &str) -> bool {
    let mut fits = false;
    for pattern in patterns.split(',').map(str::trim) {
        match pattern.strip_prefix('-') {
            Some(not) if glob(not, name) => fits = false,
            None if pattern == "_all" || glob(pattern, name) => fits = true,
            _ => {}
        }
    }
    fits
}

fn glob(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|tail| {
            let ends = tail.char_indices().map(|(at, _)| at).chain([tail.len()]);
            ends.filter_map(|at| tail.get(at..)).any(|tail| glob(rest, tail))
        }),
    }
}

/// Hides values under names that speak of secrets. Elasticsearch keeps most in its keystore, but not all.
pub(crate) fn redacted(value: Value) -> Value {
    const SIGNS: [&str; 6] = ["password", "secret", "token", "api_key", "passphrase", "credential"];
    match value {
        Value::Object(object) => {
            let hide = |(name, value): (String, Value)| {
                let lower = name.to_lowercase();
                let secret = value.is_string() && SIGNS.iter().any(|sign| lower.contains(sign));
                (name, if secret { HIDDEN.into() } else { redacted(value) })
            };
            Value::Object(object.into_iter().map(hide).collect())
        }
        Value::Array(items) => items.into_iter().map(redacted).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_become_dotted_names() {
        let source = json!({ "a": { "b": 1, "c": {} }, "d": [{ "e": 1 }], "f": null });
        assert_eq!(
            Value::Object(flat(&source)),
            json!({ "a.b": 1, "a.c": {}, "d": [{ "e": 1 }], "f": null })
        );
        assert!(flat(&json!(1)).is_empty() && flat(&json!({})).is_empty());
    }

    #[test]
    fn a_cut_is_remembered() {
        let mut cutter = Cutter::default();
        assert_eq!(
            cutter.value("m", json!(["abcd", 1, { "x": "abcde" }]), 4),
            json!(["abcd", 1, { "x": "abcd…" }])
        );
        assert_eq!(cutter.cut.into_iter().collect::<Vec<_>>(), ["m"]);
    }

    #[test]
    fn texts_of_tables_are_numbers() {
        let row = json!({ "a": "12", "b": "0.5", "c": null, "d": 3, "e": "71%", "f": "x" });
        let all = ["a", "b", "c", "d", "e", "f"].map(|name| numeric(&row, name));
        assert_eq!(all, [json!(12), json!(0.5), Value::Null, json!(3), json!(71), Value::Null]);
    }

    #[test]
    fn patterns_are_those_of_indices() {
        assert!(fits("logs-*", "logs-app") && fits("*", "x") && fits("_all", "x") && fits("a,b*c", "bxc"));
        assert!(fits("a*b*c", "a1b2b3c") && !fits("a*b", "abc") && !fits("logs-*,-logs-old*", "logs-old-1"));
    }

    #[test]
    fn bytes_are_words() {
        let words = [0.0, 1023.0, 1536.0, 53_687_091_200.0, 2e15].map(bytes);
        assert_eq!(words, ["0 B", "1023 B", "1.5 KiB", "50 GiB", "1819 TiB"]);
    }

    #[test]
    fn secrets_are_hidden_wherever_they_are() {
        let settings = json!({ "a.secret_key": "x", "b": [{ "Password": "y", "token_count": 3 }] });
        assert_eq!(
            redacted(settings),
            json!({ "a.secret_key": "(hidden)", "b": [{ "Password": "(hidden)", "token_count": 3 }] })
        );
    }
}
