//! `query_range`: PromQL over time.

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use crate::api::{Answer, Ask};
use crate::range_plan::Plan;
use crate::shape::{Data, Series};
use crate::{Prometheus, series_shape};
use bulkhead_sdk::duration::{self, Span};
use bulkhead_sdk::list::View;
use bulkhead_sdk::time::{self, When};

const DEFAULT_POINTS: u32 = 60;
const DEFAULT_SERIES: usize = 20;

/// `view=full` shows every point of as many series as stay within this; more would not fit a result.
const MOST_POINTS_IN_ALL: usize = 20_000;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct QueryRange {
    /// PromQL.
    query: String,
    /// Default `-1h`.
    start: Option<When>,
    /// Default `now`.
    end: Option<When>,
    /// Best left out.
    step: Option<Span>,
    /// Default 60.
    #[schemars(range(min = 2, max = 11000))]
    max_points: Option<u32>,
    /// Default 20.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    view: Option<View>,
}

returns!(Answered { total: "integer", step: "string", series: "array" });

pub(super) fn tool() -> Tool<Prometheus> {
    Tool::reads(
        "query_range",
        "Range query",
        "PromQL over time: statistics and some points of each series.",
        query_range,
    )
    .output::<Answered>()
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
        .with("step", duration::param(plan.step));
    let Answer { data, remarks } = service.api.ask(ask).await?;
    let Data::Matrix(series) = data else {
        return Err(Error::failed("Prometheus answered a range query with something other than a matrix"));
    };
    let limit = args.limit.map_or(DEFAULT_SERIES, |limit| limit as usize).max(1);
    let mut out = shape(&series, plan, args.view.unwrap_or_default(), max_points as usize, limit);
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
