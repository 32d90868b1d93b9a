//! A call before there is any, to see which pages of its memory an instance changes: what a guest's language does for
//! every call shows in the first one, whatever the tool.
//!
//! It has a config and arguments that fit their schemas more or less, and nothing around it. What comes of it is of no
//! interest, and a wrong guess costs time and nothing else.

use std::{collections::BTreeSet, slice};

use serde_json::{Map, Value};
use wasmtime::{
    Store,
    component::{Func, Instance, Val},
};

use super::watch::Watched;

pub(super) const LIFECYCLE: &str = "bulkhead:service/lifecycle@0.1.0";
const TOOLS: &str = "bulkhead:service/tools@0.1.0";
/// Calls that are tried, each with other names, numbers and lengths.
const CALLS: usize = 8;
/// Of W3C Trace Context.
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// Schemas within schemas that are followed.
const DEPTH: usize = 8;

/// What guests change: pages of their memory. A guess, from what one instance did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Those that any guest changes.
    pub(super) ever: BTreeSet<u32>,
    /// Those that every call changes.
    pub(super) always: BTreeSet<u32>,
    /// Whether all that was asked was answered. Else there are others, behind what stopped it.
    pub(super) all: bool,
}

/// An instance that has said what it is.
pub(super) struct Rehearsal<'a, T: 'static> {
    pub(super) store: &'a mut Store<T>,
    pub(super) instance: Instance,
    /// What `describe` gave.
    pub(super) described: Val,
}

impl<T: Send> Rehearsal<'_, T> {
    /// The pages that are changed by calls, and by what the host asks on its own account: wasmtime leaves the memory of
    /// an instance to the next one, and in it every page that any of them ever changed.
    pub(super) async fn changed(mut self, memory: &Watched) -> Changed {
        let tools = self.ask(TOOLS, "list-tools", &[]).await;
        let tool = tools.as_ref().and_then(first).cloned();
        let config = Val::String(sample_of(text(&self.described, "config-schema"), 0));
        let calls = tool.iter().flat_map(|tool| {
            (0..CALLS).map(|number| (TOOLS, "call-tool", vec![context(number), call(tool, number)]))
        });
        let asked = [(LIFECYCLE, "describe", Vec::new()), (TOOLS, "list-tools", Vec::new())];
        // Last, as it wants something of the world, mostly.
        let health = (LIFECYCLE, "health-check", Vec::new());
        let (mut changed, mut always) = (Changed::default(), None::<BTreeSet<_>>);
        for (interface, name, arguments) in asked.into_iter().chain(calls).chain([health]) {
            if memory.restore().is_err() {
                return Changed::default();
            }
            // Without an image a guest has to describe itself first, more or less; which pages that changes is not known.
            let ready = name == "describe"
                || self.ask(LIFECYCLE, "initialize", slice::from_ref(&config)).await.is_some();
            changed.all = ready && self.ask(interface, name, &arguments).await.is_some();
            let pages: BTreeSet<_> = memory.changed().into_iter().collect();
            if name == "call-tool" {
                always = Some(always.map_or_else(|| pages.clone(), |others| &others & &pages));
            }
            changed.ever.extend(pages);
            // What trapped answers nothing more.
            if !changed.all {
                break;
            }
        }
        Changed { always: always.unwrap_or_default(), ..changed }
    }

    /// None once it trapped, as it does when it wants something of the world.
    async fn ask(&mut self, interface: &str, name: &str, arguments: &[Val]) -> Option<Val> {
        let function = function(self.store, &self.instance, interface, name)?;
        let mut results = [Val::Bool(false)];
        function.call_async(&mut *self.store, arguments, &mut results).await.ok()?;
        let [result] = results;
        Some(result)
    }
}

pub(super) fn function<T: Send>(
    store: &mut Store<T>,
    instance: &Instance,
    interface: &str,
    name: &str,
) -> Option<Func> {
    let (_, interface) = instance.get_export(&mut *store, None, interface)?;
    let (_, index) = instance.get_export(&mut *store, Some(&interface), name)?;
    instance.get_func(store, index)
}

/// The first tool that is listed.
fn first(listed: &Val) -> Option<&Val> {
    let Val::Result(Ok(Some(tools))) = listed else { return None };
    let Val::List(tools) = &**tools else { return None };
    tools.first()
}

fn field<'a>(record: &'a Val, name: &str) -> Option<&'a Val> {
    let Val::Record(fields) = record else { return None };
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
}

fn text<'a>(record: &'a Val, name: &str) -> Option<&'a str> {
    let Val::String(text) = field(record, name)? else { return None };
    Some(text)
}

