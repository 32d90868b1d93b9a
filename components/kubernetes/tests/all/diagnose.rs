//! `diagnose`: each rule finds what it is for, with its evidence, and is silent when all is well.

mod others;

use super::*;

fn diagnose(cluster: &Arc<Cluster>, kind: &str, namespace: &str, name: &str) -> Value {
    call(cluster, "diagnose", json!({ "kind": kind, "name": name, "namespace": namespace }))
}

/// `severity object problem`, of each finding.
fn findings(diagnosis: &Value) -> Vec<String> {
    let word = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let line = |finding: &Value| {
        format!("{} {} {}", word(finding, "severity"), word(finding, "object"), word(finding, "problem"))
    };
    diagnosis["findings"].as_array().unwrap().iter().map(line).collect()
}

/// The evidence of the finding of that problem.
#[track_caller]
fn evidence(diagnosis: &Value, problem: &str) -> Value {
    let all = diagnosis["findings"].as_array().unwrap();
    let found = all.iter().find(|finding| finding["problem"].as_str().unwrap().contains(problem));
    found.unwrap_or_else(|| panic!("no `{problem}` in {all:#?}"))["evidence"].clone()
}

/// Changes the one container of a pod of `web`.
fn container(cluster: &Arc<Cluster>, status: &Value) {
    cluster.edit("Pod", "default", "web-7c6d5e4f36-4k2xp", |pod| {
        let known = pod["status"]["containerStatuses"][0].as_object_mut().unwrap();
        known.extend(status.as_object().unwrap().clone());
        known.insert("ready".into(), false.into());
        for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
            if condition["type"] == "Ready" {
                condition["status"] = "False".into();
            }
        }
    });
}

fn pod(cluster: &Arc<Cluster>) -> Value {
    diagnose(cluster, "pod", "default", "web-7c6d5e4f36-4k2xp")
}

#[test]
fn what_is_well_has_no_findings() {
    let cluster = cluster();
    for (kind, namespace, name, verdict) in [
        ("deploy", "default", "web", "Deployment/web: complete: 3 of 3 available"),
        ("pod", "default", "web-7c6d5e4f36-4k2xp", "Pod/web-7c6d5e4f36-4k2xp: Running, 1/1 ready"),
        ("svc", "default", "web", "Service/web: 3 ready endpoints"),
        ("ingress", "default", "web", "Ingress/web: sends to web"),
        ("sts", "shop", "db", "StatefulSet/db: complete: 2 of 2 available"),
        ("ds", "kube-system", "agent", "DaemonSet/agent: complete: 2 of 2 available"),
        ("rs", "default", "web-7c6d5e4f36", "ReplicaSet/web-7c6d5e4f36: complete: 3 of 3 available"),
        ("node", "default", "node-a", "Node/node-a: ready, with 10 pods"),
        ("cronjob", "shop", "tidy", "CronJob/tidy: last run 12h ago, last success 12h ago"),
        ("pvc", "shop", "data-db-0", "PersistentVolumeClaim/data-db-0: nothing is wrong with it"),
        ("widget", "default", "gear", "Widget/gear: nothing is wrong with it"),
    ] {
        let diagnosis = diagnose(&cluster, kind, namespace, name);
        let serious: Vec<String> =
            findings(&diagnosis).into_iter().filter(|finding| !finding.starts_with("info")).collect();
        assert_eq!(serious, Vec::<String>::new(), "{kind}");
        assert_eq!(diagnosis["healthy"], true, "{kind}");
        let start = verdict.split(", with").next().unwrap();
        assert!(
            diagnosis["verdict"].as_str().unwrap().starts_with(start),
            "{kind}: {}",
            diagnosis["verdict"]
        );
    }
}

