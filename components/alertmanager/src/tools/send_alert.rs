//! `send_alert`: raises or resolves an alert by hand, to try routes and receivers, and says whom it reaches.

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, When};
use bulkhead_sdk::value::put;
use serde_json::Map;

use super::matching;
use crate::Alertmanager;
use crate::alert::Alert;
use crate::matchers::Matcher;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Arguments {
    /// All, with `alertname`.
    labels: BTreeMap<String, String>,
    /// Such as `summary`.
    annotations: Option<BTreeMap<String, String>>,
    /// `now` resolves it.
    ends_at: Option<When>,
}

returns!(Answer { resolved: "boolean", alert: "object" });

pub(super) fn tool() -> Tool<Alertmanager> {
    Tool::writes(
        "send_alert",
        "Send alert",
        "Raises or resolves an alert, tells who is notified: a real test of routing.",
        send_alert,
    )
    .destructive()
    .tag("admin")
    .output::<Answer>()
}

async fn send_alert(service: &Alertmanager, args: Arguments, call: &Call) -> Result<Output> {
    let now = time::unix(call.now());
    let mut sent = args.checked()?;
    if let Some(when) = args.ends_at {
        put(&mut sent, "endsAt", time::rfc3339(when.resolve(now)));
    }
    service.api.post("alerts", &json!([sent])).blame("labels").done().await?;
    let exactly: Vec<Matcher> =
        args.labels.iter().map(|(name, value)| Matcher::exactly(name, value)).collect();
    let alerts = matching(service, &exactly).await.map_err(|error| {
        error
            .context("the alert is sent, but whom it reaches is not known, because it could not be read back")
    })?;
    let same = |alert: &&Alert| alert.labels().is_some_and(|labels| labels.len() == args.labels.len());
    let resolved = args.ends_at.is_some_and(|when| when.resolve(now) <= now);
    let mut out = Map::new();
    out.insert("resolved".into(), resolved.into());
    match alerts.iter().find(same) {
        Some(alert) => out.insert("alert".into(), alert.brief(now)),
        None if resolved => out.insert("note".into(), "it is resolved, and no longer listed".into()),
        None => out.insert("note".into(), "Alertmanager took it, but does not list it yet".into()),
    };
    Ok(Output::json(&out))
}

impl Arguments {
    /// What Alertmanager would refuse, or file under no name.
    fn checked(&self) -> Result<Value> {
        if self.labels.get("alertname").is_none_or(String::is_empty) {
            return Err(Error::invalid("labels", "has no `alertname`, by which alerts are told apart"));
        }
        if let Some((name, _)) = self.labels.iter().find(|(name, value)| name.is_empty() || value.is_empty())
        {
            return Err(Error::invalid("labels", format!("`{name}` is empty: leave it out")));
        }
        Ok(json!({ "labels": self.labels, "annotations": self.annotations.clone().unwrap_or_default() }))
    }
}
