//! The tools, one file for each, and what those files share.

mod dependencies;
mod diagnose;
mod find_traces;
pub(crate) mod services;
mod trace;

use bulkhead_sdk::duration::Span;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, Nanos};

use crate::Jaeger;

pub(crate) const HOUR: f64 = 3600.0;

/// Every tool, in the order a model should consider them.
pub(crate) fn all() -> Tools<Jaeger> {
    Tools::new().extend([
        diagnose::tool(),
        find_traces::tool(),
        trace::tool(),
        services::tool(),
        dependencies::tool(),
    ])
}

fn length(span: Option<Span>) -> Option<Nanos> {
    span.map(|Span(seconds)| time::nanos(seconds))
}

/// Services whose names are like one that nothing was found for.
async fn similar(service: &Jaeger, name: &str) -> Result<String> {
    let known = service.api.services().await?;
    if known.iter().any(|known| known == name) {
        return Ok(format!("`{name}` is traced, but nothing in this window fits: widen it, or ask for less"));
    }
    let lower = name.to_lowercase();
    let alike =
        |known: &&String| known.to_lowercase().contains(&lower) || lower.contains(&known.to_lowercase());
    let mut names: Vec<&str> = known.iter().filter(alike).chain(&known).map(String::as_str).collect();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    names.truncate(20);
    Ok(format!("Jaeger knows no service `{name}`; it knows {} ({} in all)", names.join(", "), known.len()))
}
