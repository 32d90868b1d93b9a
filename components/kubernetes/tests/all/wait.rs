//! `wait`: until it is so, or the time is over.

use std::cell::Cell;

use double_kit::{Request, wire};

use super::*;

/// A host that changes the cluster once so many requests were answered.
fn changing(cluster: &Arc<Cluster>, after: usize, change: impl Fn(&Cluster) + 'static) -> Mock {
    let (cluster, count) = (cluster.clone(), Cell::new(0));
    Mock::new().at(clock()).serving(move |sent| {
        count.set(count.get() + 1);
        if count.get() == after + 1 {
            change(&cluster);
        }
        wire::serve(&*cluster, &Request::from(sent)).into()
    })
}

fn wait(mock: &Mock, arguments: Value) -> Value {
    testing::call::<Kubernetes>(config(), mock, "wait", arguments).unwrap().structured().unwrap().clone()
}

#[test]
fn it_waits_until_a_rollout_is_done() {
    let cluster = cluster();
    let mock = changing(&cluster, 3, |cluster| {
        cluster.edit("Deployment", "shop", "cart", |cart| {
            for field in ["readyReplicas", "availableReplicas"] {
                cart["status"][field] = 1.into();
            }
        });
    });
    let waited = wait(&mock, json!({ "kind": "deploy", "name": "cart", "namespace": "shop" }));
    assert_eq!(
        waited,
        json!({ "met": true, "state": "complete: 1 of 1 available", "waited_seconds": 6, "object": "Deployment/cart" })
    );
    assert_eq!(mock.requests().len(), 4);
    assert_eq!(mock.progress()[0].message.as_deref(), Some("1 updated; 0 of 1 are available"));
}

#[test]
fn it_waits_until_something_is_gone_or_there() {
    let cluster = cluster();
    let mock = changing(&cluster, 2, |cluster| cluster.remove("ConfigMap", "default", "web-settings"));
    let gone = json!({ "kind": "cm", "name": "web-settings", "condition": "deleted" });
    assert_eq!(wait(&mock, gone)["state"], "is not there");
    let mock = changing(&cluster, 1, |cluster| {
        cluster.put(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "new", "namespace": "default" } }));
    });
    let there = wait(&mock, json!({ "kind": "cm", "name": "new", "condition": "exists" }));
    assert_eq!((&there["met"], &there["waited_seconds"]), (&json!(true), &json!(2)));
}

#[test]
fn time_that_is_over_is_no_error() {
    let cluster = cluster();
    let mock = host(&cluster);
    let pod = json!({ "kind": "pod", "name": "cart-6f5b8d9c7-zx2qv", "namespace": "shop", "timeout": "8s" });
    let waited = wait(&mock, pod);
    assert_eq!((&waited["met"], &waited["waited_seconds"]), (&json!(false), &json!(8)));
    assert!(waited["state"].as_str().unwrap().starts_with("Ready=False (ContainersNotReady)"), "{waited}");
    let mock = host(&cluster).deadline(Duration::from_secs(10));
    let long = json!({ "kind": "pod", "name": "cart-6f5b8d9c7-zx2qv", "namespace": "shop", "timeout": "1h" });
    assert_eq!(wait(&mock, long)["met"], false);
    assert!(mock.slept() < Duration::from_secs(9));
}

#[test]
fn what_will_not_come_to_be_is_not_waited_for() {
    let cluster = cluster();
    for (kind, name, state) in [
        ("deploy", "payments", "exceeded its progress deadline with 1 of 2 updated, 2 available"),
        ("job", "migrate", "FailureTarget=True"),
    ] {
        let mock = host(&cluster);
        let waited = wait(&mock, json!({ "kind": kind, "name": name, "namespace": "shop" }));
        assert_eq!((&waited["met"], &waited["waited_seconds"]), (&json!(false), &json!(0)));
        assert!(waited["state"].as_str().unwrap().starts_with(state), "{waited}");
        assert_eq!(mock.requests().len(), 1);
    }
    assert_eq!(
        refused(&cluster, "wait", json!({ "kind": "deploy", "name": "nothing" })),
        "Deployment/nothing is not there (404); condition `exists` waits for it to be made"
    );
}

#[test]
fn fields_and_conditions_of_any_kind_can_be_waited_for() {
    let cluster = cluster();
    let state = |arguments: Value| call(&cluster, "wait", arguments)["state"].clone();
    assert_eq!(
        state(
            json!({ "kind": "pvc", "name": "uploads", "namespace": "shop", "condition": "status.phase=Pending" })
        ),
        "status.phase is Pending"
    );
    let crd = state(json!({ "kind": "crd", "name": "widgets.example.com", "condition": "established" }));
    assert!(crd.as_str().unwrap().starts_with("Established=True"), "{crd}");
    let told = refused(&cluster, "wait", json!({ "kind": "pod", "name": "a", "condition": "rollout" }));
    assert!(told.starts_with("arguments.condition: a Pod does not roll out"), "{told}");
}
