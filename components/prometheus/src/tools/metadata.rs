//! `metadata`: what metrics are, by name or as each target exposes them.

use std::collections::BTreeMap;
use std::time::Duration;

use bulkhead_sdk::prelude::*;

use crate::Prometheus;
use crate::api::{Answer, Ask};
use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::value::{shortened, text};

const DEFAULT_LIMIT: usize = 100;

/// Help texts are a sentence; the rare essay is cut in a summary.
const HELP_LENGTH: usize = 200;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Arguments {
    /// Exact name.
    metric: Option<String>,
    /// In name or help.
    contains: Option<String>,
    /// Default: metric.
    by: Option<By>,
    view: Option<View>,
    /// Default 100.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Metric,
    Target,
}

returns!(Answered { total: "integer", metrics: "array", metadata: "array" });

pub(super) fn tool() -> Tool<Prometheus> {
    Tool::reads("metadata", "Metadata", "Type, unit and help of metrics.", metadata)
        .cache(Duration::from_secs(60))
        .output::<Answered>()
}

async fn metadata(service: &Prometheus, args: Arguments, _: &Call) -> Result<Output> {
    if args.by == Some(By::Target) {
        return by_target(service, &args).await;
    }
    by_metric(service, &args).await
}

async fn by_metric(service: &Prometheus, args: &Arguments) -> Result<Output> {
    let key = Key::new("metadata", args)?;
    let ask = Ask::get("metadata").maybe("metric", args.metric.as_deref()).blame("metric");
    let answer: Answer<BTreeMap<String, Vec<Value>>> = service.api.ask(ask).await?;
    let wordy = |words: &str| has(words, args.contains.as_deref());
    let mut all: Vec<(String, Vec<Value>)> = answer
        .data
        .into_iter()
        .filter(|(name, entries)| wordy(name) || entries.iter().any(|entry| wordy(text(entry, "/help"))))
        .collect();
    all.iter_mut().for_each(|(_, entries)| entries.sort_by_cached_key(Value::to_string));
    let page = Page::cut(all, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page
        .map(|(name, entries)| described(&name, &entries, args.view.unwrap_or_default()))
        .into_object("metrics");
    answer.remarks.write(&mut out);
    Ok(Output::json(&out))
}

/// Whether it contains this text, whatever the case.
fn has(words: &str, part: Option<&str>) -> bool {
    part.is_none_or(|part| words.to_lowercase().contains(&part.to_lowercase()))
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

async fn by_target(service: &Prometheus, args: &Arguments) -> Result<Output> {
    let key = Key::new("metadata", args)?;
    let ask = Ask::get("targets/metadata").maybe("metric", args.metric.as_deref()).blame("metric");
    let answer: Answer<Vec<Value>> = match service.api.ask(ask).await {
        // Since 2.x an unknown metric is an empty list; before, it was not_found.
        Err(Error::NotFound(words)) if words.starts_with("not_found") => Answer::of(Vec::new()),
        other => other?,
    };
    let name = args.metric.as_deref();
    let wordy = |entry: &Value| {
        ["/metric", "/help"].iter().any(|place| has(text(entry, place), args.contains.as_deref()))
    };
    let data: Vec<Value> = answer.data.into_iter().filter(wordy).collect();
    let all = match args.view.unwrap_or_default() {
        View::Full => in_order(data),
        View::Summary => grouped(&data, name),
    };
    let page = Page::cut(all, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
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
