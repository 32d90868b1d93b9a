//! Calls of every tool with every argument.

use double_kit::Example;
use serde_json::json;

use crate::data::{REPO, REVISIONS};

/// Calls that succeed. What is changed (the last sync) is nothing that the others look at.
pub fn examples(_now: f64) -> Vec<Example> {
    vec![
        Example::new("list", json!({}), 1),
        Example::new(
            "list",
            json!({
                "project": "shop", "repo": REPO, "selector": "team=shop", "contains": "C", "unwell": true,
                "view": "full", "fields": ["metadata.name", "spec.source"], "limit": 1
            }),
            1,
        ),
        Example::new("diagnose", json!({ "name": "checkout" }), 6),
        Example::new("diagnose", json!({ "name": "team-a/billing" }), 6),
        Example::new("application", json!({ "name": "argocd/checkout" }), 4),
        Example::new("application", json!({ "name": "checkout", "view": "full" }), 1),
        Example::new("objects", json!({ "name": "checkout" }), 1),
        Example::new(
            "objects",
            json!({ "name": "checkout", "show": "all", "contains": "pod/checkout-5C", "limit": 5 }),
            1,
        ),
        Example::new("objects", json!({ "name": "checkout", "show": "diff" }), 1),
        Example::new(
            "objects",
            json!({ "name": "checkout", "show": "diff", "contains": "Deployment/check", "limit": 1 }),
            1,
        ),
        Example::new("objects", json!({ "name": "checkout", "show": "live" }), 1),
        Example::new(
            "objects",
            json!({ "name": "checkout", "show": "rendered", "revision": REVISIONS[1] }),
            1,
        ),
        Example::new("logs", json!({ "name": "checkout" }), 2),
        Example::new(
            "logs",
            json!({
                "name": "checkout", "pod": "checkout-5c1-y", "container": "main", "since": "15m", "contains": "error",
                "lines": 5, "previous": false
            }),
            2,
        ),
        Example::new("list", json!({ "kind": "projects" }), 1),
        Example::new("list", json!({ "kind": "projects", "contains": "shop", "view": "full" }), 1),
        Example::new("list", json!({ "kind": "clusters", "contains": "WEST", "limit": 3 }), 1),
        Example::new("list", json!({ "kind": "repositories", "view": "full", "fields": ["repo"] }), 1),
        Example::new("refresh", json!({ "name": "web", "hard": true }), 1),
        Example::new(
            "sync",
            json!({ "name": "checkout", "revision": REVISIONS[0], "resources": ["apps:Deployment:shop/checkout"] }),
            3,
        ),
        Example::new("rollback", json!({ "name": "checkout", "id": 1, "prune": true, "dry_run": true }), 3),
        Example::new("sync", json!({ "name": "team-a/billing", "prune": true, "dry_run": false }), 3),
        Example::new("test_connection", json!({}), 3),
    ]
}
