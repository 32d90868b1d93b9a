//! A web application in `default` that is well: three revisions, the last of which serves.

use serde_json::{Value, json};

use super::Seed;
use super::make::{Container, Pod, Workload, container};
use crate::owned;

const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;

/// Hash of the template, image, and days since, by revision.
const REVISIONS: [(&str, &str, f64); 3] = [
    ("5d4f8c7b94", "registry.example.com/web:1.25", 20.0),
    ("6b7c9d8f55", "registry.example.com/web:1.26", 9.0),
    ("7c6d5e4f36", "registry.example.com/web:1.27", 2.0),
];

/// Ends of the pods' names, and their nodes.
const PODS: [(&str, &str); 3] = [("4k2xp", "node-a"), ("9wq7d", "node-b"), ("hb6zt", "node-b")];

pub(super) fn plant(seed: &mut Seed<'_>) {
    deployment(seed);
    serving(seed);
    settings(seed);
    scaling(seed);
}

fn work(image: &str, days: f64) -> Workload<'static> {
    let mut web = container("web", image, "64Mi", "128Mi");
    web["ports"] = json!([{ "name": "http", "containerPort": 8080, "protocol": "TCP" }]);
    web["env"] = json!([
        { "name": "LOG_LEVEL", "value": "info" },
        { "name": "TOKEN", "valueFrom": { "secretKeyRef": { "name": "web-token", "key": "token" } } },
    ]);
    web["readinessProbe"] = json!({
        "httpGet": { "path": "/ready", "port": 8080, "scheme": "HTTP" }, "periodSeconds": 5, "timeoutSeconds": 1,
        "successThreshold": 1, "failureThreshold": 3,
    });
    Workload {
        kind: "Deployment",
        namespace: "default",
        name: "web",
        labels: json!({ "app": "web" }),
        containers: vec![web],
        age: days * DAY,
    }
}

fn deployment(seed: &mut Seed<'_>) {
    let (current, image, days) = REVISIONS[2];
    let since = seed.ago(days * DAY);
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": message,
            "lastUpdateTime": since, "lastTransitionTime": since,
        })
    };
    let progress = format!("ReplicaSet \"web-{current}\" has successfully progressed.");
    let status = json!({
        "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
        "conditions": [
            condition("Available", "MinimumReplicasAvailable", "Deployment has minimum availability."),
            condition("Progressing", "NewReplicaSetAvailable", &progress),
        ],
    });
    let work_now = Workload { age: REVISIONS[0].2 * DAY, ..work(image, days) };
    seed.deployment(&work_now, 3, 3, &status);
    let mut web = seed.known("Deployment", "default", "web");
    web["metadata"]["managedFields"] = managed(&web, &seed.ago(days * DAY));
    seed.put(web);
    for (revision, (hash, image, days)) in (1..).zip(REVISIONS) {
        let replicas = if hash == current { 3 } else { 0 };
        seed.replica_set(&work(image, days), hash, revision, replicas, replicas);
    }
    let set = format!("web-{current}");
    for (end, node) in PODS {
        let name = format!("{set}-{end}");
        let spec = work(image, days).containers[0].clone();
        seed.pod(&Pod {
            namespace: "default",
            name: &name,
            owner: ("ReplicaSet", &set),
            labels: json!({ "app": "web", "pod-template-hash": current }),
            node: Some(node),
            phase: "Running",
            age: days * DAY,
            containers: vec![Container::running(spec, &seed.ago(days * DAY))],
        });
        seed.log(
            ("default", &name, "web", false),
            &[
                (2.0 * DAY, "level=info msg=\"listening\" port=8080"),
                (2.0 * HOUR, "level=info msg=\"GET /\" status=200 duration=3ms"),
                (90.0, "level=warn msg=\"slow request\" path=/search duration=1.2s"),
                (30.0, "level=info msg=\"GET /cart\" status=200 duration=4ms"),
                (5.0, "level=info msg=\"GET /ready\" status=200 duration=1ms"),
            ],
        );
    }
}

