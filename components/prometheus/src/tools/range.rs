//! `query_range`: PromQL over time.

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use super::{View, reads};
use crate::api::{Answer, Ask};
use crate::duration::{self, Span};
use crate::range_plan::Plan;
use crate::shape::{Data, Series};
use crate::time::{self, When};
use crate::{Prometheus, series_shape};

const DEFAULT_POINTS: u32 = 60;
const DEFAULT_SERIES: usize = 20;

/// `view=full` shows every point of as many series as stay within this; more would not fit a result.
const MOST_POINTS_IN_ALL: usize = 20_000;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct QueryRange {
    /// PromQL expression, for example `sum by (job) (rate(http_requests_total[5m]))`.
    query: String,
    /// First moment: RFC 3339, unix seconds, or relative such as `-6h`. Default: one hour before `end`.
    start: Option<When>,
    /// Last moment, same forms. Default: now.
    end: Option<When>,
    /// Resolution: `15s`, `5m`, or seconds. Default: chosen so that there are at most `max_points`.
    step: Option<Span>,
    /// Most points shown for each series. Default 60.
    #[schemars(range(min = 2, max = 11000))]
    max_points: Option<u32>,
    /// Most series to return. Default 20.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `full` shows every point of the chosen step instead of at most `max_points`.
    #[serde(default)]
    view: View,
    /// Longest time Prometheus may spend, for example `10s`.
    timeout: Option<Span>,
}

pub(crate) fn add(tools: Tools<Prometheus>) -> Tools<Prometheus> {
    tools.add(reads(
        "query_range",
        "Range query",
        "Evaluates a PromQL expression over a range of time: trends, spikes, before-and-after. \
         Use query for a single moment. Returns for each series count, min, max, avg, first and \
         last of every point, and a bounded number of `[unix seconds, value]` points. Leave \
         `step` out unless a certain resolution matters.",
        query_range,
    ))
}

async fn query_range(service: &Prometheus, args: QueryRange, call: &Call) -> Result<Output> {
    let max_points = args.max_points.unwrap_or(DEFAULT_POINTS).max(2);
    // Whole seconds: the milliseconds of the call would only lengthen every point.
    let now = time::unix(call.now()).floor();
    let plan = Plan::new(args.start, args.end, args.step, max_points, now)?;
    let ask = Ask::query("query_range")
        .with("query", args.query)
        .with("start", time::param(plan.start))
        .with("end", time::param(plan.end))
        .with("step", duration::param(plan.step))
        .maybe("timeout", args.timeout.map(|Span(seconds)| duration::param(seconds)));
    let Answer { data, remarks } = service.api.ask(ask).await?;
    let Data::Matrix(series) = data else {
        return Err(Error::failed("Prometheus answered a range query with something other than a matrix"));
    };
    let limit = args.limit.map_or(DEFAULT_SERIES, |limit| limit as usize).max(1);
    let mut out = shape(&series, plan, args.view, max_points as usize, limit);
    remarks.write(&mut out);
    Ok(Output::json(&out))
}

fn shape(series: &[Series], plan: Plan, view: View, max_points: usize, limit: usize) -> Map<String, Value> {
    let most = match view {
        View::Summary => Some(max_points),
        View::Full => None,
    };
    let longest = series.iter().map(|one| one.values.len()).max().unwrap_or(0);
    let affordable = (MOST_POINTS_IN_ALL / most.map_or(longest, |most| most.min(longest)).max(1)).max(1);
    let shown = series.len().min(limit).min(affordable);

    let mut out = Map::new();
    out.insert("start".into(), time::rfc3339(plan.start).into());
    out.insert("end".into(), time::rfc3339(plan.end).into());
    out.insert("step".into(), duration::words(plan.step).into());
    out.insert("total".into(), series.len().into());
    out.insert("shown".into(), shown.into());
    if shown < series.len() {
        out.insert("left_out".into(), (series.len() - shown).into());
        out.insert("note".into(), left_out_note(affordable < limit).into());
    }
    if most.is_some_and(|most| longest > most) {
        out.insert("downsampled".into(), series_shape::HOW.into());
    }
    out.insert(
        "series".into(),
        series.iter().take(shown).map(|one| series_shape::shape(one, most)).collect(),
    );
    out
}

fn left_out_note(too_many_points: bool) -> &'static str {
    if too_many_points {
        "series were left out because there are too many points: use a larger step, fewer max_points, or aggregate"
    } else {
        "series were left out: aggregate (sum by, topk), filter, or raise limit"
    }
}
