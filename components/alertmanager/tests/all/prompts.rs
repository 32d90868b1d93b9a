//! Prompts, the tools they name, and completions.

use bulkhead_sdk::dispatch::Reference;
use double_kit::prompts;

use super::*;

fn filled(name: &str, arguments: Value) -> String {
    prompts::text::<Alertmanager>(&config(), name, arguments)
}

fn named(text: &str) -> Vec<&str> {
    prompts::steps::<Alertmanager>(&config(), text)
}

#[test]
fn every_step_is_a_line() {
    prompts::are_steps::<Alertmanager>(&config());
}

#[test]
fn a_triage_is_narrowed_by_what_is_known() {
    let text = filled("alert_triage", json!({ "alertname": "DiskFull", "receiver": "ops", "label": "host" }));
    assert!(text.starts_with("Triage the alert DiskFull.\n1. Call {tool:triage} with matchers `alertname=\"DiskFull\"` with receiver `ops`: "), "{text}");
    assert!(text.contains("how they spread over host"), "{text}");
    assert_eq!(named(&text), ["triage", "alerts", "prometheus/diagnose", "silences", "silence"]);
}

#[test]
fn an_incident_is_looked_at_from_every_side() {
    let text = filled("incident_triage", json!({ "symptom": "checkout fails", "since": "-2h" }));
    assert!(
        text.starts_with("Something is wrong: checkout fails.") && text.contains("from -2h to now"),
        "{text}"
    );
    assert_eq!(
        named(&text),
        [
            "triage",
            "prometheus/query",
            "prometheus/diagnose",
            "kubernetes/diagnose",
            "loki/error_spikes",
            "jaeger/diagnose",
            "grafana/what_changed",
            "elasticsearch/diagnose",
        ]
    );
}

#[test]
fn a_review_changes_nothing_by_itself() {
    let text = filled("silence_review", json!({ "author": "ann" }));
    assert!(
        text.starts_with(
            "Review the silences of ann.\n1. List them with {tool:silences} with created_by `ann`."
        ),
        "{text}"
    );
    assert!(text.contains("Change nothing before the user has agreed"), "{text}");
    assert_eq!(named(&text), ["silences", "triage", "silence"]);
}

#[test]
fn arguments_are_completed_from_what_there_is() {
    let played = Played::new();
    let complete = |reference: &Reference, argument: &str, prefix: &str| {
        let url = json!({ "url": "http://up:9093" });
        prompts::completed::<Alertmanager>(&url, &played.mock(), reference, argument, prefix, &json!({}))
    };
    let of = |prompt: &str| Reference::Prompt(prompt.to_owned());
    assert_eq!(complete(&of("alert_triage"), "alertname", "D"), ["DatabaseDown", "DiskFull"]);
    assert_eq!(complete(&of("alert_triage"), "receiver", ""), ["dba", "ops"]);
    assert_eq!(
        complete(&of("alert_triage"), "label", ""),
        ["alertname", "cluster", "instance", "job", "severity"]
    );
    assert_eq!(complete(&of("incident_triage"), "symptom", "T"), ["TargetDown"]);
    assert_eq!(complete(&of("silence_review"), "author", ""), ["ann", "bob"]);
    let template = Reference::Template("alertmanager:///silences/{id}".to_owned());
    assert_eq!(complete(&template, "id", "aaaaaaaa").len(), 5);
}
