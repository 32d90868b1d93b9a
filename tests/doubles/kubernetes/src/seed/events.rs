//! What was reported: of whom, how often, and when last.

use serde_json::{Value, json};

use super::Seed;
use super::broken::UNSCHEDULABLE;

/// An event, as a row.
struct Told {
    kind: &'static str,
    namespace: &'static str,
    name: &'static str,
    warning: bool,
    reason: &'static str,
    message: &'static str,
    count: u32,
    /// Seconds since the first and the last.
    ago: (f64, f64),
    from: &'static str,
}

#[expect(clippy::too_many_arguments, reason = "a row of a table")]
const fn told(
    kind: &'static str,
    namespace: &'static str,
    name: &'static str,
    warning: bool,
    reason: &'static str,
    message: &'static str,
    count: u32,
    ago: (f64, f64),
    from: &'static str,
) -> Told {
    Told { kind, namespace, name, warning, reason, message, count, ago, from }
}

const CART: &str = "cart-6f5b8d9c7-zx2qv";
const CHECKOUT: &str = "checkout-7d9c6b5f4-m8rkt";
const PAYMENTS: &str = "payments-79f8c6d5b-c9xnr";
const REPORT: &str = "report-55dd8c7f6-p4ghj";

#[rustfmt::skip]
const EVENTS: &[Told] = &[
    told("Pod", "shop", CART, false, "Scheduled", "Successfully assigned shop/cart-6f5b8d9c7-zx2qv to node-b", 1, (3600.0, 3600.0), "default-scheduler"),
    told("Pod", "shop", CART, false, "Pulled", "Container image \"registry.example.com/cart:2.4.0\" already present on machine", 15, (3590.0, 240.0), "kubelet"),
    told("Pod", "shop", CART, true, "BackOff", "Back-off restarting failed container cart in pod cart-6f5b8d9c7-zx2qv_shop", 212, (3500.0, 45.0), "kubelet"),
    told("Pod", "shop", CHECKOUT, true, "Failed", "Failed to pull image \"registry.example.com/checkout:9.9.9\": rpc error: code = NotFound desc = failed to pull and unpack image \"registry.example.com/checkout:9.9.9\": not found", 6, (1500.0, 300.0), "kubelet"),
    told("Pod", "shop", CHECKOUT, true, "Failed", "Error: ImagePullBackOff", 90, (1480.0, 60.0), "kubelet"),
    told("Pod", "shop", CHECKOUT, false, "BackOff", "Back-off pulling image \"registry.example.com/checkout:9.9.9\"", 94, (1480.0, 30.0), "kubelet"),
    told("Pod", "shop", REPORT, true, "FailedScheduling", UNSCHEDULABLE, 9, (2400.0, 120.0), "default-scheduler"),
    told("Pod", "shop", PAYMENTS, true, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", 170, (1780.0, 10.0), "kubelet"),
    told("Deployment", "shop", "payments", false, "ScalingReplicaSet", "Scaled up replica set payments-79f8c6d5b from 0 to 1", 1, (1800.0, 1800.0), "deployment-controller"),
    told("PersistentVolumeClaim", "shop", "uploads", true, "ProvisioningFailed", "storageclass.storage.k8s.io \"fast\" not found", 201, (3000.0, 15.0), "persistentvolume-controller"),
    told("Job", "shop", "migrate", true, "BackoffLimitExceeded", "Job has reached the specified backoff limit", 1, (10_440.0, 10_440.0), "job-controller"),
    told("CronJob", "shop", "tidy", false, "SawCompletedJob", "Saw completed job: tidy-29500320, condition: Complete", 1, (43_000.0, 43_000.0), "cronjob-controller"),
    told("Deployment", "default", "web", false, "ScalingReplicaSet", "Scaled up replica set web-7c6d5e4f36 from 2 to 3", 1, (172_800.0, 172_800.0), "deployment-controller"),
    told("Node", "default", "node-b", true, "SystemOOM", "System OOM encountered, victim process: cart, pid: 81321", 14, (3500.0, 180.0), "kubelet"),
];

pub(super) fn plant(seed: &mut Seed<'_>) {
    for (number, told) in EVENTS.iter().enumerate() {
        let event = event(seed, told, number);
        seed.put(event);
    }
}

fn event(seed: &Seed<'_>, told: &Told, number: usize) -> Value {
    // What the cluster owns is reported in `default`.
    let about = seed.known(told.kind, if told.kind == "Node" { "" } else { told.namespace }, told.name);
    let mut involved = json!({
        "apiVersion": about["apiVersion"], "kind": told.kind, "name": told.name, "uid": about["metadata"]["uid"],
        "resourceVersion": about["metadata"]["resourceVersion"],
    });
    if told.kind == "Node" {
        involved["uid"] = told.name.into();
    } else {
        involved["namespace"] = told.namespace.into();
    }
    if told.kind == "Pod" && told.from == "kubelet" {
        let container = told.name.split('-').next().unwrap_or_default();
        involved["fieldPath"] = format!("spec.containers{{{container}}}").into();
    }
    let (first, last) = (seed.ago(told.ago.0), seed.ago(told.ago.1));
    let mut source = json!({ "component": told.from });
    if told.from == "kubelet" {
        source["host"] =
            if told.kind == "Node" { told.name.into() } else { about["spec"]["nodeName"].clone() };
    }
    json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {
            "name": format!("{}.18{number:014x}", told.name), "namespace": told.namespace, "creationTimestamp": first,
        },
        "involvedObject": involved, "type": if told.warning { "Warning" } else { "Normal" }, "reason": told.reason,
        "message": told.message, "count": told.count, "firstTimestamp": first, "lastTimestamp": last,
        "source": source, "reportingComponent": told.from, "reportingInstance": "",
    })
}
