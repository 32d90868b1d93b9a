//! `query`: PromQL at one moment.

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use super::reads;
use crate::api::{Answer, Ask};
use crate::duration::{self, Span};
use crate::shape::{self, Data, Sample, Series};
use crate::time::{self, When};
use crate::{Prometheus, series_shape};

/// Enough to compare; a model that wants more can say so or aggregate.
const DEFAULT_LIMIT: usize = 50;

/// Points shown for each series of a range selector such as `up[5m]`.
const MATRIX_POINTS: usize = 60;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Query {
    /// PromQL expression, for example `sum by (job) (rate(http_requests_total[5m]))`.
    query: String,
    /// Moment of evaluation: RFC 3339, unix seconds, or relative such as `-1h`. Default: now.
    time: Option<When>,
    /// Longest time Prometheus may spend, for example `10s`.
    timeout: Option<Span>,
    /// Most elements to return. Default 50.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// Order of a vector. Default: Prometheus's own if the query sorts (`sort`, `topk`, ...), else `highest`.
    order: Option<Order>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Order {
    /// Highest value first.
    Highest,
    /// Lowest value first.
    Lowest,
    /// By labels.
    Labels,
    /// As Prometheus answers.
    Server,
}

pub(crate) fn add(tools: Tools<Prometheus>) -> Tools<Prometheus> {
    tools.add(reads(
        "query",
        "Instant query",
        "Evaluates a PromQL expression at one moment: current values, totals, comparisons, \
         `topk`. Use query_range for a trend over time. Returns the elements of the vector with \
         labels and value, sorted, and says how many were left out; aggregate (`sum by`) or \
         filter rather than raising `limit`.",
        query,
    ))
}

async fn query(service: &Prometheus, args: Query, call: &Call) -> Result<Output> {
    let now = time::unix(call.now());
    let ask = Ask::query("query")
        .with("query", &args.query)
        .maybe("time", args.time.map(|when| time::param(when.resolve(now))))
        .maybe("timeout", args.timeout.map(|Span(seconds)| duration::param(seconds)));
    let Answer { data, remarks } = service.api.ask(ask).await?;
    let limit = args.limit.map_or(DEFAULT_LIMIT, |limit| limit as usize).max(1);
    let mut out = match data {
        Data::Vector(samples) => {
            vector(samples, args.order.unwrap_or_else(|| usual_order(&args.query)), limit)
        }
        Data::Matrix(series) => matrix(&series, limit),
        Data::Scalar(point) => {
            let (at, value) = point.number();
            single("scalar", at, shape::number(value))
        }
        Data::String((at, text)) => single("string", at, text.into()),
    };
    remarks.write(&mut out);
    Ok(Output::json(&out))
}

/// A query that sorts or ranks means its order; any other has none.
fn usual_order(query: &str) -> Order {
    let query = query.trim_start();
    if ["sort", "topk", "bottomk"].iter().any(|word| query.starts_with(word)) {
        Order::Server
    } else {
        Order::Highest
    }
}

fn vector(mut samples: Vec<Sample>, order: Order, limit: usize) -> Map<String, Value> {
    match order {
        Order::Highest => samples.sort_by(Sample::highest_first),
        Order::Lowest => samples.sort_by(Sample::lowest_first),
        Order::Labels => samples.sort_by(|a, b| a.metric.cmp(&b.metric)),
        Order::Server => {}
    }
    let mut out = counted("vector", samples.len(), limit);
    if let Some(at) = samples.iter().find_map(Sample::at) {
        out.insert("time".into(), time::rfc3339(at).into());
    }
    out.insert("result".into(), samples.iter().take(limit).map(Sample::shape).collect());
    out
}

fn matrix(series: &[Series], limit: usize) -> Map<String, Value> {
    let mut out = counted("matrix", series.len(), limit);
    if series.iter().any(|one| one.values.len() > MATRIX_POINTS) {
        out.insert("downsampled".into(), series_shape::HOW.into());
    }
    let shown = series.iter().take(limit).map(|one| series_shape::shape(one, Some(MATRIX_POINTS)));
    out.insert("result".into(), shown.collect());
    out
}

fn single(kind: &str, at: f64, value: Value) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("type".into(), kind.into());
    out.insert("time".into(), time::rfc3339(at).into());
    out.insert("value".into(), value);
    out
}

fn counted(kind: &str, total: usize, limit: usize) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("type".into(), kind.into());
    out.insert("total".into(), total.into());
    out.insert("shown".into(), total.min(limit).into());
    if total > limit {
        out.insert("left_out".into(), (total - limit).into());
    }
    out
}
