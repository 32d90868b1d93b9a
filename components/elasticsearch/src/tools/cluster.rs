//! `cluster`: the cluster as a whole, part by part.

mod nodes;

use bulkhead_sdk::list::View;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::rfc3339;
use bulkhead_sdk::value::{Fields, at, shortened, take, text};

use super::gather;
use crate::Elasticsearch;
use crate::shape::{flat, number, numeric, redacted, told};

const MOST_TASKS: usize = 50;
const LONGEST: usize = 300;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Cluster {
    /// Default health, info.
    #[schemars(length(max = 9))]
    include: Option<Vec<Part>>,
    /// Nodes by name or role: `data-*`, `master`.
    node: Option<String>,
    /// Tasks: `*search*`.
    actions: Option<String>,
    /// Detail.
    #[serde(default)]
    view: View,
    /// `["nodes.name","nodes.stats.jvm"]`.
    #[schemars(length(max = 50))]
    fields: Option<Fields>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Part {
    Health,
    Info,
    Nodes,
    HotThreads,
    Stats,
    Settings,
    PendingTasks,
    Tasks,
    Allocation,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Parts {
    health: Option<Value>,
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Info => "info",
            Self::Nodes => "nodes",
            Self::HotThreads => "hot_threads",
            Self::Stats => "stats",
            Self::Settings => "settings",
            Self::PendingTasks => "pending_tasks",
            Self::Tasks => "tasks",
            Self::Allocation => "allocation",
        }
    }
}

pub(crate) fn add(tools: Tools<Elasticsearch>) -> Tools<Elasticsearch> {
    tools.add(
        Tool::reads(
            "cluster",
            "Cluster",
            "Health, version, nodes (heap, CPU, load, disk), stats, settings, the master's queue, running tasks (longest first).",
            cluster,
        )
        .output::<Parts>(),
    )
}

async fn cluster(service: &Elasticsearch, args: Cluster, _: &Call) -> Result<Output> {
    let mut parts: Vec<Part> = Vec::new();
    for part in
        args.include.as_deref().filter(|parts| !parts.is_empty()).unwrap_or(&[Part::Health, Part::Info])
    {
        if !parts.contains(part) {
            parts.push(*part);
        }
    }
    for (argument, given, needs) in [
        ("actions", args.actions.is_some(), &[Part::Tasks][..]),
        ("node", args.node.is_some(), &[Part::Nodes, Part::HotThreads]),
    ] {
        if given && !needs.iter().any(|part| parts.contains(part)) {
            let why =
                format!("is for `{}`: add it to `include`", needs.first().map_or("", |part| part.word()));
            return Err(Error::invalid(argument, why));
        }
    }
    let answers = join_all(parts.iter().map(|part| fetch(service, *part, &args))).await;
    let told = gather(parts.iter().map(|part| part.word()).zip(answers).collect())?;
    let (failed, told) = (told.get("failed").cloned(), Value::Object(told));
    let fields = args.fields.unwrap_or_default();
    let mut out = fields.of(&told);
    if let Some(out) = out.as_object_mut() {
        out.extend(failed.map(|failed| ("failed".to_owned(), failed)));
        out.extend(fields.unknown(std::slice::from_ref(&told)));
    }
    Ok(Output::json(&out))
}

