//! `esql`: tables, their limits, and what Elasticsearch remarks.

use super::*;

#[test]
fn a_table_is_columns_and_rows() {
    let table =
        answer("esql", json!({ "query": "FROM logs-app | STATS n = COUNT(*) BY service.name | LIMIT 5" }));
    assert_eq!(
        table,
        json!({
            "total": 2, "shown": 2,
            "columns": [{ "name": "n", "type": "long" }, { "name": "service.name", "type": "keyword" }],
            "rows": [[12, "checkout"], [33, "web"]],
        })
    );
}

#[test]
fn rows_left_out_and_remarks_are_told() {
    let table = answer("esql", json!({ "query": "FROM logs-app", "limit": 40 }));
    assert_eq!((&table["total"], &table["shown"]), (&json!(45), &json!(40)));
    assert_eq!(table["cut"], json!(["message"]));
    assert_eq!(
        table["warnings"],
        json!([
            "No limit defined, adding default limit of [1000]",
            "5 of 45 rows are left out: raise `limit`, or add `| LIMIT`",
        ])
    );
}

#[test]
fn a_partial_answer_is_told() {
    let body = json!({ "is_partial": true, "columns": [], "values": [] });
    let mock = Mock::new().on(bulkhead_sdk::Method::Post, "/prefix/_query", 200, body);
    let table = call(&mock, "esql", json!({ "query": "ROW a = 1" })).unwrap();
    assert_eq!(table["warnings"], json!(["partial: some shards or clusters did not answer"]));
}

#[test]
fn a_wrong_query_is_told_in_elasticsearchs_words() {
    assert_eq!(
        refused("esql", json!({ "query": "SELECT 1" })),
        "arguments.query: parsing_exception: line 1:1: mismatched input 'SELECT' expecting {'explain', 'row', 'from', 'show'}"
    );
    assert!(refused("esql", json!({ "query": "FROM nope" })).contains("Unknown index [nope]"));
}
