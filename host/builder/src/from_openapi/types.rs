//! Owns types: from the schemas of arguments to structs and enums that derive the same schemas.

use std::collections::{BTreeMap, BTreeSet};

use bulkhead_openapi::required;
use serde_json::{Map, Value};

use super::words::{doc, field_name, pascal, quote};

/// A type in its place.
#[derive(Clone, Debug)]
pub(super) struct Type {
    /// As it is written, without `Option`.
    pub(super) text: String,
    /// Null is allowed.
    pub(super) nullable: bool,
}

impl Type {
    fn of(text: &str) -> Self {
        Self { text: text.to_owned(), nullable: false }
    }
}

/// The types of a project: those of definitions, which are shared, and those that belong to one place.
#[derive(Debug, Default)]
pub(super) struct Types {
    definitions: BTreeMap<String, Value>,
    /// What each that was asked for became.
    names: BTreeMap<String, Type>,
    taken: BTreeSet<String>,
    /// Code of the types that definitions became.
    pub(super) shared: BTreeMap<String, String>,
    /// Places that take any JSON, for the README.
    pub(super) loose: BTreeSet<String>,
    /// A file is among them.
    pub(super) files: bool,
}

impl Types {
    /// Types that are called as none that are `reserved`.
    pub(super) fn new(reserved: &[&str]) -> Self {
        Self { taken: reserved.iter().map(|name| (*name).to_owned()).collect(), ..Self::default() }
    }

    /// Takes the definitions of a tool's schema.
    pub(super) fn learn(&mut self, schema: &Value) {
        let defs = schema.get("$defs").and_then(Value::as_object);
        for (name, definition) in defs.into_iter().flatten() {
            self.definitions.entry(name.clone()).or_insert_with(|| definition.clone());
        }
    }

