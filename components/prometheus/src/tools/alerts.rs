//! `get_alerts` and `alerts_summary`: what is pending or firing.
//!
//! The endpoint has no parameters, so every filter is applied here.

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use super::{View, reads, shortened, take, text, wanted};
use crate::Prometheus;
use crate::api::{Answer, Ask, Remarks};
use crate::page::{Key, Page};
use crate::shape;

const DEFAULT_LIMIT: usize = 50;
const SUMMARY_LIMIT: usize = 200;

/// Annotations can hold a whole runbook; a summary has its first lines.
const ANNOTATION_LENGTH: usize = 300;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct GetAlerts {
    /// Only alerts in this state.
    state: Option<State>,
    /// Only alerts of this name (`alertname`).
    name: Option<String>,
    /// Only alerts with these labels, for example `{"severity": "critical"}`.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// `full` gives every annotation, uncut.
    #[serde(default)]
    view: View,
    /// Most alerts to return. Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor` of the previous page, with the same other arguments.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct AlertsSummary {
    /// Only alerts in this state.
    state: Option<State>,
    /// Most lines to return. Default 200.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor` of the previous page, with the same other arguments.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

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

pub(crate) fn add(tools: Tools<Prometheus>) -> Tools<Prometheus> {
    tools
        .add(reads(
            "alerts_summary",
            "Alerts, in short",
            "One line for each alert name and state, with how many instances. Start here to see what \
             is wrong now.",
            alerts_summary,
        ))
        .add(reads(
            "get_alerts",
            "Alerts",
            "Pending and firing alerts with labels, value, since when, and summary; filter by state, \
             name or labels. Silences and notifications are Alertmanager's, not known here. For \
             alerts that are not active see get_rules.",
            get_alerts,
        ))
}

async fn get_alerts(service: &Prometheus, args: GetAlerts, _: &Call) -> Result<Output> {
    let key = Key::new("get_alerts", &args)?;
    let (mut alerts, remarks) = fetch(service, args.state).await?;
    alerts.retain(|alert| {
        let labels = alert.get("labels");
        let has = |(name, value): (&String, &String)| {
            labels.and_then(|labels| labels.get(name)).and_then(Value::as_str).unwrap_or_default() == value
        };
        args.name.as_deref().is_none_or(|name| alert_name(alert) == name) && args.labels.iter().all(has)
    });
    let counts = counts(&alerts);
    let page = Page::cut(alerts, wanted(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page
        .map(|alert| match args.view {
            View::Summary => brief(&alert),
            View::Full => alert,
        })
        .into_object("alerts");
    out.insert("by_state".into(), counts);
    remarks.write(&mut out);
    Ok(Output::json(&out))
}

async fn alerts_summary(service: &Prometheus, args: AlertsSummary, _: &Call) -> Result<Output> {
    let key = Key::new("alerts_summary", &args)?;
    let (alerts, remarks) = fetch(service, args.state).await?;
    let mut lines: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for alert in &alerts {
        *lines.entry((text(alert, "/state"), alert_name(alert))).or_default() += 1;
    }
    let lines: Vec<Value> = lines
        .into_iter()
        .map(|((state, name), count)| json!({ "alertname": name, "state": state, "count": count }))
        .collect();
    let page = Page::cut(lines, wanted(args.limit, SUMMARY_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page.into_object("alerts");
    out.insert("by_state".into(), counts(&alerts));
    remarks.write(&mut out);
    Ok(Output::json(&out))
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

fn alert_name(alert: &Value) -> &str {
    text(alert, "/labels/alertname")
}

fn counts(alerts: &[Value]) -> Value {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for alert in alerts {
        *counts.entry(text(alert, "/state")).or_default() += 1;
    }
    json!(counts)
}

fn brief(alert: &Value) -> Value {
    let labels: Map<String, Value> = alert
        .get("labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "alertname")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
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
