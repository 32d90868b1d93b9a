//! `create_snapshot`: the one tool that writes.

use bulkhead_sdk::prelude::*;

use crate::Prometheus;
use crate::api::{Answer, Ask};
use bulkhead_sdk::value::text;
use serde_json::Map;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct CreateSnapshot {
    /// Leaves out what is only in memory.
    skip_head: Option<bool>,
}

returns!(Answered { name: "string", directory: "string" });

pub(super) fn tool() -> Tool<Prometheus> {
    Tool::writes(
        "create_snapshot",
        "Snapshot",
        "Copies all data to the server's disk; needs --web.enable-admin-api.",
        create_snapshot,
    )
    .output::<Answered>()
    .tag("admin")
}

async fn create_snapshot(service: &Prometheus, args: CreateSnapshot, _: &Call) -> Result<Output> {
    let ask = Ask::post("admin/tsdb/snapshot")
        .with("skip_head", args.skip_head.unwrap_or(false).to_string())
        .blame("skip_head");
    let Answer { data, remarks } = service.api.ask::<Value>(ask).await.map_err(explain)?;
    let name = text(&data, "/name").to_owned();
    let directory = format!("snapshots/{name} in the server's data directory");
    let mut out =
        Map::from_iter([("name".to_owned(), name.into()), ("directory".to_owned(), directory.into())]);
    remarks.write(&mut out);
    Ok(Output::json(&out))
}

/// A server without the admin API says so as `unavailable`, but trying again will not help.
fn explain(error: Error) -> Error {
    if error.to_string().contains("admin APIs disabled") {
        return Error::denied(
            "Prometheus's admin API is disabled: its operator must start it with --web.enable-admin-api \
             before snapshots can be made",
        );
    }
    error
}
