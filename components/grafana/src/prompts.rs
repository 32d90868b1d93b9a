//! What people begin with: a dashboard that looks wrong, an alert rule to review, an incident to tell. Their steps name
//! tools by reference, one to a line, because the host takes out the lines of tools the caller does not have.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;

use crate::Grafana;
use crate::api;
use crate::search::{self, Place};

/// The most that is suggested.
const SUGGESTED: u32 = 100;

/// Enough to look through for a uid.
const ALL: u32 = 1000;

#[derive(Debug, Deserialize, JsonSchema)]
struct Board {
    /// Uid of the dashboard, or words of its title.
    dashboard: String,
    /// What looks wrong: `no data since 10:00`, `latency doubled`.
    symptom: Option<String>,
    /// The time it is about: `-6h`, or two times.
    time: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Review {
    /// Uid of one rule.
    rule: Option<String>,
    /// Folder whose rules to review.
    folder: Option<String>,
    /// Datasource whose rules to review.
    datasource: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Incident {
    /// When it began: RFC 3339, or `-3h`.
    from: String,
    /// When it ended. Default: it has not.
    to: Option<String>,
    /// Folder of the dashboards and rules concerned.
    folder: Option<String>,
    /// Tag of the annotations concerned.
    tag: Option<String>,
}

pub(crate) fn all() -> Prompts<Grafana> {
    Prompts::new()
        .add(
            Prompt::new(
                "dashboard_diagnosis",
                "Finds out why a dashboard shows what it shows: its queries, their data, its edits and its datasources.",
                dashboard_diagnosis,
            )
            .title("Diagnose a dashboard")
            .complete("dashboard", dashboards),
        )
        .add(
            Prompt::new(
                "alert_rule_review",
                "Reviews alert rules: whether they can fire, whether they fire too much, and whether anyone is told.",
                alert_rule_review,
            )
            .title("Review alert rules")
            .complete("folder", folders)
            .complete("datasource", datasources),
        )
        .add(
            Prompt::new(
                "incident_timeline",
                "Writes the timeline of an incident from alerts, annotations and edits.",
                incident_timeline,
            )
            .title("Timeline of an incident")
            .complete("folder", folders)
            .complete("tag", tags),
        )
}

async fn dashboard_diagnosis(_: &Grafana, args: Board, _: &Call) -> Result<Messages> {
    let Board { dashboard, symptom, time } = args;
    let symptom = symptom.unwrap_or_else(|| "something on it looks wrong".to_owned());
    let time = time.unwrap_or_else(|| "the last hour".to_owned());
    Ok(Messages::user(format!(
        "Find out what is behind this on Grafana dashboard `{dashboard}`: {symptom}. Time: {time}.\n\
         \n\
         1. If that is no uid, find the dashboard with {{tool:get_objects}}, kind dashboard.\n\
         2. Read its panels with {{tool:get_dashboard}}, view queries, and pick those the symptom is about.\n\
         3. Run those panels with {{tool:query_datasource}} over that time, and over one before it to compare.\n\
         4. Where a panel fails or is empty, test its datasource: {{tool:get_objects}}, kind datasource, with its uid.\n\
         5. See whether somebody edited the dashboard: {{tool:what_changed}}, then view diff of the versions concerned.\n\
         6. See whether alerts say the same: {{tool:diagnose_alerting}}.\n\
         \n\
         Separate three causes: the dashboard is wrong (query, variable, unit), the data does not arrive, or what it \
         shows is true. Name the cause with the numbers that show it, and what would prove you wrong. Change nothing; \
         propose."
    ))
    .description(format!("Diagnosis of dashboard {dashboard}")))
}

async fn alert_rule_review(_: &Grafana, args: Review, _: &Call) -> Result<Messages> {
    let which = match (&args.rule, &args.folder, &args.datasource) {
        (Some(rule), ..) => format!("the alert rule `{rule}`"),
        (None, Some(folder), _) => format!("the alert rules of folder `{folder}`"),
        (None, None, Some(datasource)) => format!("the alert rules that query datasource `{datasource}`"),
        (None, None, None) => "the alert rules that fire, fail or have no data".to_owned(),
    };
    Ok(Messages::user(format!(
        "Review {which} in Grafana.\n\
         \n\
         1. See how alerting stands with {{tool:diagnose_alerting}}.\n\
         2. Read the definitions with {{tool:get_alert_rules}}, view full.\n\
         3. Run each rule's query with {{tool:query_datasource}} over the last day: how near is it to its threshold, and \
         how often would it have fired?\n\
         4. See how often it changed state: {{tool:what_changed}}, kinds alert, over the last week.\n\
         5. Follow its labels to whoever is told: {{tool:get_objects}}, kind policy, then contact_point.\n\
         \n\
         For each rule say whether it can fire at all (datasource, query, condition), what it does without data and on \
         errors, whether `for` fits how often it flaps, whether its labels reach somebody, and whether its summary tells \
         that somebody what to do. List what to change, the most urgent first. Change nothing; propose."
    ))
    .description(format!("Review of {which}")))
}

async fn incident_timeline(_: &Grafana, args: Incident, _: &Call) -> Result<Messages> {
    let Incident { from, to, folder, tag } = args;
    let to = to.unwrap_or_else(|| "now".to_owned());
    let folder = folder.map(|folder| format!(" Folder: `{folder}`.")).unwrap_or_default();
    let tag = tag.map(|tag| format!(" Tag: `{tag}`.")).unwrap_or_default();
    Ok(Messages::user(format!(
        "Write the timeline of the incident from {from} to {to}, out of what Grafana knows.{folder}{tag}\n\
         \n\
         1. Collect alerts, deployments and edits with {{tool:what_changed}}, from two hours before it began.\n\
         2. See what still fires with {{tool:diagnose_alerting}}.\n\
         3. Read what an edit changed with {{tool:get_dashboard}}, view diff.\n\
         4. Show the turning points with {{tool:query_datasource}} on the panels concerned.\n\
         5. Link each of them with {{tool:get_link}}.\n\
         \n\
         Give a table of time (UTC), event, source and who, from the first sign to the end. Then say what came first, how \
         long until an alert fired, and which event most likely caused it, marking what is fact and what is guess."
    ))
    .description(format!("Timeline from {from} to {to}")))
}

/// Uids of dashboards whose uid begins with what was typed, or whose title has it.
pub(crate) async fn dashboards(service: &Grafana, typed: &Completing, _: &Call) -> Result<Completion> {
    let request = search::dashboards(&service.api, Place::first(SUGGESTED));
    let by_title =
        api::list(request.query_opt("query", Some(&typed.prefix).filter(|typed| !typed.is_empty()))).await?;
    if by_title.is_empty() {
        // Grafana looks for words in titles only.
        let all = api::list(search::dashboards(&service.api, Place::first(ALL))).await?;
        return Ok(typed.matching(all.iter().map(|hit| text(hit, "/uid"))));
    }
    Ok(by_title.iter().map(|hit| text(hit, "/uid")).collect())
}

async fn folders(service: &Grafana, typed: &Completing, _: &Call) -> Result<Completion> {
    let all = api::list(search::folders(&service.api, Place::first(ALL))).await?;
    Ok(fitting(&all, "/uid", "/title", typed))
}

async fn datasources(service: &Grafana, typed: &Completing, _: &Call) -> Result<Completion> {
    let all = api::list(service.api.get("/api/datasources")).await?;
    Ok(fitting(&all, "/uid", "/name", typed))
}

async fn tags(service: &Grafana, typed: &Completing, _: &Call) -> Result<Completion> {
    let request = service.api.get("/api/annotations/tags").query("limit", SUGGESTED);
    let found: Value =
        api::json(request.query_opt("tag", Some(&typed.prefix).filter(|typed| !typed.is_empty()))).await?;
    let all = bulkhead_sdk::value::list(&found, "/result/tags");
    Ok(all.iter().map(|tag| text(tag, "/tag")).collect())
}

/// The uids of those whose uid or name begins with what was typed.
fn fitting(all: &[Value], uid: &str, name: &str, typed: &Completing) -> Completion {
    let begins = |text: &str| text.to_lowercase().starts_with(&typed.prefix.to_lowercase());
    all.iter()
        .filter(|one| begins(text(one, uid)) || begins(text(one, name)))
        .map(|one| text(one, uid))
        .collect()
}
