//! Namespaces, nodes, and what belongs to the cluster.

use serde_json::{Value, json};

use super::Seed;

/// Age of the cluster.
const OLD: f64 = 40.0 * 86_400.0;

pub(super) fn plant(seed: &mut Seed<'_>) {
    for name in ["default", "kube-system", "shop"] {
        let created = seed.ago(OLD);
        seed.put(json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {
                "name": name, "labels": { "kubernetes.io/metadata.name": name }, "creationTimestamp": created,
            },
            "spec": { "finalizers": ["kubernetes"] }, "status": { "phase": "Active" },
        }));
        seed.put(json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": "default", "namespace": name, "creationTimestamp": created },
        }));
    }
    node(seed, "node-a", "10.0.0.11", &json!({ "node-role.kubernetes.io/control-plane": "" }));
    node(seed, "node-b", "10.0.0.12", &json!({ "topology.kubernetes.io/zone": "eu-1b" }));
    access(seed);
    storage(seed);
    widgets(seed);
}

fn node(seed: &mut Seed<'_>, name: &str, ip: &str, labels: &Value) {
    let (since, beat) = (seed.ago(OLD), seed.ago(30.0));
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": beat, "lastTransitionTime": since,
        })
    };
    let mut all = json!({
        "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
    });
    for (key, value) in labels.as_object().into_iter().flatten() {
        all[key] = value.clone();
    }
    let room = json!({ "cpu": "4", "memory": "8145336Ki", "pods": "110", "ephemeral-storage": "81106868Ki" });
    let allocatable =
        json!({ "cpu": "3800m", "memory": "7633336Ki", "pods": "110", "ephemeral-storage": "74748089426" });
    seed.put(json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": all, "creationTimestamp": since },
        "spec": { "podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"], "providerID": format!("metal://{name}") },
        "status": {
            "addresses": [{ "type": "InternalIP", "address": ip }, { "type": "Hostname", "address": name }],
            "capacity": room, "allocatable": allocatable,
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "daemonEndpoints": { "kubeletEndpoint": { "Port": 10_250 } },
            "images": [{ "names": ["registry.example.com/web:1.27"], "sizeBytes": 70_991_312 }],
            "nodeInfo": {
                "machineID": format!("machine-{name}"), "systemUUID": format!("system-{name}"),
                "bootID": format!("boot-{name}"), "kernelVersion": "6.12.57", "osImage": "Debian GNU/Linux 13 (trixie)",
                "containerRuntimeVersion": "containerd://2.1.5", "kubeletVersion": "v1.35.2", "kubeProxyVersion": "",
                "operatingSystem": "linux", "architecture": "amd64",
            },
        },
    }));
}

fn access(seed: &mut Seed<'_>) {
    seed.put(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "bulkhead" },
        "rules": [{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }],
    }));
    seed.put(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "bulkhead" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "bulkhead" },
        "subjects": [{ "kind": "ServiceAccount", "name": "bulkhead", "namespace": "tools" }],
    }));
    seed.put(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": { "name": "reader", "namespace": "shop" },
        "rules": [{ "apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"] }],
    }));
    seed.put(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": "readers", "namespace": "shop" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader" },
        "subjects": [{ "kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "on-call" }],
    }));
    seed.put(json!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": "important" },
        "value": 100_000, "globalDefault": false, "preemptionPolicy": "PreemptLowerPriority",
        "description": "What customers see.",
    }));
}

fn storage(seed: &mut Seed<'_>) {
    seed.put(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {
            "name": "standard", "annotations": { "storageclass.kubernetes.io/is-default-class": "true" },
        },
        "provisioner": "disks.example.com", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": true,
    }));
}

fn widgets(seed: &mut Seed<'_>) {
    let since = seed.ago(OLD);
    let condition = |kind: &str, reason: &str, message: &str| json!({ "type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": since });
    let names = json!({
        "plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList", "shortNames": ["wd"],
        "categories": ["all"],
    });
    seed.put(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "widgets.example.com" },
        "spec": {
            "group": "example.com", "names": names, "scope": "Namespaced", "conversion": { "strategy": "None" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "spec": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                    "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                } } },
                "subresources": {
                    "status": {},
                    "scale": { "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas" },
                },
            }],
        },
        "status": {
            "acceptedNames": names, "storedVersions": ["v1"],
            "conditions": [
                condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ],
        },
    }));
    seed.put(json!({
        "apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": { "name": "gear", "namespace": "default", "labels": { "size": "small" } },
        "spec": { "replicas": 2, "teeth": [12, 24] },
        "status": { "replicas": 2 },
    }));
}
