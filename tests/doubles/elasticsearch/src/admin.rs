//! What the cluster tells of itself: health, settings, nodes, tasks, allocation, data streams.

use double_kit::{Reply, Request};
use serde_json::{Map, Value, json};

use crate::cluster::{Cluster, Node, Stream, glob, ms};
use crate::{refusal, static_answers};

pub(crate) fn cluster(cluster: &Cluster, what: &str, request: &Request) -> Result<Value, Reply> {
    Ok(match what {
        "health" => health(cluster),
        "stats" => static_answers::stats(cluster),
        "settings" => settings(cluster, request.param("include_defaults") == Some("true")),
        _ => json!({ "tasks": [{
            "insert_order": 101, "priority": "URGENT", "source": "create-index [logs]", "executing": true,
            "time_in_queue_millis": cluster.pending_wait_ms, "time_in_queue": "0s",
        }] }),
    })
}

fn health(cluster: &Cluster) -> Value {
    let count = |state: &str| cluster.shards().filter(|(_, shard)| shard.state == state).count();
    let primaries = |lost: bool| {
        cluster.shards().filter(|(_, shard)| shard.primary && (shard.state == "UNASSIGNED") == lost).count()
    };
    let (active, unassigned) = (count("STARTED"), count("UNASSIGNED"));
    let all = cluster.shards().count().max(1);
    json!({
        "cluster_name": "prod", "status": cluster.status(), "timed_out": false, "number_of_nodes": cluster.nodes.len(),
        "number_of_data_nodes": cluster.nodes.iter().filter(|node| !node.master).count(),
        "active_primary_shards": primaries(false), "active_shards": active, "relocating_shards": 0,
        "initializing_shards": count("INITIALIZING"), "unassigned_shards": unassigned,
        "unassigned_primary_shards": primaries(true), "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": u8::from(cluster.pending_wait_ms > 0), "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": cluster.pending_wait_ms,
        "active_shards_percent_as_number": (active as f64 / all as f64 * 1000.0).round() / 10.0,
    })
}

fn settings(cluster: &Cluster, defaults: bool) -> Value {
    let mut out = json!({ "persistent": nested(&cluster.persistent), "transient": {} });
    if defaults {
        let usual = json!({
            "cluster.routing.allocation.enable": "all", "cluster.routing.rebalance.enable": "all",
            "cluster.routing.allocation.disk.threshold_enabled": "true",
            "cluster.routing.allocation.disk.watermark.low": "85%", "cluster.routing.allocation.disk.watermark.low.max_headroom": "200GB",
            "cluster.routing.allocation.disk.watermark.high": "90%", "cluster.routing.allocation.disk.watermark.high.max_headroom": "150GB",
            "cluster.routing.allocation.disk.watermark.flood_stage": "95%",
            "cluster.routing.allocation.disk.watermark.flood_stage.max_headroom": "100GB",
            "cluster.blocks.read_only": "false", "cluster.blocks.read_only_allow_delete": "false",
            "cluster.max_shards_per_node": "1000",
        });
        out["defaults"] = nested(usual.as_object().unwrap());
    }
    out
}

/// Dotted names as objects. A name that goes on after one with a value stays beside it, as Elasticsearch has it.
fn nested(flat: &Map<String, Value>) -> Value {
    fn put(into: &mut Map<String, Value>, name: &str, value: &Value) {
        if let Some((head, rest)) = name.split_once('.')
            && let Value::Object(inner) = into.entry(head).or_insert_with(|| json!({}))
        {
            return put(inner, rest, value);
        }
        into.insert(name.to_owned(), value.clone());
    }
    let mut out = Map::new();
    flat.iter().for_each(|(name, value)| put(&mut out, name, value));
    out.into()
}

pub(crate) fn explain(cluster: &Cluster, asked: &Value) -> Result<Value, Reply> {
    let name = asked["index"].as_str().unwrap_or_default();
    let found = cluster.shards().find(|(index, shard)| {
        index.name == name
            && Some(shard.number) == asked["shard"].as_u64()
            && Some(shard.primary) == asked["primary"].as_bool()
    });
    let Some((_, shard)) = found else {
        return Err(refusal(
            400,
            "illegal_argument_exception",
            "unable to find any shards to explain",
            json!({}),
        ));
    };
    let known = cluster.explanations.get(name);
    let (verdict, deciders) = known
        .cloned()
        .unwrap_or(("no", vec![("same_shard", "a copy of this shard is already allocated to this node")]));
    let decisions: Vec<Value> = cluster.nodes.iter().filter(|node| !node.master).zip(deciders.iter().cycle()).map(|(node, (decider, says))| json!({
        "node_id": node.id, "node_name": node.name, "transport_address": "10.0.0.1:9300", "node_decision": "no",
        "deciders": [{ "decider": decider, "decision": "NO", "explanation": says }],
    })).collect();
    Ok(json!({
        "index": name, "shard": shard.number, "primary": shard.primary, "current_state": "unassigned",
        "unassigned_info": { "reason": shard.reason, "at": "2026-01-31T11:50:00.000Z", "last_allocation_status": verdict, "details": "details" },
        "can_allocate": verdict, "allocate_explanation": format!("Elasticsearch says {verdict}"),
        "node_allocation_decisions": decisions,
    }))
}

fn named<'a>(cluster: &'a Cluster, filter: &'a str) -> impl Iterator<Item = &'a Node> {
    cluster.nodes.iter().filter(move |node| {
        filter == "_all" || filter.split(',').any(|part| glob(part, &node.id) || glob(part, &node.name))
    })
}

