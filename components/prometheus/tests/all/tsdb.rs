//! `get_tsdb_stats`, `get_tsdb_status`, `get_wal_replay_status` and `create_snapshot`.

use super::*;

fn tsdb() -> Value {
    let rows = json!([{ "name": "a", "value": 3 }, { "name": "b", "value": 2 }, { "name": "c", "value": 1 }]);
    json!({
        "headStats": { "numSeries": 931, "numLabelPairs": 692, "chunkCount": 932, "minTime": 1_769_857_200_000_i64, "maxTime": 1_769_860_800_500_i64 },
        "seriesCountByMetricName": rows, "labelValueCountByLabelName": rows, "memoryInBytesByLabelName": rows,
        "seriesCountByLabelValuePair": rows,
    })
}

fn head() -> Value {
    json!({ "series": 931, "label_pairs": 692, "chunks": 932, "oldest_sample": "2026-01-31T11:00:00Z", "newest_sample": "2026-01-31T12:00:00.500Z" })
}

#[test]
fn stats_are_the_head_and_the_retention() {
    let runtime = json!({ "storageRetention": "15d", "corruptionCount": 0, "startTime": "2026-01-31T00:00:00Z", "CWD": "/x" });
    let mock = mock().on(Method::Get, &at("status/tsdb"), 200, success(&tsdb())).on(
        Method::Get,
        &at("status/runtimeinfo"),
        200,
        success(&runtime),
    );
    let mut expected = head();
    expected["retention"] = json!("15d");
    expected["corruptions"] = json!(0);
    expected["started_at"] = json!("2026-01-31T00:00:00Z");
    assert_eq!(call(&mock, "get_tsdb_stats", json!({})).unwrap(), expected);
    assert_eq!(mock.in_flight_at_most(), 2);
}

#[test]
fn an_empty_head_has_no_times_and_a_missing_runtime_does_not_matter() {
    let empty =
        json!({ "headStats": { "numSeries": 0, "chunkCount": 0, "minTime": i64::MAX, "maxTime": i64::MIN } });
    let mock = mock().on(Method::Get, &at("status/tsdb"), 200, success(&empty)).on(
        Method::Get,
        &at("status/runtimeinfo"),
        404,
        "404 page not found",
    );
    assert_eq!(call(&mock, "get_tsdb_stats", json!({})).unwrap(), json!({ "series": 0, "chunks": 0 }));
}

#[test]
fn the_tables_are_cut_even_if_the_server_ignores_the_limit() {
    let rows = json!([{ "name": "a", "value": 3 }, { "name": "b", "value": 2 }]);
    assert_eq!(
        answer("status/tsdb?limit=2", &tsdb(), "get_tsdb_status", json!({ "limit": 2 })),
        json!({
            "head": head(), "series_by_metric": rows, "values_by_label": rows, "memory_bytes_by_label": rows,
            "series_by_label_pair": rows,
        })
    );
    answer("status/tsdb?limit=10", &tsdb(), "get_tsdb_status", json!({}));
}

#[test]
fn the_replay_has_a_percentage() {
    for (data, percent, done) in [
        (json!({ "min": 0, "max": 0, "current": 0 }), 100, true),
        (json!({ "min": 2, "max": 5, "current": 4 }), 67, false),
        (json!({ "min": 2, "max": 5, "current": 5 }), 100, true),
        (json!({ "min": 2, "max": 5, "current": 0 }), 0, false),
    ] {
        let answer = answer("status/walreplay", &data, "get_wal_replay_status", json!({}));
        assert_eq!(answer, json!({ "segments": data, "percent": percent, "done": done }));
    }
    let newer = json!({ "min": 0, "max": 9, "current": 3, "state": "in progress" });
    assert_eq!(
        answer("status/walreplay", &newer, "get_wal_replay_status", json!({}))["state"],
        "in progress"
    );
}

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
