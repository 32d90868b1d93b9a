//! `targets`: what is scraped, and whether that works.

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use super::{counted, labels_but};
use crate::Prometheus;
use crate::api::{Answer, Ask, Remarks};
use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::value::{Fields, put, take, text};

const DEFAULT_LIMIT: usize = 50;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Arguments {
    /// Default: any.
    state: Option<State>,
    /// Its job_name.
    scrape_pool: Option<String>,
    view: Option<View>,
    /// Of `full`: `labels.zone`.
    #[schemars(length(max = 20))]
    fields: Option<Fields>,
    /// Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Up,
    Down,
    Unknown,
    Active,
    Dropped,
}

impl State {
    /// What Prometheus can leave out by itself: active targets are scraped, dropped ones were discovered and then
    /// relabelled away.
    fn asked(state: Option<Self>) -> &'static str {
        match state {
            None => "any",
            Some(Self::Dropped) => "dropped",
            Some(_) => "active",
        }
    }

    fn keeps(self, target: &Target) -> bool {
        match self {
            Self::Up => target.health() == "up",
            Self::Down => target.health() == "down",
            Self::Unknown => target.health() == "unknown",
            Self::Active => target.health() != "dropped",
            Self::Dropped => target.health() == "dropped",
        }
    }
}

/// A target as Prometheus has it; one that is dropped has no health of its own, so it is given that word.
struct Target(Value);

returns!(Answered { total: "integer", targets: "array" });

pub(super) fn tool() -> Tool<Prometheus> {
    Tool::reads("targets", "Targets", "Scrape targets, failing ones first, with last error.", targets)
        .output::<Answered>()
}

async fn targets(service: &Prometheus, args: Arguments, _: &Call) -> Result<Output> {
    let key = Key::new("targets", &args)?;
    let (mut targets, remarks) = fetch(service, args.state, args.scrape_pool.as_deref()).await?;
    targets.retain(|target| args.state.is_none_or(|state| state.keeps(target)));
    let counts = json!(counted(targets.iter().map(Target::health)));
    let page = Page::cut(targets, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let brief = |raw| detailed(&Target(raw));
    let mut out = page.map(|target| target.0).shown("targets", args.view, args.fields.as_ref(), brief);
    out.insert("by_health".into(), counts);
    remarks.write(&mut out);
    Ok(Output::json(&out))
}

/// The targets of that pool, those that are not up first. The pool is looked at here too: old servers do not know
/// the parameter.
async fn fetch(
    service: &Prometheus,
    state: Option<State>,
    pool: Option<&str>,
) -> Result<(Vec<Target>, Remarks)> {
    let ask = Ask::get("targets").with("state", State::asked(state)).maybe("scrapePool", pool).blame("state");
    let Answer { mut data, remarks } = service.api.ask::<Value>(ask).await?;
    let mut dropped = take(&mut data, "droppedTargets");
    dropped.iter_mut().for_each(|raw| put(raw, "health", "dropped"));
    let mut targets: Vec<Target> =
        take(&mut data, "activeTargets").into_iter().chain(dropped).map(Target).collect();
    if let Some(pool) = pool {
        targets.retain(|target| target.pool() == pool);
    }
    targets.sort_by(|a, b| a.order().cmp(&b.order()));
    Ok((targets, remarks))
}

impl Target {
    fn health(&self) -> &str {
        text(&self.0, "/health")
    }

    fn label(&self, name: &str) -> &str {
        let labels = if self.health() == "dropped" { "/discoveredLabels" } else { "/labels" };
        self.0.pointer(labels).and_then(|labels| labels.get(name)).and_then(Value::as_str).unwrap_or_default()
    }

    /// Dropped targets name their pool only since 2.53; the job before relabelling is the same by default.
    fn pool(&self) -> &str {
        match text(&self.0, "/scrapePool") {
            "" => text(&self.0, "/discoveredLabels/job"),
            pool => pool,
        }
    }

    fn instance(&self) -> &str {
        match self.label("instance") {
            "" => text(&self.0, "/discoveredLabels/__address__"),
            instance => instance,
        }
    }

    /// Trouble first, then by job and instance; those that share both by URL, because Prometheus has
    /// another order for every answer and pages need one.
    fn order(&self) -> (u8, &str, &str, &str) {
        let trouble = match self.health() {
            "down" => 0,
            "up" => 2,
            "dropped" => 3,
            _ => 1,
        };
        (trouble, self.label("job"), self.instance(), text(&self.0, "/scrapeUrl"))
    }
}

fn line(target: &Target) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("job".into(), target.label("job").into());
    out.insert("instance".into(), target.instance().into());
    out.insert("health".into(), target.health().into());
    out
}

fn detailed(target: &Target) -> Value {
    let mut out = line(target);
    for (name, field) in [("last_error", "/lastError"), ("last_scrape", "/lastScrape"), ("url", "/scrapeUrl")]
    {
        let value = text(&target.0, field);
        if !value.is_empty() {
            out.insert(name.into(), value.into());
        }
    }
    if let Some(seconds) = target.0.get("lastScrapeDuration") {
        out.insert("last_scrape_seconds".into(), seconds.clone());
    }
    let others = labels_but(&target.0, "labels", &["job", "instance"]);
    if !others.is_empty() {
        out.insert("labels".into(), others.into());
    }
    Value::Object(out)
}
