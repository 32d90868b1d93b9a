//! The `_cat` tables: every value is text, and only the columns asked for are there.

use double_kit::{Reply, Request};
use serde_json::{Map, Value, json};

use crate::cluster::{Cluster, Index, glob, ms};

pub(crate) fn table(
    cluster: &Cluster,
    table: &str,
    pattern: &str,
    request: &Request,
) -> Result<Value, Reply> {
    let rows: Vec<Value> = match table {
        "indices" => {
            let all = request.param("expand_wildcards") == Some("all");
            cluster.resolve_with(pattern, all)?.into_iter().map(index).collect()
        }
        // Without a name, hidden ones are there too.
        "shards" => shards(cluster, &cluster.resolve_with(pattern, request.segments().len() < 3)?),
        "segments" => segments(cluster, pattern)?,
        "aliases" => aliases(cluster, pattern),
        "nodes" => nodes(cluster),
        _ => allocation(cluster),
    };
    let columns: Option<Vec<&str>> = request.param("h").map(|names| names.split(',').collect());
    let asked = |row: Value| match (&columns, row) {
        (Some(columns), Value::Object(row)) => {
            let picked =
                columns.iter().map(|name| ((*name).to_owned(), row.get(*name).cloned().unwrap_or_default()));
            // A column that is not there at all is left out, as Elasticsearch does.
            Value::Object(picked.filter(|(name, _)| row.contains_key(name)).collect::<Map<_, _>>())
        }
        (_, row) => row,
    };
    Ok(rows.into_iter().map(asked).collect())
}

fn index(index: &Index) -> Value {
    let sum = |primary: bool, of: fn(&crate::Shard) -> u64| {
        index.shards.iter().filter(|shard| shard.primary || !primary).map(of).sum::<u64>().to_string()
    };
    let open = |value: String| if index.open { Value::from(value) } else { Value::Null };
    json!({
        "health": index.health(), "status": if index.open { "open" } else { "close" }, "index": index.name,
        "uuid": format!("uuid-{}", index.name), "pri": index.shards.iter().filter(|shard| shard.primary).count().to_string(),
        "rep": index.replicas.to_string(),
        "docs.count": open(index.shards.iter().filter(|shard| shard.primary).map(|shard| shard.docs).sum::<u64>().to_string()),
        "docs.deleted": open("0".into()), "store.size": open(sum(false, |shard| shard.bytes)),
        "pri.store.size": open(sum(true, |shard| shard.bytes)), "creation.date": ms(index.created).to_string(),
    })
}

fn shards(cluster: &Cluster, named: &[&Index]) -> Vec<Value> {
    let wanted = cluster.shards().filter(|(index, _)| named.iter().any(|one| one.name == index.name));
    let row = |(index, shard): (&Index, &crate::Shard)| {
        let there = shard.node.is_some();
        json!({
            "index": index.name, "shard": shard.number.to_string(), "prirep": if shard.primary { "p" } else { "r" },
            "state": shard.state, "docs": there.then(|| shard.docs.to_string()), "store": there.then(|| shard.bytes.to_string()),
            "node": shard.node, "unassigned.reason": shard.reason,
            "unassigned.at": shard.reason.map(|_| "2026-01-31T11:50:00.000Z"),
            "unassigned.details": shard.reason.map(|reason| format!("details of {reason}")),
        })
    };
    wanted.map(row).map(without_null).collect()
}

/// Columns that are null in text are absent or null in JSON; the schema wants text.
fn without_null(row: Value) -> Value {
    match row {
        Value::Object(row) => Value::Object(row.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}

fn segments(cluster: &Cluster, pattern: &str) -> Result<Vec<Value>, Reply> {
    let row = |index: &Index, at: u64| {
        json!({
            "index": index.name, "shard": "0", "prirep": "p", "ip": "10.0.0.1", "segment": format!("_{at}"),
            "docs.count": (at * 10).to_string(), "docs.deleted": at.to_string(), "size": (at * 1000).to_string(),
            "committed": "true", "searchable": "true", "version": "9.12.0",
        })
    };
    let named = cluster.resolve(pattern)?;
    Ok(named.into_iter().flat_map(|index| (1..=12).map(move |at| row(index, at))).collect())
}

fn aliases(cluster: &Cluster, pattern: &str) -> Vec<Value> {
    let each = cluster
        .indices
        .iter()
        .flat_map(|index| index.aliases.iter().map(move |(alias, how)| (index, alias, how)));
    each.filter(|(_, alias, _)| glob(pattern, alias))
        .map(|(index, alias, how)| json!({
            "alias": alias, "index": index.name, "filter": if how.get("filter").is_some() { "*" } else { "-" },
            "is_write_index": how["is_write_index"].as_bool().map_or("-".to_owned(), |write| write.to_string()),
        }))
        .collect()
}

fn nodes(cluster: &Cluster) -> Vec<Value> {
    const LETTERS: [(&str, char); 5] = [
        ("data_hot", 'h'),
        ("data_content", 's'),
        ("ingest", 'i'),
        ("master", 'm'),
        ("remote_cluster_client", 'r'),
    ];
    let row = |node: &crate::Node| {
        let roles: String =
            LETTERS.iter().filter(|(role, _)| node.roles.contains(role)).map(|(_, letter)| *letter).collect();
        let used = 100.0 - node.disk_free as f64 / node.disk_total as f64 * 100.0;
        json!({
            "id": node.id, "name": node.name, "ip": "10.0.0.1", "version": "8.17.0",
            "node.role": if roles.is_empty() { "-".to_owned() } else { roles },
            "master": if node.master { "*" } else { "-" }, "heap.percent": node.heap_percent.to_string(), "ram.percent": "71",
            "cpu": node.cpu_percent.to_string(), "load_1m": "0.35", "disk.used_percent": format!("{used:.2}"),
            "disk.avail": node.disk_free.to_string(), "uptime": "3d",
        })
    };
    cluster.nodes.iter().map(row).collect()
}

fn allocation(cluster: &Cluster) -> Vec<Value> {
    let row = |node: &crate::Node| {
        let shards = cluster.shards().filter(|(_, shard)| shard.node.as_deref() == Some(&node.name)).count();
        let used = node.disk_total - node.disk_free;
        json!({
            "node": node.name, "shards": shards.to_string(), "disk.percent": (used * 100 / node.disk_total).to_string(),
            "disk.used": used.to_string(), "disk.avail": node.disk_free.to_string(), "disk.total": node.disk_total.to_string(),
            "disk.indices": "4000000",
        })
    };
    cluster.nodes.iter().filter(|node| !node.master).map(row).collect()
}
