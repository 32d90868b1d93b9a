//! Creating and changing, and what the server writes of its own.

use serde_json::{Value, json};

use super::{WEB, ask, cluster, get, names, patch, send, told};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn config(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "a": "1" } })
}

#[test]
fn what_is_created_is_there_once() {
    let cluster = cluster();
    let (code, dry) = send(&cluster, "POST", &format!("{CONFIG_MAPS}?dryRun=All"), &config("new"));
    assert_eq!((code, dry["metadata"]["uid"].is_string()), (201, true));
    assert!(cluster.object("ConfigMap", "default", "new").is_none());
    let (code, new) = send(&cluster, "POST", &format!("{CONFIG_MAPS}?fieldManager=me"), &config("new"));
    assert_eq!((code, &new["metadata"]["namespace"]), (201, &json!("default")));
    assert_eq!(new["metadata"]["creationTimestamp"], "2026-01-31T12:00:00Z");
    assert_eq!(new["metadata"]["managedFields"][0]["manager"], "me");
    assert_eq!(new["metadata"]["managedFields"][0]["fieldsV1"], json!({ "f:data": { "f:a": {} } }));
    assert_eq!(
        told(send(&cluster, "POST", CONFIG_MAPS, &config("new"))),
        (409, "AlreadyExists".into(), "configmaps \"new\" already exists".into())
    );
    let generated = json!({ "metadata": { "generateName": "x-" } });
    let (_, one) = send(&cluster, "POST", CONFIG_MAPS, &generated);
    let name = one["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("x-") && name.len() == 7, "{name}");
    let secret = json!({ "metadata": { "name": "s" }, "stringData": { "key": "value" } });
    let (_, secret) = send(&cluster, "POST", "/api/v1/namespaces/default/secrets", &secret);
    assert_eq!(
        (&secret["data"], &secret["type"], &secret["stringData"]),
        (&json!({ "key": "dmFsdWU=" }), &json!("Opaque"), &Value::Null)
    );
}

#[test]
fn an_update_of_what_has_changed_conflicts() {
    let cluster = cluster();
    let target = format!("{CONFIG_MAPS}/web-settings");
    let mut object = get(&cluster, &target);
    object["data"]["theme"] = "light".into();
    let (code, updated) = send(&cluster, "PUT", &target, &object);
    assert_eq!((code, &updated["data"]["theme"]), (200, &json!("light")));
    assert_ne!(updated["metadata"]["resourceVersion"], object["metadata"]["resourceVersion"]);
    assert_eq!(
        told(send(&cluster, "PUT", &target, &object)),
        (
            409,
            "Conflict".into(),
            "Operation cannot be fulfilled on configmaps \"web-settings\": the object has been modified; please apply \
             your changes to the latest version and try again"
                .into()
        )
    );
    // What changes nothing is no write.
    let (_, same) = send(&cluster, "PUT", &target, &updated);
    assert_eq!(same["metadata"]["resourceVersion"], updated["metadata"]["resourceVersion"]);
    let stale = json!({ "metadata": { "resourceVersion": "1" }, "data": { "theme": "x" } });
    assert_eq!(patch(&cluster, "merge", &target, &stale).0, 409);
    let widget = "/apis/example.com/v1/namespaces/default/widgets/gear";
    let (code, _, message) = told(send(&cluster, "PUT", widget, &json!({ "spec": {} })));
    assert_eq!(code, 422);
    assert!(message.contains("must be specified for an update"), "{message}");
}

#[test]
fn each_patch_has_its_own_way() {
    let cluster = cluster();
    let image = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    let strategic = json!({ "spec": { "template": { "spec": {
        "containers": [{ "name": "web", "image": "registry.example.com/web:1.28" }],
    } } } });
    let (code, web) = patch(&cluster, "strategic-merge", WEB, &strategic);
    assert_eq!((code, image(&web)), (200, json!("registry.example.com/web:1.28")));
    assert!(web["spec"]["template"]["spec"]["containers"][0]["env"].is_array());
    assert_eq!(web["metadata"]["generation"], 4);
    let json_patch = json!([
        { "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "x:1" },
        { "op": "test", "path": "/metadata/name", "value": "web" },
    ]);
    assert_eq!(image(&patch(&cluster, "json", WEB, &json_patch).1), "x:1");
    let failing = json!([{ "op": "test", "path": "/metadata/name", "value": "other" }]);
    assert_eq!(told(patch(&cluster, "json", WEB, &failing)).0, 422);
    let merge = json!({ "metadata": { "labels": { "team": "front", "app": null } } });
    let (_, web) = patch(&cluster, "merge", WEB, &merge);
    assert_eq!(
        (&web["metadata"]["labels"], &web["metadata"]["generation"]),
        (&json!({ "team": "front" }), &json!(5))
    );
    let status = json!({ "status": { "replicas": 99 } });
    let (_, web) = patch(&cluster, "merge", WEB, &status);
    assert_eq!(web["status"]["replicas"], 3, "the status has a path of its own");
    let (_, web) = patch(&cluster, "merge", &format!("{WEB}/status"), &status);
    assert_eq!(web["status"]["replicas"], 99);
    let widget = "/apis/example.com/v1/namespaces/default/widgets/gear";
    let (code, reason, _) = told(patch(&cluster, "strategic-merge", widget, &json!({ "spec": {} })));
    assert_eq!((code, reason.as_str()), (415, "UnsupportedMediaType"));
    let forced = json!({ "metadata": { "labels": { "a": "b" } } });
    assert_eq!(told(patch(&cluster, "merge", &format!("{WEB}?force=true"), &forced)).0, 422);
}

#[test]
fn controllers_follow_a_change_of_spec() {
    let cluster = cluster();
    let pods = |app: &str| {
        names(&get(&cluster, &format!("/api/v1/namespaces/default/pods?labelSelector=app%3D{app}")))
    };
    let old = pods("web");
    let restart = json!({ "spec": { "template": { "metadata": { "annotations": { "at": "now" } } } } });
    let (_, web) = patch(&cluster, "strategic-merge", WEB, &restart);
    let new = pods("web");
    assert!(new.len() == 3 && new.iter().all(|pod| !old.contains(pod)), "{new:?}");
    assert_eq!(web["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "4");
    assert_eq!(web["status"]["observedGeneration"], web["metadata"]["generation"]);
    let scale = format!("{WEB}/scale");
    let (_, scaled) = patch(&cluster, "merge", &scale, &json!({ "spec": { "replicas": 5 } }));
    assert_eq!((&scaled["spec"]["replicas"], &scaled["kind"]), (&json!(5), &json!("Scale")));
    assert_eq!((pods("web").len(), &get(&cluster, &scale)["status"]["selector"]), (5, &json!("app=web")));
    let (_, _, message) = told(patch(&cluster, "merge", &scale, &json!({ "spec": { "replicas": -1 } })));
    assert!(message.contains("spec.replicas: Invalid value: -1"), "{message}");
    // An old template is not a new revision set, but the latest revision.
    let template =
        cluster.object("ReplicaSet", "default", "web-5d4f8c7b94").unwrap()["spec"]["template"].clone();
    let mut back = get(&cluster, WEB);
    back["spec"]["template"] = template;
    back["spec"]["template"]["metadata"]["labels"].as_object_mut().unwrap().remove("pod-template-hash");
    assert_eq!(send(&cluster, "PUT", WEB, &back).0, 200);
    let set = cluster.object("ReplicaSet", "default", "web-5d4f8c7b94").unwrap();
    assert_eq!(
        (&set["metadata"]["annotations"]["deployment.kubernetes.io/revision"], &set["spec"]["replicas"]),
        (&json!("5"), &json!(5))
    );
    let set = "/apis/apps/v1/namespaces/shop/statefulsets/db";
    let (_, db) = patch(&cluster, "strategic-merge", set, &restart);
    let revision =
        cluster.object("ControllerRevision", "shop", db["status"]["updateRevision"].as_str().unwrap());
    assert_eq!(revision.unwrap()["revision"], 3);
}

#[test]
fn a_deployment_that_is_made_runs() {
    let cluster = cluster();
    let new = json!({
        "metadata": { "name": "api", "labels": { "app": "api" } },
        "spec": {
            "replicas": 2, "selector": { "matchLabels": { "app": "api" } },
            "template": {
                "metadata": { "labels": { "app": "api" } },
                "spec": { "containers": [{ "name": "api", "image": "api:1", "ports": [{ "containerPort": 80 }] }] },
            },
        },
    });
    let (code, made) = send(&cluster, "POST", "/apis/apps/v1/namespaces/default/deployments", &new);
    assert_eq!((code, &made["status"]["readyReplicas"]), (201, &json!(2)));
    assert_eq!(made["spec"]["strategy"]["type"], "RollingUpdate");
    assert_eq!(names(&get(&cluster, "/api/v1/pods?labelSelector=app%3Dapi")).len(), 2);
}

#[test]
fn a_node_that_is_closed_is_tainted() {
    let cluster = cluster();
    let close = |closed: Value| {
        let patched =
            patch(&cluster, "merge", "/api/v1/nodes/node-b", &json!({ "spec": { "unschedulable": closed } }));
        patched.1["spec"]["taints"].clone()
    };
    assert_eq!(close(json!(true))[0]["key"], "node.kubernetes.io/unschedulable");
    assert_eq!(close(Value::Null), Value::Null);
}

#[test]
fn a_broken_deployment_can_be_mended() {
    let cluster = cluster();
    let target = "/apis/apps/v1/namespaces/shop/deployments/checkout";
    let image = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "checkout", "image": "c:1" }] } } } });
    let (_, mended) = patch(&cluster, "strategic-merge", target, &image);
    assert_eq!(mended["status"]["readyReplicas"], 1);
    let pods = get(&cluster, "/api/v1/namespaces/shop/pods?labelSelector=app%3Dcheckout");
    assert_eq!((names(&pods).len(), &pods["items"][0]["status"]["phase"]), (1, &json!("Running")));
}

