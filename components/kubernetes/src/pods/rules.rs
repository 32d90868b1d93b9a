//! The rules that tell why a pod is not well, each with its evidence. First those about the pod as a whole, because what is
//! going, put out or nowhere has no containers to ask; then those about each container.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::Seconds;
use bulkhead_sdk::value::{list, shortened, text};

use super::{Container, containers, is_finished};
use crate::events::Event;
use crate::finding::Finding;
use crate::object::{ago, condition, condition_line, flag, label, moment, name, number};

/// A container that is not ready for so long after its start is not just starting.
const SETTLING: Seconds = 60.0;

/// A pod that is being made, or is going, for longer than this is stuck.
const STUCK: Seconds = 300.0;

/// Restarts older than this are history.
const RECENT: Seconds = 3600.0;

/// Why a pod is not well, by everything it says of itself and the events about it.
pub(crate) fn findings(pod: &Value, events: &[Event], now: Seconds) -> Vec<Finding> {
    let patient = Patient { pod, events, now, object: label("Pod", pod) };
    if !text(pod, "/metadata/deletionTimestamp").is_empty() {
        return patient.going().into_iter().collect();
    }
    if is_finished(pod) {
        return Vec::new();
    }
    if let Some(finding) = patient.put_out().or_else(|| patient.unscheduled()) {
        return vec![finding];
    }
    let all = containers(pod);
    // What waits for an init container has no trouble of its own.
    let blocked = all.iter().any(|one| one.init && !one.sidecar() && !flag(one.status, "/ready"));
    let asked = all.iter().filter(|container| container.init || !blocked);
    let mut out: Vec<Finding> = asked.filter_map(|container| patient.container(*container)).collect();
    if out.is_empty() {
        out.extend(patient.not_ready_for_another_reason(&all).or_else(|| patient.never_started(&all)));
    }
    out
}

/// A pod, what was said about it, and when it is looked at.
struct Patient<'a> {
    pod: &'a Value,
    events: &'a [Event],
    now: Seconds,
    object: String,
}

