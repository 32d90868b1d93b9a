//! What the played Alertmanager holds.

use bulkhead_sdk::time::{When, rfc3339};
use serde_json::{Value, json};

use crate::labels::{fits, value_fits};

/// Holds the two database alerts and ends in half an hour.
pub const ENDING: &str = "aaaaaaaa-0000-4000-8000-000000000001";
/// Holds everything of the staging cluster, whatever it is called, for sixty days.
pub const BROAD: &str = "aaaaaaaa-0000-4000-8000-000000000002";
/// Holds nothing.
pub const IDLE: &str = "aaaaaaaa-0000-4000-8000-000000000003";
/// Begins tomorrow.
pub const PENDING: &str = "aaaaaaaa-0000-4000-8000-000000000004";
/// Ended an hour ago.
pub const EXPIRED: &str = "aaaaaaaa-0000-4000-8000-000000000005";

const CONFIG: &str = "global:
  resolve_timeout: 5m
route:
  receiver: ops
  group_by:
  - alertname
receivers:
- name: dba
  email_configs:
  - to: dba@example.com
- name: ops
  slack_configs:
  - api_url: <secret>
    channel: '#ops'
  webhook_configs:
  - url: http://user:pass@hook.example.com/x?token=abc
";

pub(crate) struct State {
    now: f64,
    alerts: Vec<Value>,
    silences: Vec<Value>,
    made: usize,
}

impl State {
    pub(crate) fn new(now: f64) -> Self {
        let alert = |name: &str, severity: &str, minutes: f64, more: Value| {
            let mut labels = json!({ "alertname": name, "severity": severity });
            labels.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let at = rfc3339(now - minutes * 60.0);
            json!({
                "labels": labels,
                "annotations": { "summary": format!("{name} on {}", labels["instance"].as_str().unwrap_or("all")),
                                 "runbook_url": format!("https://runbooks/{name}") },
                "startsAt": at, "updatedAt": rfc3339(now), "endsAt": rfc3339(now + 240.0),
                "generatorURL": format!("http://prometheus:9090/graph?g0.expr={name}"),
            })
        };
        let alerts = vec![
            alert(
                "HighLatency",
                "warning",
                30.0,
                json!({ "instance": "api-1", "job": "api", "cluster": "prod" }),
            ),
            alert(
                "HighLatency",
                "warning",
                90.0,
                json!({ "instance": "api-2", "job": "api", "cluster": "prod" }),
            ),
            alert(
                "TargetDown",
                "critical",
                10.0,
                json!({ "instance": "api-3", "job": "api", "cluster": "prod" }),
            ),
            alert("Watchdog", "none", 60_000.0, json!({ "cluster": "prod" })),
            alert("CertificateExpiry", "info", 20_000.0, json!({ "instance": "web-1", "cluster": "prod" })),
            alert(
                "DatabaseDown",
                "critical",
                45.0,
                json!({ "instance": "db-1", "job": "db", "cluster": "prod" }),
            ),
            alert(
                "ReplicaLag",
                "warning",
                44.0,
                json!({ "instance": "db-1", "job": "db", "cluster": "prod" }),
            ),
            alert("HighLatency", "warning", 300.0, json!({ "instance": "s-1", "cluster": "staging" })),
            alert("DiskFull", "warning", 400.0, json!({ "instance": "s-2", "cluster": "staging" })),
            alert("JobFailed", "info", 500.0, json!({ "cluster": "staging" })),
        ];
        let silence = |id: &str, matchers: Value, starts: f64, ends: f64, by: &str, comment: &str| {
            json!({
                "id": id, "matchers": matchers, "startsAt": rfc3339(now + starts), "endsAt": rfc3339(now + ends),
                "updatedAt": rfc3339(now + starts.min(0.0)), "createdBy": by, "comment": comment, "annotations": {},
            })
        };
        let is = |name: &str, value: &str| json!([{ "name": name, "value": value, "isRegex": false, "isEqual": true }]);
        let silences = vec![
            silence(EXPIRED, is("job", "old"), -7200.0, -3600.0, "bob", "moved"),
            silence(PENDING, is("job", "batch"), 86_400.0, 90_000.0, "bob", "maintenance tomorrow"),
            silence(IDLE, is("alertname", "Typo"), -600.0, 36_000.0, "ann", "noise"),
            silence(
                BROAD,
                is("cluster", "staging"),
                -86_400.0,
                5_184_000.0,
                "ann",
                "staging is broken anyway",
            ),
            silence(ENDING, is("alertname", "DatabaseDown"), -1800.0, 1800.0, "bob", "failover in progress"),
        ];
        Self { now, alerts, silences, made: 0 }
    }

    pub(crate) fn status(&self) -> Value {
        json!({
            "cluster": { "name": "01J", "status": "ready", "peers": [{ "name": "01J", "address": "10.0.0.1:9094" }] },
            "versionInfo": { "version": "0.28.0", "revision": "r", "branch": "HEAD", "buildUser": "u", "buildDate": "d",
                             "goVersion": "go1.23" },
            "config": { "original": CONFIG }, "uptime": rfc3339(self.now - 93_784.0),
        })
    }

    /// With the state that silences, and the one inhibition there is (`DatabaseDown` of the same instance), give them.
    pub(crate) fn alerts(&self) -> Vec<Value> {
        self.alerts.iter().map(|alert| self.stated(alert)).collect()
    }

