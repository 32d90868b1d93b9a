//! What an application consists of: resources, manifests, logs.

use super::*;

#[test]
fn resources_say_which_child_is_why() {
    let told = answer("objects", json!({ "name": "checkout" }));
    assert_eq!(
        told["items"],
        json!([
            {
                "resource": "Deployment/checkout", "namespace": "shop", "health": "Degraded",
                "message": "Deployment \"checkout\" exceeded its progress deadline",
                "because": ["ReplicaSet/checkout-7d9 is Progressing"]
            },
            {
                "resource": "Pod/checkout-7d9-x", "namespace": "shop", "health": "Degraded",
                "message": "ImagePullBackOff: Back-off pulling image \"checkout:1.9-typo\"",
                "parent": "ReplicaSet/checkout-7d9"
            },
            {
                "resource": "ReplicaSet/checkout-7d9", "namespace": "shop", "health": "Progressing",
                "parent": "Deployment/checkout", "because": ["Pod/checkout-7d9-x is Degraded"]
            },
        ])
    );
    assert_eq!(told["kinds"]["Pod"], 2);
    let all = answer("objects", json!({ "name": "checkout", "show": "all", "contains": "pod/" }));
    assert_eq!(each(&all["items"], "/resource"), ["Pod/checkout-7d9-x", "Pod/checkout-5c1-y"]);
}

#[test]
fn a_diff_is_told_by_path_and_no_secret_with_it() {
    let told = answer("objects", json!({ "name": "checkout", "show": "diff" }));
    assert_eq!(each(&told["items"], "/sync_would"), ["change", "change", "prune"]);
    assert_eq!(
        told["items"][0]["paths"],
        json!([
            { "path": "spec.replicas", "live": 2, "wanted": 3 },
            {
                "path": "spec.template.spec.containers[0].image", "live": "checkout:1.9-typo", "wanted": "checkout:1.9"
            },
        ])
    );
    assert_eq!(told["items"][1]["paths"], json!([{ "path": "data.token" }]));
    for show in ["live", "rendered"] {
        let whole = answer("objects", json!({ "name": "checkout", "show": show })).to_string();
        assert!(whole.contains("(redacted)") && !whole.contains("Y2FuYXJ5"), "{show}: {whole}");
    }
    assert_eq!(answer("objects", json!({ "name": "web", "show": "diff" }))["shown"], 0);
}

#[test]
fn rendered_manifests_are_of_a_revision() {
    let arguments = json!({ "name": "checkout", "show": "rendered", "contains": "deployment/" });
    let told = answer("objects", arguments);
    assert_eq!((text(&told, "/revision"), &told["shown"]), (&*"c".repeat(40), &json!(1)));
    assert_eq!(
        refusal("objects", json!({ "name": "checkout", "show": "rendered", "revision": "nowhere" })),
        "arguments.revision: unable to resolve 'nowhere' to a commit SHA"
    );
    assert_eq!(
        refusal("objects", json!({ "name": "checkout", "revision": "v1" })),
        "arguments.revision: is for `show` rendered: the diff is with what the application tracks"
    );
}

#[test]
fn logs_are_those_of_the_worst_pod_unless_one_is_named() {
    let told = answer("logs", json!({ "name": "checkout" }));
    assert_eq!(
        told,
        json!({
            "pod": "checkout-7d9-x", "namespace": "shop", "health": "Degraded", "shown": 3, "other_pods": 1,
            "lines": [
                "2026-01-31T11:59:00Z starting", "2026-01-31T11:59:00Z level=error msg=\"no database\"",
                "2026-01-31T11:59:00Z stopping"
            ]
        })
    );
    let some = answer("logs", json!({ "name": "checkout", "pod": "checkout-5c1-y", "lines": 1 }));
    assert_eq!(some["lines"], json!(["2026-01-31T11:59:00Z stopping"]));
    assert_eq!(text(&some, "/note"), "there may be earlier lines: ask for more `lines`, or with `contains`");
}

#[test]
fn logs_that_are_not_there_say_why() {
    assert_eq!(
        refusal("logs", json!({ "name": "checkout", "pod": "x" })),
        "arguments.pod: the application has no pod `x`; it has: checkout-7d9-x, checkout-5c1-y"
    );
    assert_eq!(
        refusal("logs", json!({ "name": "cart" })),
        "the application has no pods: see what it has with objects show=all"
    );
    assert_eq!(
        refusal("logs", json!({ "name": "checkout", "previous": true })),
        "arguments.previous: previous terminated container \"main\" not found: it has not restarted, leave it out"
    );
}
