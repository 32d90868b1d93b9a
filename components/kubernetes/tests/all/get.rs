//! `get`: descriptions, whole objects, several at once.

use super::*;

#[test]
fn a_workload_is_described_with_its_rollout_revisions_and_events() {
    let mock = host(&cluster());
    let output =
        testing::call::<Kubernetes>(config(), &mock, "get", json!({ "kind": "deploy", "name": "web" }))
            .unwrap();
    let web = &output.structured().unwrap()["items"][0];
    assert_eq!((&web["rollout"], &web["age"]), (&json!("complete: 3 of 3 available"), &json!("20d")));
    assert_eq!(
        web["revisions"],
        json!([
            { "revision": 3, "current": true, "images": ["registry.example.com/web:1.27"], "age": "2d", "replicas": 3 },
            { "revision": 2, "images": ["registry.example.com/web:1.26"], "age": "9d", "replicas": 0 },
            { "revision": 1, "images": ["registry.example.com/web:1.25"], "age": "20d", "replicas": 0 },
        ])
    );
    assert_eq!(
        web["conditions"][0],
        "Available=True (MinimumReplicasAvailable): Deployment has minimum availability., since 2d"
    );
    assert_eq!(
        web["events"],
        json!(["ScalingReplicaSet (2d ago): Scaled up replica set web-7c6d5e4f36 from 2 to 3"])
    );
    assert_eq!(
        sent(&mock),
        [
            "GET /apis/apps/v1/namespaces/default/deployments/web",
            "GET /api/v1/namespaces/default/events?limit=250&fieldSelector=involvedObject.kind%3DDeployment%2C\
             involvedObject.name%3Dweb",
            "GET /apis/apps/v1/namespaces/default/replicasets?limit=250&labelSelector=app%3Dweb",
        ]
    );
    assert_eq!(mock.in_flight_at_most(), 2);
}

#[test]
fn numbered_sets_have_their_revisions_too() {
    let cluster = cluster();
    let of = |kind: &str, name: &str, namespace: &str| {
        let got = call(&cluster, "get", json!({ "kind": kind, "name": name, "namespace": namespace }));
        let revisions = &got["items"][0]["revisions"];
        (each(revisions, "revision"), each(revisions, "current"), each(revisions, "images"))
    };
    let (numbers, current, images) = of("sts", "db", "shop");
    assert_eq!((numbers, current), (vec!["2".into(), "1".into()], vec!["true".to_owned(), "null".into()]));
    assert_eq!(images[0], r#"["registry.example.com/db:17.2","registry.example.com/exporter:0.9"]"#);
    assert_eq!(of("ds", "agent", "kube-system").0, ["2", "1"]);
}

#[test]
fn a_pod_is_described_by_its_containers() {
    let arguments = json!({ "kind": "pod", "name": "cart-6f5b8d9c7-zx2qv", "namespace": "shop" });
    let got = call(&cluster(), "get", arguments);
    let pod = &got["items"][0];
    assert_eq!(
        (&pod["status"], &pod["ready"], &pod["restarts"], &pod["owner"]),
        (&json!("CrashLoopBackOff"), &json!("0/1"), &json!(14), &json!("ReplicaSet/cart-6f5b8d9c7"))
    );
    assert_eq!(
        pod["containers"],
        json!([{
            "name": "cart", "image": "registry.example.com/cart:2.4.0", "ready": false, "restarts": 14,
            "state": "waiting CrashLoopBackOff: back-off 5m0s restarting failed container=cart pod=cart-6f5b8d9c7-zx2qv_shop",
            "last_end": "exit 137 OOMKilled 2026-01-31T11:57:00Z",
            "resources": { "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "memory": "128Mi" } },
        }])
    );
    assert_eq!(pod.get("spec"), None);
}

#[test]
fn several_are_read_at_once_and_one_that_is_not_there_does_not_fail_the_rest() {
    let mock = host(&cluster());
    let arguments = json!({ "kind": "cm", "name": "setting-01, nothing,setting-02", "namespace": "shop", "view": "full" });
    let output = testing::call::<Kubernetes>(config(), &mock, "get", arguments).unwrap();
    let items = &output.structured().unwrap()["items"];
    assert_eq!((&items[0]["data"]["number"], &items[2]["data"]["number"]), (&json!("1"), &json!("2")));
    assert_eq!(items[1], json!({ "name": "nothing", "error": "configmaps \"nothing\" not found (404)" }));
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (3, 3));
    let cluster = cluster();
    assert_eq!(
        refused(&cluster, "get", json!({ "kind": "cm", "name": "x,y" })),
        "configmaps \"y\" not found (404)"
    );
    let many = (0..21).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    assert!(
        refused(&cluster, "get", json!({ "kind": "cm", "name": many })).contains("expected 1 to 20 names")
    );
}

#[test]
fn a_secret_is_hidden_in_every_view() {
    let cluster = cluster();
    for more in [json!({}), json!({ "view": "full" }), json!({ "fields": ["data"] })] {
        let mut arguments = json!({ "kind": "secret", "name": "web-token" });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let got = call(&cluster, "get", arguments);
        assert_eq!(got["items"][0]["data"]["token"], "(hidden, about 9 bytes)", "{more}");
        assert_eq!(got["note"], "The values of a Secret are hidden here.");
    }
}

#[test]
fn events_that_may_not_be_read_are_told() {
    let cluster = cluster();
    cluster.deny("list", "events", "default");
    let got = call(&cluster, "get", json!({ "kind": "svc", "name": "web" }));
    let told = got["items"][0]["events"][0].as_str().unwrap();
    assert!(told.starts_with("not read: events is forbidden"), "{told}");
    assert_eq!(got["items"][0]["spec"]["clusterIP"], "10.96.12.7");
}

#[test]
fn an_object_is_in_one_namespace() {
    let told = refused(&cluster(), "get", json!({ "kind": "pod", "name": "a", "namespace": "*" }));
    assert_eq!(told, "arguments.namespace: an object is in one namespace; `*` is for lists. `list` finds it");
    let fields = call(
        &cluster(),
        "get",
        json!({ "kind": "node", "name": "node-a", "fields": ["spec.podCIDR", "spec.nope"] }),
    );
    assert_eq!(
        fields,
        json!({ "items": [{ "name": "node-a", "spec": { "podCIDR": "10.244.0.0/24" } }], "unknown_fields": ["spec.nope"] })
    );
}
