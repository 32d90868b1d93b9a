//! Prompts, the tools they name, and completions.

use bulkhead_sdk::dispatch::Reference;
use double_kit::{prompts, wire};

use super::*;

fn filled(name: &str, arguments: Value) -> String {
    prompts::text::<Prometheus>(&config(), name, arguments)
}

fn named(text: &str) -> Vec<&str> {
    prompts::steps::<Prometheus>(&config(), text)
}

#[test]
fn every_step_is_a_line() {
    prompts::are_steps::<Prometheus>(&config());
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
        let url = json!({ "url": "http://up:9090" });
        let mock = wire::mock(double_prometheus::double(NOW as f64)).at(clock());
        prompts::completed::<Prometheus>(&url, &mock, reference, argument, prefix, &json!({}))
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
