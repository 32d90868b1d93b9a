//! `get_tsdb_stats`, `get_tsdb_status` and `get_wal_replay_status`: the database behind it.

use bulkhead_sdk::{join, prelude::*};
use serde_json::Map;

use super::{reads, take, text};
use crate::Prometheus;
use crate::api::{Answer, Ask};
use crate::time;

/// Rows of each cardinality table, as Prometheus has it.
const DEFAULT_ROWS: u32 = 10;

/// The cardinality tables: Prometheus's name and ours.
const TABLES: [(&str, &str); 4] = [
    ("seriesCountByMetricName", "series_by_metric"),
    ("labelValueCountByLabelName", "values_by_label"),
    ("memoryInBytesByLabelName", "memory_bytes_by_label"),
    ("seriesCountByLabelValuePair", "series_by_label_pair"),
];

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct TsdbStatus {
    /// Rows of each table. Default 10; servers before 2.45 have no more than 10.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
}

/// How far the replay is.
#[derive(Debug, JsonSchema, Serialize)]
struct WalReplay {
    segments: Segments,
    percent: i64,
    /// Whether there is nothing left to replay.
    done: bool,
    /// In the server's words, where it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

/// Segments of the log by number.
#[derive(Debug, JsonSchema, Serialize)]
struct Segments {
    min: i64,
    max: i64,
    current: i64,
}

pub(crate) fn add(tools: Tools<Prometheus>) -> Tools<Prometheus> {
    tools
        .add(reads(
            "get_tsdb_stats",
            "TSDB statistics",
            "Size of the database's head (recent data in memory): series, label pairs, chunks, oldest \
             and newest sample; and the retention. For what causes the size see get_tsdb_status.",
            get_tsdb_stats,
        ))
        .add(reads(
            "get_tsdb_status",
            "TSDB cardinality",
            "Cardinality tables of the database's head: metrics with the most series, labels with the \
             most values, memory by label, label pairs with the most series. Use it to find what \
             makes Prometheus big or slow.",
            get_tsdb_status,
        ))
        .add(
            reads(
                "get_wal_replay_status",
                "WAL replay",
                "Progress of the write-ahead log replay after a start. It answers while Prometheus is not \
                 yet ready for queries: use it when they fail as unavailable after a restart.",
                get_wal_replay_status,
            )
            .output::<WalReplay>(),
        )
}

async fn get_tsdb_stats(service: &Prometheus, _: NoArgs, _: &Call) -> Result<Output> {
    let (tsdb, runtime) = join!(
        service.api.ask::<Value>(Ask::get("status/tsdb")),
        service.api.ask::<Value>(Ask::get("status/runtimeinfo"))
    );
    let mut out = head(&tsdb?.data);
    if let Ok(Answer { data, .. }) = runtime {
        out.insert("retention".into(), text(&data, "/storageRetention").into());
        for (name, field) in [("corruptions", "corruptionCount"), ("started_at", "startTime")] {
            if let Some(value) = data.get(field) {
                out.insert(name.into(), value.clone());
            }
        }
    }
    Ok(Output::json(&out))
}

async fn get_tsdb_status(service: &Prometheus, args: TsdbStatus, _: &Call) -> Result<Output> {
    let limit = args.limit.unwrap_or(DEFAULT_ROWS).max(1);
    let ask = Ask::get("status/tsdb").with("limit", limit.to_string()).blame("limit");
    let Answer { mut data, remarks } = service.api.ask::<Value>(ask).await?;
    let mut out = Map::new();
    out.insert("head".into(), head(&data).into());
    for (theirs, ours) in TABLES {
        let mut rows = take(&mut data, theirs);
        rows.truncate(limit as usize);
        out.insert(ours.into(), rows.into());
    }
    remarks.write(&mut out);
    Ok(Output::json(&out))
}

async fn get_wal_replay_status(service: &Prometheus, _: NoArgs, _: &Call) -> Result<Output> {
    let Answer { data, .. } = service.api.ask::<Value>(Ask::get("status/walreplay")).await?;
    let field = |name: &str| data.get(name).and_then(Value::as_i64).unwrap_or(0);
    let (min, max, current) = (field("min"), field("max"), field("current"));
    let percent =
        if max > min { ((current - min) as f64 / (max - min) as f64 * 100.0).round() as i64 } else { 100 };
    Ok(Output::json(&WalReplay {
        segments: Segments { min, max, current },
        percent: percent.clamp(0, 100),
        done: current >= max,
        state: data.get("state").and_then(Value::as_str).map(str::to_owned),
    }))
}

/// Series, label pairs, chunks and the span of time of the head.
fn head(data: &Value) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, field) in [("series", "numSeries"), ("label_pairs", "numLabelPairs"), ("chunks", "chunkCount")]
    {
        if let Some(value) = data.pointer(&format!("/headStats/{field}")) {
            out.insert(name.into(), value.clone());
        }
    }
    for (name, field) in [("oldest_sample", "minTime"), ("newest_sample", "maxTime")] {
        let millis = data.pointer(&format!("/headStats/{field}")).and_then(Value::as_i64);
        // An empty head has the extremes of a 64-bit number here.
        if let Some(millis) = millis.filter(|millis| *millis != i64::MAX && *millis != i64::MIN) {
            out.insert(name.into(), time::rfc3339(millis as f64 / 1000.0).into());
        }
    }
    out
}
