//! Workloads and their pods, as controllers and kubelets write them.

use serde_json::{Value, json};

use super::Seed;

/// A container of a pod, and how it fares.
pub struct Container {
    /// What is asked for.
    pub spec: Value,
    /// `running`, `waiting` or `terminated`.
    pub state: Value,
    /// How the one before it ended.
    pub last: Value,
    /// How often it was started again.
    pub restarts: i64,
    /// Whether it serves.
    pub ready: bool,
}

/// A pod of a workload.
pub struct Pod<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    /// Kind and name of what controls it.
    pub owner: (&'a str, &'a str),
    pub labels: Value,
    /// None: nobody found a place for it.
    pub node: Option<&'a str>,
    pub phase: &'a str,
    /// Seconds.
    pub age: f64,
    pub containers: Vec<Container>,
}

/// A workload that makes pods.
pub struct Workload<'a> {
    pub kind: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    /// Of its pods, and what it selects.
    pub labels: Value,
    pub containers: Vec<Value>,
    /// Seconds.
    pub age: f64,
}

impl Container {
    /// One that runs and serves.
    pub fn running(spec: Value, since: &str) -> Self {
        Self {
            spec,
            state: json!({ "running": { "startedAt": since } }),
            last: json!({}),
            restarts: 0,
            ready: true,
        }
    }

    /// One that waits.
    pub fn waiting(spec: Value, reason: &str, message: &str) -> Self {
        let state = json!({ "waiting": { "reason": reason, "message": message } });
        Self { spec, state, last: json!({}), restarts: 0, ready: false }
    }
}

/// What a container asks for: name, image, requested and most memory.
pub fn container(name: &str, image: &str, requested: &str, limit: &str) -> Value {
    json!({
        "name": name, "image": image, "imagePullPolicy": "IfNotPresent",
        "resources": { "requests": { "cpu": "50m", "memory": requested }, "limits": { "memory": limit } },
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
    })
}

/// The template of a workload's pods.
pub fn template(labels: &Value, containers: &[Value]) -> Value {
    json!({
        "metadata": { "labels": labels },
        "spec": {
            "containers": containers, "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler", "securityContext": {}, "terminationGracePeriodSeconds": 30,
        },
    })
}

impl Workload<'_> {
    /// With what its kind has in its spec besides, and its status.
    pub fn object(&self, seed: &Seed<'_>, more: &Value, status: &Value) -> Value {
        let group = if self.kind == "Job" { "batch/v1" } else { "apps/v1" };
        let mut object = json!({
            "apiVersion": group, "kind": self.kind,
            "metadata": {
                "name": self.name, "namespace": self.namespace, "labels": self.labels,
                "creationTimestamp": seed.ago(self.age),
            },
            "spec": {
                "selector": { "matchLabels": self.labels },
                "template": template(&self.labels, &self.containers),
            },
            "status": status,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            object["spec"][key] = value.clone();
        }
        object
    }
}

impl Seed<'_> {
    /// A deployment at a revision, with its condition of progress and those of its replicas that are up.
    pub fn deployment(&mut self, work: &Workload<'_>, revision: u32, replicas: i64, status: &Value) {
        let spec = json!({
            "replicas": replicas, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" } },
        });
        let mut object = work.object(self, &spec, status);
        object["metadata"]["generation"] = revision.into();
        object["status"]["observedGeneration"] = revision.into();
        object["metadata"]["annotations"] =
            json!({ "deployment.kubernetes.io/revision": revision.to_string() });
        self.put(object);
    }

    /// A replica set of a deployment, its hash being the end of its name.
    pub fn replica_set(&mut self, work: &Workload<'_>, hash: &str, revision: u32, replicas: i64, ready: i64) {
        let name = format!("{}-{hash}", work.name);
        let mut labels = work.labels.clone();
        labels["pod-template-hash"] = hash.into();
        let set = Workload {
            kind: "ReplicaSet",
            name: &name,
            labels,
            containers: work.containers.clone(),
            namespace: work.namespace,
            age: work.age,
        };
        let mut status =
            json!({ "replicas": replicas, "observedGeneration": 1, "fullyLabeledReplicas": replicas });
        if ready > 0 {
            status["readyReplicas"] = ready.into();
            status["availableReplicas"] = ready.into();
        }
        let mut object = set.object(self, &json!({ "replicas": replicas }), &status);
        object["metadata"]["annotations"] = json!({
            "deployment.kubernetes.io/revision": revision.to_string(),
            "deployment.kubernetes.io/desired-replicas": replicas.to_string(),
        });
        object["metadata"]["ownerReferences"] = self.owner("Deployment", work.namespace, work.name);
        self.put(object);
    }

    /// A pod, with the conditions that its containers make.
    pub fn pod(&mut self, pod: &Pod<'_>) {
        let created = self.ago(pod.age);
        let ready = pod.containers.iter().all(|one| one.ready);
        let condition = |kind: &str, holds: bool| {
            let status = if holds { "True" } else { "False" };
            json!({ "type": kind, "status": status, "lastTransitionTime": created })
        };
        let mut conditions = vec![condition("PodScheduled", pod.node.is_some())];
        let mut status = json!({ "phase": pod.phase, "qosClass": "Burstable" });
        let mut spec = template(
            &pod.labels,
            &pod.containers.iter().map(|one| one.spec.clone()).collect::<Vec<_>>(),
        )["spec"]
            .take();
        spec["serviceAccountName"] = "default".into();
        if pod.owner.0 == "Job" {
            spec["restartPolicy"] = "Never".into();
        }
        if let Some(node) = pod.node {
            spec["nodeName"] = node.into();
            let ip = format!(
                "10.244.{}.{}",
                u8::from(node.ends_with('b')),
                self.state.store.revision() % 200 + 20
            );
            status["startTime"] = created.clone().into();
            status["hostIP"] = (if node.ends_with('b') { "10.0.0.12" } else { "10.0.0.11" }).into();
            status["podIP"] = ip.clone().into();
            status["podIPs"] = json!([{ "ip": ip }]);
            status["containerStatuses"] = pod.containers.iter().map(container_status).collect();
            let unready: Vec<&str> = pod
                .containers
                .iter()
                .filter(|one| !one.ready)
                .filter_map(|one| one.spec["name"].as_str())
                .collect();
            for kind in ["Ready", "ContainersReady"] {
                let mut condition = condition(kind, ready);
                if !ready {
                    condition["reason"] = "ContainersNotReady".into();
                    condition["message"] =
                        format!("containers with unready status: [{}]", unready.join(" ")).into();
                }
                conditions.push(condition);
            }
            conditions.push(condition("Initialized", true));
        }
        status["conditions"] = conditions.into();
        self.put(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": pod.name, "namespace": pod.namespace, "labels": pod.labels,
                "generateName": format!("{}-", pod.owner.1), "creationTimestamp": created,
                "ownerReferences": self.owner(pod.owner.0, pod.namespace, pod.owner.1),
            },
            "spec": spec, "status": status,
        }));
    }
}

fn container_status(container: &Container) -> Value {
    let (name, image) = (&container.spec["name"], container.spec["image"].as_str().unwrap_or_default());
    let running = container.state["running"].is_object();
    let pulled = running || container.restarts > 0 || container.state["terminated"].is_object();
    let mut status = json!({
        "name": name, "image": image, "ready": container.ready, "restartCount": container.restarts,
        "started": running, "state": container.state, "lastState": container.last, "imageID": "",
    });
    if pulled {
        status["imageID"] = format!("{image}@sha256:{:064x}", image.len()).into();
        status["containerID"] = format!("containerd://{:064x}", image.len() * 7919).into();
    }
    status
}
