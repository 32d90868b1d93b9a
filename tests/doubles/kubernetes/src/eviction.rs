//! Evictions, which disruption budgets may not allow.

use std::sync::Arc;

use double_kit::{Reply, Request};
use serde_json::{Value, json};

use crate::cluster::State;
use crate::delete::{self, Options};
use crate::followers::is_ready;
use crate::kinds::named;
use crate::labels::Selector;
use crate::options::{dry_causes, refused};
use crate::route::Target;
use crate::status::{Outcome, Status};

/// POST of an eviction.
pub fn evict(state: &mut State, target: &Target, request: &Request) -> Outcome {
    let name = target.name.as_deref().unwrap_or_default();
    let asked = request.json();
    let meant = asked["metadata"]["name"].as_str().unwrap_or(name);
    if meant != name {
        return Err(Status::bad_request(format!(
            "name in URL does not match name in Eviction object: {name} {meant}"
        )));
    }
    let causes = dry_causes(request.params("dryRun"));
    if !causes.is_empty() {
        return Err(refused("CreateOptions", &causes));
    }
    let options = Options::within(&asked["deleteOptions"], request.param("dryRun").is_some());
    let key = target.key(name);
    let pod = state.store.get(&key).ok_or_else(|| Status::not_found(target.kind, name))?;
    options.check(target.kind, name, &pod)?;
    // A pod that has ended, or never ran, disrupts nothing.
    let ended = ["Succeeded", "Failed", "Pending"].iter().any(|phase| pod["status"]["phase"] == *phase);
    if !ended {
        let budgets = budgets(state, &target.namespace, &pod);
        match &budgets[..] {
            [] => {}
            [budget] => disrupt(state, budget, &pod, options.is_dry())?,
            _ => return Err(Status::internal(SEVERAL)),
        }
    }
    delete::gone(state, target.kind, &key, &pod, &options);
    Ok(Reply::json(
        201,
        &json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 }),
    ))
}

const SEVERAL: &str =
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";

/// The budgets whose selectors match a pod.
fn budgets(state: &State, namespace: &str, pod: &Value) -> Vec<Arc<Value>> {
    let kind = named("PodDisruptionBudget").unwrap();
    let all = state.store.within(&kind.storage(), namespace).into_iter();
    all.filter(|budget| {
        Selector::of(&budget["spec"]["selector"]).is_some_and(|selector| selector.matches(pod))
    })
    .collect()
}

/// Takes one disruption of a budget, if there is one left.
fn disrupt(state: &mut State, budget: &Value, pod: &Value, dry: bool) -> Outcome<()> {
    let name = budget["metadata"]["name"].as_str().unwrap_or_default();
    let count = |field: &str| budget["status"][field].as_i64().unwrap_or_default();
    if count("observedGeneration") < budget["metadata"]["generation"].as_i64().unwrap_or_default() {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        let mut status = Status::disruption(&why);
        status.details["retryAfterSeconds"] = 10.into();
        return Err(status);
    }
    let ready = is_ready(pod);
    // A pod that is not healthy is none of those that are counted, as long as enough others are.
    if !ready && count("currentHealthy") >= count("desiredHealthy") && count("desiredHealthy") > 0 {
        return Ok(());
    }
    if count("disruptionsAllowed") <= 0 {
        let (needed, healthy) = (count("desiredHealthy"), count("currentHealthy"));
        return Err(Status::disruption(&format!(
            "The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"
        )));
    }
    if dry {
        return Ok(());
    }
    let mut budget = budget.clone();
    budget["status"]["disruptionsAllowed"] = (count("disruptionsAllowed") - 1).into();
    budget["status"]["currentHealthy"] = (count("currentHealthy") - 1).into();
    state.plant(budget);
    Ok(())
}
