//! `apply`, `patch`, `scale`, `delete`: tried first, then done, and refused in the server's words.

use super::*;

const DRY: &str = "Nothing was changed. To do it, call again with dry_run=false.";

fn flags(dark: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "flags" }, "data": { "dark": dark } })
}

fn of(cluster: &Arc<Cluster>, kind: &str, name: &str) -> Option<Value> {
    cluster.object(kind, "default", name)
}

#[test]
fn an_apply_is_tried_then_done_then_nothing_is_left_to_do() {
    let cluster = cluster();
    let tried = call(&cluster, "apply", json!({ "manifests": [flags("on")] }));
    assert_eq!(
        tried,
        json!({ "dry_run": true, "note": DRY, "items": [{ "object": "ConfigMap/flags", "action": "create" }] })
    );
    assert_eq!(of(&cluster, "ConfigMap", "flags"), None);
    let apply = |dark: &str| call(&cluster, "apply", json!({ "manifests": [flags(dark)], "dry_run": false }));
    assert_eq!(apply("on")["items"][0]["action"], "create");
    assert_eq!(apply("on")["items"][0]["action"], "none");
    assert_eq!(
        apply("off"),
        json!({ "dry_run": false, "items": [{
            "object": "ConfigMap/flags", "action": "change",
            "changes": [{ "path": "data.dark", "from": "on", "to": "off" }],
        }] })
    );
    assert_eq!(of(&cluster, "ConfigMap", "flags").unwrap()["data"]["dark"], "off");
}

#[test]
fn what_is_sent_is_an_apply_of_this_manager() {
    let mock = host(&cluster());
    let mut manifest = flags("on");
    manifest["metadata"]["managedFields"] = json!([{}]);
    manifest["metadata"]["resourceVersion"] = "1".into();
    testing::call::<Kubernetes>(config(), &mock, "apply", json!({ "manifests": [manifest], "force": true }))
        .unwrap();
    assert_eq!(
        sent(&mock),
        [
            "GET /api/v1/namespaces/default/configmaps/flags",
            "PATCH /api/v1/namespaces/default/configmaps/flags?fieldManager=bulkhead&fieldValidation=Strict&dryRun=All&\
             force=true",
        ]
    );
    let patch = &mock.requests()[1];
    assert_eq!(patch.header("content-type"), Some("application/apply-patch+yaml"));
    assert_eq!(patch.json()["metadata"], json!({ "name": "flags", "namespace": "default" }));
    assert_eq!(mock.in_flight_at_most(), 2);
}

#[test]
fn a_conflict_names_the_manager_and_the_field() {
    let cluster = cluster();
    let web = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" }, "spec": { "replicas": 5 },
    });
    let told = refused(&cluster, "apply", json!({ "manifests": [web] }));
    assert!(
        told.starts_with(
            "the upstream answered 409: Deployment/web: other managers own fields of this manifest: "
        ),
        "{told}"
    );
    assert!(told.contains("kubectl-client-side-apply") && told.contains("owns .spec.replicas"), "{told}");
    assert!(told.ends_with("Leave these fields out, or set `force` to take them over"), "{told}");
    let forced = call(&cluster, "apply", json!({ "manifests": [web], "force": true }));
    assert_eq!(forced["items"][0]["changes"], json!([{ "path": "spec.replicas", "from": 3, "to": 5 }]));
}

#[test]
fn several_are_applied_in_order_until_one_fails() {
    let cluster = cluster();
    let wrong = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "b", "namespace": "nowhere" } });
    let last = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" } });
    let arguments = json!({ "manifests": [flags("on"), wrong, last], "dry_run": false });
    let done = call(&cluster, "apply", arguments.clone());
    assert_eq!(done["items"][0]["action"], "create", "{done}");
    assert_eq!(
        done["items"][1],
        json!({ "object": "ConfigMap/b", "error": "namespaces \"nowhere\" not found (404)" })
    );
    assert_eq!(
        done["items"][2],
        json!({ "object": "ConfigMap/c", "error": "not tried, because the one before failed" })
    );
    assert_eq!(of(&cluster, "ConfigMap", "c"), None);
    let mut tried = arguments;
    tried["dry_run"] = true.into();
    assert_eq!(call(&cluster, "apply", tried)["items"][2]["action"], "create", "a dry run tries all");
}

#[test]
fn a_manifest_that_cannot_be_sent_is_told_before_anything_is() {
    let cluster = cluster();
    let told = |manifest: Value| {
        refused(&cluster, "apply", json!({ "manifests": [flags("on"), manifest], "dry_run": false }))
    };
    assert_eq!(told(json!({ "kind": "Pod" })), "arguments.manifests[1]: has no `apiVersion` or no `kind`");
    assert_eq!(
        told(json!({ "apiVersion": "v1", "kind": "Pod" })),
        "arguments.manifests[1]: has no `metadata.name`"
    );
    let kind = told(json!({ "apiVersion": "v9/v1", "kind": "Pod", "metadata": { "name": "a" } }));
    assert!(kind.contains("404") || kind.starts_with("arguments.manifests[1].kind: "), "{kind}");
    assert_eq!(of(&cluster, "ConfigMap", "flags"), None);
}