fn record<const N: usize>(fields: [(&str, Val); N]) -> Val {
    Val::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Of the call with this number.
fn context(number: usize) -> Val {
    let trace = (number % 2 == 1).then(|| Box::new(Val::String(TRACEPARENT.to_owned())));
    record([
        ("call-id", Val::String(format!("019aa5f2-3c7e-7d43-9f0e-{number:012x}"))),
        ("tenant", Val::String(word(number))),
        ("caller", Val::String(word(number * 2))),
        ("deadline-ms", Val::U32(30_000)),
        ("traceparent", Val::Option(trace)),
        ("accepts", Val::List(Vec::new())),
    ])
}

fn call(tool: &Val, number: usize) -> Val {
    let arguments = sample_of(text(tool, "input-schema"), number);
    record([
        ("name", Val::String(text(tool, "name").unwrap_or_default().to_owned())),
        ("arguments", Val::String(arguments)),
        ("plan", field(tool, "plan").cloned().unwrap_or(Val::Option(None))),
        ("inputs", Val::List(Vec::new())),
        ("state", Val::Option(None)),
    ])
}

/// Longer with each number: memory of each size comes from another page.
fn word(number: usize) -> String {
    "a".repeat(1 + 4 * number)
}

/// An object for a JSON Schema of one; an empty one if there is none.
fn sample_of(schema: Option<&str>, number: usize) -> String {
    let schema = schema.and_then(|schema| serde_json::from_str(schema).ok()).unwrap_or_default();
    Value::Object(object(&schema, DEPTH, number)).to_string()
}

fn sample(schema: &Value, depth: usize, number: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    let first = |list: &str| schema.get(list)?.as_array()?.first();
    let given = schema.get("default").or_else(|| schema.get("const"));
    if let Some(given) = given.or_else(|| first("enum")).or_else(|| first("examples")) {
        return given.clone();
    }
    let one = schema.get("type").map(|kind| kind.as_array().and_then(|kinds| kinds.first()).unwrap_or(kind));
    match one.and_then(Value::as_str) {
        Some("object") => Value::Object(object(schema, depth, number)),
        Some("array") => schema.get("items").map(|items| sample(items, depth, number)).into_iter().collect(),
        Some("string") => word(number).into(),
        Some("integer" | "number") => (1 + number).into(),
        Some("boolean") => true.into(),
        _ => first("anyOf")
            .or_else(|| first("oneOf"))
            .map(|one| sample(one, depth, number))
            .unwrap_or_default(),
    }
}

/// What an object needs.
fn object(schema: &Value, depth: usize, number: usize) -> Map<String, Value> {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let property = |name: &str| schema.get("properties")?.get(name);
    let needed = required.filter_map(Value::as_str);
    needed
        .map(|name| {
            (name.to_owned(), property(name).map(|schema| sample(schema, depth, number)).unwrap_or_default())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sample_has_what_its_schema_asks_for() {
        let schema = json!({
            "type": "object",
            "required": ["count", "name", "kind", "since", "on", "tags", "either", "deep", "unknown", "nullable"],
            "properties": {
                "count": { "type": "integer" },
                "name": { "type": "string" },
                "kind": { "enum": ["pod", "node"] },
                "since": { "type": "string", "default": "1h" },
                "on": { "type": "boolean" },
                "tags": { "type": "array", "items": { "type": "string" } },
                "either": { "anyOf": [{ "type": "number" }, { "type": "string" }] },
                "deep": { "type": "object", "required": ["x"], "properties": { "x": { "const": 7 } } },
                "nullable": { "type": ["string", "null"] },
                "optional": { "type": "string" }
            }
        });
        let expected = json!({
            "count": 1, "name": "a", "kind": "pod", "since": "1h", "on": true, "tags": ["a"], "either": 1,
            "deep": { "x": 7 }, "unknown": null, "nullable": "a"
        });
        assert_eq!(
            serde_json::from_str::<Value>(&sample_of(Some(&schema.to_string()), 0)).unwrap(),
            expected
        );
        assert_eq!([sample_of(Some("no schema"), 0), sample_of(None, 0)], ["{}", "{}"]);
    }

    #[test]
    fn a_schema_within_itself_comes_to_an_end() {
        let mut schema = json!({});
        for _ in 0..2 * DEPTH {
            schema = json!({ "type": "array", "items": schema });
        }
        assert_eq!(sample(&schema, DEPTH, 0).to_string(), "[[[[[[[[null]]]]]]]]");
    }
}
