//! What there is, who may, and how the server is.

use double_kubernetes::Metrics;
use serde_json::{Value, json};

use super::{ask, cluster, get, json, send, told};

#[test]
fn the_aggregated_document_says_all_of_it() {
    let cluster = cluster();
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let reply = ask(&cluster, "GET", "/apis", &[("accept", accept)], &Value::Null);
    assert_eq!(reply.headers[0].1, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    let list = json(&reply);
    assert_eq!(list["apiVersion"], "apidiscovery.k8s.io/v2");
    let groups = list["items"].as_array().unwrap();
    let apps = groups.iter().find(|group| group["metadata"]["name"] == "apps").unwrap();
    let resources = apps["versions"][0]["resources"].as_array().unwrap();
    let deployments = resources.iter().find(|one| one["resource"] == "deployments").unwrap();
    assert_eq!(
        (&deployments["shortNames"], &deployments["scope"], &deployments["singularResource"]),
        (&json!(["deploy"]), &json!("Namespaced"), &json!("deployment"))
    );
    assert_eq!(deployments["subresources"][0]["responseKind"]["kind"], "Scale");
    let core = json(&ask(&cluster, "GET", "/api", &[("accept", accept)], &Value::Null));
    assert_eq!(core["items"][0]["metadata"], json!({}));
}

#[test]
fn the_old_documents_say_it_group_by_group() {
    let cluster = cluster();
    assert_eq!(get(&cluster, "/api")["versions"], json!(["v1"]));
    let groups = get(&cluster, "/apis");
    let scaling =
        groups["groups"].as_array().unwrap().iter().find(|group| group["name"] == "autoscaling").unwrap();
    assert_eq!(scaling["preferredVersion"]["groupVersion"], "autoscaling/v2");
    assert_eq!(scaling["versions"].as_array().unwrap().len(), 2);
    assert_eq!(get(&cluster, "/apis/example.com/v1")["resources"][0]["kind"], "Widget");
    let pods = get(&cluster, "/api/v1")["resources"].clone();
    let log = pods.as_array().unwrap().iter().find(|one| one["name"] == "pods/log").unwrap().clone();
    assert_eq!(log["verbs"], json!(["get"]));
    assert_eq!(ask(&cluster, "GET", "/apis/none.example.com/v1/things", &[], &Value::Null).status, 404);
    let refused = told(send(&cluster, "GET", "/apis/apps/v1/things", &Value::Null));
    assert_eq!(refused, (404, "NotFound".into(), "the server could not find the requested resource".into()));
}

#[test]
fn metrics_may_be_there_down_or_absent() {
    let cluster = cluster();
    let nodes = "/apis/metrics.k8s.io/v1beta1/nodes";
    assert_eq!(get(&cluster, nodes)["items"].as_array().unwrap().len(), 2);
    cluster.usage("shop", "db-0", "db", 900, 400_000);
    let pod = get(&cluster, "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods/db-0");
    assert_eq!(
        pod["containers"][0],
        json!({ "name": "db", "usage": { "cpu": "900000000n", "memory": "400000Ki" } })
    );
    let one = "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods/none";
    assert_eq!(
        told(send(&cluster, "GET", one, &Value::Null)).2,
        "podmetrics.metrics.k8s.io \"shop/none\" not found"
    );
    cluster.metrics(Metrics::Down);
    assert_eq!(told(send(&cluster, "GET", nodes, &Value::Null)).0, 503);
    cluster.metrics(Metrics::Absent);
    let gone = ask(&cluster, "GET", nodes, &[], &Value::Null);
    assert_eq!((gone.status, &gone.body[..]), (404, &b"404 page not found\n"[..]));
    assert!(!get(&cluster, "/apis").to_string().contains("metrics.k8s.io"));
}

#[test]
fn reviews_say_what_is_denied() {
    let cluster = cluster();
    cluster.deny("delete", "deployments", "shop");
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let may = |verb: &str, namespace: &str| {
        let wish =
            json!({ "group": "apps", "resource": "deployments", "verb": verb, "namespace": namespace });
        let (code, review) = send(&cluster, "POST", path, &json!({ "spec": { "resourceAttributes": wish } }));
        assert_eq!(code, 201);
        review["status"]["allowed"].clone()
    };
    assert_eq!((may("delete", "shop"), may("delete", "default")), (json!(false), json!(true)));
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let (_, review) = send(&cluster, "POST", path, &json!({ "spec": { "namespace": "shop" } }));
    let rules = review["status"]["resourceRules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["resources"] == json!(["deployments"])).unwrap();
    assert!(!rule["verbs"].as_array().unwrap().contains(&json!("delete")));
    let target = "/apis/apps/v1/namespaces/shop/deployments/cart";
    let (code, reason, message) = told(send(&cluster, "DELETE", target, &Value::Null));
    assert_eq!((code, reason.as_str()), (403, "Forbidden"));
    assert_eq!(
        message,
        "deployments.apps \"cart\" is forbidden: User \"system:serviceaccount:tools:bulkhead\" cannot delete resource \
         \"deployments\" in API group \"apps\" in the namespace \"shop\""
    );
    cluster.deny("list", "nodes", "");
    let (_, _, message) = told(send(&cluster, "GET", "/api/v1/nodes", &Value::Null));
    assert!(
        message.ends_with("cannot list resource \"nodes\" in API group \"\" at the cluster scope"),
        "{message}"
    );
}

#[test]
fn the_server_says_how_it_is_and_to_whom() {
    let cluster = cluster();
    assert_eq!(get(&cluster, "/version")["gitVersion"], "v1.35.2");
    assert_eq!(ask(&cluster, "GET", "/readyz", &[], &Value::Null).body, b"ok");
    let verbose = ask(&cluster, "GET", "/livez?verbose", &[], &Value::Null);
    assert!(String::from_utf8(verbose.body).unwrap().ends_with("livez check passed\n"));
    cluster.require_token("s3cret");
    assert_eq!(told(send(&cluster, "GET", "/version", &Value::Null)).1, "Unauthorized");
    let known = ask(&cluster, "GET", "/version", &[("authorization", "Bearer s3cret")], &Value::Null);
    assert_eq!(known.status, 200);
    assert_eq!(cluster.requests().len(), 5);
}
