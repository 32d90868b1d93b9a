//! `unhealthy`: everything in a namespace or in the cluster that is not well, a line each.

use std::collections::BTreeMap;

use bulkhead_sdk::list::{Key, Page, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;

use super::diagnose::rules::node as node_findings;
use super::{Object, now};
use crate::Kubernetes;
use crate::api::Select;
use crate::finding::{Finding, Severity, merged};
use crate::kind::known;
use crate::object::{condition, condition_line, label, namespace};
use crate::pods;
use crate::workload::{self, ROLLING};

const DEFAULT_LIMIT: usize = 50;

/// What is looked at.
const LOOKED_AT: [&str; 7] =
    ["Node", "Deployment", "StatefulSet", "DaemonSet", "Job", "PersistentVolumeClaim", "Pod"];

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Unhealthy {
    /// Default: all.
    namespace: Option<String>,
    /// Only these: `["pods"]`.
    #[schemars(length(max = 7))]
    kinds: Option<Vec<String>>,
    /// Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

returns!(Listed { healthy: "boolean", items: "array" });

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::reads(
            "unhealthy",
            "What is not well",
            "Start here: nodes, workloads, jobs, claims and pods that are not well, worst first.",
            unhealthy,
        )
        .output::<Listed>(),
    )
}

async fn unhealthy(service: &Kubernetes, args: Unhealthy, call: &Call) -> Result<Output> {
    let key = Key::new("unhealthy", &args)?;
    let kinds = kinds(args.kinds.as_deref().unwrap_or_default())?;
    let api = &service.api;
    let scope = match args.namespace.as_deref() {
        None => None,
        named => api.scope(named),
    };
    let (any, now) = (Select::default(), now(call));
    let answers = join_all(kinds.iter().map(|kind| {
        let sick = move |item: Value| {
            let findings = findings(kind, &item, now);
            (!findings.is_empty()).then(|| (namespace(&item).to_owned(), findings))
        };
        api.sift(known(kind).at(scope), &any, sick)
    }))
    .await;
    let (mut found, mut checked, mut missing, mut first_error) =
        (Vec::new(), Object::new(), Vec::new(), None);
    for (kind, answer) in kinds.iter().zip(answers) {
        match answer {
            Ok(all) => {
                if all.cut {
                    missing.push(format!(
                        "{kind}: only the first {} were looked at; name a namespace",
                        all.seen
                    ));
                }
                checked.insert((*kind).to_owned(), all.seen.into());
                found.extend(lines(kind, all.items));
            }
            Err(error) => {
                missing.push(format!("{kind}: {error}"));
                first_error.get_or_insert(error);
            }
        }
    }
    if let Some(error) = first_error.filter(|_| checked.is_empty()) {
        return Err(error);
    }
    found.sort_by_key(|(_, finding)| finding.severity);
    let page = Page::cut(found, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = Object::new();
    out.insert("healthy".into(), (page.total == 0 && missing.is_empty()).into());
    out.extend(page.map(|(namespace, finding)| line(&namespace, &finding)).into_object("items"));
    out.insert("checked".into(), checked.into());
    if !missing.is_empty() {
        out.insert("not_read".into(), missing.into());
    }
    Ok(Output::json(&out))
}

/// The kinds that are meant, in the order they are looked at.
fn kinds(names: &[String]) -> Result<Vec<&'static str>> {
    let meant = |name: &String| {
        let word = crate::kind::Named::parse(name);
        let found = word.known().and_then(|kind| LOOKED_AT.into_iter().find(|looked| *looked == kind.kind));
        found.ok_or_else(|| {
            Error::invalid(
                "kinds",
                format!("`{name}` is none of those that are looked at: {}", LOOKED_AT.join(", ")),
            )
        })
    };
    match names {
        [] => Ok(LOOKED_AT.to_vec()),
        names => names.iter().map(meant).collect(),
    }
}

/// The findings about a kind with their namespaces; pods with the same trouble are one.
fn lines(kind: &str, sick: Vec<(String, Vec<Finding>)>) -> Vec<(String, Finding)> {
    let mut by_namespace: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for (namespace, findings) in sick {
        by_namespace.entry(namespace).or_default().extend(findings);
    }
    let told = |(namespace, findings): (String, Vec<Finding>)| {
        let findings = if kind == "Pod" { merged(findings) } else { findings };
        findings.into_iter().map(move |finding| (namespace.clone(), finding))
    };
    by_namespace.into_iter().flat_map(told).collect()
}

fn findings(kind: &str, item: &Value, now: f64) -> Vec<Finding> {
    let object = label(kind, item);
    match kind {
        // The Job tells of its failed pods: one that was tried again and succeeded is well.
        "Pod" if pods::of_job(item) => Vec::new(),
        "Pod" => pods::findings(item, &[], now),
        "Node" => node_findings(item, now)
            .into_iter()
            .filter(|finding| finding.severity != Severity::Info)
            .collect(),
        "Job" => condition(item, "Failed")
            .filter(|failed| text(failed, "/status") == "True")
            .map(|failed| Finding::critical(&object, "failed").because(condition_line(failed, now)))
            .into_iter()
            .collect(),
        "PersistentVolumeClaim" => match text(item, "/status/phase") {
            "Bound" => Vec::new(),
            phase => vec![Finding::critical(&object, format!("is {phase}"))],
        },
        rolling if ROLLING.contains(&rolling) => {
            let rollout = workload::rollout(rolling, item);
            if rollout.done || rollout.desired == 0 {
                return Vec::new();
            }
            let none = rollout.ready == 0 || rollout.stuck;
            let severity = if none { Severity::Critical } else { Severity::Warning };
            let problem = match rollout.stuck {
                true => "its rollout is stuck".to_owned(),
                false => format!("{} of {} ready", rollout.ready, rollout.desired),
            };
            vec![Finding::new(severity, &object, problem).because(rollout.message)]
        }
        _ => Vec::new(),
    }
}

/// A finding in a line.
fn line(namespace: &str, finding: &Finding) -> Value {
    let mut row = finding.row();
    if let Some(row) = row.as_object_mut() {
        row.remove("next");
        row.remove("evidence");
        if !finding.evidence.is_empty() {
            row.insert("why".into(), finding.evidence.join("; ").into());
        }
        if !namespace.is_empty() {
            row.insert("namespace".into(), namespace.into());
        }
    }
    row
}
