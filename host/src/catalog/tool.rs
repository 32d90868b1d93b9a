//! A tool: what a component declared, checked, and ready to be listed and called without asking again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytesize::ByteSize;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::effort::Effort;
use crate::{
    access::{Facts, Overrides, overrides::Injection},
    grant::tool::ToolEgress,
    request::ToolOutput,
    shape::{Conforms, Shaping, shape},
};

/// A tool as the component declared it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields are those of `tool` in wit/service.wit")]
pub struct Declared {
    pub name: String,
    pub title: Option<String>,
    pub description: String,
    pub input_schema: String,
    pub output_schema: Option<String>,
    pub annotations: Annotations,
    pub tags: Vec<String>,
    pub cache_ttl: Option<Duration>,
    pub plan: Option<Vec<u8>>,
    pub meta: Option<String>,
}

/// Hints for clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields are those of `annotations` in wit/service.wit")]
pub struct Annotations {
    pub read_only: bool,
    pub destructive: bool,
    pub idempotent: bool,
    pub open_world: bool,
}

/// For which clients a tool whose calls are tasks from the start is there: its `_meta` says so under `bulkhead/task`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Support {
    /// For all; those that do not know tasks wait.
    Optional,
    /// For those that know tasks.
    Required,
}

/// Key of [`Support`] in the `_meta` of a tool.
const TASK_META: &str = "bulkhead/task";

/// A tool that is served.
#[derive(Debug)]
pub struct Tool {
    /// What clients call it: `{service}_{name}`.
    pub public_name: Arc<str>,
    /// What its component calls it.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// For the model.
    pub description: String,
    /// JSON Schema of the arguments.
    pub input_schema: Arc<Map<String, Value>>,
    /// JSON Schema of the structured result.
    pub output_schema: Option<Arc<Map<String, Value>>>,
    /// Hints.
    pub annotations: Annotations,
    /// Words to select by.
    pub tags: Vec<String>,
    /// How long a result may be used again; none means never, as for every tool that is not read-only.
    pub cache_ttl: Option<Duration>,
    /// Handed back with every call.
    pub plan: Option<Vec<u8>>,
    /// MCP `_meta`.
    pub meta: Option<Map<String, Value>>,
    /// What its calls may send, if its component says so.
    pub egress: Option<Vec<ToolEgress>>,
    /// Whether arguments are to be repeated in headers (SEP-2243).
    pub has_header_arguments: bool,
    /// Whether its calls are tasks from the start.
    pub task: Option<Support>,
    /// What is done with its results.
    pub shaping: Shaping,
    /// The operator's own arguments.
    injection: Injection,
    effort: Effort,
    /// Of the component's own schema, with what the operator's view of it hides.
    arguments: jsonschema::Validator,
}

/// Names that fit every client (MCP allows more; several clients do not).
const PUBLIC_NAME: usize = 64;
const NAME: usize = 48;
const PLAN: usize = 64 << 10;
/// Deeper schemas are not for people or models, and validating them is not free.
const SCHEMA_DEPTH: usize = 64;
/// Marks an argument that is to be repeated in a header (SEP-2243).
const HEADER_ARGUMENT: &str = "x-mcp-header";
/// Keys of `_meta` with this prefix are the protocol's.
const RESERVED_META: &str = "io.modelcontextprotocol/";

impl Tool {
    /// Checks a declared tool of the service `service`.
    ///
    /// # Errors
    /// Says what is wrong with which tool.
    pub fn new(service: &str, declared: Declared) -> Result<Self, String> {
        let name = declared.name.clone();
        Self::checked(service, declared).map_err(|why| format!("tool `{name}`: {why}"))
    }

