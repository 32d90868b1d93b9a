//! The host's own numbers, in the OpenMetrics text format.
//!
//! Recording is an atomic add: a service gets its [`ServiceMeters`] when it is loaded and keeps them, and what
//! the host counts as a whole has a fixed list of words. Labels are names from the config and the host's own
//! words, never anything a client or a guest said, and their number is bounded (see `labels`).

mod family;
mod histogram;
mod labels;
mod process;
pub mod service;
pub mod state;
mod words;

use std::{
    fmt::Write,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use prometheus_client::{
    encoding::text::{encode_eof, encode_registry},
    metrics::{counter::Counter, gauge::Gauge, info::Info},
    registry::Registry,
};

pub use service::{Running, ServiceMeters, Upstream};
pub use words::OUTCOMES;

use crate::{auth::Reason, call::Host, config::telemetry, live::reload::LastReload};
use family::{Calls, PerService, PerUpstream};
use histogram::{Histogram, LONG, SECONDS, SIZES};
use labels::Names;
use words::{LIMITS, SCOPES, Words};

/// The content type of [`Metrics::text`].
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything the host counts and measures.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    names: Names,
    calls: Calls,
    running: PerService<Gauge>,
    seconds: PerService<Histogram>,
    cpu: PerService<Seconds>,
    upstream: PerUpstream,
    upstream_seconds: PerService<Histogram>,
    memory: Histogram,
    compile: Histogram,
    compiled_from: Words,
    errors: Words,
    denials: Words,
    limits: Words,
    cache: Words,
    cache_entries: Gauge,
    cache_bytes: Gauge,
    sessions: Gauge,
    streams: Gauge,
    spans: Words,
    reloads: Words,
    reload_well: Gauge,
    reload_time: Gauge,
}

/// Seconds that add up.
type Seconds = Counter<f64, std::sync::atomic::AtomicU64>;

impl Metrics {
    /// Nothing counted yet. `runtime` is what guests run on and its version ([`crate::sandbox::RUNTIME`]).
    #[must_use]
    pub fn new(config: &telemetry::Metrics, runtime: (&'static str, &'static str)) -> Arc<Self> {
        let mut registry = Registry::default();
        let r = &mut registry;
        let build =
            Info::new([("version", env!("CARGO_PKG_VERSION")), ("rustc", env!("RUSTC_VERSION")), runtime]);
        r.register("bulkhead_build", "What this host is", build);
        let calls = Calls::default();
        r.register("bulkhead_calls", "Calls, by tool and by what became of them", calls.clone());
        let metrics = Self {
            names: Names::new(*config),
            running: family::per_service(r, "bulkhead_calls_running", "Calls under way"),
            seconds: family::timed(r, "bulkhead_call_duration_seconds", "From a call's arrival to its end"),
            cpu: family::per_service(r, "bulkhead_guest_cpu_seconds", "Processor time of guests"),
            upstream: family::per_upstream(r),
            upstream_seconds: family::timed(
                r,
                "bulkhead_upstream_request_duration_seconds",
                "From a guest's request to the headers of its response, further attempts included",
            ),
            memory: Histogram::new(&SIZES, 1.0),
            compile: Histogram::new(&LONG, 1e9),
            compiled_from: Words::new(
                r,
                "bulkhead_components_loaded",
                "Components loaded, by where their code came from",
                [("from", &["cache", "compiler"])],
            ),
            errors: Words::new(
                r,
                "bulkhead_call_errors",
                "Calls that failed, those included that never reached a service",
                [("reason", &OUTCOMES[1..])],
            ),
            denials: Words::new(
                r,
                "bulkhead_denials",
                "Requests refused for who asks, by why",
                [("kind", Reason::LABELS)],
            ),
            limits: Words::new(
                r,
                "bulkhead_limits_hit",
                "How often a limit ended or refused something",
                [("limit", &LIMITS), ("scope", &SCOPES)],
            ),
            cache: Words::new(
                r,
                "bulkhead_cache_lookups",
                "Look-ups in the cache of results",
                [("result", &["hit", "miss"])],
            ),
            cache_entries: Gauge::default(),
            cache_bytes: Gauge::default(),
            sessions: Gauge::default(),
            streams: Gauge::default(),
            spans: Words::new(
                r,
                "bulkhead_trace_spans",
                "Spans of traces, by what became of them",
                [("outcome", &["sent", "dropped", "failed"])],
            ),
            reloads: Words::new(
                r,
                "bulkhead_config_reloads",
                "Reloads of the configuration: all of it is in force, some services are as before, or nothing changed",
                [("outcome", &["applied", "partial", "failed"])],
            ),
            reload_well: Gauge::default(),
            reload_time: Gauge::default(),
            calls,
            registry: Registry::default(),
        };
        r.register("bulkhead_guest_memory_bytes", "Memory a guest had at its end", metrics.memory.clone());
        r.register("bulkhead_compile_duration_seconds", "Compiling a component", metrics.compile.clone());
        r.register("bulkhead_cache_entries", "Results in the cache", metrics.cache_entries.clone());
        r.register("bulkhead_cache_bytes", "Size of the results in the cache", metrics.cache_bytes.clone());
        r.register("bulkhead_sessions", "Sessions of clients", metrics.sessions.clone());
        r.register("bulkhead_streams", "Streams on which clients listen", metrics.streams.clone());
        metrics.reload_well.set(1); // as it was started with
        metrics.reload_time.set(seconds(SystemTime::now()));
        r.register(
            "bulkhead_config_last_reload_successful",
            "Whether all that is written in the configuration is in force",
            metrics.reload_well.clone(),
        );
        r.register(
            "bulkhead_config_last_reload_success_timestamp_seconds",
            "When all that was written in the configuration last came into force",
            metrics.reload_time.clone(),
        );
        r.register_collector(Box::new(process::Process::new()));
        Arc::new(Self { registry, ..metrics })
    }

