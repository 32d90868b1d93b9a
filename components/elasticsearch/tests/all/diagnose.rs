//! `diagnose`: each rule finds its trouble with evidence, and nothing is found where all is well.

use double_elasticsearch::{Index, Shard};

use super::*;

/// What is found of a cluster that is well but for this.
fn found(change: impl FnOnce(&mut Cluster)) -> Value {
    call(&upstream(&but(change)), "diagnose", json!({})).unwrap()
}

/// The one thing that is found.
fn only(change: impl FnOnce(&mut Cluster)) -> (String, String, Value, String) {
    let answer = found(change);
    let findings = answer["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{answer:#}");
    let finding = &findings[0];
    let text = |name: &str| finding[name].as_str().unwrap().to_owned();
    assert_eq!(answer["verdict"], finding["severity"]);
    (text("severity"), text("finding"), finding["evidence"].clone(), text("next"))
}

#[test]
fn nothing_is_found_where_all_is_well() {
    let mock = upstream(&but(|_| {}));
    let answer = call(&mock, "diagnose", json!({})).unwrap();
    assert_eq!(
        answer,
        json!({
            "verdict": "ok", "status": "green", "cluster": "prod", "nodes": 3, "active_shards_percent": 100.0, "findings": [],
        })
    );
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (7, 7));
}

#[test]
fn the_worst_comes_first() {
    let mock = upstream(&troubled());
    let answer = call(&mock, "diagnose", json!({})).unwrap();
    assert_eq!(mock.requests().len(), 9, "two shards are explained");
    assert_eq!((&answer["verdict"], &answer["status"]), (&json!("critical"), &json!("red")));
    assert_eq!(each(&answer["findings"], "severity"), ["critical", "warning", "warning", "warning", "info"]);
    assert_eq!(
        each(&answer["findings"], "finding"),
        [
            "red: 1 primary shard is unassigned",
            "yellow: 1 replica is unassigned",
            "1 node is above the high disk watermark: its shards are moved away",
            "the lifecycle of 1 index is stuck",
            "1 thread pool has rejected work since the node started, without a queue now",
        ]
    );
}

#[test]
fn a_lost_primary_is_explained_and_its_replicas_wait() {
    let answer = answer("diagnose", json!({}));
    assert_eq!(
        answer["findings"][0],
        json!({
            "severity": "critical",
            "finding": "red: 1 primary shard is unassigned",
            "evidence": {
                "indices": ["payments"],
                "explained": [{
                    "shard": "payments[0]", "reason": "NODE_LEFT",
                    "why": { "can_allocate": "no_valid_shard_copy", "explanation": "Elasticsearch says no_valid_shard_copy", "details": "details" },
                }],
                "replicas_that_wait": 1,
            },
            "next": "every copy is lost: bring back the node that had it, else restore the index from a snapshot; forcing an empty primary loses its data",
        })
    );
}

#[test]
fn a_lost_replica_names_the_deciders() {
    let (severity, words, evidence, next) = only(|cluster| {
        cluster.index("orders-2026").shards[1] = Shard::lost(0, false, "CLUSTER_RECOVERED");
        cluster
            .explanations
            .insert("orders-2026".into(), ("no", vec![("same_shard", "has a copy"), ("filter", "excluded")]));
    });
    assert_eq!((severity.as_str(), words.as_str()), ("warning", "yellow: 1 replica is unassigned"));
    assert_eq!(
        evidence["explained"][0]["why"]["deciders"],
        json!([
            { "decider": "filter", "says": "excluded", "on": ["es-data-2"] },
            { "decider": "same_shard", "says": "has a copy", "on": ["es-data-1"] },
        ])
    );
    assert!(next.starts_with("allocation filters exclude every node"), "{next}");
}

#[test]
fn a_few_of_many_lost_shards_are_explained() {
    let answer = found(|cluster| {
        for at in 0..20 {
            let mut index = Index::new(&format!("logs-{at:02}"), AT, &json!({}));
            index.shards[1] = Shard::lost(0, false, "NODE_LEFT");
            cluster.indices.push(index);
        }
    });
    let finding = &answer["findings"][0];
    assert_eq!(finding["finding"], "yellow: 20 replicas are unassigned");
    assert_eq!(finding["evidence"]["explained"].as_array().unwrap().len(), 3);
    let indices = finding["evidence"]["indices"].as_array().unwrap();
    assert_eq!((indices.len(), &indices[10]), (11, &json!("and 10 more")));
}

#[test]
fn shards_on_their_way_are_no_trouble() {
    let (severity, words, evidence, _) =
        only(|cluster| cluster.index("orders-2026").shards[1].state = "INITIALIZING");
    assert_eq!((severity.as_str(), words.as_str()), ("info", "1 shard is being recovered"));
    assert_eq!(evidence, json!({ "status": "yellow", "active_percent": 83.3 }));
}

