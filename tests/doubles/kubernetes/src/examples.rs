//! Calls of every tool: with every argument, and with every operation of the table. Those that change something come last, and
//! undo each other where they can.

use double_kit::Example;
use serde_json::{Value, json};

/// Calls of every tool with every argument.
pub fn examples(now: f64) -> Vec<Example> {
    let rows = reading(now).into_iter().chain(trying()).chain(doing());
    rows.map(|(tool, arguments, requests)| Example::new(tool, arguments, requests)).collect()
}

/// Tool, arguments, and the most requests.
type Row = (&'static str, Value, usize);

fn reading(now: f64) -> Vec<Row> {
    vec![
        ("unhealthy", json!({}), 7),
        ("unhealthy", json!({ "namespace": "shop", "kinds": ["pods", "deploy"], "limit": 2 }), 2),
        ("diagnose", json!({ "kind": "deploy", "name": "web" }), 8),
        ("diagnose", json!({ "kind": "deploy", "name": "cart", "namespace": "shop" }), 10),
        ("diagnose", json!({ "kind": "pod", "name": "cart-6f5b8d9c7-zx2qv", "namespace": "shop" }), 6),
        ("diagnose", json!({ "kind": "node", "name": "node-b" }), 4),
        ("diagnose", json!({ "kind": "svc", "name": "web" }), 4),
        ("diagnose", json!({ "kind": "ingress", "name": "web" }), 5),
        ("diagnose", json!({ "kind": "job", "name": "migrate", "namespace": "shop" }), 12),
        ("diagnose", json!({ "kind": "cronjob", "name": "tidy", "namespace": "shop" }), 3),
        ("diagnose", json!({ "kind": "pvc", "name": "uploads", "namespace": "shop" }), 2),
        ("list", json!({ "kind": "pods", "namespace": "*", "labels": "app=web", "limit": 2 }), 1),
        ("list", json!({ "kind": "nodes", "view": "full", "fields": ["status.nodeInfo.kubeletVersion"] }), 1),
        ("list", json!({ "kind": "pods", "namespace": "shop", "field_selector": "status.phase=Pending" }), 1),
        ("list", json!({ "kind": "storageclasses" }), 1),
        ("list", json!({ "kind": "widgets" }), 3),
        ("list", json!({ "kind": "widgets.v1.example.com" }), 2),
        ("list", json!({ "kind": "podtemplates.v1" }), 2),
        ("list", json!({ "query": "web" }), 11),
        ("get", json!({ "kind": "deploy", "name": "web" }), 3),
        ("get", json!({ "kind": "secret", "name": "web-token", "view": "full" }), 1),
        (
            "get",
            json!({ "kind": "node", "name": "node-a,node-b", "fields": ["spec", "status.capacity"], "events": true }),
            4,
        ),
        ("get", json!({ "kind": "storageclass", "name": "standard", "events": false }), 1),
        ("get", json!({ "kind": "pod", "name": "cart-6f5b8d9c7-zx2qv", "namespace": "shop" }), 2),
        ("events", json!({ "namespace": "*" }), 1),
        (
            "events",
            json!({
                "namespace": "shop", "kind": "pod", "name": "cart-6f5b8d9c7-zx2qv", "type": "Warning", "reason": "BackOff",
                "since": "-1h", "view": "full", "limit": 5,
            }),
            1,
        ),
        ("logs", json!({ "name": "deploy/web", "tail": 2, "timestamps": true }), 5),
        (
            "logs",
            json!({ "name": "cart-6f5b8d9c7-zx2qv", "namespace": "shop", "container": "cart", "previous": true, "grep": "HEAP" }),
            2,
        ),
        ("logs", json!({ "labels": "app=web", "since": now - 100.0 }), 4),
        ("top", json!({ "kind": "nodes" }), 3),
        ("top", json!({ "kind": "nodes", "name": "node-a" }), 3),
        ("top", json!({ "kind": "pods", "namespace": "*", "sort": "memory", "limit": 3 }), 2),
        ("top", json!({ "kind": "pods", "labels": "app=web" }), 2),
        ("top", json!({ "kind": "pods", "name": "db-0", "namespace": "shop" }), 2),
        ("wait", json!({ "kind": "deploy", "name": "web", "condition": "rollout", "timeout": "10s" }), 1),
        ("wait", json!({ "kind": "deploy", "name": "payments", "namespace": "shop" }), 1),
        ("wait", json!({ "kind": "node", "name": "node-a", "condition": "Ready" }), 1),
        ("api_resources", json!({}), 3),
        ("api_resources", json!({ "query": "example.com", "namespaced": true, "limit": 5 }), 3),
        (
            "can_i",
            json!({ "checks": ["delete pods", "patch deployments/scale web", "get /metrics"], "namespace": "shop" }),
            3,
        ),
        ("can_i", json!({}), 1),
    ]
}

fn map(value: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "flags" }, "data": { "dark": value } })
}