#[test]
fn out_of_memory_is_told_with_the_limit_and_the_last_words() {
    let mock = host(&cluster());
    let arguments = json!({ "kind": "deploy", "name": "cart", "namespace": "shop" });
    let output = testing::call::<Kubernetes>(config(), &mock, "diagnose", arguments).unwrap();
    let cart = output.structured().unwrap();
    assert_eq!(
        findings(cart),
        [
            "critical Pod/cart-6f5b8d9c7-zx2qv container cart is killed because it runs out of memory (OOMKilled)"
        ]
    );
    assert_eq!(
        cart["findings"][0]["evidence"],
        json!([
            "container cart ended with exit 137 (OOMKilled), 3m ago",
            "memory limit 128Mi",
            "14 restarts"
        ])
    );
    assert_eq!(cart["logs"][0]["previous"], true);
    assert!(cart["logs"][0]["text"].as_str().unwrap().ends_with("cannot allocate memory\" wanted=16Mi"));
    assert_eq!(cart["pods"][0]["status"], "CrashLoopBackOff");
    assert!(
        cart["events"][0]
            .as_str()
            .unwrap()
            .starts_with("Pod/cart-6f5b8d9c7-zx2qv BackOff (212 times, last 45s ago)")
    );
    assert_eq!(mock.in_flight_at_most(), 7, "what surrounds it is read at once");
    assert_eq!(mock.requests().len(), 10);
}

#[test]
fn the_seed_is_found_out() {
    let cluster = cluster();
    let checkout = diagnose(&cluster, "deploy", "shop", "checkout");
    assert_eq!(
        findings(&checkout),
        ["critical Pod/checkout-7d9c6b5f4-m8rkt the image of container checkout cannot be pulled"]
    );
    assert_eq!(evidence(&checkout, "pulled")[0], "image registry.example.com/checkout:9.9.9");
    let report = diagnose(&cluster, "deploy", "shop", "report");
    assert_eq!(findings(&report), ["critical Pod/report-55dd8c7f6-p4ghj cannot be scheduled on any node"]);
    assert!(
        evidence(&report, "scheduled")[0]
            .as_str()
            .unwrap()
            .starts_with("scheduler: 0/2 nodes are available: 2 Insufficient cpu")
    );
    let payments = diagnose(&cluster, "deploy", "shop", "payments");
    assert_eq!(
        findings(&payments),
        [
            "critical Pod/payments-79f8c6d5b-c9xnr container payments runs but is not ready",
            "critical Deployment/payments its rollout is stuck",
            "warning Deployment/payments only the newest revision is sick; the one before it still serves",
        ]
    );
    assert_eq!(
        evidence(&payments, "is not ready"),
        json!([
            "readiness probe: HTTP GET /healthz on port 9000",
            "Unhealthy (170 times, last 10s ago): Readiness probe failed: HTTP probe failed with statuscode: 503",
        ])
    );
    assert_eq!(
        evidence(&payments, "newest revision")[1],
        "images registry.example.com/payments:5.0 → registry.example.com/payments:5.1"
    );
    assert_eq!(
        payments["logs"][0]["text"],
        "level=error msg=\"no route to ledger:5432\"\nlevel=error msg=\"no route to ledger:5432\""
    );
}

#[test]
fn a_failed_job_is_told_with_its_pods_and_their_logs() {
    let job = diagnose(&cluster(), "job", "shop", "migrate");
    assert_eq!(
        findings(&job),
        [
            "critical Pod/migrate-7xk4d, Pod/migrate-q2m9f container migrate failed",
            "critical Job/migrate failed",
        ]
    );
    assert_eq!(
        evidence(&job, "container migrate failed")[0],
        "container migrate ended with exit 1, 2h ago: relation \"orders\" does not exist"
    );
    assert_eq!(job["logs"][0]["text"], "migrating to 2.4.0\nerror: relation \"orders\" does not exist");
}

