//! Why an application is out of sync or unhealthy.

use super::*;

fn whats(told: &Value) -> Vec<&str> {
    each(&told["findings"], "/what")
}

#[test]
fn a_failed_delivery_is_explained_from_facts() {
    let mock = mock(shop());
    let told = call(&mock, "diagnose", json!({ "name": "checkout" })).unwrap();
    assert_eq!(
        whats(&told),
        [
            "SyncError: Failed last sync attempt",
            "the last sync failed: one or more objects failed to apply",
            "Pod/checkout-7d9-x is Degraded: ImagePullBackOff: Back-off pulling image \"checkout:1.9-typo\"",
            "a sync would change 2, prune 1",
            "automated sync is off, so it waits for somebody to sync",
        ]
    );
    assert_eq!(
        text(&told, "/verdict"),
        "argocd/checkout is Degraded and OutOfSync: SyncError: Failed last sync attempt"
    );
    let failed = &told["findings"][1]["evidence"];
    assert_eq!(failed[0]["by"], "ada");
    assert_eq!(text(&failed[1], "/message"), "spec.replicas: Invalid value: -1");
    assert_eq!(each(&told["events"], "/reason"), ["Failed", "OperationCompleted"]);
    assert_eq!(each(&told["causes"], "/resource"), ["Pod/checkout-7d9-x"]);
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (6, 5));
    assert_eq!(told.get("unknown"), None);
}

#[test]
fn what_was_changed_by_hand_is_told_with_what_keeps_it() {
    let told = answer("diagnose", json!({ "name": "cart" }));
    assert_eq!(
        whats(&told),
        [
            "a sync would change 1",
            "this revision was synced before and self-heal is off, so what was changed by hand since stays",
            "a sync window forbids syncing now",
        ]
    );
}

#[test]
fn what_cannot_be_compared_says_why() {
    let told = answer("diagnose", json!({ "name": "broken" }));
    assert_eq!(
        whats(&told),
        ["ComparisonError: failed to load target state: helm template failed: nil pointer"]
    );
    assert!(text(&told["findings"][0], "/next").contains("list of clusters"));
}

#[test]
fn what_is_under_way_or_well_says_so() {
    let under_way = answer("diagnose", json!({ "name": "team-a/billing" }));
    assert!(whats(&under_way)[0].starts_with("Deployment/billing is Progressing: Waiting for rollout"));
    let well = answer("diagnose", json!({ "name": "web" }));
    assert_eq!(
        text(&well, "/verdict"),
        "argocd/web is Healthy and Synced: nothing is wrong that Argo CD knows of"
    );
    let deleted = played();
    deleted.change("argocd/web", "/metadata", json!({
        "name": "web", "namespace": "argocd", "deletionTimestamp": "2026-01-31T11:00:00Z", "finalizers": ["resources-finalizer.argocd.argoproj.io"]
    }));
    let told = call(&mock(below(deleted)), "diagnose", json!({ "name": "web" })).unwrap();
    assert_eq!(whats(&told), ["it is being deleted since 2026-01-31T11:00:00Z"]);
}

#[test]
fn what_could_not_be_read_is_told_and_the_rest_stands() {
    let double = shop();
    let mock = Mock::new().at(clock()).serving(move |sent| {
        let request = Request::from(sent);
        let denied = ["events", "managed-resources"].iter().any(|what| request.path.ends_with(what));
        let reply = if denied { Reply::text(403, "no") } else { wire::serve(&*double, &request) };
        reply.into()
    });
    let told = call(&mock, "diagnose", json!({ "name": "checkout" })).unwrap();
    let unknown = told["unknown"].as_array().unwrap();
    assert_eq!(unknown.len(), 3, "{unknown:?}");
    assert!(unknown[0].as_str().unwrap().starts_with("differences: "));
    assert_eq!(whats(&told)[3], "it is OutOfSync, and what differs could not be read");
}
