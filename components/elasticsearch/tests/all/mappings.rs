//! `mappings`: fields and types, conflicts, pages.

use super::*;

#[test]
fn fields_have_types_and_what_they_cannot_do() {
    let found = answer("mappings", json!({ "contains": "MESSAGE" }));
    assert_eq!(
        found,
        json!({ "total": 2, "shown": 2, "fields": [
            { "field": "message", "type": "text", "aggregatable": false },
            { "field": "message.keyword", "type": "keyword" },
        ] })
    );
    let note = answer("mappings", json!({ "index": "orders", "contains": "note" }));
    assert_eq!(
        note["fields"][0],
        json!({ "field": "note", "type": "text", "searchable": false, "aggregatable": false })
    );
}

#[test]
fn indices_that_disagree_are_told() {
    let found = answer("mappings", json!({ "index": "logs-app,orders-2026", "contains": "took" }));
    assert_eq!(
        found["fields"],
        json!([{ "field": "took", "conflict": {
            "keyword": "orders-2026", "long": ".ds-logs-app-2026.01.30-000001, .ds-logs-app-2026.01.31-000002",
        } }])
    );
}

#[test]
fn pages_go_to_the_end() {
    let pages = pages(&troubled(), "mappings", json!({ "limit": 3 }), "fields");
    let names: Vec<&str> = pages.iter().flatten().map(|field| field["field"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "@timestamp",
            "host.name",
            "log.level",
            "log.logger",
            "message",
            "message.keyword",
            "service.name",
            "took"
        ],
        "neither objects nor `_id`"
    );
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 2]);
}