    /// The meters of a service, to be kept for as long as it is served: resolving them is not for every call.
    /// `tools` are the names its meters are told apart by; [`ServiceMeters::call`] takes an index into them.
    #[must_use]
    pub fn service(
        &self,
        tenant: &str,
        service: &str,
        tools: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Arc<ServiceMeters> {
        ServiceMeters::new(self, tenant, service, tools).into()
    }

    /// A call failed. `reason` is [`CallError::reason`](crate::error::CallError::reason).
    pub fn error(&self, reason: &str) {
        self.errors.count([reason]);
    }

    /// A request was refused for who asks: `kind` is one of the words for why credentials do not hold, or
    /// `forbidden` when they do and the caller may not.
    pub fn denied(&self, kind: &str) {
        self.denials.count([kind]);
    }

    /// A limit ended or refused something. `limit` is its key in the config without `limits.`, `scope` whose it
    /// is: `call`, `service`, `tenant`, `caller`, or `host`.
    pub fn limit_hit(&self, limit: &str, scope: &str) {
        self.limits.count([limit.strip_prefix("limits.").unwrap_or(limit), scope]);
    }

    /// A component was loaded: compiled in this time, or taken from the compile cache.
    pub fn loaded(&self, compiled: Option<Duration>) {
        self.compiled_from.count([if compiled.is_some() { "compiler" } else { "cache" }]);
        if let Some(took) = compiled {
            self.compile.time(took);
        }
    }

    /// A result was looked for in the cache.
    pub fn cache_lookup(&self, hit: bool) {
        self.cache.count([if hit { "hit" } else { "miss" }]);
    }

    /// How full the cache of results is.
    pub fn cache_size(&self, entries: usize, bytes: u64) {
        self.cache_entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
        self.cache_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// How many sessions there are.
    pub fn sessions(&self, count: usize) {
        self.sessions.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// How many streams there are on which clients listen.
    pub fn streams(&self, count: u32) {
        self.streams.set(count.into());
    }

    /// What became of spans: `sent`, `dropped` (the queue was full), or `failed`.
    pub fn spans(&self, outcome: &str, count: usize) {
        self.spans.add([outcome], count as u64);
    }

    /// The configuration was read again.
    pub fn reloaded(&self, last: &LastReload) {
        let outcome = match (&last.error, last.faults.is_empty()) {
            (Some(_), _) => "failed",
            (None, false) => "partial",
            (None, true) => "applied",
        };
        self.reloads.count([outcome]);
        self.reload_well.set(last.successful().into());
        if last.successful() {
            self.reload_time.set(seconds(last.at));
        }
    }

    /// All numbers, those of the services' state included.
    #[must_use]
    pub fn text(&self, host: &Arc<Host>) -> String {
        let results = host.results();
        self.cache_size(usize::try_from(results.entries()).unwrap_or(usize::MAX), results.bytes());
        let mut state = Registry::default();
        state.register_collector(Box::new(state::State::new(host.clone(), self.names.clone())));
        self.encoded(&[&state, &self.registry])
    }

    fn encoded(&self, registries: &[&Registry]) -> String {
        let mut text = String::new();
        for registry in registries {
            if let Err(error) = encode_registry(&mut text, registry) {
                let _ = writeln!(text, "# {error}"); // a String takes everything; this does not happen
            }
        }
        let _ = encode_eof(&mut text);
        text
    }
}

/// Since 1970.
fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;

    pub(crate) fn metrics() -> Arc<Metrics> {
        Metrics::new(&telemetry::Metrics::default(), ("runtime", "1.2.3"))
    }

    pub(crate) fn text(metrics: &Metrics) -> String {
        metrics.encoded(&[&metrics.registry])
    }

    #[track_caller]
    pub(crate) fn says(metrics: &Metrics, line: &str) {
        let text = text(metrics);
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }

    #[test]
    fn a_hot_call_is_counted_and_timed() {
        let metrics = metrics();
        let meters = metrics.service("acme", "weather", ["now", "forecast"]);
        let took = Duration::from_millis(3);
        for _ in 0..2 {
            let running = meters.start();
            says(&metrics, "bulkhead_calls_running{service=\"weather\"} 1");
            drop(running);
            meters.call(1, "ok", took);
        }
        meters.call(0, "trapped", took);
        for _ in 0..3 {
            meters.guest_cpu(Duration::from_micros(250));
            meters.guest_memory(1 << 20);
        }
        says(
            &metrics,
            r#"bulkhead_calls_total{tenant="acme",service="weather",tool="forecast",outcome="ok"} 2"#,
        );
        says(
            &metrics,
            r#"bulkhead_calls_total{tenant="acme",service="weather",tool="now",outcome="trapped"} 1"#,
        );
        says(&metrics, r#"bulkhead_calls_running{service="weather"} 0"#);
        says(&metrics, r#"bulkhead_call_duration_seconds_bucket{le="0.0025",service="weather"} 0"#);
        says(&metrics, r#"bulkhead_call_duration_seconds_bucket{le="0.005",service="weather"} 3"#);
        says(&metrics, r#"bulkhead_call_duration_seconds_count{service="weather"} 3"#);
        says(&metrics, r#"bulkhead_guest_cpu_seconds_total{service="weather"} 0.00075"#);
        says(&metrics, r#"bulkhead_guest_memory_bytes_bucket{le="1048576.0"} 3"#);
        says(&metrics, r#"bulkhead_call_errors_total{reason="trapped"} 1"#);
    }

    #[test]
    fn words_that_are_not_the_hosts_own_become_other() {
        let metrics = metrics();
        let meters = metrics.service("acme", "weather", ["now"]);
        meters.call(0, "'; drop table", Duration::ZERO);
        meters.call(7, "ok", Duration::ZERO);
        metrics.denied("x\ny");
        metrics.limit_hit("limits.memory", "call");
        metrics.limit_hit("what the client said", "everywhere");
        let service = r#"tenant="acme",service="weather""#;
        says(&metrics, &format!(r#"bulkhead_calls_total{{{service},tool="now",outcome="_other"}} 1"#));
        says(&metrics, &format!(r#"bulkhead_calls_total{{{service},tool="_other",outcome="ok"}} 1"#));
        says(&metrics, r#"bulkhead_denials_total{kind="_other"} 1"#);
        says(&metrics, r#"bulkhead_limits_hit_total{limit="memory",scope="call"} 1"#);
        says(&metrics, r#"bulkhead_limits_hit_total{limit="_other",scope="_other"} 1"#);
    }

    #[test]
    fn every_reason_of_a_failed_call_has_its_own_word() {
        let reasons =
            include_str!("error.rs").split("fn reason").nth(1).unwrap().split("fn ").next().unwrap();
        let reasons: Vec<&str> = reasons.split('"').skip(1).step_by(2).collect();
        assert!(reasons.len() > 15, "{reasons:?}");
        for reason in reasons {
            assert!(OUTCOMES.contains(&reason), "add `{reason}` to metrics::words::OUTCOMES");
        }
    }

    #[test]
    fn requests_to_upstreams_are_counted_by_class() {
        let metrics = metrics();
        let meters = metrics.service("acme", "weather", [""; 0]);
        for status in [200, 204, 404, 503] {
            meters.upstream(Upstream::Answered(status), Duration::from_millis(20));
        }
        meters.upstream(Upstream::Refused, Duration::ZERO);
        meters.upstream(Upstream::Failed, Duration::from_secs(2));
        meters.upstream(Upstream::Reused, Duration::ZERO);
        for (class, count) in
            [("2xx", 2), ("4xx", 1), ("5xx", 1), ("refused", 1), ("failed", 1), ("reused", 1)]
        {
            let labels = format!("service=\"weather\",class=\"{class}\"");
            says(&metrics, &format!("bulkhead_upstream_requests_total{{{labels}}} {count}"));
        }
        // What was never sent took no time.
        says(&metrics, r#"bulkhead_upstream_request_duration_seconds_count{service="weather"} 5"#);
    }

    #[test]
    fn a_thousand_tenants_do_not_make_a_million_series() {
        let metrics = metrics();
        for tenant in 0..1000 {
            for service in 0..10 {
                let service = format!("t{tenant}-{service}");
                let meters = metrics.service(&format!("t{tenant}"), &service, ["a", "b", "c"]);
                for tool in 0..3 {
                    meters.call(tool, "ok", Duration::ZERO);
                }
                meters.upstream(Upstream::Answered(200), Duration::ZERO);
            }
        }
        let text = text(&metrics);
        let tenants: BTreeSet<&str> =
            text.split("tenant=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(tenants.len(), 101, "a hundred and `_other`");
        let other =
            r#"bulkhead_calls_total{tenant="_other",service="_other",tool="_other",outcome="ok"} 27000"#;
        says(&metrics, other);
        let lines = text.lines().count();
        assert!(lines < 75_000, "{lines}");
    }

    #[test]
    fn tenants_and_tools_are_told_apart_only_where_that_is_wanted() {
        let config = telemetry::Metrics { per_tenant: false, per_tool: false };
        let metrics = Metrics::new(&config, ("runtime", "1"));
        for tenant in ["a", "b"] {
            metrics.service(tenant, "weather", ["now"]).call(0, "ok", Duration::ZERO);
        }
        says(&metrics, r#"bulkhead_calls_total{tenant="_all",service="weather",tool="_all",outcome="ok"} 2"#);
    }

    #[test]
    fn the_process_and_the_build_are_described() {
        let text = text(&metrics());
        let value = |name: &str| -> f64 {
            let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
            line.split(' ').nth(1).unwrap().parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_cpu_seconds_total") > 0.0);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_max_fds") >= value("process_open_fds"));
        assert!(value("process_start_time_seconds") > 1.7e9);
        assert!(text.contains("bulkhead_build_info{version=\"0.1.0\",rustc=\"1."), "{text}");
        assert!(text.contains("runtime=\"1.2.3\"} 1"), "{text}");
    }
}
