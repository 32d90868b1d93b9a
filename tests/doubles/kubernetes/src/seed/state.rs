//! What keeps state in `shop`: a database with two revisions, its volumes, a nightly job, and enough settings to page.

use serde_json::json;

use super::Seed;
use super::make::{Container, Pod, Workload, container, template};
use super::system::{controller_revision, revision_meta};

const DAY: f64 = 86_400.0;

pub(super) fn plant(seed: &mut Seed<'_>) {
    database(seed);
    nightly(seed);
    for number in 0..60 {
        seed.put(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": format!("setting-{number:02}"), "namespace": "shop",
                "labels": { "set": if number % 2 == 0 { "even" } else { "odd" } },
            },
            "data": { "number": number.to_string() },
        }));
    }
    seed.put(json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "limits", "namespace": "shop" },
        "spec": { "hard": { "pods": "20", "requests.cpu": "20" } },
        "status": { "hard": { "pods": "20", "requests.cpu": "20" }, "used": { "pods": "9", "requests.cpu": "17" } },
    }));
}

fn database(seed: &mut Seed<'_>) {
    let labels = json!({ "app": "db" });
    let of = |image: &str| {
        let mut db = container("db", image, "256Mi", "512Mi");
        db["volumeMounts"] = json!([{ "name": "data", "mountPath": "/var/lib/db" }]);
        vec![db, container("exporter", "registry.example.com/exporter:0.9", "16Mi", "32Mi")]
    };
    let (old, new) = (of("registry.example.com/db:17.1"), of("registry.example.com/db:17.2"));
    let work = Workload {
        kind: "StatefulSet",
        namespace: "shop",
        name: "db",
        labels: labels.clone(),
        containers: new.clone(),
        age: 30.0 * DAY,
    };
    let more = json!({
        "replicas": 2, "serviceName": "db", "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10,
        "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } },
        "volumeClaimTemplates": [{
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data" },
            "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "10Gi" } },
                "storageClassName": "standard", "volumeMode": "Filesystem",
            },
            "status": { "phase": "Pending" },
        }],
    });
    let status = json!({
        "replicas": 2, "readyReplicas": 2, "currentReplicas": 2, "updatedReplicas": 2, "availableReplicas": 2,
        "observedGeneration": 2, "collisionCount": 0, "currentRevision": "db-86b5d7c9f4",
        "updateRevision": "db-86b5d7c9f4",
    });
    let mut set = work.object(seed, &more, &status);
    set["metadata"]["generation"] = 2.into();
    seed.put(set);
    for (revision, hash, containers) in [(1, "5c8f7d6b94", &old), (2, "86b5d7c9f4", &new)] {
        let metadata = revision_meta(seed, "StatefulSet", "shop", "db", hash, &labels);
        seed.put(controller_revision(&metadata, revision, template(&labels, containers)));
    }
    seed.put(json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "db", "namespace": "shop", "labels": labels },
        "spec": {
            "type": "ClusterIP", "clusterIP": "None", "clusterIPs": ["None"], "selector": labels,
            "ports": [{ "name": "db", "port": 5432, "targetPort": 5432, "protocol": "TCP" }],
            "sessionAffinity": "None",
        },
        "status": { "loadBalancer": {} },
    }));
    for (number, node) in [(0, "node-a"), (1, "node-b")] {
        volume(seed, number);
        let name = format!("db-{number}");
        let running = |spec: &serde_json::Value| Container::running(spec.clone(), &seed.ago(12.0 * DAY));
        let containers = new.iter().map(running).collect();
        seed.pod(&Pod {
            namespace: "shop",
            name: &name,
            owner: ("StatefulSet", "db"),
            labels: json!({
                "app": "db", "controller-revision-hash": "db-86b5d7c9f4", "statefulset.kubernetes.io/pod-name": name,
            }),
            node: Some(node),
            phase: "Running",
            age: 12.0 * DAY,
            containers,
        });
        let mut pod = seed.known("Pod", "shop", &name);
        pod["spec"]["volumes"] =
            json!([{ "name": "data", "persistentVolumeClaim": { "claimName": format!("data-{name}") } }]);
        seed.put(pod);
        seed.log(
            ("shop", &name, "db", false),
            &[(600.0, "LOG: checkpoint complete"), (8.0, "LOG: checkpoint starting")],
        );
        seed.log(("shop", &name, "exporter", false), &[(300.0, "scraped 212 metrics")]);
    }
    let endpoints: Vec<_> = ["db-0", "db-1"]
        .into_iter()
        .map(|name| {
            let pod = seed.known("Pod", "shop", name);
            json!({
                "addresses": [pod["status"]["podIP"]], "hostname": name, "nodeName": pod["spec"]["nodeName"],
                "conditions": { "ready": true, "serving": true, "terminating": false },
                "targetRef": { "kind": "Pod", "namespace": "shop", "name": name, "uid": pod["metadata"]["uid"] },
            })
        })
        .collect();
    let owner = seed.owner("Service", "shop", "db");
    seed.put(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": "db-v9t3r", "namespace": "shop", "ownerReferences": owner,
            "labels": { "kubernetes.io/service-name": "db", "app": "db" },
        },
        "addressType": "IPv4", "endpoints": endpoints, "ports": [{ "name": "db", "port": 5432, "protocol": "TCP" }],
    }));
}

fn volume(seed: &mut Seed<'_>, number: i64) {
    let (claim, volume) = (format!("data-db-{number}"), format!("pvc-{number}f3c"));
    seed.put(json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": claim, "namespace": "shop", "labels": { "app": "db" } },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "10Gi" } },
            "storageClassName": "standard", "volumeMode": "Filesystem", "volumeName": volume,
        },
        "status": { "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "10Gi" } },
    }));
    let uid = seed.known("PersistentVolumeClaim", "shop", &claim)["metadata"]["uid"].clone();
    seed.put(json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": volume },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "10Gi" }, "volumeMode": "Filesystem",
            "persistentVolumeReclaimPolicy": "Delete", "storageClassName": "standard",
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "shop", "name": claim, "uid": uid,
            },
            "csi": { "driver": "disks.example.com", "volumeHandle": volume },
        },
        "status": { "phase": "Bound" },
    }));
}

fn nightly(seed: &mut Seed<'_>) {
    let spec = container("tidy", "registry.example.com/tidy:1.4", "32Mi", "64Mi");
    let mut template = template(&json!({ "app": "tidy" }), &[spec]);
    template["spec"]["restartPolicy"] = "OnFailure".into();
    let (last, created) = (seed.ago(0.5 * DAY), seed.ago(30.0 * DAY));
    seed.put(json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": { "name": "tidy", "namespace": "shop", "creationTimestamp": created },
        "spec": {
            "schedule": "0 0 * * *", "concurrencyPolicy": "Forbid", "suspend": false, "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1, "jobTemplate": { "spec": { "template": template } },
        },
        "status": { "lastScheduleTime": last, "lastSuccessfulTime": last },
    }));
}
