//! What follows when pods come and go: where services lead, and what disruption budgets allow.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cluster::State;
use crate::kinds::named;
use crate::labels::Selector;

/// After pods of a namespace have come or gone.
pub fn endpoints(state: &mut State, namespace: &str) {
    let services = state.store.within("services", namespace);
    let slices = state.store.within(&named("EndpointSlice").unwrap().storage(), namespace);
    for slice in slices {
        let name = &slice["metadata"]["labels"]["kubernetes.io/service-name"];
        let service = services.iter().find(|service| service["metadata"]["name"] == *name);
        let Some(selector) = service.and_then(|service| Selector::of(&service["spec"]["selector"])) else {
            continue;
        };
        let found: Vec<Value> =
            pods(state, namespace, &selector).iter().filter_map(|pod| endpoint(pod)).collect();
        if slice["endpoints"] != json!(found) {
            let mut slice = (*slice).clone();
            slice["endpoints"] = found.into();
            state.plant(slice);
        }
    }
}

/// After a workload of a namespace has come to rest.
pub fn budgets(state: &mut State, namespace: &str) {
    for budget in state.store.within(&named("PodDisruptionBudget").unwrap().storage(), namespace) {
        let Some(selector) = Selector::of(&budget["spec"]["selector"]) else { continue };
        let pods = pods(state, namespace, &selector);
        let count = |value: usize| i64::try_from(value).unwrap_or_default();
        let (expected, healthy) = (count(pods.len()), count(pods.iter().filter(|pod| is_ready(pod)).count()));
        let desired = match (&budget["spec"]["minAvailable"], &budget["spec"]["maxUnavailable"]) {
            (Value::Null, Value::Null) => expected - 1,
            (Value::Null, most) => expected - share(most, expected),
            (least, _) => share(least, expected),
        };
        let mut budget = (*budget).clone();
        let allowed = (healthy - desired).max(0);
        for (field, value) in [
            ("expectedPods", expected),
            ("currentHealthy", healthy),
            ("desiredHealthy", desired.max(0)),
            ("disruptionsAllowed", allowed),
        ] {
            budget["status"][field] = value.into();
        }
        budget["status"]["observedGeneration"] = budget["metadata"]["generation"].clone();
        state.plant(budget);
    }
}

/// A number, or a share that is rounded up.
fn share(value: &Value, of: i64) -> i64 {
    let percent = value.as_str().and_then(|text| text.strip_suffix('%')?.parse::<i64>().ok());
    percent.map_or_else(|| value.as_i64().unwrap_or_default(), |percent| (of * percent + 99) / 100)
}

fn pods(state: &State, namespace: &str, selector: &Selector) -> Vec<Arc<Value>> {
    let all = state.store.within("pods", namespace).into_iter();
    all.filter(|pod| !selector.is_empty() && selector.matches(pod)).collect()
}

/// Whether a pod serves.
pub fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

fn endpoint(pod: &Value) -> Option<Value> {
    let address = pod["status"]["podIP"].as_str()?;
    let (ready, metadata) = (is_ready(pod), &pod["metadata"]);
    Some(json!({
        "addresses": [address], "nodeName": pod["spec"]["nodeName"],
        "conditions": { "ready": ready, "serving": ready, "terminating": false },
        "targetRef": {
            "kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"],
        },
    }))
}