    /// A name for a type, none like those that are taken.
    pub(super) fn claim(&mut self, wanted: &str) -> String {
        let plain = pascal(wanted);
        let mut name = plain.clone();
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{plain}{number}");
            number += 1;
        }
        name
    }

    /// The names of the shared types.
    pub(super) fn named(&self) -> impl Iterator<Item = &str> {
        let lines = self.shared.values().flat_map(|code| code.lines());
        let names =
            lines.filter_map(|line| line.strip_prefix("pub struct ").or(line.strip_prefix("pub enum ")));
        names.filter_map(|rest| rest.split([' ', '{']).next())
    }

    /// The type of a schema; what belongs to this place alone is put into `out`. `hint` is what such a type is called.
    pub(super) fn of(&mut self, schema: &Value, hint: &str, out: &mut Vec<String>) -> Type {
        let Some(fields) = schema.as_object() else { return self.any(hint) };
        if let Some(name) =
            fields.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix("#/$defs/"))
        {
            return self.definition(&name.replace("~1", "/").replace("~0", "~"));
        }
        // `T or null` is an option.
        for key in ["anyOf", "oneOf"] {
            let Some([one, other]) = fields.get(key).and_then(Value::as_array).map(Vec::as_slice) else {
                continue;
            };
            let null = |schema: &Value| schema.get("type").and_then(Value::as_str) == Some("null");
            let kept = if null(one) { other } else { one };
            if null(one) != null(other) {
                return Type { nullable: true, ..self.of(kept, hint, out) };
            }
        }
        let kinds: Vec<&str> = match fields.get("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ if fields.contains_key("properties") => vec!["object"],
            _ => Vec::new(),
        };
        let nullable = kinds.contains(&"null");
        let kind = match kinds.iter().filter(|kind| **kind != "null").collect::<Vec<_>>().as_slice() {
            [kind] => **kind,
            _ if fields.contains_key("enum") => "string",
            _ => return self.any(hint),
        };
        let text = match kind {
            "string" => match fields.get("enum").and_then(Value::as_array) {
                Some(values) => match self.choice(values, fields, hint, out) {
                    Some(name) => name,
                    None => return self.any(hint),
                },
                None => "String".to_owned(),
            },
            "integer" => "i64".to_owned(),
            "number" => "f64".to_owned(),
            "boolean" => "bool".to_owned(),
            "array" => {
                let item = match fields.get("items") {
                    Some(items) => self.of(items, &format!("{hint}Item"), out),
                    None => self.any(hint),
                };
                match item.nullable {
                    true => format!("Vec<Option<{}>>", item.text),
                    false => format!("Vec<{}>", item.text),
                }
            }
            "object" => return Type { nullable, ..self.object(fields, hint, out) },
            _ => return self.any(hint),
        };
        Type { text, nullable }
    }

    fn any(&mut self, hint: &str) -> Type {
        self.loose.insert(hint.to_owned());
        Type::of("Value")
    }

    /// The type that a definition became, made when it is first asked for.
    fn definition(&mut self, name: &str) -> Type {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let Some(schema) = self.definitions.get(name).cloned() else { return self.any(name) };
        let circular = self.leads_to(&schema, name, &mut BTreeSet::new());
        let own = has_own_type(&schema);
        if circular && !own {
            // A list of itself, say: without a name of its own it could not be written down.
            let any = self.any(name);
            self.names.insert(name.to_owned(), any.clone());
            return any;
        }
        let called = self.claim(name);
        if circular {
            self.names.insert(name.to_owned(), Type::of(&format!("Box<{called}>")));
        }
        self.taken.remove(&called); // its own type claims it again
        let mut out = Vec::new();
        let made = self.of(&schema, &called, &mut out);
        if !out.is_empty() {
            self.shared.insert(called, out.join("\n"));
        }
        let text = if circular { format!("Box<{}>", made.text) } else { made.text };
        let made = Type { text, nullable: made.nullable };
        self.names.insert(name.to_owned(), made.clone());
        made
    }

    /// Whether what a schema refers to leads to that definition.
    fn leads_to(&self, schema: &Value, name: &str, seen: &mut BTreeSet<String>) -> bool {
        match schema {
            Value::Object(fields) => fields.iter().any(|(key, value)| {
                let referred =
                    value.as_str().filter(|_| key == "$ref").and_then(|at| at.strip_prefix("#/$defs/"));
                match referred.map(|to| to.replace("~1", "/").replace("~0", "~")) {
                    Some(to) if to == name => true,
                    Some(to) => {
                        let next = self.definitions.get(&to);
                        seen.insert(to) && next.is_some_and(|next| self.leads_to(next, name, seen))
                    }
                    None => self.leads_to(value, name, seen),
                }
            }),
            Value::Array(items) => items.iter().any(|item| self.leads_to(item, name, seen)),
            _ => false,
        }
    }

    /// An enum of texts.
    fn choice(
        &mut self,
        values: &[Value],
        fields: &Map<String, Value>,
        hint: &str,
        out: &mut Vec<String>,
    ) -> Option<String> {
        let texts: Option<Vec<&str>> =
            values.iter().filter(|value| !value.is_null()).map(Value::as_str).collect();
        let texts = texts.filter(|texts| !texts.is_empty() && texts.len() <= 200)?;
        let name = self.claim(hint);
        let mut code = doc(fields.get("description").and_then(Value::as_str).unwrap_or("One of these."), "");
        code.push_str("#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]\n");
        code.push_str(&format!("pub enum {name} {{\n"));
        let mut variants = BTreeSet::new();
        let mut written = BTreeSet::new();
        for text in texts {
            if !written.insert(text) {
                continue;
            }
            let plain = match text.strip_prefix('-') {
                Some(rest) => pascal(&format!("minus_{rest}")),
                None if text.is_empty() => "Empty".to_owned(),
                None => pascal(text),
            };
            let mut variant = plain.clone();
            let mut number = 2;
            while !variants.insert(variant.clone()) {
                variant = format!("{plain}{number}");
                number += 1;
            }
            code.push_str(&format!("    /// `{}`\n", text.replace(['`', '\n', '\r'], " ")));
            if variant != text {
                code.push_str(&format!("    #[serde(rename = {})]\n", quote(text)));
            }
            code.push_str(&format!("    {variant},\n"));
        }
        code.push_str("}\n");
        out.push(code);
        Some(name)
    }

    fn object(&mut self, fields: &Map<String, Value>, hint: &str, out: &mut Vec<String>) -> Type {
        let properties = fields.get("properties").and_then(Value::as_object).filter(|all| !all.is_empty());
        let others = fields.get("additionalProperties");
        let Some(properties) = properties else {
            return match others {
                Some(schema @ Value::Object(inner)) if !inner.is_empty() => {
                    let of = self.of(schema, &format!("{hint}Value"), out);
                    Type::of(&format!("std::collections::BTreeMap<String, {}>", of.text))
                }
                _ => {
                    self.loose.insert(hint.to_owned());
                    Type::of("serde_json::Map<String, Value>")
                }
            };
        };
        let is_file = |name: &String| ["text", "base64", "filename", "content_type"].contains(&name.as_str());
        if properties.contains_key("base64")
            && properties.contains_key("text")
            && properties.keys().all(is_file)
        {
            self.files = true;
            return Type::of("File");
        }
        if COMPOSED.iter().any(|key| fields.contains_key(*key)) {
            return self.any(hint);
        }
        let name = self.claim(hint);
        let words = fields.get("description").and_then(Value::as_str);
        let mut code = doc(words.unwrap_or("As the API has it."), "");
        code.push_str("#[derive(Debug, Deserialize, JsonSchema, Serialize)]\n");
        let closed = others == Some(&Value::Bool(false));
        if closed {
            code.push_str("#[serde(deny_unknown_fields)]\n");
        }
        code.push_str(&format!("pub struct {name} {{\n"));
        code.push_str(&self.fields(fields, properties, &name, true, out));
        if others.is_some_and(|others| *others == Value::Bool(true) || others.is_object()) {
            code.push_str("    /// What else there is.\n    #[serde(flatten)]\n");
            code.push_str("    pub more: serde_json::Map<String, Value>,\n");
        }
        code.push_str("}\n");
        out.push(code);
        Type::of(&name)
    }

    /// The fields of a struct; `sent` says that it is written as JSON, too.
    pub(super) fn fields(
        &mut self,
        fields: &Map<String, Value>,
        properties: &Map<String, Value>,
        owner: &str,
        sent: bool,
        out: &mut Vec<String>,
    ) -> String {
        let required: BTreeSet<&str> = required(fields.get("required")).collect();
        let mut taken = BTreeSet::from(["more".to_owned()]);
        let mut code = String::new();
        for (name, schema) in properties {
            let of = self.of(schema, &format!("{owner}_{name}"), out);
            let needed = required.contains(name.as_str());
            let words = schema.get("description").and_then(Value::as_str);
            let mut words = words.unwrap_or("As the API has it.").to_owned();
            if let Some(default) = schema.get("default").filter(|_| !needed)
                && !words.to_lowercase().contains("default")
            {
                words = format!("{} Default `{default}`.", words.trim_end());
            }
            code.push_str(&doc(&words, "    "));
            let ident = field_name(name, &mut taken);
            if ident.trim_start_matches("r#") != name {
                code.push_str(&format!("    #[serde(rename = {})]\n", quote(name)));
            }
            let optional = !needed || of.nullable;
            if sent && !needed {
                code.push_str("    #[serde(skip_serializing_if = \"Option::is_none\")]\n");
            }
            if let Some(bounds) = bounds(schema, &of.text) {
                code.push_str(&format!("    #[schemars({bounds})]\n"));
            }
            let text = if optional { format!("Option<{}>", of.text) } else { of.text };
            code.push_str(&format!("    pub {ident}: {text},\n"));
        }
        code
    }
}

