//! Prompts, the tools they name, and completions.

use bulkhead_sdk::dispatch::Reference;
use bulkhead_sdk::testing::context;
use bulkhead_sdk::{Completing, Content};
use double_kit::wire;

use super::*;

fn filled(name: &str, arguments: Value) -> String {
    let messages = testing::prompt::<Prometheus>(config(), &mock(), name, arguments, &context()).unwrap();
    match &messages.messages() {
        [(_, Content::Text(text))] => text.clone(),
        other => unreachable!("{other:?}"),
    }
}

/// The tools a text names, by line.
fn named(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| Some(line.split_once("{tool:")?.1.split_once('}')?.0)).collect()
}

#[test]
fn every_step_names_at_most_one_tool_on_a_line_of_its_own() {
    for prompt in testing::prompts::<Prometheus>(config()).unwrap() {
        let arguments: serde_json::Map<String, Value> =
            prompt.arguments.iter().map(|argument| (argument.name.clone(), "x".into())).collect();
        let text = filled(&prompt.name, arguments.into());
        assert!(text.lines().all(|line| line.matches("{tool:").count() <= 1), "{text}");
        let steps: Vec<&str> =
            text.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit())).collect();
        for (index, step) in steps.iter().enumerate() {
            assert!(step.starts_with(&format!("{}. ", index + 1)), "{step}");
        }
        assert_eq!(text.lines().count(), steps.len() + 1, "what belongs to a step is on its line: {text}");
    }
}

#[test]
fn a_diagnosis_trusts_no_metric_it_has_not_seen() {
    let text =
        filled("metrics_diagnosis", json!({ "symptom": "checkout is slow", "job": "api", "since": "-3h" }));
    assert!(
        text.starts_with("Seen: checkout is slow. Find out from metrics of job api what is wrong"),
        "{text}"
    );
    assert!(text.contains("Look from -3h to now.") && text.contains("with match `{job=\"api\"}`"), "{text}");
    assert_eq!(
        named(&text),
        [
            "diagnose",
            "labels",
            "metadata",
            "query_range",
            "query",
            "loki/error_spikes",
            "grafana/what_changed"
        ]
    );
}

#[test]
fn a_query_is_grounded_in_metadata_first() {
    let text =
        filled("promql_help", json!({ "question": "error rate by job", "metric": "http_requests_total" }));
    assert_eq!(named(&text), ["labels", "metadata", "labels", "query", "query_range"]);
    assert!(text.contains("1. See that `http_requests_total` is there"), "{text}");
    let open = filled("promql_help", json!({ "question": "error rate by job" }));
    assert!(open.contains("1. Find metrics that may answer it with {tool:labels}"), "{open}");
}

#[test]
fn an_alert_is_looked_at_from_its_rule_outwards() {
    let text = filled("alert_investigation", json!({ "alertname": "HighLoad" }));
    assert!(text.starts_with("Investigate the alert HighLoad.\n1. See its expression"), "{text}");
    assert_eq!(
        named(&text),
        [
            "diagnose",
            "alerts",
            "query_range",
            "targets",
            "alertmanager/triage",
            "kubernetes/diagnose",
            "loki/error_spikes",
        ]
    );
}

#[test]
fn arguments_are_completed_from_what_there_is() {
    let complete = |reference: &Reference, argument: &str, prefix: &str| {
        let typed = Completing { prefix: prefix.to_owned(), ..Completing::default() };
        let url = json!({ "url": "http://up:9090" });
        let mock = wire::mock(double_prometheus::double(NOW as f64)).at(clock());
        testing::complete::<Prometheus>(url, &mock, reference, argument, &typed, &context())
            .unwrap()
            .values()
            .to_vec()
    };
    let of = |prompt: &str| Reference::Prompt(prompt.to_owned());
    assert_eq!(complete(&of("metrics_diagnosis"), "job", ""), ["api", "node", "prometheus", "slow"]);
    assert_eq!(complete(&of("promql_help"), "metric", "http"), ["http_requests_total"]);
    assert_eq!(
        complete(&of("alert_investigation"), "alertname", ""),
        ["Broken", "HighLoad", "MemoryHigh", "TargetDown", "LowLoad", "NoTraffic"],
        "those that are not inactive come first"
    );
    let template = Reference::Template("prometheus:///metadata/{metric}".to_owned());
    assert_eq!(complete(&template, "metric", "node"), ["node_load1"]);
}
