//! `alerts`: what is pending or firing.
//!
//! The endpoint has no parameters, so every filter is applied here.

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;

use super::{counted, labels_but};
use crate::Prometheus;
use crate::api::{Answer, Ask, Remarks};
use crate::shape;
use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::value::{Fields, shortened, take, text};

const DEFAULT_LIMIT: usize = 50;
/// Annotations can hold a whole runbook; a summary has its first lines.
const ANNOTATION_LENGTH: usize = 300;

/// Names counted; more would not be read.
const NAMES: usize = 50;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Arguments {
    /// Default: both.
    state: Option<State>,
    /// Its alertname.
    name: Option<String>,
    /// `{"severity": "critical"}`.
    #[schemars(with = "Option<Labels>")]
    labels: Option<BTreeMap<String, String>>,
    view: Option<View>,
    /// Of `full`: `labels.job`.
    #[schemars(length(max = 20))]
    fields: Option<Fields>,
    /// Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

/// An object; that its values are texts needs no saying.
struct Labels;

bulkhead_sdk::schema!(Labels { "type": "object" });

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Pending,
    Firing,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

returns!(Answered { total: "integer", alerts: "array" });

pub(super) fn tool() -> Tool<Prometheus> {
    Tool::reads("alerts", "Alerts", "Pending and firing alerts with value and start.", alerts)
        .output::<Answered>()
}

async fn alerts(service: &Prometheus, args: Arguments, _: &Call) -> Result<Output> {
    let key = Key::new("alerts", &args)?;
    let (mut alerts, remarks) = fetch(service, args.state).await?;
    alerts.retain(|alert| {
        let labels = alert.get("labels");
        let has = |(name, value): (&String, &String)| {
            labels.and_then(|labels| labels.get(name)).and_then(Value::as_str).unwrap_or_default() == value
        };
        let wanted = args.labels.as_ref();
        args.name.as_deref().is_none_or(|name| alert_name(alert) == name)
            && wanted.is_none_or(|wanted| wanted.iter().all(has))
    });
    let states = json!(counted(alerts.iter().map(|alert| text(alert, "/state"))));
    let names = by_name(&alerts);
    let page = Page::cut(alerts, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page.shown("alerts", args.view, args.fields.as_ref(), |alert| brief(&alert));
    out.insert("by_state".into(), states);
    out.insert("by_name".into(), names);
    remarks.write(&mut out);
    Ok(Output::json(&out))
}

/// How many there are of each name and state.
fn by_name(alerts: &[Value]) -> Value {
    let mut lines: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for alert in alerts {
        *lines.entry((text(alert, "/state"), alert_name(alert))).or_default() += 1;
    }
    let line = |((state, name), count): ((&str, &str), usize)| json!({ "alertname": name, "state": state, "count": count });
    lines.into_iter().take(NAMES).map(line).collect()
}

/// Alerts in that state: firing first, then by name, the longest active first. Labels settle the rest:
/// Prometheus has another order for every answer, and pages need one.
async fn fetch(service: &Prometheus, state: Option<State>) -> Result<(Vec<Value>, Remarks)> {
    let Answer { mut data, remarks } = service.api.ask::<Value>(Ask::get("alerts")).await?;
    let mut alerts = take(&mut data, "alerts");
    if let Some(state) = state {
        alerts.retain(|alert| text(alert, "/state") == state.word());
    }
    let order = |alert: &Value| {
        let (name, since) = (alert_name(alert).to_owned(), text(alert, "/activeAt").to_owned());
        (text(alert, "/state") != "firing", name, since, alert["labels"].to_string())
    };
    alerts.sort_by_cached_key(order);
    Ok((alerts, remarks))
}

pub(crate) fn alert_name(alert: &Value) -> &str {
    text(alert, "/labels/alertname")
}

pub(super) fn brief(alert: &Value) -> Value {
    let labels = labels_but(alert, "labels", &["alertname"]);
    let mut out = json!({
        "alertname": alert_name(alert),
        "state": text(alert, "/state"),
        "value": shape::worded(text(alert, "/value")),
        "active_since": text(alert, "/activeAt"),
        "labels": labels,
    });
    let annotation = [text(alert, "/annotations/summary"), text(alert, "/annotations/description")];
    if let (Some(words), Some(object)) =
        (annotation.iter().find(|words| !words.is_empty()), out.as_object_mut())
    {
        object.insert("summary".into(), shortened(words, ANNOTATION_LENGTH).into());
    }
    out
}