pub(crate) fn node_stats(cluster: &Cluster, filter: &str) -> Value {
    let one = |node: &Node| {
        let limit = 1_000_000_u64;
        json!({
            "timestamp": ms(cluster.now), "name": node.name, "transport_address": "10.0.0.1:9300", "host": "10.0.0.1", "ip": "10.0.0.1:9300",
            "roles": node.roles, "attributes": {},
            "os": { "timestamp": ms(cluster.now), "cpu": { "percent": node.cpu_percent, "load_average": { "1m": 0.35 } } },
            "jvm": { "timestamp": ms(cluster.now), "uptime_in_millis": 259_200_000, "mem": { "heap_used_percent": node.heap_percent } },
            "fs": { "timestamp": ms(cluster.now), "total": { "total_in_bytes": node.disk_total, "free_in_bytes": node.disk_free, "available_in_bytes": node.disk_free } },
            "thread_pool": {
                "write": { "threads": 4, "queue": node.queue, "active": 1, "rejected": node.rejected, "largest": 4, "completed": 1000 },
                "search": { "threads": 7, "queue": 0, "active": 0, "rejected": 0, "largest": 7, "completed": 500 },
            },
            "breakers": { "parent": {
                "limit_size_in_bytes": limit, "limit_size": "976.5kb", "estimated_size_in_bytes": limit / 100 * node.breaker_percent,
                "estimated_size": format!("{}%", node.breaker_percent), "overhead": 1.0, "tripped": node.tripped,
            } },
        })
    };
    let nodes: Map<String, Value> = named(cluster, filter).map(|node| (node.id.clone(), one(node))).collect();
    json!({ "_nodes": { "total": nodes.len(), "successful": nodes.len(), "failed": 0 }, "cluster_name": "prod", "nodes": nodes })
}

pub(crate) fn node_info(cluster: &Cluster, filter: &str) -> Value {
    let one = |node: &Node| {
        json!({
            "name": node.name, "transport_address": "10.0.0.1:9300", "host": "10.0.0.1", "ip": "10.0.0.1", "version": "8.17.0",
            "build_flavor": "default", "build_type": "docker", "build_hash": "abc", "roles": node.roles, "attributes": {},
        })
    };
    let nodes: Map<String, Value> = named(cluster, filter).map(|node| (node.id.clone(), one(node))).collect();
    json!({ "_nodes": { "total": nodes.len(), "successful": nodes.len(), "failed": 0 }, "cluster_name": "prod", "nodes": nodes })
}

pub(crate) fn hot_threads(cluster: &Cluster, filter: &str) -> Reply {
    let of = |node: &Node| {
        format!(
            "::: {{{}}}{{{}}}\n   12.5% [cpu=12.5%] cpu usage by thread 'elasticsearch[{}][search][T#1]'\n",
            node.name, node.id, node.name
        )
    };
    Reply::text(200, &named(cluster, filter).map(of).collect::<String>())
}

pub(crate) fn tasks(cluster: &Cluster, request: &Request) -> Value {
    let wanted = request.param("actions").unwrap_or("*");
    let fits = |task: &&Value| glob(wanted, task["action"].as_str().unwrap_or_default());
    let tasks: Vec<&Value> = cluster.tasks.iter().filter(fits).collect();
    match request.param("group_by") {
        Some("none") => json!({ "tasks": tasks }),
        _ => json!({ "nodes": {} }),
    }
}

fn streams<'a>(cluster: &'a Cluster, pattern: &'a str) -> Result<Vec<&'a Stream>, Reply> {
    let found: Vec<_> = cluster.streams.iter().filter(|(name, ..)| glob(pattern, name)).collect();
    match found.is_empty() && !pattern.contains('*') {
        true => Err(refusal(
            404,
            "index_not_found_exception",
            &format!("no such index [{pattern}]"),
            json!({ "index": pattern }),
        )),
        false => Ok(found),
    }
}

pub(crate) fn data_streams(cluster: &Cluster, pattern: &str) -> Result<Value, Reply> {
    let one = |(name, backing, policy): &Stream| {
        let index = |name: &String| json!({ "index_name": name, "index_uuid": "u", "prefer_ilm": true, "ilm_policy": policy, "managed_by": "Index Lifecycle Management" });
        json!({
            "name": name, "timestamp_field": { "name": "@timestamp" }, "indices": backing.iter().map(index).collect::<Vec<_>>(),
            "generation": backing.len(), "status": "GREEN", "template": "logs", "ilm_policy": policy, "hidden": false, "system": false,
            "allow_custom_routing": false, "replicated": false, "rollover_on_write": false, "prefer_ilm": true,
            "next_generation_managed_by": "Index Lifecycle Management",
        })
    };
    Ok(json!({ "data_streams": streams(cluster, pattern)?.into_iter().map(one).collect::<Vec<_>>() }))
}

pub(crate) fn data_stream_stats(cluster: &Cluster, pattern: &str) -> Result<Value, Reply> {
    let one = |(name, backing, _): &Stream| {
        json!({
            "data_stream": name, "backing_indices": backing.len(), "store_size_bytes": 8_000_000, "store_size": "7.6mb",
            "maximum_timestamp": ms(cluster.now - 10.0),
        })
    };
    let all: Vec<Value> = streams(cluster, pattern)?.into_iter().map(one).collect();
    Ok(json!({
        "_shards": { "total": 4, "successful": 4, "failed": 0 }, "data_stream_count": all.len(), "backing_indices": 2,
        "total_store_size_bytes": 8_000_000, "data_streams": all,
    }))
}
