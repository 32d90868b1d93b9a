//! What is broken in `shop`, each in its own way.

use serde_json::{Value, json};

use super::Seed;
use super::make::{Container, Pod, Workload, container};

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

pub(super) fn plant(seed: &mut Seed<'_>) {
    crashing(seed);
    unpulled(seed);
    unscheduled(seed);
    stuck(seed);
    unserved(seed);
    unbound(seed);
    failed(seed);
}

fn work<'a>(name: &'a str, spec: &Value, age: f64) -> Workload<'a> {
    let labels = json!({ "app": name });
    Workload { kind: "Deployment", namespace: "shop", name, labels, containers: vec![spec.clone()], age }
}

/// What the controller says of a deployment: whether it is available, and how it gets on.
fn conditions(seed: &Seed<'_>, age: f64, available: bool, progress: (&str, &str, &str)) -> Value {
    let (status, reason, message) = progress;
    let since = seed.ago(age);
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastUpdateTime": since, "lastTransitionTime": since,
        })
    };
    let available = match available {
        true => {
            condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        }
        false => condition(
            "Available",
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        ),
    };
    json!([available, condition("Progressing", status, reason, message)])
}

/// A deployment with one revision and one pod.
fn single(
    seed: &mut Seed<'_>,
    name: &str,
    hash: &str,
    pod: &str,
    node: Option<&str>,
    age: f64,
    of: Container,
) {
    let work = work(name, &of.spec, age);
    let message = format!("ReplicaSet \"{name}-{hash}\" is progressing.");
    let status = json!({
        "replicas": 1, "updatedReplicas": 1, "unavailableReplicas": 1,
        "conditions": conditions(seed, age, false, ("True", "ReplicaSetUpdated", &message)),
    });
    seed.deployment(&work, 1, 1, &status);
    seed.replica_set(&work, hash, 1, 1, 0);
    let set = format!("{name}-{hash}");
    seed.pod(&Pod {
        namespace: "shop",
        name: &format!("{set}-{pod}"),
        owner: ("ReplicaSet", &set),
        labels: json!({ "app": name, "pod-template-hash": hash }),
        node,
        phase: if of.restarts > 0 { "Running" } else { "Pending" },
        age,
        containers: vec![of],
    });
}

fn crashing(seed: &mut Seed<'_>) {
    let spec = container("cart", "registry.example.com/cart:2.4.0", "64Mi", "128Mi");
    let message = "back-off 5m0s restarting failed container=cart pod=cart-6f5b8d9c7-zx2qv_shop";
    let mut cart = Container::waiting(spec, "CrashLoopBackOff", message);
    cart.restarts = 14;
    cart.last = json!({ "terminated": {
        "exitCode": 137, "reason": "OOMKilled", "startedAt": seed.ago(4.0 * MINUTE), "finishedAt": seed.ago(3.0 * MINUTE),
        "containerID": format!("containerd://{:064x}", 31 * 7919),
    } });
    single(seed, "cart", "6f5b8d9c7", "zx2qv", Some("node-b"), HOUR, cart);
    seed.log(
        ("shop", "cart-6f5b8d9c7-zx2qv", "cart", true),
        &[
            (240.0, "level=info msg=\"starting\" version=2.4.0"),
            (220.0, "level=info msg=\"loading catalogue\" items=1200000"),
            (190.0, "level=warn msg=\"heap is large\" heap=121Mi limit=128Mi"),
            (181.0, "level=error msg=\"cannot allocate memory\" wanted=16Mi"),
        ],
    );
}

fn unpulled(seed: &mut Seed<'_>) {
    let spec = container("checkout", "registry.example.com/checkout:9.9.9", "64Mi", "128Mi");
    let message = "Back-off pulling image \"registry.example.com/checkout:9.9.9\": ErrImagePull: rpc error: code = \
                   NotFound desc = failed to pull and unpack image \"registry.example.com/checkout:9.9.9\": not found";
    let of = Container::waiting(spec, "ImagePullBackOff", message);
    single(seed, "checkout", "7d9c6b5f4", "m8rkt", Some("node-a"), 25.0 * MINUTE, of);
}

