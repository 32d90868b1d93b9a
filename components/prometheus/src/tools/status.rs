//! `status` and the health check: who answers there, how it is set up, and how its database is.

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use crate::Prometheus;
use crate::api::{Answer, Api, Ask};
use crate::shape::{Data, Sample};
use bulkhead_sdk::time;
use bulkhead_sdk::value::{take, text};

/// Characters of configuration shown; the resource has all of them.
const CONFIG_LENGTH: usize = 20_000;

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
pub(crate) struct Arguments {
    /// Default: the first three.
    #[schemars(length(max = 8))]
    include: Option<Vec<Part>>,
    /// Rows. Default 10.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
enum Part {
    Build,
    Runtime,
    Connection,
    Flags,
    Config,
    Tsdb,
    Cardinality,
    Wal,
}

/// What a part is made of; each is asked for once, whatever needs it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Source {
    Build,
    Runtime,
    Flags,
    Config,
    Tsdb,
    Wal,
    Targets,
    TargetsUp,
}

type Sources = BTreeMap<Source, Result<Value>>;

returns!(Answered { build: "object", connection: "object", tsdb: "object" });

pub(super) fn tool() -> Tool<Prometheus> {
    Tool::reads("status", "Status", "Whether it answers, its version, setup and database.", status)
        .output::<Answered>()
}

/// One sentence for the operator. A server too old for `/status/buildinfo`, or a compatible one
/// without it, is well if it evaluates a query.
pub(crate) async fn health(api: &Api) -> Result<String, String> {
    match Source::Build.read(api, DEFAULT_ROWS).await {
        Ok(build) => Ok(format!("Prometheus {} answers", text(&build, "/version"))),
        Err(Error::NotFound(_)) => match number(api, "vector(1)").await {
            Ok(_) => Ok("Prometheus answers, but does not tell its version".to_owned()),
            Err(error) => Err(error.to_string()),
        },
        Err(error) => Err(error.to_string()),
    }
}

async fn status(service: &Prometheus, args: Arguments, _: &Call) -> Result<Output> {
    let mut parts = args.include.unwrap_or_else(|| vec![Part::Build, Part::Runtime, Part::Connection]);
    parts.sort_unstable();
    parts.dedup();
    if parts.is_empty() {
        return Err(Error::invalid("include", "is empty: name at least one part, such as build"));
    }
    let rows = args.limit.unwrap_or(DEFAULT_ROWS).max(1);
    let mut wanted: Vec<Source> = parts.iter().flat_map(|part| part.sources()).copied().collect();
    wanted.sort_unstable();
    wanted.dedup();
    let answers = join_all(wanted.iter().map(|source| source.read(&service.api, rows))).await;
    let sources: Sources = wanted.into_iter().zip(answers).collect();

    // A part that fails is said to be missing; all of them failing is an error.
    let (mut out, mut missing, mut last) = (Map::new(), Map::new(), None);
    for part in parts {
        let name = json!(part).as_str().unwrap_or_default().to_owned();
        match part.shape(&sources, rows as usize) {
            Ok(shaped) => {
                out.insert(name, shaped);
            }
            Err(error) => {
                missing.insert(name, error.to_string().into());
                last = Some(error);
            }
        }
    }
    if let (Some(error), true) = (last, out.is_empty()) {
        return Err(error);
    }
    if !missing.is_empty() {
        out.insert("missing".into(), missing.into());
    }
    Ok(Output::json(&out))
}