/// Writes that are only tried.
fn trying() -> Vec<Row> {
    vec![
        ("apply", json!({ "manifests": [map("off")], "namespace": "shop" }), 2),
        (
            "apply",
            json!({ "manifests": [
                { "apiVersion": "v1", "kind": "Namespace", "metadata": { "generateName": "team-" } },
                { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "generateName": "flags-" } },
                {
                    "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
                    "metadata": { "generateName": "class-" }, "value": 10,
                },
                {
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "generateName": "lease-" },
                    "spec": { "holderIdentity": "me" },
                },
            ] }),
            4,
        ),
        (
            "apply",
            json!({
                "manifests": [{
                    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "default" },
                    "spec": { "replicas": 5 },
                }],
                "force": true, "dry_run": true,
            }),
            2,
        ),
        ("patch", json!({ "kind": "cm", "name": "web-settings", "patch": { "data": { "extra": "1" } } }), 2),
        ("scale", json!({ "kind": "deploy", "name": "web", "replicas": 4 }), 3),
        ("rollout", json!({ "action": "undo", "kind": "deploy", "name": "web", "revision": 1 }), 3),
        (
            "rollout",
            json!({ "action": "undo", "kind": "ds", "name": "agent", "namespace": "kube-system" }),
            3,
        ),
        (
            "node",
            json!({ "action": "drain", "name": "node-b", "delete_emptydir_data": true, "force": true }),
            3,
        ),
        ("delete", json!({ "kind": "namespace", "name": "shop" }), 2),
        ("delete", json!({ "kind": "priorityclass", "name": "important", "dry_run": true }), 2),
        ("delete", json!({ "kind": "deploy", "name": "web", "propagation": "foreground" }), 2),
    ]
}

/// Writes that are done.
fn doing() -> Vec<Row> {
    let done = |mut arguments: Value| {
        arguments["dry_run"] = false.into();
        arguments
    };
    vec![
        ("apply", done(json!({ "manifests": [map("on")], "namespace": "shop" })), 2),
        (
            "patch",
            done(json!({
                "kind": "priorityclass", "name": "important", "type": "json",
                "patch": [{ "op": "add", "path": "/metadata/labels", "value": { "team": "a" } }],
            })),
            2,
        ),
        (
            "patch",
            done(json!({
                "kind": "deploy", "name": "web", "type": "strategic",
                "patch": { "spec": { "template": { "spec": { "containers": [{ "name": "web", "image": "registry.example.com/web:1.28" }] } } } },
            })),
            2,
        ),
        ("rollout", done(json!({ "action": "undo", "kind": "deploy", "name": "web" })), 3),
        (
            "rollout",
            done(json!({ "action": "restart", "kind": "sts", "name": "db", "namespace": "shop" })),
            2,
        ),
        ("rollout", done(json!({ "action": "pause", "kind": "deploy", "name": "web" })), 2),
        ("rollout", done(json!({ "action": "resume", "kind": "deploy", "name": "web" })), 2),
        (
            "scale",
            done(json!({ "kind": "deploy", "name": "search-v2", "namespace": "shop", "replicas": 2 })),
            3,
        ),
        (
            "node",
            done(
                json!({ "action": "drain", "name": "node-b", "grace_seconds": 5, "force": true, "delete_emptydir_data": true }),
            ),
            60,
        ),
        ("node", done(json!({ "action": "uncordon", "name": "node-b" })), 1),
        ("node", done(json!({ "action": "cordon", "name": "node-a" })), 1),
        (
            "delete",
            done(
                json!({ "kind": "cm", "name": "flags", "namespace": "shop", "propagation": "background", "grace_seconds": 0 }),
            ),
            2,
        ),
    ]
}
