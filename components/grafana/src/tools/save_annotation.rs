//! `save_annotation`: marks a moment or a time on dashboards, or changes such a mark.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{When, unix};
use serde_json::Map;

use super::millis;
use crate::Grafana;
use crate::api;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Save {
    /// Change this one; not to create.
    #[schemars(range(min = 1, max = 4_294_967_295_u64))]
    id: Option<u64>,
    /// What happened.
    text: Option<String>,
    /// `["deploy", "api"]`
    #[schemars(length(max = 50))]
    tags: Option<Vec<String>>,
    /// Default now.
    time: Option<When>,
    /// Its end, if not a moment.
    time_end: Option<When>,
    /// Default: all, by tags.
    dashboard_uid: Option<String>,
    /// Of that dashboard.
    #[schemars(range(min = 0, max = 2_147_483_647))]
    panel_id: Option<u32>,
    /// With `id`: drop the rest.
    replace: Option<bool>,
    /// Creates in Graphite's form, with this `data`.
    graphite: Option<String>,
}

returns!(Saved { id: "integer", message: "string" });

pub(crate) fn tool() -> Tool<Grafana> {
    Tool::writes(
        "save_annotation",
        "Save an annotation",
        "Writes an annotation, or changes one: a deployment, an incident.",
        save,
    )
    .output::<Saved>()
}

async fn save(service: &Grafana, args: Save, call: &Call) -> Result<Output> {
    let api = &service.api;
    let now = unix(call.now());
    let (time, end) = (args.time.map(|when| when.resolve(now)), args.time_end.map(|when| when.resolve(now)));
    if end.is_some_and(|end| end < time.unwrap_or(now)) {
        return Err(Error::invalid("time_end", "is before `time`"));
    }
    let graphite = args.graphite.is_some();
    checked(&args, graphite)?;
    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| body.extend(value.map(|value| (name.to_owned(), value)));
    put(if graphite { "what" } else { "text" }, args.text.clone().map(Value::from));
    put("tags", args.tags.clone().map(Value::from));
    put("data", args.graphite.clone().filter(|data| !data.is_empty()).map(Value::from));
    let request = match args.id {
        None if graphite => {
            put("when", Some(json!(time.unwrap_or(now).round() as i64)));
            api.request(Method::Post, "/api/annotations/graphite")
        }
        id => {
            put("time", time.or(id.is_none().then_some(now)).map(|at| millis(at).into()));
            put("timeEnd", end.map(|at| millis(at).into()));
            match id {
                None => {
                    put("dashboardUID", args.dashboard_uid.clone().map(Value::from));
                    put("panelId", args.panel_id.map(Value::from));
                    api.request(Method::Post, "/api/annotations")
                }
                Some(id) => {
                    let replace = args.replace == Some(true);
                    let method = if replace { Method::Put } else { Method::Patch };
                    api.request(method, "/api/annotations").segment(&id.to_string())
                }
            }
        }
    };
    let done: Value = api::blame(api::json(request.json_body(&body)).await, "text")
        .or_else(|error| api::named(Err(error), &format!("annotation {}", args.id.unwrap_or_default())))?;
    let message = done.get("message").and_then(Value::as_str);
    let message = message.ok_or_else(|| Error::failed("Grafana did not say that it saved the annotation"))?;
    let id = done.get("id").cloned().or(args.id.map(Value::from)).unwrap_or_default();
    Ok(Output::json(&json!({ "id": id, "message": message })))
}

fn checked(args: &Save, graphite: bool) -> Result<()> {
    let wrong = |name: &str, why: &str| Err(Error::invalid(name, why));
    match args.id {
        None if args.text.as_deref().unwrap_or_default().is_empty() => {
            wrong("text", "is needed to create an annotation")
        }
        None if graphite && (args.dashboard_uid.is_some() || args.time_end.is_some()) => {
            wrong("graphite", "has a text, tags and a time, and no more")
        }
        Some(_) if graphite => wrong("graphite", "only creates"),
        Some(_) if args.replace == Some(true) && args.text.is_none() => {
            wrong("text", "is needed to replace all")
        }
        Some(_)
            if args.text.is_none()
                && args.tags.is_none()
                && args.time.is_none()
                && args.time_end.is_none() =>
        {
            wrong("", "say what to change: `text`, `tags`, `time` or `time_end`")
        }
        Some(_) if args.dashboard_uid.is_some() || args.panel_id.is_some() => {
            wrong("dashboard_uid", "cannot be changed: delete the annotation and create another")
        }
        _ => Ok(()),
    }
}
