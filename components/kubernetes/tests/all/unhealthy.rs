//! `unhealthy`: all that is not well, and nothing else.

use super::*;

#[test]
fn everything_that_is_not_well_is_told_in_a_line() {
    let mock = host(&cluster());
    let output = testing::call::<Kubernetes>(config(), &mock, "unhealthy", json!({})).unwrap();
    let all = output.structured().unwrap();
    let line =
        |item: &Value| format!("{} {}", item["object"].as_str().unwrap(), item["problem"].as_str().unwrap());
    let lines: Vec<String> = all["items"].as_array().unwrap().iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "Deployment/cart 0 of 1 ready",
            "Deployment/checkout 0 of 1 ready",
            "Deployment/payments its rollout is stuck",
            "Deployment/report 0 of 1 ready",
            "Job/migrate failed",
            "PersistentVolumeClaim/uploads is Pending",
            "Pod/cart-6f5b8d9c7-zx2qv container cart is killed because it runs out of memory (OOMKilled)",
            "Pod/checkout-7d9c6b5f4-m8rkt the image of container checkout cannot be pulled",
            "Pod/payments-79f8c6d5b-c9xnr container payments runs but is not ready",
            "Pod/report-55dd8c7f6-p4ghj cannot be scheduled on any node",
        ]
    );
    assert_eq!(all["items"][0]["namespace"], "shop");
    assert_eq!(
        all["items"][6]["why"],
        "container cart ended with exit 137 (OOMKilled), 3m ago; memory limit 128Mi; 14 restarts"
    );
    assert_eq!((&all["healthy"], &all["checked"]["Pod"]), (&json!(false), &json!(17)));
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (7, 7));
}

#[test]
fn where_all_is_well_nothing_is_told() {
    let cluster = cluster();
    let well = call(&cluster, "unhealthy", json!({ "namespace": "default" }));
    assert_eq!((&well["healthy"], &well["items"]), (&json!(true), &json!([])));
    cluster.pressure("node-a", "DiskPressure");
    cluster.pressure("node-b", "Ready");
    let nodes = call(&cluster, "unhealthy", json!({ "namespace": "default", "kinds": ["no"] }));
    assert_eq!(each(&nodes["items"], "problem"), ["has DiskPressure", "is not ready"]);
}

#[test]
fn pages_and_kinds_are_as_asked() {
    let cluster = cluster();
    let first = call(&cluster, "unhealthy", json!({ "namespace": "shop", "kinds": ["pods"], "limit": 3 }));
    assert_eq!((&first["total"], &first["shown"]), (&json!(4), &json!(3)));
    let arguments = json!({ "namespace": "shop", "kinds": ["pods"], "cursor": first["next_cursor"] });
    assert_eq!(call(&cluster, "unhealthy", arguments)["shown"], 1);
    let told = refused(&cluster, "unhealthy", json!({ "kinds": ["secrets"] }));
    assert!(
        told.starts_with("arguments.kinds: `secrets` is none of those that are looked at: Node, "),
        "{told}"
    );
}

#[test]
fn what_may_not_be_looked_at_is_told() {
    let cluster = cluster();
    cluster.deny("list", "nodes", "");
    let told = call(&cluster, "unhealthy", json!({ "namespace": "default" }));
    assert_eq!(told["healthy"], false, "nobody knows");
    assert!(told["not_read"][0].as_str().unwrap().starts_with("Node: nodes is forbidden"));
    cluster.deny("list", "*", "");
    cluster.deny("list", "*", "default");
    assert!(refused(&cluster, "unhealthy", json!({ "namespace": "default" })).contains("(403)"));
}

#[test]
fn pods_with_the_same_trouble_are_one_line() {
    let cluster = cluster();
    for number in 0..5 {
        let mut pod = cluster.object("Pod", "shop", "report-55dd8c7f6-p4ghj").unwrap();
        pod["metadata"] = json!({ "name": format!("report-55dd8c7f6-{number}"), "namespace": "shop" });
        cluster.put(pod);
    }
    let pods = call(&cluster, "unhealthy", json!({ "namespace": "shop", "kinds": ["pods"] }));
    assert_eq!(
        pods["items"][3]["object"],
        "Pod/report-55dd8c7f6-0, Pod/report-55dd8c7f6-1, Pod/report-55dd8c7f6-2 and 3 more"
    );
}