fn unscheduled(seed: &mut Seed<'_>) {
    let mut spec = container("report", "registry.example.com/report:1.0", "64Mi", "128Mi");
    spec["resources"]["requests"]["cpu"] = "16".into();
    let of = Container { state: json!({}), ..Container::waiting(spec, "", "") };
    single(seed, "report", "55dd8c7f6", "p4ghj", None, 40.0 * MINUTE, of);
    let mut pod = seed.known("Pod", "shop", "report-55dd8c7f6-p4ghj");
    let scheduled = &mut pod["status"]["conditions"][0];
    scheduled["reason"] = "Unschedulable".into();
    scheduled["message"] = UNSCHEDULABLE.into();
    seed.put(pod);
}

/// Of the scheduler.
pub(super) const UNSCHEDULABLE: &str = "0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: 2 No preemption victims found for \
     incoming pod.";

/// A rollout whose new pods never get ready, while an old one still serves.
fn stuck(seed: &mut Seed<'_>) {
    let of = |image: &str| {
        let mut spec = container("payments", image, "64Mi", "128Mi");
        spec["readinessProbe"] = json!({
            "httpGet": { "path": "/healthz", "port": 9000, "scheme": "HTTP" }, "periodSeconds": 10,
            "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3,
        });
        spec
    };
    let (old, new) = (of("registry.example.com/payments:5.0"), of("registry.example.com/payments:5.1"));
    let message = "ReplicaSet \"payments-79f8c6d5b\" has timed out progressing.";
    let status = json!({
        "replicas": 3, "updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 2, "unavailableReplicas": 1,
        "conditions": conditions(seed, 20.0 * MINUTE, true, ("False", "ProgressDeadlineExceeded", message)),
    });
    seed.deployment(&work("payments", &new, 8.0 * 24.0 * HOUR), 2, 2, &status);
    seed.replica_set(&work("payments", &old, 8.0 * 24.0 * HOUR), "6c4b9f8d7", 1, 2, 2);
    seed.replica_set(&work("payments", &new, 30.0 * MINUTE), "79f8c6d5b", 2, 1, 0);
    let pods = [
        ("6c4b9f8d7", "d5wkn", "node-a", true, 8.0 * 24.0 * HOUR, &old),
        ("6c4b9f8d7", "t7vlp", "node-b", true, 8.0 * 24.0 * HOUR, &old),
        ("79f8c6d5b", "c9xnr", "node-b", false, 30.0 * MINUTE, &new),
    ];
    for (hash, end, node, ready, age, spec) in pods {
        let set = format!("payments-{hash}");
        let name = format!("{set}-{end}");
        let running = Container::running(spec.clone(), &seed.ago(age));
        seed.pod(&Pod {
            namespace: "shop",
            name: &name,
            owner: ("ReplicaSet", &set),
            labels: json!({ "app": "payments", "pod-template-hash": hash }),
            node: Some(node),
            phase: "Running",
            age,
            containers: vec![Container { ready, ..running }],
        });
        let line = if ready {
            "level=info msg=\"paid\" amount=12"
        } else {
            "level=error msg=\"no route to ledger:5432\""
        };
        seed.log(("shop", &name, "payments", false), &[(120.0, line), (60.0, line)]);
    }
}

