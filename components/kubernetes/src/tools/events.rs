//! `events`: what happened, newest first.

use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::When;

use super::now;
use crate::Kubernetes;
use crate::api::Select;
use crate::events;
use crate::kind;

const DEFAULT_LIMIT: usize = 50;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Events {
    /// Default: configured. `*`: all.
    namespace: Option<String>,
    /// Of its object.
    kind: Option<String>,
    /// Of its object.
    name: Option<String>,
    /// Default: both.
    r#type: Option<Type>,
    /// Such as `BackOff`.
    reason: Option<String>,
    /// Such as `-1h`.
    since: Option<When>,
    /// Default summary.
    view: Option<View>,
    /// Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
enum Type {
    Warning,
    Normal,
}

returns!(Listed { events: "array" });

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::reads(
            "events",
            "Events",
            "Events, newest first; repeated ones are one line with a count.",
            list,
        )
        .output::<Listed>(),
    )
}

async fn list(service: &Kubernetes, args: Events, call: &Call) -> Result<Output> {
    let key = Key::new("events", &args)?;
    let mut terms = Vec::new();
    if let Some(kind) = &args.kind {
        terms.push(format!("involvedObject.kind={}", kind::resolve(&service.api, kind).await?.kind));
    }
    for (field, value) in [("involvedObject.name", &args.name), ("reason", &args.reason)] {
        terms.extend(value.as_ref().map(|value| format!("{field}={value}")));
    }
    terms.extend(args.r#type.map(|kind| format!("type={kind:?}")));
    let select = Select { labels: None, fields: (!terms.is_empty()).then(|| terms.join(",")) };
    let namespace = service.api.scope(args.namespace.as_deref());
    let (mut events, cut) = events::read(&service.api, namespace, &select).await?;
    if let Some(since) = args.since {
        let since = since.resolve(now(call));
        events.retain(|event| event.last >= since);
    }
    let page = Page::cut(events, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page.map(|event| event.row(now(call), args.view == Some(View::Full))).into_object("events");
    if cut {
        out.insert(
            "note".into(),
            "There are more than one call reads: narrow by namespace, kind or reason.".into(),
        );
    }
    Ok(Output::json(&out))
}
