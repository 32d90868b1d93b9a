//! `top`: usage beside what was asked for and what there is.

use double_kubernetes::Metrics;

use super::*;

#[test]
fn nodes_show_use_requests_limits_and_room() {
    let mock = host(&cluster());
    let output = testing::call::<Kubernetes>(config(), &mock, "top", json!({ "kind": "nodes" })).unwrap();
    assert_eq!(
        output.structured().unwrap()["items"][0],
        json!({
            "name": "node-a",
            "cpu": { "used": "264m", "requests": "400m", "allocatable": "3800m", "used_percent": 7 },
            "memory": {
                "used": "1360Mi", "requests": "630Mi", "limits": "1290Mi", "allocatable": "7454Mi", "used_percent": 18
            },
        })
    );
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (3, 3));
}

#[test]
fn pods_are_sorted_by_what_they_use_and_paged() {
    let cluster = cluster();
    cluster.usage("default", "web-7c6d5e4f36-hb6zt", "web", 900, 1024);
    let cpu = call(&cluster, "top", json!({ "kind": "pods", "namespace": "*", "limit": 1 }));
    assert_eq!(
        cpu["items"],
        json!([{
            "name": "web-7c6d5e4f36-hb6zt", "namespace": "default", "cpu": { "used": "900m", "requests": "50m" },
            "memory": { "used": "1Mi", "requests": "64Mi", "limits": "128Mi", "used_percent": 1 },
        }])
    );
    let memory =
        call(&cluster, "top", json!({ "kind": "pods", "namespace": "*", "sort": "memory", "limit": 2 }));
    assert_eq!(each(&memory["items"], "name"), ["db-0", "db-1"]);
    let next = json!({ "kind": "pods", "namespace": "*", "limit": 100, "cursor": cpu["next_cursor"] });
    assert_eq!(call(&cluster, "top", next)["shown"], cpu["total"].as_u64().unwrap() - 1);
    let one = call(&cluster, "top", json!({ "kind": "pods", "name": "db-1", "namespace": "shop" }));
    assert_eq!((&one["total"], &one["items"][0]["name"]), (&json!(1), &json!("db-1")));
}

#[test]
fn a_pod_with_an_unlimited_container_has_no_limit() {
    let cluster = cluster();
    cluster.edit("Pod", "shop", "db-0", |pod| {
        pod["spec"]["containers"][1]["resources"].as_object_mut().unwrap().remove("limits");
    });
    let one = call(&cluster, "top", json!({ "kind": "pods", "name": "db-0", "namespace": "shop" }));
    assert_eq!(one["items"][0]["memory"], json!({ "used": "96Mi", "requests": "272Mi" }));
}

#[test]
fn a_cluster_without_metrics_is_told_what_it_lacks() {
    let cluster = cluster();
    cluster.metrics(Metrics::Absent);
    let told = refused(&cluster, "top", json!({ "kind": "nodes" }));
    assert!(
        told.contains("metrics-server, or another that serves metrics.k8s.io, has to be installed"),
        "{told}"
    );
    cluster.metrics(Metrics::Down);
    let told = refused(&cluster, "top", json!({ "kind": "pods" }));
    assert!(told.contains("(503)"), "{told}");
}

#[test]
fn what_may_not_be_read_beside_it_is_told() {
    let cluster = cluster();
    cluster.deny("list", "nodes", "");
    let told = call(&cluster, "top", json!({ "kind": "nodes", "name": "node-a" }));
    assert_eq!(told["items"][0]["cpu"], json!({ "used": "264m", "requests": "400m" }));
    assert!(
        told["not_read"][0]
            .as_str()
            .unwrap()
            .starts_with("nodes (for what is allocatable): nodes is forbidden")
    );
    let fresh = refused(&cluster, "top", json!({ "kind": "pods", "name": "nothing" }));
    assert!(fresh.ends_with("A pod has usage about a minute after its start"), "{fresh}");
}