#[test]
fn containers_that_do_not_start_are_told_apart() {
    for (waiting, problem) in [
        (json!({ "reason": "CrashLoopBackOff" }), "container web crashes again and again"),
        (
            json!({ "reason": "CreateContainerConfigError", "message": "secret \"x\" not found" }),
            "container web refers to configuration that is not there",
        ),
        (
            json!({ "reason": "RunContainerError", "message": "exec: not found" }),
            "container web cannot be started",
        ),
        (json!({ "reason": "InvalidImageName" }), "the image of container web cannot be pulled"),
    ] {
        let cluster = cluster();
        container(
            &cluster,
            &json!({
                "state": { "waiting": waiting }, "restartCount": 3,
                "lastState": { "terminated": { "exitCode": 127, "reason": "Error", "finishedAt": ago(30) } },
            }),
        );
        let found = pod(&cluster);
        assert_eq!(findings(&found), [format!("critical Pod/web-7c6d5e4f36-4k2xp {problem}")]);
        if let Some(message) = waiting["message"].as_str() {
            assert_eq!(evidence(&found, problem)[0], message);
        }
        if waiting["reason"] == "CrashLoopBackOff" {
            assert_eq!(
                evidence(&found, problem),
                json!([
                    "container web ended with exit 127 (the command is not in the image), 30s ago",
                    "3 restarts"
                ])
            );
        }
    }
}

#[test]
fn a_container_that_restarts_often_or_gets_no_ready_is_told() {
    let cluster = cluster();
    let last = json!({ "terminated": { "exitCode": 143, "reason": "Error", "finishedAt": ago(600) } });
    container(&cluster, &json!({ "restartCount": 7, "lastState": last }));
    assert_eq!(
        findings(&pod(&cluster)),
        ["critical Pod/web-7c6d5e4f36-4k2xp container web runs but is not ready"]
    );
    cluster.edit("Pod", "default", "web-7c6d5e4f36-4k2xp", |pod| {
        pod["status"]["containerStatuses"][0]["ready"] = true.into();
    });
    assert_eq!(findings(&pod(&cluster)), ["warning Pod/web-7c6d5e4f36-4k2xp container web restarts often"]);
    container(
        &cluster,
        &json!({ "restartCount": 0, "lastState": {}, "state": { "running": { "startedAt": ago(20) } } }),
    );
    assert_eq!(findings(&pod(&cluster)), [""; 0], "it has just been started");
}

#[test]
fn what_comes_before_a_container_runs_is_told() {
    let of = |edit: &dyn Fn(&mut Value)| {
        let cluster = cluster();
        cluster.edit("Pod", "default", "web-7c6d5e4f36-4k2xp", |pod| {
            pod["metadata"]["creationTimestamp"] = ago(900).into();
            pod["status"]["startTime"] = ago(900).into();
            edit(pod);
        });
        findings(&pod(&cluster))
    };
    let creating = json!({ "waiting": { "reason": "ContainerCreating" } });
    let init = json!({ "name": "migrate", "image": "m", "ready": false, "restartCount": 2, "state": {
        "waiting": { "reason": "CrashLoopBackOff" } }, "lastState": { "terminated": { "exitCode": 2, "reason": "Error" } },
    });
    assert_eq!(
        of(&|pod| pod["status"]["containerStatuses"][0]["state"] = creating.clone()),
        ["warning Pod/web-7c6d5e4f36-4k2xp is still being created"]
    );
    assert_eq!(
        of(&|pod| {
            pod["spec"]["initContainers"] = json!([{ "name": "migrate", "image": "m" }]);
            pod["status"]["initContainerStatuses"] = json!([init]);
            pod["status"]["containerStatuses"][0]["state"] =
                json!({ "waiting": { "reason": "PodInitializing" } });
        }),
        ["critical Pod/web-7c6d5e4f36-4k2xp init container migrate crashes again and again"]
    );
    assert_eq!(
        of(&|pod| pod["status"] = json!({ "phase": "Pending", "conditions": [
            { "type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "gates" }
        ] })),
        ["critical Pod/web-7c6d5e4f36-4k2xp waits for its scheduling gates"]
    );
    assert_eq!(
        of(&|pod| pod["status"] = json!({ "phase": "Pending", "conditions": [] })),
        ["critical Pod/web-7c6d5e4f36-4k2xp its node does not start it"]
    );
    let cluster = cluster();
    cluster.edit("Pod", "shop", "cart-6f5b8d9c7-zx2qv", |pod| {
        pod["spec"]["containers"][0]["resources"].as_object_mut().unwrap().remove("limits");
    });
    let cart = diagnose(&cluster, "pod", "shop", "cart-6f5b8d9c7-zx2qv");
    assert_eq!(evidence(&cart, "OOMKilled")[1], "no memory limit: the node itself ran out");
}

#[test]
fn a_pod_whose_node_is_lost_is_told_with_its_node() {
    let cluster = cluster();
    cluster.pressure("node-a", "Ready");
    cluster.edit("Pod", "default", "web-7c6d5e4f36-4k2xp", |pod| {
        for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
            if condition["type"] == "Ready" {
                condition["status"] = "False".into();
                condition["reason"] = "NodeLost".into();
            }
        }
    });
    assert_eq!(
        findings(&pod(&cluster)),
        [
            "critical Node/node-a is not ready",
            "warning Pod/web-7c6d5e4f36-4k2xp is not ready, though its containers are",
        ]
    );
}

