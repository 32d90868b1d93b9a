//! What the played Prometheus knows.

use bulkhead_sdk::time::rfc3339;
use serde_json::{Value, json};

/// One series: its labels, and its value some seconds before (negative) or after `now`.
pub(crate) struct Series {
    pub(crate) labels: Value,
    pub(crate) value: fn(f64) -> f64,
}

pub(crate) struct State {
    pub(crate) now: f64,
    pub(crate) series: Vec<Series>,
}

/// Instance, job, last error, seconds of the last scrape.
const TARGETS: [(&str, &str, &str, f64); 7] = [
    ("api-1:8080", "api", "", 0.02),
    ("api-2:8080", "api", "Get \"http://api-2:8080/metrics\": context deadline exceeded", 10.0),
    ("node-1:9100", "node", "", 0.05),
    (
        "node-2:9100",
        "node",
        "Get \"http://node-2:9100/metrics\": dial tcp 10.0.0.2:9100: connect: connection refused",
        0.001,
    ),
    (
        "node-3:9100",
        "node",
        "Get \"http://node-3:9100/metrics\": dial tcp 10.0.0.3:9100: connect: connection refused",
        0.001,
    ),
    ("prometheus:9090", "prometheus", "", 0.01),
    ("slow:9000", "slow", "", 9.5),
];

impl State {
    pub(crate) fn new(now: f64) -> Self {
        let mut series: Vec<Series> = TARGETS
            .iter()
            .map(|(instance, job, error, _)| Series {
                labels: json!({ "__name__": "up", "instance": instance, "job": job }),
                value: if error.is_empty() { |_| 1.0 } else { |_| 0.0 },
            })
            .collect();
        let mut add = |name: &str, instance: &str, job: &str, more: (&str, &str), value: fn(f64) -> f64| {
            let mut labels = json!({ "__name__": name, "instance": instance, "job": job });
            if !more.0.is_empty() {
                labels[more.0] = more.1.into();
            }
            series.push(Series { labels, value });
        };
        // The load rose from 2 to 9 over the last hour.
        add("node_load1", "node-1:9100", "node", ("", ""), |at| (9.0 + at * 7.0 / 3600.0).max(2.0));
        add("http_requests_total", "api-1:8080", "api", ("code", "200"), |at| 1_000_000.0 + at * 10.0);
        add("http_requests_total", "api-1:8080", "api", ("code", "500"), |at| 5000.0 + at * 0.5);
        add("process_resident_memory_bytes", "prometheus:9090", "prometheus", ("", ""), |_| 4e8);
        add("process_resident_memory_bytes", "api-1:8080", "api", ("", ""), |_| 1e8);
        add("prometheus_notifications_dropped_total", "prometheus:9090", "prometheus", ("", ""), |at| {
            100.0 + (at / 300.0).floor()
        });
        add(
            "prometheus_rule_evaluation_failures_total",
            "prometheus:9090",
            "prometheus",
            ("rule_group", "broken"),
            |_| 7.0,
        );
        Self { now, series }
    }

    pub(crate) fn targets(&self) -> Vec<Value> {
        let target = |(instance, job, error, took): &(&str, &str, &str, f64)| {
            json!({
                "discoveredLabels": { "__address__": instance, "job": job }, "labels": { "instance": instance, "job": job },
                "scrapePool": job, "scrapeUrl": format!("http://{instance}/metrics"), "globalUrl": format!("http://{instance}/metrics"),
                "lastError": error, "lastScrape": rfc3339(self.now - 5.0), "lastScrapeDuration": took,
                "health": if error.is_empty() { "up" } else { "down" }, "scrapeInterval": "15s", "scrapeTimeout": "10s",
            })
        };
        TARGETS.iter().map(target).collect()
    }

    pub(crate) fn dropped(&self) -> Vec<Value> {
        vec![
            json!({ "discoveredLabels": { "__address__": "old:9100", "job": "node" }, "scrapePool": "node" }),
        ]
    }

