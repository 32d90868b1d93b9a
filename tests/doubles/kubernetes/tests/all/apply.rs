//! Server-side apply.

use serde_json::{Value, json};

use super::{WEB, cluster, patch, told};
use double_kubernetes::Cluster;

fn web(spec: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "default" },
        "spec": spec,
    })
}

fn image(image: &str) -> Value {
    json!({ "template": { "spec": { "containers": [{ "name": "web", "image": image }] } } })
}

fn apply(cluster: &Cluster, manager: &str, more: &str, object: &Value) -> (u16, Value) {
    patch(cluster, "apply", &format!("{WEB}?fieldManager={manager}{more}"), object)
}

#[test]
fn a_field_of_another_conflicts_until_it_is_forced() {
    let cluster = cluster();
    let wanted = web(&image("registry.example.com/web:1.28"));
    let (code, refused) = apply(&cluster, "me", "", &wanted);
    let field = ".spec.template.spec.containers[name=\"web\"].image";
    let other = "conflict with \"kubectl-client-side-apply\" using apps/v1 at 2026-01-29T12:00:00Z";
    assert_eq!(
        refused["details"]["causes"],
        json!([{ "reason": "FieldManagerConflict", "message": other, "field": field }])
    );
    let message = format!("Apply failed with 1 conflict: {other}: {field}");
    assert_eq!(told((code, refused)), (409, "Conflict".into(), message));
    let (code, forced) = apply(&cluster, "me", "&force=true&dryRun=All", &wanted);
    assert_eq!((code, &forced["metadata"]["generation"]), (200, &json!(4)));
    assert_eq!(apply(&cluster, "me", "&force=true", &wanted).0, 200);
    // It is its own now, and nobody else's.
    assert_eq!(apply(&cluster, "me", "", &web(&image("registry.example.com/web:1.29"))).0, 200);
    let (_, refused) = apply(&cluster, "you", "", &web(&image("x:1")));
    assert_eq!(refused["details"]["causes"][0]["message"], "conflict with \"me\"");
}

#[test]
fn several_conflicts_are_told_by_manager() {
    let cluster = cluster();
    let mut spec = image("x:1");
    spec["replicas"] = 9.into();
    let (_, _, message) = told(apply(&cluster, "me", "", &web(&spec)));
    assert_eq!(
        message,
        "Apply failed with 2 conflicts: conflicts with \"kubectl-client-side-apply\" using apps/v1 at \
         2026-01-29T12:00:00Z:\n- .spec.replicas\n- .spec.template.spec.containers[name=\"web\"].image"
    );
}

#[test]
fn the_same_value_is_shared() {
    let cluster = cluster();
    assert_eq!(apply(&cluster, "me", "", &web(&json!({ "replicas": 3 }))).0, 200);
    // Given up by one, it stays for the other.
    let (code, web_after) = apply(&cluster, "me", "", &web(&json!({ "minReadySeconds": 5 })));
    assert_eq!((code, &web_after["spec"]["replicas"]), (200, &json!(3)));
    assert_eq!(web_after["spec"]["minReadySeconds"], 5);
}

#[test]
fn what_is_not_said_any_more_is_taken_away() {
    let cluster = cluster();
    let containers =
        |containers: Value| web(&json!({ "template": { "spec": { "containers": containers } } }));
    let side = json!({ "name": "side", "image": "side:1", "env": [{ "name": "A", "value": "1" }] });
    let (code, both) = apply(&cluster, "me", "", &containers(json!([side])));
    assert_eq!(code, 200, "{both}");
    assert_eq!(both["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 2);
    let entry = both["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["manager"] == "me")
        .unwrap();
    assert_eq!(entry["operation"], "Apply");
    assert_eq!(
        entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]["k:{\"name\":\"side\"}"],
        json!({
            ".": {}, "f:env": { "k:{\"name\":\"A\"}": { ".": {}, "f:name": {}, "f:value": {} } }, "f:image": {},
            "f:name": {},
        })
    );
    let (_, one) = apply(&cluster, "me", "", &web(&json!({ "minReadySeconds": 1 })));
    assert_eq!(one["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_absent_is_created() {
    let cluster = cluster();
    let target = "/api/v1/namespaces/shop/configmaps/new";
    let new = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "a": "1" } });
    let (code, _, message) = told(patch(&cluster, "apply", target, &new));
    assert_eq!(code, 422);
    assert_eq!(
        message,
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
    );
    let target = format!("{target}?fieldManager=me");
    let (code, made) = patch(&cluster, "apply", &target, &new);
    assert_eq!((code, &made["metadata"]["name"]), (201, &json!("new")));
    assert_eq!(patch(&cluster, "apply", &target, &new).0, 200);
    let widget = "/apis/example.com/v1/namespaces/shop/widgets/cog?fieldManager=me";
    let cog = json!({ "apiVersion": "example.com/v1", "kind": "Widget", "spec": { "teeth": [1] } });
    assert_eq!(patch(&cluster, "apply", widget, &cog).0, 201);
    let typo = web(&json!({ "replica": 3 }));
    let (code, _, message) = told(apply(&cluster, "me", "", &typo));
    assert_eq!(code, 500);
    assert!(message.ends_with(".spec.replica: field not declared in schema"), "{message}");
}
