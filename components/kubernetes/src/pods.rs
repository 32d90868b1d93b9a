//! Pods: how one is, in a word and in a line. `rules` tells why one is not well, `eviction` whether a drain may evict one.

mod eviction;
mod rules;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::Seconds;
use bulkhead_sdk::value::{list, shortened, text};

use crate::object::{age, ago, condition, controller, flag, moment, name, number};

pub(crate) use eviction::{Eviction, eviction};
pub(crate) use rules::findings;

/// One container of a pod: what is wanted of it, and how it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Container<'a> {
    pub(crate) spec: &'a Value,
    pub(crate) status: &'a Value,
    pub(crate) init: bool,
}

/// The containers that have a status, init containers first.
pub(crate) fn containers(pod: &Value) -> Vec<Container<'_>> {
    let of = |statuses: &str, specs: &'static str, init| {
        let spec = move |status: &Value| {
            list(pod, specs)
                .iter()
                .find(|spec| text(spec, "/name") == text(status, "/name"))
                .unwrap_or(&Value::Null)
        };
        list(pod, statuses)
            .iter()
            .map(move |status| Container { spec: spec(status), status, init })
            .collect::<Vec<_>>()
    };
    let mut all = of("/status/initContainerStatuses", "/spec/initContainers", true);
    all.extend(of("/status/containerStatuses", "/spec/containers", false));
    all
}

impl<'a> Container<'a> {
    pub(crate) fn name(&self) -> &'a str {
        text(self.status, "/name")
    }

    fn waiting(&self) -> &'a str {
        text(self.status, "/state/waiting/reason")
    }

    /// It runs beside the others for as long as the pod does.
    fn sidecar(&self) -> bool {
        self.init && text(self.spec, "/restartPolicy") == "Always"
    }

    /// Whether it died of a lack of memory, now or the last time.
    fn out_of_memory(&self) -> bool {
        ["/state/terminated/reason", "/lastState/terminated/reason"]
            .iter()
            .any(|pointer| text(self.status, pointer) == "OOMKilled")
    }

    /// How it ended: the last time, or now if it has.
    fn end(&self) -> Option<&'a Value> {
        let ended = |pointer: &str| self.status.pointer(pointer).filter(|end| end.is_object());
        ended("/state/terminated").or_else(|| ended("/lastState/terminated"))
    }

    /// `exit 137 (OOMKilled), 3m ago`.
    fn end_line(&self, now: Seconds) -> String {
        let Some(end) = self.end() else { return String::new() };
        let code = number(end, "/exitCode");
        let mut line = format!("container {} ended with exit {code}", self.name());
        let meaning = match text(end, "/reason") {
            "" | "Error" => meaning(code),
            reason => reason,
        };
        if !meaning.is_empty() {
            line += &format!(" ({meaning})");
        }
        if let Some(at) = moment(end, "/finishedAt") {
            line += &format!(", {} ago", ago(at, now));
        }
        if !text(end, "/message").is_empty() {
            line += &format!(": {}", shortened(text(end, "/message"), 300));
        }
        line
    }

    /// `running`, `waiting CrashLoopBackOff`, `terminated Completed`.
    pub(crate) fn state(&self) -> String {
        match self.status.get("state").and_then(Value::as_object).and_then(|state| state.iter().next()) {
            Some((word, state)) => {
                let said = [text(state, "/reason"), text(state, "/message")].map(|said| shortened(said, 300));
                let said: Vec<String> = said.into_iter().filter(|said| !said.is_empty()).collect();
                format!("{word} {}", said.join(": ")).trim_end().to_owned()
            }
            None => "unknown".to_owned(),
        }
    }
}

/// What an exit code means by convention.
fn meaning(code: i64) -> &'static str {
    match code {
        126 => "the command cannot be executed",
        127 => "the command is not in the image",
        134 => "aborted",
        137 => "killed: out of memory, a failed liveness probe, or a stop that took too long",
        139 => "crashed with a segmentation fault",
        143 => "ended when it was asked to stop",
        _ => "",
    }
}

/// What `kubectl get pods` says under STATUS, as near as matters.
pub(crate) fn status_word(pod: &Value) -> String {
    if !text(pod, "/metadata/deletionTimestamp").is_empty() {
        return "Terminating".to_owned();
    }
    for container in containers(pod) {
        let state = |pointer: &str| text(container.status, pointer);
        let (waiting, ended) = (container.waiting(), state("/state/terminated/reason"));
        if !waiting.is_empty() && waiting != "PodInitializing" {
            return if container.init { format!("Init:{waiting}") } else { waiting.to_owned() };
        }
        let failed = number(container.status, "/state/terminated/exitCode") != 0;
        if failed && !ended.is_empty() {
            return if container.init { format!("Init:{ended}") } else { ended.to_owned() };
        }
    }
    let reason = text(pod, "/status/reason");
    if reason.is_empty() { text(pod, "/status/phase").to_owned() } else { reason.to_owned() }
}

/// Whether it does its work: it ran to its end, or every condition of being ready is met.
pub(crate) fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|ready| text(ready, "/status") == "True")
}

pub(crate) fn is_finished(pod: &Value) -> bool {
    text(pod, "/status/phase") == "Succeeded"
}

/// Whether it is a failed try of a Job.
pub(crate) fn of_job(pod: &Value) -> bool {
    text(pod, "/status/phase") == "Failed" && controller(pod).is_some_and(|(kind, _)| kind == "Job")
}

pub(crate) fn restarts(pod: &Value) -> i64 {
    containers(pod).iter().map(|container| number(container.status, "/restartCount")).sum()
}

/// `1/2`.
fn ready_count(pod: &Value) -> String {
    let ready = list(pod, "/status/containerStatuses").iter().filter(|status| flag(status, "/ready")).count();
    format!("{ready}/{}", list(pod, "/spec/containers").len())
}

/// A pod in a row.
pub(crate) fn row(pod: &Value, now: Seconds) -> Value {
    json!({
        "name": name(pod),
        "status": status_word(pod),
        "ready": ready_count(pod),
        "restarts": restarts(pod),
        "age": age(pod, now),
        "node": text(pod, "/spec/nodeName"),
    })
}

/// The container whose log tells why the pod is not well, and whether it is the log of the run before: one that crashed, or one
/// that runs and does not get ready.
pub(crate) fn telling(pod: &Value) -> Option<(&str, bool)> {
    let all = containers(pod);
    let crashed = |container: &&Container<'_>| {
        let failed = container.end().is_some_and(|end| number(end, "/exitCode") != 0);
        failed && (!flag(container.status, "/ready") || number(container.status, "/restartCount") > 0)
    };
    let unready = |container: &&Container<'_>| {
        !container.init
            && !flag(container.status, "/ready")
            && container.status.pointer("/state/running").is_some()
    };
    let found = all.iter().find(crashed).or_else(|| all.iter().find(unready))?;
    let ended = |pointer: &str| found.status.pointer(pointer).is_some();
    let previous = found.end().is_some() && ended("/lastState/terminated") && !ended("/state/terminated");
    Some((found.name(), previous))
}