async fn fetch(service: &Elasticsearch, part: Part, args: &Cluster) -> Result<Value> {
    let (api, full, node) = (&service.api, args.view == View::Full, args.node.as_deref());
    match part {
        Part::Nodes => nodes::nodes(service, node, full).await,
        Part::HotThreads => nodes::hot_threads(service, node).await,
        Part::Health => api.get(&["_cluster", "health"]).object().await,
        Part::Info => api.get(&[]).object().await.map(|info| {
            if full {
                info
            } else {
                told(json!({
                    "cluster_name": at(&info, "/cluster_name"),
                    "version": at(&info, "/version/number"),
                    "flavor": at(&info, "/version/build_flavor"),
                    "node": at(&info, "/name"),
                }))
            }
        }),
        Part::Stats => {
            let stats = api.get(&["_cluster", "stats"]).object().await?;
            Ok(if full { stats } else { sums(&stats) })
        }
        Part::Settings => api.get(&["_cluster", "settings"]).object().await.map(|settings| {
            redacted(json!({
                "persistent": flat(at(&settings, "/persistent")),
                "transient": flat(at(&settings, "/transient")),
            }))
        }),
        Part::PendingTasks => api.get(&["_cluster", "pending_tasks"]).object().await.map(|mut tasks| {
            let tasks = take(&mut tasks, "tasks");
            let shown: Vec<&Value> = tasks.iter().take(MOST_TASKS).collect();
            json!({ "total": tasks.len(), "shown": shown.len(), "tasks": shown })
        }),
        Part::Tasks => {
            let mut ask = api.get(&["_tasks"]).with("detailed", true).with("group_by", "none");
            if let Some(actions) = &args.actions {
                ask = ask.with("actions", actions);
            }
            ask.blame("actions").object().await.map(|mut tasks| running(take(&mut tasks, "tasks"), full))
        }
        Part::Allocation => {
            let columns = "node,shards,disk.percent,disk.used,disk.avail,disk.total,disk.indices";
            let rows = api.get(&["_cat", "allocation"]).with("h", columns).with("bytes", "b").rows().await?;
            Ok(rows.iter().map(allocation).collect())
        }
    }
}

/// The sums that are looked at.
fn sums(stats: &Value) -> Value {
    let at = |path: &str| stats.pointer(path).cloned().unwrap_or_default();
    told(json!({
        "indices": at("/indices/count"),
        "shards": at("/indices/shards/total"),
        "primaries": at("/indices/shards/primaries"),
        "docs": at("/indices/docs/count"),
        "docs_deleted": at("/indices/docs/deleted"),
        "size_bytes": at("/indices/store/size_in_bytes"),
        "segments": at("/indices/segments/count"),
        "fielddata_bytes": at("/indices/fielddata/memory_size_in_bytes"),
        "nodes": at("/nodes/count/total"),
        "data_nodes": at("/nodes/count/data"),
        "versions": at("/nodes/versions"),
        "heap_used_bytes": at("/nodes/jvm/mem/heap_used_in_bytes"),
        "heap_max_bytes": at("/nodes/jvm/mem/heap_max_in_bytes"),
        "cpu_percent": at("/nodes/process/cpu/percent"),
        "disk_total_bytes": at("/nodes/fs/total_in_bytes"),
        "disk_available_bytes": at("/nodes/fs/available_in_bytes"),
    }))
}

/// The longest running first.
fn running(mut tasks: Vec<Value>, full: bool) -> Value {
    let nanos = |task: &Value| number(task, "running_time_in_nanos").unwrap_or_default();
    tasks.sort_by(|a, b| nanos(b).total_cmp(&nanos(a)));
    let line = |task: &Value| {
        told(json!({
            "task": format!("{}:{}", text(task, "/node"), task["id"]),
            "action": task["action"],
            "seconds": (nanos(task) / 1e6).round() / 1e3,
            "started": number(task, "start_time_in_millis").map(|millis| rfc3339(millis / 1000.0)),
            "cancellable": task["cancellable"],
            "parent": task["parent_task_id"],
            "what": shortened(text(task, "/description"), LONGEST),
            "opaque_id": at(task, "/headers/X-Opaque-Id"),
        }))
    };
    let shown: Vec<Value> =
        tasks.iter().take(MOST_TASKS).map(|task| if full { task.clone() } else { line(task) }).collect();
    json!({ "total": tasks.len(), "shown": shown.len(), "tasks": shown })
}

fn allocation(row: &Value) -> Value {
    told(json!({
        "node": row["node"],
        "shards": numeric(row, "shards"),
        "disk_percent": numeric(row, "disk.percent"),
        "disk_used_bytes": numeric(row, "disk.used"),
        "disk_available_bytes": numeric(row, "disk.avail"),
        "disk_total_bytes": numeric(row, "disk.total"),
        "indices_bytes": numeric(row, "disk.indices"),
    }))
}
