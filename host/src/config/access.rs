//! Rights and the operator's view of tools, as written and as understood.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    load::suggestion,
    resolve::{ResolveError, at, check_name},
};
use crate::access::{
    self, Overrides, Terms, condition, glob::Glob, overrides::Override, tags::TagExpression,
};

/// What a caller may use. Without `tools` and `presets` it may use nothing, and the file does not load; every
/// other key takes away from what those two list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// Tools it may use, as clients see them: `prometheus_query`, or `prometheus_*`, where `*` is any run of
    /// characters. `["*"]` is every tool.
    pub tools: Option<Vec<String>>,
    /// Names of presets it may use; a tool may be in any one of them, or in `tools`.
    pub presets: Vec<String>,
    /// Tools it may not use, although they are listed.
    pub deny_tools: Vec<String>,
    /// What the tags of every tool must be: `metrics and not write`. `and`, `or`, `not` and parentheses, or `+`,
    /// `,` and `-` for short.
    pub tags: Option<String>,
    /// Whether it may only use tools that declare that they only read; false unless given.
    pub read_only: bool,
    /// Conditions on arguments. All that are for a tool must be true.
    pub when: Vec<Condition>,
}

/// A condition on the arguments of some tools.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The tools it is for: `["kubernetes_*"]`.
    pub tools: Vec<String>,
    /// What must be true, in the Common Expression Language: `args.namespace == "dev"`. It sees `args`, `tool`
    /// (`name`, `service`, `tags`, `read_only`, `destructive`) and `caller` (`id`, `tenant`). An argument that is
    /// absent makes it fail, unless `has(args.namespace)` is asked first.
    pub allow: String,
}

/// A named set of tools, for callers and for `?preset=` in URLs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// The tools in it: `["prometheus_*"]`; `["*"]` is every tool.
    pub tools: Vec<String>,
    /// What their tags must be: `metrics and not write`.
    pub tags: Option<String>,
    /// Whether only tools that only read are in it; false unless given.
    #[serde(default)]
    pub read_only: bool,
    /// For people.
    pub description: Option<String>,
}

/// Presets by name: `[a-z][a-z0-9-]*`, at most 32 characters.
pub type Presets = BTreeMap<String, Preset>;

/// Which of a service's tools are served, and how clients see them. Everywhere but on the right of `rename`, tools
/// are named as they would be without any of this.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ToolOverrides {
    /// Tools that are not served, as clients see them: `prometheus_create_snapshot`.
    pub disable: Vec<String>,
    /// New names: `prometheus_query: metrics`.
    pub rename: BTreeMap<String, String>,
    /// New descriptions, for the model.
    pub describe: BTreeMap<String, String>,
    /// Arguments that the host sets, by tool. Clients do not see them, and cannot send them.
    pub fix: BTreeMap<String, BTreeMap<String, Value>>,
    /// Arguments that the host fills in when they are absent, by tool.
    pub defaults: BTreeMap<String, BTreeMap<String, Value>>,
}

/// Longest name that fits every client.
const TOOL_NAME: usize = 64;
/// A description is read by a model in every session.
const DESCRIPTION: usize = 4096;

/// Resolves the presets, which stand at `key` in the file.
///
/// # Errors
/// Names the key and says what to write instead.
pub fn presets(raw: Presets, key: &str) -> Result<access::Presets, ResolveError> {
    let preset = |(name, raw): (String, Preset)| {
        let key = format!("{key}.{name}");
        check_name(&name).map_err(at(&key))?;
        let (tools, tags) = (globs(&raw.tools, &key, "tools")?, tags(raw.tags.as_deref(), &key)?);
        let preset = access::Preset::new(name.clone(), tools, tags, raw.read_only, raw.description);
        Ok((name, Arc::new(preset)))
    };
    raw.into_iter().map(preset).collect()
}

