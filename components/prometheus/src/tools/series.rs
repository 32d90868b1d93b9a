//! `get_series`: which series exist.

use bulkhead_sdk::prelude::*;

use super::{View, labels, reads, wanted};
use crate::Prometheus;
use crate::api::{Answer, Ask};
use crate::page::{Key, Page};
use crate::selector::{self, Labels};
use crate::time::When;

const DEFAULT_LIMIT: usize = 100;

/// Servers since 2.54 stop here and say so in `warnings`; more would not fit the 8 MiB of a response.
const UPSTREAM_LIMIT: &str = "20000";

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct GetSeries {
    /// One or more series selectors, for example `up{job="node"}`.
    #[serde(rename = "match")]
    #[schemars(length(min = 1))]
    selectors: Vec<String>,
    /// Only series since then: RFC 3339, unix seconds, or relative such as `-1h`.
    start: Option<When>,
    /// Only series until then, same forms.
    end: Option<When>,
    /// `summary` writes each series as a selector, `full` as an object of labels.
    #[serde(default)]
    view: View,
    /// Most series to return. Default 100.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor` of the previous page, with the same other arguments.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

pub(crate) fn add(tools: Tools<Prometheus>) -> Tools<Prometheus> {
    tools.add(reads(
        "get_series",
        "Series",
        "Lists the series that match selectors, without values. Use it to see which label \
         combinations exist before writing a query, or where cardinality comes from.",
        get_series,
    ))
}

async fn get_series(service: &Prometheus, args: GetSeries, call: &Call) -> Result<Output> {
    if args.selectors.is_empty() {
        return Err(Error::invalid("match", "is empty: give at least one selector such as `up`"));
    }
    let key = Key::new("get_series", &args)?;
    let ask = labels::between(Ask::get("series"), args.start, args.end, call)
        .each("match[]", &args.selectors)
        .with("limit", UPSTREAM_LIMIT)
        .blame("match");
    let answer: Answer<Vec<Labels>> = service.api.ask(ask).await?;
    let mut all = answer.data;
    all.sort();
    let page = Page::cut(all, wanted(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page
        .map(|labels| match args.view {
            View::Summary => Value::from(selector::notation(&labels)),
            View::Full => labels.into_iter().map(|(name, value)| (name, Value::from(value))).collect(),
        })
        .into_object("series");
    answer.remarks.write(&mut out);
    Ok(Output::json(&out))
}
