//! Rules about what surrounds a workload: claims, quotas, budgets, autoscalers, nodes, and conditions of any kind.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};
use serde_json::Map;

use crate::events::Event;
use crate::finding::Finding;
use crate::object::{ago, condition, condition_line, flag, label, moment, name, number};
use crate::quantity;

/// Conditions that are good when they are true; those of other names are not judged.
const GOOD: [&str; 10] = [
    "Ready",
    "Available",
    "Progressing",
    "Synced",
    "Healthy",
    "Established",
    "Accepted",
    "Programmed",
    "Reconciled",
    "Succeeded",
];

/// Conditions that are bad when they are true.
const BAD: [&str; 5] = ["Failed", "Stalled", "Degraded", "ReplicaFailure", "FailureTarget"];

/// What an object of any kind says of itself.
pub(super) fn conditions(object: &str, value: &Value, now: f64) -> Vec<Finding> {
    let said = list(value, "/status/conditions").iter().filter_map(|condition| {
        let (kind, status) = (text(condition, "/type"), text(condition, "/status"));
        let problem = match status {
            "False" if GOOD.contains(&kind) => format!("is not {kind}"),
            "True" if BAD.contains(&kind) => format!("says {kind}"),
            _ => return None,
        };
        Some(Finding::critical(object, problem).because(condition_line(condition, now)))
    });
    said.collect()
}

/// Warnings of late, of what says nothing itself.
pub(super) fn warnings(object: &str, events: &[Event], now: f64) -> Vec<Finding> {
    let late = events.iter().filter(|event| event.warning && now - event.last < 3600.0).take(3);
    let told = |event: &Event| {
        Finding::warning(object, format!("reports {}", event.reason)).because(event.line(now))
    };
    late.map(told).collect()
}

/// What is wrong with a node, or has to be known of it.
pub(crate) fn node(node: &Value, now: f64) -> Vec<Finding> {
    let object = label("Node", node);
    let mut out = Vec::new();
    match condition(node, "Ready") {
        Some(ready) if text(ready, "/status") == "True" => {}
        Some(ready) => {
            out.push(Finding::critical(&object, "is not ready").because(condition_line(ready, now)).next(
                "its kubelet or its network: when the status is Unknown the node does not answer at all",
            ))
        }
        None => out.push(Finding::critical(&object, "has never reported that it is ready")),
    }
    for (pressure, next) in [
        ("MemoryPressure", "`top` of its pods shows who uses the memory; pods are evicted until it is over"),
        ("DiskPressure", "images and logs fill its disk; pods are evicted until it is over"),
        ("PIDPressure", "too many processes run on it"),
        ("NetworkUnavailable", "its network plugin has not set it up"),
    ] {
        if let Some(found) = condition(node, pressure).filter(|found| text(found, "/status") == "True") {
            out.push(
                Finding::critical(&object, format!("has {pressure}"))
                    .because(condition_line(found, now))
                    .next(next),
            );
        }
    }
    if flag(node, "/spec/unschedulable") {
        out.push(
            Finding::info(&object, "is cordoned: no new pods")
                .next("`node` with action `uncordon`, when its maintenance is over"),
        );
    }
    out
}

/// Claims that pods wait for.
pub(super) fn claims(
    pods: &[Value],
    claims: &[Value],
    readable: bool,
    events: &[Event],
    now: f64,
) -> Vec<Finding> {
    let mut wanted: Vec<&str> = pods
        .iter()
        .flat_map(|pod| list(pod, "/spec/volumes"))
        .map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
        .filter(|name| !name.is_empty())
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut out = Vec::new();
    for wanted in wanted {
        match claims.iter().find(|claim| name(claim) == wanted) {
            Some(claim) => out.extend(self::claim(claim, events, now)),
            None if readable => out.push(
                Finding::critical(
                    format!("PersistentVolumeClaim/{wanted}"),
                    "is not there, and a pod mounts it",
                )
                .next("create it, or mend the volume of the pod"),
            ),
            None => {}
        }
    }
    out
}

/// A claim that has no volume.
pub(super) fn claim(claim: &Value, events: &[Event], now: f64) -> Option<Finding> {
    let phase = text(claim, "/status/phase");
    if phase == "Bound" {
        return None;
    }
    let class = match text(claim, "/spec/storageClassName") {
        "" => "no storage class is named: the default one".to_owned(),
        class => format!("storage class {class}"),
    };
    let about = events.iter().filter(|event| event.is_about("PersistentVolumeClaim", name(claim)));
    Some(
        Finding::critical(label("PersistentVolumeClaim", claim), format!("is {phase}, so that pods with it cannot start"))
            .because_all(about.take(2).map(|event| event.line(now)))
            .because(class)
            .next("see whether the storage class exists and its provisioner works (`list` of storageclasses, `events`)"),
    )
}

