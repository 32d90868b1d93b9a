//! Kinds that are served in two versions, or by two groups, and kept once.

use serde_json::{Value, json};

use crate::kinds::Kind;

/// A stored object as this kind says it.
pub fn served(kind: &Kind, stored: &Value) -> Value {
    match (kind.group, kind.version, kind.kind) {
        ("events.k8s.io", ..) => event(stored),
        ("autoscaling", "v1", _) => autoscaler(stored),
        _ => stored.clone(),
    }
}

/// What is kept of an object that came in as this kind.
pub fn stored(kind: &Kind, mut given: Value) -> Value {
    match (kind.group, kind.version) {
        ("events.k8s.io", _) => {
            given["apiVersion"] = "v1".into();
            renamed(&mut given, &EVENT.map(|(old, new)| (new, old)));
        }
        ("autoscaling", "v1") => {
            given["apiVersion"] = "autoscaling/v2".into();
            if let Some(percent) = take(&mut given["spec"], "targetCPUUtilizationPercentage") {
                given["spec"]["metrics"] = json!([{ "type": "Resource", "resource": {
                    "name": "cpu", "target": { "type": "Utilization", "averageUtilization": percent },
                } }]);
            }
        }
        _ => {}
    }
    given
}

/// What core calls a field of an event, and what its own group does.
const EVENT: [(&str, &str); 6] = [
    ("message", "note"),
    ("involvedObject", "regarding"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

fn event(stored: &Value) -> Value {
    let mut event = stored.clone();
    event["apiVersion"] = "events.k8s.io/v1".into();
    if event["eventTime"].is_null() {
        // The vendor's schema asks for a time where the server has none.
        event["eventTime"] = match event["lastTimestamp"].as_str() {
            Some(last) => last.replace('Z', ".000000Z").into(),
            None => "1970-01-01T00:00:00.000000Z".into(),
        };
    }
    if let Some(reporter) = take(&mut event, "reportingComponent") {
        event["reportingController"] = reporter;
    }
    renamed(&mut event, &EVENT);
    event
}

fn autoscaler(stored: &Value) -> Value {
    let mut scaler = stored.clone();
    scaler["apiVersion"] = "autoscaling/v1".into();
    let cpu = |metrics: &Value, path: &str| {
        let metrics = metrics.as_array()?;
        metrics.iter().find(|one| one["resource"]["name"] == "cpu")?.pointer(path).cloned()
    };
    let target = take(&mut scaler["spec"], "metrics");
    if let Some(percent) = target.and_then(|all| cpu(&all, "/resource/target/averageUtilization")) {
        scaler["spec"]["targetCPUUtilizationPercentage"] = percent;
    }
    let current = take(&mut scaler["status"], "currentMetrics");
    if let Some(percent) = current.and_then(|all| cpu(&all, "/resource/current/averageUtilization")) {
        scaler["status"]["currentCPUUtilizationPercentage"] = percent;
    }
    take(&mut scaler["status"], "conditions");
    scaler
}

fn renamed(object: &mut Value, names: &[(&str, &str)]) {
    for (old, new) in names {
        if let Some(value) = take(object, old) {
            object[*new] = value;
        }
    }
}

fn take(object: &mut Value, key: &str) -> Option<Value> {
    object.as_object_mut()?.remove(key)
}
