//! The operator's view of a service's tools, the same for all callers: tools that are not served, other names and
//! descriptions, arguments that the operator sets, and defaults.
//!
//! A fixed argument is not in the schema that clients see, and refused when one sends it. The arguments with the
//! operator's own in place are then checked against the schema of the component, as always.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::config::load::suggestion;

/// What is changed in the tools of one service. Tools are named as clients would see them without it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Tools that are not served.
    pub disabled: BTreeSet<String>,
    /// Changes of the others.
    pub tools: BTreeMap<String, Override>,
}

/// What is changed in one tool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Override {
    /// Its new name.
    pub name: Option<String>,
    /// Its new description.
    pub description: Option<String>,
    /// Arguments that the operator sets.
    pub fixed: Map<String, Value>,
    /// Arguments that are filled in when they are absent.
    pub defaults: Map<String, Value>,
}

/// A tool, as far as it can be changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Overridden {
    /// What clients call it.
    pub public_name: String,
    /// For the model.
    pub description: String,
    /// JSON Schema of the arguments, as clients see it.
    pub input_schema: Map<String, Value>,
    /// What becomes of a call's arguments before they are checked.
    pub injection: Injection,
}

/// The operator's own arguments of a tool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Injection {
    fixed: Map<String, Value>,
    defaults: Map<String, Value>,
}

impl Injection {
    /// Puts the operator's arguments in place. A default replaces only an argument that is absent, not a `null`.
    ///
    /// # Errors
    /// Names the arguments that a client may not send.
    pub fn inject(&self, mut arguments: Map<String, Value>) -> Result<Map<String, Value>, String> {
        let sent: Vec<String> = self
            .fixed
            .keys()
            .filter(|name| arguments.contains_key(*name))
            .map(|name| format!("arguments.{name}: is set by the operator; leave it out"))
            .collect();
        if !sent.is_empty() {
            return Err(sent.join("; "));
        }
        arguments.extend(self.fixed.clone());
        for (name, value) in &self.defaults {
            arguments.entry(name).or_insert_with(|| value.clone());
        }
        Ok(arguments)
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fixed.is_empty() && self.defaults.is_empty()
    }
}

impl Overrides {
    /// Checks that each tool named exists, given the names of all the service's tools.
    ///
    /// # Errors
    /// Names the one that does not, and the nearest that does.
    pub fn check_names(&self, known: &[&str]) -> Result<(), String> {
        let named = self.disabled.iter().chain(self.tools.keys());
        match named.into_iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(format!("tools: there is no tool `{name}`. {}", suggestion(name, known))),
            None => Ok(()),
        }
    }

    /// The tool as clients see it; none if it is not served.
    ///
    /// # Errors
    /// Says what does not fit the tool's schema, and where it is written.
    pub fn apply(
        &self,
        public_name: String,
        description: String,
        input_schema: Map<String, Value>,
    ) -> Result<Option<Overridden>, String> {
        if self.disabled.contains(&public_name) {
            return Ok(None);
        }
        let mut tool = Overridden { public_name, description, input_schema, injection: Injection::default() };
        if let Some(change) = self.tools.get(&tool.public_name) {
            change.apply(&mut tool)?;
        }
        Ok(Some(tool))
    }
}

impl Override {
    fn apply(&self, tool: &mut Overridden) -> Result<(), String> {
        let original = tool.input_schema.clone();
        for (part, arguments) in [("fix", &self.fixed), ("defaults", &self.defaults)] {
            for (name, value) in arguments {
                let fault = |why| format!("tools.{part}.{}.{name}: {why}", tool.public_name);
                check(&original, name, value).map_err(fault)?;
                let changed = match part {
                    "fix" => hide(&mut tool.input_schema, name),
                    _ => default(&mut tool.input_schema, name, value),
                };
                changed.map_err(fault)?;
            }
        }
        if let Some(name) = &self.name {
            tool.public_name.clone_from(name);
        }
        if let Some(description) = &self.description {
            tool.description.clone_from(description);
        }
        tool.injection = Injection { fixed: self.fixed.clone(), defaults: self.defaults.clone() };
        Ok(())
    }
}

/// Keywords that speak about the arguments together; the whole is checked at each call.
const TOGETHER: [&str; 12] = [
    "required",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "minProperties",
    "maxProperties",
];

/// Whether the value is one that the argument can have.
fn check(schema: &Map<String, Value>, name: &str, value: &Value) -> Result<(), String> {
    let known: Vec<&str> =
        properties(schema).map(|all| all.keys().map(String::as_str).collect()).unwrap_or_default();
    if !known.contains(&name) {
        return Err(format!("there is no such argument. {}", suggestion(name, &known)));
    }
    // Within the whole schema, so that a `$ref` to any part of it holds.
    let mut alone = schema.clone();
    alone.retain(|keyword, _| !TOGETHER.contains(&keyword.as_str()));
    let validator =
        jsonschema::draft202012::options().build(&Value::Object(alone)).map_err(|e| e.to_string())?;
    let arguments = Value::Object([(name.to_owned(), value.clone())].into_iter().collect());
    validator.validate(&arguments).map_err(|e| e.to_string())
}