    fn checked(service: &str, declared: Declared) -> Result<Self, String> {
        let public_name = public_name(service, &declared.name)?;
        if declared.plan.as_ref().is_some_and(|plan| plan.len() > PLAN) {
            return Err("its plan is larger than 64 KiB".to_owned());
        }
        let input_schema = schema(&declared.input_schema).map_err(|e| format!("input schema: {e}"))?;
        if input_schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err("input schema: the root must have `\"type\": \"object\"`".to_owned());
        }
        let output_schema = declared.output_schema.as_deref().map(schema).transpose();
        let output_schema = output_schema.map_err(|e| format!("output schema: {e}"))?;
        if let Some(output) = &output_schema {
            Effort::new(output).map_err(|e| format!("output schema: {e}"))?;
            validator(output).map_err(|e| format!("output schema: {e}"))?;
        }
        let effort = Effort::new(&input_schema).map_err(|e| format!("input schema: {e}"))?;
        let arguments = validator(&input_schema).map_err(|e| format!("input schema: {e}"))?;
        let mut meta = declared.meta.as_deref().map(meta).transpose()?;
        let egress = meta.as_mut().map(ToolEgress::take).transpose()?.flatten();
        let meta = meta.filter(|meta| egress.is_none() || !meta.is_empty());
        let task = meta.as_ref().and_then(|meta| meta.get(TASK_META)).map(support).transpose()?;
        let cache_ttl = cache_ttl(&public_name, declared.cache_ttl, declared.annotations);
        Ok(Self {
            has_header_arguments: mentions(&input_schema, HEADER_ARGUMENT),
            public_name: public_name.into(),
            name: declared.name,
            title: declared.title,
            description: declared.description,
            input_schema: input_schema.into(),
            output_schema: output_schema.map(Into::into),
            annotations: declared.annotations,
            tags: declared.tags,
            cache_ttl,
            plan: declared.plan,
            meta,
            egress,
            task,
            shaping: Shaping::default(),
            injection: Injection::default(),
            arguments,
            effort,
        })
    }

    /// The tool as the operator wants it seen; none if it is not to be served.
    ///
    /// # Errors
    /// Says what does not fit the tool, and where it is written.
    pub fn seen(
        mut self,
        overrides: &Overrides,
        shapes: &BTreeMap<String, Shaping>,
    ) -> Result<Option<Self>, String> {
        if let Some(shaping) = shapes.get(&*self.public_name) {
            self.shaping = shaping.clone();
            if shaping.select.is_some() {
                self.output_schema = None; // a part of a result does not conform to the schema of the whole
            }
        }
        let (name, schema) = (self.public_name.to_string(), (*self.input_schema).clone());
        let Some(seen) = overrides.apply(name, std::mem::take(&mut self.description), schema)? else {
            return Ok(None);
        };
        self.public_name = seen.public_name.into();
        self.description = seen.description;
        self.input_schema = seen.input_schema.into();
        self.injection = seen.injection;
        Ok(Some(self))
    }

    /// What authorisation looks at, as a tool of `service`.
    #[must_use]
    pub fn facts<'a>(&'a self, service: &'a str) -> Facts<'a> {
        Facts {
            public_name: &self.public_name,
            service,
            tags: &self.tags,
            read_only: self.annotations.read_only,
            destructive: self.annotations.destructive,
        }
    }

    /// The arguments of a call with the operator's own put in place, checked.
    ///
    /// # Errors
    /// Names each argument at fault and what it should have been.
    pub fn complete(&self, arguments: Map<String, Value>) -> Result<Value, String> {
        let arguments =
            if self.injection.is_empty() { arguments } else { self.injection.inject(arguments)? };
        let arguments = Value::Object(arguments);
        self.validate(&arguments)?;
        Ok(arguments)
    }

    /// Checks arguments against the schema.
    ///
    /// # Errors
    /// Names each argument at fault and what it should have been.
    pub fn validate(&self, arguments: &Value) -> Result<(), String> {
        self.effort
            .allow(arguments)
            .map_err(|_| "arguments: too much to check; pass less at once".to_owned())?;
        if self.arguments.is_valid(arguments) {
            return Ok(());
        }
        let faults: BTreeSet<String> =
            self.arguments.iter_errors(arguments).take(8).map(|e| fault(&e)).collect();
        Err(faults.into_iter().collect::<Vec<_>>().join("; "))
    }

    /// Whether clients are told the same of it as of another.
    #[must_use]
    pub fn is_listed_as(&self, other: &Self) -> bool {
        self.public_name == other.public_name
            && self.title == other.title
            && self.description == other.description
            && self.input_schema == other.input_schema
            && self.output_schema == other.output_schema
            && self.annotations == other.annotations
            && self.tags == other.tags
            && self.meta == other.meta
    }

    /// A result as a client gets it: what the operator selected of it, in at most `limit` bytes.
    #[must_use]
    pub fn shaped(&self, output: ToolOutput, limit: ByteSize) -> ToolOutput {
        let conforms = |value: &Value| self.conforms(value);
        let conforms = self.output_schema.as_ref().map(|_| &conforms as Conforms<'_>);
        shape(output, &self.shaping, limit, conforms).output
    }

    /// Whether a structured result conforms to the output schema; yes if there is none. The validator is made
    /// each time: the host asks only of the few results that it cut, and a validator is larger than its schema.
    #[must_use]
    pub fn conforms(&self, structured: &Value) -> bool {
        let Some(schema) = &self.output_schema else { return true };
        Effort::new(schema).is_ok_and(|effort| effort.allow(structured).is_ok())
            && validator(schema).is_ok_and(|validator| validator.is_valid(structured))
    }
}

