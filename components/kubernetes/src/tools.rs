//! The tools, one file for each or for a family, and what those files share.

mod apply;
mod can_i;
mod delete;
mod diagnose;
mod events;
mod get;
mod kinds;
mod list;
mod logs;
mod node;
mod patch;
mod rollout;
mod scale;
mod top;
mod unhealthy;
mod wait;

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use crate::Kubernetes;

/// Any object.
type Object = Map<String, Value>;

/// Every tool, in the order a model should consider them.
pub(crate) fn all() -> Tools<Kubernetes> {
    [
        unhealthy::add,
        diagnose::add,
        list::add,
        get::add,
        events::add,
        logs::add,
        top::add,
        rollout::add,
        wait::add,
        kinds::add,
        can_i::add,
        apply::add,
        patch::add,
        scale::add,
        node::add,
        delete::add,
    ]
    .into_iter()
    .fold(Tools::new(), |tools, add| add(tools))
}

/// Whether a write is only tried; it is, unless the caller says otherwise.
fn tried(dry_run: Option<bool>) -> bool {
    dry_run.unwrap_or(true)
}

/// What a reader of a dry run has to know.
const DRY: &str = "Nothing was changed. To do it, call again with dry_run=false.";

/// Adds `dry_run`, and that nothing was changed.
fn say_dry(out: &mut Object, dry_run: bool) {
    out.insert("dry_run".into(), dry_run.into());
    if dry_run {
        out.insert("note".into(), DRY.into());
    }
}

/// Now, as unix seconds.
fn now(call: &Call) -> f64 {
    bulkhead_sdk::time::unix(call.now())
}
