//! What runs in `kube-system`: names, and an agent on every node with two revisions.

use serde_json::{Value, json};

use super::Seed;
use super::make::{Container, Pod, Workload, container, template};

const DAY: f64 = 86_400.0;

pub(super) fn plant(seed: &mut Seed<'_>) {
    names(seed);
    agent(seed);
    let (renewed, since) =
        (crate::clock::micro(seed.state.now - 4.0), crate::clock::micro(seed.state.now - 9.0 * DAY));
    seed.put(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": "kube-scheduler", "namespace": "kube-system" },
        "spec": {
            "holderIdentity": "node-a_6f1c", "leaseDurationSeconds": 15, "acquireTime": since, "renewTime": renewed,
            "leaseTransitions": 2,
        },
    }));
}

fn names(seed: &mut Seed<'_>) {
    let spec = container("coredns", "registry.example.com/coredns:v1.13.1", "70Mi", "170Mi");
    let work = Workload {
        kind: "Deployment",
        namespace: "kube-system",
        name: "coredns",
        labels: json!({ "k8s-app": "kube-dns" }),
        containers: vec![spec.clone()],
        age: 40.0 * DAY,
    };
    let status = json!({ "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1 });
    seed.deployment(&work, 1, 1, &status);
    seed.replica_set(&work, "66bc5c9577", 1, 1, 1);
    seed.pod(&Pod {
        namespace: "kube-system",
        name: "coredns-66bc5c9577-tq8vn",
        owner: ("ReplicaSet", "coredns-66bc5c9577"),
        labels: json!({ "k8s-app": "kube-dns", "pod-template-hash": "66bc5c9577" }),
        node: Some("node-a"),
        phase: "Running",
        age: 40.0 * DAY,
        containers: vec![Container::running(spec, &seed.ago(40.0 * DAY))],
    });
}

fn agent(seed: &mut Seed<'_>) {
    let of = |image: &str| container("agent", image, "32Mi", "64Mi");
    let (old, new) = (of("registry.example.com/agent:3.1"), of("registry.example.com/agent:3.2"));
    let labels = json!({ "app": "agent" });
    let work = Workload {
        kind: "DaemonSet",
        namespace: "kube-system",
        name: "agent",
        labels: labels.clone(),
        containers: vec![new.clone()],
        age: 40.0 * DAY,
    };
    let more = json!({
        "revisionHistoryLimit": 10,
        "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 1, "maxSurge": 0 } },
    });
    let status = json!({
        "currentNumberScheduled": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2,
        "numberReady": 2, "numberMisscheduled": 0, "observedGeneration": 2,
    });
    let mut object = work.object(seed, &more, &status);
    object["metadata"]["generation"] = 2.into();
    object["metadata"]["annotations"] = json!({ "deprecated.daemonset.template.generation": "2" });
    seed.put(object);
    for (revision, hash, spec) in [(1, "5f9d6c7b88", &old), (2, "84c5d9b7f6", &new)] {
        let template = template(&labels, std::slice::from_ref(spec));
        let mut metadata = revision_meta(seed, "DaemonSet", "kube-system", "agent", hash, &labels);
        metadata["labels"]["controller-revision-hash"] = hash.into();
        seed.put(controller_revision(&metadata, revision, template));
    }
    for node in ["node-a", "node-b"] {
        seed.pod(&Pod {
            namespace: "kube-system",
            name: &format!("agent-{node}"),
            owner: ("DaemonSet", "agent"),
            labels: json!({ "app": "agent", "controller-revision-hash": "84c5d9b7f6", "pod-template-generation": "2" }),
            node: Some(node),
            phase: "Running",
            age: 5.0 * DAY,
            containers: vec![Container::running(new.clone(), &seed.ago(5.0 * DAY))],
        });
    }
}

/// Metadata of a revision that a workload remembers.
pub(super) fn revision_meta(
    seed: &Seed<'_>,
    kind: &str,
    namespace: &str,
    name: &str,
    hash: &str,
    labels: &Value,
) -> Value {
    json!({
        "name": format!("{name}-{hash}"), "namespace": namespace, "labels": labels,
        "ownerReferences": seed.owner(kind, namespace, name),
    })
}

/// A revision that a workload remembers: a patch that makes the template what it was.
pub(super) fn controller_revision(metadata: &Value, revision: i64, mut template: Value) -> Value {
    template["$patch"] = "replace".into();
    json!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "revision": revision,
        "data": { "spec": { "template": template } },
    })
}
