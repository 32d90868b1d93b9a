//! The resources: targets, rules, alerts and configuration as Prometheus holds them, for clients that read.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;
use serde_json::Map;

use crate::Prometheus;
use crate::api::Ask;
use crate::prompts::values;
use crate::selector;

#[derive(Debug, Deserialize)]
struct OfMetric {
    metric: String,
}

pub(crate) fn all() -> Resources<Prometheus> {
    let json = |resource: Resource<Prometheus>| resource.mime_type("application/json");
    Resources::new()
        .add(json(
            Resource::new("prometheus:///targets", "targets", targets)
                .title("Targets")
                .description("Every active scrape target."),
        ))
        .add(json(
            Resource::new("prometheus:///rules", "rules", rules)
                .title("Rules")
                .description("Every group of rules, with active alerts."),
        ))
        .add(json(
            Resource::new("prometheus:///alerts", "alerts", alerts)
                .title("Alerts")
                .description("Every pending and firing alert."),
        ))
        .add(
            Resource::new("prometheus:///config", "config", config)
                .title("Configuration")
                .description("The loaded configuration; Prometheus hides its secrets.")
                .mime_type("application/yaml"),
        )
        .add(json(
            Resource::new("prometheus:///metadata/{metric}", "metadata", metadata)
                .title("Metric")
                .description("Type, unit and help of one metric.")
                .complete("metric", metrics),
        ))
}

async fn read(service: &Prometheus, ask: Ask) -> Result<Contents> {
    Ok(Contents::text(service.api.ask::<Value>(ask).await?.data.to_string()))
}

async fn targets(service: &Prometheus, _: Map<String, Value>, _: &Call) -> Result<Contents> {
    read(service, Ask::get("targets").with("state", "active")).await
}

async fn rules(service: &Prometheus, _: Map<String, Value>, _: &Call) -> Result<Contents> {
    read(service, Ask::get("rules")).await
}

async fn alerts(service: &Prometheus, _: Map<String, Value>, _: &Call) -> Result<Contents> {
    read(service, Ask::get("alerts")).await
}

async fn metadata(service: &Prometheus, of: OfMetric, _: &Call) -> Result<Contents> {
    read(service, Ask::get("metadata").with("metric", of.metric)).await
}

async fn config(service: &Prometheus, _: Map<String, Value>, _: &Call) -> Result<Contents> {
    let answer = service.api.ask::<Value>(Ask::get("status/config")).await?;
    Ok(Contents::text(text(&answer.data, "/yaml")))
}

async fn metrics(service: &Prometheus, typed: &Completing, _: &Call) -> Result<Completion> {
    Ok(typed.matching(values(service, selector::NAME).await?))
}
