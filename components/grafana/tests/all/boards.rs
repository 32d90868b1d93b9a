//! `get_dashboard`, in each of its views.

use bulkhead_sdk::Method;

use super::*;

const BOARD: &str = "/api/dashboards/uid/checkout";

#[test]
fn a_summary_has_a_line_for_each_panel_and_variable() {
    assert_eq!(
        fresh("get_dashboard", json!({ "uid": "checkout" })),
        json!({
            "uid": "checkout", "title": "Checkout", "version": 3, "description": "How checkout does.",
            "tags": ["shop", "slo"], "time": { "from": "now-6h", "to": "now" }, "refresh": "30s",
            "url": "http://grafana:3000/prefix/d/checkout/checkout",
            "meta": { "folderTitle": "Shop", "folderUid": "shop", "version": 3, "created": "2026-01-23T04:00:00Z",
                "createdBy": "ana", "updated": "2026-01-31T10:00:00Z", "updatedBy": "cleo", "provisioned": false,
                "canSave": true },
            "total": 4, "shown": 4,
            "panels": [
                { "id": 1, "title": "Requests/s", "type": "timeseries", "datasource": "$ds" },
                { "id": 2, "title": "Errors", "type": "logs", "datasource": "loki" },
                { "id": 3, "title": "Orders", "type": "table", "datasource": "Orders" },
                { "id": 4, "title": "Notes", "type": "text" },
            ],
            "variables": [
                { "name": "job", "type": "query", "value": "api", "query": "label_values(up, job)" },
                { "name": "ds", "type": "datasource", "value": "prom", "query": "prometheus" },
            ],
        })
    );
}

#[test]
fn queries_are_told_with_what_hides_them() {
    let told = fresh("get_dashboard", json!({ "uid": "checkout", "view": "queries", "version": 2 }));
    assert_eq!((&told["version"], &told["total"]), (&json!(2), &json!(4)));
    assert_eq!(
        told["panels"][0],
        json!({ "id": 1, "title": "Requests", "type": "timeseries", "datasource": "$ds", "queries": [
            { "ref": "A", "query": "rate(http_requests_total{job=~\"$job\"}[5m])" },
            { "ref": "B", "query": "vector(1)", "hidden": true },
        ]})
    );
    assert_eq!(told["panels"][1]["queries"], json!([{ "ref": "A", "query": "{job=\"$job\"} |= \"error\"" }]));
}

