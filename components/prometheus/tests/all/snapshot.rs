//! `create_snapshot`.

use super::*;

#[test]
fn a_snapshot_is_posted_and_named() {
    for (arguments, skip) in [(json!({}), "false"), (json!({ "skip_head": true }), "true")] {
        let target = at(&format!("admin/tsdb/snapshot?skip_head={skip}"));
        let mock =
            mock().on(Method::Post, &target, 200, success(&json!({ "name": "20260131T120000Z-1e3e" })));
        assert_eq!(
            call(&mock, "create_snapshot", arguments).unwrap(),
            json!({ "name": "20260131T120000Z-1e3e", "directory": "snapshots/20260131T120000Z-1e3e in the server's data directory" })
        );
        assert_eq!(mock.requests().len(), 1);
    }
}

#[test]
fn a_disabled_admin_api_says_how_to_enable_it() {
    let reply = json!({ "status": "error", "errorType": "unavailable", "error": "admin APIs disabled" });
    let mock = mock().on(Method::Post, &at("admin/tsdb/snapshot?skip_head=false"), 500, reply);
    assert_eq!(
        call(&mock, "create_snapshot", json!({})).unwrap_err(),
        Error::denied(
            "Prometheus's admin API is disabled: its operator must start it with --web.enable-admin-api before snapshots \
             can be made"
        )
    );
    let busy = json!({ "status": "error", "errorType": "unavailable", "error": "TSDB not ready" });
    let mock = super::mock().on(Method::Post, &at("admin/tsdb/snapshot?skip_head=false"), 503, busy);
    assert_eq!(
        call(&mock, "create_snapshot", json!({})).unwrap_err(),
        Error::unavailable("unavailable: TSDB not ready", None)
    );
}
