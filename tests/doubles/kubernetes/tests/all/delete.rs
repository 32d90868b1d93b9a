//! Deletions.

use serde_json::{Value, json};

use super::{POD, WEB, cluster, get, names, patch, send, told};

const SETS: &str = "/apis/apps/v1/namespaces/default/replicasets";

#[test]
fn what_is_owned_goes_with_its_owner() {
    let cluster = cluster();
    let dry = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"] });
    let (code, status) = send(&cluster, "DELETE", WEB, &dry);
    assert_eq!((code, &status["status"]), (200, &json!("Success")));
    assert_eq!(names(&get(&cluster, SETS)).len(), 3);
    let (_, status) = send(&cluster, "DELETE", WEB, &json!({ "propagationPolicy": "Background" }));
    let details = &status["details"];
    assert_eq!(
        (&details["kind"], &details["name"], &details["group"]),
        (&json!("deployments"), &json!("web"), &json!("apps"))
    );
    assert!(names(&get(&cluster, SETS)).is_empty());
    assert!(names(&get(&cluster, "/api/v1/namespaces/default/pods")).is_empty());
    assert_eq!(told(send(&cluster, "DELETE", WEB, &Value::Null)).2, "deployments.apps \"web\" not found");
}

#[test]
fn orphans_stay() {
    let cluster = cluster();
    send(&cluster, "DELETE", WEB, &json!({ "propagationPolicy": "Orphan" }));
    assert_eq!(names(&get(&cluster, SETS)).len(), 3);
    assert!(get(&cluster, SETS)["items"][0]["metadata"]["ownerReferences"].is_null());
}

#[test]
fn preconditions_and_options_are_checked() {
    let cluster = cluster();
    let (code, _, message) = told(send(&cluster, "DELETE", WEB, &json!({ "preconditions": { "uid": "x" } })));
    assert_eq!(code, 409);
    assert!(
        message.contains("Precondition failed: UID in precondition: x, UID in object meta:"),
        "{message}"
    );
    let version = json!({ "preconditions": { "resourceVersion": "1" } });
    assert_eq!(send(&cluster, "DELETE", WEB, &version).0, 409);
    assert_eq!(send(&cluster, "DELETE", WEB, &json!({ "propagationPolicy": "Sometimes" })).0, 422);
    assert_eq!(send(&cluster, "DELETE", &format!("{WEB}?dryRun=Some"), &Value::Null).0, 422);
}

#[test]
fn a_pod_is_told_how_long_it_has_and_a_claim_is_held() {
    let cluster = cluster();
    let (_, pod) = send(&cluster, "DELETE", POD, &json!({ "gracePeriodSeconds": 5 }));
    assert_eq!((&pod["kind"], &pod["metadata"]["deletionGracePeriodSeconds"]), (&json!("Pod"), &json!(5)));
    assert_eq!(send(&cluster, "GET", POD, &Value::Null).0, 404);
    let claim = "/api/v1/namespaces/shop/persistentvolumeclaims/uploads";
    send(&cluster, "DELETE", claim, &Value::Null);
    assert!(get(&cluster, claim)["metadata"]["deletionTimestamp"].is_string());
    patch(&cluster, "merge", claim, &json!({ "metadata": { "finalizers": null } }));
    assert_eq!(send(&cluster, "GET", claim, &Value::Null).0, 404);
}

#[test]
fn a_namespace_takes_all_with_it() {
    let cluster = cluster();
    let (_, shop) = send(&cluster, "DELETE", "/api/v1/namespaces/shop", &Value::Null);
    assert_eq!(shop["status"]["phase"], "Terminating");
    assert!(names(&get(&cluster, "/api/v1/namespaces/shop/pods")).is_empty());
    let (code, _, message) = told(send(
        &cluster,
        "POST",
        "/api/v1/namespaces/shop/configmaps",
        &json!({ "metadata": { "name": "a" } }),
    ));
    assert_eq!((code, message.as_str()), (404, "namespaces \"shop\" not found"));
    assert_eq!(send(&cluster, "DELETE", "/api/v1/namespaces/default", &Value::Null).0, 403);
    let (_, list) =
        send(&cluster, "DELETE", "/api/v1/namespaces/default/secrets?labelSelector=app%3Dweb", &Value::Null);
    assert_eq!(names(&list), ["web-token"]);
}
