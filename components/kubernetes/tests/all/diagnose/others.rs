//! Nodes, Services, Ingresses, CronJobs, and any other kind.

use super::*;

#[test]
fn a_node_is_told_from_its_pods() {
    let cluster = cluster();
    let node = diagnose(&cluster, "node", "default", "node-b");
    assert_eq!(findings(&node)[0], "warning Node/node-b reports SystemOOM");
    assert!(findings(&node)[1].starts_with("info Pod/cart-6f5b8d9c7-zx2qv "));
    cluster.pressure("node-b", "Ready");
    cluster.edit("Node", "", "node-b", |node| {
        node["spec"]["unschedulable"] = true.into();
        node["spec"]["taints"] = json!([{ "key": "node.kubernetes.io/unreachable", "effect": "NoExecute" }]);
        node["status"]["allocatable"]["cpu"] = "400m".into();
    });
    let node = diagnose(&cluster, "node", "default", "node-b");
    let all = findings(&node);
    assert_eq!(all[0], "critical Node/node-b is not ready");
    assert!(
        all.contains(&"warning Node/node-b has no room: its pods ask for nearly all it has".to_owned()),
        "{all:?}"
    );
    assert!(all.contains(&"info Node/node-b is cordoned: no new pods".to_owned()), "{all:?}");
    assert_eq!(evidence(&node, "no room")[0], "CPU: 400m of 400m requested");
    assert_eq!(node["taints"], json!(["node.kubernetes.io/unreachable:NoExecute"]));
}

#[test]
fn a_service_that_nobody_is_behind_is_told_with_what_is_nearest() {
    let cluster = cluster();
    let search = diagnose(&cluster, "svc", "shop", "search");
    assert_eq!(findings(&search), ["critical Service/search selects no pod: nobody is behind it"]);
    assert_eq!(
        evidence(&search, "selects no pod"),
        json!([
            "selector app=search,tier=backend",
            "nearest: Pod/search-v2-5b7f6d8c9-w2kqs has app=search-v2,pod-template-hash=5b7f6d8c9",
        ])
    );
}

#[test]
fn ports_and_readiness_behind_a_service_are_told() {
    let cluster = cluster();
    cluster.edit("Service", "default", "web", |web| web["spec"]["ports"][0]["targetPort"] = "https".into());
    let named = diagnose(&cluster, "svc", "default", "web");
    assert_eq!(
        findings(&named),
        ["critical Service/web sends port 80 to \"https\", which its pods do not declare"]
    );
    assert_eq!(evidence(&named, "do not declare"), json!(["pods declare: http 8080"]));
    cluster.edit("Service", "default", "web", |web| web["spec"]["ports"][0]["targetPort"] = 9999.into());
    assert_eq!(
        findings(&diagnose(&cluster, "svc", "default", "web")),
        ["warning Service/web sends port 80 to 9999, which its pods do not declare"]
    );
    cluster.edit("Service", "default", "web", |web| web["spec"]["ports"][0]["targetPort"] = 8080.into());
    for pod in ["4k2xp", "9wq7d", "hb6zt"] {
        cluster.edit("Pod", "default", &format!("web-7c6d5e4f36-{pod}"), |pod| {
            pod["status"]["containerStatuses"][0]["ready"] = false.into();
            for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
                condition["status"] = "False".into();
            }
        });
    }
    let unready = diagnose(&cluster, "svc", "default", "web");
    assert!(
        findings(&unready)
            .contains(&"critical Service/web has no ready endpoint: none of its pods is ready".to_owned()),
        "{unready}"
    );
}

#[test]
fn services_of_other_kinds_are_told_as_they_are() {
    let cluster = cluster();
    let service = |spec: Value| {
        cluster.put(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "other", "namespace": "default" }, "spec": spec,
        }));
        diagnose(&cluster, "svc", "default", "other")
    };
    let alias = service(json!({ "type": "ExternalName", "externalName": "db.example.com" }));
    assert_eq!(
        (&alias["verdict"], &alias["healthy"]),
        (&json!("Service/other: an alias of db.example.com"), &json!(true))
    );
    let by_hand = service(json!({ "type": "ClusterIP" }));
    assert!(findings(&by_hand)[0].starts_with("critical Service/other has no selector"), "{by_hand}");
    let balanced = service(json!({ "type": "LoadBalancer", "selector": { "app": "web" } }));
    assert!(
        findings(&balanced).contains(
            &"warning Service/other waits for its load balancer: it has no address outside the cluster"
                .to_owned()
        ),
        "{balanced}"
    );
}

#[test]
fn an_ingress_is_followed_to_its_services() {
    let cluster = cluster();
    cluster.edit("Ingress", "default", "web", |ingress| {
        ingress["spec"]["defaultBackend"] =
            json!({ "service": { "name": "nobody", "port": { "number": 80 } } });
        ingress["spec"]["tls"] = json!([{ "secretName": "web-tls" }, { "secretName": "web-token" }]);
        ingress["status"] = json!({ "loadBalancer": {} });
    });
    cluster.clear("EndpointSlice", "default");
    let ingress = diagnose(&cluster, "ingress", "default", "web");
    let class = cluster.object("Ingress", "default", "web").unwrap()["spec"]["ingressClassName"].clone();
    assert_eq!(
        findings(&ingress),
        [
            "critical Ingress/web sends to Service nobody, which is not there",
            "critical Ingress/web sends to Service web, which has no ready endpoint",
            "warning Ingress/web uses the TLS secret web-tls, which is not there",
            "warning Ingress/web has no address: no controller serves it",
        ]
    );
    assert_eq!(
        evidence(&ingress, "no address")[0],
        format!("ingress class {}", class.as_str().unwrap_or_default())
    );
}

#[test]
fn a_cron_job_is_told_by_its_last_run() {
    let cluster = cluster();
    let owner = cluster.object("CronJob", "shop", "tidy").unwrap();
    let mut job = cluster.object("Job", "shop", "migrate").unwrap();
    job["metadata"] = json!({
        "name": "tidy-1", "namespace": "shop", "creationTimestamp": ago(60),
        "ownerReferences": [{ "apiVersion": "batch/v1", "kind": "CronJob", "name": "tidy", "uid": owner["metadata"]["uid"], "controller": true }],
    });
    cluster.put(job);
    cluster.edit("CronJob", "shop", "tidy", |tidy| tidy["spec"]["suspend"] = true.into());
    let tidy = diagnose(&cluster, "cronjob", "shop", "tidy");
    assert_eq!(
        findings(&tidy),
        [
            "critical CronJob/tidy its last run failed",
            "critical Job/tidy-1 failed",
            "info CronJob/tidy is suspended: it makes no Jobs",
        ]
    );
    assert_eq!(evidence(&tidy, "last run failed"), json!(["Job tidy-1; the last success was 12h ago"]));
}

#[test]
fn any_kind_is_told_by_its_conditions_and_warnings() {
    let cluster = cluster();
    cluster.edit("Widget", "default", "gear", |gear| {
        gear["status"]["conditions"] = json!([
            { "type": "Ready", "status": "False", "reason": "Jammed", "message": "a tooth is missing", "lastTransitionTime": ago(300) },
            { "type": "Strange", "status": "False" },
        ]);
    });
    let gear = diagnose(&cluster, "widget", "default", "gear");
    assert_eq!(findings(&gear), ["critical Widget/gear is not Ready"]);
    assert_eq!(
        evidence(&gear, "is not Ready"),
        json!(["Ready=False (Jammed): a tooth is missing, since 5m"])
    );
}
