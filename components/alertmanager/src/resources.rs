//! The resources: alerts, silences and configuration as Alertmanager holds them, for clients that read.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;
use serde_json::Map;

use crate::Alertmanager;
use crate::config;
use crate::silence::Silence;

#[derive(Debug, Deserialize)]
struct OfSilence {
    id: String,
}

pub(crate) fn all() -> Resources<Alertmanager> {
    let json = |resource: Resource<Alertmanager>| resource.mime_type("application/json");
    Resources::new()
        .add(json(
            Resource::new("alertmanager:///alerts", "alerts", alerts)
                .title("Alerts")
                .description("Every alert, with its labels, annotations, receivers and state."),
        ))
        .add(json(
            Resource::new("alertmanager:///silences", "silences", silences)
                .title("Silences")
                .description("Every silence, expired ones too."),
        ))
        .add(json(
            Resource::new("alertmanager:///silences/{id}", "silence", silence)
                .title("Silence")
                .description("One silence.")
                .complete("id", ids),
        ))
        .add(
            Resource::new("alertmanager:///config", "config", configuration)
                .title("Configuration")
                .description("The loaded configuration, its secrets hidden.")
                .mime_type("application/yaml"),
        )
}

async fn alerts(service: &Alertmanager, _: Map<String, Value>, _: &Call) -> Result<Contents> {
    let alerts: Vec<Value> = service.api.get("alerts").json().await?;
    Ok(Contents::text(Value::from(alerts).to_string()))
}

async fn silences(service: &Alertmanager, _: Map<String, Value>, _: &Call) -> Result<Contents> {
    let silences: Vec<Value> = service.api.get("silences").json().await?;
    Ok(Contents::text(Value::from(silences).to_string()))
}

async fn silence(service: &Alertmanager, of: OfSilence, _: &Call) -> Result<Contents> {
    let silence: Value = service.api.silence(&of.id).await?;
    Ok(Contents::text(silence.to_string()))
}

async fn configuration(service: &Alertmanager, _: Map<String, Value>, _: &Call) -> Result<Contents> {
    let status: Value = service.api.get("status").json().await?;
    Ok(Contents::text(config::hidden(text(&status, "/config/original"))))
}

async fn ids(service: &Alertmanager, typed: &Completing, _: &Call) -> Result<Completion> {
    let silences: Vec<Silence> = service.api.get("silences").json().await?;
    Ok(typed.matching(silences.iter().map(Silence::id)))
}