/// Quotas that are used up.
pub(super) fn quotas(quotas: &[Value]) -> Vec<Finding> {
    let full = |quota: &Value| -> Vec<String> {
        let hard = quota.pointer("/status/hard").and_then(Value::as_object);
        let used = |name: &str| quota.pointer("/status/used").and_then(|used| used.get(name));
        let number = |value: &Value| value.as_str().and_then(quantity::parse);
        hard.into_iter()
            .flatten()
            .filter_map(|(name, hard)| {
                let used = used(name)?;
                (number(used)? >= number(hard)?).then(|| {
                    format!(
                        "{name}: {} of {}",
                        used.as_str().unwrap_or_default(),
                        hard.as_str().unwrap_or_default()
                    )
                })
            })
            .collect()
    };
    let of = |quota: &Value| {
        let full = full(quota);
        (!full.is_empty()).then(|| {
            Finding::warning(
                label("ResourceQuota", quota),
                "is used up: no pod that needs more of it can be made",
            )
            .because_all(full)
            .next("raise the quota, or lower requests or replicas")
        })
    };
    quotas.iter().filter_map(of).collect()
}

/// An autoscaler that can do no more, or nothing at all.
pub(super) fn autoscaler(hpa: &Value, now: f64) -> Vec<Finding> {
    let object = label("HorizontalPodAutoscaler", hpa);
    let (current, most) = (number(hpa, "/status/currentReplicas"), number(hpa, "/spec/maxReplicas"));
    let mut out = Vec::new();
    let limited = condition(hpa, "ScalingLimited").filter(|limited| {
        text(limited, "/status") == "True" && text(limited, "/reason") == "TooManyReplicas"
    });
    if let Some(limited) = limited.filter(|_| current >= most) {
        out.push(
            Finding::warning(&object, "is at its maximum and wants more")
                .because(format!("{current} of at most {most} replicas"))
                .because(condition_line(limited, now))
                .next("`top` of the pods; raise maxReplicas if the cluster has room, or find the load"),
        );
    }
    for kind in ["ScalingActive", "AbleToScale"] {
        if let Some(bad) = condition(hpa, kind).filter(|bad| text(bad, "/status") == "False") {
            out.push(
                Finding::warning(&object, "cannot scale")
                    .because(condition_line(bad, now))
                    .next("metrics-server, or the requests of the pods that it measures by"),
            );
        }
    }
    out
}

/// A budget that allows no eviction.
pub(super) fn budget(budget: &Value) -> Option<Finding> {
    let expected = number(budget, "/status/expectedPods");
    (number(budget, "/status/disruptionsAllowed") < 1 && expected > 0).then(|| {
        Finding::info(
            label("PodDisruptionBudget", budget),
            "allows no eviction now, so that a drain waits for it",
        )
        .because(format!(
            "{} of {} needed pods are healthy",
            number(budget, "/status/currentHealthy"),
            number(budget, "/status/desiredHealthy")
        ))
    })
}

/// A Deployment whose newest revision alone is sick: what changed, and when.
pub(super) fn newest_revision(object: &str, sets: &[Value], now: f64) -> Option<Finding> {
    let revision = |set: &Value| -> i64 {
        text(set, "/metadata/annotations/deployment.kubernetes.io~1revision").parse().unwrap_or_default()
    };
    let mut sets: Vec<&Value> = sets.iter().collect();
    sets.sort_by_key(|set| std::cmp::Reverse(revision(set)));
    let [new, old, ..] = sets[..] else { return None };
    let sick = number(new, "/status/readyReplicas") < number(new, "/spec/replicas");
    if !sick || number(old, "/status/readyReplicas") == 0 {
        return None;
    }
    let images = |set: &Value| {
        let template = set.pointer("/spec/template").unwrap_or(&Value::Null);
        crate::workload::images(template).join(", ")
    };
    let since = moment(new, "/metadata/creationTimestamp")
        .map_or_else(String::new, |at| format!("{} ago", ago(at, now)));
    let changed = if images(new) == images(old) {
        "the images are the same: something else in the template changed".to_owned()
    } else {
        format!("images {} → {}", images(old), images(new))
    };
    Some(
        Finding::warning(object, "only the newest revision is sick; the one before it still serves")
            .because(format!("revision {} since {since}, before it {}", revision(new), revision(old)))
            .because(changed)
            .next("`rollout` with action `undo` brings the one before back; `get` shows the revisions"),
    )
}

/// The fields of a map as `a=b,c=d`.
pub(super) fn pairs(map: Option<&Map<String, Value>>) -> String {
    let pair = |(name, value): (&String, &Value)| format!("{name}={}", value.as_str().unwrap_or_default());
    map.into_iter().flatten().map(pair).collect::<Vec<_>>().join(",")
}