#[test]
fn pods_that_are_evicted_or_do_not_go_are_told() {
    let cluster = cluster();
    cluster.edit("Pod", "default", "web-7c6d5e4f36-4k2xp", |pod| {
        pod["status"]["phase"] = "Failed".into();
        pod["status"]["reason"] = "Evicted".into();
        pod["status"]["message"] = "The node was low on resource: memory.".into();
    });
    let evicted = pod(&cluster);
    assert_eq!(findings(&evicted), ["critical Pod/web-7c6d5e4f36-4k2xp failed: Evicted"]);
    assert_eq!(evidence(&evicted, "Evicted"), json!(["The node was low on resource: memory."]));
    cluster.edit("Pod", "default", "web-7c6d5e4f36-9wq7d", |pod| {
        pod["metadata"]["deletionTimestamp"] = ago(900).into();
        pod["metadata"]["finalizers"] = json!(["example.com/hold"]);
    });
    let stuck = diagnose(&cluster, "pod", "default", "web-7c6d5e4f36-9wq7d");
    assert_eq!(
        findings(&stuck),
        ["warning Pod/web-7c6d5e4f36-9wq7d has been going for long and is still there"]
    );
    assert_eq!(
        evidence(&stuck, "going"),
        json!(["it should have been gone 15m ago", "finalizers: example.com/hold"])
    );
    assert_eq!(stuck["status"], "Terminating");
}

#[test]
fn what_a_pod_waits_for_is_told() {
    let cluster = cluster();
    cluster.edit("Pod", "shop", "db-0", |pod| {
        pod["spec"]["volumes"] = json!([
            { "name": "a", "persistentVolumeClaim": { "claimName": "uploads" } },
            { "name": "b", "persistentVolumeClaim": { "claimName": "nowhere" } },
        ]);
    });
    let db = diagnose(&cluster, "pod", "shop", "db-0");
    assert_eq!(
        findings(&db),
        [
            "critical PersistentVolumeClaim/nowhere is not there, and a pod mounts it",
            "critical PersistentVolumeClaim/uploads is Pending, so that pods with it cannot start",
        ]
    );
    assert_eq!(evidence(&db, "Pending"), json!(["storage class fast"]));
    let claim = diagnose(&cluster, "pvc", "shop", "uploads");
    assert_eq!(
        evidence(&claim, "Pending")[0],
        "ProvisioningFailed (201 times, last 15s ago): storageclass.storage.k8s.io \"fast\" not found"
    );
}