fn properties(schema: &Map<String, Value>) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

/// Takes an argument out of a schema.
fn hide(schema: &mut Map<String, Value>, name: &str) -> Result<(), String> {
    if let Some(all) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        all.remove(name);
    }
    not_required(schema, name);
    let together = TOGETHER.iter().filter_map(|keyword| Some((keyword, schema.get(*keyword)?)));
    if let Some((keyword, _)) =
        together.into_iter().find(|(_, value)| value.is_number() || names(value, name))
    {
        return Err(format!(
            "cannot be hidden, because the schema's `{keyword}` speaks about it; use `defaults`"
        ));
    }
    let pointer = format!("#/properties/{}", name.replace('~', "~0").replace('/', "~1"));
    if schema.values().any(|part| refers(part, &pointer)) {
        return Err(format!("cannot be hidden, because the schema refers to `{pointer}`; use `defaults`"));
    }
    Ok(())
}

/// Makes an argument optional.
fn default(schema: &mut Map<String, Value>, name: &str, value: &Value) -> Result<(), String> {
    not_required(schema, name);
    let argument = schema.get_mut("properties").and_then(|all| all.get_mut(name));
    let argument = argument.ok_or("there is no such argument")?;
    if !argument.is_object() {
        *argument = Value::Object(Map::new()); // it was `true`: anything
    }
    if let Some(argument) = argument.as_object_mut() {
        argument.insert("default".to_owned(), value.clone());
    }
    Ok(())
}

fn not_required(schema: &mut Map<String, Value>, name: &str) {
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|required| required != name);
        if required.is_empty() {
            schema.remove("required");
        }
    }
}

