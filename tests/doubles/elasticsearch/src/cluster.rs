//! The facts: nodes, indices with their shards and documents, settings. A test may change any of them.

use std::collections::BTreeMap;

use bulkhead_sdk::time::rfc3339;
use double_kit::Reply;
use serde_json::{Map, Value, json};

use crate::refusal;

const GIB: u64 = 1 << 30;

/// A node.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names are Elasticsearch's")]
pub struct Node {
    pub id: String,
    pub name: String,
    pub roles: Vec<&'static str>,
    pub master: bool,
    pub heap_percent: u64,
    pub cpu_percent: u64,
    pub disk_total: u64,
    pub disk_free: u64,
    /// Of the pool `write`.
    pub rejected: u64,
    pub queue: u64,
    /// Of the breaker `parent`.
    pub breaker_percent: u64,
    pub tripped: u64,
}

/// A copy of a shard.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names are Elasticsearch's")]
pub struct Shard {
    pub number: u64,
    pub primary: bool,
    pub state: &'static str,
    pub node: Option<String>,
    pub docs: u64,
    pub bytes: u64,
    /// Why it is unassigned.
    pub reason: Option<&'static str>,
}

/// An index.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names are Elasticsearch's")]
pub struct Index {
    pub name: String,
    pub open: bool,
    pub created: f64,
    pub shards: Vec<Shard>,
    pub replicas: u64,
    pub mapping: Value,
    /// Flat.
    pub settings: Map<String, Value>,
    pub aliases: BTreeMap<String, Value>,
    /// What `_ilm/explain` tells; none if it is not managed.
    pub ilm: Option<Value>,
    pub docs: Vec<(String, Value)>,
}

