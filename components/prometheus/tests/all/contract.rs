//! Every request of every tool is an operation of Prometheus's own API document, and lies within
//! the egress the manifest asks for.
//!
//! The document is not part of this crate. Without it (`BULKHEAD_SPECS`, or the `shared/specs` folder beside the
//! checkout) the first test says that it was skipped; the second needs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bulkhead_sdk::Service;
use bulkhead_sdk::testing::Sent;

use super::*;

/// Every tool with every argument it has.
fn calls() -> Vec<(&'static str, Value)> {
    let long = "a".repeat(3000);
    vec![
        ("query", json!({ "query": "up", "time": "now", "timeout": "5s", "limit": 1, "order": "labels" })),
        ("query", json!({ "query": long, "time": "now", "timeout": "5s" })),
        (
            "query_range",
            json!({ "query": "up", "start": "-1h", "end": "now", "step": "1m", "timeout": "5s" }),
        ),
        ("query_range", json!({ "query": long, "timeout": "5s" })),
        ("get_label_names", json!({ "match": ["up"], "start": "-1h", "end": "now" })),
        (
            "get_label_values",
            json!({ "label": "job", "match": ["up"], "contains": "x", "start": "-1h", "end": "now" }),
        ),
        ("get_series", json!({ "match": ["up"], "start": "-1h", "end": "now" })),
        ("get_metrics_metadata", json!({ "metric": "up" })),
        ("get_target_metadata", json!({ "metric": "up", "match_target": "{job=\"node\"}" })),
        ("targets_summary", json!({ "state": "active" })),
        ("get_targets", json!({ "state": "active", "health": "up", "scrape_pool": "node" })),
        ("alerts_summary", json!({ "state": "firing" })),
        ("get_alerts", json!({ "state": "firing", "name": "x" })),
        ("rules_summary", json!({ "type": "alert" })),
        (
            "get_rules",
            json!({ "type": "alert", "name": "n", "group": "g", "file": "f", "health": "ok", "state": "firing" }),
        ),
        ("test_connection", json!({})),
        ("get_server_info", json!({ "include": ["build", "runtime", "flags", "config"] })),
        ("get_runtime_info", json!({})),
        ("get_tsdb_stats", json!({})),
        ("get_tsdb_status", json!({ "limit": 5 })),
        ("get_wal_replay_status", json!({})),
        ("create_snapshot", json!({ "skip_head": true })),
    ]
}

/// What all those calls send. Nothing answers, which no tool needs in order to ask.
fn requests() -> Vec<Sent> {
    let mut sent = Vec::new();
    let mut called = BTreeSet::new();
    for (tool, arguments) in calls() {
        let mock = mock();
        assert!(call(&mock, tool, arguments).is_err(), "{tool} was answered");
        assert!(!mock.requests().is_empty(), "{tool} asked nothing");
        called.insert(tool.to_owned());
        sent.extend(mock.requests());
    }
    let listed: BTreeSet<String> =
        testing::list::<Prometheus>(config()).unwrap().into_iter().map(|tool| tool.name).collect();
    assert_eq!(called, listed, "every tool is called");
    sent
}

/// The path below `/api/v1`, and the names of the parameters in the query or the form.
fn parts(sent: &Sent) -> (String, BTreeSet<String>) {
    let below = sent.url.strip_prefix("http://prometheus:9090/prom/api/v1").expect("below the base");
    let (path, query) = below.split_once('?').unwrap_or((below, ""));
    let form = String::from_utf8(sent.body.clone()).unwrap();
    let name =
        |pair: &str| pair.split('=').next().unwrap_or_default().replace("%5B", "[").replace("%5D", "]");
    let names = query.split('&').chain(form.split('&')).filter(|pair| !pair.is_empty()).map(name).collect();
    (path.to_owned(), names)
}

fn matches(pattern: &str, path: &str) -> bool {
    let wild = |segment: &str| segment == "*" || (segment.starts_with('{') && segment.ends_with('}'));
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(&path).all(|(part, segment)| wild(part) || part == segment)
}

