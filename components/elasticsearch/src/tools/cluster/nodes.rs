//! Nodes: what each is, how it does, and what its threads are busy with.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{at, list as list_of, put, shortened, text};

use crate::Elasticsearch;
use crate::shape::{counted, fits, numeric, redacted, told};

const MOST: usize = 200;
/// What is known of a node takes pages.
const MOST_FULL: usize = 3;
const LONGEST_THREADS: usize = 8000;

const COLUMNS: &str = "id,name,ip,version,node.role,master,heap.percent,ram.percent,cpu,load_1m,disk.used_percent,disk.avail,uptime";

/// The letters of `_cat/nodes`.
const ROLES: [(char, &str); 12] = [
    ('c', "data_cold"),
    ('d', "data"),
    ('f', "data_frozen"),
    ('h', "data_hot"),
    ('i', "ingest"),
    ('l', "ml"),
    ('m', "master"),
    ('r', "remote_cluster_client"),
    ('s', "data_content"),
    ('t', "transform"),
    ('v', "voting_only"),
    ('w', "data_warm"),
];

/// The nodes of this name pattern or role; in full with `stats` and `info` of the first.
pub(super) async fn nodes(service: &Elasticsearch, wanted: Option<&str>, full: bool) -> Result<Value> {
    let mut rows = list(service, wanted).await?;
    let (total, most) = (rows.len(), if full { MOST_FULL } else { MOST });
    rows.truncate(most);
    if full && !rows.is_empty() {
        let ids = ids(&rows);
        let stats = service.api.get(&["_nodes", &ids, "stats"]).object();
        let info = service.api.get(&["_nodes", &ids]).object();
        let (stats, info) = bulkhead_sdk::try_join!(stats, info)?;
        for row in &mut rows {
            let node = format!("/nodes/{}", text(row, "/id"));
            put(row, "stats", at(&stats, &node).clone());
            put(row, "info", redacted(at(&info, &node).clone()));
        }
    }
    let mut out = rows;
    if total > most {
        out.push(
            format!("{} left out: narrow down by `node`", counted(total - most, "node is", "nodes are"))
                .into(),
        );
    }
    Ok(out.into())
}

/// What their threads are busy with.
pub(super) async fn hot_threads(service: &Elasticsearch, wanted: Option<&str>) -> Result<Value> {
    let rows = list(service, wanted).await?;
    if rows.is_empty() {
        return Ok(Value::Null);
    }
    let response = service.api.get(&["_nodes", &ids(&rows), "hot_threads"]).respond().await?;
    Ok(shortened(&response.text(), LONGEST_THREADS).into())
}

/// Every node that fits, by name.
async fn list(service: &Elasticsearch, wanted: Option<&str>) -> Result<Vec<Value>> {
    let ask = service.api.get(&["_cat", "nodes"]).with("h", COLUMNS).with("bytes", "b").with("full_id", true);
    let mut rows: Vec<Value> = ask.rows().await?.iter().map(row_of).collect();
    if let Some(wanted) = wanted {
        let role = |row: &Value| list_of(row, "/roles").iter().any(|role| role == wanted);
        rows.retain(|row| fits(wanted, text(row, "/name")) || text(row, "/id") == wanted || role(row));
    }
    rows.sort_by_cached_key(|row| text(row, "/name").to_owned());
    Ok(rows)
}

fn ids(rows: &[Value]) -> String {
    rows.iter().map(|row| text(row, "/id")).collect::<Vec<_>>().join(",")
}

fn row_of(row: &Value) -> Value {
    let letters = text(row, "/node.role");
    let roles: Vec<&str> =
        ROLES.iter().filter(|(letter, _)| letters.contains(*letter)).map(|(_, role)| *role).collect();
    told(json!({
        "name": row["name"],
        "id": row["id"],
        "ip": row["ip"],
        "version": row["version"],
        "roles": if roles.is_empty() { vec!["coordinating_only"] } else { roles },
        "elected_master": (row["master"] == "*").then_some(true),
        "heap_percent": numeric(row, "heap.percent"),
        "ram_percent": numeric(row, "ram.percent"),
        "cpu_percent": numeric(row, "cpu"),
        "load_1m": numeric(row, "load_1m"),
        "disk_used_percent": numeric(row, "disk.used_percent"),
        "disk_available_bytes": numeric(row, "disk.avail"),
        "uptime": row["uptime"],
    }))
}
