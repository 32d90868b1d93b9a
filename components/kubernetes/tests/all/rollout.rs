//! `rollout`: back, around again, paused and on.

use super::*;

fn image(cluster: &Arc<Cluster>, kind: &str, namespace: &str, name: &str) -> Value {
    let object = cluster.object(kind, namespace, name).unwrap();
    object["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}

#[test]
fn an_undo_goes_to_the_revision_before_or_to_the_one_that_is_named() {
    let cluster = cluster();
    let undo = |more: Value| {
        let mut arguments = json!({ "action": "undo", "kind": "deploy", "name": "web" });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(&cluster, "rollout", arguments)
    };
    let tried = undo(json!({}));
    assert_eq!(tried["to_revision"], 2);
    assert_eq!(
        tried["changes"],
        json!([{
            "path": "spec.template.spec.containers[web].image", "from": "registry.example.com/web:1.27",
            "to": "registry.example.com/web:1.26",
        }])
    );
    assert_eq!(image(&cluster, "Deployment", "default", "web"), "registry.example.com/web:1.27");
    undo(json!({ "revision": 1, "dry_run": false }));
    assert_eq!(image(&cluster, "Deployment", "default", "web"), "registry.example.com/web:1.25");
    let labels =
        &cluster.object("Deployment", "default", "web").unwrap()["spec"]["template"]["metadata"]["labels"];
    assert_eq!(*labels, json!({ "app": "web" }), "without the hash of its revision");
    let told = refused(
        &cluster,
        "rollout",
        json!({ "action": "undo", "kind": "deploy", "name": "web", "revision": 77 }),
    );
    assert!(told.starts_with("arguments.revision: there is no revision 77; there are "), "{told}");
}

#[test]
fn numbered_sets_go_back_by_what_their_revision_keeps() {
    let cluster = cluster();
    for (kind, long, namespace, name, before) in [
        ("sts", "StatefulSet", "shop", "db", "registry.example.com/db:17.1"),
        ("ds", "DaemonSet", "kube-system", "agent", "registry.example.com/agent:3.1"),
    ] {
        let arguments =
            json!({ "action": "undo", "kind": kind, "name": name, "namespace": namespace, "dry_run": false });
        assert_eq!(call(&cluster, "rollout", arguments)["to_revision"], 1, "{kind}");
        assert_eq!(image(&cluster, long, namespace, name), before);
    }
}

#[test]
fn what_was_never_something_else_cannot_go_back() {
    let told = refused(
        &cluster(),
        "rollout",
        json!({ "action": "undo", "kind": "deploy", "name": "cart", "namespace": "shop" }),
    );
    assert_eq!(told, "arguments.revision: there is none to go back to; there is only 1");
}

#[test]
fn a_restart_stamps_the_template() {
    let cluster = cluster();
    let done = call(
        &cluster,
        "rollout",
        json!({ "action": "restart", "kind": "sts", "name": "db", "namespace": "shop", "dry_run": false }),
    );
    assert_eq!(done["note"], "It rolls out now: `wait` with condition `rollout` follows it.");
    let template = &cluster.object("StatefulSet", "shop", "db").unwrap()["spec"]["template"]["metadata"];
    assert_eq!(template["annotations"]["kubectl.kubernetes.io/restartedAt"], "2026-01-31T12:00:00Z");
}

#[test]
fn a_paused_rollout_goes_on_only_when_it_is_resumed() {
    let cluster = cluster();
    let act = |action: &str| json!({ "action": action, "kind": "deploy", "name": "web", "dry_run": false });
    assert_eq!(
        call(&cluster, "rollout", act("pause"))["changes"],
        json!([{ "path": "spec.paused", "to": true }])
    );
    for action in ["restart", "undo"] {
        assert_eq!(
            refused(&cluster, "rollout", act(action)),
            "arguments.action: the Deployment is paused, so that nothing would happen: resume it first"
        );
    }
    assert_eq!(
        call(&cluster, "rollout", act("resume"))["changes"],
        json!([{ "path": "spec.paused", "from": true }])
    );
    let told = refused(
        &cluster,
        "rollout",
        json!({ "action": "pause", "kind": "sts", "name": "db", "namespace": "shop" }),
    );
    assert_eq!(told, "arguments.kind: a StatefulSet cannot be paused: only a Deployment can");
    let told = refused(&cluster, "rollout", json!({ "action": "restart", "kind": "job", "name": "migrate" }));
    assert_eq!(told, "arguments.kind: a Job does not roll out: expected Deployment, StatefulSet, DaemonSet");
}
