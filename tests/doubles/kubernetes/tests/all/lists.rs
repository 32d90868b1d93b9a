//! Lists: pages, selectors, tables, metadata.

use double_kubernetes::Cluster;
use serde_json::{Value, json};

use super::{ask, cluster, get, json, names, send, told};

const CONFIG_MAPS: &str = "/api/v1/namespaces/shop/configmaps";

#[test]
fn pages_are_of_one_state() {
    let cluster = cluster();
    let first = get(&cluster, &format!("{CONFIG_MAPS}?limit=25"));
    assert_eq!(
        (first["items"].as_array().unwrap().len(), &first["metadata"]["remainingItemCount"]),
        (25, &json!(35))
    );
    // What comes and goes meanwhile is not seen.
    cluster.remove("ConfigMap", "shop", "setting-30");
    cluster.put(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "setting-26a", "namespace": "shop" },
    }));
    let mut all = names(&first);
    let mut page = first.clone();
    while let Some(token) = page["metadata"]["continue"].as_str() {
        page = get(&cluster, &format!("{CONFIG_MAPS}?limit=25&continue={token}"));
        assert_eq!(page["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
        all.extend(names(&page));
    }
    let expected: Vec<String> = (0..60).map(|number| format!("setting-{number:02}")).collect();
    assert_eq!(all, expected);
    assert_eq!(page["metadata"]["remainingItemCount"], Value::Null);
    assert_eq!(get(&cluster, CONFIG_MAPS)["items"].as_array().unwrap().len(), 60);
}

#[test]
fn an_expired_token_is_told_with_one_to_go_on_with() {
    let cluster = cluster();
    let first = get(&cluster, &format!("{CONFIG_MAPS}?limit=59"));
    let token = first["metadata"]["continue"].as_str().unwrap();
    cluster.compact();
    let (code, status) =
        send(&cluster, "GET", &format!("{CONFIG_MAPS}?limit=59&continue={token}"), &Value::Null);
    let fresh = status["metadata"]["continue"].as_str().unwrap().to_owned();
    let (code, reason, message) = told((code, status));
    assert_eq!((code, reason.as_str()), (410, "Expired"));
    assert!(message.starts_with("The provided continue parameter is too old"), "{message}");
    assert_eq!(names(&get(&cluster, &format!("{CONFIG_MAPS}?continue={fresh}"))), ["setting-59"]);
    let (code, reason, _) =
        told(send(&cluster, "GET", &format!("{CONFIG_MAPS}?continue=nonsense"), &Value::Null));
    assert_eq!((code, reason.as_str()), (400, "BadRequest"));
}

#[test]
fn a_selection_is_not_counted_to_its_end() {
    let cluster = cluster();
    let page = get(&cluster, &format!("{CONFIG_MAPS}?limit=4&labelSelector=set%3Dodd"));
    assert_eq!(names(&page), ["setting-01", "setting-03", "setting-05", "setting-07"]);
    assert!(page["metadata"]["continue"].is_string() && page["metadata"]["remainingItemCount"].is_null());
}

#[test]
fn selectors_choose_by_label_and_field() {
    let cluster = cluster();
    let chosen = |query: &str| names(&get(&cluster, &format!("/api/v1/{query}")));
    assert_eq!(chosen("pods?labelSelector=app+in+(cart,checkout)").len(), 2);
    assert_eq!(chosen("pods?fieldSelector=status.phase%3DFailed"), ["migrate-7xk4d", "migrate-q2m9f"]);
    assert_eq!(chosen("pods?fieldSelector=spec.nodeName%3D"), ["report-55dd8c7f6-p4ghj"]);
    assert_eq!(chosen("namespaces?fieldSelector=metadata.name!%3Dshop"), ["default", "kube-system"]);
    let warnings = chosen("namespaces/shop/events?fieldSelector=type%3DWarning,involvedObject.kind%3DPod");
    assert_eq!(warnings.len(), 5, "{warnings:?}");
    assert_eq!(chosen("events?fieldSelector=reason%3DFailedScheduling").len(), 1);
    let refused = told(send(&cluster, "GET", "/api/v1/pods?fieldSelector=spec.image%3Dx", &Value::Null));
    assert_eq!(refused, (400, "BadRequest".into(), "field label not supported: spec.image".into()));
    let (code, ..) = told(send(&cluster, "GET", "/api/v1/pods?labelSelector=a%20b", &Value::Null));
    assert_eq!(code, 400);
}

#[test]
fn items_of_a_built_in_kind_do_not_say_it() {
    let cluster = cluster();
    let pods = get(&cluster, "/api/v1/pods?limit=1");
    assert_eq!((&pods["kind"], &pods["apiVersion"]), (&json!("PodList"), &json!("v1")));
    assert!(pods["items"][0]["kind"].is_null());
    let widgets = get(&cluster, "/apis/example.com/v1/widgets");
    assert_eq!(widgets["items"][0]["kind"], "Widget");
}

fn table(cluster: &Cluster, target: &str) -> (Vec<String>, Vec<Value>, Value) {
    let accept = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")];
    let table = json(&ask(cluster, "GET", target, &accept, &Value::Null));
    assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
    let heads = table["columnDefinitions"].as_array().unwrap().iter();
    let heads = heads.filter(|column| column["priority"] == 0);
    let heads: Vec<String> = heads.map(|column| column["name"].as_str().unwrap().to_owned()).collect();
    let rows = table["rows"].as_array().unwrap().iter();
    let rows =
        rows.map(|row| json!(row["cells"].as_array().unwrap().iter().take(heads.len()).collect::<Vec<_>>()));
    let rows = rows.collect();
    (heads, rows, table.clone())
}

#[test]
fn tables_are_printed_as_the_server_does() {
    let cluster = cluster();
    let (heads, rows, table_of_pods) = table(&cluster, "/api/v1/namespaces/shop/pods");
    assert_eq!(heads, ["Name", "Ready", "Status", "Restarts", "Age"]);
    for row in [
        json!(["cart-6f5b8d9c7-zx2qv", "0/1", "CrashLoopBackOff", "14 (3m ago)", "60m"]),
        json!(["checkout-7d9c6b5f4-m8rkt", "0/1", "ImagePullBackOff", "0", "25m"]),
        json!(["db-0", "2/2", "Running", "0", "12d"]),
        json!(["migrate-7xk4d", "0/1", "Error", "0", "3h"]),
        json!(["report-55dd8c7f6-p4ghj", "0/1", "Pending", "0", "40m"]),
    ] {
        assert!(rows.contains(&row), "{row} is not in {rows:#?}");
    }
    let object = &table_of_pods["rows"][0]["object"];
    assert_eq!(
        (&object["kind"], &object["metadata"]["namespace"]),
        (&json!("PartialObjectMetadata"), &json!("shop"))
    );
    assert!(object["spec"].is_null());
    let (_, rows, _) = table(&cluster, "/apis/apps/v1/namespaces/shop/deployments/payments");
    assert_eq!(rows, [json!(["payments", "2/2", 1, 2, "8d"])]);
    let (_, rows, _) = table(&cluster, "/api/v1/nodes");
    assert_eq!(rows[0], json!(["node-a", "Ready", "control-plane", "40d", "v1.35.2"]));
    let (_, rows, _) = table(&cluster, "/api/v1/services");
    assert_eq!(rows[0], json!(["web", "ClusterIP", "10.96.12.7", "<none>", "80/TCP", "24h"]));
    let (heads, rows, _) = table(&cluster, "/api/v1/namespaces/shop/configmaps?limit=1");
    assert_eq!((heads, rows), (vec!["Name".into(), "Age".into()], vec![json!(["setting-00", "24h"])]));
    let (heads, rows, _) = table(&cluster, "/api/v1/namespaces/default/events?includeObject=None");
    assert_eq!(heads[..3], ["Last Seen", "Type", "Reason"]);
    assert_eq!(rows.len(), 2);
}

#[test]
fn metadata_may_be_all_that_is_asked_for() {
    let cluster = cluster();
    let accept = |word: &str| format!("application/json;as={word};g=meta.k8s.io;v=v1");
    let ask = |word: &str, target: &str| {
        let reply = ask(&cluster, "GET", target, &[("accept", &accept(word))], &Value::Null);
        (reply.status, json(&reply))
    };
    let (_, list) = ask("PartialObjectMetadataList", "/api/v1/pods");
    assert_eq!(
        (&list["kind"], list["items"][0]["spec"].is_null()),
        (&json!("PartialObjectMetadataList"), true)
    );
    let (_, one) = ask("PartialObjectMetadata", super::POD);
    assert_eq!((&one["kind"], one["spec"].is_null()), (&json!("PartialObjectMetadata"), true));
    assert_eq!(ask("PartialObjectMetadata", "/api/v1/pods").0, 406);
}
