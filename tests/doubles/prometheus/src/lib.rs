//! Prometheus, played for tests: a few series over time, targets, rules and alerts that belong together, and as much of
//! PromQL as those need.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test's tools fail by panicking"
)]

mod examples;
mod query;
mod state;

use std::sync::{Arc, Mutex};

use bulkhead_sdk::time::{When, rfc3339};
use double_kit::{Contract, Double, Reply, Request};
use serde_json::{Value, json};

pub use examples::examples;
use query::{Refusal, at, over, selected};
use state::State;

const TABLE: &str = include_str!("../../../../components/prometheus/api.txt");

/// A Prometheus whose series, alerts and scrapes are as old as `now` (unix seconds) says.
pub fn double(now: f64) -> Arc<dyn Double> {
    Arc::new(Prometheus {
        contract: Contract::parse(TABLE),
        state: State::new(now),
        snapshots: Mutex::new(0),
    })
}

struct Prometheus {
    contract: Contract,
    state: State,
    snapshots: Mutex<u32>,
}

impl Double for Prometheus {
    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn answer(&self, request: &Request) -> Reply {
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().skip(2).map(String::as_str).collect();
        let answer = match &path[..] {
            ["query"] => self.query(request),
            ["query_range"] => self.query_range(request),
            ["labels"] => self.names(request),
            ["label", name, "values"] => self.values(request, name),
            ["series"] => self.series(request),
            ["metadata"] => Ok(self.metadata(request)),
            ["targets"] => Ok(self.targets(request)),
            ["targets", "metadata"] => self.target_metadata(request),
            ["rules"] => self.rules(request),
            ["alerts"] => Ok(json!({ "alerts": self.state.alerts() })),
            ["alertmanagers"] => Ok(json!({
                "activeAlertmanagers": [{ "url": "http://alertmanager:9093/api/v2/alerts" }], "droppedAlertmanagers": [],
            })),
            ["status", what] => Ok(self.status(request, what)),
            ["admin", "tsdb", "snapshot"] => {
                let mut made = self.snapshots.lock().unwrap();
                *made += 1;
                Ok(json!({ "name": format!("20260131T120000Z-{:016x}", *made) }))
            }
            _ => Err(Refusal::new("not_found", "no such path")),
        };
        match answer {
            Ok(data) => Reply::json(200, &json!({ "status": "success", "data": data })),
            Err(Refusal { kind, words }) => {
                let status = if kind == "bad_data" { 400 } else { 422 };
                Reply::json(status, &json!({ "status": "error", "errorType": kind, "error": words }))
            }
        }
    }
}

/// A parameter of the query or of a form.
fn param(request: &Request, name: &str) -> Option<String> {
    let form = || request.form().into_iter().find(|(key, _)| key == name).map(|(_, value)| value);
    request.param(name).map(str::to_owned).or_else(form)
}

impl Prometheus {
    fn moment(&self, request: &Request, name: &str, otherwise: f64) -> Result<f64, Refusal> {
        let Some(text) = param(request, name) else { return Ok(otherwise) };
        When::parse(&text).map(|when| when.resolve(self.state.now)).map_err(|_| {
            Refusal::new(
                "bad_data",
                &format!("invalid parameter \"{name}\": cannot parse \"{text}\" to a valid timestamp"),
            )
        })
    }

    fn query(&self, request: &Request) -> Result<Value, Refusal> {
        let time = self.moment(request, "time", self.state.now)?;
        at(&self.state.series, &param(request, "query").unwrap_or_default(), time - self.state.now, time)
    }

    fn query_range(&self, request: &Request) -> Result<Value, Refusal> {
        let (start, end) = (self.moment(request, "start", 0.0)?, self.moment(request, "end", 0.0)?);
        let step: f64 = param(request, "step").unwrap_or_default().parse().unwrap_or(0.0);
        if step <= 0.0 {
            return Err(Refusal::new(
                "bad_data",
                "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
            ));
        }
        if (end - start) / step > 11_000.0 {
            return Err(Refusal::new(
                "bad_data",
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
            ));
        }
        over(
            &self.state.series,
            &param(request, "query").unwrap_or_default(),
            (start, end, step),
            self.state.now,
        )
    }

    /// The series that any of the selectors fits; all without one.
    fn matching(&self, request: &Request) -> Result<Vec<Value>, Refusal> {
        let selectors: Vec<&str> = request.params("match[]").collect();
        let mut found: Vec<Value> = Vec::new();
        if selectors.is_empty() {
            return Ok(self.state.series.iter().map(|series| series.labels.clone()).collect());
        }
        for selector in selectors {
            let fits = selected(&self.state.series, selector)?;
            found.extend(
                fits.into_iter()
                    .map(|series| series.labels.clone())
                    .filter(|one| !found.contains(one))
                    .collect::<Vec<_>>(),
            );
        }
        Ok(found)
    }

    fn names(&self, request: &Request) -> Result<Value, Refusal> {
        let series = self.matching(request)?;
        let mut names: Vec<String> =
            series.iter().flat_map(|labels| labels.as_object().unwrap().keys().cloned()).collect();
        names.sort();
        names.dedup();
        Ok(json!(names))
    }

    fn values(&self, request: &Request, name: &str) -> Result<Value, Refusal> {
        let series = self.matching(request)?;
        let mut values: Vec<&str> = series.iter().filter_map(|labels| labels[name].as_str()).collect();
        values.sort_unstable();
        values.dedup();
        Ok(json!(values))
    }

