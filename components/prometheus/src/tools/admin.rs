//! `create_snapshot`: the one tool that writes.

use bulkhead_sdk::prelude::*;

use super::text;
use crate::Prometheus;
use crate::api::{Answer, Ask, Remarks};

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct CreateSnapshot {
    /// Leave out the newest data, which is still in memory only. Default: false.
    #[serde(default)]
    skip_head: bool,
}

/// What was created.
#[derive(Debug, JsonSchema, Serialize)]
struct Snapshot {
    /// Name of the snapshot.
    name: String,
    /// Where it is.
    directory: String,
    #[serde(flatten)]
    remarks: Remarks,
}

pub(crate) fn add(tools: Tools<Prometheus>) -> Tools<Prometheus> {
    tools.add(
        Tool::new(
            "create_snapshot",
            "Creates a snapshot of all data under `snapshots/` in the server's data directory, and returns its \
             name. It takes disk space there until someone deletes it. The server must run with \
             --web.enable-admin-api.",
            create_snapshot,
        )
        .title("Create TSDB snapshot")
        .output::<Snapshot>()
        .open_world()
        .tag("write")
        .tag("admin"),
    )
}

async fn create_snapshot(service: &Prometheus, args: CreateSnapshot, _: &Call) -> Result<Output> {
    let ask =
        Ask::post("admin/tsdb/snapshot").with("skip_head", args.skip_head.to_string()).blame("skip_head");
    let Answer { data, remarks } = service.api.ask::<Value>(ask).await.map_err(explain)?;
    let name = text(&data, "/name").to_owned();
    let directory = format!("snapshots/{name} in the server's data directory");
    Ok(Output::json(&Snapshot { name, directory, remarks }))
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
