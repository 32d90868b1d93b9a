//! `cluster`: part by part.

use super::*;

#[test]
fn health_and_version_are_the_default() {
    let mock = upstream(&troubled());
    let found = call(&mock, "cluster", json!({})).unwrap();
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (2, 2));
    assert_eq!(
        found["info"],
        json!({ "cluster_name": "prod", "version": "8.17.0", "flavor": "default", "node": "es-master-1" })
    );
    assert_eq!(
        (&found["health"]["status"], &found["health"]["unassigned_shards"]),
        (&json!("red"), &json!(3))
    );
}

#[test]
fn every_part_is_asked_for_once_and_at_once() {
    let mock = upstream(&troubled());
    let include =
        json!(["stats", "settings", "pending_tasks", "tasks", "allocation", "health", "info", "tasks"]);
    let found = call(&mock, "cluster", json!({ "include": include })).unwrap();
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (7, 7));
    assert_eq!((&found["stats"]["docs"], &found["stats"]["data_nodes"]), (&json!(55), &json!(2)));
    assert_eq!(
        found["settings"],
        json!({
            "persistent": {
                "cluster.max_shards_per_node": "1000", "xpack.notification.slack.account.ops.secret_token": "(hidden)",
            },
            "transient": {},
        })
    );
    assert_eq!(found["pending_tasks"]["tasks"][0]["source"], "create-index [logs]");
    assert_eq!(found["allocation"][0]["disk_percent"], 92);
}

#[test]
fn tasks_come_longest_first_and_by_action() {
    let found = answer("cluster", json!({ "include": ["tasks"] }));
    assert_eq!(
        (&found["tasks"]["total"], each(&found["tasks"]["tasks"], "seconds")),
        (&json!(2), vec![&json!(95.0), &json!(0.002)])
    );
    let searches = answer("cluster", json!({ "include": ["tasks"], "actions": "*search*" }));
    assert_eq!(
        searches["tasks"],
        json!({ "total": 1, "shown": 1, "tasks": [{
            "task": "es-data-1-id:1", "action": "indices:data/read/search", "seconds": 95.0, "started": "2026-01-31T11:58:25Z",
            "cancellable": true, "what": "indices[logs-app], search_type[QUERY_THEN_FETCH]", "opaque_id": "kibana",
        }] })
    );
}

#[test]
fn nodes_are_told_by_name_or_role() {
    let found = answer("cluster", json!({ "include": ["nodes"], "node": "es-data-1" }));
    assert_eq!(
        found["nodes"],
        json!([{
            "name": "es-data-1", "id": "es-data-1-id", "ip": "10.0.0.1", "version": "8.17.0",
            "roles": ["data_hot", "ingest", "data_content"], "heap_percent": 42, "ram_percent": 71, "cpu_percent": 7,
            "load_1m": 0.35, "disk_used_percent": 92, "disk_available_bytes": 85_899_345_920_u64, "uptime": "3d",
        }])
    );
    for (node, expected) in [
        ("master", &["es-master-1"][..]),
        ("ingest", &["es-data-1", "es-data-2"]),
        ("es-*,-es-data-*", &["es-master-1"]),
        ("es-data-2-id", &["es-data-2"]),
        ("nobody", &[]),
    ] {
        let found = answer("cluster", json!({ "include": ["nodes", "hot_threads"], "node": node }));
        assert_eq!(each(&found["nodes"], "name"), expected, "{node}");
    }
}

#[test]
fn nodes_in_full_have_statistics_and_what_they_are() {
    let mock =
        upstream(&but(|cluster| cluster.nodes.push(double_elasticsearch::Node::new("es-data-9", &["data"]))));
    let asked = json!({ "include": ["nodes"], "view": "full", "fields": ["nodes.name", "nodes.stats.jvm.mem", "nodes.info.version"] });
    let found = call(&mock, "cluster", asked).unwrap();
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (3, 2));
    assert_eq!(
        found["nodes"][0],
        json!({ "name": "es-data-1", "stats": { "jvm": { "mem": { "heap_used_percent": 42 } } }, "info": { "version": "8.17.0" } })
    );
    let whole = call(&mock, "cluster", json!({ "include": ["nodes"], "view": "full" })).unwrap();
    assert_eq!(whole["nodes"][3], "1 node is left out: narrow down by `node`");
}

#[test]
fn hot_threads_are_text() {
    let found = answer("cluster", json!({ "include": ["hot_threads"], "node": "es-data-2" }));
    assert_eq!(
        found,
        json!({ "hot_threads": "::: {es-data-2}{es-data-2-id}\n   12.5% [cpu=12.5%] cpu usage by thread 'elasticsearch[es-data-2][search][T#1]'\n" })
    );
}

#[test]
fn a_part_that_fails_is_told_and_the_others_stay() {
    let elastic = but(|cluster| cluster.denied.push("/_cluster/stats".into()));
    let found = call(
        &upstream(&elastic),
        "cluster",
        json!({ "include": ["health", "stats"], "fields": ["health.status", "x"] }),
    )
    .unwrap();
    assert_eq!((&found["health"], &found["unknown_fields"]), (&json!({ "status": "green" }), &json!(["x"])));
    assert!(found["failed"]["stats"].as_str().unwrap().contains("(403)"));
}

#[test]
fn an_argument_without_its_part_is_refused() {
    assert_eq!(
        refused("cluster", json!({ "actions": "*" })),
        "arguments.actions: is for `tasks`: add it to `include`"
    );
    assert_eq!(
        refused("cluster", json!({ "node": "*" })),
        "arguments.node: is for `nodes`: add it to `include`"
    );
}
