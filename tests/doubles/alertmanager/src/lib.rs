//! Alertmanager, played for tests: alerts, silences that take effect, and the refusals of the real one.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test's tools fail by panicking"
)]

mod examples;
mod labels;
mod state;

use std::sync::{Arc, Mutex};

use double_kit::{Contract, Double, Reply, Request};
use serde_json::{Value, json};

pub use examples::examples;
use labels::{fits, matcher, receiver_fits};
use state::State;
pub use state::{BROAD, ENDING, EXPIRED, IDLE, PENDING};

const TABLE: &str = include_str!("../../../../components/alertmanager/api.txt");

/// An Alertmanager whose alerts and silences are as old as `now` (unix seconds) says.
pub fn double(now: f64) -> Arc<dyn Double> {
    Arc::new(Alertmanager { contract: Contract::parse(TABLE), state: Mutex::new(State::new(now)) })
}

struct Alertmanager {
    contract: Contract,
    state: Mutex<State>,
}

impl Double for Alertmanager {
    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn answer(&self, request: &Request) -> Reply {
        let mut state = self.state.lock().unwrap();
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().skip(2).map(String::as_str).collect();
        let answer = match (request.method.as_str(), &path[..]) {
            ("GET", ["status"]) => Ok(state.status()),
            ("GET", ["receivers"]) => Ok(json!([{ "name": "dba" }, { "name": "ops" }])),
            ("GET", ["alerts"]) => alerts(&state, request).map(Value::from),
            ("GET", ["alerts", "groups"]) => alerts(&state, request).map(|alerts| groups(&alerts)),
            ("POST", ["alerts"]) => return done(state.raise(&request.json())),
            ("GET", ["silences"]) => silences(&state, request),
            ("POST", ["silences"]) => {
                return match state.silence(&request.json()) {
                    Ok(id) => Reply::json(200, &json!({ "silenceID": id })),
                    Err((status, why)) => Reply::json(status, &json!(why)),
                };
            }
            ("GET", ["silence", id]) => {
                return state.found(id).map_or(Reply::empty(404), |found| Reply::json(200, &found));
            }
            ("DELETE", ["silence", id]) => {
                return match state.expire(id) {
                    None => Reply::empty(404),
                    Some(done) => {
                        done.map_or_else(|why| Reply::json(500, &json!(why)), |()| Reply::empty(200))
                    }
                };
            }
            _ => Err("no such path".to_owned()),
        };
        match answer {
            Ok(body) => Reply::json(200, &body),
            Err(why) => Reply::json(400, &json!(why)),
        }
    }
}

fn done(done: Result<(), String>) -> Reply {
    done.map_or_else(|why| Reply::json(400, &json!(why)), |()| Reply::empty(200))
}

/// The matchers in `filter`; one that is none is refused.
fn filters(request: &Request) -> Result<Vec<Value>, String> {
    request.params("filter").map(|text| matcher(text).ok_or(format!("bad matcher format: {text}"))).collect()
}

fn wants(request: &Request, name: &str) -> bool {
    request.param(name) != Some("false")
}

fn alerts(state: &State, request: &Request) -> Result<Vec<Value>, String> {
    let filters = filters(request)?;
    let receiver = request.param("receiver");
    if receiver.is_some_and(|receiver| receiver.contains('[')) {
        return Err("failed to parse receiver param: error parsing regexp: missing closing ]".to_owned());
    }
    let kept = |alert: &Value| {
        let status = &alert["status"];
        let some = |name: &str| !status[name].as_array().unwrap().is_empty();
        filters.iter().all(|matcher| fits(matcher, &alert["labels"]))
            && receiver.is_none_or(|receiver| receiver_fits(receiver, &alert["receivers"]))
            && (wants(request, "active") || status["state"] != "active")
            && (wants(request, "unprocessed") || status["state"] != "unprocessed")
            && (wants(request, "silenced") || !some("silencedBy"))
            && (wants(request, "inhibited") || !some("inhibitedBy"))
    };
    Ok(state.alerts().into_iter().filter(kept).collect())
}

/// By receiver and alertname, as the played route has it.
fn groups(alerts: &[Value]) -> Value {
    let mut groups: Vec<Value> = Vec::new();
    for alert in alerts {
        for receiver in alert["receivers"].as_array().unwrap() {
            let labels = json!({ "alertname": alert["labels"]["alertname"] });
            let same = |group: &&mut Value| group["labels"] == labels && group["receiver"] == *receiver;
            match groups.iter_mut().find(same) {
                Some(group) => group["alerts"].as_array_mut().unwrap().push(alert.clone()),
                None => groups.push(
                    json!({ "labels": labels, "routeLabels": {}, "receiver": receiver, "alerts": [alert] }),
                ),
            }
        }
    }
    groups.into()
}

/// A filter asks for silences that have the very same matcher.
fn silences(state: &State, request: &Request) -> Result<Value, String> {
    let filters = filters(request)?;
    let kept = |silence: &Value| {
        let has = |wanted: &Value| silence["matchers"].as_array().unwrap().contains(wanted);
        wants(request, silence["status"]["state"].as_str().unwrap()) && filters.iter().all(has)
    };
    Ok(state.silences().into_iter().filter(kept).collect())
}
