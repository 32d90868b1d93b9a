//! `top`: what nodes and pods use, beside what they ask for, may use, and have.

use std::collections::BTreeMap;

use bulkhead_sdk::error::tolerated;
use bulkhead_sdk::join;
use bulkhead_sdk::list::{Key, Page, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use crate::Kubernetes;
use crate::api::{All, Api, Select};
use crate::kind::{Kind, known};
use crate::object::{name, namespace};
use crate::quantity;

const DEFAULT_LIMIT: usize = 50;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Top {
    /// Of what.
    kind: Of,
    /// Only this one.
    name: Option<String>,
    /// As in `list`.
    namespace: Option<String>,
    /// As in `list`.
    labels: Option<String>,
    /// Default cpu.
    sort: Option<Sort>,
    /// Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Of {
    Nodes,
    Pods,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Sort {
    #[default]
    Cpu,
    Memory,
}

returns!(Listed { items: "array" });

/// Cores and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Amount {
    pub(crate) cpu: f64,
    pub(crate) memory: f64,
}

/// What something uses, and what that is measured by.
struct Usage {
    name: String,
    namespace: String,
    used: Amount,
    requests: Amount,
    limits: Amount,
    /// Of a node.
    allocatable: Option<Amount>,
}

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::reads("top", "Usage", "CPU and memory used, beside requests, limits and what nodes have.", top)
            .output::<Listed>(),
    )
}

async fn top(service: &Kubernetes, args: Top, _: &Call) -> Result<Output> {
    let key = Key::new("top", &args)?;
    let mut missing = Vec::new();
    let mut all = match args.kind {
        Of::Nodes => nodes(&service.api, &args, &mut missing).await?,
        Of::Pods => pods(&service.api, &args, &mut missing).await?,
    };
    all.sort_by(|a, b| {
        let (a_used, b_used) = match args.sort.unwrap_or_default() {
            Sort::Cpu => (a.used.cpu, b.used.cpu),
            Sort::Memory => (a.used.memory, b.used.memory),
        };
        b_used.total_cmp(&a_used).then_with(|| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)))
    });
    let page = Page::cut(all, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page.map(|usage| row(&usage)).into_object("items");
    if !missing.is_empty() {
        out.insert("not_read".into(), missing.into());
    }
    Ok(Output::json(&out))
}

/// A kind of the metrics API.
fn metrics(plural: &'static str, namespaced: bool) -> Kind {
    Kind::new("metrics.k8s.io", "v1beta1", "Metrics", plural, namespaced)
}

/// What the metrics API knows: of one, or of all that are meant.
async fn used(api: &Api, kind: Kind, namespace: Option<&str>, args: &Top) -> Result<Vec<Value>> {
    let answer = match &args.name {
        Some(name) => api.get(kind.at(namespace).named(name)).await.map(|one| vec![one]),
        None => api.plain(kind.at(namespace), args.labels.as_deref()).await,
    };
    answer.map_err(|error| match error {
        Error::NotFound(message) if args.name.is_none() => Error::not_found(format!(
            "{message}. Usage comes from the metrics API: metrics-server, or another that serves metrics.k8s.io, has to be installed"
        )),
        Error::NotFound(message) => {
            Error::not_found(format!("{message}. A pod has usage about a minute after its start"))
        }
        other => other,
    })
}

/// What is meant by name, where there are labels and names.
fn select(args: &Top) -> Select {
    Select {
        labels: args.labels.clone(),
        fields: args.name.as_ref().map(|name| format!("metadata.name={name}")),
    }
}

async fn nodes(api: &Api, args: &Top, missing: &mut Vec<String>) -> Result<Vec<Usage>> {
    let running = "status.phase!=Succeeded,status.phase!=Failed";
    let on = Select::fields(match &args.name {
        Some(name) => format!("spec.nodeName={name},{running}"),
        None => running.to_owned(),
    });
    let (these, asked) = (select(args), |pod: Value| {
        Some((text(&pod, "/spec/nodeName").to_owned(), of_pod(&pod, "requests"), of_pod(&pod, "limits")))
    });
    let (used, nodes, pods) = join!(
        used(api, metrics("nodes", false), None, args),
        api.sift(known("Node").at(None), &these, |node| {
            Some((name(&node).to_owned(), amount(&node, "/status/allocatable")))
        }),
        api.sift(known("Pod").at(None), &on, asked),
    );
    let used = used?;
    let room: BTreeMap<String, Amount> =
        items("nodes (for what is allocatable)", nodes, missing).into_iter().collect();
    let mut asked: BTreeMap<String, (Amount, Amount)> = BTreeMap::new();
    for (node, requests, limits) in items("pods (for requests and limits)", pods, missing) {
        let sums = asked.entry(node).or_default();
        sums.0.add(requests);
        sums.1.add(limits);
    }
    let usage = |metrics: &Value| {
        let (requests, limits) = asked.get(name(metrics)).copied().unwrap_or_default();
        Usage {
            name: name(metrics).to_owned(),
            namespace: String::new(),
            used: amount(metrics, "/usage"),
            requests,
            limits,
            allocatable: room.get(name(metrics)).copied(),
        }
    };
    Ok(used.iter().map(usage).collect())
}

