//! Sync, rollback and refresh: tried first, waited for, and refused in words that help.

use super::*;

fn body(mock: &Mock) -> Value {
    mock.requests().iter().find(|sent| sent.method.as_str() == "POST").unwrap().json()
}

#[test]
fn a_sync_is_tried_unless_it_is_said_otherwise() {
    let mock = mock(shop());
    let told = call(&mock, "sync", json!({ "name": "team-a/billing", "resources": [":Service:x"] })).unwrap();
    assert_eq!(
        body(&mock),
        json!({
            "name": "billing", "appNamespace": "team-a", "dryRun": true, "prune": false,
            "resources": [{ "group": "", "kind": "Service", "name": "x" }]
        })
    );
    assert_eq!((&told["dry_run"], &told["ended"]), (&json!(true), &json!(true)));
    assert_eq!(
        text(&told, "/note"),
        "Nothing was changed. If this is what is meant, call again with dry_run=false."
    );
    assert_eq!(text(&told, "/operation/phase"), "Succeeded");
}

#[test]
fn a_sync_prunes_only_if_it_is_told_to() {
    let statuses = |prune: bool| {
        let told = answer("sync", json!({ "name": "checkout", "prune": prune, "dry_run": false }));
        assert_eq!((text(&told, "/sync"), text(&told, "/health")), ("Synced", "Healthy"));
        each(&told["operation"]["resources"], "/status")[0].to_owned()
    };
    assert_eq!((statuses(false), statuses(true)), ("PruneSkipped".to_owned(), "Pruned".to_owned()));
}

#[test]
fn an_operation_is_waited_for_and_not_mistaken_for_the_one_before() {
    let slow = mock(below(played().patient(3)));
    let told = call(&slow, "sync", json!({ "name": "checkout" })).unwrap();
    assert_eq!((&told["ended"], slow.requests().len()), (&json!(true), 5));
    assert_eq!(text(&told, "/operation/message"), "successfully synced (dry run)");
    let endless = mock(below(played().patient(1000)));
    let told = call(&endless, "sync", json!({ "name": "checkout", "dry_run": false })).unwrap();
    assert_eq!((&told["ended"], told.get("operation")), (&json!(false), None));
    assert_eq!(text(&told, "/note"), "It still runs: application tells how it ends.");
    let again = call(&endless, "sync", json!({ "name": "checkout" })).unwrap_err().to_string();
    assert!(
        again.starts_with("another operation is already in progress: see it with application"),
        "{again}"
    );
}

#[test]
fn a_rollback_says_from_where_to_where() {
    let mock = mock(shop());
    let told = call(&mock, "rollback", json!({ "name": "checkout", "id": 1, "dry_run": false })).unwrap();
    assert_eq!(body(&mock), json!({ "name": "checkout", "id": 1, "dryRun": false, "prune": false }));
    assert_eq!((&told["from"]["id"], &told["to"]["id"]), (&json!(2), &json!(1)));
    assert_eq!(text(&told, "/operation/revision"), "b".repeat(40));
}

#[test]
fn a_rollback_that_cannot_be_is_not_asked_for() {
    assert_eq!(
        refusal("rollback", json!({ "name": "checkout", "id": 9 })),
        "arguments.id: 9 is not in the history: 2, 1, 0"
    );
    assert_eq!(
        refusal("rollback", json!({ "name": "team-a/billing", "id": 1 })),
        "arguments.id: 1 is not in the history: it has none"
    );
    let mock = mock(shop());
    let error = call(&mock, "rollback", json!({ "name": "web", "id": 1 })).unwrap_err().to_string();
    assert!(error.starts_with("rollback cannot be initiated when auto-sync is enabled"), "{error}");
    assert_eq!(mock.requests().len(), 1);
}

#[test]
fn a_refresh_asks_for_a_new_comparison() {
    let mock = mock(shop());
    let told = call(&mock, "refresh", json!({ "name": "web" })).unwrap();
    assert_eq!(text(&told, "/compared_at"), "2026-01-31T11:59:00Z");
    assert!(mock.requests()[0].url.ends_with("/applications/web?refresh=normal"));
}