#[test]
fn a_disk_is_told_under_the_worst_watermark() {
    const GIB: u64 = 1 << 30;
    for (free, severity, mark, watermark) in [
        (140, "warning", "low", "85%"),
        (90, "warning", "high", "90%"),
        (40, "critical", "flood stage", "95%"),
    ] {
        let (found, words, evidence, _) = only(|cluster| cluster.nodes[1].disk_free = free * GIB);
        assert_eq!(found, severity);
        assert!(words.starts_with(&format!("1 node is above the {mark} disk watermark: ")), "{words}");
        assert_eq!(
            evidence,
            json!({ "watermark": watermark, "nodes": [{
                "node": "es-data-1", "used_percent": (1000 - free) as f64 / 10.0, "free": format!("{free} GiB"), "of": "1000 GiB",
            }] })
        );
    }
    let large = found(|cluster| {
        cluster.nodes[1].disk_total = 10_000 * GIB;
        cluster.nodes[1].disk_free = 500 * GIB;
    });
    assert_eq!(large["verdict"], "ok", "a large disk need not keep 15% free");
    let master = found(|cluster| cluster.nodes[0].disk_free = 0);
    assert_eq!(master["verdict"], "ok", "a node without data has no watermark");
    let own = |value: &str| {
        let value = Value::from(value);
        found(|cluster| {
            cluster.persistent.insert("cluster.routing.allocation.disk.watermark.high".into(), value);
        })
    };
    assert_eq!(own("700gb")["findings"][0]["evidence"]["watermark"], "700gb");
}

#[test]
fn indices_that_refuse_writes_are_named() {
    let (severity, words, evidence, next) = only(|cluster| {
        for name in ["orders-2026", ".ds-logs-app-2026.01.31-000002"] {
            cluster.index(name).settings.insert("index.blocks.read_only_allow_delete".into(), "true".into());
        }
        cluster.index("orders-2024").settings.insert("index.blocks.write".into(), "true".into());
    });
    assert_eq!(
        (severity.as_str(), words.as_str()),
        ("critical", "2 indices refuse writes (index.blocks.read_only_allow_delete)")
    );
    assert_eq!(evidence, json!({ "indices": [".ds-logs-app-2026.01.31-000002", "orders-2026"] }));
    assert!(next.starts_with("free disk on the nodes above the flood stage"));
}

#[test]
fn switches_that_are_off_are_told() {
    for (name, value, severity) in [
        ("cluster.routing.allocation.enable", "primaries", "warning"),
        ("cluster.routing.rebalance.enable", "none", "info"),
        ("cluster.blocks.read_only", "true", "critical"),
    ] {
        let (found, _, evidence, next) =
            only(|cluster| drop(cluster.persistent.insert(name.into(), value.into())));
        assert_eq!((found.as_str(), &evidence), (severity, &json!({ name: value })));
        assert!(next.contains(name), "{next}");
    }
}

#[test]
fn a_cluster_nearly_full_of_shards_is_told() {
    let (severity, words, evidence, _) =
        only(|cluster| drop(cluster.persistent.insert("cluster.max_shards_per_node".into(), "3".into())));
    assert_eq!((severity.as_str(), words.as_str()), ("critical", "6 of at most 6 shards are in use"));
    assert_eq!(evidence, json!({ "cluster.max_shards_per_node": 3, "data_nodes": 2, "shards": 6 }));
}

#[test]
fn a_master_that_does_not_keep_up_is_told() {
    let (severity, words, evidence, _) = only(|cluster| cluster.pending_wait_ms = 45_000);
    assert_eq!(
        (severity.as_str(), words.as_str()),
        ("warning", "the master does not keep up: its oldest task waits 45 s")
    );
    assert_eq!(evidence, json!({ "pending_tasks": 1 }));
    assert_eq!(found(|cluster| cluster.pending_wait_ms = 200)["verdict"], "ok");
}

#[test]
fn nodes_short_of_something_are_told() {
    let (severity, words, evidence, _) = only(|cluster| cluster.nodes[1].heap_percent = 88);
    assert_eq!(
        (severity.as_str(), words.as_str()),
        ("warning", "1 node has little heap left: up to 88% is used")
    );
    assert_eq!(evidence, json!([{ "node": "es-data-1", "heap_percent": 88 }]));
    let (severity, ..) = only(|cluster| cluster.nodes[1].heap_percent = 97);
    assert_eq!(severity, "critical");
    let (severity, words, evidence, _) = only(|cluster| cluster.nodes[0].cpu_percent = 99);
    assert_eq!((severity.as_str(), words.as_str()), ("warning", "1 node has no CPU left"));
    assert_eq!(evidence, json!([{ "node": "es-master-1", "cpu_percent": 99, "load_1m": 0.35 }]));
}