/// A person applied the spec, a controller wrote the rest.
fn managed(web: &Value, time: &str) -> Value {
    let kind = crate::kinds::named("Deployment").unwrap();
    let (mut spec, mut status) = (web.clone(), json!({ "status": web["status"] }));
    spec.as_object_mut().unwrap().remove("status");
    let annotations = spec["metadata"]["annotations"].take();
    status["metadata"]["annotations"] = annotations;
    let entry = |manager: &str, part: &str, object: &Value| {
        let fields = owned::fields(&owned::leaves(kind, object).into_keys().collect());
        let mut entry = json!({
            "manager": manager, "operation": "Update", "apiVersion": "apps/v1", "time": time,
            "fieldsType": "FieldsV1", "fieldsV1": fields,
        });
        if !part.is_empty() {
            entry["subresource"] = part.into();
        }
        entry
    };
    json!([
        entry("kubectl-client-side-apply", "", &spec),
        entry("kube-controller-manager", "status", &status)
    ])
}

fn serving(seed: &mut Seed<'_>) {
    seed.put(json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "web", "namespace": "default", "labels": { "app": "web" } },
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.12.7", "clusterIPs": ["10.96.12.7"], "selector": { "app": "web" },
            "ports": [{ "name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP" }],
            "sessionAffinity": "None", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
        },
        "status": { "loadBalancer": {} },
    }));
    let set = format!("web-{}", REVISIONS[2].0);
    let endpoints: Vec<Value> = PODS
        .iter()
        .map(|(end, _)| {
            let pod = seed.known("Pod", "default", &format!("{set}-{end}"));
            json!({
                "addresses": [pod["status"]["podIP"]], "nodeName": pod["spec"]["nodeName"],
                "conditions": { "ready": true, "serving": true, "terminating": false },
                "targetRef": {
                    "kind": "Pod", "namespace": "default", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"],
                },
            })
        })
        .collect();
    let owner = seed.owner("Service", "default", "web");
    seed.put(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": "web-x7k2m", "namespace": "default", "ownerReferences": owner,
            "labels": { "kubernetes.io/service-name": "web", "app": "web" },
        },
        "addressType": "IPv4", "endpoints": endpoints,
        "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
    }));
    seed.put(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": { "name": "web", "namespace": "default" },
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{ "host": "shop.example.com", "http": { "paths": [{
                "path": "/", "pathType": "Prefix",
                "backend": { "service": { "name": "web", "port": { "number": 80 } } },
            }] } }],
        },
        "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.10" }] } },
    }));
}

fn settings(seed: &mut Seed<'_>) {
    seed.put(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "web-settings", "namespace": "default", "labels": { "app": "web" } },
        "data": { "theme": "dark", "settings.yaml": "cache: 30s\nregion: eu\n" },
    }));
    seed.put(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "name": "web-token", "namespace": "default", "labels": { "app": "web" } },
        "data": { "token": "aHVudGVyMg==", "user": "d2Vi" },
    }));
}

fn scaling(seed: &mut Seed<'_>) {
    let since = seed.ago(2.0 * DAY);
    let condition = |kind: &str, status: &str, reason: &str, message: &str| json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since });
    seed.put(json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "web", "namespace": "default" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
            "minReplicas": 2, "maxReplicas": 6,
            "metrics": [{ "type": "Resource", "resource": {
                "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 },
            } }],
        },
        "status": {
            "currentReplicas": 3, "desiredReplicas": 3, "lastScaleTime": since,
            "currentMetrics": [{ "type": "Resource", "resource": {
                "name": "cpu", "current": { "averageUtilization": 24, "averageValue": "12m" },
            } }],
            "conditions": [
                condition("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size"),
                condition("ScalingActive", "True", "ValidMetricFound", "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)"),
                condition("ScalingLimited", "False", "DesiredWithinRange", "the desired count is within the acceptable range"),
            ],
        },
    }));
    let mut allowed = condition("DisruptionAllowed", "True", "SufficientPods", "");
    allowed["observedGeneration"] = 1.into();
    seed.put(json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": { "name": "web", "namespace": "default" },
        "spec": { "minAvailable": 2, "selector": { "matchLabels": { "app": "web" } } },
        "status": {
            "observedGeneration": 1, "currentHealthy": 3, "desiredHealthy": 2, "disruptionsAllowed": 1,
            "expectedPods": 3, "conditions": [allowed],
        },
    }));
}
