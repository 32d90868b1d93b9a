//! `diagnose`: why one object is not well, from what it says, its pods, its events, its surroundings, and its last words.
//!
//! Each file below has the rules of one family of kinds; all fill the same [`Case`].

mod node;
pub(super) mod rules;
mod service;
mod workload;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use super::{Object, now};
use crate::Kubernetes;
use crate::api::{Api, Select};
use crate::events::{self, Event};
use crate::finding::{Finding, Severity, merged};
use crate::kind::{self, Kind, known};
use crate::object::{condition_line, name};
use crate::pods;

/// What is shown of each, besides findings.
const PODS: usize = 20;
const EVENTS: usize = 10;

/// The containers whose last words are read, and how much of them.
const LOGS: usize = 2;
const LOG_LINES: &str = "25";
const LOG_BYTES: &str = "16384";

/// The nodes that are looked at.
const NODES: usize = 3;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Diagnose {
    /// A workload, `pod`, `node`, `svc`, `ingress` or any other.
    kind: String,
    /// Its name.
    name: String,
    /// Default: configured.
    namespace: Option<String>,
}

returns!(Diagnosis { healthy: "boolean", verdict: "string", findings: "array" });

/// What is known of the object so far.
struct Case<'a> {
    api: &'a Api,
    namespace: Option<&'a str>,
    now: f64,
    kind: &'a Kind,
    object: Value,
    /// In a word, when nothing is wrong.
    state: String,
    findings: Vec<Finding>,
    facts: Object,
    pods: Vec<Value>,
    events: Vec<Event>,
    missing: Vec<String>,
}

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::reads(
            "diagnose",
            "Diagnose",
            "Why an object is not well: findings with evidence and next steps, pods, events, last log lines.",
            diagnose,
        )
        .output::<Diagnosis>(),
    )
}

async fn diagnose(service: &Kubernetes, args: Diagnose, call: &Call) -> Result<Output> {
    let api = &service.api;
    let kind = kind::resolve(api, &args.kind).await?;
    let namespace = if kind.namespaced { Some(api.one(args.namespace.as_deref())?) } else { None };
    let object = api.get(kind.at(namespace).named(&args.name)).await?;
    let mut case = Case {
        api,
        namespace,
        now: now(call),
        kind: &kind,
        object,
        state: "nothing is wrong with it".to_owned(),
        findings: Vec::new(),
        facts: Object::new(),
        pods: Vec::new(),
        events: Vec::new(),
        missing: Vec::new(),
    };
    match &*kind.kind {
        "Pod" => workload::pod(&mut case).await,
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => {
            workload::workload(&mut case).await
        }
        "CronJob" => workload::cron(&mut case).await,
        "Node" => node::node(&mut case).await,
        "Service" => service::service(&mut case).await,
        "Ingress" => service::ingress(&mut case).await,
        _ => any(&mut case).await,
    }
    let logs = last_words(&mut case).await;
    Ok(Output::json(&case.told(logs)))
}

/// Any other kind: conditions and events, which most custom resources have.
async fn any(case: &mut Case<'_>) {
    let select = events::about(&case.kind.kind, &case.object);
    case.read_events(&select).await;
    let object = case.label();
    case.findings.extend(rules::conditions(&object, &case.object, case.now));
    if case.kind.kind == "PersistentVolumeClaim" {
        case.findings.extend(rules::claim(&case.object, &case.events, case.now));
    }
    if case.findings.is_empty() {
        case.findings.extend(rules::warnings(&object, &case.events, case.now));
    }
    let conditions = list(&case.object, "/status/conditions");
    if !conditions.is_empty() {
        let lines = conditions.iter().map(|condition| condition_line(condition, case.now));
        case.facts.insert("conditions".into(), lines.collect());
    }
}