async fn pods(api: &Api, args: &Top, missing: &mut Vec<String>) -> Result<Vec<Usage>> {
    let scope = match args.name {
        Some(_) => Some(api.one(args.namespace.as_deref())?),
        None => api.scope(args.namespace.as_deref()),
    };
    let (these, asked) = (select(args), |pod: Value| {
        // With a container that has none, the pod has none.
        let limits = if limited(&pod) { of_pod(&pod, "limits") } else { Amount::default() };
        Some(((namespace(&pod).to_owned(), name(&pod).to_owned()), (of_pod(&pod, "requests"), limits)))
    });
    let (used, pods) =
        join!(used(api, metrics("pods", true), scope, args), api.sift(known("Pod").at(scope), &these, asked));
    let used = used?;
    let asked: BTreeMap<(String, String), (Amount, Amount)> =
        items("pods (for requests and limits)", pods, missing).into_iter().collect();
    let usage = |metrics: &Value| {
        let of = (namespace(metrics).to_owned(), name(metrics).to_owned());
        let (requests, limits) = asked.get(&of).copied().unwrap_or_default();
        let mut used = Amount::default();
        list(metrics, "/containers").iter().for_each(|container| used.add(amount(container, "/usage")));
        Usage { namespace: of.0, name: of.1, used, requests, limits, allocatable: None }
    };
    Ok(used.iter().map(usage).collect())
}

fn items<T>(what: &str, answer: Result<All<T>>, missing: &mut Vec<String>) -> Vec<T> {
    let Some(all) = tolerated(what, answer.map(Some), missing) else { return Vec::new() };
    if all.cut {
        missing.push(format!("{what}: there are more than one call reads, so the sums are too low"));
    }
    all.items
}

impl Amount {
    pub(crate) fn add(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.memory += other.memory;
    }
}

pub(crate) fn amount(object: &Value, pointer: &str) -> Amount {
    let of = |name: &str| quantity::parse(text(object, &format!("{pointer}/{name}"))).unwrap_or_default();
    Amount { cpu: of("cpu"), memory: of("memory") }
}

/// What the containers of a pod ask for together, or may use. Init containers are over before these start.
pub(crate) fn of_pod(pod: &Value, what: &str) -> Amount {
    let mut sum = Amount::default();
    for container in list(pod, "/spec/containers") {
        sum.add(amount(container, &format!("/resources/{what}")));
    }
    sum
}

fn limited(pod: &Value) -> bool {
    list(pod, "/spec/containers")
        .iter()
        .all(|container| container.pointer("/resources/limits/memory").is_some())
}

fn row(usage: &Usage) -> Value {
    let part = |of: fn(&Amount) -> f64, worded: fn(f64) -> String| {
        let mut out = serde_json::Map::new();
        out.insert("used".into(), worded(of(&usage.used)).into());
        let measures = [
            ("requests", Some(usage.requests)),
            ("limits", Some(usage.limits)),
            ("allocatable", usage.allocatable),
        ];
        for (name, amount) in measures {
            let amount = amount.map_or(0.0, |amount| of(&amount));
            if amount > 0.0 {
                out.insert(name.into(), worded(amount).into());
            }
        }
        // Of what it may have: a node has what is allocatable, a pod its limit.
        let whole = usage.allocatable.map_or(of(&usage.limits), |amount| of(&amount));
        if whole > 0.0 {
            out.insert("used_percent".into(), ((of(&usage.used) / whole * 100.0).round() as i64).into());
        }
        out
    };
    let mut out = json!({
        "name": usage.name,
        "cpu": part(|amount| amount.cpu, quantity::cores),
        "memory": part(|amount| amount.memory, quantity::bytes),
    });
    if let (false, Some(out)) = (usage.namespace.is_empty(), out.as_object_mut()) {
        out.insert("namespace".into(), usage.namespace.as_str().into());
    }
    out
}