    fn alert(&self, name: &str, state: &str, seconds: f64, value: &str, labels: &Value) -> Value {
        let mut all = json!({ "alertname": name });
        all.as_object_mut().unwrap().extend(labels.as_object().unwrap().clone());
        json!({ "labels": all, "annotations": { "summary": format!("{name}!") }, "state": state,
                "activeAt": rfc3339(self.now - seconds), "value": value })
    }

    pub(crate) fn groups(&self) -> Vec<Value> {
        let recording = |name: &str, query: &str| json!({ "name": name, "query": query, "health": "ok", "evaluationTime": 0.001, "lastEvaluation": rfc3339(self.now - 3.0), "type": "recording" });
        let alerting = |name: &str,
                        query: &str,
                        seconds: f64,
                        severity: &str,
                        state: &str,
                        alerts: Vec<Value>| {
            json!({
                "state": state, "name": name, "query": query, "duration": seconds, "keepFiringFor": 0, "labels": { "severity": severity },
                "annotations": { "summary": format!("{name}!") }, "alerts": alerts, "health": "ok", "evaluationTime": 0.002,
                "lastEvaluation": rfc3339(self.now - 3.0), "type": "alerting",
            })
        };
        let down = |instance: &str, job: &str, seconds: f64| {
            let labels = json!({ "severity": "critical", "instance": instance, "job": job });
            self.alert("TargetDown", "firing", seconds, "0e+00", &labels)
        };
        let high = json!({ "severity": "warning", "instance": "node-1:9100", "job": "node" });
        let memory = json!({ "severity": "warning", "instance": "prometheus:9090", "job": "prometheus" });
        let mut broken = alerting("Broken", "a * on (job) b > 1", 0.0, "warning", "unknown", vec![]);
        broken["health"] = "err".into();
        broken["lastError"] = "found duplicate series for the match group {job=\"api\"} on the right hand-side of the operation".into();
        let group = |name: &str, took: f64, rules: Vec<Value>| {
            json!({ "name": name, "file": format!("/etc/prometheus/{name}.yml"), "rules": rules, "interval": 60, "limit": 0,
                    "evaluationTime": took, "lastEvaluation": rfc3339(self.now - 3.0) })
        };
        vec![
            group(
                "nodes",
                0.01,
                vec![
                    recording("load:sum", "sum(node_load1)"),
                    alerting(
                        "HighLoad",
                        "node_load1 > 4",
                        60.0,
                        "warning",
                        "firing",
                        vec![self.alert("HighLoad", "firing", 1800.0, "9e+00", &high)],
                    ),
                    alerting("LowLoad", "node_load1 < 0.1", 60.0, "info", "inactive", vec![]),
                ],
            ),
            group(
                "services",
                55.0,
                vec![
                    alerting(
                        "TargetDown",
                        "up == 0",
                        300.0,
                        "critical",
                        "firing",
                        vec![
                            down("api-2:8080", "api", 600.0),
                            down("node-2:9100", "node", 900.0),
                            down("node-3:9100", "node", 900.0),
                        ],
                    ),
                    alerting("NoTraffic", "http_requets_total == 0", 300.0, "critical", "inactive", vec![]),
                    alerting(
                        "MemoryHigh",
                        "process_resident_memory_bytes > 3e8 and on (instance) up == 1",
                        600.0,
                        "warning",
                        "pending",
                        vec![self.alert("MemoryHigh", "pending", 120.0, "4e+08", &memory)],
                    ),
                ],
            ),
            group("broken", 0.01, vec![broken]),
        ]
    }

    pub(crate) fn alerts(&self) -> Vec<Value> {
        let groups = self.groups();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        rules.filter_map(|rule| rule["alerts"].as_array()).flatten().cloned().collect()
    }

    pub(crate) fn metadata(&self) -> Vec<(&'static str, Value)> {
        let entry = |kind: &str, help: &str, unit: &str| json!({ "type": kind, "help": help, "unit": unit });
        vec![
            ("http_requests_total", entry("counter", "Requests served.", "")),
            ("node_load1", entry("gauge", "1m load average.", "")),
            ("process_resident_memory_bytes", entry("gauge", "Resident memory size in bytes.", "bytes")),
        ]
    }
}
