//! `test_connection`, `get_server_info`, `get_runtime_info` and the health check: who answers there.

use bulkhead_sdk::{join, prelude::*};
use serde_json::Map;

use super::{reads, text};
use crate::Prometheus;
use crate::api::{Answer, Api, Ask};
use crate::shape::{Data, Sample};

/// Characters of configuration shown unless asked otherwise; a large one has ten thousand lines.
const CONFIG_LENGTH: u32 = 20_000;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ServerInfo {
    /// Parts wanted. Default: `build` and `runtime`.
    include: Option<Vec<Part>>,
    /// Only flags whose name contains this text.
    flag: Option<String>,
    /// Most characters of the configuration to return. Default 20000.
    #[schemars(range(min = 1, max = 200000))]
    config_length: Option<u32>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Part {
    /// Version and how it was built.
    Build,
    /// Start time, retention, reloads, goroutines.
    Runtime,
    /// Command-line flags.
    Flags,
    /// The loaded configuration, as YAML; Prometheus hides its secrets.
    Config,
}

impl Part {
    const ALL: [Self; 4] = [Self::Build, Self::Runtime, Self::Flags, Self::Config];

    fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Runtime => "runtime",
            Self::Flags => "flags",
            Self::Config => "config",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Build => "status/buildinfo",
            Self::Runtime => "status/runtimeinfo",
            Self::Flags => "status/flags",
            Self::Config => "status/config",
        }
    }
}

/// Who answers, and what it scrapes.
#[derive(Debug, JsonSchema, Serialize)]
struct Connection {
    /// True; otherwise the call fails.
    connected: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Why there is no version.
    #[serde(skip_serializing_if = "Option::is_none")]
    version_unknown: Option<String>,
    targets: Counts,
}

/// Targets that were scraped.
#[derive(Debug, JsonSchema, Serialize)]
struct Counts {
    total: u64,
    up: u64,
}

pub(crate) fn add(tools: Tools<Prometheus>) -> Tools<Prometheus> {
    tools
        .add(
            reads(
                "test_connection",
                "Test connection",
                "Checks that the Prometheus server answers and can evaluate queries: version, and how \
                 many targets are up. Use it first when other tools fail.",
                test_connection,
            )
            .output::<Connection>(),
        )
        .add(reads(
            "get_server_info",
            "Server information",
            "About the Prometheus server: build and runtime facts, and on request (`include`) its \
             command-line flags and loaded configuration.",
            get_server_info,
        ))
        .add(reads(
            "get_runtime_info",
            "Runtime information",
            "Version, Go version, start time, retention, last configuration reload and goroutine \
             count of the server. get_server_info has flags and configuration too.",
            get_runtime_info,
        ))
}

/// One sentence for the operator. A server too old for `/status/buildinfo`, or a compatible one
/// without it, is well if it evaluates a query.
pub(crate) async fn health(api: &Api) -> Result<String, String> {
    match read(api, Part::Build).await {
        Ok(build) => Ok(format!("Prometheus {} answers", text(&build, "/version"))),
        Err(Error::NotFound(_)) => match number(api, "vector(1)").await {
            Ok(_) => Ok("Prometheus answers, but does not tell its version".to_owned()),
            Err(error) => Err(error.to_string()),
        },
        Err(error) => Err(error.to_string()),
    }
}

async fn test_connection(service: &Prometheus, _: NoArgs, _: &Call) -> Result<Output> {
    let api = &service.api;
    let (build, total, up) = join!(read(api, Part::Build), number(api, "count(up)"), number(api, "sum(up)"));
    // No targets is an empty answer, not an error.
    let targets = Counts { total: total?.unwrap_or(0.0) as u64, up: up?.unwrap_or(0.0) as u64 };
    let (version, version_unknown) = match build {
        Ok(build) => (Some(text(&build, "/version").to_owned()), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(Output::json(&Connection { connected: true, version, version_unknown, targets }))
}

async fn get_server_info(service: &Prometheus, args: ServerInfo, _: &Call) -> Result<Output> {
    let wanted = args.include.as_deref().unwrap_or(&[Part::Build, Part::Runtime]);
    let parts: Vec<Part> = Part::ALL.into_iter().filter(|part| wanted.contains(part)).collect();
    if parts.is_empty() {
        return Err(Error::invalid("include", "is empty: name build, runtime, flags or config"));
    }
    let mut out = gathered(&service.api, &parts).await?;
    if let (Some(part), Some(flags)) = (&args.flag, out.get_mut("flags").and_then(Value::as_object_mut)) {
        flags.retain(|name, _| name.contains(part.as_str()));
    }
    if let Some(config) = out.get_mut("config") {
        *config = cut_config(text(config, "/yaml"), args.config_length.unwrap_or(CONFIG_LENGTH) as usize);
    }
    Ok(Output::json(&out))
}

async fn get_runtime_info(service: &Prometheus, _: NoArgs, _: &Call) -> Result<Output> {
    Ok(Output::json(&gathered(&service.api, &[Part::Build, Part::Runtime]).await?))
}

/// The parts, asked for at the same time. One that fails is said to be missing; all of them failing
/// is an error.
async fn gathered(api: &Api, parts: &[Part]) -> Result<Map<String, Value>> {
    let answers = bulkhead_sdk::join_all(parts.iter().map(|part| read(api, *part))).await;
    let mut out = Map::new();
    let mut missing = Map::new();
    let mut last = None;
    for (part, answer) in parts.iter().zip(answers) {
        match answer {
            Ok(answer) => {
                out.insert(part.name().into(), answer);
            }
            Err(error) => {
                missing.insert(part.name().into(), error.to_string().into());
                last = Some(error);
            }
        }
    }
    match last {
        Some(error) if out.is_empty() => return Err(error),
        Some(_) => {
            out.insert("missing".into(), missing.into());
        }
        None => {}
    }
    Ok(out)
}

async fn read(api: &Api, part: Part) -> Result<Value> {
    Ok(api.ask::<Value>(Ask::get(part.path())).await?.data)
}

/// The one number a query gives; none if it gives nothing.
async fn number(api: &Api, query: &str) -> Result<Option<f64>> {
    let Answer { data, .. } = api.ask::<Data>(Ask::query("query").with("query", query)).await?;
    match data {
        Data::Vector(samples) => Ok(samples.first().and_then(Sample::number)),
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
