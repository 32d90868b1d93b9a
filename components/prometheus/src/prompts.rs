//! The prompts: what to do, in which order, to find out from metrics what is wrong, to write a query, or to look into an
//! alert.
//!
//! A tool is named as `{tool:…}`, one to a line: the host writes its public name, and drops the line of a tool that the
//! caller may not use.

use std::collections::BTreeSet;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use crate::Prometheus;
use crate::api::Ask;
use crate::selector;

/// Prometheus answers with at most so many names; a client shows a hundred.
const MOST: &str = "5000";

#[derive(Debug, Deserialize, JsonSchema)]
struct MetricsDiagnosis {
    /// What is seen, in words.
    symptom: String,
    /// The job it is about, if it is known.
    job: Option<String>,
    /// Since when, such as `-1h`.
    since: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct PromqlHelp {
    /// What the query has to tell, in words.
    question: String,
    /// A metric it should use, if it is known.
    metric: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct AlertInvestigation {
    /// The alert's name.
    alertname: String,
    /// Since when, such as `-6h`.
    since: Option<String>,
}

pub(crate) fn all() -> Prompts<Prometheus> {
    Prompts::new()
        .add(
            Prompt::new(
                "metrics_diagnosis",
                "Finds out from metrics what is wrong, since when and where.",
                metrics_diagnosis,
            )
            .title("Diagnose with metrics")
            .complete("job", jobs),
        )
        .add(
            Prompt::new(
                "promql_help",
                "Writes a query that fits the metrics there are, and tries it.",
                promql_help,
            )
            .title("Write PromQL")
            .complete("metric", metrics),
        )
        .add(
            Prompt::new(
                "alert_investigation",
                "Finds out why an alert fires, whether it is right, and what is behind it.",
                alert_investigation,
            )
            .title("Investigate an alert")
            .complete("alertname", alertnames),
        )
}

async fn metrics_diagnosis(_: &Prometheus, args: MetricsDiagnosis, _: &Call) -> Result<Messages> {
    let since = args.since.as_deref().unwrap_or("-1h");
    let (about, selector) = match &args.job {
        Some(job) => (format!(" of job {job}"), format!(" with match `{{job=\"{job}\"}}`")),
        None => (String::new(), String::new()),
    };
    Ok(Messages::user(format!(
        "Seen: {symptom}. Find out from metrics{about} what is wrong, since when and where. Look from {since} to now.\n\
         1. See first whether the metrics can be trusted and what fires, with {{tool:diagnose}}.\n\
         2. Find the metrics that can show the symptom with {{tool:labels}}{selector}, label `__name__`.\n\
         3. Learn their type and unit with {{tool:metadata}}: a counter needs rate(), a histogram histogram_quantile().\n\
         4. Measure rate, errors, duration and saturation over time with {{tool:query_range}}; note when each changed.\n\
         5. Narrow down by one label at a time with {{tool:query}} and topk().\n\
         6. Look for errors of the same time with {{tool:loki/error_spikes}}.\n\
         7. Look for what changed before with {{tool:grafana/what_changed}}.\n\
         8. Answer: what is wrong, since when, where it is and is not, and the queries that show it. Keep what was \
         measured apart from what you infer.",
        symptom = args.symptom
    ))
    .description(format!("Diagnosis of: {}", args.symptom)))
}

async fn promql_help(_: &Prometheus, args: PromqlHelp, _: &Call) -> Result<Messages> {
    let start = args.metric.as_ref().map_or_else(
        || "1. Find metrics that may answer it with {tool:labels}, label `__name__` and `contains`.".to_owned(),
        |metric| format!("1. See that `{metric}` is there and which labels it has, with {{tool:labels}} and match `{metric}`."),
    );
    Ok(Messages::user(format!(
        "Write a PromQL query that tells: {question}. Use only metrics and labels that you have seen here.\n\
         {start}\n\
         2. Read type, unit and help with {{tool:metadata}} before anything else: counters need rate() or increase(), \
         gauges do not, histograms need histogram_quantile() over rate() of the buckets.\n\
         3. See the labels that the query filters or groups by, with their values, with {{tool:labels}}.\n\
         4. Try the query with {{tool:query}}; if it gives nothing, take parts away until something comes, and say which \
         part was to blame.\n\
         5. See that its course over time is plausible with {{tool:query_range}}.\n\
         6. Answer: the query, what each part of it does, its unit, and what it gives now.",
        question = args.question
    ))
    .description(format!("A query for: {}", args.question)))
}

async fn alert_investigation(_: &Prometheus, args: AlertInvestigation, _: &Call) -> Result<Messages> {
    let (name, since) = (&args.alertname, args.since.as_deref().unwrap_or("-6h"));
    Ok(Messages::user(format!(
        "Investigate the alert {name}.\n\
         1. See its expression, the values beside their thresholds and the trend with {{tool:diagnose}}, alert `{name}`.\n\
         2. See every instance and since when with {{tool:alerts}}, name `{name}`.\n\
         3. See how what it measures went from {since} to now, and what else moved with it, with {{tool:query_range}}.\n\
         4. See whether the targets behind it are scraped at all with {{tool:targets}}.\n\
         5. See whether it is silenced or inhibited, and who is told, with {{tool:alertmanager/triage}}.\n\
         6. Look at the workloads behind its labels with {{tool:kubernetes/diagnose}}.\n\
         7. Look for errors in their logs with {{tool:loki/error_spikes}}.\n\
         8. Answer: is the alert right, what is behind it with what supports that, what to do next, and whether the rule \
         itself should change. Keep what was measured apart from what you infer."
    ))
    .description(format!("Investigation of {name}")))
}

/// The values of a label.
pub(crate) async fn values(service: &Prometheus, label: &str) -> Result<Vec<String>> {
    let ask = Ask::get(format!("label/{}/values", selector::path_segment(label))).with("limit", MOST);
    Ok(service.api.ask(ask).await?.data)
}

async fn metrics(service: &Prometheus, typed: &Completing, _: &Call) -> Result<Completion> {
    Ok(typed.matching(values(service, selector::NAME).await?))
}

async fn jobs(service: &Prometheus, typed: &Completing, _: &Call) -> Result<Completion> {
    Ok(typed.matching(values(service, "job").await?))
}

/// Those that fire or wait come first; all that could follow.
async fn alertnames(service: &Prometheus, typed: &Completing, _: &Call) -> Result<Completion> {
    let rules: Value = service.api.ask(Ask::get("rules").with("type", "alert")).await?.data;
    let rules = list(&rules, "/groups").iter().flat_map(|group| list(group, "/rules"));
    let names: BTreeSet<(bool, &str)> =
        rules.map(|rule| (text(rule, "/state") == "inactive", text(rule, "/name"))).collect();
    let mut ordered: Vec<&str> = Vec::new();
    for (_, name) in names {
        if !ordered.contains(&name) {
            ordered.push(name);
        }
    }
    Ok(typed.matching(ordered))
}
