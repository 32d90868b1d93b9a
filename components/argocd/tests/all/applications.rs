//! Lists: applications, projects, clusters, repositories; and one application.

use super::*;

#[test]
fn the_worst_comes_first_and_all_are_counted() {
    let told = answer("list", json!({}));
    let names = ["argocd/checkout", "argocd/broken", "team-a/billing", "argocd/cart", "argocd/web"];
    assert_eq!(each(&told["items"], "/name"), names);
    assert_eq!(
        told["counts"],
        json!({
            "health": { "Degraded": 1, "Healthy": 2, "Progressing": 1, "Unknown": 1 },
            "sync": { "OutOfSync": 2, "Synced": 2, "Unknown": 1 }
        })
    );
    assert_eq!(told["well"], 1);
    assert_eq!(
        told["items"][0],
        json!({
            "name": "argocd/checkout", "project": "shop", "health": "Degraded", "sync": "OutOfSync",
            "destination": "https://kubernetes.default.svc shop", "auto_sync": false, "operation": "Failed"
        })
    );
}

#[test]
fn a_list_is_narrowed_and_paged() {
    let names = |arguments: Value| {
        let told = answer("list", arguments);
        each(&told["items"], "/name").into_iter().map(str::to_owned).collect::<Vec<String>>()
    };
    assert_eq!(names(json!({ "project": "team-a" })), ["team-a/billing"]);
    assert_eq!(names(json!({ "contains": "CART" })), ["argocd/cart"]);
    assert_eq!(names(json!({ "unwell": true })).len(), 4);
    assert_eq!(names(json!({ "project": "none" })), [""; 0]);
    let first = answer("list", json!({ "limit": 4 }));
    let rest = answer("list", json!({ "limit": 4, "cursor": first["next_cursor"] }));
    assert_eq!((each(&rest["items"], "/name"), &rest["total"]), (vec!["argocd/web"], &json!(5)));
}

#[test]
fn only_a_full_view_asks_for_all_of_them() {
    let asked = |arguments: Value| {
        let mock = mock(shop());
        call(&mock, "list", arguments).unwrap();
        mock.requests()[0].url.clone()
    };
    assert!(asked(json!({})).contains("fields=items.metadata.name%2C"));
    assert_eq!(asked(json!({ "view": "full" })), "http://up:1234/prefix/api/v1/applications");
    let told = answer("list", json!({ "fields": ["metadata.name", "spec.nothing"], "limit": 1 }));
    assert_eq!(told["items"], json!([{ "metadata": { "name": "checkout" } }]));
    assert_eq!(told["unknown_fields"], json!(["spec.nothing"]));
}

#[test]
fn one_application_has_its_operation_and_its_commits() {
    let mock = mock(shop());
    let told = call(&mock, "application", json!({ "name": "checkout" })).unwrap();
    assert_eq!(mock.requests().len(), 4);
    assert_eq!(told["sources"], json!(["https://git.example.com/shop/deploy.git checkout@main"]));
    assert_eq!(told["operation"]["phase"], "Failed");
    let failed = &told["operation"]["resources"][0];
    assert_eq!(text(failed, "/resource"), "Deployment/checkout", "what failed comes first");
    assert_eq!(text(failed, "/message"), "spec.replicas: Invalid value: -1");
    assert_eq!(
        Value::from(told["history"].as_array().unwrap()[..2].to_vec()),
        json!([
            {
                "id": 2, "revision": "c".repeat(40), "deployed_at": "2026-01-31T11:40:00Z", "by": "ada",
                "author": "Ada <ada@example.com>", "message": "checkout 1.9"
            },
            {
                "id": 1, "revision": "b".repeat(40), "deployed_at": "2026-01-30T11:00:00Z", "by": "automated sync",
                "author": "Ada <ada@example.com>", "message": "earlier"
            },
        ])
    );
    assert_eq!((&told["history_total"], &told["out_of_sync_total"]), (&json!(3), &json!(2)));
    assert_eq!(each(&told["conditions"], "/type"), ["OrphanedResourceWarning", "SyncError"]);
}

#[test]
fn a_namespace_goes_with_the_name() {
    let mock = mock(shop());
    let told = call(&mock, "application", json!({ "name": "team-a/billing" })).unwrap();
    assert_eq!((&told["health"], &told["history"]), (&json!("Progressing"), &json!([])));
    assert_eq!(
        mock.requests()[0].url,
        "http://up:1234/prefix/api/v1/applications/billing?appNamespace=team-a"
    );
}

#[test]
fn what_is_not_reached_comes_first_and_without_credentials() {
    let clusters = answer("list", json!({ "kind": "clusters" }));
    assert_eq!(
        clusters["items"][0],
        json!({
            "name": "west", "server": "https://west.example.com", "status": "Failed", "message": "dial tcp: i/o timeout",
            "version": "1.36", "applications": 4, "cached_at": "2026-01-31T11:59:00Z"
        })
    );
    let repositories = answer("list", json!({ "kind": "repositories", "view": "full" }));
    assert_eq!(
        repositories["items"],
        json!([
            {
                "repo": "https://(redacted)@charts.example.com", "type": "helm", "inheritedCreds": true,
                "proxy": "http://(redacted)@proxy:3128",
                "connectionState": { "status": "Failed", "message": "401 Unauthorized" }
            },
            {
                "repo": "https://git.example.com/shop/deploy.git", "type": "git", "name": "deploy", "project": "shop",
                "password": "(redacted)", "username": "bot",
                "connectionState": { "status": "Successful", "attemptedAt": "2026-01-31T12:00:00Z" }
            },
        ])
    );
    let one = answer("list", json!({ "kind": "clusters", "contains": "WEST", "fields": ["config"] }));
    assert_eq!(one["items"][0]["config"]["bearerToken"], "(redacted)");
    let project = answer("list", json!({ "kind": "projects", "contains": "shop", "view": "full" }));
    assert_eq!(project["items"][0]["spec"]["roles"], json!([{ "name": "ci", "jwtTokens": "(redacted)" }]));
    let unwell = answer("list", json!({ "kind": "repositories", "unwell": true }));
    assert_eq!(each(&unwell["items"], "/repo"), ["https://(redacted)@charts.example.com"]);
    assert_eq!(
        refusal("list", json!({ "kind": "clusters", "selector": "a=b" })),
        "arguments.selector: is for applications: leave it out"
    );
}
