//! `labels`: what there is to select by: the names of labels, the values of one, or whole series.

use bulkhead_sdk::prelude::*;

use crate::Prometheus;
use crate::api::{Answer, Ask};
use crate::selector::{self, Labels};
use bulkhead_sdk::list::{Key, Page, Wanted};
use bulkhead_sdk::time::{self, When};

/// Names are short; this many still read at a glance.
const DEFAULT_LIMIT: usize = 200;

/// Servers since 2.54 stop here and say so in `warnings`; a model never reads that many, and more series would not fit
/// the 8 MiB of a response.
const MOST_VALUES: &str = "100000";
const MOST_SERIES: &str = "20000";

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Arguments {
    /// For its values; `__name__`: metrics.
    label: Option<String>,
    /// Selectors: `up{job="node"}`.
    #[serde(rename = "match")]
    #[schemars(length(max = 20))]
    selectors: Option<Vec<String>>,
    /// Lists series instead.
    series: Option<bool>,
    /// Part of each.
    contains: Option<String>,
    /// Since `-1h`.
    start: Option<When>,
    /// Until.
    end: Option<When>,
    /// Default 200.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 5000))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

returns!(Answered { total: "integer", names: "array", values: "array", series: "array" });

pub(super) fn tool() -> Tool<Prometheus> {
    Tool::reads("labels", "Labels", "Label names, values of one label, or series.", labels)
        .output::<Answered>()
}

async fn labels(service: &Prometheus, args: Arguments, call: &Call) -> Result<Output> {
    let key = Key::new("labels", &args)?;
    let selectors = args.selectors.as_deref().unwrap_or_default();
    let between = |ask: Ask| {
        let now = time::unix(call.now());
        let param = |when: When| time::param(when.resolve(now));
        ask.maybe("start", args.start.map(param)).maybe("end", args.end.map(param)).each("match[]", selectors)
    };
    let (name, answer): (&str, Answer<Vec<String>>) = match (&args.label, args.series) {
        (Some(_), Some(true)) => {
            return Err(Error::invalid("series", "and `label` ask for different lists: give one of them"));
        }
        (_, Some(true)) if selectors.is_empty() => {
            return Err(Error::invalid("match", "is empty: give at least one selector such as `up`"));
        }
        (_, Some(true)) => {
            let ask = between(Ask::get("series")).with("limit", MOST_SERIES).blame("match");
            let Answer { mut data, remarks } = service.api.ask::<Vec<Labels>>(ask).await?;
            data.sort();
            ("series", Answer { data: data.iter().map(selector::notation).collect(), remarks })
        }
        (Some(label), _) if label.is_empty() => {
            return Err(Error::invalid("label", "is empty: give a label name such as `job`"));
        }
        (Some(label), _) => {
            let ask = Ask::get(format!("label/{}/values", selector::path_segment(label)));
            let blame = if selectors.is_empty() { "label" } else { "match" };
            ("values", service.api.ask(between(ask).with("limit", MOST_VALUES).blame(blame)).await?)
        }
        (None, _) => ("names", service.api.ask(between(Ask::get("labels")).blame("match")).await?),
    };
    let Answer { data: mut found, remarks } = answer;
    if let Some(part) = &args.contains {
        let part = part.to_lowercase();
        found.retain(|one| one.to_lowercase().contains(&part));
    }
    let page = Page::cut(found, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page.map(Value::from).into_object(name);
    remarks.write(&mut out);
    Ok(Output::json(&out))
}
