//! `logs`: of a pod, of a workload, by labels; searched, bounded, and honest about it.

use super::*;

#[test]
fn the_pods_of_a_workload_are_read_at_once() {
    let mock = host(&cluster());
    let arguments = json!({ "name": "deploy/web", "tail": 2 });
    let output = testing::call::<Kubernetes>(config(), &mock, "logs", arguments).unwrap();
    let logs = &output.structured().unwrap()["logs"];
    assert_eq!(logs.as_array().unwrap().len(), 3);
    assert_eq!(
        logs[0],
        json!({
            "pod": "web-7c6d5e4f36-4k2xp", "container": "web", "lines": 2,
            "text": "level=info msg=\"GET /cart\" status=200 duration=4ms\nlevel=info msg=\"GET /ready\" status=200 duration=1ms",
            "left_out": "older lines: ask for a larger `tail`, or `since`",
        })
    );
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (5, 3));
}

#[test]
fn every_container_of_a_pod_is_read_unless_one_is_named() {
    let cluster = cluster();
    let of = |arguments: Value| each(&call(&cluster, "logs", arguments)["logs"], "container");
    assert_eq!(of(json!({ "name": "db-0", "namespace": "shop" })), ["db", "exporter"]);
    assert_eq!(of(json!({ "name": "pod/db-0", "namespace": "shop", "container": "exporter" })), ["exporter"]);
    assert_eq!(
        refused(&cluster, "logs", json!({ "name": "db-0", "namespace": "shop", "container": "x" })),
        "arguments.container: there is none of that name; there are db, exporter"
    );
}

#[test]
fn lines_are_searched_in_the_run_before() {
    let arguments = json!({
        "name": "cart-6f5b8d9c7-zx2qv", "namespace": "shop", "previous": true, "grep": "LEVEL=WARN", "timestamps": true,
    });
    assert_eq!(
        call(&cluster(), "logs", arguments)["logs"],
        json!([{
            "pod": "cart-6f5b8d9c7-zx2qv", "container": "cart", "lines": 1, "matched": "1 of the last 4 lines",
            "text": "2026-01-31T11:56:50.000000000Z level=warn msg=\"heap is large\" heap=121Mi limit=128Mi",
        }])
    );
}

#[test]
fn since_is_asked_of_the_server() {
    let mock = host(&cluster());
    let arguments = json!({ "labels": "app=web", "since": "-100s", "tail": 50 });
    let output = testing::call::<Kubernetes>(config(), &mock, "logs", arguments).unwrap();
    assert_eq!(output.structured().unwrap()["logs"][0]["lines"], 3);
    assert!(
        sent(&mock)[1].ends_with("/log?container=web&tailLines=50&limitBytes=1048576&sinceSeconds=100"),
        "{:?}",
        sent(&mock)
    );
}

#[test]
fn what_has_no_log_says_why() {
    let cluster = cluster();
    let waiting =
        refused(&cluster, "logs", json!({ "name": "checkout-7d9c6b5f4-m8rkt", "namespace": "shop" }));
    assert!(waiting.contains("is waiting to start"), "{waiting}");
    let never = refused(&cluster, "logs", json!({ "name": "web-7c6d5e4f36-4k2xp", "previous": true }));
    assert!(never.starts_with("arguments.container: ") && never.contains("not found"), "{never}");
    assert_eq!(
        refused(&cluster, "logs", json!({ "name": "deploy/nothing" })),
        "deployments.apps \"nothing\" not found (404)"
    );
    assert!(
        refused(&cluster, "logs", json!({ "labels": "app=none" })).starts_with("no pod of `default` is that")
    );
    assert!(refused(&cluster, "logs", json!({ "name": "cm/web-settings" })).contains("does not select pods"));
    for wrong in [json!({}), json!({ "name": "a", "labels": "b" })] {
        assert!(refused(&cluster, "logs", wrong).contains("expected either `name` or `labels`"));
    }
}

#[test]
fn one_pod_without_a_log_does_not_fail_the_rest() {
    let cluster = cluster();
    cluster.edit("Pod", "shop", "payments-79f8c6d5b-c9xnr", |pod| {
        pod["status"]["containerStatuses"][0]["state"] =
            json!({ "waiting": { "reason": "CrashLoopBackOff" } });
        pod["status"]["containerStatuses"][0]["restartCount"] = 0.into();
    });
    let logs = call(&cluster, "logs", json!({ "name": "deploy/payments", "namespace": "shop" }));
    let told: Vec<bool> =
        logs["logs"].as_array().unwrap().iter().map(|log| log.get("error").is_some()).collect();
    assert_eq!(told.len(), 3, "{logs}");
    assert!(told[0] && !told[1], "those that are not ready come first: {logs}");
}

#[test]
fn of_many_pods_the_first_are_read_and_the_rest_is_told() {
    let cluster = cluster();
    for number in 0..12 {
        let mut pod = cluster.object("Pod", "default", "web-7c6d5e4f36-4k2xp").unwrap();
        pod["metadata"] =
            json!({ "name": format!("more-{number}"), "namespace": "default", "labels": { "app": "web" } });
        cluster.put(pod);
    }
    let logs = call(&cluster, "logs", json!({ "labels": "app=web", "tail": 1 }));
    assert_eq!(logs["logs"].as_array().unwrap().len(), 10);
    assert_eq!(logs["left_out"], "5 more pods and 0 more containers: name one, or filter by labels");
}
