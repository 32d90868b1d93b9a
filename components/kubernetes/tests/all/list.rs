//! `list`: columns, whole objects, selectors, pages, and names over kinds.

use super::*;

#[test]
fn a_summary_has_the_columns_of_kubectl_made_by_the_server() {
    let (cluster, mock) = (cluster(), host(&cluster()));
    let output = testing::call::<Kubernetes>(
        config(),
        &mock,
        "list",
        json!({ "kind": "deploy", "namespace": "shop" }),
    );
    let listed = output.unwrap().structured().unwrap().clone();
    assert_eq!(
        listed["items"][0],
        json!({ "name": "cart", "namespace": "shop", "ready": "0/1", "up_to_date": 1, "available": 0, "age": "60m" })
    );
    assert_eq!(listed["shown"], 5);
    let sent = &mock.requests()[0];
    assert!(sent.header("accept").unwrap().starts_with("application/json;as=Table;v=v1;g=meta.k8s.io"));
    let nodes = call(&cluster, "list", json!({ "kind": "no" }));
    assert_eq!(each(&nodes["items"], "name"), ["node-a", "node-b"]);
}

#[test]
fn selectors_select() {
    let cluster = cluster();
    let names = |arguments: Value| each(&call(&cluster, "list", arguments)["items"], "name");
    assert_eq!(
        names(json!({ "kind": "pods", "namespace": "*", "labels": "app in (db,cart)" })),
        ["cart-6f5b8d9c7-zx2qv", "db-0", "db-1"]
    );
    assert_eq!(
        names(json!({ "kind": "pods", "namespace": "shop", "field_selector": "status.phase=Pending" })),
        ["checkout-7d9c6b5f4-m8rkt", "report-55dd8c7f6-p4ghj"]
    );
    let told = refused(&cluster, "list", json!({ "kind": "pods", "labels": "app in (" }));
    assert!(told.starts_with("arguments.labels: the server refuses it (400): "), "{told}");
    let told = refused(&cluster, "list", json!({ "kind": "pods", "field_selector": "spec.color=red" }));
    assert!(told.starts_with("arguments.field_selector: the server refuses it (400): "), "{told}");
}

#[test]
fn pages_follow_each_other_to_the_end() {
    let cluster = cluster();
    let (mut names, mut cursor, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let mut arguments = json!({ "kind": "cm", "namespace": "shop", "limit": 25 });
        if !cursor.is_null() {
            arguments["cursor"] = cursor;
        }
        let page = call(&cluster, "list", arguments);
        names.extend(each(&page["items"], "name"));
        pages += 1;
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
        assert_eq!(page["remaining"], 60 - 25 * pages);
    }
    names.dedup();
    assert_eq!((pages, names.len()), (3, 60));
}

#[test]
fn an_expired_cursor_is_explained() {
    let cluster = cluster();
    let first = call(&cluster, "list", json!({ "kind": "cm", "namespace": "shop", "limit": 25 }));
    cluster.compact();
    let again = json!({ "kind": "cm", "namespace": "shop", "limit": 25, "cursor": first["next_cursor"] });
    let told = refused(&cluster, "list", again);
    assert!(told.starts_with("arguments.cursor: has expired ("), "{told}");
    assert!(told.ends_with("list again from the start, without it"), "{told}");
    let other = json!({ "kind": "pods", "cursor": first["next_cursor"] });
    assert!(refused(&cluster, "list", other).contains("belongs to a call with other arguments"));
}

#[test]
fn whole_objects_are_without_noise_and_secrets() {
    let cluster = cluster();
    let full = call(&cluster, "list", json!({ "kind": "secrets", "view": "full" }));
    let secret = &full["items"][0];
    assert_eq!(secret["metadata"]["name"], "web-token");
    assert_eq!(
        secret["data"],
        json!({ "token": "(hidden, about 9 bytes)", "user": "(hidden, about 3 bytes)" })
    );
    let fields = call(&cluster, "list", json!({ "kind": "secrets", "fields": ["data.token"] }));
    assert_eq!(
        fields["items"][0],
        json!({ "name": "web-token", "data": { "token": "(hidden, about 9 bytes)" } })
    );
    let web = call(&cluster, "list", json!({ "kind": "deploy", "view": "full" }));
    assert_eq!(web["items"][0]["metadata"].get("managedFields"), None);
    assert_eq!(web["items"][0]["spec"]["replicas"], 3);
}

#[test]
fn a_field_that_nothing_has_is_told() {
    let arguments = json!({ "kind": "deploy", "fields": ["spec.replicas", "spec.replica"] });
    assert_eq!(
        call(&cluster(), "list", arguments),
        json!({
            "shown": 1, "items": [{ "name": "web", "spec": { "replicas": 3 } }], "unknown_fields": ["spec.replica"]
        })
    );
}