/// A data stream: its name, its indices, its policy.
pub type Stream = (String, Vec<String>, &'static str);

/// `can_allocate`, and deciders with what they say.
pub type Explanation = (&'static str, Vec<(&'static str, &'static str)>);

/// A cluster.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names are Elasticsearch's")]
pub struct Cluster {
    pub now: f64,
    pub nodes: Vec<Node>,
    pub indices: Vec<Index>,
    /// Name, backing indices, policy.
    pub streams: Vec<Stream>,
    /// Flat.
    pub persistent: Map<String, Value>,
    pub pending_wait_ms: u64,
    pub slm: Value,
    pub tasks: Vec<Value>,
    /// By index: `can_allocate`, and deciders with what they say.
    pub explanations: BTreeMap<String, Explanation>,
    /// Parts of paths that are forbidden.
    pub denied: Vec<String>,
}

impl Node {
    /// A node that does well.
    pub fn new(name: &str, roles: &[&'static str]) -> Self {
        Self {
            id: format!("{name}-id"),
            name: name.to_owned(),
            roles: roles.to_vec(),
            master: name.ends_with('1'),
            heap_percent: 42,
            cpu_percent: 7,
            disk_total: 1000 * GIB,
            disk_free: 600 * GIB,
            rejected: 0,
            queue: 0,
            breaker_percent: 30,
            tripped: 0,
        }
    }
}

impl Shard {
    /// A copy that is started.
    pub fn on(number: u64, primary: bool, node: &str) -> Self {
        Self {
            number,
            primary,
            state: "STARTED",
            node: Some(node.to_owned()),
            docs: 0,
            bytes: 2_000_000,
            reason: None,
        }
    }

    /// A copy that is nowhere.
    pub fn lost(number: u64, primary: bool, reason: &'static str) -> Self {
        Self { state: "UNASSIGNED", node: None, reason: Some(reason), ..Self::on(number, primary, "") }
    }
}

impl Index {
    /// An open index with one shard and its replica.
    pub fn new(name: &str, created: f64, mapping: &Value) -> Self {
        Self {
            name: name.to_owned(),
            open: true,
            created,
            shards: vec![Shard::on(0, true, "es-data-1"), Shard::on(0, false, "es-data-2")],
            replicas: 1,
            mapping: mapping.clone(),
            settings: Map::from_iter([
                ("index.number_of_shards".to_owned(), "1".into()),
                ("index.number_of_replicas".to_owned(), "1".into()),
                ("index.provided_name".to_owned(), name.into()),
            ]),
            aliases: BTreeMap::new(),
            ilm: None,
            docs: Vec::new(),
        }
    }

    fn holding(mut self, docs: Vec<(String, Value)>) -> Self {
        self.shards
            .iter_mut()
            .filter(|shard| shard.state == "STARTED")
            .for_each(|shard| shard.docs = docs.len() as u64);
        self.docs = docs;
        self
    }

    /// `red` without a primary, `yellow` without a replica.
    pub fn health(&self) -> &'static str {
        let lost =
            |primary| self.shards.iter().any(|shard| shard.primary == primary && shard.state != "STARTED");
        match (lost(true), lost(false)) {
            (true, _) => "red",
            (_, true) => "yellow",
            _ => "green",
        }
    }
}

impl Cluster {
    /// Nothing is wrong with it.
    pub fn healthy(now: f64) -> Self {
        let logs = json!({ "properties": {
            "@timestamp": { "type": "date" },
            "message": { "type": "text", "fields": { "keyword": { "type": "keyword", "ignore_above": 256 } } },
            "log": { "properties": { "level": { "type": "keyword" }, "logger": { "type": "keyword" } } },
            "service": { "properties": { "name": { "type": "keyword" } } },
            "host": { "properties": { "name": { "type": "keyword" } } },
            "took": { "type": "long" },
        } });
        let orders = json!({ "properties": {
            "number": { "type": "keyword" },
            "amount": { "type": "double" },
            "took": { "type": "keyword" },
            "note": { "type": "text", "index": false },
            "created": { "type": "date" },
        } });
        let old = ".ds-logs-app-2026.01.30-000001";
        let new = ".ds-logs-app-2026.01.31-000002";
        let mut managed = Index::new(old, now - 172_800.0, &logs)
            .holding(vec![log(now, 0, 90_000.0, "info", "web", "started")]);
        managed.ilm = Some(json!({
            "index": old, "managed": true, "policy": "logs", "age": "2d", "phase": "hot", "action": "complete",
            "step": "complete", "lifecycle_date_millis": 1, "phase_time_millis": 1, "action_time_millis": 1, "step_time_millis": 1,
        }));
        let mut sales = Index::new("orders-2026", now - 864_000.0, &orders).holding(order_docs(now));
        sales.aliases.insert("orders".into(), json!({ "is_write_index": true }));
        let mut archive = Index::new("orders-2024", now - 8_640_000.0, &orders).holding(vec![]);
        archive.aliases.insert("orders".into(), json!({ "filter": { "term": { "number": "1" } } }));
        archive.open = false;
        Self {
            now,
            nodes: vec![
                Node::new("es-master-1", &["master", "remote_cluster_client"]),
                Node::new("es-data-1", &["data_content", "data_hot", "ingest"]),
                Node::new("es-data-2", &["data_content", "data_hot", "ingest"]),
            ]
            .into_iter()
            .map(|mut node| {
                node.master = node.name == "es-master-1";
                node
            })
            .collect(),
            indices: vec![
                managed,
                Index::new(new, now - 40_000.0, &logs).holding(log_docs(now)),
                sales,
                archive,
            ],
            streams: vec![("logs-app".to_owned(), vec![old.to_owned(), new.to_owned()], "logs")],
            persistent: Map::from_iter([
                ("cluster.max_shards_per_node".to_owned(), "1000".into()),
                ("xpack.notification.slack.account.ops.secret_token".to_owned(), "xoxb-1".into()),
            ]),
            pending_wait_ms: 0,
            slm: json!({ "nightly": {
                "version": 1, "modified_date_millis": 1, "next_execution_millis": ms(now + 3600.0),
                "policy": { "name": "<nightly-{now/d}>", "repository": "s3", "schedule": "0 30 1 * * ?", "config": {} },
                "last_success": { "snapshot_name": "nightly-2", "time": ms(now - 7200.0) },
                "stats": { "policy": "nightly", "snapshots_taken": 9, "snapshots_failed": 0, "snapshots_deleted": 0, "snapshot_deletion_failures": 0 },
            } }),
            tasks: vec![
                task(1, "indices:data/read/search", 95.0, now),
                task(2, "cluster:monitor/tasks/lists", 0.002, now),
            ],
            explanations: BTreeMap::new(),
            denied: Vec::new(),
        }
    }

    /// A replica has no place, a primary is lost, a disk is above the high watermark, a lifecycle is stuck.
    pub fn troubled(now: f64) -> Self {
        let mut cluster = Self::healthy(now);
        let payments = json!({ "properties": { "id": { "type": "keyword" } } });
        let mut lost = Index::new("payments", now - 5000.0, &payments);
        lost.shards = vec![Shard::lost(0, true, "NODE_LEFT"), Shard::lost(0, false, "NODE_LEFT")];
        cluster.indices.push(lost);
        cluster.index("orders-2026").shards[1] = Shard::lost(0, false, "CLUSTER_RECOVERED");
        cluster.nodes[1].disk_free = 80 * GIB;
        cluster.nodes[2].rejected = 12;
        let stuck = ".ds-logs-app-2026.01.30-000001";
        cluster.index(stuck).ilm = Some(json!({
            "index": stuck, "managed": true, "policy": "logs", "age": "2d", "phase": "hot", "action": "rollover", "step": "ERROR",
            "failed_step": "check-rollover-ready", "failed_step_retry_count": 7, "is_auto_retryable_error": true,
            "step_info": { "type": "illegal_argument_exception", "reason": "index.lifecycle.rollover_alias [logs] does not point to index" },
            "lifecycle_date_millis": 1, "phase_time_millis": 1, "action_time_millis": 1, "step_time_millis": 1,
        }));
        cluster.explanations = BTreeMap::from([
            ("payments".to_owned(), ("no_valid_shard_copy", vec![])),
            (
                "orders-2026".to_owned(),
                (
                    "no",
                    vec![
                        (
                            "disk_threshold",
                            "the node is above the low watermark cluster setting [cluster.routing.allocation.disk.watermark.low=85%]",
                        ),
                        ("same_shard", "a copy of this shard is already allocated to this node"),
                    ],
                ),
            ),
        ]);
        cluster
    }

    /// The index of that name.
    pub fn index(&mut self, name: &str) -> &mut Index {
        self.indices.iter_mut().find(|index| index.name == name).expect("there is such an index")
    }

    /// The indices a name or pattern stands for, or the refusal.
    pub(crate) fn resolve(&self, patterns: &str) -> Result<Vec<&Index>, Reply> {
        self.resolve_with(patterns, false)
    }

    /// The same, where patterns may find what is hidden.
    pub(crate) fn resolve_with(&self, patterns: &str, all: bool) -> Result<Vec<&Index>, Reply> {
        let mut found: Vec<&Index> = Vec::new();
        for pattern in patterns.split(',') {
            let (not, pattern) = pattern.strip_prefix('-').map_or((false, pattern), |rest| (true, rest));
            let named: Vec<&Index> =
                self.indices.iter().filter(|index| self.stands_for(pattern, index, all)).collect();
            if named.is_empty() && !pattern.contains('*') && pattern != "_all" {
                let more = json!({ "resource.type": "index_or_alias", "resource.id": pattern, "index_uuid": "_na_", "index": pattern });
                return Err(refusal(
                    404,
                    "index_not_found_exception",
                    &format!("no such index [{pattern}]"),
                    more,
                ));
            }
            match not {
                true => found.retain(|index| !named.iter().any(|one| one.name == index.name)),
                false => found.extend(named),
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.dedup_by(|a, b| a.name == b.name);
        Ok(found)
    }

    fn stands_for(&self, pattern: &str, index: &Index, all: bool) -> bool {
        let hidden = index.name.starts_with('.');
        let by_stream = self
            .streams
            .iter()
            .any(|(name, backing, _)| glob(pattern, name) && backing.contains(&index.name));
        let by_alias = index.aliases.keys().any(|alias| glob(pattern, alias));
        pattern == "_all"
            || by_stream
            || by_alias
            || (glob(pattern, &index.name) && (!hidden || all || pattern.starts_with('.')))
    }

    /// The worst of its indices.
    pub(crate) fn status(&self) -> &'static str {
        let all: Vec<&str> = self.indices.iter().filter(|index| index.open).map(Index::health).collect();
        ["red", "yellow"].into_iter().find(|color| all.contains(color)).unwrap_or("green")
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = (&Index, &Shard)> {
        self.indices
            .iter()
            .filter(|index| index.open)
            .flat_map(|index| index.shards.iter().map(move |shard| (index, shard)))
    }
}

/// `*` is anything.
pub(crate) fn glob(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|tail| {
            (0..=tail.len()).filter_map(|at| tail.get(at..)).any(|tail| glob(rest, tail))
        }),
    }
}

pub(crate) fn ms(at: f64) -> i64 {
    (at * 1000.0).round() as i64
}

fn log(now: f64, id: usize, ago: f64, level: &str, service: &str, message: &str) -> (String, Value) {
    let doc = json!({
        "@timestamp": rfc3339(now - ago), "message": message, "log": { "level": level, "logger": "main" },
        "service": { "name": service }, "host": { "name": format!("host-{}", id % 2) }, "took": id * 10,
    });
    (format!("log-{id}"), doc)
}

/// In the last quarter of an hour 12 errors of checkout, in the one before 2 of web; and infos each minute.
fn log_docs(now: f64) -> Vec<(String, Value)> {
    let mut docs = Vec::new();
    for minute in 0..30 {
        docs.push(log(now, docs.len() + 1, f64::from(minute) * 60.0 + 30.0, "info", "web", "GET /cart 200"));
    }
    for error in 0..12 {
        let message = format!(
            "payment of order {error} timed out: {}",
            "at pay.Client.send ".repeat(if error == 0 { 100 } else { 1 })
        );
        docs.push(log(now, docs.len() + 1, f64::from(error) * 60.0 + 10.0, "error", "checkout", &message));
    }
    for error in 0..2 {
        docs.push(log(now, docs.len() + 1, 1000.0 + f64::from(error), "error", "web", "upstream reset"));
    }
    docs
}

fn order_docs(now: f64) -> Vec<(String, Value)> {
    // Three of each have the same time, so that pages meet equal sort values.
    let doc = |at: u32| {
        let created = rfc3339(now - 1000.0 + f64::from(at / 3));
        (
            at.to_string(),
            json!({ "number": format!("n{at}"), "amount": f64::from(at) * 1.5, "created": created }),
        )
    };
    (0..10).map(doc).collect()
}

fn task(id: u64, action: &str, seconds: f64, now: f64) -> Value {
    json!({
        "node": "es-data-1-id", "id": id, "type": "transport", "action": action, "description": "indices[logs-app], search_type[QUERY_THEN_FETCH]",
        "start_time_in_millis": ms(now - seconds), "running_time_in_nanos": (seconds * 1e9) as u64, "cancellable": true,
        "cancelled": false, "headers": { "X-Opaque-Id": "kibana" },
    })
}
