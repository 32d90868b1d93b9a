//! Nodes: conditions, what is asked of them, and who is unwell there.

use bulkhead_sdk::error::tolerated;
use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use super::super::top::{Amount, amount, of_pod};
use super::{Case, rules};
use crate::api::Select;
use crate::events;
use crate::finding::{Finding, Severity};
use crate::kind::known;
use crate::object::name;
use crate::pods;
use crate::quantity;

/// Of what is allocatable, what leaves no room for another pod.
const FULL: f64 = 0.95;

pub(super) async fn node(case: &mut Case<'_>) {
    let on_node = Select::fields(format!("spec.nodeName={}", name(&case.object)));
    let about = events::about("Node", &case.object);
    let (events, pods) =
        join!(events::read(case.api, None, &about), case.api.all(known("Pod").at(None), &on_node));
    case.take_events(events);
    let pods = tolerated("pods", pods.map(|all| all.items), &mut case.missing);
    let object = case.label();
    case.findings.extend(rules::node(&case.object, case.now));
    case.findings.extend(rules::warnings(&object, &case.events, case.now));
    case.findings.extend(room(&object, &case.object, &pods));
    let taints = list(&case.object, "/spec/taints").iter().map(|taint| {
        let value = text(taint, "/value");
        let equals = if value.is_empty() { "" } else { "=" };
        format!("{}{equals}{value}:{}", text(taint, "/key"), text(taint, "/effect"))
    });
    case.facts.insert("taints".into(), taints.collect());
    case.facts.insert("kubelet".into(), text(&case.object, "/status/nodeInfo/kubeletVersion").into());
    case.facts.insert("pods_on_node".into(), pods.len().into());
    case.state = format!("ready, with {} pods", pods.len());
    // Of the pods, only those that are not well: a node has a hundred.
    for pod in &pods {
        // Theirs is not the node's trouble.
        let own = pods::findings(pod, &[], case.now).into_iter();
        case.findings.extend(own.map(|finding| Finding { severity: Severity::Info, ..finding }));
    }
    case.pods = pods.into_iter().filter(|pod| !pods::is_ready(pod) && !pods::is_finished(pod)).collect();
}

/// Whether there is room for another pod.
fn room(object: &str, node: &Value, pods: &[Value]) -> Option<Finding> {
    let allocatable = amount(node, "/status/allocatable");
    let mut asked = Amount::default();
    let running = |pod: &&Value| !["Succeeded", "Failed"].contains(&text(pod, "/status/phase"));
    pods.iter().filter(running).for_each(|pod| asked.add(of_pod(pod, "requests")));
    let full = |asked: f64, whole: f64| whole > 0.0 && asked / whole >= FULL;
    if !full(asked.cpu, allocatable.cpu) && !full(asked.memory, allocatable.memory) {
        return None;
    }
    Some(
        Finding::warning(object, "has no room: its pods ask for nearly all it has")
            .because(format!(
                "CPU: {} of {} requested",
                quantity::cores(asked.cpu),
                quantity::cores(allocatable.cpu)
            ))
            .because(format!(
                "memory: {} of {} requested",
                quantity::bytes(asked.memory),
                quantity::bytes(allocatable.memory)
            ))
            .next("`top` shows what is really used; lower requests or add nodes"),
    )
}
