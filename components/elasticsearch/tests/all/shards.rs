//! `shards`: order, filters, pages, and why some are nowhere.

use super::*;

#[test]
fn trouble_comes_first_with_its_reason() {
    let mock = upstream(&troubled());
    let found = call(&mock, "shards", json!({})).unwrap();
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (4, 3));
    assert_eq!(found["by_state"], json!({ "STARTED": 5, "UNASSIGNED": 3 }));
    assert_eq!(
        found["shards"][1],
        json!({
            "index": "orders-2026", "shard": 0, "primary": false, "state": "UNASSIGNED",
            "unassigned_reason": "CLUSTER_RECOVERED", "unassigned_at": "2026-01-31T11:50:00.000Z",
            "details": "details of CLUSTER_RECOVERED",
            "why": {
                "can_allocate": "no", "explanation": "Elasticsearch says no", "details": "details",
                "deciders": [
                    {
                        "decider": "disk_threshold", "on": ["es-data-1"],
                        "says": "the node is above the low watermark cluster setting [cluster.routing.allocation.disk.watermark.low=85%]",
                    },
                    { "decider": "same_shard", "on": ["es-data-2"], "says": "a copy of this shard is already allocated to this node" },
                ],
            },
            "next": "nodes are above the disk watermark: delete or move data, or add disk or nodes",
        })
    );
    let first = &found["shards"][0];
    assert_eq!(
        (&first["index"], &first["primary"], &first["why"]["can_allocate"]),
        (&json!("payments"), &json!(true), &json!("no_valid_shard_copy"))
    );
}

#[test]
fn the_largest_come_first_of_those_that_are_well() {
    let elastic = but(|cluster| cluster.index("orders-2026").shards[1].bytes = 9_000_000);
    let found = call(&upstream(&elastic), "shards", json!({ "limit": 1 })).unwrap();
    assert_eq!(
        found["shards"],
        json!([{
            "index": "orders-2026", "shard": 0, "primary": false, "state": "STARTED", "docs": 10, "size_bytes": 9_000_000,
            "node": "es-data-2",
        }])
    );
}

#[test]
fn shards_are_filtered_and_paged() {
    for (arguments, count) in [
        (json!({ "state": "UNASSIGNED" }), 3),
        (json!({ "state": "RELOCATING" }), 0),
        (json!({ "node": "es-data-1" }), 3),
        (json!({ "node": "es-data-*" }), 5),
        (json!({ "index": "orders" }), 2),
        (json!({ "index": "logs-app", "node": "es-data-2" }), 2),
    ] {
        assert_eq!(answer("shards", arguments.clone())["total"], count, "{arguments}");
    }
    let pages = pages(&troubled(), "shards", json!({ "limit": 3 }), "shards");
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 2]);
    assert!(refused("shards", json!({ "index": "nope" })).starts_with("index_not_found_exception"));
}

#[test]
fn a_shard_that_cannot_be_explained_says_why() {
    let elastic = troubled();
    elastic.cluster.lock().unwrap().denied.push("/explain".into());
    let found = call(&upstream(&elastic), "shards", json!({ "limit": 1 })).unwrap();
    assert!(found["shards"][0]["why"].as_str().unwrap().contains("(403)"));
}
