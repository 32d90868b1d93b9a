//! The prompts: what to do, in which order, when an alert fires or silences are looked through.
//!
//! A tool is named as `{tool:…}`, one to a line: the host writes its public name, and drops the line of a tool that the
//! caller may not use.

use std::collections::BTreeSet;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;

use crate::Alertmanager;
use crate::alert::Alert;
use crate::silence::Silence;

#[derive(Debug, Deserialize, JsonSchema)]
struct AlertTriage {
    /// The alert's name; without it, everything that fires.
    alertname: Option<String>,
    /// Only what this receiver is told.
    receiver: Option<String>,
    /// The label that tells who or what is affected, such as `service`.
    label: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct IncidentTriage {
    /// What is seen: an alert's name, or words.
    symptom: String,
    /// Since when, such as `-1h`.
    since: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct SilenceReview {
    /// Only silences by this author.
    author: Option<String>,
}

pub(crate) fn all() -> Prompts<Alertmanager> {
    Prompts::new()
        .add(
            Prompt::new("alert_triage", "Decides what to do about alerts, worst first.", alert_triage)
                .title("Triage alerts")
                .complete("alertname", alertnames)
                .complete("receiver", receivers)
                .complete("label", label_names),
        )
        .add(
            Prompt::new(
                "incident_triage",
                "Finds what is broken, since when and why, across metrics, workloads, logs, traces and changes.",
                incident_triage,
            )
            .title("Triage an incident")
            .complete("symptom", alertnames),
        )
        .add(
            Prompt::new(
                "silence_review",
                "Looks through the silences: which to end, extend or narrow.",
                silence_review,
            )
            .title("Review silences")
            .complete("author", authors),
        )
}

async fn alert_triage(_: &Alertmanager, args: AlertTriage, _: &Call) -> Result<Messages> {
    let what = match &args.alertname {
        Some(name) => format!("the alert {name}"),
        None => "the alerts that are firing".to_owned(),
    };
    let matchers = args.alertname.iter().map(|name| format!(" with matchers `alertname=\"{name}\"`"));
    let receiver = args.receiver.iter().map(|receiver| format!(" with receiver `{receiver}`"));
    let narrow: String = matchers.chain(receiver).collect();
    let label = args.label.as_deref().unwrap_or("service, namespace or instance");
    Ok(Messages::user(format!(
        "Triage {what}.\n\
         1. Call {{tool:triage}}{narrow}: what fires, what is silenced or inhibited, and the findings.\n\
         2. For each of the worst three names, list the instances with {{tool:alerts}} and say how they spread over {label}.\n\
         3. See the rule behind each, its expression and its current value, with {{tool:prometheus/diagnose}} and its `alert`.\n\
         4. Where an alert is quiet, see whose silence it is and when that ends with {{tool:silences}}.\n\
         5. Answer: what to act on first and why, what can wait, what is noise. Keep what the tools said apart from what \
         you infer, and name the alerts you rely on.\n\
         6. Propose a silence only for what is understood and being worked on: a dry run with {{tool:silence}} \
         first, and the real one only after the user agrees.",
    ))
    .description(format!("Triage of {what}")))
}

async fn incident_triage(_: &Alertmanager, args: IncidentTriage, _: &Call) -> Result<Messages> {
    let (symptom, since) = (&args.symptom, args.since.as_deref().unwrap_or("-1h"));
    Ok(Messages::user(format!(
        "Something is wrong: {symptom}. Find out what is broken, since when, and the most likely cause. Look from \
         {since} to now. Only read; change nothing.\n\
         1. See what fires and since when with {{tool:triage}}; the longest of the worst is often nearest to the cause.\n\
         2. Measure the symptom and its trend with {{tool:prometheus/query}}.\n\
         3. See why the alert's expression is true with {{tool:prometheus/diagnose}} and its `alert`.\n\
         4. Look for failing pods, nodes and rollouts with {{tool:kubernetes/diagnose}}.\n\
         5. Look for errors that are new or more frequent with {{tool:loki/error_spikes}}.\n\
         6. Find the slow or failing service on the way of a request with {{tool:jaeger/diagnose}}.\n\
         7. See what changed shortly before with {{tool:grafana/what_changed}}.\n\
         8. If search or log storage is involved, check it with {{tool:elasticsearch/diagnose}}.\n\
         9. Line up what you found on one timeline. Answer: impact, start, the first thing that broke, the cause with \
         what supports it and what speaks against it, and the next safe step. Say what you could not look at."
    ))
    .description(format!("Triage of: {symptom}")))
}

async fn silence_review(_: &Alertmanager, args: SilenceReview, _: &Call) -> Result<Messages> {
    let (whose, narrow) = match &args.author {
        Some(author) => (format!("the silences of {author}"), format!(" with created_by `{author}`")),
        None => ("the silences".to_owned(), String::new()),
    };
    Ok(Messages::user(format!(
        "Review {whose}.\n\
         1. List them with {{tool:silences}}{narrow}.\n\
         2. See which hold critical alerts, hold nothing, are broad, long or end soon with {{tool:triage}}.\n\
         3. For each that stands out say what it hides, who made it, why, and when it ends; then: keep, extend, narrow \
         or end it.\n\
         4. Show what ending one would let be heard, or a narrower or longer one would hit, by a dry run of \
         {{tool:silence}}.\n\
         5. Change nothing before the user has agreed to each change."
    ))
    .description(format!("Review of {whose}")))
}

async fn alertnames(service: &Alertmanager, typed: &Completing, _: &Call) -> Result<Completion> {
    let alerts: Vec<Alert> = service.api.get("alerts").json().await?;
    Ok(typed.matching(alerts.iter().map(Alert::name).collect::<BTreeSet<_>>()))
}

async fn label_names(service: &Alertmanager, typed: &Completing, _: &Call) -> Result<Completion> {
    let alerts: Vec<Alert> = service.api.get("alerts").json().await?;
    let names = alerts.iter().filter_map(Alert::labels).flat_map(|labels| labels.keys());
    Ok(typed.matching(names.collect::<BTreeSet<_>>()))
}

async fn receivers(service: &Alertmanager, typed: &Completing, _: &Call) -> Result<Completion> {
    let receivers: Vec<Value> = service.api.get("receivers").json().await?;
    Ok(typed.matching(receivers.iter().map(|receiver| text(receiver, "/name"))))
}

async fn authors(service: &Alertmanager, typed: &Completing, _: &Call) -> Result<Completion> {
    let silences: Vec<Silence> = service.api.get("silences").json().await?;
    Ok(typed.matching(silences.iter().map(Silence::created_by).collect::<BTreeSet<_>>()))
}
