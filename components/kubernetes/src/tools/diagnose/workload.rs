//! Pods and what makes them: Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs, CronJobs.

use bulkhead_sdk::error::tolerated;
use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use super::{Case, rules};
use crate::api::Select;
use crate::events;
use crate::finding::Finding;
use crate::kind::known;
use crate::object::{ago, condition, condition_line, controller, flag, moment, name, number, owned_by};
use crate::pods;
use crate::selector;
use crate::workload::{self, ROLLING};

/// One pod.
pub(super) async fn pod(case: &mut Case<'_>) {
    let select = events::about("Pod", &case.object);
    let place = case.namespace;
    let (events, claims) = join!(
        events::read(case.api, place, &select),
        case.api.all(known("PersistentVolumeClaim").at(place), &Select::default())
    );
    case.take_events(events);
    case.pods = vec![case.object.clone()];
    let readable = claims.is_ok();
    let claims = tolerated("PersistentVolumeClaim", claims.map(|all| all.items), &mut case.missing);
    case.findings.extend(rules::claims(&case.pods, &claims, readable, &case.events, case.now));
    case.look_at_pods().await;
    let row = pods::row(&case.object, case.now);
    case.facts.extend(row.as_object().cloned().unwrap_or_default());
    if let Some((kind, name)) = controller(&case.object) {
        case.facts.insert("owner".into(), format!("{kind}/{name}").into());
    }
    case.state = format!("{}, {} ready", text(&row, "/status"), text(&row, "/ready"));
}

/// What runs pods.
pub(super) async fn workload(case: &mut Case<'_>) {
    let kind = case.kind.kind.clone();
    let select = workload::pods_of(&kind, &case.object).unwrap_or_default();
    let (api, place, any) = (case.api, case.namespace, Select::default());
    let sets = async {
        match &*kind {
            "Deployment" => api.all(known("ReplicaSet").at(place), &select).await.map(|all| all.items),
            _ => Ok(Vec::new()),
        }
    };
    let lists = [
        ("Pod", select.clone()),
        ("PersistentVolumeClaim", any.clone()),
        ("ResourceQuota", any.clone()),
        ("HorizontalPodAutoscaler", any.clone()),
        ("PodDisruptionBudget", any.clone()),
    ];
    let (events, sets, [pods, claims, quotas, autoscalers, budgets]) =
        join!(events::read(api, place, &any), sets, case.gather(lists));
    case.take_events(events);
    let sets = tolerated("ReplicaSet", sets, &mut case.missing);
    let uid = text(&case.object, "/metadata/uid").to_owned();
    let sets: Vec<Value> = sets.into_iter().filter(|set| owned_by(set, &uid)).collect();
    case.pods = pods;
    keep_own_events(case, &sets, &claims);
    let object = case.label();
    let rollout = workload::rollout(&kind, &case.object);
    case.state.clone_from(&rollout.message);
    if ROLLING.contains(&&*kind) {
        case.facts.insert("rollout".into(), rollout.message.clone().into());
    }
    let short = kind != "Job" && (!rollout.done || rollout.ready < rollout.desired);
    making(case, &object, &sets);
    case.findings.extend(rules::newest_revision(&object, &sets, case.now));
    let readable = !case.missing.iter().any(|what| what.starts_with("PersistentVolumeClaim"));
    case.findings.extend(rules::claims(&case.pods, &claims, readable, &case.events, case.now));
    case.look_at_pods().await;
    if short {
        case.findings.extend(rules::quotas(&quotas));
    }
    let target = |hpa: &&Value| {
        text(hpa, "/spec/scaleTargetRef/kind") == kind
            && text(hpa, "/spec/scaleTargetRef/name") == name(&case.object)
    };
    let scaling: Vec<Finding> =
        autoscalers.iter().filter(target).flat_map(|hpa| rules::autoscaler(hpa, case.now)).collect();
    case.findings.extend(scaling);
    let template =
        json!({ "metadata": case.object.pointer("/spec/template/metadata").cloned().unwrap_or_default() });
    let covers = |budget: &&Value| {
        budget.pointer("/spec/selector").is_some_and(|selector| selector::matches(selector, &template))
    };
    case.findings.extend(budgets.iter().filter(covers).filter_map(rules::budget));
    itself(case, &object, &rollout, short);
}

/// Events of the namespace that are about the workload and what is its own.
fn keep_own_events(case: &mut Case<'_>, sets: &[Value], claims: &[Value]) {
    let kind = &case.kind.kind;
    let mounted: Vec<&str> = case
        .pods
        .iter()
        .flat_map(|pod| list(pod, "/spec/volumes"))
        .map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
        .collect();
    let own = |event: &events::Event| {
        event.is_about(kind, name(&case.object))
            || case.pods.iter().any(|pod| event.is_about("Pod", name(pod)))
            || sets.iter().any(|set| event.is_about("ReplicaSet", name(set)))
            || claims.iter().any(|claim| {
                mounted.contains(&name(claim)) && event.is_about("PersistentVolumeClaim", name(claim))
            })
    };
    let events = case.events.iter().filter(|event| own(event)).cloned().collect();
    case.events = events;
}