/// A service whose selector no pod's labels match.
fn unserved(seed: &mut Seed<'_>) {
    seed.put(json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "search", "namespace": "shop", "labels": { "app": "search" } },
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.40.2", "clusterIPs": ["10.96.40.2"],
            "selector": { "app": "search", "tier": "backend" }, "sessionAffinity": "None",
            "ports": [{ "name": "http", "port": 80, "targetPort": "http", "protocol": "TCP" }],
        },
        "status": { "loadBalancer": {} },
    }));
    let owner = seed.owner("Service", "shop", "search");
    seed.put(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": "search-b6m4c", "namespace": "shop", "ownerReferences": owner,
            "labels": { "kubernetes.io/service-name": "search", "app": "search" },
        },
        "addressType": "IPv4", "endpoints": [], "ports": [],
    }));
    let spec = container("search", "registry.example.com/search:3.3", "64Mi", "128Mi");
    let work = work("search-v2", &spec, 2.0 * HOUR);
    let progress =
        ("True", "NewReplicaSetAvailable", "ReplicaSet \"search-v2-5b7f6d8c9\" has successfully progressed.");
    let status = json!({
        "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        "conditions": conditions(seed, 2.0 * HOUR, true, progress),
    });
    seed.deployment(&work, 1, 1, &status);
    seed.replica_set(&work, "5b7f6d8c9", 1, 1, 1);
    seed.pod(&Pod {
        namespace: "shop",
        name: "search-v2-5b7f6d8c9-w2kqs",
        owner: ("ReplicaSet", "search-v2-5b7f6d8c9"),
        labels: json!({ "app": "search-v2", "pod-template-hash": "5b7f6d8c9" }),
        node: Some("node-a"),
        phase: "Running",
        age: 2.0 * HOUR,
        containers: vec![Container::running(spec, &seed.ago(2.0 * HOUR))],
    });
    seed.log(("shop", "search-v2-5b7f6d8c9-w2kqs", "search", false), &[(7000.0, "level=info msg=\"ready\"")]);
}

fn unbound(seed: &mut Seed<'_>) {
    let created = seed.ago(50.0 * MINUTE);
    seed.put(json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "uploads", "namespace": "shop", "creationTimestamp": created,
            "finalizers": ["kubernetes.io/pvc-protection"],
        },
        "spec": {
            "accessModes": ["ReadWriteMany"], "resources": { "requests": { "storage": "20Gi" } },
            "storageClassName": "fast", "volumeMode": "Filesystem",
        },
        "status": { "phase": "Pending" },
    }));
}

fn failed(seed: &mut Seed<'_>) {
    let spec = container("migrate", "registry.example.com/migrate:2.4.0", "64Mi", "128Mi");
    let (start, end) = (seed.ago(3.0 * HOUR), seed.ago(2.9 * HOUR));
    let work = Workload { kind: "Job", ..work("migrate", &spec, 3.0 * HOUR) };
    let more = json!({
        "backoffLimit": 1, "completions": 1, "parallelism": 1, "completionMode": "NonIndexed", "suspend": false,
    });
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "True", "reason": "BackoffLimitExceeded",
            "message": "Job has reached the specified backoff limit", "lastProbeTime": end, "lastTransitionTime": end,
        })
    };
    let status = json!({
        "failed": 2, "ready": 0, "startTime": start, "conditions": [condition("FailureTarget"), condition("Failed")],
        "uncountedTerminatedPods": {},
    });
    let mut job = work.object(seed, &more, &status);
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never".into();
    seed.put(job);
    for (end, ago) in [("7xk4d", 3.0 * HOUR), ("q2m9f", 2.95 * HOUR)] {
        let name = format!("migrate-{end}");
        let state = json!({ "terminated": {
            "exitCode": 1, "reason": "Error", "startedAt": seed.ago(ago), "finishedAt": seed.ago(ago - 60.0),
            "message": "relation \"orders\" does not exist",
        } });
        seed.pod(&Pod {
            namespace: "shop",
            name: &name,
            owner: ("Job", "migrate"),
            labels: json!({ "job-name": "migrate", "batch.kubernetes.io/job-name": "migrate" }),
            node: Some("node-a"),
            phase: "Failed",
            age: ago,
            containers: vec![Container { state, ready: false, ..Container::running(spec.clone(), "") }],
        });
        let lines =
            [(ago - 1.0, "migrating to 2.4.0"), (ago - 50.0, "error: relation \"orders\" does not exist")];
        seed.log(("shop", &name, "migrate", false), &lines);
    }
}