    fn stated(&self, alert: &Value) -> Value {
        let labels = &alert["labels"];
        let holds = |silence: &&Value| {
            let matchers = silence["matchers"].as_array().unwrap();
            self.state_of(silence) == "active" && matchers.iter().all(|matcher| fits(matcher, labels))
        };
        let silenced: Vec<&Value> =
            self.silences.iter().filter(holds).map(|silence| &silence["id"]).collect();
        let inhibits = |other: &&Value| {
            labels["alertname"] == "ReplicaLag"
                && other["labels"]["alertname"] == "DatabaseDown"
                && other["labels"]["instance"] == labels["instance"]
        };
        let inhibited: Vec<String> =
            self.alerts.iter().filter(inhibits).map(|other| fingerprint(&other["labels"])).collect();
        let quiet = !silenced.is_empty() || !inhibited.is_empty();
        let mut alert = alert.clone();
        alert["fingerprint"] = fingerprint(labels).into();
        alert["receivers"] = if labels["job"] == "db" {
            json!([{ "name": "dba" }, { "name": "ops" }])
        } else {
            json!([{ "name": "ops" }])
        };
        alert["status"] = json!({
            "state": if quiet { "suppressed" } else { "active" },
            "silencedBy": silenced, "inhibitedBy": inhibited, "mutedBy": [],
        });
        alert
    }

    /// Takes alerts; one whose end has come is gone.
    pub(crate) fn raise(&mut self, sent: &Value) -> Result<(), String> {
        for alert in sent.as_array().unwrap() {
            if alert["labels"].as_object().is_none_or(|labels| labels.is_empty()) {
                return Err("at least one label pair required".to_owned());
            }
            self.alerts.retain(|known| known["labels"] != alert["labels"]);
            let at =
                |name: &str, otherwise: f64| alert[name].as_str().map_or(rfc3339(otherwise), str::to_owned);
            let (starts, ends) = (at("startsAt", self.now), at("endsAt", self.now + 300.0));
            if seconds(&ends) < seconds(&starts) {
                return Err("start time must be before end time".to_owned());
            }
            if seconds(&ends) > self.now {
                self.alerts.push(json!({
                    "labels": alert["labels"], "annotations": alert.get("annotations").cloned().unwrap_or(json!({})),
                    "startsAt": starts, "endsAt": ends, "updatedAt": rfc3339(self.now),
                    "generatorURL": alert["generatorURL"].as_str().unwrap_or_default(),
                }));
            }
        }
        Ok(())
    }

    pub(crate) fn silences(&self) -> Vec<Value> {
        self.silences.iter().map(|silence| self.with_state(silence)).collect()
    }

    pub(crate) fn found(&self, id: &str) -> Option<Value> {
        self.silences.iter().find(|silence| silence["id"] == id).map(|silence| self.with_state(silence))
    }

    fn with_state(&self, silence: &Value) -> Value {
        let mut out = silence.clone();
        out["status"] = json!({ "state": self.state_of(silence) });
        out
    }

    fn state_of(&self, silence: &Value) -> &'static str {
        let at = |name: &str| seconds(silence[name].as_str().unwrap());
        if at("endsAt") <= self.now {
            "expired"
        } else if at("startsAt") > self.now {
            "pending"
        } else {
            "active"
        }
    }

    /// Makes a silence, or changes one where that is possible; otherwise the old one ends and there is a new one.
    pub(crate) fn silence(&mut self, body: &Value) -> Result<String, (u16, String)> {
        let bad = |why: &str| Err((400, format!("silence invalid: {why}")));
        let at = |name: &str| seconds(body[name].as_str().unwrap());
        let matchers = body["matchers"].as_array().unwrap();
        if matchers.iter().all(|matcher| value_fits(matcher, "")) {
            return bad("at least one matcher must not match the empty string");
        }
        if at("endsAt") <= at("startsAt") {
            return bad("end time must not be before start time");
        }
        if at("endsAt") <= self.now {
            return Err((400, "end time can't be in the past".to_owned()));
        }
        let mut silence = body.clone();
        silence["annotations"] = json!({});
        silence["updatedAt"] = rfc3339(self.now).into();
        if let Some(id) = body["id"].as_str().filter(|id| !id.is_empty()) {
            let Some(old) = self.found(id) else { return Err((404, "silence not found".to_owned())) };
            let state = self.state_of(&old);
            let in_place = old["matchers"] == body["matchers"]
                && (state == "pending" || (state == "active" && old["startsAt"] == body["startsAt"]));
            if in_place {
                self.silences.retain(|silence| silence["id"] != id);
                self.silences.push(silence);
                return Ok(id.to_owned());
            }
            if state != "expired" {
                self.expire(id);
            }
        }
        self.made += 1;
        let id = format!("bbbbbbbb-0000-4000-8000-{:012}", self.made);
        silence["id"] = id.as_str().into();
        self.silences.push(silence);
        Ok(id)
    }

    /// Ends a silence; none if there is no such one.
    pub(crate) fn expire(&mut self, id: &str) -> Option<Result<(), String>> {
        let now = rfc3339(self.now);
        let place = self.silences.iter().position(|silence| silence["id"] == id)?;
        if self.state_of(&self.silences[place]) == "expired" {
            return Some(Err(format!("silence {id} already expired")));
        }
        let silence = &mut self.silences[place];
        silence["endsAt"] = now.as_str().into();
        Some(Ok(()))
    }
}

fn seconds(text: &str) -> f64 {
    When::parse(text).unwrap().resolve(0.0)
}

/// Sixteen hexadecimal digits, as the real ones have.
fn fingerprint(labels: &Value) -> String {
    let hash = labels.to_string().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