#[test]
fn names_are_searched_over_kinds_and_the_best_come_first() {
    let cluster = cluster();
    let found = call(&cluster, "list", json!({ "query": "web", "limit": 4 }));
    let row = |item: &Value| format!("{} {}", item["kind"].as_str().unwrap(), item["name"].as_str().unwrap());
    let rows: Vec<String> = found["items"].as_array().unwrap().iter().map(row).collect();
    assert_eq!(rows, ["Deployment web", "Service web", "Ingress web", "Pod web-7c6d5e4f36-4k2xp"]);
    assert_eq!((&found["total"], &found["shown"]), (&json!(8), &json!(4)));
    let rest = call(&cluster, "list", json!({ "query": "web", "limit": 9, "cursor": found["next_cursor"] }));
    assert_eq!((rest["shown"].clone(), rest.get("next_cursor")), (json!(4), None));
    let fuzzy =
        call(&cluster, "list", json!({ "query": "STNG-59", "kind": "cm,secret", "namespace": "shop" }));
    assert_eq!(each(&fuzzy["items"], "name"), ["setting-59"]);
}

#[test]
fn what_may_not_be_listed_is_told_and_the_rest_is_shown() {
    let cluster = cluster();
    cluster.deny("list", "secrets", "default");
    let found = call(&cluster, "list", json!({ "kind": "cm,secrets" }));
    assert_eq!(each(&found["items"], "name"), ["web-settings"]);
    let told = found["not_listed"][0].as_str().unwrap();
    assert!(told.starts_with("secrets: secrets is forbidden: "), "{told}");
    cluster.deny("list", "configmaps", "default");
    assert!(refused(&cluster, "list", json!({ "kind": "cm,secrets" })).contains("`can_i` shows"));
}

#[test]
fn several_kinds_are_asked_at_once() {
    let mock = host(&cluster());
    testing::call::<Kubernetes>(config(), &mock, "list", json!({ "kind": "deploy,sts,ds,svc" })).unwrap();
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (4, 4));
}

#[test]
fn something_has_to_be_looked_for() {
    assert_eq!(
        refused(&cluster(), "list", json!({})),
        "arguments.kind: is needed unless `query` says what to look for"
    );
}

#[test]
fn a_server_without_tables_still_lists() {
    let pod = json!({ "metadata": { "name": "a", "namespace": "default", "creationTimestamp": ago(60) } });
    let mock = Mock::new().serving(move |_| {
        double_kit::Reply::json(200, &json!({ "kind": "PodList", "apiVersion": "v1", "items": [pod] })).into()
    });
    let output = testing::call::<Kubernetes>(config(), &mock, "list", json!({ "kind": "pods" })).unwrap();
    assert_eq!(
        output.structured().unwrap()["items"],
        json!([{ "name": "a", "namespace": "default", "created": ago(60) }])
    );
    let none = Mock::new()
        .serving(|_| double_kit::Reply::json(200, &json!({ "kind": "PodList", "items": null })).into());
    let output = testing::call::<Kubernetes>(config(), &none, "list", json!({ "kind": "pods" })).unwrap();
    assert_eq!(*output.structured().unwrap(), json!({ "shown": 0, "items": [] }));
}

#[test]
fn a_list_without_an_end_is_followed_so_far_and_no_further() {
    let endless = || {
        Mock::new().at(clock()).serving(|_| {
            let page = json!({ "kind": "List", "metadata": { "continue": "more" }, "items": [{ "metadata": { "name": "a" } }] });
            double_kit::Reply::json(200, &page).into()
        })
    };
    let mock = endless();
    let output =
        testing::call::<Kubernetes>(config(), &mock, "list", json!({ "kind": "pods", "query": "a" }))
            .unwrap();
    assert_eq!(mock.requests().len(), 20);
    assert_eq!(
        output.structured().unwrap()["not_listed"],
        json!(["pods: there are more than one call reads; narrow the search"])
    );
    let mock = endless();
    let output =
        testing::call::<Kubernetes>(config(), &mock, "unhealthy", json!({ "kinds": ["job"] })).unwrap();
    let told = output.structured().unwrap();
    assert_eq!((&told["checked"]["Job"], &told["healthy"]), (&json!(20), &json!(false)));
    assert_eq!(told["not_read"], json!(["Job: only the first 20 were looked at; name a namespace"]));
    let output = testing::call::<Kubernetes>(config(), &endless(), "events", json!({})).unwrap();
    assert!(
        output.structured().unwrap()["note"]
            .as_str()
            .unwrap()
            .starts_with("There are more than one call reads")
    );
}