/// Resolves the right of a caller, which stands at `key` in the file.
///
/// # Errors
/// Names the key and says what to write instead.
pub fn resolve(raw: Access, presets: &access::Presets, key: &str) -> Result<access::Access, ResolveError> {
    if raw.tools.is_none() && raw.presets.is_empty() {
        let message =
            "an absent list allows nothing; list what is allowed, or write `tools: [\"*\"]` for everything";
        return Err(at(format!("{key}.tools"))(message.to_owned()));
    }
    let named = |(i, name): (usize, &String)| {
        presets.get(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = presets.keys().map(String::as_str).collect();
            at(format!("{key}.presets[{i}]"))(format!(
                "there is no preset `{name}`. {}",
                suggestion(name, &known)
            ))
        })
    };
    let when = raw.when.iter().enumerate().map(|(i, raw)| {
        let key = format!("{key}.when[{i}]");
        if raw.tools.is_empty() {
            let message = "the condition is for no tool; write `tools: [\"*\"]` for all".to_owned();
            return Err(at(format!("{key}.tools"))(message));
        }
        let tools = globs(&raw.tools, &key, "tools")?;
        Ok((tools, condition::Condition::new(&raw.allow).map_err(at(format!("{key}.allow")))?))
    });
    let terms = Terms {
        tools: globs(&raw.tools.unwrap_or_default(), key, "tools")?,
        presets: raw.presets.iter().enumerate().map(named).collect::<Result<_, _>>()?,
        deny_tools: globs(&raw.deny_tools, key, "deny_tools")?,
        tags: tags(raw.tags.as_deref(), key)?,
        read_only: raw.read_only,
        when: when.collect::<Result<_, _>>()?,
    };
    access::Access::new(terms).map_err(at(key))
}

fn globs(list: &[String], key: &str, part: &str) -> Result<Vec<Glob>, ResolveError> {
    let list = list.iter().enumerate();
    list.map(|(i, text)| text.parse().map_err(at(format!("{key}.{part}[{i}]")))).collect()
}

fn tags(text: Option<&str>, key: &str) -> Result<Option<TagExpression>, ResolveError> {
    text.map(str::parse).transpose().map_err(at(format!("{key}.tags")))
}

/// Resolves the changes of a service's tools, which stand at `key` in the file. Whether there are such tools and
/// arguments only the component can tell; see [`Overrides::check_names`] and [`Overrides::apply`].
///
/// # Errors
/// Names the key and says what to write instead.
pub fn overrides(raw: ToolOverrides, key: &str) -> Result<Overrides, ResolveError> {
    let mut tools: BTreeMap<String, Override> = BTreeMap::new();
    let mut taken = BTreeSet::new();
    let sub = |part: &str, tool: &str| at(format!("{key}.{part}.{tool}"));
    for (tool, name) in raw.rename {
        check_tool_name(&name).map_err(sub("rename", &tool))?;
        if name == tool {
            return Err(sub("rename", &tool)("is its name already; remove it".to_owned()));
        }
        if !taken.insert(name.clone()) {
            return Err(sub("rename", &tool)(format!(
                "another tool is called `{name}` already; names are unique"
            )));
        }
        tools.entry(tool).or_default().name = Some(name);
    }
    for (tool, text) in raw.describe {
        if text.trim().is_empty() || text.len() > DESCRIPTION {
            let message = format!("a description has 1 to {DESCRIPTION} bytes");
            return Err(sub("describe", &tool)(message));
        }
        tools.entry(tool).or_default().description = Some(text);
    }
    for (tool, arguments) in raw.fix {
        let arguments = some(arguments).map_err(sub("fix", &tool))?;
        tools.entry(tool).or_default().fixed = arguments;
    }
    for (tool, arguments) in raw.defaults {
        let arguments = some(arguments).map_err(sub("defaults", &tool))?;
        let change = tools.entry(tool.clone()).or_default();
        if let Some(both) = arguments.keys().find(|name| change.fixed.contains_key(*name)) {
            let message =
                format!("`{both}` is under `fix`, too, where it always wins; remove one of the two");
            return Err(sub("defaults", &tool)(message));
        }
        change.defaults = arguments;
    }
    let disabled: BTreeSet<String> = raw.disable.into_iter().collect();
    if let Some(tool) = tools.keys().find(|tool| disabled.contains(*tool)) {
        let message =
            format!("`{tool}` is not served, so what else is said about it has no effect; remove it");
        return Err(at(format!("{key}.disable"))(message));
    }
    Ok(Overrides { disabled, tools })
}

