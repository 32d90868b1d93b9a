//! What the server does not take.

use serde_json::{Value, json};

use super::{WEB, ask, cluster, patch, send, told};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

#[test]
fn an_object_that_may_not_be_says_each_cause() {
    let cluster = cluster();
    let object = json!({
        "metadata": { "name": "Web" },
        "spec": {
            "replicas": -1, "selector": { "matchLabels": { "app": "a" } },
            "template": { "metadata": { "labels": { "app": "b" } }, "spec": { "containers": [{ "name": "c" }] } },
        },
    });
    let (code, status) = send(&cluster, "POST", DEPLOYMENTS, &object);
    let details = &status["details"];
    assert_eq!(
        (&details["kind"], &details["group"], &details["name"]),
        (&json!("Deployment"), &json!("apps"), &json!("Web"))
    );
    let fields: Vec<&str> =
        details["causes"].as_array().unwrap().iter().map(|cause| cause["field"].as_str().unwrap()).collect();
    assert_eq!(
        fields,
        [
            "metadata.name",
            "spec.replicas",
            "spec.template.metadata.labels",
            "spec.template.spec.containers[0].image"
        ]
    );
    let (_, reason, message) = told((code, status));
    assert_eq!((code, reason.as_str()), (422, "Invalid"));
    assert!(message.starts_with(
        "Deployment.apps \"Web\" is invalid: [metadata.name: Invalid value: \"Web\": a lowercase RFC 1123"
    ));
}

#[test]
fn some_fields_never_change() {
    let cluster = cluster();
    let selector = json!({ "spec": { "selector": { "matchLabels": { "app": "x" } } } });
    let (code, _, message) = told(patch(&cluster, "merge", WEB, &selector));
    assert_eq!(code, 422);
    assert!(message.contains("field is immutable"), "{message}");
    let node = json!({ "spec": { "nodeName": "node-z" } });
    let (_, _, message) = told(patch(&cluster, "merge", super::POD, &node));
    assert!(message.contains("spec: Forbidden: pod updates may not change fields other than"), "{message}");
    let image = json!({ "spec": { "containers": [{ "name": "web", "image": "x:1" }] } });
    assert_eq!(patch(&cluster, "strategic-merge", super::POD, &image).0, 200);
    cluster.edit("ConfigMap", "default", "web-settings", |object| object["immutable"] = true.into());
    let target = "/api/v1/namespaces/default/configmaps/web-settings";
    let (_, _, message) = told(patch(&cluster, "merge", target, &json!({ "data": { "a": "b" } })));
    assert_eq!(
        message,
        "ConfigMap \"web-settings\" is invalid: data: Forbidden: field is immutable when `immutable` is set"
    );
}

#[test]
fn a_body_is_of_the_kind_of_its_path() {
    let cluster = cluster();
    let message = |object: &Value| {
        told(send(&cluster, "POST", &format!("{DEPLOYMENTS}?fieldValidation=Strict"), object)).2
    };
    assert!(
        message(&json!({ "apiVersion": "v1" }))
            .starts_with("the API version in the data (v1) does not match")
    );
    assert!(
        message(&json!({ "kind": "Pod" }))
            .starts_with("Pod in version \"v1\" cannot be handled as a Deployment")
    );
    let elsewhere = json!({ "metadata": { "name": "a", "namespace": "shop" } });
    assert!(message(&elsewhere).starts_with("the namespace of the provided object does not match"));
    assert_eq!(
        message(&json!({ "spec": { "replica": 1 } })),
        "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \
         \"spec.replica\""
    );
    assert!(
        message(&json!({ "spec": { "replicas": "3" } }))
            .contains("cannot unmarshal string into Go struct field")
    );
    assert!(message(&json!(["x"])).starts_with("couldn't get version/kind"));
    let nowhere =
        send(&cluster, "POST", "/api/v1/namespaces/none/configmaps", &json!({ "metadata": { "name": "a" } }));
    assert_eq!(told(nowhere).2, "namespaces \"none\" not found");
    let other = json!({ "metadata": { "name": "other" } });
    assert_eq!(told(send(&cluster, "PUT", WEB, &other)).0, 400);
}

#[test]
fn methods_and_forms_that_there_are_not() {
    let cluster = cluster();
    let (code, reason, _) = told(send(&cluster, "POST", "/apis/apps/v1/deployments", &json!({})));
    assert_eq!((code, reason.as_str()), (405, "MethodNotAllowed"));
    assert_eq!(send(&cluster, "GET", &format!("{}/eviction", super::POD), &Value::Null).0, 405);
    let reply = ask(&cluster, "PATCH", WEB, &[("content-type", "application/json")], &json!({}));
    assert_eq!(reply.status, 415);
    assert_eq!(ask(&cluster, "GET", WEB, &[("accept", "text/html")], &Value::Null).status, 406);
}

#[test]
fn a_node_can_be_made_to_suffer() {
    let cluster = cluster();
    cluster.pressure("node-b", "MemoryPressure");
    let node = cluster.object("Node", "", "node-b").unwrap();
    let conditions = node["status"]["conditions"].as_array().unwrap();
    let pressed = conditions.iter().find(|one| one["type"] == "MemoryPressure").unwrap();
    assert_eq!(pressed["status"], "True");
}
