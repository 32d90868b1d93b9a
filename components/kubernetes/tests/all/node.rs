//! `node`: cordoned, drained within budgets, and told what stands in the way.

use super::*;

fn unschedulable(cluster: &Arc<Cluster>, node: &str) -> bool {
    cluster.object("Node", "", node).unwrap()["spec"]["unschedulable"] == true
}

fn drain(more: &Value) -> Value {
    let mut arguments = json!({ "action": "drain", "name": "node-b" });
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    arguments
}

/// A pod that nothing would make again, with data of its own.
fn lonely(cluster: &Arc<Cluster>) {
    let mut pod = cluster.object("Pod", "default", "web-7c6d5e4f36-9wq7d").unwrap();
    pod["metadata"] = json!({ "name": "lonely", "namespace": "default" });
    pod["spec"]["volumes"] = json!([{ "name": "scratch", "emptyDir": {} }]);
    cluster.put(pod);
}

#[test]
fn a_node_is_cordoned_and_uncordoned() {
    let cluster = cluster();
    let act = |action: &str, dry: bool| {
        call(&cluster, "node", json!({ "action": action, "name": "node-a", "dry_run": dry }))["unschedulable"]
            .clone()
    };
    assert_eq!(act("cordon", true), true);
    assert!(!unschedulable(&cluster, "node-a"));
    assert_eq!(act("cordon", false), true);
    assert!(unschedulable(&cluster, "node-a"));
    assert_eq!(act("uncordon", false), false);
    assert!(!unschedulable(&cluster, "node-a"));
    assert_eq!(
        refused(&cluster, "node", json!({ "action": "cordon", "name": "node-z" })),
        "nodes \"node-z\" not found (404)"
    );
}

#[test]
fn a_drain_is_planned_first() {
    let cluster = cluster();
    lonely(&cluster);
    cluster.edit("PodDisruptionBudget", "default", "web", |budget| {
        budget["status"]["disruptionsAllowed"] = 0.into();
        budget["status"]["currentHealthy"] = 2.into();
    });
    let plan = call(&cluster, "node", drain(&json!({})));
    assert_eq!(
        plan["skipped"],
        json!([{ "pod": "kube-system/agent-node-b", "why": "belongs to a DaemonSet, which would put it back" }])
    );
    assert_eq!(
        plan["blocked"],
        json!([{ "pod": "default/lonely", "why": "nothing would make it again: `force` deletes it for good" }])
    );
    let held = "disruption budget web: 2 of 2 healthy pods needed, 0 disruptions allowed now";
    assert_eq!(plan["would_evict"][0], json!({ "pod": "default/web-7c6d5e4f36-9wq7d", "held_by": held }));
    assert_eq!(plan["would_evict"][2], json!({ "pod": "shop/cart-6f5b8d9c7-zx2qv" }));
    assert!(!unschedulable(&cluster, "node-b"), "nothing was changed");
    let forced = call(&cluster, "node", drain(&json!({ "force": true })));
    assert_eq!(
        forced["blocked"],
        json!([{
            "pod": "default/lonely",
            "why": "has data in an emptyDir, which would be lost: `delete_emptydir_data` allows that",
        }])
    );
}

#[test]
fn what_stands_in_the_way_stops_a_drain_before_it_begins() {
    let cluster = cluster();
    lonely(&cluster);
    let told = refused(&cluster, "node", drain(&json!({ "dry_run": false })));
    assert_eq!(
        told,
        "nothing was changed, the node cannot be drained like this: default/lonely nothing would make it again: `force` \
         deletes it for good"
    );
    assert!(!unschedulable(&cluster, "node-b"));
}

#[test]
fn a_budget_holds_a_drain_back_and_the_next_call_goes_on() {
    let cluster = cluster();
    cluster.edit("PodDisruptionBudget", "default", "web", |budget| {
        budget["spec"]["minAvailable"] = 3.into();
        budget["status"]["disruptionsAllowed"] = 0.into();
        budget["status"]["desiredHealthy"] = 3.into();
    });
    let mock = host(&cluster);
    let output = testing::call::<Kubernetes>(
        config(),
        &mock,
        "node",
        drain(&json!({ "dry_run": false, "grace_seconds": 7 })),
    );
    let held = output.unwrap().structured().unwrap().clone();
    assert_eq!((&held["drained"], &held["unschedulable"]), (&json!(false), &json!(true)));
    assert!(each(&held["left"], "pod").iter().all(|pod| pod.starts_with("default/web-")), "{held}");
    assert!(held["left"][0]["why"].as_str().unwrap().contains("disruption budget"), "{held}");
    let eviction = mock.requests().into_iter().find(|sent| sent.url.ends_with("/eviction")).unwrap().json();
    assert_eq!(
        (&eviction["kind"], &eviction["deleteOptions"]["gracePeriodSeconds"]),
        (&json!("Eviction"), &json!(7))
    );
    assert!(
        !mock.progress().is_empty() && mock.slept() > Duration::from_secs(20),
        "it tried again while there was time"
    );
    cluster.remove("PodDisruptionBudget", "default", "web");
    let done = call(&cluster, "node", drain(&json!({ "dry_run": false })));
    assert_eq!(done["drained"], true, "{done}");
}
