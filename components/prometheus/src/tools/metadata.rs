//! `get_metrics_metadata` and `get_target_metadata`: what metrics are.

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;

use super::{View, reads, shortened, text, wanted};
use crate::Prometheus;
use crate::api::{Answer, Ask};
use crate::page::{Key, Page};

const DEFAULT_LIMIT: usize = 100;

/// Help texts are a sentence; the rare essay is cut in a summary.
const HELP_LENGTH: usize = 200;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct MetricsMetadata {
    /// Exactly this metric. Default: all.
    metric: Option<String>,
    /// Only metrics whose name or help contains this text, whatever the case.
    contains: Option<String>,
    /// `summary` gives one entry for each metric, `full` every differing one.
    #[serde(default)]
    view: View,
    /// Most metrics to return. Default 100.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor` of the previous page, with the same other arguments.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct TargetMetadata {
    /// Exactly this metric. Default: all.
    metric: Option<String>,
    /// Only targets whose labels match this selector, for example `{job="node"}`.
    match_target: Option<String>,
    /// `summary` counts the targets of each metric, `full` gives an entry for each target.
    #[serde(default)]
    view: View,
    /// Most entries to return. Default 100.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor` of the previous page, with the same other arguments.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

pub(crate) fn add(tools: Tools<Prometheus>) -> Tools<Prometheus> {
    tools
        .add(reads(
            "get_metrics_metadata",
            "Metric metadata",
            "Type, unit and help text of metrics. Use it before querying: a counter needs rate() or \
             increase(), a gauge does not, a histogram needs histogram_quantile(). Recording rules \
             have no metadata.",
            get_metrics_metadata,
        ))
        .add(reads(
            "get_target_metadata",
            "Target metadata",
            "Metric metadata as the scraped targets expose it: which targets have a metric, and \
             whether they agree on its type. Use get_metrics_metadata when the targets do not matter.",
            get_target_metadata,
        ))
}

async fn get_metrics_metadata(service: &Prometheus, args: MetricsMetadata, _: &Call) -> Result<Output> {
    let key = Key::new("get_metrics_metadata", &args)?;
    let ask = Ask::get("metadata").maybe("metric", args.metric.as_deref()).blame("metric");
    let answer: Answer<BTreeMap<String, Vec<Value>>> = service.api.ask(ask).await?;
    let part = args.contains.as_deref().unwrap_or_default().to_lowercase();
    let wordy = |words: &str| words.to_lowercase().contains(&part);
    let mut all: Vec<(String, Vec<Value>)> = answer
        .data
        .into_iter()
        .filter(|(name, entries)| wordy(name) || entries.iter().any(|entry| wordy(text(entry, "/help"))))
        .collect();
    all.iter_mut().for_each(|(_, entries)| entries.sort_by_cached_key(Value::to_string));
    let page = Page::cut(all, wanted(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page.map(|(name, entries)| described(&name, &entries, args.view)).into_object("metrics");
    answer.remarks.write(&mut out);
    Ok(Output::json(&out))
}

fn described(name: &str, entries: &[Value], view: View) -> Value {
    match (view, entries.first()) {
        (View::Summary, Some(first)) => {
            let mut out = brief(name, first);
            if let (true, Some(object)) = (entries.len() > 1, out.as_object_mut()) {
                object.insert("differing_entries".into(), entries.len().into());
            }
            out
        }
        _ => json!({ "metric": name, "entries": entries }),
    }
}

/// Type, help and, where there is one, unit.
fn brief(name: &str, entry: &Value) -> Value {
    let help = shortened(text(entry, "/help"), HELP_LENGTH);
    let mut out = json!({ "metric": name, "type": text(entry, "/type"), "help": help });
    let unit = text(entry, "/unit");
    if let (false, Some(object)) = (unit.is_empty(), out.as_object_mut()) {
        object.insert("unit".into(), unit.into());
    }
    out
}

async fn get_target_metadata(service: &Prometheus, args: TargetMetadata, _: &Call) -> Result<Output> {
    let key = Key::new("get_target_metadata", &args)?;
    let ask = Ask::get("targets/metadata")
        .maybe("metric", args.metric.as_deref())
        .maybe("match_target", args.match_target.as_deref())
        .blame("match_target");
    let answer: Answer<Vec<Value>> = match service.api.ask(ask).await {
        // Since 2.x an unknown metric is an empty list; before, it was not_found.
        Err(Error::NotFound(words)) if words.starts_with("not_found") => Answer::of(Vec::new()),
        other => other?,
    };
    let name = args.metric.as_deref();
    let all = match args.view {
        View::Full => in_order(answer.data),
        View::Summary => grouped(&answer.data, name),
    };
    let page = Page::cut(all, wanted(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page.into_object("metadata");
    answer.remarks.write(&mut out);
    Ok(Output::json(&out))
}

/// By metric and target: Prometheus has another order for every answer, and pages need one.
fn in_order(mut entries: Vec<Value>) -> Vec<Value> {
    entries.sort_by_cached_key(|entry| (text(entry, "/metric").to_owned(), entry["target"].to_string()));
    entries
}

/// One entry for each metric, type and help, with how many targets say so and which jobs they belong to.
fn grouped(entries: &[Value], asked: Option<&str>) -> Vec<Value> {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Value>> = BTreeMap::new();
    for entry in entries {
        // Prometheus leaves the name out when a metric was asked for.
        let name = Some(text(entry, "/metric")).filter(|name| !name.is_empty()).or(asked).unwrap_or_default();
        groups.entry((name, text(entry, "/type"), text(entry, "/help"))).or_default().push(entry);
    }
    let shape = |((name, _, _), entries): ((&str, &str, &str), Vec<&Value>)| {
        let mut out = entries.first().map_or_else(|| json!({}), |entry| brief(name, entry));
        let mut jobs: Vec<&str> = entries.iter().map(|entry| text(entry, "/target/job")).collect();
        jobs.sort_unstable();
        jobs.dedup();
        if let Some(object) = out.as_object_mut() {
            object.insert("targets".into(), entries.len().into());
            object.insert("jobs".into(), jobs.into());
        }
        out
    };
    groups.into_iter().map(shape).collect()
}
