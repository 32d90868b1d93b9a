//! Answers that are long and say little: version and statistics of the whole cluster.

use serde_json::{Value, json};

use crate::cluster::{Cluster, ms};

pub(crate) fn info(cluster: &Cluster) -> Value {
    json!({
        "name": cluster.nodes[0].name, "cluster_name": "prod", "cluster_uuid": "c-uuid", "tagline": "You Know, for Search",
        "version": {
            "number": "8.17.0", "build_flavor": "default", "build_type": "docker", "build_hash": "abc",
            "build_date": "2024-12-11T12:08:05.663969764Z", "build_snapshot": false, "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0", "minimum_index_compatibility_version": "7.0.0",
        },
    })
}

pub(crate) fn stats(cluster: &Cluster) -> Value {
    let none: [u8; 0] = [];
    let pressure = json!({
        "all_in_bytes": 0, "combined_coordinating_and_primary_in_bytes": 0, "coordinating_in_bytes": 0, "primary_in_bytes": 0,
        "replica_in_bytes": 0, "coordinating_rejections": 0, "primary_rejections": 0, "replica_rejections": 0,
    });
    let docs: usize = cluster.indices.iter().map(|index| index.docs.len()).sum();
    let total: u64 = cluster.nodes.iter().map(|node| node.disk_total).sum();
    let free: u64 = cluster.nodes.iter().map(|node| node.disk_free).sum();
    json!({
        "_nodes": { "total": cluster.nodes.len(), "successful": cluster.nodes.len(), "failed": 0 },
        "cluster_name": "prod", "cluster_uuid": "c-uuid", "timestamp": ms(cluster.now), "status": cluster.status(),
        "indices": {
            "count": cluster.indices.len(), "shards": { "total": cluster.shards().count(), "primaries": 4.0, "replication": 1.0 },
            "docs": { "count": docs, "deleted": 0, "total_size_in_bytes": 1 },
            "store": { "size_in_bytes": 8_000_000, "reserved_in_bytes": 0 },
            "fielddata": { "memory_size_in_bytes": 0, "evictions": 0 },
            "query_cache": {
                "memory_size_in_bytes": 0, "total_count": 0, "hit_count": 0, "miss_count": 0, "cache_size": 0, "cache_count": 0, "evictions": 0,
            },
            "completion": { "size_in_bytes": 0 },
            "segments": {
                "count": 12, "memory_in_bytes": 0, "terms_memory_in_bytes": 0, "stored_fields_memory_in_bytes": 0,
                "term_vectors_memory_in_bytes": 0, "norms_memory_in_bytes": 0, "points_memory_in_bytes": 0,
                "doc_values_memory_in_bytes": 0, "index_writer_memory_in_bytes": 0, "version_map_memory_in_bytes": 0,
                "fixed_bit_set_memory_in_bytes": 0, "max_unsafe_auto_id_timestamp": -1, "file_sizes": {},
            },
            "mappings": { "field_types": none, "runtime_field_types": none },
            "analysis": {
                "char_filter_types": none, "tokenizer_types": none, "filter_types": none, "analyzer_types": none,
                "built_in_char_filters": none, "built_in_tokenizers": none, "built_in_filters": none, "built_in_analyzers": none,
                "synonyms": {},
            },
            "versions": none,
        },
        "nodes": {
            "count": {
                "total": cluster.nodes.len(), "coordinating_only": 0, "data": 2, "data_cold": 0, "data_content": 2, "data_hot": 2,
                "data_warm": 0, "data_frozen": 0, "ingest": 2, "master": 1, "ml": 0, "remote_cluster_client": 1, "transform": 0, "voting_only": 0,
            },
            "versions": ["8.17.0"],
            "os": {
                "available_processors": 12, "allocated_processors": 12, "names": none, "pretty_names": none,
                "mem": { "total_in_bytes": 100, "adjusted_total_in_bytes": 100, "free_in_bytes": 29, "used_in_bytes": 71, "free_percent": 29, "used_percent": 71 },
                "architectures": none,
            },
            "process": { "cpu": { "percent": 7 }, "open_file_descriptors": { "min": 1, "max": 2, "avg": 1 } },
            "jvm": {
                "max_uptime_in_millis": 259_200_000, "versions": none, "mem": { "heap_used_in_bytes": 42, "heap_max_in_bytes": 100 }, "threads": 90,
            },
            "fs": { "total_in_bytes": total, "free_in_bytes": free, "available_in_bytes": free },
            "plugins": none, "network_types": { "transport_types": {}, "http_types": {} }, "discovery_types": {},
            "packaging_types": none, "ingest": { "number_of_pipelines": 0, "processor_stats": {} },
            "indexing_pressure": { "memory": { "limit_in_bytes": 0, "current": pressure, "total": pressure } },
        },
        "repositories": {}, "snapshots": {
            "current_counts": { "snapshots": 0, "shard_snapshots": 0, "snapshot_deletions": 0, "concurrent_operations": 0, "cleanups": 0 },
            "repositories": {},
        },
    })
}
