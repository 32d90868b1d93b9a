//! Owns JSON: querying (RFC 9535), comparing and patching (RFC 6902, RFC 7396).

use bulkhead_sdk::prelude::*;
use serde_json_path::JsonPath;

use crate::{Utilities, limits};

/// Of what a query gives back if the call does not say.
const DEFAULT_LIMIT: usize = 100;

pub(crate) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "json_query",
            "Selects values from JSON with a JSONPath (RFC 9535), for example `$.items[?@.price < 10].name` or \
             `$..id`; without its functions match() and search(). Gives each value with its path.",
            json_query,
        )
        .title("Query JSON")
        .read_only()
        .idempotent()
        .tag("json"),
        Tool::new(
            "json_diff",
            "Compares two JSON values: a JSON Patch (RFC 6902) from the first to the second, and the changes in \
             words.",
            json_diff,
        )
        .title("Compare JSON")
        .read_only()
        .idempotent()
        .tag("json"),
        Tool::new(
            "json_patch",
            "Applies a patch to JSON: an array is a JSON Patch (RFC 6902), an object a merge patch (RFC 7396). All \
             of it applies, or nothing does.",
            json_patch,
        )
        .title("Patch JSON")
        .read_only()
        .idempotent()
        .tag("json"),
    ]
}

/// A value, or the text of one: models pass both.
fn value(field: &str, given: Value) -> Result<Value> {
    let Value::String(text) = given else { return Ok(given) };
    limits::at_most(field, &text, limits::TEXT)?;
    serde_json::from_str(&text)
        .map_err(|error| Error::invalid(field, format!("is text but not JSON: {error}")))
}

#[derive(Deserialize, JsonSchema)]
struct JsonQuery {
    /// Any JSON value, or its text.
    json: Value,
    /// JSONPath, such as `$.items[0].name`.
    path: String,
    /// At most this many results; 100 if left out.
    #[schemars(range(min = 1, max = 10_000))]
    limit: Option<usize>,
}

async fn json_query(_: &Utilities, args: JsonQuery, _: &Call) -> Result<Output> {
    limits::at_most("path", &args.path, limits::EXPRESSION)?;
    let limit = limits::within("limit", args.limit.unwrap_or(DEFAULT_LIMIT), 1, 10_000)?;
    let document = value("json", args.json)?;
    let path = JsonPath::parse(&args.path).map_err(|error| {
        Error::invalid(
            "path",
            format!("`{}` is no JSONPath ({error}); for example `$.items[?@.price < 10].name`", args.path),
        )
    })?;
    let found = path.query_located(&document);
    let total = found.len();
    let matches: Vec<Value> = found
        .iter()
        .take(limit)
        .map(|node| json!({"path": node.location().to_string(), "value": node.node()}))
        .collect();
    Ok(Output::json(&json!({"matches": matches, "total": total})))
}

#[derive(Deserialize, JsonSchema)]
struct JsonDiff {
    /// Any JSON value, or its text.
    before: Value,
    /// Any JSON value, or its text.
    after: Value,
}

async fn json_diff(_: &Utilities, args: JsonDiff, _: &Call) -> Result<Output> {
    let (before, after) = (value("before", args.before)?, value("after", args.after)?);
    let patch = json_patch::diff(&before, &after);
    let changes: Vec<String> = patch.iter().map(|change| said(change, &before)).collect();
    let text = if changes.is_empty() { "The two are equal.".to_owned() } else { changes.join("\n") };
    let value = json!({"equal": changes.is_empty(), "patch": patch, "changes": changes});
    Ok(Output::structured_with_text(value, text))
}

/// One change in words, with what was there before.
fn said(change: &json_patch::PatchOperation, before: &Value) -> String {
    use json_patch::PatchOperation as Change;
    let at = |path: &str| if path.is_empty() { "(root)".to_owned() } else { path.to_owned() };
    let was = |path: &str| before.pointer(path).map_or_else(|| "?".to_owned(), shortened);
    match change {
        Change::Add(add) => format!("added {}: {}", at(add.path.as_str()), shortened(&add.value)),
        Change::Remove(remove) => {
            let path = remove.path.as_str();
            format!("removed {}: {}", at(path), was(path))
        }
        Change::Replace(replace) => {
            let path = replace.path.as_str();
            format!("changed {}: {} -> {}", at(path), was(path), shortened(&replace.value))
        }
        other => format!("{other}"),
    }
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[derive(Deserialize, JsonSchema)]
struct JsonPatch {
    /// Any JSON value, or its text.
    json: Value,
    /// `[{"op":"replace","path":"/a","value":1}]`, or a merge patch such as `{"a":1,"b":null}`.
    patch: Value,
}

async fn json_patch(_: &Utilities, args: JsonPatch, _: &Call) -> Result<Output> {
    let (mut document, patch) = (value("json", args.json)?, value("patch", args.patch)?);
    match patch {
        Value::Object(_) => json_patch::merge(&mut document, &patch),
        Value::Array(_) => {
            let patch: json_patch::Patch = serde_json::from_value(patch).map_err(|error| {
                Error::invalid(
                    "patch",
                    format!(
                        "{error}; expected operations such as {{\"op\":\"add\",\"path\":\"/a\",\"value\":1}}"
                    ),
                )
            })?;
            json_patch::patch(&mut document, &patch)
                .map_err(|error| Error::invalid("patch", error.to_string()))?;
        }
        _ => {
            return Err(Error::invalid("patch", "expected an array (JSON Patch) or an object (merge patch)"));
        }
    }
    Ok(Output::json(&json!({"result": document})))
}
