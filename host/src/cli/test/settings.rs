//! The config a component is tried with: the one that was given, or one made up from its schema. What looks like a
//! credential in it is a canary: whoever finds it anywhere else has found a leak.

use std::collections::BTreeSet;

use bulkhead::sandbox::Manifest;
use bulkhead_openapi::required;
use serde_json::{Map, Value, json};

use super::{
    random::Random,
    values::{Taste, Values, deref},
};

/// What plays every upstream. The name is for the component alone: whatever it sends comes to the kit.
pub(super) const UPSTREAM: &str = "http://upstream.test";
/// What stands in the place of a credential.
pub(super) const CANARY: &str = "kit-canary-5dJv0yQ2";

/// Whether a key of a config is called as credentials are.
pub(super) fn is_secret(key: &str) -> bool {
    let key: String =
        key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let ends = [
        "password",
        "passwd",
        "secret",
        "token",
        "apikey",
        "privatekey",
        "accesskey",
        "credential",
        "credentials",
    ];
    ends.iter().any(|end| key.ends_with(end))
}

/// A config of a schema: what is required, what its requests are sent to, and nothing else.
pub(super) fn made_up(manifest: &Manifest, seed: u64) -> Value {
    let schema: Value = serde_json::from_str(&manifest.config_schema).unwrap_or_default();
    let mut random = Random::new(seed, "config");
    let mut config = Values::new(&schema, Taste::Plain, &mut random).value();
    let anchored = anchored(manifest);
    let properties = schema.get("properties").and_then(Value::as_object);
    if let (Some(config), Some(properties)) = (config.as_object_mut(), properties) {
        let required: Vec<&str> = required(schema.get("required")).collect();
        // A default is what is meant unless somebody says otherwise; here nobody does.
        config.retain(|key, _| required.contains(&key.as_str()));
        fill(&schema, properties, &anchored, config);
    }
    if config.is_object() { config } else { json!({}) }
}

fn fill(
    root: &Value,
    properties: &Map<String, Value>,
    anchored: &BTreeSet<String>,
    config: &mut Map<String, Value>,
) {
    for (key, property) in properties {
        let property = deref(root, property);
        let takes = |kind: &str| takes(root, property, kind);
        if anchored.contains(key) {
            let value = if takes("array") { json!([UPSTREAM]) } else { json!(UPSTREAM) };
            config.insert(key.clone(), value);
        } else if config.contains_key(key) && is_url(key, property) && takes("string") {
            config.insert(key.clone(), json!(UPSTREAM));
        } else if is_secret(key) && takes("string") {
            config.insert(key.clone(), json!(CANARY));
        } else if let (Some(own), Some(below)) = (
            config.get_mut(key).and_then(Value::as_object_mut),
            property.get("properties").and_then(Value::as_object),
        ) {
            fill(root, below, &BTreeSet::new(), own);
        }
    }
}

fn takes(root: &Value, property: &Value, kind: &str) -> bool {
    let own = match property.get("type") {
        Some(Value::String(own)) => own == kind,
        Some(Value::Array(own)) => own.iter().any(|own| own == kind),
        _ => false,
    };
    let ways = ["anyOf", "oneOf"].into_iter().filter_map(|key| property.get(key).and_then(Value::as_array));
    own || ways.flatten().any(|way| takes(root, deref(root, way), kind))
}

fn is_url(key: &str, property: &Value) -> bool {
    let format = property.get("format").and_then(Value::as_str).unwrap_or_default();
    let key = key.to_ascii_lowercase();
    matches!(format, "uri" | "url")
        || ["url", "uri", "endpoint", "server"].iter().any(|end| key.ends_with(end))
}

/// The keys that its manifest sends to.
fn anchored(manifest: &Manifest) -> BTreeSet<String> {
    let keys = manifest.egress.iter().filter_map(|asked| asked.url.strip_prefix("{config.")?.split_once('}'));
    keys.map(|(key, _)| key.to_owned()).collect()
}

/// The strings of a config that are credentials, as far as their keys say.
pub(super) fn secrets(config: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut left: Vec<(&str, &Value)> = vec![("", config)];
    while let Some((key, value)) = left.pop() {
        match value {
            Value::Object(object) => left.extend(object.iter().map(|(key, value)| (key.as_str(), value))),
            Value::Array(items) => left.extend(items.iter().map(|value| (key, value))),
            // A short one would be found by chance.
            Value::String(text) if is_secret(key) && text.len() >= 6 => found.push(text.clone()),
            _ => {}
        }
    }
    found
}

/// Configs that the schema takes and that nobody meant: each key that holds a string with odd ones.
pub(super) fn odd(schema: &Value, config: &Value) -> Vec<(String, Value)> {
    let Ok(validator) = jsonschema::draft202012::options().build(schema) else { return Vec::new() };
    let long = "x".repeat(10_000);
    let texts = ["", " ", "\u{0}", "http://", "://", "/", "ü", "{}", long.as_str()];
    let numbers = [json!(0), json!(-1), json!(u32::MAX), json!(i64::MAX), json!(0.5)];
    let mut all = Vec::new();
    for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let property = deref(schema, property);
        let values: Vec<Value> = if takes(schema, property, "string") {
            texts.iter().map(|text| json!(text)).collect()
        } else if takes(schema, property, "integer") || takes(schema, property, "number") {
            numbers.to_vec()
        } else if takes(schema, property, "array") {
            vec![json!([]), json!([""]), json!(vec![""; 100])]
        } else {
            Vec::new()
        };
        for value in values {
            let mut odd = config.clone();
            if let Some(odd) = odd.as_object_mut() {
                odd.insert(key.clone(), value);
            }
            if validator.is_valid(&odd) {
                all.push((key.clone(), odd));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use bulkhead::grant::EgressRequest;

    use super::*;

    fn manifest(schema: &Value, urls: &[&str]) -> Manifest {
        let asks =
            |url: &&str| EgressRequest { url: (*url).to_owned(), methods: Vec::new(), reason: String::new() };
        Manifest {
            config_schema: schema.to_string(),
            egress: urls.iter().map(asks).collect(),
            ..Manifest::default()
        }
    }

    #[test]
    fn a_config_has_what_is_needed_to_send_and_a_canary() {
        let schema = json!({ "type": "object", "required": ["url", "repo"], "properties": {
            "url": { "type": "string" }, "repo": { "type": "string", "examples": ["acme/widgets"] },
            "fetch": { "type": "array", "items": { "type": "string" }, "default": [] },
            "api_token": { "type": ["string", "null"] }, "page": { "type": "integer", "default": 3 },
        } });
        let config = made_up(&manifest(&schema, &["{config.url}/a", "{config.fetch}/**"]), 1);
        let expected =
            json!({ "url": UPSTREAM, "repo": "acme/widgets", "fetch": [UPSTREAM], "api_token": CANARY });
        assert_eq!(config, expected);
        assert_eq!(secrets(&config), [CANARY]);
        assert!(
            is_secret("apiKey") && is_secret("GITHUB_TOKEN") && !is_secret("token_url") && !is_secret("url")
        );
    }

    #[test]
    fn odd_configs_are_those_that_the_schema_takes() {
        let schema = json!({ "type": "object", "additionalProperties": false, "properties": {
            "url": { "type": "string", "minLength": 2 }, "n": { "type": "integer", "minimum": 0, "maximum": 9 },
        } });
        let odd = odd(&schema, &json!({ "url": "http://h" }));
        assert_eq!(odd.iter().filter(|(key, _)| key == "n").count(), 1);
        assert!(odd.iter().all(|(_, config)| config["url"].as_str().unwrap().chars().count() > 1));
    }
}
