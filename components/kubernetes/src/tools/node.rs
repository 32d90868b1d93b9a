//! `node`: keeps new pods off a node, lets them on again, or empties it for maintenance.

use std::time::Duration;

use bulkhead_sdk::error::tolerated;
use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::sleep;
use bulkhead_sdk::value::text;

use super::{Object, say_dry, tried};
use crate::Kubernetes;
use crate::api::{Api, Patching, Select};
use crate::kind::known;
use crate::object::{flag, name, namespace, number};
use crate::pods::{self, Eviction};
use crate::selector;

/// Evictions that are asked for at once.
const AT_ONCE: usize = 10;

/// Between two looks at what is left.
const PAUSE: Duration = Duration::from_secs(3);

/// Kept of the call's time, to tell how it went.
const RESERVE: Duration = Duration::from_secs(3);

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Node {
    /// drain also cordons.
    action: Action,
    /// Its name.
    name: String,
    /// drain: seconds to stop in.
    #[schemars(range(min = 0, max = 3600))]
    grace_seconds: Option<u32>,
    /// drain: lose data in emptyDir.
    delete_emptydir_data: Option<bool>,
    /// drain: also pods nothing makes again.
    force: Option<bool>,
    /// Default true.
    dry_run: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Action {
    Cordon,
    Uncordon,
    Drain,
}

returns!(Done { unschedulable: "boolean" });

/// What is on a node, by what a drain does with it.
#[derive(Default)]
struct Plan {
    evict: Vec<Value>,
    skip: Vec<Value>,
    blocked: Vec<Value>,
}

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::writes(
            "node",
            "Cordon or drain a node",
            "Cordons, uncordons or drains a node, within disruption budgets; call again until drained.",
            node,
        )
        .destructive()
        .idempotent()
        .tag("admin")
        .output::<Done>(),
    )
}

async fn node(service: &Kubernetes, args: Node, call: &Call) -> Result<Output> {
    let dry_run = tried(args.dry_run);
    match args.action {
        Action::Cordon | Action::Uncordon => {
            let cordoned = cordon(&service.api, &args.name, args.action == Action::Cordon, dry_run).await?;
            let mut out = Object::new();
            out.insert("node".into(), args.name.as_str().into());
            out.insert("unschedulable".into(), cordoned.into());
            say_dry(&mut out, dry_run);
            Ok(Output::json(&out))
        }
        Action::Drain => drain(&service.api, &args, dry_run, call).await,
    }
}

async fn cordon(api: &Api, name: &str, cordoned: bool, dry_run: bool) -> Result<bool> {
    let value = if cordoned { json!(true) } else { Value::Null };
    let body = json!({ "spec": { "unschedulable": value } });
    let node = api.patch(known("Node").at(None).named(name), Patching::Merge, &body, dry_run, "name").await?;
    Ok(flag(&node, "/spec/unschedulable"))
}

async fn drain(api: &Api, args: &Node, dry_run: bool, call: &Call) -> Result<Output> {
    let on_node = Select::fields(format!("spec.nodeName={}", args.name));
    let (node, pods) =
        join!(api.get(known("Node").at(None).named(&args.name)), api.all(known("Pod").at(None), &on_node));
    let (node, pods) = (node?, pods?);
    let mut plan = plan(pods.items, args);
    let mut out = Object::new();
    out.insert("node".into(), args.name.as_str().into());
    out.insert("skipped".into(), std::mem::take(&mut plan.skip).into());
    if dry_run {
        let mut missing = Vec::new();
        let budgets = api.all(known("PodDisruptionBudget").at(None), &Select::default()).await;
        let budgets = tolerated("disruption budgets", budgets.map(|all| all.items), &mut missing);
        let rows = plan.evict.iter().map(|pod| would(pod, &budgets));
        out.insert("would_evict".into(), rows.collect());
        out.insert("blocked".into(), plan.blocked.into());
        out.insert("unschedulable".into(), flag(&node, "/spec/unschedulable").into());
        if !missing.is_empty() {
            out.insert("not_read".into(), missing.into());
        }
        say_dry(&mut out, true);
        return Ok(Output::json(&out));
    }
    if !plan.blocked.is_empty() {
        let why: Vec<String> =
            plan.blocked.iter().map(|row| format!("{} {}", text(row, "/pod"), text(row, "/why"))).collect();
        return Err(Error::failed(format!(
            "nothing was changed, the node cannot be drained like this: {}",
            why.join("; ")
        )));
    }
    let cordoned = cordon(api, &args.name, true, false).await?;
    let evicted = plan.evict.len();
    let left = evict_all(api, plan.evict, args.grace_seconds, call).await;
    out.insert("unschedulable".into(), cordoned.into());
    out.insert("drained".into(), left.is_empty().into());
    out.insert("evicted".into(), (evicted - left.len()).into());
    if !left.is_empty() {
        out.insert("left".into(), left.into());
        out.insert("note".into(), "The node stays cordoned. Call again to go on; what a disruption budget holds back waits until others are ready.".into());
    }
    say_dry(&mut out, false);
    Ok(Output::json(&out))
}

