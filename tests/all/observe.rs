//! What an operator sees: a real Prometheus scrapes the metrics and answers what the dashboard and the alert
//! rules ask; a service whose upstream dies is degraded, alone, and back soon after it returns.

use std::{
    collections::BTreeSet,
    fs,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use bulkhead::{
    app,
    ask::Accepts,
    call::Host,
    config::{load, telemetry},
    health::{Health, Prober},
    metrics::{Metrics, OPEN_METRICS, Upstream as Answer},
    operation::Operation,
    request::{CallId, CallRequest, Credentials, Events, Scope, Via},
    sandbox::RUNTIME,
};
use http_body_util::Full;
use hyper::{Request, Response};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    prometheus::process::Process,
    support::{Client, RawUpstream, Upstream, root, services},
};

/// How long anything may take that should take seconds.
const PATIENCE: Duration = Duration::from_secs(60);

async fn host(config: &str) -> Arc<Host> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bulkhead.yaml");
    fs::write(&file, config).unwrap();
    Arc::new(app::build(load::file(&file).unwrap()).await.unwrap())
}

async fn utilities() -> Arc<Host> {
    host("tenants: { test: { services: { utilities: {} } } }").await
}

fn metrics() -> Arc<Metrics> {
    Metrics::new(&telemetry::Metrics::default(), RUNTIME)
}

fn deployed(file: &str) -> String {
    fs::read_to_string(root().join("deploy").join(file)).unwrap()
}

/// Every expression of the dashboard and the alert rules, with its variables filled in.
fn expressions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&deployed("grafana/bulkhead.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let fill = |text: &str| {
        let text = text.replace("$job", "bulkhead").replace("$__rate_interval", "1m");
        text.replace("$service", ".*").replace("$tenant", ".*")
    };
    let mut found: Vec<String> = targets.map(|target| fill(target["expr"].as_str().unwrap())).collect();
    let rules: Value = serde_saphyr::from_str(&deployed("prometheus/alerts.yaml")).unwrap();
    let rules = rules["groups"][0]["rules"].as_array().unwrap().iter();
    found.extend(rules.map(|rule| rule["expr"].as_str().unwrap().to_owned()));
    assert!(found.len() > 50, "{}", found.len());
    found
}

/// The names under which Prometheus knows what the host exposes.
fn exposed(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let names = types.flat_map(|(name, kind)| {
        let endings: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "info" => &["_info"],
            _ => &[""],
        };
        endings.iter().map(move |ending| format!("{name}{ending}"))
    });
    names.collect()
}

#[tokio::test]
async fn the_dashboard_and_the_rules_ask_for_what_there_is() {
    let metrics = metrics();
    let meters = metrics.service("test", "utilities", ["now"]);
    meters.call(0, "ok", Duration::ZERO);
    meters.upstream(Answer::Failed, Duration::ZERO);
    let exposed = exposed(&metrics.text(&utilities().await));
    for expression in expressions() {
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        for name in words.filter(|word| word.starts_with("bulkhead_") || word.starts_with("process_")) {
            assert!(exposed.contains(name), "{name} in {expression}");
        }
    }
}

#[test]
fn the_alert_rules_are_sound_and_fire_when_they_should() {
    for args in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]] {
        let dir = root().join("deploy/prometheus");
        let said = Command::new("promtool").args(args).current_dir(dir).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&[said.stdout, said.stderr].concat()));
    }
}

/// A host whose metrics a real Prometheus scrapes.
struct Scraped {
    url: String,
    _process: Process,
    _exposition: Upstream,
    _dir: tempfile::TempDir,
}