/// Whether a key is somewhere in a schema.
fn mentions(schema: &Map<String, Value>, key: &str) -> bool {
    let deeper = |value: &Value| match value {
        Value::Object(object) => mentions(object, key),
        Value::Array(items) => items.iter().filter_map(Value::as_object).any(|item| mentions(item, key)),
        _ => false,
    };
    schema.contains_key(key) || schema.values().any(deeper)
}

/// What clients call a tool or a prompt of `service`.
///
/// # Errors
/// When it is none that every client takes.
pub(super) fn public_name(service: &str, name: &str) -> Result<String, String> {
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let first = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !first || name.len() > NAME || !name.bytes().all(letters) {
        return Err(format!(
            "the name must be lower-case letters, digits and `_`, a letter first, at most {NAME}"
        ));
    }
    let public_name = format!("{service}_{name}");
    if public_name.len() > PUBLIC_NAME {
        return Err(format!(
            "`{public_name}` is longer than {PUBLIC_NAME} characters; give the service a shorter name"
        ));
    }
    Ok(public_name)
}

/// What changes something has to be done each time.
fn cache_ttl(tool: &str, ttl: Option<Duration>, annotations: Annotations) -> Option<Duration> {
    let ttl = ttl.filter(|ttl| !ttl.is_zero())?;
    if !annotations.read_only {
        tracing::warn!(
            tool,
            "the component gives results a time to live, but not to a read-only tool; they are not used again"
        );
        return None;
    }
    Some(ttl)
}

/// `arguments.days: 9 is greater than the maximum of 7`. The offending value is the caller's own.
fn fault(error: &jsonschema::ValidationError<'_>) -> String {
    let mut path = String::from("arguments");
    for part in error.instance_path().to_string().split('/').skip(1) {
        path.push('.');
        path.push_str(&part.replace("~1", "/").replace("~0", "~"));
    }
    let mut text = error.to_string();
    if text.len() > 300 {
        let end = (0..=300).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    format!("{path}: {text}")
}

fn schema(text: &str) -> Result<Map<String, Value>, String> {
    let value: Value = serde_json::from_str(text).map_err(|e| format!("is not JSON: {e}"))?;
    if depth(&value) > SCHEMA_DEPTH {
        return Err(format!("is nested deeper than {SCHEMA_DEPTH}"));
    }
    match value {
        Value::Object(schema) => Ok(schema),
        _ => Err("is not an object".to_owned()),
    }
}

/// serde_json itself stops at a depth of 128, so this recursion is bounded.
fn depth(value: &Value) -> usize {
    let below = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(map) => map.values().map(depth).max(),
        _ => return 0,
    };
    1 + below.unwrap_or(0)
}

/// What checks values against a schema.
///
/// # Errors
/// When the schema is none.
pub(crate) fn validator(schema: &Map<String, Value>) -> Result<jsonschema::Validator, String> {
    // Built without resolvers: a `$ref` that leaves the document is an error, and never a request.
    let options = jsonschema::draft202012::options();
    options.build(&Value::Object(schema.clone())).map_err(|e| e.to_string())
}

/// What clients get of a component's `meta`.
pub(crate) fn meta(text: &str) -> Result<Map<String, Value>, String> {
    let mut meta: Map<String, Value> =
        serde_json::from_str(text).map_err(|e| format!("meta is not a JSON object: {e}"))?;
    meta.retain(|key, _| !key.starts_with(RESERVED_META));
    Ok(meta)
}

