//! `events`: newest first, filtered, paged.

use super::*;

#[test]
fn the_newest_are_first_and_pages_reach_the_end() {
    let cluster = cluster();
    let first = call(&cluster, "events", json!({ "namespace": "*", "limit": 10 }));
    assert_eq!((&first["total"], &first["shown"]), (&json!(14), &json!(10)));
    assert_eq!(
        first["events"][0],
        json!({
            "last": "2026-01-31T11:59:50Z", "ago": "10s", "count": 170, "type": "Warning", "reason": "Unhealthy",
            "object": "Pod/payments-79f8c6d5b-c9xnr", "namespace": "shop",
            "message": "Readiness probe failed: HTTP probe failed with statuscode: 503",
        })
    );
    let rest =
        call(&cluster, "events", json!({ "namespace": "*", "limit": 10, "cursor": first["next_cursor"] }));
    assert_eq!((&rest["shown"], rest.get("next_cursor")), (&json!(4), None));
    let mut times: Vec<String> = each(&first["events"], "last");
    times.extend(each(&rest["events"], "last"));
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
}

#[test]
fn events_are_filtered_by_what_they_are_about() {
    let cluster = cluster();
    let reasons = |arguments: Value| each(&call(&cluster, "events", arguments)["events"], "reason");
    assert_eq!(reasons(json!({ "namespace": "*", "kind": "node" })), ["SystemOOM"]);
    assert_eq!(
        reasons(json!({ "namespace": "shop", "kind": "pvc", "name": "uploads" })),
        ["ProvisioningFailed"]
    );
    assert_eq!(reasons(json!({ "namespace": "shop", "type": "Normal", "since": "-3m" })), ["BackOff"]);
    assert_eq!(reasons(json!({ "namespace": "shop", "reason": "FailedScheduling" })), ["FailedScheduling"]);
    assert_eq!(reasons(json!({})), ["SystemOOM", "ScalingReplicaSet"], "of the configured namespace");
    let full = call(&cluster, "events", json!({ "kind": "deploy", "view": "full" }));
    assert_eq!(full["events"][0]["source"], "deployment-controller");
    assert_eq!(full["events"][0]["first"], ago(172_800));
}
