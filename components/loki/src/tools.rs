//! The tools, one file for each, and what those files share.

mod error_spikes;
pub(crate) mod labels;
mod patterns;
mod query;
mod stats;
pub(crate) mod status;

use bulkhead_sdk::prelude::*;

use crate::{Loki, logql};

/// Every tool, in the order a model should consider them.
pub(crate) fn all() -> Tools<Loki> {
    Tools::new().extend([
        error_spikes::tool(),
        query::tool(),
        labels::tool(),
        stats::tool(),
        patterns::tool(),
        status::tool(),
    ])
}

/// Labels to group by. They become part of a query, so what is no name is refused here, where its argument is known.
fn names(by: Option<&[String]>) -> Result<&[String]> {
    let by = by.unwrap_or_default();
    let known = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    match by.iter().find(|name| name.is_empty() || !name.chars().all(known)) {
        Some(wrong) => Err(Error::invalid("by", format!("`{wrong}` is not the name of a label"))),
        None => Ok(by),
    }
}

/// The selector in a query, for endpoints that take no more than that.
fn selector<'a>(query: &'a str, argument: &str) -> Result<&'a str> {
    logql::selector(query).ok_or_else(|| {
        Error::invalid(argument, "has no stream selector: begin with one, such as `{app=\"x\"}`")
    })
}
