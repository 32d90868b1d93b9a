//! A Prometheus that scrapes itself and a node exporter, a Bulkhead in front of it, and both sides of a question.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use hyper::{Request, Response, body::Bytes};
use serde_json::{Value, json};

use super::process::Process;
use crate::support::{Client, Server, one_service};

/// How long data may take to be there; scraping is once a second.
const PATIENCE: Duration = Duration::from_secs(90);

/// One job that is up by file discovery, because its port is known only once it runs, one that is always down, one
/// that is dropped; rules of both kinds, and an alert with four instances.
const CONFIG: &str = r#"
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [rules.yml]
scrape_configs:
  - job_name: prometheus
    metrics_path: /prom/metrics
    file_sd_configs: [{ files: [self.json], refresh_interval: 1s }]
  - job_name: node
    static_configs: [{ targets: ["NODE"] }]
  - job_name: broken
    static_configs: [{ targets: ["127.0.0.1:1"] }]
  - job_name: dropped
    static_configs: [{ targets: ["127.0.0.1:2"] }]
    relabel_configs: [{ action: drop, source_labels: [job], regex: dropped }]
"#;

const RULES: &str = r#"
groups:
  - name: bulkhead
    rules:
      - { record: "job:up:sum", expr: "sum by (job) (up)" }
      - alert: AlwaysFiring
        expr: vector(1)
        labels: { severity: info }
        annotations: { summary: always fires }
      - alert: Seen # four at once
        expr: prometheus_engine_query_duration_seconds_count >= bool 0
        labels: { severity: none }
        annotations: { description: "{{ $labels.slice }} was seen" }
  - name: slow
    rules:
      - { alert: NotYet, expr: vector(2), for: 1d }
"#;

/// A real Prometheus in a folder of its own.
pub(super) struct Prometheus {
    /// `http://127.0.0.1:PORT`
    pub(super) url: String,
    /// The path before `/api/v1`, or nothing.
    prefix: &'static str,
    _process: Process,
    dir: tempfile::TempDir,
}

