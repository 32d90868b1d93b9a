//! The shape of a call's arguments: keys, JSON types and sizes, down to a bound. Values stay out, except those
//! of the fields the operator lists.
//!
//! Every leaf is a text that begins with its type, `string(12)`, so that nothing a client sends can pass for
//! something else: `{"query": "string(12): up == 0"}` has a listed field. The rest of what was cut stands
//! behind a `…`.

use std::str::FromStr;

use serde_json::{Map, Value};

/// Keys and items told in all, over all levels.
const NODES: usize = 128;
/// Items of one array.
const ITEMS: usize = 3;
/// Levels of objects and arrays.
const DEPTH: usize = 6;
/// Characters of a key.
const KEY: usize = 64;
/// Characters of a listed value.
const VALUE: usize = 256;

/// A listed field: the tool (a `*` at its end stands for any rest), and the keys that lead to the argument.
/// Arrays are passed through: `t.targets.expr` is the `expr` of each item of `targets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath {
    tool: String,
    keys: Vec<String>,
}

impl FromStr for FieldPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (tool, keys) = text.split_once('.').unwrap_or((text, ""));
        let keys: Vec<String> = keys.split('.').map(str::to_owned).collect();
        let stars = tool.strip_suffix('*').unwrap_or(tool).contains('*');
        if tool.is_empty() || stars || keys.iter().any(String::is_empty) {
            return Err(format!(
                "`{text}` names no argument of a tool; write TOOL.KEY, like `prometheus_query.query` or \
                 `*.namespace`"
            ));
        }
        Ok(Self { tool: tool.to_owned(), keys })
    }
}

impl FieldPath {
    fn is_of(&self, tool: &str) -> bool {
        match self.tool.strip_suffix('*') {
            Some(start) => tool.starts_with(start),
            None => tool == self.tool,
        }
    }
}

/// The shape of a tool's arguments, with the values of the fields in `keep`.
#[must_use]
pub fn shape(tool: &str, arguments: &Map<String, Value>, keep: &[FieldPath]) -> Value {
    let keep: Vec<&[String]> =
        keep.iter().filter(|path| path.is_of(tool)).map(|path| path.keys.as_slice()).collect();
    object(arguments, &keep, 1, &mut { NODES })
}

fn shape_of(value: &Value, keep: &[&[String]], depth: usize, left: &mut usize) -> Value {
    if keep.iter().any(|keys| keys.is_empty()) {
        let text = match value {
            Value::String(text) => cut(text, VALUE),
            other => cut(&other.to_string(), VALUE),
        };
        return format!("{}: {text}", kind(value)).into();
    }
    match value {
        Value::Object(map) if depth < DEPTH => object(map, keep, depth + 1, left),
        Value::Array(items) if depth < DEPTH => {
            let mut shapes = Vec::new();
            for item in items.iter().take(ITEMS) {
                if !take(left) {
                    break;
                }
                shapes.push(shape_of(item, keep, depth + 1, left));
            }
            more(items.len() - shapes.len()).into_iter().for_each(|rest| shapes.push(rest.into()));
            Value::Array(shapes)
        }
        other => kind(other).into(),
    }
}

fn object(map: &Map<String, Value>, keep: &[&[String]], depth: usize, left: &mut usize) -> Value {
    let mut shapes = Map::new();
    let mut told = 0;
    for (key, value) in map {
        if !take(left) {
            break;
        }
        told += 1;
        let below = keep.iter().filter_map(|keys| keys.split_first().filter(|(first, _)| *first == key));
        let below: Vec<&[String]> = below.map(|(_, rest)| rest).collect();
        shapes.insert(cut(key, KEY), shape_of(value, &below, depth, left));
    }
    if let Some(rest) = more(map.len() - told) {
        shapes.insert("…".to_owned(), rest.into());
    }
    Value::Object(shapes)
}

fn take(left: &mut usize) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}

fn more(count: usize) -> Option<String> {
    (count > 0).then(|| format!("…{count} more"))
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "boolean".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(text) => format!("string({})", text.len()),
        Value::Array(items) => format!("array({})", items.len()),
        Value::Object(map) => format!("object({})", map.len()),
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn shaped(arguments: &Value, keep: &[&str]) -> Value {
        let keep: Vec<FieldPath> = keep.iter().map(|path| path.parse().unwrap()).collect();
        shape("svc_tool", arguments.as_object().unwrap(), &keep)
    }

    #[test]
    fn arguments_are_told_by_keys_types_and_sizes() {
        let arguments = json!({
            "query": "up == 0", "limit": 5, "all": true, "none": null,
            "range": { "start": "now", "steps": [1, "b", {}, 4, 5] },
        });
        let expected = json!({
            "query": "string(7)", "limit": "number", "all": "boolean", "none": "null",
            "range": { "start": "string(3)", "steps": ["number", "string(1)", {}, "…2 more"] },
        });
        assert_eq!(shaped(&arguments, &[]), expected);
    }

    #[test]
    fn listed_fields_keep_their_values_and_others_do_not() {
        let arguments = json!({ "a": "one", "b": [{ "a": "two", "c": 3 }], "d": { "e": 1 } });
        let expected = json!({ "a": "string(3)", "b": [{ "a": "string(3): two", "c": "number" }], "d": "object(1): {\"e\":1}" });
        assert_eq!(shaped(&arguments, &["svc_*.b.a", "*.d", "other.a"]), expected);
    }

    #[test]
    fn what_is_too_much_is_cut_and_marked() {
        let many: Map<String, Value> = (0..200).map(|n| (format!("{n:03}"), json!(n))).collect();
        let shape = shaped(&many.into(), &[]);
        assert_eq!(shape.as_object().unwrap().len(), NODES + 1);
        assert_eq!(shape["…"], "…72 more");
        let deep = (0..20).fold(json!(1), |inner, _| json!({ "k": inner }));
        assert_eq!(shaped(&deep, &[]).to_string().matches("\"k\"").count(), DEPTH);
        let long = shaped(&json!({ "k".repeat(99): "v".repeat(999) }), &["svc_tool.x"]);
        assert_eq!(long, json!({ format!("{}…", "k".repeat(KEY)): "string(999)" }));
        let value = shaped(&json!({ "x": "ö".repeat(999) }), &["svc_tool.x"]);
        assert_eq!(value, json!({ "x": format!("string(1998): {}…", "ö".repeat(VALUE)) }));
    }

    #[test]
    fn a_path_without_an_argument_is_refused() {
        for path in ["", "tool", "tool.", ".a", "t.a..b", "a*b.c"] {
            assert!(path.parse::<FieldPath>().is_err(), "{path}");
        }
    }

    /// Any JSON whose texts begin with a word that no shape has.
    fn secrets() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (1_000_000_u64..).prop_map(Value::from),
            ".{0,40}".prop_map(|text| Value::from(format!("canary{text}"))),
        ];
        leaf.prop_recursive(8, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map("[a-e]", inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_value_appears_in_a_shape(value in secrets()) {
            let text = shaped(&json!({ "a": value }), &["svc_tool.b"]).to_string();
            prop_assert!(!text.contains("canary"));
            // Sizes are the only numbers, and none here is that large.
            prop_assert!(!text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= 7));
        }

        #[test]
        fn a_shape_is_small(value in secrets(), keys in prop::collection::vec(".{0,200}", 0..300)) {
            let mut all: Map<String, Value> = keys.into_iter().map(|key| (key, value.clone())).collect();
            all.insert("a".to_owned(), value);
            let shape = shape("t", &all, &[]);
            prop_assert!(shape.to_string().len() < 60_000);
        }
    }
}
