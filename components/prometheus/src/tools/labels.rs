//! `get_label_names` and `get_label_values`: what there is to select by.

use bulkhead_sdk::prelude::*;

use super::{reads, wanted};
use crate::api::{Answer, Ask};
use crate::page::{Key, Page};
use crate::time::{self, When};
use crate::{Prometheus, selector};

/// Names are short; this many still read at a glance.
const DEFAULT_LIMIT: usize = 200;

/// Servers since 2.54 stop here and say so in `warnings`; a model never reads that many.
const UPSTREAM_LIMIT: &str = "100000";

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct LabelNames {
    /// Only labels of series that match any of these selectors, for example `up{job="node"}`.
    #[serde(default, rename = "match")]
    selectors: Vec<String>,
    /// Only series since then: RFC 3339, unix seconds, or relative such as `-1h`.
    start: Option<When>,
    /// Only series until then, same forms.
    end: Option<When>,
    /// Most names to return. Default 200.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 5000))]
    limit: Option<u32>,
    /// `next_cursor` of the previous page, with the same other arguments.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct LabelValues {
    /// Label name, for example `job`; `__name__` lists metric names.
    label: String,
    /// Only values of series that match any of these selectors, for example `up{job="node"}`.
    #[serde(default, rename = "match")]
    selectors: Vec<String>,
    /// Only values that contain this text, whatever the case.
    contains: Option<String>,
    /// Only series since then: RFC 3339, unix seconds, or relative such as `-1h`.
    start: Option<When>,
    /// Only series until then, same forms.
    end: Option<When>,
    /// Most values to return. Default 200.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 5000))]
    limit: Option<u32>,
    /// `next_cursor` of the previous page, with the same other arguments.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

pub(crate) fn add(tools: Tools<Prometheus>) -> Tools<Prometheus> {
    tools
        .add(reads(
            "get_label_names",
            "Label names",
            "Lists label names, of all series or of those that match selectors. Use it to learn what \
             a metric can be filtered or grouped by.",
            get_label_names,
        ))
        .add(reads(
            "get_label_values",
            "Label values",
            "Lists the values of one label. With label `__name__` and `contains` it finds metrics by \
             name.",
            get_label_values,
        ))
}

async fn get_label_names(service: &Prometheus, args: LabelNames, call: &Call) -> Result<Output> {
    let key = Key::new("get_label_names", &args)?;
    let ask = between(Ask::get("labels"), args.start, args.end, call)
        .each("match[]", &args.selectors)
        .blame("match");
    let answer: Answer<Vec<String>> = service.api.ask(ask).await?;
    let page = Page::cut(answer.data, wanted(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page.map(Value::from).into_object("names");
    answer.remarks.write(&mut out);
    Ok(Output::json(&out))
}

async fn get_label_values(service: &Prometheus, args: LabelValues, call: &Call) -> Result<Output> {
    if args.label.is_empty() {
        return Err(Error::invalid("label", "is empty: give a label name such as `job`"));
    }
    let key = Key::new("get_label_values", &args)?;
    let ask = Ask::get(format!("label/{}/values", selector::path_segment(&args.label)));
    let ask = between(ask, args.start, args.end, call)
        .each("match[]", &args.selectors)
        .with("limit", UPSTREAM_LIMIT)
        .blame(if args.selectors.is_empty() { "label" } else { "match" });
    let answer: Answer<Vec<String>> = service.api.ask(ask).await?;
    let mut values = answer.data;
    if let Some(part) = &args.contains {
        let part = part.to_lowercase();
        values.retain(|value| value.to_lowercase().contains(&part));
    }
    let page = Page::cut(values, wanted(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page.map(Value::from).into_object("values");
    answer.remarks.write(&mut out);
    Ok(Output::json(&out))
}

/// Adds `start` and `end` where they are given.
pub(super) fn between(ask: Ask, start: Option<When>, end: Option<When>, call: &Call) -> Ask {
    let now = time::unix(call.now());
    let param = |when: When| time::param(when.resolve(now));
    ask.maybe("start", start.map(param)).maybe("end", end.map(param))
}