impl Scraped {
    async fn start(metrics: Arc<Metrics>, host: Arc<Host>) -> Self {
        let exposition = Upstream::start(move |_| {
            let response = Response::builder().header("content-type", OPEN_METRICS);
            response.body(Full::from(metrics.text(&host))).unwrap()
        })
        .await;
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs: [{{ job_name: bulkhead, static_configs: [{{ targets: ['{}'] }}] }}]",
            exposition.address
        );
        fs::write(dir.path().join("prometheus.yml"), config).unwrap();
        let args = ["--config.file=prometheus.yml", "--storage.tsdb.path=data"];
        let process = Process::start("prometheus", &args, dir.path());
        let url = format!("http://{}", process.address);
        Self { url, _process: process, _exposition: exposition, _dir: dir }
    }

    /// The answer to a query, an error too.
    async fn ask(&self, query: &str) -> Value {
        let mut url = url::Url::parse(&format!("{}/api/v1/query", self.url)).unwrap();
        url.query_pairs_mut().append_pair("query", query);
        let request = Request::get(url.as_str()).body(String::new()).unwrap();
        let response = Client::new(&self.url).send(request).await;
        serde_json::from_slice(response.body()).unwrap_or_default()
    }

    /// Waits until a query has this one value.
    async fn says(&self, query: &str, value: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(query).await;
            if answer["data"]["result"][0]["value"][1] == value {
                return;
            }
            assert!(Instant::now() < until, "{query}: {answer}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_scrapes_and_answers() {
    let (metrics, host) = (metrics(), utilities().await);
    let meters = metrics.service("test", "utilities", ["now", "uuid"]);
    for outcome in ["ok", "ok", "ok", "trapped"] {
        meters.call(1, outcome, Duration::from_millis(3));
    }
    meters.upstream(Answer::Answered(503), Duration::from_millis(10));
    metrics.limit_hit("limits.memory", "call");
    metrics.denied("expired");
    metrics.loaded(Some(Duration::from_millis(80)));
    let _running = meters.start();
    let prometheus = Scraped::start(metrics, host).await;
    for (query, value) in [
        ("up", "1"),
        (r#"bulkhead_calls_total{tenant="test",service="utilities",tool="uuid",outcome="ok"}"#, "3"),
        (r#"bulkhead_call_errors_total{reason="trapped"}"#, "1"),
        ("bulkhead_calls_running", "1"),
        (r#"bulkhead_call_duration_seconds_bucket{le="0.005"}"#, "4"),
        ("bulkhead_call_duration_seconds_sum", "0.012"),
        (r#"bulkhead_upstream_requests_total{class="5xx"}"#, "1"),
        (r#"bulkhead_limits_hit_total{limit="memory",scope="call"}"#, "1"),
        (r#"bulkhead_denials_total{kind="expired"}"#, "1"),
        ("bulkhead_compile_duration_seconds_count", "1"),
        (r#"bulkhead_service_up{service="utilities"}"#, "1"),
        (r#"bulkhead_services{state="serving"}"#, "1"),
        ("bulkhead_guests_running", "0"),
        (&format!(r#"bulkhead_build_info{{{}="{}"}}"#, RUNTIME.0, RUNTIME.1), "1"),
        ("process_resident_memory_bytes > bool 1e6", "1"),
    ] {
        prometheus.says(query, value).await;
    }
    for expression in expressions() {
        let answer = prometheus.ask(&expression).await;
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
    }
}

/// An upstream that the Prometheus component finds well.
async fn upstream(listener: TcpListener) -> Upstream {
    Upstream::serve(listener, None, |_| {
        let info = json!({ "status": "success", "data": { "version": "2.42.0", "resultType": "scalar", "result": [0, "1"] } });
        let response = Response::builder().header("content-type", "application/json");
        let response = response.header("connection", "close"); // so that it is gone when its listener is
        response.body(Full::from(info.to_string())).unwrap()
    })
}

fn state<'a>(health: &'a Health, service: &str) -> &'a str {
    health.services.iter().find(|s| s.name == service).unwrap().state
}

/// Waits until a service is in a state; how long that took.
async fn becomes(host: &Host, service: &str, wanted: &str) -> Duration {
    let started = Instant::now();
    loop {
        let health = Health::of(host);
        assert_eq!(state(&health, "well"), "serving", "{health:?}");
        if state(&health, service) == wanted {
            return started.elapsed();
        }
        assert!(started.elapsed() < PATIENCE, "{health:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn query(host: &Host, service: &str) -> bool {
    let arguments: Map<String, Value> = [("query".to_owned(), json!("1"))].into_iter().collect();
    let request = CallRequest {
        id: CallId::new(),
        credentials: Credentials::Local,
        scope: Scope::all(),
        operation: Operation::CallTool { name: format!("{service}_query"), arguments },
        answers: None,
        accepts: Accepts::default(),
        traceparent: None,
        via: Via::default(),
        events: Events::default(),
        cancelled: CancellationToken::new(),
    };
    host.call(request).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_upstream_degrades_its_service_only_and_it_is_back_within_five_seconds() {
    let free = || async { TcpListener::bind("127.0.0.1:0").await.unwrap() };
    let well = upstream(free().await).await;
    let listener = free().await;
    let address = listener.local_addr().unwrap();
    let ill = upstream(listener).await;
    let config = |url: &str| format!("config: {{ url: '{url}' }}");
    let (first, second) = (config(&well.url()), config(&ill.url()));
    let host = host(&services("prometheus", &[("well", &first), ("ill", &second)])).await;
    assert!(query(&host, "well").await && query(&host, "ill").await);
    let measured = host.metrics().text(&host);
    for line in [
        r#"bulkhead_upstream_requests_total{service="well",class="2xx"} 1"#,
        r#"bulkhead_upstream_request_duration_seconds_count{service="well"} 1"#,
        "bulkhead_guest_memory_bytes_count 2",
        "bulkhead_guests_running 0",
    ] {
        assert!(measured.lines().any(|found| found == line), "{line} is not in\n{measured}");
    }
    // One component, though two services are of it.
    let loaded = measured.lines().filter_map(|line| line.strip_prefix("bulkhead_components_loaded_total{"));
    let loaded: u64 = loaded.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(loaded, 1, "{measured}");
    let cpu = measured.lines().find_map(|line| {
        line.strip_prefix(r#"bulkhead_guest_cpu_seconds_total{service="well"} "#)?.parse::<f64>().ok()
    });
    assert!(cpu.is_some_and(|cpu| cpu > 0.0 && cpu < 5.0), "{cpu:?}");
    let _prober = Prober::of(&host);
    let mut ill = Some(ill);
    // It is still down when the circuit breaker has opened, and rests for longer each time.
    for _ in 0..2 {
        drop(ill.take());
        while state(&Health::of(&host), "ill") == "serving" {
            let _ = query(&host, "ill").await;
        }
        becomes(&host, "ill", "degraded").await;
        assert!(Health::of(&host).is_ready());
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(query(&host, "well").await);
        ill = Some(upstream(TcpListener::bind(address).await.unwrap()).await);
        let took = becomes(&host, "ill", "serving").await;
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert!(query(&host, "ill").await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_that_hang_take_no_place_of_a_call() {
    let well = upstream(TcpListener::bind("127.0.0.1:0").await.unwrap()).await;
    let hung = RawUpstream::start(|_, stream| async move {
        let _open = stream;
        std::future::pending().await
    })
    .await;
    let config = |url: String| format!("config: {{ url: '{url}' }}");
    let (first, other) = (config(well.url()), config(hung.url()));
    let names: Vec<String> = (0..10).map(|n| format!("hung{n}")).collect();
    let mut all = vec![("well", first.as_str())];
    all.extend(names.iter().map(|name| (name.as_str(), other.as_str())));
    let config = format!("server: {{ concurrent_calls: 1 }}\n{}", services("prometheus", &all));
    let host = host(&config).await;
    assert_eq!(host.sandbox().places(), 1);
    for service in host.catalog().all().filter(|service| *service.name != *"well") {
        service.compartment.pulse.touch();
    }
    let _prober = Prober::of(&host);
    let started = Instant::now();
    while host.sandbox().running() < 8 {
        assert!(started.elapsed() < PATIENCE, "{}", host.sandbox().running());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..20 {
        assert!(query(&host, "well").await);
    }
    assert!(host.sandbox().running() <= 8);
}