/// Whether a text or a key anywhere in it is this name. Schemas are at most 64 deep.
fn names(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => text == name,
        Value::Array(items) => items.iter().any(|item| names(item, name)),
        Value::Object(map) => map.iter().any(|(key, value)| key == name || names(value, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a `$ref` anywhere in it points to this place or below.
fn refers(value: &Value, pointer: &str) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| {
            let target = value.as_str().filter(|_| key == "$ref").and_then(|text| text.strip_prefix(pointer));
            target.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) || refers(value, pointer)
        }),
        Value::Array(items) => items.iter().any(|item| refers(item, pointer)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!("{value} is not an object") };
        map
    }

    fn one(name: &str, value: Value) -> Map<String, Value> {
        [(name.to_owned(), value)].into_iter().collect()
    }

    fn schema() -> Map<String, Value> {
        map(json!({
            "type": "object", "additionalProperties": false, "required": ["namespace", "pod"],
            "properties": {
                "namespace": {"$ref": "#/$defs/name"}, "pod": {"type": "string"}, "any": true,
                "lines": {"type": "integer", "maximum": 100},
            },
            "$defs": {"name": {"type": "string", "maxLength": 5}},
        }))
    }

    fn apply(change: Override) -> Result<Overridden, String> {
        apply_to(schema(), change)
    }

    fn apply_to(schema: Map<String, Value>, change: Override) -> Result<Overridden, String> {
        let tools = [("k8s_logs".to_owned(), change)].into();
        let overrides = Overrides { tools, ..Overrides::default() };
        overrides.apply("k8s_logs".into(), "Logs.".into(), schema).map(Option::unwrap)
    }

    fn fix(name: &str, value: Value) -> Override {
        Override { fixed: one(name, value), ..Override::default() }
    }

    fn defaults(name: &str, value: Value) -> Override {
        Override { defaults: one(name, value), ..Override::default() }
    }

    #[test]
    fn a_tool_gets_its_new_name_and_description() {
        let change = Override {
            name: Some("dev_logs".into()),
            description: Some("Logs of dev.".into()),
            ..Override::default()
        };
        let tool = apply(change).unwrap();
        assert_eq!((tool.public_name.as_str(), tool.description.as_str()), ("dev_logs", "Logs of dev."));
        assert_eq!(tool.input_schema, schema());
        assert!(tool.injection.is_empty());
    }

    #[test]
    fn a_tool_that_is_disabled_is_not_served() {
        let overrides = Overrides { disabled: ["k8s_logs".to_owned()].into(), ..Overrides::default() };
        assert_eq!(overrides.apply("k8s_logs".into(), String::new(), schema()), Ok(None));
        assert_eq!(overrides.check_names(&["k8s_logs", "k8s_get"]), Ok(()));
        let error = overrides.check_names(&["k8s_log", "k8s_get"]).unwrap_err();
        assert_eq!(error, "tools: there is no tool `k8s_logs`. Did you mean `k8s_log`?");
    }

    #[test]
    fn a_fixed_argument_is_hidden_and_set_by_the_host() {
        let tool = apply(fix("namespace", json!("dev"))).unwrap();
        let shown = json!(tool.input_schema);
        assert_eq!(shown["required"], json!(["pod"]));
        assert_eq!(shown["properties"].get("namespace"), None);
        let injected = tool.injection.inject(map(json!({"pod": "a"})));
        assert_eq!(injected, Ok(map(json!({"pod": "a", "namespace": "dev"}))));
        for sent in [json!("prod"), json!("dev"), json!(null)] {
            assert_eq!(
                tool.injection.inject(map(json!({"pod": "a", "namespace": sent}))),
                Err("arguments.namespace: is set by the operator; leave it out".to_owned())
            );
        }
    }

    #[test]
    fn a_default_is_shown_and_filled_in() {
        let tool = apply(defaults("namespace", json!("dev"))).unwrap();
        let shown = json!(tool.input_schema);
        assert_eq!(shown["required"], json!(["pod"]));
        assert_eq!(shown["properties"]["namespace"], json!({"$ref": "#/$defs/name", "default": "dev"}));
        let inject = |arguments| tool.injection.inject(map(arguments)).unwrap();
        assert_eq!(inject(json!({})), map(json!({"namespace": "dev"})));
        assert_eq!(inject(json!({"namespace": "prod"})), map(json!({"namespace": "prod"})));
        assert_eq!(inject(json!({"namespace": null})), map(json!({"namespace": null})));
        let tool = apply(defaults("any", json!([1]))).unwrap();
        assert_eq!(json!(tool.input_schema)["properties"]["any"], json!({"default": [1]}));
    }

    #[test]
    fn a_value_must_be_one_that_the_argument_can_have() {
        for (change, why) in [
            (
                fix("namespace", json!("longer")),
                "tools.fix.k8s_logs.namespace: \"longer\" is longer than 5 characters",
            ),
            (fix("namespace", json!(1)), "tools.fix.k8s_logs.namespace: 1 is not of type \"string\""),
            (
                defaults("lines", json!(101)),
                "tools.defaults.k8s_logs.lines: 101 is greater than the maximum of 100",
            ),
            (
                fix("namespac", json!("dev")),
                "tools.fix.k8s_logs.namespac: there is no such argument. Did you mean `namespace`?",
            ),
        ] {
            assert_eq!(apply(change).unwrap_err(), why);
        }
        let none = map(json!({"type": "object"}));
        let error = apply_to(none, defaults("x", json!(1))).unwrap_err();
        assert_eq!(error, "tools.defaults.k8s_logs.x: there is no such argument. Nothing is known here.");
    }

    #[test]
    fn an_argument_that_others_depend_on_cannot_be_hidden() {
        let with = |keyword: &str, value: Value| {
            let mut schema = schema();
            schema.insert(keyword.to_owned(), value);
            schema
        };
        let any = with("anyOf", json!([{"required": ["namespace"]}, {"required": ["any"]}]));
        let error = apply_to(any.clone(), fix("namespace", json!("dev"))).unwrap_err();
        assert!(error.ends_with("because the schema's `anyOf` speaks about it; use `defaults`"), "{error}");
        assert!(apply_to(any.clone(), defaults("namespace", json!("dev"))).is_ok());
        assert!(apply_to(any, fix("lines", json!(1))).is_ok());
        let error = apply_to(with("maxProperties", json!(2)), fix("lines", json!(1))).unwrap_err();
        assert!(error.contains("the schema's `maxProperties` speaks about it"), "{error}");
        let referred = with("patternProperties", json!({"^x": {"$ref": "#/properties/lines"}}));
        let error = apply_to(referred, fix("lines", json!(1))).unwrap_err();
        assert!(error.contains("the schema refers to `#/properties/lines`"), "{error}");
    }

    fn some_arguments() -> impl Strategy<Value = Map<String, Value>> {
        prop::collection::btree_map("[abcd]", 0..5_i64, 0..4)
            .prop_map(|map| map.into_iter().map(|(name, n)| (name, n.into())).collect())
    }

    proptest! {
        /// What a client may send, as far as it can see, is what the component takes.
        #[test]
        fn what_fits_the_schema_that_is_shown_fits_the_one_that_is_hidden(
            required in prop::sample::subsequence(vec!["a", "b", "c"], 0..=3), closed in any::<bool>(),
            fixed in some_arguments(), defaults in some_arguments(), sent in some_arguments(),
        ) {
            let original = map(json!({
                "type": "object", "required": required, "additionalProperties": !closed,
                "properties": {"a": {"maximum": 3}, "b": {"minimum": 1}, "c": true},
            }));
            let valid = |schema: &Map<String, Value>, arguments: &Map<String, Value>| {
                jsonschema::is_valid(&Value::Object(schema.clone()), &Value::Object(arguments.clone()))
            };
            if let Ok(tool) = apply_to(original.clone(), Override { fixed, defaults, ..Override::default() }) {
                let injected = tool.injection.inject(sent.clone());
                let own = tool.injection.fixed.keys().any(|name| sent.contains_key(name));
                prop_assert_eq!(injected.is_err(), own);
                if let Ok(injected) = injected && valid(&tool.input_schema, &sent) {
                    prop_assert!(valid(&original, &injected), "{:?}", injected);
                }
            }
        }
    }
}
