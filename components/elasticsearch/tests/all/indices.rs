//! `indices`: filters, order, pages, views, details; data streams and aliases.

use super::*;

fn names(arguments: Value) -> Vec<String> {
    let found = answer("indices", arguments);
    each(&found["items"], "index").into_iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

const OLD: &str = ".ds-logs-app-2026.01.30-000001";
const NEW: &str = ".ds-logs-app-2026.01.31-000002";

#[test]
fn indices_are_filtered_and_sorted() {
    let none: [&str; 0] = [];
    for (arguments, expected) in [
        (json!({}), &[OLD, NEW, "orders-2024", "orders-2026", "payments"][..]),
        (json!({ "sort": "-name" }), &["payments", "orders-2026", "orders-2024", NEW, OLD]),
        (json!({ "sort": "-docs" }), &[NEW, "orders-2026", OLD, "payments", "orders-2024"]),
        (json!({ "sort": "docs", "docs": "0-10" }), &["payments", OLD, "orders-2026"]),
        (json!({ "sort": "created" }), &["orders-2024", "orders-2026", OLD, NEW, "payments"]),
        (json!({ "sort": "size", "index": "orders*" }), &["orders-2024", "orders-2026"]),
        (json!({ "health": "red" }), &["payments"]),
        (json!({ "health": "yellow", "status": "open" }), &["orders-2026"]),
        (json!({ "status": "close" }), &["orders-2024"]),
        (json!({ "docs": "11-" }), &[NEW]),
        (json!({ "index": "orders" }), &["orders-2024", "orders-2026"]),
        (json!({ "index": "nothing-*" }), &none[..]),
    ] {
        assert_eq!(names(arguments.clone()), expected, "{arguments}");
    }
}

#[test]
fn a_line_is_short_and_full_has_all() {
    let line = answer("indices", json!({ "index": "orders-2026" }));
    assert_eq!(
        line["items"],
        json!([{
            "index": "orders-2026", "health": "yellow", "docs": 10, "size_bytes": 4_000_000, "primaries": 1, "replicas": 1,
            "created": "2026-01-21T12:00:00Z",
        }])
    );
    let full = answer("indices", json!({ "index": "orders-2026", "view": "full" }));
    let full = &full["items"][0];
    assert_eq!(
        (&full["uuid"], &full["docs_deleted"], &full["primary_size_bytes"], &full["status"]),
        (&json!("uuid-orders-2026"), &json!(0), &json!(2_000_000), &json!("open"))
    );
    let picked = answer("indices", json!({ "index": "orders-2026", "fields": ["uuid", "colour"] }));
    assert_eq!(
        (&picked["items"], &picked["unknown_fields"]),
        (&json!([{ "uuid": "uuid-orders-2026" }]), &json!(["colour"]))
    );
}

#[test]
fn pages_go_to_the_end() {
    let pages = pages(&troubled(), "indices", json!({ "limit": 2 }), "items");
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
}

#[test]
fn details_are_one_request_each_and_at_once() {
    let mock = upstream(&troubled());
    let include = json!(["stats", "settings", "mappings", "segments", "aliases", "ilm", "stats"]);
    let found = call(&mock, "indices", json!({ "index": "logs-app", "include": include })).unwrap();
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (7, 6));
    let [old, new] = found["items"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!(old["ilm"]["error"], "index.lifecycle.rollover_alias [logs] does not point to index");
    assert_eq!((&old["ilm"]["step"], &new["ilm"]), (&json!("ERROR"), &json!({ "managed": false })));
    assert_eq!((&new["stats"]["docs"], &new["stats"]["searches"]), (&json!(44), &json!(7)));
    assert_eq!(new["settings"]["index.provided_name"], NEW);
    assert_eq!(new["mappings"]["fields"]["message.keyword"], "keyword");
    let segments = &new["segments"];
    assert_eq!(
        (&segments["count"], &segments["size_bytes"], &segments["docs"]),
        (&json!(12), &json!(78_000), &json!(780))
    );
    assert_eq!(segments["largest"].as_array().unwrap().len(), 10);
    assert_eq!(segments["largest"][0]["size_bytes"], 12_000);
}

#[test]
fn details_in_full_are_elasticsearchs_own() {
    let asked = json!({ "index": "orders-2026", "include": ["stats", "mappings", "aliases", "segments"], "view": "full" });
    let found = answer("indices", asked);
    let index = &found["items"][0];
    assert_eq!(index["mappings"]["properties"]["amount"], json!({ "type": "double" }));
    assert_eq!(index["stats"]["primaries"]["docs"]["count"], 10);
    assert_eq!(index["aliases"], json!({ "orders": { "is_write_index": true } }));
    assert_eq!(index["segments"]["largest"].as_array().unwrap().len(), 12);
    let picked = answer(
        "indices",
        json!({ "index": "orders-2026", "include": ["stats"], "fields": ["index", "stats.docs"] }),
    );
    assert_eq!(picked["items"], json!([{ "index": "orders-2026", "stats": { "docs": 10 } }]));
}

#[test]
fn a_detail_that_fails_is_told_and_the_others_stay() {
    let elastic = but(|cluster| cluster.denied.push("_ilm".into()));
    let found =
        call(&upstream(&elastic), "indices", json!({ "index": "orders-2026", "include": ["stats", "ilm"] }))
            .unwrap();
    assert_eq!(found["items"][0]["stats"]["docs"], 10);
    let why = found["failed"]["ilm"].as_str().unwrap();
    assert!(
        why.starts_with("Elasticsearch forbids this (403): security_exception: action [cluster:monitor]"),
        "{why}"
    );
    let only = json!({ "index": "orders-2026", "include": ["ilm"] });
    assert!(matches!(call(&upstream(&elastic), "indices", only), Err(Error::Denied(_))));
}

#[test]
fn settings_hide_secrets() {
    let elastic = but(|cluster| {
        cluster.index("orders-2026").settings.insert("index.remote.password".into(), "hunter2".into());
    });
    let found =
        call(&upstream(&elastic), "indices", json!({ "index": "orders-2026", "include": ["settings"] }))
            .unwrap();
    assert_eq!(found["items"][0]["settings"]["index.remote.password"], "(hidden)");
}

#[test]
fn data_streams_have_their_size_and_write_index() {
    let mock = upstream(&troubled());
    let found =
        call(&mock, "indices", json!({ "kind": "data_stream", "index": "logs-*", "health": "green" }))
            .unwrap();
    assert_eq!(mock.in_flight_at_most(), 2);
    assert_eq!(
        found,
        json!({ "total": 1, "shown": 1, "items": [{
            "data_stream": "logs-app", "health": "green", "size_bytes": 8_000_000, "newest": "2026-01-31T11:59:50Z",
            "backing_indices": 2, "write_index": NEW, "generation": 2, "template": "logs", "ilm_policy": "logs",
            "time_field": "@timestamp",
        }] })
    );
    let full = answer("indices", json!({ "kind": "data_stream", "view": "full" }));
    assert_eq!(full["items"][0]["raw"]["indices"][0]["index_name"], OLD);
}

#[test]
fn data_streams_are_told_without_a_size_that_may_not_be_read() {
    let elastic = but(|cluster| cluster.denied.push("/_stats".into()));
    let found = call(&upstream(&elastic), "indices", json!({ "kind": "data_stream" })).unwrap();
    assert_eq!((&found["total"], found["items"][0].get("size_bytes")), (&json!(1), None));
}

#[test]
fn aliases_name_their_indices() {
    assert_eq!(
        answer("indices", json!({ "kind": "alias" }))["items"],
        json!([{ "alias": "orders", "indices": ["orders-2024", "orders-2026"], "write_index": "orders-2026", "filtered": true }])
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    for (argument, given, kind) in [
        ("include", json!(["stats"]), "alias"),
        ("status", json!("open"), "data_stream"),
        ("docs", json!("1-"), "data_stream"),
        ("health", json!("red"), "alias"),
    ] {
        assert_eq!(
            refused("indices", json!({ "kind": kind, argument: given })),
            format!("arguments.{argument}: is nothing that this `kind` has; `kind: index` has it")
        );
    }
    assert!(refused("indices", json!({ "docs": "many" })).starts_with("arguments.docs: `many` is no range"));
    assert_eq!(
        refused("indices", json!({ "index": "nope" })),
        "index_not_found_exception: no such index [nope]; `indices` lists what there is"
    );
}
