//! `refresh`: has an application compared with git anew.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;

use crate::api::{self, Named};
use crate::{ArgoCd, app};

#[derive(Debug, Deserialize, JsonSchema)]
struct Refresh {
    /// As listed.
    name: String,
    /// Without caches.
    hard: Option<bool>,
}

returns!(Told { name: "string" });

pub(super) fn tool() -> Tool<ArgoCd> {
    let description = "Compares with git anew; deploys nothing, unless automated sync does.";
    Tool::writes("refresh", "Refresh", description, refresh).idempotent().output::<Told>()
}

async fn refresh(service: &ArgoCd, args: Refresh, _: &Call) -> Result<Output> {
    let name = Named::parse(&args.name)?;
    let how = if args.hard == Some(true) { "hard" } else { "normal" };
    let found: Value = api::json(service.api.of(&name, &[]).query("refresh", how)).await?;
    if text(&found, "/metadata/name").is_empty() {
        return Err(Error::failed("the answer is not an application: check the service's `url`"));
    }
    let mut out = app::summary(&found);
    if let Some(out) = out.as_object_mut() {
        out.insert("revision".into(), text(&found, "/status/sync/revision").into());
        out.insert("compared_at".into(), found.pointer("/status/reconciledAt").cloned().unwrap_or_default());
        out.insert("conditions".into(), app::conditions(&found).into());
    }
    Ok(Output::json(&out))
}
