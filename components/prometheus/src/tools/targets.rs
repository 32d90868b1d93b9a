//! `get_targets` and `targets_summary`: what is scraped, and whether that works.

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use super::{View, reads, take, text, wanted};
use crate::Prometheus;
use crate::api::{Answer, Ask, Remarks};
use crate::page::{Key, Page};

const DEFAULT_LIMIT: usize = 50;

/// A summary line is short, so more of them fit.
const SUMMARY_LIMIT: usize = 200;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct GetTargets {
    /// Active targets are scraped; dropped ones were discovered and then relabelled away. Default: any.
    #[serde(default)]
    state: State,
    /// Only active targets in this health.
    health: Option<Health>,
    /// Only targets of this scrape pool (`job_name` in the configuration).
    scrape_pool: Option<String>,
    /// `full` gives every field, with the labels before relabelling.
    #[serde(default)]
    view: View,
    /// Most targets to return. Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor` of the previous page, with the same other arguments.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct TargetsSummary {
    /// Active targets are scraped; dropped ones were discovered and then relabelled away. Default: any.
    #[serde(default)]
    state: State,
    /// Most targets to return. Default 200.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor` of the previous page, with the same other arguments.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Active,
    Dropped,
    #[default]
    Any,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Up,
    Down,
    Unknown,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Dropped => "dropped",
            Self::Any => "any",
        }
    }
}

impl Health {
    fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}

/// A target with the health it is sorted and counted by; `dropped` is one here.
struct Target {
    health: String,
    raw: Value,
}

pub(crate) fn add(tools: Tools<Prometheus>) -> Tools<Prometheus> {
    tools
        .add(reads(
            "targets_summary",
            "Targets, in short",
            "One short line for each scrape target (job, instance, health), those that are not up \
             first, with totals. Start here to see whether scraping works.",
            targets_summary,
        ))
        .add(reads(
            "get_targets",
            "Targets",
            "Scrape targets with URL, last scrape and last error; filter by health, state or scrape \
             pool. Use it to find out why a target is down; targets_summary is enough to see that it \
             is.",
            get_targets,
        ))
}

async fn get_targets(service: &Prometheus, args: GetTargets, _: &Call) -> Result<Output> {
    let key = Key::new("get_targets", &args)?;
    let (mut targets, remarks) = fetch(service, args.state, args.scrape_pool.as_deref()).await?;
    if let Some(health) = args.health {
        targets.retain(|target| target.health == health.word());
    }
    let counts = counts(&targets);
    let page = Page::cut(targets, wanted(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page
        .map(|target| match args.view {
            View::Summary => detailed(&target),
            View::Full => full(target),
        })
        .into_object("targets");
    out.insert("by_health".into(), counts);
    remarks.write(&mut out);
    Ok(Output::json(&out))
}

async fn targets_summary(service: &Prometheus, args: TargetsSummary, _: &Call) -> Result<Output> {
    let key = Key::new("targets_summary", &args)?;
    let (targets, remarks) = fetch(service, args.state, None).await?;
    let counts = counts(&targets);
    let page = Page::cut(targets, wanted(args.limit, SUMMARY_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page.map(|target| Value::Object(line(&target))).into_object("targets");
    out.insert("by_health".into(), counts);
    remarks.write(&mut out);
    Ok(Output::json(&out))
}

/// The targets of that state and pool, those that are not up first. Both filters are applied here too:
/// old servers know neither.
async fn fetch(service: &Prometheus, state: State, pool: Option<&str>) -> Result<(Vec<Target>, Remarks)> {
    let ask = Ask::get("targets").with("state", state.word()).maybe("scrapePool", pool).blame("state");
    let Answer { mut data, remarks } = service.api.ask::<Value>(ask).await?;
    let mut targets = Vec::new();
    if state != State::Dropped {
        targets.extend(
            take(&mut data, "activeTargets")
                .into_iter()
                .map(|raw| Target { health: text(&raw, "/health").to_owned(), raw }),
        );
    }
    if state != State::Active {
        targets.extend(
            take(&mut data, "droppedTargets").into_iter().map(|raw| Target { health: "dropped".into(), raw }),
        );
    }
    if let Some(pool) = pool {
        targets.retain(|target| target.pool() == pool);
    }
    targets.sort_by(|a, b| a.order().cmp(&b.order()));
    Ok((targets, remarks))
}

impl Target {
    fn label(&self, name: &str) -> &str {
        let labels = if self.health == "dropped" { "/discoveredLabels" } else { "/labels" };
        self.raw
            .pointer(labels)
            .and_then(|labels| labels.get(name))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Dropped targets name their pool only since 2.53; the job before relabelling is the same by default.
    fn pool(&self) -> &str {
        match text(&self.raw, "/scrapePool") {
            "" => text(&self.raw, "/discoveredLabels/job"),
            pool => pool,
        }
    }

    fn instance(&self) -> &str {
        match self.label("instance") {
            "" => text(&self.raw, "/discoveredLabels/__address__"),
            instance => instance,
        }
    }

    /// Trouble first, then by job and instance; those that share both by URL, because Prometheus has
    /// another order for every answer and pages need one.
    fn order(&self) -> (u8, &str, &str, &str) {
        let trouble = match self.health.as_str() {
            "down" => 0,
            "up" => 2,
            "dropped" => 3,
            _ => 1,
        };
        (trouble, self.label("job"), self.instance(), text(&self.raw, "/scrapeUrl"))
    }
}

fn counts(targets: &[Target]) -> Value {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for target in targets {
        *counts.entry(&target.health).or_default() += 1;
    }
    json!(counts)
}

fn line(target: &Target) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("job".into(), target.label("job").into());
    out.insert("instance".into(), target.instance().into());
    out.insert("health".into(), target.health.as_str().into());
    out
}

fn detailed(target: &Target) -> Value {
    let mut out = line(target);
    for (name, field) in [("last_error", "/lastError"), ("last_scrape", "/lastScrape"), ("url", "/scrapeUrl")]
    {
        let value = text(&target.raw, field);
        if !value.is_empty() {
            out.insert(name.into(), value.into());
        }
    }
    if let Some(seconds) = target.raw.get("lastScrapeDuration") {
        out.insert("last_scrape_seconds".into(), seconds.clone());
    }
    let labels = target.raw.get("labels").and_then(Value::as_object);
    let others: Map<String, Value> = labels
        .into_iter()
        .flatten()
        .filter(|(name, _)| !matches!(name.as_str(), "job" | "instance"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !others.is_empty() {
        out.insert("labels".into(), others.into());
    }
    Value::Object(out)
}

/// As Prometheus has it; a dropped target has no health of its own, so it is given that word.
fn full(target: Target) -> Value {
    let mut raw = target.raw;
    if let Some(object) = raw.as_object_mut() {
        object.insert("health".into(), target.health.into());
    }
    raw
}