fn plan(pods: Vec<Value>, args: &Node) -> Plan {
    let mut plan = Plan::default();
    for pod in pods {
        let row = |why: &str| json!({ "pod": path(&pod), "why": why });
        match pods::eviction(
            &pod,
            args.force.unwrap_or_default(),
            args.delete_emptydir_data.unwrap_or_default(),
        ) {
            Eviction::Skip(why) => plan.skip.push(row(why)),
            Eviction::Blocked(why) => plan.blocked.push(row(why)),
            Eviction::Evict => plan.evict.push(pod),
        }
    }
    plan
}

fn path(pod: &Value) -> String {
    format!("{}/{}", namespace(pod), name(pod))
}

/// A pod that would be evicted, and the budget that may hold it back.
fn would(pod: &Value, budgets: &[Value]) -> Value {
    let covers = |budget: &&Value| {
        namespace(budget) == namespace(pod)
            && budget.pointer("/spec/selector").is_some_and(|selector| selector::matches(selector, pod))
    };
    match budgets.iter().find(covers) {
        Some(budget) if number(budget, "/status/disruptionsAllowed") < 1 => json!({
            "pod": path(pod),
            "held_by": format!(
                "disruption budget {}: {} of {} healthy pods needed, 0 disruptions allowed now",
                name(budget), number(budget, "/status/currentHealthy"), number(budget, "/status/desiredHealthy"),
            ),
        }),
        _ => json!({ "pod": path(pod) }),
    }
}

/// Evicts what can be, again and again while there is time, and gives what is left with why.
async fn evict_all(api: &Api, mut waiting: Vec<Value>, grace: Option<u32>, call: &Call) -> Vec<Value> {
    let total = waiting.len();
    let (mut going, mut failed) = (Vec::new(), Vec::new());
    loop {
        let mut held = Vec::new();
        for chunk in waiting.chunks(AT_ONCE) {
            let answers = join_all(chunk.iter().map(|pod| evict(api, pod, grace))).await;
            for (pod, answer) in chunk.iter().zip(answers) {
                match answer {
                    Ok(()) => going.push(pod.clone()),
                    Err(Error::NotFound(_)) => {}
                    Err(Error::RateLimited { message, .. }) => held.push((pod.clone(), message)),
                    Err(error) => failed.push(json!({ "pod": path(pod), "why": error.to_string() })),
                }
            }
        }
        going = still_there(api, going).await;
        let left = going.len() + held.len() + failed.len();
        let done = u32::try_from(total - left).unwrap_or_default();
        call.progress(
            f64::from(done),
            u32::try_from(total).ok().map(f64::from),
            Some("pods are gone from the node"),
        );
        if (going.is_empty() && held.is_empty()) || call.remaining() < RESERVE + PAUSE {
            failed.extend(going.iter().map(|pod| json!({ "pod": path(pod), "why": "is still stopping" })));
            failed.extend(held.iter().map(|(pod, why)| json!({ "pod": path(pod), "why": why })));
            return failed;
        }
        sleep(PAUSE).await;
        waiting = held.into_iter().map(|(pod, _)| pod).collect();
    }
}

async fn evict(api: &Api, pod: &Value, grace: Option<u32>) -> Result<()> {
    let mut body = json!({
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": { "name": name(pod), "namespace": namespace(pod) },
    });
    // The pod that was seen, not one of the same name that came after.
    let mut options = json!({ "preconditions": { "uid": text(pod, "/metadata/uid") } });
    if let (Some(grace), Some(options)) = (grace, options.as_object_mut()) {
        options.insert("gracePeriodSeconds".into(), grace.into());
    }
    if let Some(body) = body.as_object_mut() {
        body.insert("deleteOptions".into(), options);
    }
    let at = known("Pod").at(Some(namespace(pod))).named(name(pod)).sub("eviction");
    api.post(at, &body, false).await.map(drop)
}

/// Those of the pods that are not gone yet; one that cannot be asked for counts as there.
async fn still_there(api: &Api, pods: Vec<Value>) -> Vec<Value> {
    let mut left = Vec::new();
    for chunk in pods.chunks(AT_ONCE) {
        let answers = join_all(
            chunk.iter().map(|pod| api.find(known("Pod").at(Some(namespace(pod))).named(name(pod)))),
        )
        .await;
        for (pod, answer) in chunk.iter().zip(answers) {
            // One of the same name is another pod.
            let same = |found: &Value| text(found, "/metadata/uid") == text(pod, "/metadata/uid");
            if answer.map_or(true, |found| found.as_ref().is_some_and(same)) {
                left.push(pod.clone());
            }
        }
    }
    left
}