impl Prometheus {
    /// One that scrapes nothing.
    pub(super) async fn bare(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("prometheus.yml"), "global: {}\n").unwrap();
        Self::start(dir, "", args).await
    }

    async fn start(dir: tempfile::TempDir, prefix: &'static str, args: &[&str]) -> Self {
        let usual = ["--config.file=prometheus.yml", "--storage.tsdb.path=data"];
        let process = Process::start("prometheus", &[&usual, args].concat(), dir.path());
        let started = Self { url: format!("http://{}", process.address), prefix, _process: process, dir };
        let end = Instant::now() + PATIENCE;
        while started.get("/-/ready", &[]).await.status() != 200 {
            assert!(Instant::now() < end, "Prometheus is never ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        started
    }

    /// What a service is configured with.
    pub(super) fn base(&self) -> String {
        format!("{}{}", self.url, self.prefix)
    }

    /// Where its snapshots are.
    pub(super) fn snapshots(&self) -> PathBuf {
        self.dir.path().join("data/snapshots")
    }

    /// A Bulkhead with this Prometheus as its one service; `rest` are further lines of the service.
    pub(super) fn service(&self, rest: &str) -> Server {
        Server::start(&self.config(rest))
    }

    fn config(&self, rest: &str) -> String {
        one_service("prometheus", &format!("config: {{ url: '{}' }}, {rest}", self.base()))
    }

    async fn get(&self, path: &str, params: &[(&str, &str)]) -> Response<Bytes> {
        let mut url = url::Url::parse(&format!("{}{path}", self.base())).unwrap();
        url.query_pairs_mut().extend_pairs(params);
        Client::new(&self.url).send(Request::get(url.as_str()).body(String::new()).unwrap()).await
    }

    /// The whole answer of `/api/v1/{path}`, an error too.
    async fn answer(&self, path: &str, params: &[(&str, &str)]) -> Value {
        let response = self.get(&format!("/api/v1/{path}"), params).await;
        serde_json::from_slice(response.body()).unwrap_or_else(|e| panic!("{path}: {e}: {response:?}"))
    }
}

/// A Prometheus with data, and a Bulkhead in front of it.
pub(super) struct Live {
    pub(super) prometheus: Prometheus,
    pub(super) client: Client,
    /// The configuration of the Bulkhead.
    pub(super) config: String,
    /// A moment, in unix seconds, that has all its data and gets no more.
    pub(super) at: i64,
    /// What each tool promises of its results.
    schemas: BTreeMap<String, jsonschema::Validator>,
    _server: Server,
    _node: Process,
}

impl Live {
    pub(super) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        let collectors = ["--collector.disable-defaults", "--collector.cpu", "--collector.loadavg"];
        let node = Process::start("prometheus-node-exporter", &collectors, dir.path());
        write("prometheus.yml", &CONFIG.replace("NODE", &node.address.to_string()));
        write("rules.yml", RULES);
        let path = dir.path().to_owned();
        let args = ["--web.route-prefix=/prom/", "--web.enable-admin-api"];
        let prometheus = Prometheus::start(dir, "/prom", &args).await;
        let own = json!([{ "targets": [prometheus.url.trim_start_matches("http://")] }]);
        fs::write(path.join("self.new"), own.to_string()).unwrap();
        fs::rename(path.join("self.new"), path.join("self.json")).unwrap();

        let config = prometheus.config("");
        let server = Server::start(&config);
        let client = server.client();
        let schemas = schemas(&client).await;
        let mut live = Self { client, config, prometheus, at: 0, schemas, _server: server, _node: node };
        let end = Instant::now() + PATIENCE;
        while !live.has_data().await {
            assert!(Instant::now() < end, "Prometheus never had data of every kind");
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            // A scrape takes at most a second, so two seconds ago nothing is added any more.
            live.at = i64::try_from(now).unwrap() - 2;
        }
        live
    }

    async fn has_data(&self) -> bool {
        let number = async |query: &str| {
            let data = self.data("query", &[("query", query), ("time", &self.at.to_string())]).await;
            data["result"][0]["value"][1].as_str().map_or(0, |number| number.parse().unwrap())
        };
        let alerts = self.data("alerts", &[]).await["alerts"].as_array().map_or(0, Vec::len);
        let metadata = self.data("targets/metadata", &[("metric", "go_goroutines")]).await;
        number("sum(up)").await == 2
            && number("count(up)").await == 3
            && number("count(job:up:sum)").await == 3
            && number("min(count_over_time(up[10s]))").await >= 5
            && alerts == 6
            && metadata.as_array().map_or(0, Vec::len) == 2
    }

    /// `data` of Prometheus's own answer.
    pub(super) async fn data(&self, path: &str, params: &[(&str, &str)]) -> Value {
        let mut answer = self.prometheus.answer(path, params).await;
        assert!(answer["status"] == "success" || answer["errorType"] == "not_found", "{path}: {answer}");
        let mut data = answer["data"].take();
        if let Some(object) = data.as_object_mut() {
            object.remove("goroutineCount"); // asking changes it
        }
        data
    }

    /// Prometheus's own words for an error.
    pub(super) async fn error(&self, path: &str, params: &[(&str, &str)]) -> String {
        let answer = self.prometheus.answer(path, params).await;
        format!("{}: {}", answer["errorType"].as_str().unwrap(), answer["error"].as_str().unwrap())
    }

    /// What a tool answers, which is what its output schema promises.
    pub(super) async fn ok(&self, tool: &str, arguments: Value) -> Value {
        let name = format!("prometheus_{tool}");
        let result = self.client.ok(&name, arguments).await;
        let faults: Vec<String> =
            self.schemas[&name].iter_errors(&result).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, [""; 0], "{name}: {result}");
        result
    }

    /// Why a tool refuses.
    pub(super) async fn refused(&self, tool: &str, arguments: Value) -> (String, String) {
        self.client.refused(&format!("prometheus_{tool}"), arguments).await
    }

    /// What a tool answers, and what Prometheus answered both before and after: scraping goes on, so this asks until
    /// nothing happened in between.
    pub(super) async fn both(
        &self,
        tool: &str,
        arguments: Value,
        path: &str,
        params: &[(&str, &str)],
    ) -> (Value, Value) {
        let (ours, [raw]) = self.each(tool, arguments, [(path, params)]).await;
        (ours, raw)
    }

    /// The same for a tool that asks for several things.
    pub(super) async fn each<const N: usize>(
        &self,
        tool: &str,
        arguments: Value,
        asks: [(&str, &[(&str, &str)]); N],
    ) -> (Value, [Value; N]) {
        let all = async || {
            let answers = asks.map(|(path, params)| self.data(path, params));
            let answers: [Value; N] = futures::future::join_all(answers).await.try_into().unwrap();
            answers
        };
        let until = Instant::now() + PATIENCE;
        loop {
            let before = all().await;
            let ours = self.ok(tool, arguments.clone()).await;
            if before.each_ref().map(unordered) == all().await.each_ref().map(unordered) {
                return (ours, before);
            }
            assert!(Instant::now() < until, "{asks:?} never stand still");
        }
    }

    /// Every item of a list, got page by page.
    pub(super) async fn pages(&self, tool: &str, arguments: Value, limit: usize, items: &str) -> Vec<Value> {
        let (mut all, mut arguments) = (Vec::new(), arguments);
        arguments["limit"] = json!(limit);
        loop {
            let mut page = self.ok(tool, arguments.clone()).await;
            let Value::Array(shown) = page[items].take() else { panic!("{tool}: no {items} in {page}") };
            assert_eq!(page["shown"], json!(shown.len()), "{tool}");
            all.extend(shown);
            match page["next_cursor"].take() {
                Value::Null => {
                    assert_eq!(page["total"], json!(all.len()), "{tool}: the pages have everything once");
                    return all;
                }
                cursor => {
                    assert_eq!(page["shown"], json!(limit), "{tool}: a page that is not the last is full");
                    arguments["cursor"] = cursor;
                }
            }
        }
    }
}

