//! Kinds: well-known ones without a request, others by discovery, and servers that are too old for its short form.

use bulkhead_sdk::Method;

use super::*;

/// A discovery that two groups answer with a kind of the same name.
fn ambiguous() -> Mock {
    let group = |name: &str| {
        json!({ "metadata": { "name": name }, "versions": [
            { "version": "v1", "resources": [{
                "resource": "certificates", "responseKind": { "group": "", "version": "", "kind": "Certificate" },
                "scope": "Namespaced", "singularResource": "certificate", "verbs": ["list"], "shortNames": ["cert"],
            }] },
            { "version": "v1alpha1", "freshness": "Stale", "resources": [{
                "resource": "certificates", "responseKind": { "group": "", "version": "", "kind": "Certificate" },
                "scope": "Namespaced", "singularResource": "certificate", "verbs": ["list"],
            }] },
        ] })
    };
    let list = |items: Value| json!({ "kind": "APIGroupDiscoveryList", "items": items });
    let empty = json!({ "kind": "List", "items": [] });
    Mock::new()
        .on(Method::Get, "/api", 200, list(json!([])))
        .on(Method::Get, "/apis", 200, list(json!([group("cert-manager.io"), group("acme.example.com")])))
        .on(Method::Get, "/apis/acme.example.com/v1/namespaces/default/certificates?limit=100", 200, empty)
        .on(Method::Get, "/version", 500, "")
}

#[test]
fn a_name_of_several_groups_is_refused_with_what_tells_them_apart() {
    let list = |kind: &str| {
        let mock = ambiguous();
        let output = testing::call::<Kubernetes>(config(), &mock, "list", json!({ "kind": kind }));
        (
            output
                .map(|output| output.structured().unwrap()["shown"].clone())
                .map_err(|error| error.to_string()),
            mock,
        )
    };
    let (told, mock) = list("certificate");
    assert_eq!(
        told.unwrap_err(),
        "arguments.kind: `certificate` is in several groups: say `certificates.cert-manager.io` or \
         `certificates.acme.example.com`"
    );
    assert_eq!(mock.in_flight_at_most(), 2, "both documents are asked for at once");
    for sent in mock.requests() {
        assert_eq!(sent.header("bulkhead-reuse"), Some("300"));
        assert!(sent.header("accept").unwrap().contains("as=APIGroupDiscoveryList"));
    }
    let (listed, mock) = list("cert.acme.example.com");
    assert_eq!(listed.unwrap(), 0, "the best version is taken");
    assert_eq!(mock.requests().len(), 3);
}

#[test]
fn what_is_known_of_a_group_that_does_not_answer_is_told() {
    let output =
        testing::call::<Kubernetes>(config(), &ambiguous(), "api_resources", json!({ "query": "acme" }));
    let listed = output.unwrap().structured().unwrap().clone();
    assert_eq!((&listed["total"], listed.get("server_version")), (&json!(2), None));
    assert_eq!(
        each(
            &json!(
                listed["not_read"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|line| json!({ "line": line }))
                    .collect::<Vec<_>>()
            ),
            "line"
        ),
        [
            "cert-manager.io/v1alpha1: its server does not answer; what is known of it is old",
            "acme.example.com/v1alpha1: its server does not answer; what is known of it is old",
            "version: the upstream answered 500: no message (a retry may help)",
        ]
    );
}

#[test]
fn an_unknown_kind_is_told_with_what_is_near() {
    let cluster = cluster();
    assert_eq!(
        refused(&cluster, "list", json!({ "kind": "widge" })),
        "arguments.kind: the cluster serves no kind `widge`; did you mean `widgets.example.com`?"
    );
    assert_eq!(
        refused(&cluster, "get", json!({ "kind": "spaceship", "name": "a" })),
        "arguments.kind: the cluster serves no kind `spaceship`; `api_resources` lists what it has"
            .replace("what it has", "what the cluster serves")
    );
    assert!(refused(&cluster, "get", json!({ "kind": " ", "name": "a" })).contains("is empty"));
}

#[test]
fn a_custom_resource_is_found_by_every_name() {
    let cluster = cluster();
    for (kind, requests) in
        [("wd", 3), ("Widget", 3), ("widgets.example.com", 3), ("example.com/v1/Widget", 2)]
    {
        let mock = host(&cluster);
        let output = testing::call::<Kubernetes>(config(), &mock, "list", json!({ "kind": kind })).unwrap();
        assert_eq!(output.structured().unwrap()["items"][0]["name"], "gear", "{kind}");
        assert_eq!(mock.requests().len(), requests, "{kind}");
    }
}

#[test]
fn an_old_server_is_asked_group_by_group() {
    let resource = |name: &str, kind: &str| json!({ "name": name, "singularName": "", "namespaced": true, "kind": kind, "verbs": ["list"], "shortNames": ["x"] });
    let groups = json!({ "kind": "APIGroupList", "groups": [
        { "name": "apps", "versions": [], "preferredVersion": { "groupVersion": "apps/v1", "version": "v1" } },
        { "name": "gone.example.com", "versions": [], "preferredVersion": { "groupVersion": "", "version": "v1" } },
    ] });
    let mock = Mock::new()
        .on(Method::Get, "/api", 200, json!({ "kind": "APIVersions", "versions": ["v1"] }))
        .on(Method::Get, "/apis", 200, groups)
        .on(Method::Get, "/api/v1", 200, json!({
            "kind": "APIResourceList", "groupVersion": "v1", "resources": [resource("pods", "Pod"), resource("pods/log", "Pod")]
        }))
        .on(Method::Get, "/apis/apps/v1", 200, json!({
            "kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [resource("deployments", "Deployment")]
        }))
        .on(Method::Get, "/apis/gone.example.com/v1", 503, "no endpoints")
        .on(Method::Get, "/version", 200, json!({ "gitVersion": "v1.25.0" }));
    let output = testing::call::<Kubernetes>(config(), &mock, "api_resources", json!({})).unwrap();
    let listed = output.structured().unwrap();
    assert_eq!(each(&listed["kinds"], "name"), ["pods", "deployments.apps"]);
    assert_eq!(listed["server_version"], "v1.25.0");
    assert_eq!(listed["not_read"][0], "gone.example.com/v1: the upstream is unavailable (503): no endpoints");
}

#[test]
fn kinds_are_searched_and_paged() {
    let cluster = cluster();
    let all = call(&cluster, "api_resources", json!({ "limit": 3 }));
    assert_eq!(each(&all["kinds"], "kind"), ["Binding", "ConfigMap", "Endpoints"]);
    assert_eq!(all["server_version"], "v1.35.2");
    let next = call(&cluster, "api_resources", json!({ "limit": 1, "cursor": all["next_cursor"] }));
    assert_eq!(each(&next["kinds"], "kind"), ["Event"]);
    let cluster_wide =
        call(&cluster, "api_resources", json!({ "query": "storageclass", "namespaced": false }));
    assert_eq!(cluster_wide["kinds"][0]["name"], "storageclasses.storage.k8s.io");
    assert!(cluster_wide["kinds"][0]["verbs"].as_array().unwrap().contains(&json!("list")));
    let short = call(&cluster, "api_resources", json!({ "query": "hpa" }));
    assert_eq!(each(&short["kinds"], "api_version"), ["autoscaling/v2", "autoscaling/v1"]);
}