/// Whether a schema becomes a struct or an enum.
fn has_own_type(schema: &Value) -> bool {
    let composed = COMPOSED.iter().any(|key| schema.get(*key).is_some());
    let fields = schema.get("properties").and_then(Value::as_object).is_some_and(|fields| !fields.is_empty());
    fields && !composed
}

/// Words by which its fields alone do not say what an object may be.
const COMPOSED: [&str; 4] = ["oneOf", "anyOf", "allOf", "not"];

/// What a schema demands beside its type, in the words of `schemars`.
fn bounds(schema: &Value, of: &str) -> Option<String> {
    let mut all = Vec::new();
    let pair = |least: Option<String>, most: Option<String>| {
        let least = least.map(|least| format!("min = {least}"));
        let most = most.map(|most| format!("max = {most}"));
        let both: Vec<String> = least.into_iter().chain(most).collect();
        (!both.is_empty()).then(|| both.join(", "))
    };
    let count = |key: &str| schema.get(key).and_then(Value::as_u64).map(|count| count.to_string());
    match of {
        "i64" => {
            let whole = |key: &str| schema.get(key).and_then(Value::as_i64);
            let least = whole("minimum").or_else(|| whole("exclusiveMinimum")?.checked_add(1));
            let most = whole("maximum").or_else(|| whole("exclusiveMaximum")?.checked_sub(1));
            let both = pair(least.map(|least| least.to_string()), most.map(|most| most.to_string()));
            all.extend(both.map(|both| format!("range({both})")));
        }
        "f64" => {
            let number =
                |key: &str| schema.get(key).and_then(Value::as_f64).map(|number| format!("{number:?}"));
            all.extend(pair(number("minimum"), number("maximum")).map(|both| format!("range({both})")));
        }
        "String" => {
            all.extend(pair(count("minLength"), count("maxLength")).map(|both| format!("length({both})")));
            let pattern = schema.get("pattern").and_then(Value::as_str);
            all.extend(pattern.map(|pattern| format!("regex(pattern = {})", quote(pattern))));
        }
        list if list.starts_with("Vec<") => {
            all.extend(pair(count("minItems"), count("maxItems")).map(|both| format!("length({both})")));
        }
        _ => {}
    }
    (!all.is_empty()).then(|| all.join(", "))
}
