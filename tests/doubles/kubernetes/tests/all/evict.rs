//! Evictions.

use serde_json::{Value, json};

use super::{cluster, send, told};
use double_kubernetes::Cluster;

fn evict(cluster: &Cluster, namespace: &str, pod: &str, query: &str) -> (u16, Value) {
    let body = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": pod, "namespace": namespace },
    });
    send(cluster, "POST", &format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction{query}"), &body)
}

#[test]
fn a_budget_allows_some_and_no_more() {
    let cluster = cluster();
    let (first, second) = ("web-7c6d5e4f36-4k2xp", "web-7c6d5e4f36-9wq7d");
    let (code, _) = evict(&cluster, "default", first, "?dryRun=All");
    assert_eq!((code, cluster.object("Pod", "default", first).is_some()), (201, true));
    let (code, done) = evict(&cluster, "default", first, "");
    assert_eq!((code, &done["status"]), (201, &json!("Success")));
    assert!(cluster.object("Pod", "default", first).is_none());
    let (code, refused) = evict(&cluster, "default", second, "");
    let causes = json!([{
        "reason": "DisruptionBudget", "message": "The disruption budget web needs 2 healthy pods and has 2 currently",
    }]);
    assert_eq!(refused["details"]["causes"], causes);
    assert_eq!(
        told((code, refused)),
        (
            429,
            "TooManyRequests".into(),
            "Cannot evict pod as it would violate the pod's disruption budget.".into()
        )
    );
    assert!(cluster.object("Pod", "default", second).is_some());
    cluster.edit("PodDisruptionBudget", "default", "web", |budget| {
        budget["status"]["disruptionsAllowed"] = 1.into();
    });
    assert_eq!(evict(&cluster, "default", second, "").0, 201);
}

#[test]
fn without_a_budget_a_pod_just_goes() {
    let cluster = cluster();
    assert_eq!(evict(&cluster, "shop", "db-0", "").0, 201);
    assert_eq!(told(evict(&cluster, "shop", "db-0", "")).2, "pods \"db-0\" not found");
    for name in ["one", "two"] {
        cluster.put(json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": name, "namespace": "shop" },
            "spec": { "selector": { "matchLabels": { "app": "db" } }, "maxUnavailable": 1 },
            "status": { "disruptionsAllowed": 1, "observedGeneration": 1 },
        }));
    }
    let (code, reason, message) = told(evict(&cluster, "shop", "db-1", ""));
    assert_eq!((code, reason.as_str()), (500, "InternalError"));
    assert!(message.contains("more than one PodDisruptionBudget"));
}
