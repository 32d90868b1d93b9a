//! Calls every tool against a double, and checks all that can be checked without knowing the service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use bulkhead_sdk::Service;
use bulkhead_sdk::testing::{self, Sent, ToolInfo};
use serde_json::Value;

use crate::contract::matches;
use crate::vendor;
use crate::wire::{Double, Reply, Request, mock};

/// A call that succeeds.
#[derive(Debug, Clone)]
pub struct Example {
    /// The tool.
    pub tool: &'static str,
    /// Its arguments.
    pub arguments: Value,
    /// The most requests it may send.
    pub requests: usize,
}

/// Calls of one service against one double.
#[derive(Debug)]
pub struct Walk {
    /// The result of each example, in their order.
    pub results: Vec<Value>,
}

impl Example {
    /// A call that sends at most so many requests.
    pub fn new(tool: &'static str, arguments: Value, requests: usize) -> Self {
        Self { tool, arguments, requests }
    }
}

impl Walk {
    /// Runs the examples and checks: manifest, schemas and annotations; that each result is what the output schema
    /// promises; that requests are few, within the egress that is asked for, and operations of the contract; that
    /// every tool, all of the egress and every operation were used; and that the table and the replies agree with the vendor.
    #[track_caller]
    pub fn run<S: Service>(
        config: &Value,
        double: &Arc<dyn Double>,
        now: SystemTime,
        examples: &[Example],
    ) -> Self {
        assert_eq!(testing::check::<S>(config.clone()).unwrap(), Vec::<String>::new());
        assert_eq!(S::manifest().problems(), Vec::<String>::new());
        vendor::agrees(double.contract());
        let tools: BTreeMap<String, ToolInfo> = testing::list::<S>(config.clone())
            .unwrap()
            .into_iter()
            .map(|tool| (tool.name.clone(), tool))
            .collect();
        tools.values().for_each(well_described);
        let egress = Egress::of::<S>(config);
        let (mut called, mut granted, mut results) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for Example { tool, arguments, requests } in examples {
            let line = format!("{tool} {arguments}");
            let info = tools.get(*tool).unwrap_or_else(|| panic!("there is no tool `{tool}`"));
            let input = jsonschema::draft202012::new(&info.input_schema).unwrap();
            let faults: Vec<String> = input.iter_errors(arguments).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{line}: not what the input schema takes: {faults:#?}");
            let mock = mock(double.clone()).at(now);
            let output = testing::call::<S>(config.clone(), &mock, tool, arguments.clone());
            let sent = mock.requests();
            let asked =
                || sent.iter().map(|sent| format!("{} {}", sent.method, sent.url)).collect::<Vec<_>>();
            let output = output.unwrap_or_else(|error| panic!("{line}: {error}\nit asked: {:#?}", asked()));
            let result =
                output.structured().cloned().unwrap_or_else(|| panic!("{line}: no structured result"));
            let schema = jsonschema::draft202012::new(info.output_schema.as_ref().unwrap()).unwrap();
            let faults: Vec<String> = schema.iter_errors(&result).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{line}: not what the output schema promises: {faults:#?}\n{result}");
            assert!(sent.len() <= *requests, "{line}: {} requests: {:#?}", sent.len(), asked());
            for sent in &sent {
                granted.insert(egress.place(sent));
                conforms(&**double, sent);
            }
            called.insert((*tool).to_owned());
            results.push(result);
        }
        let missed: Vec<&String> = tools.keys().filter(|tool| !called.contains(*tool)).collect();
        assert!(missed.is_empty(), "no example calls {missed:?}");
        assert_eq!(double.contract().unused(), Vec::<String>::new(), "operations that no example uses");
        let unused: Vec<&(String, String)> = egress.0.difference(&granted).collect();
        assert!(unused.is_empty(), "egress that no example uses: {unused:#?}");
        Self { results }
    }
}

/// A request is an operation of the contract, and the reply to it is what the vendor's schema says.
#[track_caller]
fn conforms(double: &dyn Double, sent: &Sent) {
    let request = Request::from(sent);
    let operation =
        double.contract().check(&request).unwrap_or_else(|why| panic!("not in the contract: {why}"));
    // `as=` asks for the same in another form (a table, say), which documents do not describe.
    let as_described = !request.header("accept").unwrap_or_default().contains("as=");
    if operation.method == "GET" && as_described {
        // Asked once more: nothing changes by it.
        let reply: Reply = double.answer(&request);
        let faults = if reply.status < 300 { vendor::faults(operation, &reply) } else { Vec::new() };
        assert!(
            faults.is_empty(),
            "{} {}: the double answers what the vendor does not: {faults:#?}\n{}",
            request.method,
            request.path,
            String::from_utf8_lossy(&reply.body)
        );
    }
}

/// What is asked of every tool that is shown to a model.
#[track_caller]
fn well_described(tool: &ToolInfo) {
    let name = &tool.name;
    assert!(tool.title.is_some(), "{name} has no title");
    let length = tool.description.chars().count();
    assert!((20..=320).contains(&length), "{name}'s description has {length} characters");
    assert!(!(tool.annotations.read_only && tool.annotations.destructive), "{name} reads and destroys");
    let output = tool.output_schema.as_ref().unwrap_or_else(|| panic!("{name} has no output schema"));
    assert_eq!(output["type"], "object", "{name}'s output schema");
    for schema in [output, &tool.input_schema] {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{name}: no JSON Schema 2020-12: {schema}");
    }
    let properties = tool.input_schema["properties"].as_object().unwrap();
    for (argument, schema) in properties {
        let described = schema["description"].as_str().is_some_and(|words| words.len() > 5);
        assert!(described || argument == "view", "{name}.{argument} is not described");
        match schema["type"].as_str() {
            Some("integer") => assert!(
                schema["minimum"].is_number() && schema["maximum"].is_number(),
                "{name}.{argument} has no bounds"
            ),
            Some("array") => assert!(schema["maxItems"].is_number(), "{name}.{argument} has no `maxItems`"),
            _ => {}
        }
    }
}

/// `(method, path)` that the manifest asks for, below the configured URL.
struct Egress(BTreeSet<(String, String)>);

impl Egress {
    fn of<S: Service>(config: &Value) -> Self {
        let base = config["url"].as_str().unwrap_or_default().trim_end_matches('/');
        let asked = S::manifest().asked().to_vec();
        Self(
            asked
                .into_iter()
                .flat_map(|egress| {
                    let url = egress.url.replace("{config.url}", base);
                    egress.methods.into_iter().map(move |method| (method, url.clone())).collect::<Vec<_>>()
                })
                .collect(),
        )
    }

    #[track_caller]
    fn place(&self, sent: &Sent) -> (String, String) {
        let url = sent.url.split('?').next().unwrap_or_default();
        let fits = |pattern: &str| match pattern.strip_suffix("/**") {
            Some(before) => {
                let count = before.split('/').count();
                let head: Vec<&str> = url.split('/').take(count).collect();
                url.split('/').count() > count && matches(before, &head.join("/"))
            }
            None => matches(pattern, url),
        };
        let found =
            self.0.iter().filter(|(method, pattern)| *method == sent.method.as_str() && fits(pattern));
        // The most exact of those: the one with the most words of its own, and no end left open.
        let words = |pattern: &str| pattern.split('/').filter(|segment| !segment.contains('*')).count();
        let found = found.max_by_key(|(_, pattern)| (words(pattern), !pattern.ends_with("/**")));
        found.unwrap_or_else(|| panic!("{} {url} is not in the egress asked for", sent.method)).clone()
    }
}

/// A call means the same, whichever of these forms one of its arguments has; and the input schema takes each. `NOW - 3600`,
/// `"-1h"` and RFC 3339 of one moment, say.
#[track_caller]
pub fn means_the_same<S: Service>(
    config: &Value,
    double: &Arc<dyn Double>,
    now: SystemTime,
    (tool, arguments, argument): (&str, &Value, &str),
    forms: &[Value],
) {
    let tools = testing::list::<S>(config.clone()).unwrap();
    let info = tools.iter().find(|info| info.name == tool).unwrap_or_else(|| panic!("there is no `{tool}`"));
    let schema = jsonschema::draft202012::new(&info.input_schema).unwrap();
    let asked = |form: &Value| {
        let mut arguments = arguments.clone();
        arguments[argument] = form.clone();
        assert!(schema.is_valid(&arguments), "{tool}: not what the input schema takes: {arguments}");
        let mock = mock(double.clone()).at(now);
        let output = testing::call::<S>(config.clone(), &mock, tool, arguments.clone());
        let output = output.unwrap_or_else(|error| panic!("{tool} {arguments}: {error}"));
        let line = |sent: &Sent| format!("{} {}", sent.url, String::from_utf8_lossy(&sent.body));
        (output.structured().cloned(), mock.requests().iter().map(line).collect::<Vec<_>>())
    };
    let [first, others @ ..] = forms else { panic!("no forms to compare") };
    let expected = asked(first);
    others.iter().for_each(|form| assert_eq!(asked(form), expected, "{tool}: {argument} = {form}"));
}

/// What the tools of a service take of a model's context, in tokens: four bytes of `tools/list` to each.
pub fn tokens<S: Service>(config: &Value, service: &str) -> usize {
    let listed = |tool: ToolInfo| {
        let hints = serde_json::json!({
            "readOnlyHint": tool.annotations.read_only, "destructiveHint": tool.annotations.destructive,
            "idempotentHint": tool.annotations.idempotent, "openWorldHint": tool.annotations.open_world,
        });
        let tool = serde_json::json!({
            "name": format!("{service}_{}", tool.name), "title": tool.title, "description": tool.description,
            "inputSchema": tool.input_schema, "outputSchema": tool.output_schema, "annotations": hints,
        });
        tool.to_string().len()
    };
    testing::list::<S>(config.clone()).unwrap().into_iter().map(listed).sum::<usize>().div_ceil(4)
}

#[cfg(test)]
mod tests {
    use bulkhead_sdk::Method;

    use super::*;

    #[test]
    fn a_request_is_credited_to_the_most_exact_egress() {
        let asked = ["/api/**", "/api/*/one", "/api/items/*", "/api/items/one", "/api/items/**"];
        let asked = asked.map(|path| ("GET".to_owned(), format!("http://up{path}")));
        let egress = Egress(BTreeSet::from(asked));
        let place = |path: &str| {
            let sent = Sent {
                method: Method::Get,
                url: format!("http://up{path}"),
                headers: Vec::new(),
                body: Vec::new(),
            };
            egress.place(&sent).1.replace("http://up", "")
        };
        for (path, pattern) in [
            ("/api/items/one?x=/api/others", "/api/items/one"),
            ("/api/items/two", "/api/items/*"),
            ("/api/items/two/three", "/api/items/**"),
            ("/api/others/one", "/api/*/one"),
            ("/api/others", "/api/**"),
        ] {
            assert_eq!(place(path), pattern, "{path}");
        }
    }
}
