//! `get`: one object or several of a kind, described with their events, or whole.

use bulkhead_sdk::join;
use bulkhead_sdk::list::View;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{Fields, list, text};

use super::{Object, now, rollout};
use crate::Kubernetes;
use crate::api::Select;
use crate::kind::{self, Kind};
use crate::object::{clean, number, summary};
use crate::workload::ROLLING;
use crate::{events, pods, workload};

/// The most objects of one call.
const MOST: usize = 20;

/// The events that are shown of each.
const EVENTS: usize = 10;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Get {
    /// As in `list`; one.
    kind: String,
    /// One, or several: `a,b`.
    name: String,
    /// Default: configured.
    namespace: Option<String>,
    /// Default summary.
    view: Option<View>,
    /// As in `list`.
    #[schemars(length(max = 20))]
    fields: Option<Fields>,
    /// Adds events. Default: in a summary.
    events: Option<bool>,
}

returns!(Got { items: "array" });

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::reads(
            "get",
            "Get objects",
            "Describes objects: state, conditions, owner, events; of one workload also its rollout and revisions.",
            get,
        )
        .output::<Got>(),
    )
}

async fn get(service: &Kubernetes, args: Get, call: &Call) -> Result<Output> {
    let fields = args.fields.unwrap_or_default();
    let names: Vec<&str> = args.name.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.is_empty() || names.len() > MOST {
        return Err(Error::invalid(
            "name",
            format!("expected 1 to {MOST} names separated by commas, not {}", names.len()),
        ));
    }
    let kind = kind::resolve(&service.api, &args.kind).await?;
    let namespace = if kind.namespaced { Some(service.api.one(args.namespace.as_deref())?) } else { None };
    let with_events = args.events.unwrap_or(args.view != Some(View::Full) && fields.is_empty());
    let answers = join_all(names.iter().map(async |name| {
        let about = format!("involvedObject.kind={},involvedObject.name={name}", kind.kind);
        let events = async {
            match with_events {
                true => Some(events::read(&service.api, namespace, &Select::fields(about)).await),
                false => None,
            }
        };
        join!(service.api.get(kind.at(namespace).named(name)), events)
    }))
    .await;
    let (mut items, mut hidden, mut failed) = (Vec::new(), false, 0);
    for (name, (object, events)) in names.iter().zip(answers) {
        let mut object = match object {
            Ok(object) => object,
            Err(error) if names.len() == 1 => return Err(error),
            Err(error) => {
                failed += 1;
                items.push(json!({ "name": name, "error": error.to_string() }));
                if failed == names.len() {
                    return Err(error);
                }
                continue;
            }
        };
        hidden |= clean(&mut object);
        let describe = fields.is_empty() && args.view != Some(View::Full);
        let mut item = match describe {
            true => described(&kind, &object, now(call)),
            false => fields.of(&object).as_object().cloned().unwrap_or_default(),
        };
        if describe && names.len() == 1 && ROLLING.contains(&&*kind.kind) {
            let history = rollout::history(&service.api, &kind, &object, now(call)).await;
            item.extend(revisions(history));
        }
        item.entry("name").or_insert_with(|| (*name).into());
        match events {
            None => {}
            Some(Ok((events, _))) => {
                let lines = events.iter().take(EVENTS).map(|event| event.line(now(call)));
                item.insert("events".into(), lines.collect());
            }
            Some(Err(error)) => drop(item.insert("events".into(), json!([format!("not read: {error}")]))),
        }
        items.push(item.into());
    }
    let mut out = Object::new();
    let unknown = fields.unknown(&items);
    out.insert("items".into(), items.into());
    out.extend(unknown);
    if hidden {
        out.insert("note".into(), "The values of a Secret are hidden here.".into());
    }
    Ok(Output::json(&out))
}

/// What `kubectl describe` would say: for pods and workloads what is known of their kind, instead of a long spec.
fn described(kind: &Kind, object: &Value, now: f64) -> Object {
    let mut out = summary(object, now);
    match &*kind.kind {
        "Pod" => {
            out.remove("spec");
            out.remove("status");
            out.extend(pods::row(object, now).as_object().cloned().unwrap_or_default());
            out.insert("ip".into(), text(object, "/status/podIP").into());
            out.insert("containers".into(), pods::containers(object).iter().map(container).collect());
        }
        rolling if ROLLING.contains(&rolling) => {
            let rollout = workload::rollout(rolling, object);
            let template = object.pointer("/spec/template").unwrap_or(&Value::Null);
            out.insert("rollout".into(), rollout.message.into());
            out.insert("images".into(), workload::images(template).into());
        }
        _ => {}
    }
    out
}

/// What a workload was before: one object is asked for it, not several.
fn revisions(history: Result<(Vec<Value>, usize)>) -> Object {
    let mut out = Object::new();
    match history {
        Ok((rows, older)) => {
            out.insert("revisions".into(), rows.into());
            if older > 0 {
                out.insert("revisions_left_out".into(), older.into());
            }
        }
        Err(error) => drop(out.insert("revisions".into(), json!([format!("not read: {error}")]))),
    }
    out
}

fn container(container: &pods::Container<'_>) -> Value {
    let mut out = json!({
        "name": container.name(),
        "image": text(container.spec, "/image"),
        "state": container.state(),
        "ready": container.status.get("ready"),
        "restarts": number(container.status, "/restartCount"),
    });
    let Some(fields) = out.as_object_mut() else { return out };
    if container.init {
        fields.insert("init".into(), true.into());
    }
    if let Some(resources) = container
        .spec
        .get("resources")
        .filter(|resources| resources.get("limits").is_some() || resources.get("requests").is_some())
    {
        fields.insert("resources".into(), resources.clone());
    }
    if let Some(last) = container.status.pointer("/lastState/terminated") {
        let end = format!("exit {} {}", number(last, "/exitCode"), text(last, "/reason"));
        fields.insert("last_end".into(), format!("{} {}", end.trim_end(), text(last, "/finishedAt")).into());
    }
    let ports: Vec<i64> =
        list(container.spec, "/ports").iter().map(|port| number(port, "/containerPort")).collect();
    if !ports.is_empty() {
        fields.insert("ports".into(), ports.into());
    }
    out
}
