//! `query`: lines, or numbers made of lines.
//!
//! Loki refuses to give lines of one instant, and has two endpoints for numbers. Which of the three ways is meant can be
//! seen from the query and from whether there is a `start`, so there is one tool.

use bulkhead_sdk::duration::{self, Span};
use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, When, Window};
use bulkhead_sdk::value::take;
use serde_json::Map;

use crate::api::{Api, Ask};
use crate::lines::{self, Direction, Lines};
use crate::{Loki, logql, shape};

const HOUR: f64 = 3600.0;
const DEFAULT_LIMIT: usize = 100;
/// Points of a range query, unless `step` says otherwise.
const POINTS: f64 = 60.0;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Query {
    /// LogQL: `{app="x"} |= "timeout"`, `rate({app="x"}[5m])`.
    query: String,
    /// Lines: default `-1h`. Numbers: without it, at `end` only.
    start: Option<When>,
    /// Default now.
    end: Option<When>,
    /// Between points, `1m`.
    #[serde(skip_serializing)]
    step: Option<Span>,
    /// Of lines. Default backward.
    direction: Option<Direction>,
    /// Default 100.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 4000))]
    limit: Option<u32>,
    /// `full`: each line or point.
    #[serde(default)]
    view: View,
    /// Default 300, `full` 2000.
    #[schemars(range(min = 20, max = 100_000))]
    line_length: Option<u32>,
    /// From `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Answer {
    kind: String,
    shown: i64,
}

pub(super) fn tool() -> Tool<Loki> {
    Tool::reads(
        "query",
        "Query logs",
        "Runs LogQL. Lines by stream, with count and samples, or `full` in time order. Numbers at one moment, or from \
         `start` on with min, max, avg, points.",
        query,
    )
    .output::<Answer>()
}

async fn query(service: &Loki, args: Query, call: &Call) -> Result<Output> {
    let out = if logql::gives_lines(&args.query) {
        give_lines(&service.api, &args, call).await?
    } else {
        give_numbers(&service.api, &args, call).await?
    };
    Ok(Output::json(&out))
}

async fn give_lines(api: &Api, args: &Query, call: &Call) -> Result<Map<String, Value>> {
    if args.step.is_some() {
        return Err(Error::invalid("step", "is for numbers, and this query gives lines: leave it out"));
    }
    let wanted = lines::Wanted {
        query: &args.query,
        window: Window::resolve(args.start, args.end, HOUR, call)?,
        direction: args.direction.unwrap_or_default(),
        limit: args.limit.map_or(DEFAULT_LIMIT, |limit| limit as usize),
        cursor: args.cursor.as_deref(),
        key: Key::new("query", args)?,
    };
    let Lines { window, streams, lines, next } = lines::read(api, wanted).await?;
    let longest = args.line_length.unwrap_or(if args.view == View::Full { 2000 } else { 300 }) as usize;
    let mut out = match args.view {
        View::Summary => shape::by_stream(streams, &lines, longest),
        View::Full => shape::merged(streams, &lines, longest),
    };
    out.insert("kind".into(), "lines".into());
    out.insert("window".into(), window.told());
    out.insert("shown".into(), lines.len().into());
    if lines.is_empty() && args.cursor.is_none() {
        out.insert("hint".into(), why_empty(api, &args.query, window).await.into());
    }
    if let Some(next) = next {
        out.insert("next_cursor".into(), next.into());
    }
    Ok(out)
}

/// Whether the selector matches nothing, or what follows it drops everything.
async fn why_empty(api: &Api, query: &str, window: Window) -> String {
    let selector = logql::selector(query).unwrap_or_default();
    match super::stats::index(api, selector, window).await {
        Ok(index) if index.streams == 0 => {
            format!("no stream matches {selector} in this window: see what there is with labels and series")
        }
        Ok(index) => format!(
            "{selector} matches {} streams with {} lines in this window; what follows it leaves none",
            index.streams, index.entries
        ),
        Err(error) => format!("no lines; how many the selector matches is unknown: {error}"),
    }
}

async fn give_numbers(api: &Api, args: &Query, call: &Call) -> Result<Map<String, Value>> {
    if args.direction.is_some() {
        return Err(Error::invalid("direction", "is for lines, and this query gives numbers: leave it out"));
    }
    if args.step.is_some() && args.start.is_none() {
        return Err(Error::invalid(
            "step",
            "needs `start`: without it the query is evaluated once, at `end`",
        ));
    }
    let window = Window::resolve(args.start, args.end, HOUR, call)?;
    let ask = match args.start {
        None => Ask::query("/loki/api/v1/query", &args.query).with("time", window.end),
        Some(_) => {
            let step = args.step.map_or_else(|| whole_step(window.seconds()), |Span(seconds)| seconds);
            Ask::query("/loki/api/v1/query_range", &args.query)
                .with("start", window.start)
                .with("end", window.end)
                .with("step", duration::param(step))
        }
    };
    let mut data: Value = api.data(ask).await?;
    let kind = data.get("resultType").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut series = match kind.as_str() {
        "vector" | "matrix" => take(&mut data, "result"),
        "scalar" => vec![json!({ "metric": {}, "value": data.get("result") })],
        _ => return Err(Error::failed(format!("Loki answered with `{kind}` where numbers were asked for"))),
    };
    series.sort_by_cached_key(|series| series.get("metric").map(Value::to_string));
    // The highest first, whatever order Loki has them in: pages need one.
    series.sort_by(|a, b| shape::height(b).total_cmp(&shape::height(a)));
    let wanted = Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), Key::new("query", args)?);
    let full = args.view == View::Full;
    let shaped =
        |series: Value| if kind == "matrix" { shape::course(&series, full) } else { shape::sample(&series) };
    let mut out = Page::cut(series, wanted)?.map(shaped).into_object("series");
    if args.start.is_some() {
        out.insert("window".into(), window.told());
    } else {
        out.insert("time".into(), time::nanos_rfc3339(window.end).into());
    }
    out.insert("kind".into(), kind.into());
    Ok(out)
}

/// Whole seconds, so that a window has about so many points.
fn whole_step(seconds: f64) -> f64 {
    (seconds / POINTS).ceil().max(1.0)
}
