//! `query_datasource`: what is sent for a query, and what its answer becomes.

use bulkhead_sdk::Method;

use super::*;

/// The last request's first query.
fn asked(mock: &Mock) -> Value {
    mock.requests().last().unwrap().json()["queries"][0].clone()
}

#[test]
fn a_query_is_sent_in_its_datasources_own_form() {
    for (datasource, expected) in [
        (
            "prom",
            json!({ "refId": "Q0", "datasource": { "uid": "prom", "type": "prometheus" }, "expr": "q", "range": true,
            "maxDataPoints": 60, "intervalMs": 60000 }),
        ),
        (
            "loki",
            json!({ "refId": "Q0", "datasource": { "uid": "loki", "type": "loki" }, "expr": "q",
            "queryType": "range", "maxLines": 60, "maxDataPoints": 60, "intervalMs": 60000 }),
        ),
        (
            "Orders",
            json!({ "refId": "Q0", "datasource": { "uid": "pg", "type": "postgres" }, "rawSql": "q",
            "format": "table", "rawQuery": true, "maxDataPoints": 60, "intervalMs": 60000 }),
        ),
    ] {
        let mock = grafana();
        said(&mock, "query_datasource", json!({ "datasource": datasource, "query": "q" }));
        assert_eq!(asked(&mock), expected);
        let body = mock.requests().last().unwrap().json();
        assert_eq!((&body["from"], &body["to"]), (&json!("1769857200000"), &json!("1769860800000")));
    }
}

#[test]
fn an_object_is_sent_as_it_is() {
    let mock = grafana();
    let query = json!({ "expr": "up{job=\"$job\"}", "instant": true });
    let arguments = json!({ "datasource": "default", "query": query, "variables": { "job": ["a", "b"] }, "max_points": 7 });
    let told = said(&mock, "query_datasource", arguments);
    let sent = asked(&mock);
    assert_eq!(
        (&sent["expr"], &sent["instant"], sent.get("range")),
        (&json!("up{job=\"(a|b)\"}"), &json!(true), None)
    );
    assert_eq!(sent["datasource"]["uid"], json!("prom"), "the default one");
    assert_eq!(told["results"][0]["series"][0]["points"], json!([["2026-01-31T12:00:00Z", 1.0]]));
}

#[test]
fn a_series_is_told_by_its_statistics_and_points() {
    let told = fresh(
        "query_datasource",
        json!({ "datasource": "prom", "query": "up", "from": "-2h", "max_points": 2 }),
    );
    assert_eq!(
        told,
        json!({ "from": "2026-01-31T10:00:00Z", "to": "2026-01-31T12:00:00Z", "results": [{
            "ref": "Q0", "query": "Expr: up",
            "series": [{ "name": "Value", "labels": { "job": "api" }, "count": 4, "min": 1.0, "max": 4.0, "avg": 2.5,
                "last": 4.0, "points": [["2026-01-31T10:40:00Z", 2.0], ["2026-01-31T12:00:00Z", 4.0]] }],
        }]})
    );
    let logs =
        fresh("query_datasource", json!({ "datasource": "loki", "query": "{a=\"b\"}", "max_points": 1 }));
    assert_eq!(logs["notes"], json!(["sampled"]));
    assert_eq!(
        logs["results"][0]["tables"],
        json!([{ "columns": ["Time", "Line"], "total": 2, "shown": 1, "rows": [["2026-01-31T11:59:58Z", "error: a"]] }])
    );
}

#[test]
fn a_panel_is_run_with_the_dashboards_variables() {
    let mock = grafana();
    said(&mock, "query_datasource", json!({ "dashboard_uid": "checkout", "panel_id": 1 }));
    let body = mock.requests()[1].json();
    assert_eq!(body["queries"].as_array().unwrap().len(), 1, "the hidden one is not run");
    let sent = asked(&mock);
    assert_eq!(sent["expr"], json!("rate(http_requests_total{job=~\"api\"}[$__rate_interval])"));
    assert_eq!(sent["datasource"], json!({ "uid": "prom", "type": "prometheus" }), "by the variable `ds`");

    let mock = grafana();
    let arguments =
        json!({ "dashboard_uid": "checkout", "panel_id": 3, "variables": { "job": ["a", "it's"] } });
    let told = said(&mock, "query_datasource", arguments);
    assert_eq!(asked(&mock)["rawSql"], json!("SELECT * FROM orders WHERE job IN ('a','it''s')"));
    assert_eq!(asked(&mock)["datasource"]["uid"], json!("pg"), "an old panel names its datasource");
    assert_eq!(told["results"][0]["tables"][0]["rows"], json!([[1, "open"], [2, "paid"], [3, "sent"]]));

    let mock = grafana();
    said(
        &mock,
        "query_datasource",
        json!({ "dashboard_uid": "checkout", "panel_id": 2, "datasource": "Prometheus" }),
    );
    assert_eq!(asked(&mock)["datasource"]["uid"], json!("prom"), "the caller's comes first");
}

#[test]
fn an_expression_keeps_what_it_is_of() {
    let board = json!({ "meta": {}, "dashboard": { "uid": "checkout", "title": "T", "panels": [{ "id": 1, "targets": [
        { "refId": "A", "expr": "up", "hide": true }, { "refId": "B", "expr": "up" },
        { "refId": "C", "type": "math", "expression": "$A + 1", "datasource": { "uid": "__expr__", "type": "__expr__" } },
    ]}]}});
    let mock = instead(Method::Get, "/api/dashboards/uid/checkout", 200, board).on(
        Method::Post,
        "/prefix/api/ds/query",
        200,
        json!({ "results": { "A": { "frames": [] }, "B": { "error": "no", "status": 400 } } }),
    );
    let told = said(&mock, "query_datasource", json!({ "dashboard_uid": "checkout", "panel_id": 1 }));
    let body = mock.requests().last().unwrap().json();
    assert_eq!(each(&body["queries"], "refId"), ["A", "B", "C"]);
    assert_eq!(mock.requests().len(), 3, "the default datasource is looked up once");
    assert_eq!(
        told["results"],
        json!([{ "ref": "A", "query": "up" }, { "ref": "B", "query": "up", "error": "no" }]),
        "one that fails does not hide the others"
    );
}

#[test]
fn what_cannot_be_run_says_why() {
    let why = |arguments: Value| refused(&grafana(), "query_datasource", arguments);
    assert_eq!(
        why(json!({ "datasource": "prom", "query": "boom(" })),
        "arguments.query: Q0: parse error: unexpected identifier \"boom\""
    );
    assert_eq!(why(json!({})), "arguments.query: is needed, or `dashboard_uid` with `panel_id`");
    assert_eq!(
        why(json!({ "query": "up" })),
        "arguments.datasource: is needed with `query`: a uid, or a name"
    );
    assert_eq!(
        why(json!({ "query": "up", "dashboard_uid": "checkout" })),
        "arguments.query: is in place of a panel: leave `dashboard_uid` and `panel_id` out"
    );
    assert_eq!(
        why(json!({ "dashboard_uid": "checkout", "panel_id": 9 })),
        "arguments.panel_id: is no panel of this dashboard; there are 1, 2, 3, 4"
    );
    assert_eq!(
        why(json!({ "dashboard_uid": "checkout", "panel_id": 4 })),
        "arguments.panel_id: panel 4 has no query to run"
    );
    assert_eq!(
        why(json!({ "datasource": "prom", "query": "up", "from": "now", "to": "-1h" })),
        "arguments.from: has to be before `to`"
    );
    assert_eq!(
        why(json!({ "datasource": "prom", "query": 5 })),
        "arguments.query: expected a text or an object"
    );
}