/// The output schema of every tool there is.
async fn schemas(client: &Client) -> BTreeMap<String, jsonschema::Validator> {
    let listed = client.rpc("tools/list", json!({})).await;
    let schema = |tool: &Value| {
        let (name, schema) = (tool["name"].as_str().unwrap(), &tool["outputSchema"]);
        assert!(schema.is_object(), "{name} has no output schema");
        (name.to_owned(), jsonschema::draft202012::new(schema).unwrap())
    };
    list(&listed["result"]["tools"]).iter().map(schema).collect()
}

/// The same items in whatever order, as a set of texts.
pub(super) fn set<'a>(items: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
    items.into_iter().map(Value::to_string).collect()
}

/// The items of an array.
#[track_caller]
pub(super) fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value}"))
}

/// Prometheus has much of what it lists in the order of a hash table.
fn unordered(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(unordered).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), unordered(value))).collect(),
        _ => value.clone(),
    }
}

/// A number that Prometheus wrote as a string.
pub(super) fn number(text: &Value) -> f64 {
    text.as_str().unwrap().parse().unwrap()
}

/// A number as tools give it: three words for what JSON has no number for.
#[track_caller]
pub(super) fn given(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| value.as_str().unwrap_or_else(|| panic!("no number: {value}")).parse().unwrap())
}

/// Equal but for the last bit, which reading JSON may cost.
pub(super) fn close(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}

/// Unix seconds as tools write them.
pub(super) fn rfc3339(seconds: i64) -> String {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap());
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

/// In descending order, equals allowed.
pub(super) fn descends(values: &[f64]) -> bool {
    values.is_sorted_by(|a, b| a.total_cmp(b) != Ordering::Less)
}

/// Equal, but for the last bit of numbers.
#[track_caller]
pub(super) fn agree(what: &str, ours: &Value, theirs: &Value) {
    assert!(same(ours, theirs), "{what}: {ours} is not {theirs}");
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| close(a, b)),
        _ => a == b,
    }
}