fn support(written: &Value) -> Result<Support, String> {
    let wrong = |_| format!("meta: `{TASK_META}` is {written}, and not `optional` or `required`");
    Support::deserialize(written).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn declared(name: &str, schema: &Value) -> Declared {
        Declared { name: name.into(), input_schema: schema.to_string(), ..Declared::default() }
    }

    #[track_caller]
    fn refused(declared: Declared, why: &str) {
        let error = Tool::new("svc", declared).unwrap_err();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn a_sound_tool_gets_its_public_name() {
        let tool = Tool::new("svc", declared("get_it", &json!({"type": "object"}))).unwrap();
        assert_eq!(&*tool.public_name, "svc_get_it");
    }

    #[test]
    fn unsound_tools_are_refused() {
        let object = json!({"type": "object"});
        refused(declared("Get", &object), "tool `Get`: the name must be");
        refused(declared("", &object), "the name must be");
        refused(declared(&"a".repeat(49), &object), "the name must be");
        refused(declared("a", &json!({"type": "string"})), "the root must have");
        refused(declared("a", &json!([])), "is not an object");
        refused(
            declared("a", &json!({"type": "object", "properties": {"x": {"type": "strin"}}})),
            "input schema",
        );
        refused(
            declared("a", &json!({"type": "object", "$ref": "https://elsewhere.example/s.json"})),
            "input schema",
        );
        refused(Declared { plan: Some(vec![0; PLAN + 1]), ..declared("a", &object) }, "larger than 64 KiB");
        refused(Declared { meta: Some("3".into()), ..declared("a", &object) }, "meta is not a JSON object");
        let deep = (0..70).fold(json!({}), |inner, _| json!({"not": inner}));
        refused(declared("a", &deep), "nested deeper");
        let long = Tool::new(&"s".repeat(32), declared(&"a".repeat(40), &object)).unwrap_err();
        assert!(long.contains("longer than 64 characters; give the service a shorter name"), "{long}");
    }

    #[test]
    fn bad_arguments_are_named() {
        let schema = json!({
            "type": "object", "required": ["city"], "additionalProperties": false,
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "maximum": 7}},
        });
        let tool = Tool::new("svc", declared("forecast", &schema)).unwrap();
        assert_eq!(tool.validate(&json!({"city": "Oslo", "days": 7})), Ok(()));
        assert_eq!(
            tool.validate(&json!({"days": 9, "dayz": 1})).unwrap_err(),
            "arguments.days: 9 is greater than the maximum of 7; arguments: \"city\" is a required property; \
             arguments: Additional properties are not allowed ('dayz' was unexpected)"
        );
    }

    #[test]
    fn only_a_read_only_tool_has_a_time_to_live() {
        let ttl = |read_only, ttl| {
            let annotations = Annotations { read_only, ..Annotations::default() };
            let object = json!({"type": "object"});
            let declared = Declared { annotations, cache_ttl: Some(ttl), ..declared("get", &object) };
            Tool::new("svc", declared).unwrap().cache_ttl
        };
        let minute = Duration::from_secs(60);
        assert_eq!(ttl(true, minute), Some(minute));
        assert_eq!(ttl(true, Duration::ZERO), None);
        assert_eq!(ttl(false, minute), None);
    }

    #[test]
    fn a_structured_result_conforms_to_its_schema() {
        let schema = json!({"type": "object", "required": ["n"]}).to_string();
        let with = |output_schema| {
            let object = json!({"type": "object"});
            Tool::new("svc", Declared { output_schema, ..declared("get", &object) }).unwrap()
        };
        assert!(with(Some(schema.clone())).conforms(&json!({"n": 1})));
        assert!(!with(Some(schema)).conforms(&json!({"m": 1})));
        assert!(with(None).conforms(&json!(3)));
    }

    #[test]
    fn reserved_meta_is_dropped() {
        let meta = Some(json!({"io.modelcontextprotocol/x": 1, "acme.example/y": 2}).to_string());
        let tool = Tool::new("svc", Declared { meta, ..declared("a", &json!({"type": "object"})) }).unwrap();
        assert_eq!(Value::Object(tool.meta.unwrap()), json!({"acme.example/y": 2}));
    }

    #[test]
    fn what_a_tool_may_send_is_not_for_clients() {
        let saying = |meta: Value| Declared {
            meta: Some(meta.to_string()),
            ..declared("t", &json!({"type": "object"}))
        };
        let egress = json!([{ "url": "https://h/a", "methods": ["GET"] }]);
        let tool = Tool::new("svc", saying(json!({ "bulkhead/egress": egress, "x": 1 }))).unwrap();
        assert_eq!(tool.meta, json!({ "x": 1 }).as_object().cloned());
        let own = ToolEgress { url: "https://h/a".into(), methods: vec!["GET".into()] };
        assert_eq!(tool.egress, Some(vec![own]));
        let tool = Tool::new("svc", saying(json!({ "bulkhead/egress": [] }))).unwrap();
        assert_eq!((tool.meta, tool.egress), (None, Some(Vec::new())));
        refused(
            saying(json!({ "bulkhead/egress": null })),
            "tool `t`: meta: `bulkhead/egress` is not a list",
        );
    }

    #[test]
    fn a_tool_says_whether_its_calls_are_tasks() {
        let saying = |meta: Value| Declared {
            meta: Some(meta.to_string()),
            ..declared("t", &json!({"type": "object"}))
        };
        let task = |meta| Tool::new("svc", saying(meta)).unwrap().task;
        assert_eq!(task(json!({})), None);
        assert_eq!(task(json!({ "bulkhead/task": "optional" })), Some(Support::Optional));
        assert_eq!(task(json!({ "bulkhead/task": "required" })), Some(Support::Required));
        let why = "meta: `bulkhead/task` is \"always\", and not `optional` or `required`";
        refused(saying(json!({ "bulkhead/task": "always" })), why);
    }
}