#[test]
fn a_generated_name_comes_back() {
    let cluster = cluster();
    let manifest =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "generateName": "flags-" } });
    let made =
        call(&cluster, "apply", json!({ "manifests": [manifest], "namespace": "shop", "dry_run": false }));
    let name = made["items"][0]["name"].as_str().unwrap();
    assert!(name.starts_with("flags-"), "{made}");
    assert!(cluster.object("ConfigMap", "shop", name).is_some());
}

#[test]
fn a_patch_of_each_type_changes_what_it_says() {
    let cluster = cluster();
    let image = |patch: Value, kind: &str| {
        let arguments =
            json!({ "kind": "deploy", "name": "web", "patch": patch, "type": kind, "dry_run": false });
        call(&cluster, "patch", arguments)["changes"].clone()
    };
    let containers = json!([{ "name": "web", "image": "web:2" }]);
    let strategic =
        image(json!({ "spec": { "template": { "spec": { "containers": containers } } } }), "strategic");
    let changed = strategic.as_array().unwrap().last().unwrap();
    assert_eq!(
        *changed,
        json!({ "path": "spec.template.spec.containers[web].image", "from": "registry.example.com/web:1.27", "to": "web:2" })
    );
    let json_patch = json!([{ "op": "replace", "path": "/spec/revisionHistoryLimit", "value": 3 }]);
    assert_eq!(
        image(json_patch, "json"),
        json!([{ "path": "spec.revisionHistoryLimit", "from": 10, "to": 3 }])
    );
    let merge = image(json!({ "spec": { "minReadySeconds": 5 } }), "merge");
    assert_eq!(merge, json!([{ "path": "spec.minReadySeconds", "to": 5 }]));
    let secret =
        json!({ "kind": "secret", "name": "web-token", "patch": { "stringData": { "token": "new" } } });
    assert_eq!(
        call(&cluster, "patch", secret)["changes"],
        json!([{ "path": "data.token", "from": "(hidden)", "to": "(hidden)" }])
    );
}

#[test]
fn a_patch_that_is_none_is_refused() {
    let cluster = cluster();
    let told = |patch: Value, kind: &str| {
        refused(&cluster, "patch", json!({ "kind": "deploy", "name": "web", "patch": patch, "type": kind }))
    };
    assert!(told(json!({}), "json").starts_with("arguments.patch: a json patch is a list"));
    assert!(told(json!([]), "merge").starts_with("arguments.patch: expected an object"));
    let invalid = told(json!({ "spec": { "replicas": -1 } }), "merge");
    assert!(invalid.starts_with("arguments.patch: the server refuses it (422): "), "{invalid}");
    let custom = refused(
        &cluster,
        "patch",
        json!({ "kind": "widget", "name": "gear", "patch": { "spec": {} }, "type": "strategic" }),
    );
    assert!(custom.starts_with("arguments.patch: the server refuses it (415): "), "{custom}");
}

#[test]
fn a_scale_tells_what_it_was_and_who_will_undo_it() {
    let cluster = cluster();
    let web =
        call(&cluster, "scale", json!({ "kind": "deploy", "name": "web", "replicas": 9, "dry_run": false }));
    assert_eq!(
        web,
        json!({
            "object": "Deployment/web", "from": 3, "to": 9, "dry_run": false,
            "warning": "the autoscaler web keeps it between 2 and 6 and will set it again: change its bounds instead",
        })
    );
    assert_eq!(of(&cluster, "Deployment", "web").unwrap()["spec"]["replicas"], 9);
    let custom = call(&cluster, "scale", json!({ "kind": "widget", "name": "gear", "replicas": 4 }));
    assert_eq!((&custom["from"], &custom["to"], &custom["note"]), (&json!(2), &json!(4), &json!(DRY)));
    assert!(
        refused(&cluster, "scale", json!({ "kind": "ds", "name": "agent", "replicas": 1 }))
            .contains("a DaemonSet cannot be scaled")
    );
}

#[test]
fn a_deletion_is_tried_then_done() {
    let cluster = cluster();
    let arguments = json!({ "kind": "deploy", "name": "web", "propagation": "orphan" });
    let tried = call(&cluster, "delete", arguments.clone());
    assert_eq!(
        (&tried["state"], &tried["age"], &tried["note"]),
        (&json!("would be deleted"), &json!("20d"), &json!(DRY))
    );
    assert!(of(&cluster, "Deployment", "web").is_some());
    let mut real = arguments;
    real["dry_run"] = false.into();
    real["uid"] = "not-its-own".into();
    let told = refused(&cluster, "delete", real.clone());
    assert!(told.starts_with("the upstream answered 409: "), "{told}");
    real["uid"] = tried["uid"].clone();
    let mock = host(&cluster);
    testing::call::<Kubernetes>(config(), &mock, "delete", real).unwrap();
    assert_eq!(
        mock.requests()[1].json(),
        json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Orphan",
            "preconditions": { "uid": tried["uid"] },
        })
    );
}

#[test]
fn what_has_finalizers_is_going() {
    let cluster = cluster();
    let done = call(
        &cluster,
        "delete",
        json!({ "kind": "pvc", "name": "uploads", "namespace": "shop", "dry_run": false }),
    );
    assert_eq!(done["state"], "is going, once its finalizers are done: kubernetes.io/pvc-protection");
    assert_eq!(
        refused(&cluster, "delete", json!({ "kind": "cm", "name": "none", "dry_run": false })),
        "configmaps \"none\" not found (404)"
    );
}
