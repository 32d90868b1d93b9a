//! The tools, one file each, and what those files share.

mod alerts;
mod send_alert;
mod silence;
mod silences;
pub(crate) mod status;
mod triage;

use bulkhead_sdk::prelude::*;

use crate::Alertmanager;
use crate::alert::Alert;
use crate::matchers::Matcher;
use crate::silence::Silence;

/// Every tool, in the order a model should consider them.
pub(crate) fn all() -> Tools<Alertmanager> {
    Tools::new()
        .add(triage::tool())
        .add(alerts::tool())
        .add(silences::tool())
        .add(silence::tool())
        .add(send_alert::tool())
        .add(status::tool())
}

/// Every alert that these matchers fit, worst first.
async fn matching(service: &Alertmanager, matchers: &[Matcher]) -> Result<Vec<Alert>> {
    let ask = service.api.get("alerts").each("filter", matchers).blame("matchers");
    let mut alerts: Vec<Alert> = ask.json().await?;
    alerts.sort_by_cached_key(Alert::order);
    Ok(alerts)
}

/// The silences that are active or will be.
async fn unexpired(service: &Alertmanager) -> Result<Vec<Silence>> {
    let mut silences: Vec<Silence> = service.api.get("silences").with("expired", false).json().await?;
    // Servers before 0.28 know no such parameter.
    silences.retain(|silence| silence.state() != "expired");
    silences.sort_by_cached_key(Silence::order);
    Ok(silences)
}