impl Patient<'_> {
    fn critical(&self, problem: impl Into<String>) -> Finding {
        Finding::critical(&self.object, problem)
    }

    fn warning(&self, problem: impl Into<String>) -> Finding {
        Finding::warning(&self.object, problem)
    }

    /// How long ago a moment of an object is.
    fn since(&self, object: &Value, pointer: &str) -> Option<Seconds> {
        moment(object, pointer).map(|at| self.now - at)
    }

    /// What the latest events about the pod say, of those reasons.
    fn said(&self, reasons: &[&str]) -> Vec<String> {
        let about = |event: &&Event| {
            event.is_about("Pod", name(self.pod)) && reasons.contains(&event.reason.as_str())
        };
        self.events.iter().filter(about).take(2).map(|event| event.line(self.now)).collect()
    }

    /// The timestamp is when it should be gone: the grace period is in it.
    fn going(&self) -> Option<Finding> {
        let over = self.since(self.pod, "/metadata/deletionTimestamp").filter(|over| *over > STUCK)?;
        Some(
            self.warning("has been going for long and is still there")
                .because(format!("it should have been gone {} ago", ago(0.0, over)))
                .because(finalizers(self.pod))
                .because_all(self.said(&["FailedKillPod", "FailedPreStopHook"]))
                .next("see whether its node answers (`diagnose` the node) and what holds its finalizers"),
        )
    }

    /// A pod that its node put out has a reason of its own; of others that failed the containers tell.
    fn put_out(&self) -> Option<Finding> {
        let reason = text(self.pod, "/status/reason");
        (text(self.pod, "/status/phase") == "Failed" && !reason.is_empty()).then(|| {
            self.critical(format!("failed: {reason}"))
                .because(shortened(text(self.pod, "/status/message"), 300))
                .next("`diagnose` its node, if it was evicted")
        })
    }

    fn unscheduled(&self) -> Option<Finding> {
        let scheduled =
            condition(self.pod, "PodScheduled").filter(|known| text(known, "/status") == "False")?;
        let gated = text(scheduled, "/reason") == "SchedulingGated";
        let problem =
            if gated { "waits for its scheduling gates" } else { "cannot be scheduled on any node" };
        let events = self.said(&["FailedScheduling", "NotTriggerScaleUp"]);
        Some(
            self.critical(problem)
                .because(format!("scheduler: {}", text(scheduled, "/message")))
                .because_all(events.into_iter().take(1))
                .next("compare its requests, node selector, tolerations and volumes with `top` and `list` of nodes"),
        )
    }

    fn not_ready_for_another_reason(&self, all: &[Container<'_>]) -> Option<Finding> {
        let ready = |container: &Container<'_>| container.init || flag(container.status, "/ready");
        let said = condition(self.pod, "Ready").filter(|known| text(known, "/status") == "False")?;
        (!all.is_empty() && all.iter().all(ready)).then(|| {
            self.warning("is not ready, though its containers are")
                .because(condition_line(said, self.now))
                .next("its node does not answer (`diagnose` it), or a readiness gate is not met")
        })
    }

    fn never_started(&self, all: &[Container<'_>]) -> Option<Finding> {
        let old = self.since(self.pod, "/metadata/creationTimestamp").is_some_and(|age| age > STUCK);
        (all.is_empty() && old).then(|| {
            self.critical("its node does not start it")
                .because(format!("node {}", text(self.pod, "/spec/nodeName")))
                .next("`diagnose` the node")
        })
    }

    fn container(&self, container: Container<'_>) -> Option<Finding> {
        let (named, status) = (named(container), container.status);
        let said = shortened(text(status, "/state/waiting/message"), 300);
        let finding = match container.waiting() {
            "" => return self.started(container),
            "CrashLoopBackOff" if container.out_of_memory() => self.out_of_memory(container),
            "CrashLoopBackOff" => self
                .critical(format!("{named} crashes again and again"))
                .because(container.end_line(self.now))
                .because(restarts(status))
                .because_all(self.said(&["Unhealthy"]))
                .next("its last log lines say why (`logs` with `previous`); compare with the last good revision"),
            "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => self
                .critical(format!("the image of {named} cannot be pulled"))
                .because(format!("image {}", text(container.spec, "/image")))
                .because(said)
                .because_all(self.said(&["Failed"]))
                .next("check the image's name and tag, whether the registry answers, and the pod's imagePullSecrets"),
            "CreateContainerConfigError" => self
                .critical(format!("{named} refers to configuration that is not there"))
                .because(said)
                .next("create the ConfigMap, Secret or key that it names, or mend the reference"),
            "CreateContainerError" | "RunContainerError" | "StartError" => self
                .critical(format!("{named} cannot be started"))
                .because(said)
                .because(container.end_line(self.now))
                .next("check its command, volume mounts and security context"),
            _ => return self.being_created(container),
        };
        Some(finding)
    }

    fn being_created(&self, container: Container<'_>) -> Option<Finding> {
        let since =
            self.since(self.pod, "/status/startTime").filter(|since| *since > STUCK && !container.init)?;
        Some(
            self.warning("is still being created")
                .because(format!("started {} ago", ago(0.0, since)))
                .because_all(self.said(&["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"]))
                .next("volumes and the pod network are what is usually waited for"),
        )
    }

    /// A container that is not waiting: it runs, or it has ended.
    fn started(&self, container: Container<'_>) -> Option<Finding> {
        let (named, status) = (named(container), container.status);
        let recent =
            self.since(status, "/lastState/terminated/finishedAt").is_some_and(|since| since < RECENT);
        let failed = number(status, "/state/terminated/exitCode") != 0;
        if container.out_of_memory() && (recent || failed) {
            return Some(self.out_of_memory(container));
        }
        if failed {
            let finding = self.critical(format!("{named} failed")).because(container.end_line(self.now));
            return Some(finding.because(restarts(status)).next("its log says why (`logs`)"));
        }
        if container.init && !container.sidecar() {
            return None;
        }
        let settled = self.since(status, "/state/running/startedAt").is_some_and(|since| since > SETTLING);
        if settled && !flag(status, "/ready") {
            return Some(
                self.critical(format!("{named} runs but is not ready"))
                    .because(probe(container.spec))
                    .because_all(self.said(&["Unhealthy"]))
                    .because(restarts(status))
                    .next("a dependency is the usual cause: read its log, and `diagnose` what it calls"),
            );
        }
        (recent && number(status, "/restartCount") > 2).then(|| {
            self.warning(format!("{named} restarts often"))
                .because(format!("{}, the last within the hour", restarts(status)))
                .because(container.end_line(self.now))
                .because_all(self.said(&["Unhealthy"]))
                .next("`logs` with `previous` shows how the last run ended")
        })
    }

    fn out_of_memory(&self, container: Container<'_>) -> Finding {
        let limit = match text(container.spec, "/resources/limits/memory") {
            "" => "no memory limit: the node itself ran out".to_owned(),
            limit => format!("memory limit {limit}"),
        };
        self.critical(format!("{} is killed because it runs out of memory (OOMKilled)", named(container)))
            .because(container.end_line(self.now))
            .because(limit)
            .because(restarts(container.status))
            .next("compare `top` with the limit over time: raise the limit, or find what grew")
    }
}

fn named(container: Container<'_>) -> String {
    let init = if container.init { "init " } else { "" };
    format!("{init}container {}", container.name())
}

/// `14 restarts`, or nothing.
fn restarts(status: &Value) -> String {
    match number(status, "/restartCount") {
        0 => String::new(),
        count => format!("{count} restarts"),
    }
}

/// What the readiness probe asks.
fn probe(spec: &Value) -> String {
    let probe = spec.get("readinessProbe").unwrap_or(&Value::Null);
    let port = |pointer: &str| match probe.pointer(pointer) {
        Some(Value::String(name)) => name.clone(),
        Some(number) => number.to_string(),
        None => String::new(),
    };
    let asks = if probe.get("httpGet").is_some() {
        format!("HTTP GET {} on port {}", text(probe, "/httpGet/path"), port("/httpGet/port"))
    } else if probe.get("tcpSocket").is_some() {
        format!("TCP port {}", port("/tcpSocket/port"))
    } else if probe.get("grpc").is_some() {
        format!("gRPC port {}", port("/grpc/port"))
    } else if probe.get("exec").is_some() {
        "a command".to_owned()
    } else {
        return String::new();
    };
    format!("readiness probe: {asks}")
}

fn finalizers(pod: &Value) -> String {
    let names: Vec<&str> = list(pod, "/metadata/finalizers").iter().filter_map(Value::as_str).collect();
    if names.is_empty() { String::new() } else { format!("finalizers: {}", names.join(", ")) }
}