/// Pods that cannot even be made.
fn making(case: &mut Case<'_>, object: &str, sets: &[Value]) {
    let refused = [&case.object].into_iter().chain(sets).find_map(|one| {
        condition(one, "ReplicaFailure").filter(|failure| text(failure, "/status") == "True")
    });
    let event = case.events.iter().find(|event| event.reason == "FailedCreate");
    let desired = workload::desired(&case.object);
    // An old event is no trouble once the pods are there.
    if refused.is_none() && (event.is_none() || i64::try_from(case.pods.len()).unwrap_or(i64::MAX) >= desired)
    {
        return;
    }
    let finding = Finding::critical(object, "its pods cannot be made")
        .because(refused.map(|failure| condition_line(failure, case.now)).unwrap_or_default())
        .because(event.map(|event| event.line(case.now)).unwrap_or_default())
        .next(
            "a quota, an admission webhook or a missing service account refuses them: the message says which",
        );
    case.findings.push(finding);
}

/// What the workload says of itself.
fn itself(case: &mut Case<'_>, object: &str, rollout: &workload::Rollout, short: bool) {
    let value = &case.object;
    let said =
        |kind: &str| condition(value, kind).map(|found| condition_line(found, case.now)).unwrap_or_default();
    let mut out = Vec::new();
    if rollout.stuck {
        out.push(
            Finding::critical(object, "its rollout is stuck")
                .because(rollout.message.clone())
                .because(said("Progressing"))
                .next("mend the cause above, or go back with `rollout` and action `undo`"),
        );
    } else if short && flag(value, "/spec/paused") {
        out.push(
            Finding::warning(object, "is paused in the middle of a rollout").because(rollout.message.clone()),
        );
    } else if short && rollout.desired > 0 && case.findings.is_empty() {
        out.push(
            Finding::warning(object, "has not all of its pods ready yet")
                .because(rollout.message.clone())
                .next("if nothing else is found it may just be starting: `wait` with condition `rollout`"),
        );
    }
    if rollout.desired == 0 && !matches!(&*case.kind.kind, "Job" | "DaemonSet") {
        out.push(Finding::info(object, "is scaled to zero").next("`scale` brings it back"));
    }
    if case.kind.kind == "Job" {
        out.extend(job(object, value, case.now));
        case.state = format!(
            "{} succeeded, {} active, {} failed",
            number(value, "/status/succeeded"),
            number(value, "/status/active"),
            number(value, "/status/failed")
        );
    }
    case.findings.extend(out);
}

fn job(object: &str, job: &Value, now: f64) -> Vec<Finding> {
    let mut out = Vec::new();
    if let Some(failed) = condition(job, "Failed").filter(|failed| text(failed, "/status") == "True") {
        out.push(
            Finding::critical(object, "failed")
                .because(condition_line(failed, now))
                .because(format!(
                    "{} failed pods, limit {}",
                    number(job, "/status/failed"),
                    number(job, "/spec/backoffLimit")
                ))
                .next("the log of its last pod says why; a Job is not retried: make it again"),
        );
    }
    if flag(job, "/spec/suspend") {
        out.push(Finding::info(object, "is suspended"));
    }
    out
}

/// What makes Jobs by the clock.
pub(super) async fn cron(case: &mut Case<'_>) {
    let place = case.namespace;
    let events = events::about("CronJob", &case.object);
    let (api, jobs) = (case.api, [("Job", Select::default())]);
    let (events, [jobs]) = join!(events::read(api, place, &events), case.gather(jobs));
    case.take_events(events);
    let (object, uid) = (case.label(), text(&case.object, "/metadata/uid").to_owned());
    let mut own: Vec<&Value> = jobs.iter().filter(|job| owned_by(job, &uid)).collect();
    own.sort_by_key(|job| {
        std::cmp::Reverse(moment(job, "/metadata/creationTimestamp").unwrap_or_default() as i64)
    });
    if flag(&case.object, "/spec/suspend") {
        case.findings.push(Finding::info(&object, "is suspended: it makes no Jobs"));
    }
    let since = |pointer: &str| {
        moment(&case.object, pointer).map_or("never".to_owned(), |at| format!("{} ago", ago(at, case.now)))
    };
    let (scheduled, succeeded) = (since("/status/lastScheduleTime"), since("/status/lastSuccessfulTime"));
    case.state = format!("last run {scheduled}, last success {succeeded}");
    case.facts.insert("schedule".into(), text(&case.object, "/spec/schedule").into());
    case.facts.insert("last_run".into(), scheduled.into());
    case.facts.insert("last_success".into(), succeeded.clone().into());
    let Some(last) = own.first() else { return };
    let name = name(last);
    let found = job(&format!("Job/{name}"), last, case.now);
    if found.iter().any(|finding| finding.problem == "failed") {
        let finding = Finding::critical(&object, "its last run failed")
            .because(format!("Job {name}; the last success was {succeeded}"))
            .next(format!("`diagnose` of the Job {name} reads its pods and their logs"));
        case.findings.push(finding);
    }
    case.findings.extend(found);
}
