//! `status` and the health check: who answers there, with which peers, receivers and configuration.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time;
use bulkhead_sdk::value::text;
use bulkhead_sdk::{join, value};
use serde_json::Map;

use super::matching;
use crate::Alertmanager;
use crate::alert::{Alert, lasting, moment};
use crate::config;

/// Receivers named; a large organisation has some hundreds.
const RECEIVERS: usize = 200;

/// Characters of configuration shown; the resource has all of them.
const CONFIG_LENGTH: usize = 20_000;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Arguments {
    /// What else to tell.
    #[schemars(length(max = 2))]
    include: Option<Vec<Part>>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Part {
    Receivers,
    Config,
}

returns!(Answer { version: "string", cluster: "object", receivers: "array", config: "string" });

pub(super) fn tool() -> Tool<Alertmanager> {
    Tool::reads(
        "status",
        "Status",
        "Version, uptime, cluster; receivers and configuration on request.",
        status,
    )
    .output::<Answer>()
}

/// One sentence for the operator.
pub(crate) async fn health(service: &Alertmanager) -> Result<String, String> {
    let status: Value = service.api.get("status").json().await.map_err(|error| error.to_string())?;
    let (version, cluster) = (text(&status, "/versionInfo/version"), text(&status, "/cluster/status"));
    Ok(format!("Alertmanager {version} answers; its cluster is {cluster}"))
}

async fn status(service: &Alertmanager, args: Arguments, call: &Call) -> Result<Output> {
    let now = time::unix(call.now());
    let wants = |part: Part| args.include.as_ref().is_some_and(|parts| parts.contains(&part));
    let status = service.api.get("status").json::<Value>();
    let (status, receivers) = match wants(Part::Receivers) {
        false => (status.await?, None),
        true => {
            let names = service.api.get("receivers").json::<Vec<Value>>();
            let (status, names, alerts) = join!(status, names, matching(service, &[]));
            (status?, Some((names?, alerts?)))
        }
    };
    let started = moment(text(&status, "/uptime"));
    let original = text(&status, "/config/original");
    let mut out = Map::new();
    out.insert("version".into(), text(&status, "/versionInfo/version").into());
    out.insert("started_at".into(), time::rfc3339(started).into());
    out.insert("up_for".into(), lasting(now - started).into());
    out.insert("cluster".into(), status.get("cluster").cloned().unwrap_or_else(|| json!({})));
    if let Some((names, alerts)) = receivers {
        let told: Vec<Value> = names
            .iter()
            .take(RECEIVERS)
            .map(|name| receiver(text(name, "/name"), original, &alerts))
            .collect();
        if names.len() > told.len() {
            out.insert("receivers_left_out".into(), (names.len() - told.len()).into());
        }
        out.insert("receivers".into(), told.into());
    }
    if wants(Part::Config) {
        let shown = config::hidden(original);
        out.insert("config".into(), value::shortened(&shown, CONFIG_LENGTH).into());
        let left_out = shown.chars().count().saturating_sub(CONFIG_LENGTH);
        if left_out > 0 {
            out.insert("config_left_out_characters".into(), left_out.into());
        }
        out.insert("note".into(), config::NOTE.into());
    }
    Ok(Output::json(&out))
}

fn receiver(name: &str, config: &str, alerts: &[Alert]) -> Value {
    let its = || alerts.iter().filter(|alert| alert.receivers().any(|receiver| receiver == name));
    json!({
        "name": name,
        "integrations": config::integrations(config, name),
        "alerts": its().count(),
        "suppressed": its().filter(|alert| !alert.is_heard()).count(),
    })
}