#[test]
fn every_request_is_an_operation_of_the_published_api() {
    let Some(document) = document() else {
        println!("skipped: the API documents are not there (set BULKHEAD_SPECS to their folder)");
        return;
    };
    let operations = operations(&document);
    assert!(operations.len() > 30, "the document was read: {} operations", operations.len());
    for sent in requests() {
        let (path, names) = parts(&sent);
        let method = sent.method.as_str().to_lowercase();
        let known = operations
            .iter()
            .find(|((known, pattern), _)| *known == method && matches(pattern, &path))
            .unwrap_or_else(|| panic!("no operation {method} {path}"));
        let unknown: Vec<&String> = names.difference(known.1).collect();
        assert!(unknown.is_empty(), "{method} {path} has no parameters {unknown:?}; it has {:?}", known.1);
    }
}

#[test]
fn every_request_lies_within_the_egress_asked_for_and_all_of_it_is_used() {
    let problems = Prometheus::manifest().problems();
    assert!(problems.is_empty(), "{problems:?}");
    let asked: BTreeSet<(String, String)> = prometheus::EGRESS
        .iter()
        .flat_map(|(path, methods, _)| {
            methods.iter().map(move |method| (format!("/{path}"), (*method).to_owned()))
        })
        .collect();
    let mut used = BTreeSet::new();
    for sent in requests() {
        let (path, _) = parts(&sent);
        let grant = asked
            .iter()
            .find(|(pattern, method)| *method == sent.method.as_str() && matches(pattern, &path))
            .unwrap_or_else(|| panic!("{} {path} is not asked for", sent.method));
        used.insert(grant.clone());
    }
    assert_eq!(used, asked);
}

fn document() -> Option<String> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs");
    #[expect(clippy::disallowed_methods, reason = "a test's own switch, not the host's configuration")]
    let folder = std::env::var("BULKHEAD_SPECS").map_or_else(|_| beside(), PathBuf::from);
    std::fs::read_to_string(folder.join("prometheus/openapi_3.1_golden.yaml")).ok()
}

type Operations = BTreeMap<(String, String), BTreeSet<String>>;

/// `(method, path)` and the parameters of each operation. The document is generated, so its
/// indentation says enough: paths at 4, methods at 8, parameters at 16, schemas at 8, fields at 16.
fn operations(document: &str) -> Operations {
    let forms = forms(document);
    let mut operations = Operations::new();
    let (mut path, mut operation) = (String::new(), None);
    for line in
        document.lines().skip_while(|line| *line != "paths:").take_while(|line| *line != "components:")
    {
        let text = line.trim_start();
        match (line.len() - text.len(), text) {
            (4, text) => path = text.trim_end_matches(':').to_owned(),
            (8, text) if text.ends_with(':') => {
                let key = (text.trim_end_matches(':').to_owned(), path.clone());
                operations.insert(key.clone(), BTreeSet::new());
                operation = Some(key);
            }
            (16, text) if text.starts_with("- name: ") => {
                let name = text.trim_start_matches("- name: ").trim_matches(['\'', '"']).to_owned();
                let known = operation.as_ref().and_then(|key| operations.get_mut(key));
                known.expect("a parameter of an operation").insert(name);
            }
            (_, text) => {
                let form =
                    text.strip_prefix("$ref: '#/components/schemas/").map(|rest| rest.trim_end_matches('\''));
                if let (Some(fields), Some(key)) = (form.and_then(|form| forms.get(form)), &operation) {
                    operations.entry(key.clone()).or_default().extend(fields.iter().cloned());
                }
            }
        }
    }
    operations
}

/// The fields of every schema that is the body of a POST.
fn forms(document: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut forms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut schema = String::new();
    for line in document.lines().skip_while(|line| *line != "components:") {
        let text = line.trim_start();
        match (line.len() - text.len(), text.strip_suffix(':')) {
            (8, Some(name)) => schema = name.to_owned(),
            (16, Some(field)) if schema.ends_with("PostInputBody") => {
                forms.entry(schema.clone()).or_default().insert(field.to_owned());
            }
            _ => {}
        }
    }
    forms
}
