//! `query`: PromQL at one moment.

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use crate::api::{Answer, Ask};
use crate::shape::{self, Data, Sample, Series};
use crate::{Prometheus, series_shape};
use bulkhead_sdk::time::{self, When};

/// Enough to compare; a model that wants more can say so or aggregate.
const DEFAULT_LIMIT: usize = 50;

/// Points shown for each series of a range selector such as `up[5m]`.
const MATRIX_POINTS: usize = 60;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Query {
    /// `sum by (job) (rate(x[5m]))`.
    query: String,
    /// `-1h` or a time.
    time: Option<When>,
    /// Default 50.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

returns!(Answered { total: "integer", result: "array" });

pub(super) fn tool() -> Tool<Prometheus> {
    Tool::reads("query", "Query", "PromQL at one moment; highest values first.", query).output::<Answered>()
}

async fn query(service: &Prometheus, args: Query, call: &Call) -> Result<Output> {
    let now = time::unix(call.now());
    let ask = Ask::query("query")
        .with("query", &args.query)
        .maybe("time", args.time.map(|when| time::param(when.resolve(now))));
    let Answer { data, remarks } = service.api.ask(ask).await?;
    let limit = args.limit.map_or(DEFAULT_LIMIT, |limit| limit as usize).max(1);
    let mut out = match data {
        Data::Vector(samples) => vector(samples, sorts(&args.query), limit),
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
fn sorts(query: &str) -> bool {
    ["sort", "topk", "bottomk"].iter().any(|word| query.trim_start().starts_with(word))
}

fn vector(mut samples: Vec<Sample>, sorted: bool, limit: usize) -> Map<String, Value> {
    if !sorted {
        samples.sort_by(Sample::highest_first);
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
