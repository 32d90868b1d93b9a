//! What is answered is what the vendor's schemas say.

use double_kit::{Contract, Double, Request, vendor};
use serde_json::{Value, json};

use super::{NOW, POD, WEB, cluster, send};
use double_kubernetes::Cluster;

fn conform(cluster: &Cluster, vendor: &str, lines: &[String]) {
    let table = format!("vendor kubernetes/{vendor}\n{}", lines.join("\n"));
    let contract = Contract::parse(&table);
    vendor::agrees(&contract);
    for operation in contract.operations() {
        let path = operation.path.replace("{namespace}", "shop");
        let reply = cluster.answer(&Request::new("GET", &path, Vec::new(), Vec::new()));
        assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.body));
        let faults = vendor::faults(operation, &reply);
        assert!(faults.is_empty(), "{path}: {faults:#?}");
    }
}

/// Every resource of a group version, and each object of the seed by its own path.
#[test]
fn every_kind_that_is_served_is_as_published() {
    let cluster = cluster();
    let groups = super::get(&cluster, "/apis");
    let mut versions = vec!["/api/v1".to_owned()];
    for group in groups["groups"].as_array().unwrap() {
        for version in group["versions"].as_array().unwrap() {
            versions.push(format!("/apis/{}", version["groupVersion"].as_str().unwrap()));
        }
    }
    let (mut lists, mut metrics, mut count) = (Vec::new(), Vec::new(), 0);
    for version in versions.iter().filter(|version| !version.contains("example.com")) {
        for resource in super::get(&cluster, version)["resources"].as_array().unwrap() {
            let listed = resource["verbs"].as_array().unwrap().contains(&json!("list"));
            if !listed {
                continue;
            }
            let path = format!("{version}/{}", resource["name"].as_str().unwrap());
            count += super::get(&cluster, &path)["items"].as_array().unwrap().len();
            let lists = if version.contains("metrics") { &mut metrics } else { &mut lists };
            lists.push(format!("GET {path}"));
        }
    }
    assert!(lists.len() > 45 && metrics.len() == 2 && count > 140, "{} {count}", lists.len());
    conform(&cluster, "swagger-release-1.36.json", &lists);
    conform(&cluster, "metrics-server-0.4.0.json", &metrics);
}

/// What discovery says of a kind is what the vendor has of it, and a deletion answers with what it does there.
#[test]
fn parts_and_deletions_are_as_published() {
    let cluster = cluster();
    let mut deleted = 0;
    for version in
        ["/api/v1", "/apis/apps/v1", "/apis/batch/v1", "/apis/storage.k8s.io/v1", "/apis/policy/v1"]
    {
        let mut lines = Vec::new();
        for resource in super::get(&cluster, version)["resources"].as_array().unwrap() {
            let name = resource["name"].as_str().unwrap();
            let (plural, part) = name
                .split_once('/')
                .map_or((name, String::new()), |(plural, part)| (plural, format!("/{part}")));
            let place = if resource["namespaced"] == true { "/namespaces/{namespace}" } else { "" };
            let verbs = resource["verbs"].as_array().unwrap();
            if verbs.contains(&json!("get")) {
                lines.push(format!("GET {version}{place}/{plural}/{{name}}{part}"));
            }
            // A namespace that ends answers with itself, whatever is published.
            if verbs.contains(&json!("delete")) && part.is_empty() && plural != "namespaces" {
                deleted += usize::from(deletes(&cluster, version, plural));
            }
        }
        let table = format!("vendor kubernetes/swagger-release-1.36.json\n{}", lines.join("\n"));
        vendor::agrees(&Contract::parse(&table));
    }
    assert!(deleted > 15, "{deleted}");
}

fn deletes(cluster: &Cluster, version: &str, plural: &str) -> bool {
    let list = super::get(cluster, &format!("{version}/{plural}"));
    let Some(metadata) = list["items"].as_array().unwrap().last().map(|one| &one["metadata"]) else {
        return false;
    };
    let place =
        metadata["namespace"].as_str().map_or(String::new(), |namespace| format!("/namespaces/{namespace}"));
    let path = format!("{version}{place}/{plural}/{}", metadata["name"].as_str().unwrap());
    let table = format!("vendor kubernetes/swagger-release-1.36.json\nDELETE {path} json{{*}}");
    let contract = Contract::parse(&table);
    let body = json!({ "dryRun": ["All"] }).to_string().into_bytes();
    let reply = cluster.answer(&Request::new("DELETE", &path, Vec::new(), body));
    assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.body));
    let faults = vendor::faults(&contract.operations()[0], &reply);
    assert!(faults.is_empty(), "{path}: {faults:#?}");
    true
}

#[test]
fn single_objects_and_parts_are_as_published() {
    let cluster = cluster();
    let lines = [
        POD,
        WEB,
        &format!("{WEB}/scale"),
        "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/web",
        "/apis/events.k8s.io/v1/events",
    ];
    conform(&cluster, "swagger-release-1.36.json", &lines.map(|path| format!("GET {path}")));
    let lines = ["nodes/node-a", "namespaces/default/pods/web-7c6d5e4f36-4k2xp"];
    let lines = lines.map(|path| format!("GET /apis/metrics.k8s.io/v1beta1/{path}"));
    conform(&cluster, "metrics-server-0.4.0.json", &lines);
}

fn written(method: &str, path: &str, kind: &str, body: &Value) {
    let cluster = Cluster::new(NOW);
    let lines = format!("vendor kubernetes/swagger-release-1.36.json\n{method} {path} {kind}{{*}}");
    let contract = Contract::parse(&lines);
    let kind = if kind == "json" { "application/json" } else { kind };
    let headers = vec![("content-type".to_owned(), kind.to_owned())];
    let reply = cluster.answer(&Request::new(method, path, headers, body.to_string().into_bytes()));
    assert!(reply.status < 300, "{method} {path}: {}", String::from_utf8_lossy(&reply.body));
    let faults = vendor::faults(&contract.operations()[0], &reply);
    assert!(faults.is_empty(), "{method} {path}: {faults:#?}\n{}", String::from_utf8_lossy(&reply.body));
}

#[test]
fn what_a_write_answers_is_as_published() {
    let eviction = json!({ "metadata": { "name": "web-7c6d5e4f36-4k2xp", "namespace": "default" } });
    let config = json!({ "metadata": { "name": "new" }, "data": { "a": "b" } });
    let access = json!({ "spec": { "resourceAttributes": { "verb": "get", "resource": "pods" } } });
    written("POST", "/api/v1/namespaces/default/configmaps", "json", &config);
    written("POST", &format!("{POD}/eviction"), "json", &eviction);
    written("DELETE", POD, "json", &json!({}));
    written("DELETE", WEB, "json", &json!({}));
    written("DELETE", "/api/v1/namespaces/default/services/web", "json", &json!({}));
    written(
        "PATCH",
        &format!("{WEB}/scale"),
        "application/merge-patch+json",
        &json!({ "spec": { "replicas": 4 } }),
    );
    written("PATCH", WEB, "application/merge-patch+json", &json!({ "metadata": { "labels": { "a": "b" } } }));
    written("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "json", &access);
    let rules = json!({ "spec": { "namespace": "shop" } });
    written("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "json", &rules);
}

#[test]
fn a_refusal_is_a_status() {
    let cluster = cluster();
    let (code, status) = send(&cluster, "GET", "/api/v1/nodes/none", &Value::Null);
    assert_eq!(
        (code, status),
        (
            404,
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound", "code": 404,
                "message": "nodes \"none\" not found", "details": { "kind": "nodes", "name": "none" },
            })
        )
    );
}