impl Part {
    fn sources(self) -> &'static [Source] {
        match self {
            Self::Build => &[Source::Build],
            Self::Runtime => &[Source::Runtime],
            Self::Connection => &[Source::Targets, Source::TargetsUp],
            Self::Flags => &[Source::Flags],
            Self::Config => &[Source::Config],
            Self::Tsdb => &[Source::Tsdb, Source::Runtime],
            Self::Cardinality => &[Source::Tsdb],
            Self::Wal => &[Source::Wal],
        }
    }

    fn shape(self, sources: &Sources, rows: usize) -> Result<Value> {
        let read = |source: Source| match sources.get(&source) {
            Some(answer) => answer.clone(),
            None => Err(Error::failed("it was not asked for")),
        };
        Ok(match self {
            Self::Build => read(Source::Build)?,
            Self::Runtime => read(Source::Runtime)?,
            Self::Flags => read(Source::Flags)?,
            // No targets is an empty answer, not an error.
            Self::Connection => json!({
                "connected": true,
                "targets": { "total": read(Source::Targets)?, "up": read(Source::TargetsUp)? },
            }),
            Self::Config => cut_config(text(&read(Source::Config)?, "/yaml"), CONFIG_LENGTH),
            Self::Tsdb => {
                let mut out = head(&read(Source::Tsdb)?);
                if let Ok(runtime) = read(Source::Runtime) {
                    for (name, field) in [
                        ("retention", "storageRetention"),
                        ("corruptions", "corruptionCount"),
                        ("started_at", "startTime"),
                    ] {
                        if let Some(value) = runtime.get(field) {
                            out.insert(name.into(), value.clone());
                        }
                    }
                }
                out.into()
            }
            Self::Cardinality => {
                let mut data = read(Source::Tsdb)?;
                let table = |(theirs, ours): (&str, &str)| {
                    let mut table = take(&mut data, theirs);
                    table.truncate(rows);
                    (ours.to_owned(), Value::from(table))
                };
                Value::Object(TABLES.into_iter().map(table).collect())
            }
            Self::Wal => replay(&read(Source::Wal)?),
        })
    }
}

impl Source {
    async fn read(self, api: &Api, rows: u32) -> Result<Value> {
        let ask = match self {
            Self::Build => Ask::get("status/buildinfo"),
            Self::Runtime => Ask::get("status/runtimeinfo"),
            Self::Flags => Ask::get("status/flags"),
            Self::Config => Ask::get("status/config"),
            Self::Tsdb => Ask::get("status/tsdb").with("limit", rows.to_string()).blame("limit"),
            Self::Wal => Ask::get("status/walreplay"),
            Self::Targets => return number(api, "count(up)").await,
            Self::TargetsUp => return number(api, "sum(up)").await,
        };
        // Each of them is an object; what else answers there is no Prometheus.
        Ok(api.ask::<Map<String, Value>>(ask).await?.data.into())
    }
}

/// The one number a query gives; 0 if it gives nothing.
async fn number(api: &Api, query: &str) -> Result<Value> {
    let Answer { data, .. } = api.ask::<Data>(Ask::query("query").with("query", query)).await?;
    match data {
        Data::Vector(samples) => {
            Ok((samples.first().and_then(Sample::number).unwrap_or_default() as u64).into())
        }
        _ => Err(Error::failed(format!("`{query}` did not give a vector"))),
    }
}

fn cut_config(yaml: &str, most: usize) -> Value {
    let shown = match yaml.char_indices().nth(most) {
        Some((at, _)) => yaml.get(..at).unwrap_or_default(),
        None => yaml,
    };
    let mut out = json!({ "yaml": shown });
    if let (true, Some(object)) = (shown.len() < yaml.len(), out.as_object_mut()) {
        object.insert("left_out_characters".into(), yaml.chars().skip(most).count().into());
    }
    out
}

/// How far the replay of the write-ahead log is.
pub(crate) fn replay(data: &Value) -> Value {
    let field = |name: &str| data.get(name).and_then(Value::as_i64).unwrap_or(0);
    let (min, max, current) = (field("min"), field("max"), field("current"));
    let percent =
        if max > min { ((current - min) as f64 / (max - min) as f64 * 100.0).round() as i64 } else { 100 };
    let mut out = json!({
        "segments": { "min": min, "max": max, "current": current },
        "percent": percent.clamp(0, 100), "done": current >= max,
    });
    if let (Some(state), Some(object)) = (data.get("state"), out.as_object_mut()) {
        object.insert("state".into(), state.clone());
    }
    out
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