fn some(arguments: BTreeMap<String, Value>) -> Result<Map<String, Value>, String> {
    if arguments.is_empty() {
        return Err("names no argument, so it has no effect; remove it".to_owned());
    }
    Ok(arguments.into_iter().collect())
}

fn check_tool_name(name: &str) -> Result<(), String> {
    let letters =
        name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
    if letters && name.len() <= TOOL_NAME && name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Ok(());
    }
    Err(format!(
        "`{name}` is not a valid name for a tool: lower-case letters, digits, `_` and `-`, a letter first, at most \
         {TOOL_NAME} characters"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::access::{Decision, Facts};

    fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
        serde_saphyr::from_str(text).unwrap()
    }

    fn known() -> access::Presets {
        let raw =
            "oncall: { tools: ['prometheus_*'], tags: metrics, read_only: true, description: At night. }";
        presets(read(raw), "presets").unwrap()
    }

    #[track_caller]
    fn refused(text: &str, key: &str, part: &str) {
        let error = resolve(read(text), &known(), "ci").unwrap_err();
        assert_eq!(error.key.as_deref(), Some(key), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }

    #[track_caller]
    fn refused_override(text: &str, key: &str, part: &str) {
        let error = overrides(read(text), "tools").unwrap_err();
        assert_eq!(error.key.as_deref(), Some(key), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }

    #[test]
    fn a_right_means_what_was_written() {
        let text = r#"
tools: ["kubernetes_*"]
presets: [oncall]
deny_tools: ["*_delete"]
tags: not secret
when: [{ tools: ["kubernetes_*"], allow: 'args.namespace == "dev"' }]
"#;
        let access = resolve(read(text), &known(), "ci").unwrap();
        let tags = ["metrics".to_owned()];
        let facts = |public_name| Facts {
            public_name,
            service: "any",
            tags: &tags,
            read_only: true,
            destructive: false,
        };
        let allowed = |rule: &str| Decision::Allowed { rule: rule.into() };
        let denied = |rule: &str| Decision::Denied { rule: rule.into() };
        assert_eq!(access.decide(&facts("kubernetes_get")), allowed("tools: kubernetes_*"));
        assert_eq!(access.decide(&facts("prometheus_query")), allowed("presets: oncall"));
        assert_eq!(access.decide(&facts("kubernetes_delete")), denied("deny_tools: *_delete"));
        assert_eq!(access.decide(&facts("time_now")), denied("tools: no entry matches"));
        let decision =
            access.check_arguments(&facts("kubernetes_get"), "ci", "acme", &json!({"namespace": "prod"}));
        assert_eq!(decision, denied(r#"when: args.namespace == "dev""#));
    }

    #[test]
    fn an_absent_list_does_not_load_and_an_empty_one_allows_nothing() {
        refused("{}", "ci.tools", r#"write `tools: ["*"]` for everything"#);
        refused("read_only: true", "ci.tools", "an absent list allows nothing");
        assert!(resolve(read("tools: []"), &known(), "ci").is_ok());
        assert!(resolve(read("presets: [oncall]"), &known(), "ci").is_ok());
    }

    /// So that a caller's right is written beside what the caller is known by.
    #[test]
    fn a_right_stands_among_the_other_keys_of_a_caller() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Key {
            id: String,
            #[serde(flatten)]
            access: Access,
        }
        let key: Key = read("{ id: ci, tools: ['*'], read_only: true }");
        assert_eq!((key.id.as_str(), key.access.read_only), ("ci", true));
        assert_eq!(key.access.tools, Some(vec!["*".to_owned()]));
        let error = serde_saphyr::from_str::<Key>("{ id: ci, tool: ['*'] }").unwrap_err();
        assert!(error.to_string().contains("unknown field `tool`"), "{error}");
        let error = serde_saphyr::from_str::<Key>("id: ci\ntools: 3\n").unwrap_err();
        assert_eq!(error.location().map(|at| at.line()), Some(2), "{error}");
    }

    #[test]
    fn odd_rights_are_refused() {
        refused("tools: [a, 'B?']", "ci.tools[1]", "can match no tool");
        refused("{tools: ['*'], deny_tools: ['']}", "ci.deny_tools[0]", "can match no tool");
        refused("presets: [oncal]", "ci.presets[0]", "there is no preset `oncal`. Did you mean `oncall`?");
        refused("{tools: ['*'], tags: 'a and'}", "ci.tags", "column 6: a tag is missing at the end");
        let when = |text: &str| format!("{{tools: ['*'], when: [{text}]}}");
        refused(&when("{tools: ['*'], allow: 'args.x ='}"), "ci.when[0].allow", "`args.x =`: column 8");
        refused(&when("{tools: [], allow: 'true'}"), "ci.when[0].tools", "is for no tool");
        refused(&when("{tools: ['A'], allow: 'true'}"), "ci.when[0].tools[0]", "can match no tool");
        let error = presets(read("Night: {tools: []}"), "presets").unwrap_err();
        assert_eq!(error.key.as_deref(), Some("presets.Night"));
        let error = presets(read("night: {tools: [], tags: '('}"), "presets").unwrap_err();
        assert_eq!(error.key.as_deref(), Some("presets.night.tags"));
        assert!(serde_saphyr::from_str::<Presets>("night: {read_only: true}").is_err());
        assert!(serde_saphyr::from_str::<Access>("{tools: [], preset: a}").is_err());
    }

    #[test]
    fn changes_of_a_tool_are_gathered() {
        let text = r#"
disable: [k8s_exec]
rename: { k8s_logs: dev_logs }
describe: { k8s_logs: Logs of dev. }
fix: { k8s_logs: { namespace: dev } }
defaults: { k8s_logs: { lines: 50 } }
"#;
        let overrides = overrides(read(text), "tools").unwrap();
        let schema = json!({
            "type": "object",
            "properties": {"namespace": {"type": "string"}, "lines": {"type": "integer"}},
        });
        let schema = schema.as_object().unwrap();
        assert_eq!(overrides.apply("k8s_exec".into(), String::new(), schema.clone()), Ok(None));
        let tool = overrides.apply("k8s_logs".into(), String::new(), schema.clone()).unwrap().unwrap();
        assert_eq!((tool.public_name.as_str(), tool.description.as_str()), ("dev_logs", "Logs of dev."));
        let injected = tool.injection.inject(Map::new()).unwrap();
        assert_eq!(Value::Object(injected), json!({"namespace": "dev", "lines": 50}));
        assert_eq!(
            Value::Object(tool.input_schema),
            json!({"type": "object", "properties": {"lines": {"type": "integer", "default": 50}}})
        );
        let same = overrides.apply("k8s_get".into(), "Gets.".into(), schema.clone()).unwrap().unwrap();
        assert_eq!((same.public_name.as_str(), same.description.as_str()), ("k8s_get", "Gets."));
        assert_eq!(same.input_schema, *schema);
    }

    #[test]
    fn changes_that_cannot_be_or_have_no_effect_are_refused() {
        refused_override("rename: {a: A}", "tools.rename.a", "is not a valid name for a tool");
        refused_override("rename: {a: ''}", "tools.rename.a", "is not a valid name for a tool");
        refused_override("rename: {a: a}", "tools.rename.a", "is its name already");
        refused_override("rename: {a: c, b: c}", "tools.rename.b", "another tool is called `c` already");
        refused_override("describe: {a: ' '}", "tools.describe.a", "1 to 4096 bytes");
        refused_override("fix: {a: {}}", "tools.fix.a", "no effect");
        refused_override("defaults: {a: {}}", "tools.defaults.a", "no effect");
        refused_override(
            "{fix: {a: {x: 1}}, defaults: {a: {x: 2}}}",
            "tools.defaults.a",
            "`x` is under `fix`, too",
        );
        refused_override("{disable: [a], describe: {a: b}}", "tools.disable", "`a` is not served");
    }
}
