//! `rollback`: back to what was deployed before, tried before it is done.

use bulkhead_sdk::prelude::*;

use crate::api::Named;
use crate::{ArgoCd, app, operation};

/// Entries that an error suggests.
const SUGGESTED: usize = 10;

#[derive(Debug, Deserialize, JsonSchema)]
struct Rollback {
    /// As listed.
    name: String,
    /// In history.
    #[schemars(range(min = 0, max = 99_999))]
    id: i64,
    /// Deletes too.
    prune: Option<bool>,
    /// Default true.
    dry_run: Option<bool>,
}

returns!(Told { ended: "boolean" });

pub(super) fn tool() -> Tool<ArgoCd> {
    Tool::writes("rollback", "Roll back", "Deploys an earlier revision. dry_run first.", rollback)
        .destructive()
        .idempotent()
        .output::<Told>()
}

async fn rollback(service: &ArgoCd, args: Rollback, call: &Call) -> Result<Output> {
    let name = Named::parse(&args.name)?;
    let dry_run = args.dry_run.unwrap_or(true);
    let before = service.api.app(&name).await?;
    let history: Vec<Value> = app::history(&before).into_iter().map(app::deployed).collect();
    let id_of = |entry: &&Value| entry.get("id").and_then(Value::as_i64);
    let Some(to) = history.iter().find(|entry| id_of(entry) == Some(args.id)) else {
        let known: Vec<String> =
            history.iter().take(SUGGESTED).filter_map(|entry| Some(id_of(&entry)?.to_string())).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { known.join(", ") };
        return Err(Error::invalid("id", format!("{} is not in the history: {known}", args.id)));
    };
    if app::automated(&before).is_some() {
        return Err(Error::failed(
            "rollback cannot be initiated when auto-sync is enabled: automated sync would undo it; revert in git, or \
             whoever owns the application turns that off first",
        ));
    }
    let body = json!({ "id": args.id, "dryRun": dry_run, "prune": args.prune == Some(true) });
    let mut out = operation::run(&service.api, &name, &before, "rollback", body, dry_run, call).await?;
    if let Some(out) = out.as_object_mut() {
        out.insert("to".into(), to.clone());
        out.insert("from".into(), history.first().cloned().unwrap_or_default());
    }
    Ok(Output::json(&out))
}