#[test]
fn controllers_can_be_held() {
    let cluster = cluster();
    cluster.hold_controllers();
    let (_, web) = patch(&cluster, "merge", WEB, &json!({ "spec": { "replicas": 4 } }));
    assert_eq!(
        (&web["metadata"]["generation"], &web["status"]["observedGeneration"]),
        (&json!(4), &json!(3))
    );
    assert_eq!(web["status"]["replicas"], 3);
}

#[test]
fn services_and_budgets_follow_the_pods() {
    let cluster = cluster();
    let slice = || cluster.object("EndpointSlice", "default", "web-x7k2m").unwrap()["endpoints"].clone();
    send(&cluster, "DELETE", super::POD, &Value::Null);
    assert_eq!(slice().as_array().unwrap().len(), 2);
    patch(&cluster, "merge", &format!("{WEB}/scale"), &json!({ "spec": { "replicas": 5 } }));
    assert_eq!(slice().as_array().unwrap().len(), 5);
    let budget = cluster.object("PodDisruptionBudget", "default", "web").unwrap();
    assert_eq!(budget["status"]["disruptionsAllowed"], 3);
}

#[test]
fn a_job_that_is_made_begins() {
    let cluster = cluster();
    let template = cluster.object("CronJob", "shop", "tidy").unwrap()["spec"]["jobTemplate"]["spec"].clone();
    let job = json!({ "metadata": { "name": "tidy-now" }, "spec": template });
    let (code, job) = send(&cluster, "POST", "/apis/batch/v1/namespaces/shop/jobs", &job);
    assert_eq!((code, &job["status"]["active"]), (201, &json!(1)));
    assert_eq!(names(&get(&cluster, "/api/v1/pods?labelSelector=job-name%3Dtidy-now")).len(), 1);
}

#[test]
fn unknown_fields_are_dropped_and_told() {
    let cluster = cluster();
    let typo = json!({ "spec": { "replica": 3, "template": { "spec": { "containers": [{ "name": "web", "imag": "x" }] } } } });
    let kind = [("content-type", "application/strategic-merge-patch+json")];
    let reply = ask(&cluster, "PATCH", WEB, &kind, &typo);
    let warnings: Vec<&str> =
        reply.headers.iter().filter(|(name, _)| name == "warning").map(|(_, value)| value.as_str()).collect();
    assert_eq!(
        warnings,
        [
            "299 - \"unknown field \\\"spec.replica\\\"\"",
            "299 - \"unknown field \\\"spec.template.spec.containers[0].imag\\\"\""
        ]
    );
    assert!(!String::from_utf8(reply.body).unwrap().contains("replica\":"));
    let (code, _, message) =
        told(patch(&cluster, "strategic-merge", &format!("{WEB}?fieldValidation=Strict"), &typo));
    assert_eq!(code, 422);
    assert!(message.contains("strict decoding error: unknown field \"spec.replica\""), "{message}");
}