#[test]
fn what_was_refused_before_is_information_and_what_is_now_a_warning() {
    let (severity, words, evidence, _) = only(|cluster| cluster.nodes[1].tripped = 4);
    assert_eq!(
        (severity.as_str(), words.as_str()),
        ("info", "1 circuit breaker has refused requests since the node started")
    );
    assert_eq!(
        evidence,
        json!([{ "node": "es-data-1", "breaker": "parent", "tripped": 4, "used": "30%", "limit": "976.5kb", "node_up": "3d" }])
    );
    let (severity, words, ..) = only(|cluster| cluster.nodes[1].breaker_percent = 93);
    assert_eq!(
        (severity.as_str(), words.as_str()),
        ("warning", "1 circuit breaker is about to refuse requests")
    );
    let (severity, words, evidence, _) =
        only(|cluster| (cluster.nodes[1].rejected, cluster.nodes[1].queue) = (7, 200));
    assert_eq!(
        (severity.as_str(), words.as_str()),
        ("warning", "1 thread pool has rejected work, with a queue now")
    );
    assert_eq!(
        evidence,
        json!([{ "node": "es-data-1", "pool": "write", "rejected": 7, "queue": 200, "active": 1, "node_up": "3d" }])
    );
}

#[test]
fn shards_too_large_and_badly_spread_are_told() {
    let (severity, words, evidence, _) = only(|cluster| {
        for shard in &mut cluster.index("orders-2026").shards {
            shard.bytes = 60 << 30;
        }
    });
    assert_eq!(
        (severity.as_str(), words.as_str()),
        ("warning", "1 primary shard is larger than 50 GiB or near Lucene's limit of documents")
    );
    assert_eq!(evidence, json!([{ "index": "orders-2026", "shard": 0, "size": "60 GiB", "docs": 10 }]));
    let (severity, words, evidence, _) = only(|cluster| {
        cluster
            .index("orders-2026")
            .shards
            .extend((1..30).map(|number| Shard::on(number, true, "es-data-1")));
    });
    assert_eq!(
        (severity.as_str(), words.as_str()),
        ("warning", "shards are spread unevenly: 32 on es-data-1, 3 on es-data-2")
    );
    assert_eq!(
        evidence,
        json!([{ "node": "es-data-1", "shards": 32 }, { "node": "es-data-2", "shards": 3 }])
    );
}

#[test]
fn a_stuck_lifecycle_tells_its_reason() {
    let (severity, words, evidence, _) = only(|cluster| {
        let ilm = Cluster::troubled(AT).index(".ds-logs-app-2026.01.30-000001").ilm.clone();
        cluster.index(".ds-logs-app-2026.01.30-000001").ilm = ilm;
    });
    assert_eq!((severity.as_str(), words.as_str()), ("warning", "the lifecycle of 1 index is stuck"));
    assert_eq!(
        evidence,
        json!([{
            "index": ".ds-logs-app-2026.01.30-000001", "policy": "logs", "failed_step": "check-rollover-ready", "retries": 7,
            "reason": "index.lifecycle.rollover_alias [logs] does not point to index",
        }])
    );
}

#[test]
fn a_failed_snapshot_tells_when_and_why() {
    let (severity, words, evidence, _) = only(|cluster| {
        cluster.slm["nightly"]["last_failure"] = json!({ "snapshot_name": "nightly-3", "time": (AT - 60.0) * 1000.0, "details": "repository is missing" });
    });
    assert_eq!((severity.as_str(), words.as_str()), ("warning", "the last snapshot of 1 policy failed"));
    assert_eq!(
        evidence,
        json!([{
            "policy": "nightly", "failed": "2026-01-31T11:59:00Z", "last_success": "2026-01-31T10:00:00Z",
            "details": "repository is missing",
        }])
    );
    let before = found(|cluster| cluster.slm["nightly"]["last_failure"] = json!({ "time": 1000 }));
    assert_eq!(before["verdict"], "ok", "it has succeeded since");
}

#[test]
fn what_may_not_be_read_is_told_and_never_counts_as_good() {
    let answer = found(|cluster| cluster.denied = vec!["_slm".into(), "_ilm".into(), "/_nodes/".into()]);
    assert_eq!(answer["verdict"], "ok");
    let unknown = answer["not_checked"].as_object().unwrap();
    assert_eq!(unknown.keys().collect::<Vec<_>>(), ["ilm", "nodes", "snapshots"]);
    assert!(unknown.values().all(|why| why.as_str().unwrap().contains("(403): security_exception")));
    let answer = found(|cluster| {
        cluster.denied = vec!["_cat/shards".into()];
        cluster.index("orders-2026").shards[1] = Shard::lost(0, false, "NODE_LEFT");
    });
    assert_eq!(answer["findings"][0]["finding"], "yellow: 1 shard is unassigned");
    let denied = but(|cluster| cluster.denied = vec!["_cluster/health".into()]);
    assert!(matches!(call(&upstream(&denied), "diagnose", json!({})), Err(Error::Denied(_))));
}
