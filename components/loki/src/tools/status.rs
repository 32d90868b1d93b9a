//! `test_connection` and the health check: whether Loki answers, to this tenant, and which Loki it is.

use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::Window;
use bulkhead_sdk::value::text;
use serde_json::Map;

use super::labels;
use crate::Loki;
use crate::api::{Api, Ask};

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Connection {
    connected: bool,
}

pub(super) fn tool() -> Tool<Loki> {
    Tool::reads(
        "test_connection",
        "Connection",
        "Whether Loki answers and lets this service read; version, readiness.",
        test_connection,
    )
    .output::<Connection>()
}

async fn test_connection(service: &Loki, _: NoArgs, call: &Call) -> Result<Output> {
    let api = &service.api;
    let window = Window::resolve(None, None, labels::DEFAULT_WINDOW, call)?;
    let (labels, version, ready) =
        join!(labels::fetch(api, None, None, window), version(api), api.text(Ask::get("/ready")));
    // Version and readiness need no tenant, and a gateway may not pass them on: only reading proves that reading works.
    let labels = labels?.len();
    let ready = match ready {
        Ok(said) => said.trim().to_owned(),
        Err(error) => format!("not said: {error}"),
    };
    let told = [
        ("connected", true.into()),
        ("labels", labels.into()),
        ("version", version.ok().into()),
        ("ready", ready.into()),
    ];
    let mut out = Map::from_iter(told.map(|(name, value): (&str, Value)| (name.to_owned(), value)));
    if let Some(tenant) = api.tenant() {
        out.insert("tenant".into(), tenant.into());
    }
    if labels == 0 {
        out.insert("note".into(), "it answers, but this tenant has had no streams for six hours".into());
    }
    Ok(Output::json(&out))
}

async fn version(api: &Api) -> Result<String> {
    let build: Value = api.bare(Ask::get("/loki/api/v1/status/buildinfo")).await?;
    match text(&build, "/version") {
        "" => Err(Error::failed("Loki's answer has no version")),
        version => Ok(version.to_owned()),
    }
}

/// One sentence for the operator.
pub(crate) async fn health(api: &Api) -> Result<String, String> {
    let labels = api.data::<Vec<String>>(Ask::get("/loki/api/v1/labels").blame(""));
    let (labels, version) = join!(labels, version(api));
    labels.map_err(|error| error.to_string())?;
    Ok(match version {
        Ok(version) => format!("Loki {version} answers"),
        Err(_) => "Loki answers, but does not tell its version".to_owned(),
    })
}
