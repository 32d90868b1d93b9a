//! Owns `convert_data`: JSON, YAML and TOML into each other.

use bulkhead_sdk::prelude::*;

use crate::{Utilities, limits};

pub(crate) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "convert_data",
            "Converts between JSON, YAML and TOML, and so also checks or formats any of them. Keys come out sorted; \
             comments are lost.",
            convert_data,
        )
        .title("Convert data")
        .read_only()
        .idempotent()
        .tag("data"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct ConvertData {
    /// The document.
    text: String,
    from: Format,
    to: Format,
    /// JSON on one line.
    #[serde(default)]
    compact: bool,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    Yaml,
    Toml,
}

async fn convert_data(_: &Utilities, args: ConvertData, _: &Call) -> Result<Output> {
    limits::at_most("text", &args.text, limits::TEXT)?;
    let wrong = |error: String| Error::invalid("text", error);
    let value: Value = match args.from {
        Format::Json => serde_json::from_str(&args.text).map_err(|error| wrong(error.to_string()))?,
        Format::Yaml => serde_yaml_ng::from_str(&args.text).map_err(|error| wrong(error.to_string()))?,
        Format::Toml => {
            let table: toml::Table =
                args.text.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
            from_toml(toml::Value::Table(table))
        }
    };
    let failed = |format: &str, error: String| Error::invalid("text", format!("cannot be {format}: {error}"));
    let text = match args.to {
        Format::Json if args.compact => value.to_string(),
        Format::Json => serde_json::to_string_pretty(&value)?,
        Format::Yaml => {
            serde_yaml_ng::to_string(&value).map_err(|error| failed("YAML", error.to_string()))?
        }
        Format::Toml => {
            if !value.is_object() {
                return Err(failed("TOML", "its root is always a table".to_owned()));
            }
            toml::to_string(&value).map_err(|_| failed("TOML", "it has no null".to_owned()))?
        }
    };
    Ok(Output::text(text))
}

/// TOML's dates become text; serde would make tables of them.
fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(from_toml).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (key, from_toml(value))).collect())
        }
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
    }
}
