//! What the metrics server measured.

use std::sync::Arc;

use double_kit::Request;
use serde_json::{Value, json};

use crate::clock;
use crate::cluster::{Metrics, State};
use crate::list::Chosen;
use crate::route::Target;
use crate::status::{Outcome, Status};
use crate::view::View;

/// Of a container nobody said otherwise of: thousandths of a core, and Ki.
const USUAL: (u64, u64) = (12, 49_152);

/// Of a node besides its pods.
const OVERHEAD: (u64, u64) = (180, 1_048_576);

/// Whether it answers.
pub fn served(state: &State) -> Outcome<()> {
    match state.metrics {
        Metrics::Served => Ok(()),
        Metrics::Down => Err(Status::unavailable()),
        Metrics::Absent => Err(Status::no_resource()),
    }
}

/// Answers for nodes or pods, one or all.
pub fn answer(state: &State, target: &Target, request: &Request) -> Outcome {
    served(state)?;
    let all: Vec<Arc<Value>> = match target.kind.plural {
        "nodes" => state.store.all("nodes").iter().map(|node| Arc::new(of_node(state, node))).collect(),
        _ if target.namespace.is_empty() => of_pods(state, &state.store.all("pods")),
        _ => of_pods(state, &state.store.within("pods", &target.namespace)),
    };
    let view = View::of(request)?;
    let Some(name) = &target.name else {
        let chosen = Chosen::of(target.kind, request)?;
        let all: Vec<_> = all.into_iter().filter(|one| chosen.has(one)).collect();
        return view.list(target.kind, &all, &json!({}), request, state.now);
    };
    let found = all.iter().find(|one| one["metadata"]["name"] == *name);
    let found = found.ok_or_else(|| missing(target, name))?;
    view.one(target.kind, found, request, state.now, 200)
}

/// It names pods with their namespaces, and what it has of them in the singular.
fn missing(target: &Target, name: &str) -> Status {
    let (what, name) = match target.kind.plural {
        "nodes" => ("nodemetrics", name.to_owned()),
        _ => ("podmetrics", format!("{}/{name}", target.namespace)),
    };
    let mut status = Status::not_found(target.kind, &name);
    status.message = format!("{what}.metrics.k8s.io {name:?} not found");
    status.details["kind"] = what.into();
    status
}

fn of_pods(state: &State, pods: &[Arc<Value>]) -> Vec<Arc<Value>> {
    let running = pods.iter().filter(|pod| pod["status"]["phase"] == "Running");
    running.filter_map(|pod| of_pod(state, pod)).map(Arc::new).collect()
}

/// A pod none of whose containers runs has not been measured.
fn of_pod(state: &State, pod: &Value) -> Option<Value> {
    let used: Vec<Value> = containers(state, pod)
        .into_iter()
        .map(|(name, used)| json!({ "name": name, "usage": quantities(used) }))
        .collect();
    let used = Some(used).filter(|used| !used.is_empty())?;
    let mut measured = measured(state, "PodMetrics", &pod["metadata"]);
    measured["containers"] = used.into();
    Some(measured)
}

fn of_node(state: &State, node: &Value) -> Value {
    let pods = state.store.all("pods");
    let here = pods.iter().filter(|pod| pod["spec"]["nodeName"] == node["metadata"]["name"]);
    let used = here.flat_map(|pod| containers(state, pod)).fold(OVERHEAD, |(cpu, memory), (_, used)| {
        let (milli, ki) = used;
        (cpu + milli, memory + ki)
    });
    let mut measured = measured(state, "NodeMetrics", &node["metadata"]);
    measured["usage"] = quantities(used);
    measured
}

fn measured(state: &State, kind: &str, meta: &Value) -> Value {
    let mut metadata = json!({ "name": meta["name"], "creationTimestamp": clock::rfc3339(state.now) });
    for field in ["namespace", "labels"] {
        if !meta[field].is_null() {
            metadata[field] = meta[field].clone();
        }
    }
    json!({
        "kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": metadata,
        "timestamp": clock::rfc3339(state.now - 20.0), "window": "15.3s",
    })
}

/// The running containers of a pod, and what each uses.
fn containers(state: &State, pod: &Value) -> Vec<(String, (u64, u64))> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (namespace, name) = (word(&pod["metadata"]["namespace"]), word(&pod["metadata"]["name"]));
    let statuses = pod["status"]["containerStatuses"].as_array();
    let running = statuses.into_iter().flatten().filter(|one| one["state"]["running"].is_object());
    running
        .map(|one| {
            let container = word(&one["name"]);
            let key = (namespace.clone(), name.clone(), container.clone());
            (container, state.usage.get(&key).copied().unwrap_or(USUAL))
        })
        .collect()
}

fn quantities((milli, ki): (u64, u64)) -> Value {
    json!({ "cpu": format!("{}n", milli * 1_000_000), "memory": format!("{ki}Ki") })
}
