//! The tools, one file for each, and what those files share.

mod application;
mod diagnose;
pub(crate) mod list;
mod logs;
mod manifests;
mod objects;
mod refresh;
mod rollback;
pub(crate) mod status;
mod sync;

use bulkhead_sdk::prelude::*;

use crate::ArgoCd;

/// Every tool, in the order a model should consider them.
pub(crate) fn all() -> Tools<ArgoCd> {
    Tools::new().extend([
        list::tool(),
        diagnose::tool(),
        application::tool(),
        objects::tool(),
        logs::tool(),
        refresh::tool(),
        sync::tool(),
        rollback::tool(),
        status::tool(),
    ])
}

/// Whether a text is in another, in any case; none is in everything.
fn contains(text: &str, part: Option<&str>) -> bool {
    part.is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()))
}