#[test]
fn pods_that_cannot_be_made_are_told_with_the_quota() {
    let cluster = cluster();
    let refusal = "pods \"search-v2-x\" is forbidden: exceeded quota: limits";
    cluster.edit("Deployment", "shop", "search-v2", |deployment| {
        deployment["spec"]["replicas"] = 2.into();
        deployment["status"]["conditions"].as_array_mut().unwrap().push(json!({
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refusal,
        }));
    });
    cluster.edit("ResourceQuota", "shop", "limits", |quota| quota["status"]["used"]["pods"] = "20".into());
    let found = diagnose(&cluster, "deploy", "shop", "search-v2");
    assert_eq!(
        findings(&found),
        [
            "critical Deployment/search-v2 its pods cannot be made",
            "warning ResourceQuota/limits is used up: no pod that needs more of it can be made",
        ]
    );
    assert_eq!(
        evidence(&found, "cannot be made")[0],
        format!("ReplicaFailure=True (FailedCreate): {refusal}")
    );
    assert_eq!(evidence(&found, "used up"), json!(["pods: 20 of 20"]));
}

#[test]
fn autoscalers_budgets_and_nodes_are_looked_at() {
    let cluster = cluster();
    cluster.edit("HorizontalPodAutoscaler", "default", "web", |hpa| {
        hpa["status"]["currentReplicas"] = 6.into();
        hpa["status"]["conditions"] = json!([
            { "type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas", "message": "the desired count is more than the maximum" },
            { "type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": "no metrics" },
        ]);
    });
    cluster.edit("PodDisruptionBudget", "default", "web", |budget| {
        budget["status"]["disruptionsAllowed"] = 0.into()
    });
    container(&cluster, &json!({}));
    cluster.pressure("node-a", "MemoryPressure");
    let web = diagnose(&cluster, "deploy", "default", "web");
    assert_eq!(
        findings(&web),
        [
            "critical Pod/web-7c6d5e4f36-4k2xp container web runs but is not ready",
            "critical Node/node-a has MemoryPressure",
            "warning HorizontalPodAutoscaler/web is at its maximum and wants more",
            "warning HorizontalPodAutoscaler/web cannot scale",
            "info PodDisruptionBudget/web allows no eviction now, so that a drain waits for it",
        ]
    );
    assert_eq!(evidence(&web, "at its maximum")[0], "6 of at most 6 replicas");
}

#[test]
fn what_is_scaled_to_zero_or_paused_is_told() {
    let cluster = cluster();
    cluster.edit("Deployment", "default", "web", |web| {
        web["spec"]["replicas"] = 0.into();
        web["status"] = json!({ "observedGeneration": 99 });
    });
    let zero = diagnose(&cluster, "deploy", "default", "web");
    assert!(findings(&zero).contains(&"info Deployment/web is scaled to zero".to_owned()), "{zero}");
    assert_eq!(zero["healthy"], true);
    cluster.edit("Deployment", "shop", "search-v2", |deployment| deployment["spec"]["paused"] = true.into());
    let paused = diagnose(&cluster, "deploy", "shop", "search-v2");
    assert_eq!(findings(&paused), ["warning Deployment/search-v2 is paused in the middle of a rollout"]);
}

#[test]
fn what_may_not_be_read_is_told_and_does_not_end_it() {
    let cluster = cluster();
    for resource in ["events", "resourcequotas", "persistentvolumeclaims", "pods/log", "nodes"] {
        cluster.deny("*", resource, "");
        cluster.deny("*", resource, "shop");
    }
    let cart = diagnose(&cluster, "deploy", "shop", "cart");
    assert_eq!(findings(&cart).len(), 1);
    let missing: Vec<&str> = cart["not_read"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap().split(':').next().unwrap())
        .collect();
    assert_eq!(
        missing,
        ["PersistentVolumeClaim", "ResourceQuota", "events", "node node-b", "log of cart-6f5b8d9c7-zx2qv"]
    );
    assert_eq!(
        refused(&cluster, "diagnose", json!({ "kind": "deploy", "name": "nothing" })),
        "deployments.apps \"nothing\" not found (404)"
    );
}