#[test]
fn a_path_gives_what_is_there() {
    let told = fresh("get_dashboard", json!({ "uid": "checkout", "path": "panels[id=3].targets[*].rawSql" }));
    assert_eq!(
        told["values"],
        json!([{ "path": "$.panels[2].targets[0].rawSql", "value": "SELECT * FROM orders WHERE job IN ($job)" }])
    );
    let none = fresh("get_dashboard", json!({ "uid": "nodes", "path": "$.pannels" }));
    assert_eq!((&none["total"], &none["values"]), (&json!(0), &json!([])));
    assert_eq!(
        none["notes"],
        json!([r#"nothing is there; the top level has ["id", "panels", "tags", "title", "uid", "version"]"#])
    );
    assert_eq!(
        refused(&grafana(), "get_dashboard", json!({ "uid": "checkout", "path": "panels[" })),
        "arguments.path: `panels[` is not a path: expected something like `$.panels[0].title`, \
         `panels[id=3].targets[*].expr` or `$..expr`"
    );
}

#[test]
fn all_of_a_dashboard_is_given_unless_it_is_too_large() {
    let told = fresh("get_dashboard", json!({ "uid": "checkout", "view": "full" }));
    assert_eq!(told["dashboard"]["panels"].as_array().unwrap().len(), 4);
    let large =
        json!({ "dashboard": { "title": "L", "uid": "checkout", "text": "x".repeat(200_001) }, "meta": {} });
    let mock = instead(Method::Get, BOARD, 200, large);
    let why = refused(&mock, "get_dashboard", json!({ "uid": "checkout", "view": "full" }));
    let expected =
        "asks for 200041 bytes, and 200000 are given at most: take view summary, then a narrower `path`";
    assert_eq!(why, format!("arguments.view: {expected}"));
    let why = refused(&mock, "get_dashboard", json!({ "uid": "checkout", "path": "$" }));
    assert!(why.starts_with("arguments.path: asks for 2000"), "{why}");
}

#[test]
fn versions_page_to_the_end() {
    let told = fresh("get_dashboard", json!({ "uid": "checkout", "view": "versions" }));
    assert_eq!(
        told["versions"],
        json!([
            { "version": 3, "created": "2026-01-31T10:00:00Z", "createdBy": "cleo", "message": "per second" },
            { "version": 2, "created": "2026-01-29T10:00:00Z", "createdBy": "ben" },
            { "version": 1, "created": "2026-01-23T04:00:00Z", "createdBy": "ana", "message": "first" },
        ])
    );
    assert_eq!(told.get("next_cursor"), None);
    let page =
        |from: u64, count: u64| (0..count).map(|n| json!({ "version": 30 - from - n })).collect::<Value>();
    // Since 11 the list is inside an object.
    let mock = instead(
        Method::Get,
        &format!("{BOARD}/versions?limit=20&start=0"),
        200,
        json!({ "versions": page(0, 20) }),
    )
    .on(Method::Get, &format!("/prefix{BOARD}/versions?limit=20&start=20"), 200, page(20, 10));
    let first = said(&mock, "get_dashboard", json!({ "uid": "checkout", "view": "versions" }));
    assert_eq!(first["versions"][19], json!({ "version": 11 }));
    let arguments = json!({ "uid": "checkout", "view": "versions", "cursor": first["next_cursor"] });
    let last = said(&mock, "get_dashboard", arguments);
    assert_eq!((&last["versions"][0], last.get("next_cursor")), (&json!({ "version": 10 }), None));
}

#[test]
fn a_diff_names_both_sides_and_every_change() {
    let mock = grafana();
    let told = said(&mock, "get_dashboard", json!({ "uid": "checkout", "view": "diff" }));
    assert_eq!(
        told,
        json!({
            "uid": "checkout", "title": "Checkout", "total": 2, "shown": 2,
            "base": { "version": 2, "created": "2026-01-29T10:00:00Z", "createdBy": "ben" },
            "version": { "version": 3, "created": "2026-01-31T10:00:00Z", "createdBy": "cleo", "message": "per second" },
            "changes": [
                { "path": "$.panels[id=1].targets[refId=A].expr",
                  "from": "rate(http_requests_total{job=~\"$job\"}[5m])",
                  "to": "rate(http_requests_total{job=~\"$job\"}[$__rate_interval])" },
                { "path": "$.panels[id=1].title", "from": "Requests", "to": "Requests/s" },
            ],
        })
    );
    assert_eq!(mock.in_flight_at_most(), 2, "both versions are read at once");
    let far = fresh("get_dashboard", json!({ "uid": "checkout", "view": "diff", "version": 3, "base": 1 }));
    assert_eq!((&far["base"]["version"], &far["total"]), (&json!(1), &json!(2)));
    let before = fresh("get_dashboard", json!({ "uid": "checkout", "view": "diff", "version": 2 }));
    assert_eq!((&before["base"]["version"], &before["total"]), (&json!(1), &json!(1)));
    assert_eq!(
        refused(&grafana(), "get_dashboard", json!({ "uid": "nodes", "view": "diff" })),
        "version 1 is the only one"
    );
}

#[test]
fn what_is_not_there_is_named() {
    assert_eq!(
        refused(&grafana(), "get_dashboard", json!({ "uid": "nope" })),
        "dashboard `nope` (get_objects finds uids): the upstream has no such thing (404): Dashboard not found"
    );
    assert_eq!(
        refused(&grafana(), "get_dashboard", json!({ "uid": "checkout", "version": 9 })),
        "version 9 of dashboard `checkout`: the upstream has no such thing (404): Dashboard version not found"
    );
}
