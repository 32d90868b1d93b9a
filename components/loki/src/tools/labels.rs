//! `labels`: what there is to select by. Names of labels, the values of one, or the streams themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bulkhead_sdk::list::{Key, Page, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{When, Window};
use bulkhead_sdk::try_join_all;

use super::selector;
use crate::Loki;
use crate::api::{Api, Ask};
use crate::logql::quoted;

/// Streams that ended are part of what there is to know of the last hours.
pub(crate) const DEFAULT_WINDOW: f64 = 6.0 * 3600.0;
const DEFAULT_LIMIT: usize = 200;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Labels {
    /// Its values instead of names.
    label: Option<String>,
    /// Streams instead, as selectors.
    #[serde(default)]
    streams: bool,
    /// Of streams like `["{app=\"x\"}"]`.
    #[schemars(length(max = 10))]
    r#match: Option<Vec<String>>,
    /// Text in them, in any case.
    contains: Option<String>,
    /// Default `-6h`.
    start: Option<When>,
    /// Default now.
    end: Option<When>,
    /// Default 200.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 5000))]
    limit: Option<u32>,
    /// From `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Answer {
    values: Vec<Value>,
}

type Stream = BTreeMap<String, String>;

pub(super) fn tool() -> Tool<Loki> {
    Tool::reads(
        "labels",
        "Labels",
        "Lists label names, values of one label, or streams with label cardinality, to write selectors with.",
        labels,
    )
    .cache(Duration::from_secs(60))
    .output::<Answer>()
}

async fn labels(service: &Loki, args: Labels, call: &Call) -> Result<Output> {
    if args.streams && args.label.is_some() {
        return Err(Error::invalid("streams", "gives streams, and `label` values: one of the two"));
    }
    let window = Window::resolve(args.start, args.end, DEFAULT_WINDOW, call)?;
    let selectors = args.r#match.as_deref().unwrap_or_default();
    let (mut found, streams) = if args.streams {
        let streams = streams(&service.api, selectors, window).await?;
        (streams.iter().map(written).collect(), streams)
    } else {
        (union(&service.api, args.label.as_deref(), selectors, window).await?, Vec::new())
    };
    found.sort();
    found.dedup();
    if let Some(contains) = &args.contains {
        let contains = contains.to_lowercase();
        found.retain(|name| name.to_lowercase().contains(&contains));
    }
    let wanted = Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), Key::new("labels", &args)?);
    let mut out = Page::cut(found, wanted)?.map(Value::from).into_object("values");
    if args.streams {
        out.insert("cardinality".into(), json!(cardinality(&streams)));
    }
    Ok(Output::json(&out))
}

/// Names or values of the streams of any of the selectors. Loki takes one of them at a time.
async fn union(api: &Api, label: Option<&str>, selectors: &[String], window: Window) -> Result<Vec<String>> {
    let selectors: Vec<&str> = selectors.iter().map(|text| selector(text, "match")).collect::<Result<_>>()?;
    if selectors.is_empty() {
        return fetch(api, label, None, window).await;
    }
    let asked = selectors.into_iter().map(|selector| fetch(api, label, Some(selector), window));
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}

/// Names of labels or values of one that begin as what was typed.
pub(crate) async fn suggest(
    service: &Loki,
    label: Option<&str>,
    typed: &Completing,
    call: &Call,
) -> Result<Completion> {
    let window = Window::resolve(None, None, DEFAULT_WINDOW, call)?;
    Ok(typed.matching(fetch(&service.api, label, None, window).await?))
}

/// The names of labels, or the values of one.
pub(crate) async fn fetch(
    api: &Api,
    label: Option<&str>,
    selector: Option<&str>,
    window: Window,
) -> Result<Vec<String>> {
    let ask = match label {
        None => Ask::get("/loki/api/v1/labels"),
        Some(label) => Ask::get("/loki/api/v1/label").below([label, "values"]),
    };
    let blame = if selector.is_some() { "match" } else { "label" };
    api.data(ask.blame(blame).with("start", window.start).with("end", window.end).maybe("query", selector))
        .await
}

async fn streams(api: &Api, selectors: &[String], window: Window) -> Result<Vec<Stream>> {
    let ask =
        Ask::get("/loki/api/v1/series").blame("match").with("start", window.start).with("end", window.end);
    api.data(selectors.iter().fold(ask, |ask, selector| ask.with("match[]", selector))).await
}

/// How many values each label has: the one that makes streams many stands out.
fn cardinality(streams: &[Stream]) -> BTreeMap<&str, usize> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in streams.iter().flatten() {
        values.entry(name).or_default().insert(value);
    }
    values.into_iter().map(|(name, values)| (name, values.len())).collect()
}

/// As LogQL has it, ready to be pasted.
fn written(stream: &Stream) -> String {
    let matchers: Vec<String> =
        stream.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    format!("{{{}}}", matchers.join(", "))
}
