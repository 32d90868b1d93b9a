//! `stats`: what a query would read, before it is asked.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{When, Window};
use bulkhead_sdk::{join, value::take};
use serde_json::Map;

use super::{names, selector};
use crate::api::{Api, Ask};
use crate::{Loki, logql, shape};

const HOUR: f64 = 3600.0;
/// Volumes shown; the smaller ones are counted.
const MOST: usize = 50;

/// Read within seconds by any installation.
const CHEAP: u64 = 1 << 30;
/// More than most let one query read.
const DEAR: u64 = 100 << 30;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Stats {
    /// A query; its first selector counts.
    query: String,
    /// Labels to split bytes by, `["app"]`.
    #[schemars(length(max = 10))]
    by: Option<Vec<String>>,
    /// Default `-1h`.
    start: Option<When>,
    /// Default now.
    end: Option<When>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Answer {
    cost: String,
}

/// What the index says of a selector.
#[derive(Debug, Deserialize)]
pub(super) struct Index {
    pub(super) streams: u64,
    pub(super) entries: u64,
    #[serde(default)]
    chunks: u64,
    bytes: u64,
}

pub(super) fn tool() -> Tool<Loki> {
    Tool::reads(
        "stats",
        "Query cost",
        "How many streams, lines and bytes a query would read, and which labels have the most. Ask before a wide or long \
         query.",
        stats,
    )
    .output::<Answer>()
}

async fn stats(service: &Loki, args: Stats, call: &Call) -> Result<Output> {
    let window = Window::resolve(args.start, args.end, HOUR, call)?;
    let selector = selector(&args.query, "query")?;
    let (index, volumes) = join!(
        index(&service.api, selector, window),
        volumes(&service.api, selector, names(args.by.as_deref())?, window),
    );
    let index = index?;
    let mut out = match volumes {
        Ok(mut volumes) => {
            volumes.sort_by(|a, b| shape::height(b).total_cmp(&shape::height(a)));
            let all: f64 = volumes.iter().map(shape::height).sum();
            let shown: Vec<Value> = volumes.iter().take(MOST).map(|volume| share(volume, all)).collect();
            let all = [("volumes_total", volumes.len().into()), ("volumes", shown.into())];
            Map::from_iter(all.map(|(name, value)| (name.to_owned(), value)))
        }
        // Older and smaller installations do not keep it.
        Err(error) => Map::from_iter([("volumes_unknown".to_owned(), error.to_string().into())]),
    };
    out.extend([
        ("selector".to_owned(), selector.into()),
        ("window".to_owned(), window.told()),
        ("streams".to_owned(), index.streams.into()),
        ("chunks".to_owned(), index.chunks.into()),
        ("entries".to_owned(), index.entries.into()),
        ("bytes".to_owned(), index.bytes.into()),
        ("size".to_owned(), shape::size(index.bytes as f64).into()),
        ("cost".to_owned(), cost(index.bytes).into()),
    ]);
    if logql::has_several(&args.query) {
        out.insert("note".into(), "the query has further selectors, which are not counted".into());
    }
    Ok(Output::json(&out))
}

/// What the index says of a selector in a window.
pub(super) async fn index(api: &Api, selector: &str, window: Window) -> Result<Index> {
    let ask = Ask::get("/loki/api/v1/index/stats").with("query", selector);
    api.bare(ask.with("start", window.start).with("end", window.end)).await
}

async fn volumes(api: &Api, selector: &str, by: &[String], window: Window) -> Result<Vec<Value>> {
    let ask = Ask::get("/loki/api/v1/index/volume")
        .with("query", selector)
        .with("start", window.start)
        .with("end", window.end)
        .with("limit", 1000)
        .maybe("targetLabels", (!by.is_empty()).then(|| by.join(",")))
        .blame("by");
    let mut data: Value = api.data(ask).await?;
    Ok(take(&mut data, "result"))
}

fn share(volume: &Value, all: f64) -> Value {
    let bytes = shape::height(volume);
    let percent = if all > 0.0 { shape::tidy((bytes / all * 1000.0).round() / 10.0) } else { Value::Null };
    json!({ "labels": volume.get("metric"), "bytes": shape::tidy(bytes), "size": shape::size(bytes), "percent": percent })
}

fn cost(bytes: u64) -> &'static str {
    match bytes {
        0 => "nothing: no stream matches in this window",
        1..CHEAP => "cheap",
        CHEAP..DEAR => "moderate: narrow the selector or the window if it is slow",
        DEAR.. => "dear: likely refused or slow; narrow the selector or the window",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_costs_goes_by_bytes() {
        let word = |bytes| cost(bytes).split(':').next().unwrap();
        assert_eq!(
            [word(0), word(1), word(1 << 30), word(1 << 40)],
            ["nothing", "cheap", "moderate", "dear"]
        );
    }
}