    fn series(&self, request: &Request) -> Result<Value, Refusal> {
        if request.param("match[]").is_none() {
            return Err(Refusal::new("bad_data", "no match[] parameter provided"));
        }
        Ok(self.matching(request)?.into())
    }

    fn metadata(&self, request: &Request) -> Value {
        let wanted = request.param("metric");
        let known =
            self.state.metadata().into_iter().filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name));
        Value::Object(known.map(|(name, entry)| (name.to_owned(), json!([entry]))).collect())
    }

    fn target_metadata(&self, request: &Request) -> Result<Value, Refusal> {
        let wanted = request.param("metric");
        let target = |labels: &Value| json!({ "instance": labels["instance"], "job": labels["job"] });
        let fitting = selected(&self.state.series, "up")?;
        let mut out = Vec::new();
        for up in fitting {
            for (name, entry) in self.state.metadata() {
                let exposes = |series: &state::Series| {
                    series.labels["__name__"] == name && series.labels["instance"] == up.labels["instance"]
                };
                if wanted.is_none_or(|wanted| wanted == name) && self.state.series.iter().any(exposes) {
                    let mut line = entry.clone();
                    line["target"] = target(&up.labels);
                    // The real one leaves the name out when a metric was asked for.
                    if wanted.is_none() {
                        line["metric"] = name.into();
                    }
                    out.push(line);
                }
            }
        }
        Ok(out.into())
    }

    fn targets(&self, request: &Request) -> Value {
        let state = request.param("state").unwrap_or("any");
        let of_pool =
            |target: &Value| request.param("scrapePool").is_none_or(|pool| target["scrapePool"] == pool);
        let list = |wanted: &str, targets: Vec<Value>| -> Vec<Value> {
            if state == "any" || state == wanted {
                targets.into_iter().filter(of_pool).collect()
            } else {
                Vec::new()
            }
        };
        json!({
            "activeTargets": list("active", self.state.targets()), "droppedTargets": list("dropped", self.state.dropped()),
            "droppedTargetCounts": { "node": 1 },
        })
    }

    fn rules(&self, request: &Request) -> Result<Value, Refusal> {
        let kind = match request.param("type") {
            None => None,
            Some("alert") => Some("alerting"),
            Some("record") => Some("recording"),
            Some(other) => {
                return Err(Refusal::new(
                    "bad_data",
                    &format!("invalid parameter \"type\": not supported value \"{other}\""),
                ));
            }
        };
        let is = |name: &str, value: &Value| {
            let wanted: Vec<&str> = request.params(name).collect();
            wanted.is_empty() || wanted.contains(&value.as_str().unwrap())
        };
        let mut groups = self.state.groups();
        groups.retain(|group| is("rule_group[]", &group["name"]));
        for group in &mut groups {
            let rules = group["rules"].as_array_mut().unwrap();
            rules.retain(|rule| {
                is("rule_name[]", &rule["name"]) && kind.is_none_or(|kind| rule["type"] == kind)
            });
        }
        groups.retain(|group| !group["rules"].as_array().unwrap().is_empty());
        Ok(json!({ "groups": groups }))
    }

    fn status(&self, request: &Request, what: &str) -> Value {
        let at = |ago: f64| rfc3339(self.state.now - ago);
        match what {
            "buildinfo" => {
                json!({ "version": "3.5.0", "revision": "r", "branch": "HEAD", "buildUser": "u", "buildDate": "d", "goVersion": "go1.24" })
            }
            "runtimeinfo" => json!({
                "startTime": at(180_000.0), "CWD": "/prometheus", "hostname": "prometheus-0", "serverTime": at(0.0),
                "reloadConfigSuccess": true, "lastConfigTime": at(170_000.0), "corruptionCount": 0, "goroutineCount": 60,
                "GOMAXPROCS": 2, "GOMEMLIMIT": 1_i64 << 32, "GOGC": "75", "GODEBUG": "", "storageRetention": "15d",
            }),
            "flags" => {
                json!({ "web.enable-admin-api": "true", "log.level": "info", "storage.tsdb.retention.time": "15d" })
            }
            "config" => {
                json!({ "yaml": "global:\n  scrape_interval: 15s\nremote_write:\n- basic_auth:\n    password: <secret>\n" })
            }
            "tsdb" => {
                let limit: usize = request.param("limit").map_or(10, |limit| limit.parse().unwrap());
                let table = |rows: &[(&str, u64)]| -> Value {
                    rows.iter()
                        .take(limit)
                        .map(|(name, value)| json!({ "name": name, "value": value }))
                        .collect()
                };
                json!({
                    "headStats": { "numSeries": 50_000, "numLabelPairs": 9000, "chunkCount": 120_000,
                                   "minTime": ((self.state.now - 7200.0) * 1000.0) as i64, "maxTime": (self.state.now * 1000.0) as i64 },
                    "seriesCountByMetricName": table(&[("http_request_path_total", 20_000), ("up", 7)]),
                    "labelValueCountByLabelName": table(&[("path", 8000), ("__name__", 6000), ("instance", 7)]),
                    "memoryInBytesByLabelName": table(&[("path", 400_000), ("instance", 90)]),
                    "seriesCountByLabelValuePair": table(&[("job=api", 21_000), ("job=node", 900)]),
                })
            }
            _ => json!({ "min": 0, "max": 12, "current": 12 }),
        }
    }
}
