//! Workloads that roll out: how far they are, and the pods that are theirs.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use crate::api::Select;
use crate::object::{condition, flag, name, number};
use crate::selector;

/// How far a rollout is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rollout {
    pub(crate) desired: i64,
    pub(crate) updated: i64,
    pub(crate) ready: i64,
    pub(crate) available: i64,
    pub(crate) done: bool,
    /// It will not get further by itself.
    pub(crate) stuck: bool,
    /// In words.
    pub(crate) message: String,
}

/// The kinds that roll out.
pub(crate) const ROLLING: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// How far a Deployment, StatefulSet or DaemonSet is, by the rules of `kubectl rollout status`.
pub(crate) fn rollout(kind: &str, object: &Value) -> Rollout {
    let status = |field: &str| number(object, &format!("/status/{field}"));
    let (desired, updated, ready, available) = match kind {
        "DaemonSet" => (
            status("desiredNumberScheduled"),
            status("updatedNumberScheduled"),
            status("numberReady"),
            status("numberAvailable"),
        ),
        // It has no revisions: every pod is of the only one.
        "ReplicaSet" => {
            (desired(object), status("replicas"), status("readyReplicas"), status("availableReplicas"))
        }
        _ => {
            (desired(object), status("updatedReplicas"), status("readyReplicas"), status("availableReplicas"))
        }
    };
    let total = if kind == "Deployment" { status("replicas") } else { desired };
    let seen = status("observedGeneration") >= number(object, "/metadata/generation");
    let stuck = condition(object, "Progressing")
        .is_some_and(|progress| text(progress, "/reason") == "ProgressDeadlineExceeded");
    let manual = text(object, "/spec/updateStrategy/type") == "OnDelete";
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition");
    let wanted = (desired - partition).max(0);
    let (done, message) = if !seen {
        (false, "the controller has not seen the latest change yet".to_owned())
    } else if flag(object, "/spec/paused") {
        (false, "is paused: `rollout` with action `resume` continues it".to_owned())
    } else if stuck {
        (
            false,
            format!(
                "exceeded its progress deadline with {updated} of {desired} updated, {available} available"
            ),
        )
    } else if !manual && updated < wanted {
        (false, format!("{updated} of {wanted} pods are updated"))
    } else if total > updated && kind == "Deployment" {
        (false, format!("{} old pods still have to go", total - updated))
    } else if available.max(if kind == "StatefulSet" { ready } else { 0 }) < desired {
        (false, format!("{updated} updated; {available} of {desired} are available"))
    } else {
        (true, format!("complete: {available} of {desired} available"))
    };
    Rollout { desired, updated, ready, available, done, stuck, message }
}

/// How many pods are wanted; one if nothing is said.
pub(crate) fn desired(object: &Value) -> i64 {
    object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1)
}

/// Which pods are a workload's.
pub(crate) fn pods_of(kind: &str, object: &Value) -> Option<Select> {
    // Selectors of Jobs are made by the server, and are not the same in every version.
    if kind == "Job" {
        return Some(Select::labels(format!("job-name={}", name(object))));
    }
    let selector = object.pointer("/spec/selector")?;
    match kind {
        "Service"
        | "ReplicationController"
        | "Deployment"
        | "StatefulSet"
        | "DaemonSet"
        | "ReplicaSet"
        | "PodDisruptionBudget" => selector::query(selector).map(Select::labels),
        _ => None,
    }
}

/// The images of a pod template.
pub(crate) fn images(template: &Value) -> Vec<&str> {
    list(template, "/spec/containers").iter().map(|container| text(container, "/image")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(spec: &Value, status: &Value) -> Rollout {
        let object = json!({ "metadata": { "generation": 2 }, "spec": spec, "status": status });
        rollout("Deployment", &object)
    }

    #[test]
    fn a_deployment_is_as_far_as_kubectl_says() {
        let spec = json!({ "replicas": 3 });
        for (status, done, message) in [
            (json!({ "observedGeneration": 1 }), false, "the controller has not seen the latest change yet"),
            (json!({ "observedGeneration": 2, "updatedReplicas": 1 }), false, "1 of 3 pods are updated"),
            (
                json!({ "observedGeneration": 2, "updatedReplicas": 3, "replicas": 4 }),
                false,
                "1 old pods still have to go",
            ),
            (
                json!({ "observedGeneration": 2, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 2 }),
                false,
                "3 updated; 2 of 3 are available",
            ),
            (
                json!({ "observedGeneration": 2, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 3 }),
                true,
                "complete: 3 of 3 available",
            ),
        ] {
            let rollout = deployment(&spec, &status);
            assert_eq!((rollout.done, &*rollout.message), (done, message), "{status}");
        }
        let stuck = deployment(
            &spec,
            &json!({
                "observedGeneration": 2, "updatedReplicas": 1, "availableReplicas": 2,
                "conditions": [{ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" }]
            }),
        );
        assert!(stuck.stuck && !stuck.done);
        let paused = deployment(&json!({ "paused": true }), &json!({ "observedGeneration": 2 }));
        assert!(paused.message.starts_with("is paused"));
    }

    #[test]
    fn other_kinds_have_their_own_numbers() {
        let set = json!({
            "spec": { "replicas": 3, "updateStrategy": { "rollingUpdate": { "partition": 2 } } },
            "status": { "updatedReplicas": 1, "readyReplicas": 3 }
        });
        assert!(rollout("StatefulSet", &set).done, "the partition holds the others back");
        let daemons = json!({ "status": {
            "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 1, "numberAvailable": 1
        } });
        assert_eq!(rollout("DaemonSet", &daemons).message, "2 updated; 1 of 2 are available");
        let by_hand = json!({
            "spec": { "updateStrategy": { "type": "OnDelete" } },
            "status": { "desiredNumberScheduled": 2, "numberAvailable": 2 }
        });
        assert!(rollout("DaemonSet", &by_hand).done);
    }
}