impl Case<'_> {
    fn label(&self) -> String {
        format!("{}/{}", self.kind.kind, name(&self.object))
    }

    /// Lists of well-known kinds in the namespace, read at once; what cannot be read is empty, and told.
    async fn gather<const N: usize>(&mut self, wanted: [(&str, Select); N]) -> [Vec<Value>; N] {
        let (api, namespace) = (self.api, self.namespace);
        let answers =
            join_all(wanted.iter().map(|(kind, select)| api.all(known(kind).at(namespace), select))).await;
        let mut answers = wanted.iter().zip(answers);
        std::array::from_fn(|_| match answers.next() {
            Some(((kind, _), Ok(all))) => {
                if all.cut {
                    self.missing.push(format!("{kind}: there are more than one call reads"));
                }
                all.items
            }
            Some(((kind, _), Err(error))) => {
                self.missing.push(format!("{kind}: {error}"));
                Vec::new()
            }
            None => Vec::new(),
        })
    }

    async fn read_events(&mut self, select: &Select) {
        let place = events::place(&self.object).or(self.namespace);
        let answer = events::read(self.api, place, select).await;
        self.take_events(answer);
    }

    fn take_events(&mut self, answer: Result<(Vec<Event>, bool)>) {
        match answer {
            Ok((events, _)) => self.events = events,
            Err(error) => self.missing.push(format!("events: {error}")),
        }
    }

    /// Why its pods are not well, and their nodes.
    async fn look_at_pods(&mut self) {
        for pod in &self.pods {
            self.findings.extend(pods::findings(pod, &self.events, self.now));
        }
        let sick = self.pods.iter().filter(|pod| !pods::is_ready(pod) && !pods::is_finished(pod));
        let mut nodes: Vec<&str> =
            sick.map(|pod| text(pod, "/spec/nodeName")).filter(|node| !node.is_empty()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.truncate(NODES);
        let answers =
            join_all(nodes.iter().map(|node| self.api.get(known("Node").at(None).named(node)))).await;
        for (node, answer) in nodes.iter().zip(answers) {
            match answer {
                // Only what makes pods sick: a cordoned node does not.
                Ok(node) => self.findings.extend(
                    rules::node(&node, self.now)
                        .into_iter()
                        .filter(|finding| finding.severity != Severity::Info),
                ),
                Err(error) => self.missing.push(format!("node {node}: {error}")),
            }
        }
    }

    fn told(mut self, logs: Vec<Value>) -> Object {
        let object = self.label();
        let findings = merged(std::mem::take(&mut self.findings));
        let worst = findings.first().filter(|finding| finding.severity != Severity::Info);
        let verdict = match worst {
            Some(worst) => format!("{} {}", worst.object, worst.problem),
            None => format!("{object}: {}", self.state),
        };
        let mut out = Object::new();
        out.insert("object".into(), object.into());
        out.insert("healthy".into(), worst.is_none().into());
        out.insert("verdict".into(), verdict.into());
        out.insert("findings".into(), findings.iter().map(Finding::row).collect());
        out.append(&mut self.facts);
        if !self.pods.is_empty() && self.kind.kind != "Pod" {
            self.pods.sort_by_cached_key(|pod| {
                (pods::is_ready(pod) || pods::is_finished(pod), name(pod).to_owned())
            });
            let (total, rows) = (self.pods.len(), self.pods.iter().take(PODS));
            out.insert("pods".into(), rows.map(|pod| pods::row(pod, self.now)).collect());
            if total > PODS {
                out.insert("pods_left_out".into(), (total - PODS).into());
            }
        }
        let lines = self.events.iter().take(EVENTS);
        let line = |event: &Event| format!("{}/{} {}", event.kind, event.name, event.line(self.now));
        out.insert("events".into(), lines.map(line).collect());
        if !logs.is_empty() {
            out.insert("logs".into(), logs.into());
        }
        if !self.missing.is_empty() {
            out.insert("not_read".into(), self.missing.into());
        }
        out
    }
}

/// The last log lines of containers that are not well. A node's pods are not its own words.
async fn last_words(case: &mut Case<'_>) -> Vec<Value> {
    if case.kind.kind == "Node" {
        return Vec::new();
    }
    let telling: Vec<(&Value, &str, bool)> = case
        .pods
        .iter()
        .filter_map(|pod| pods::telling(pod).map(|(container, previous)| (pod, container, previous)))
        .take(LOGS)
        .collect();
    let answers = join_all(telling.iter().map(|(pod, container, previous)| {
        let at = known("Pod").at(Some(text(pod, "/metadata/namespace"))).named(name(pod));
        let mut params = vec![
            ("container", (*container).to_owned()),
            ("tailLines", LOG_LINES.to_owned()),
            ("limitBytes", LOG_BYTES.to_owned()),
        ];
        if *previous {
            params.push(("previous", "true".to_owned()));
        }
        let api = case.api;
        async move { api.log(at, &params).await }
    }))
    .await;
    let mut logs = Vec::new();
    let mut missing = Vec::new();
    for ((pod, container, previous), answer) in telling.iter().zip(answers) {
        match answer {
            Ok(text) => logs.push(json!({
                "pod": name(pod), "container": container, "previous": previous, "text": text.trim_end(),
            })),
            Err(error) => missing.push(format!("log of {}: {error}", name(pod))),
        }
    }
    case.missing.extend(missing);
    logs
}
