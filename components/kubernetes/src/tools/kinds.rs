//! `api_resources`: which kinds the cluster serves, and which version it is.

use std::time::Duration;

use bulkhead_sdk::join;
use bulkhead_sdk::list::{Key, Page, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;

use crate::Kubernetes;
use crate::discovery::{self, Served};

const DEFAULT_LIMIT: usize = 100;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ApiResources {
    /// Part of a group, kind or short name.
    query: Option<String>,
    /// Only those in namespaces, or not.
    namespaced: Option<bool>,
    /// Default 100.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

returns!(Listed { kinds: "array" });

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::reads(
            "api_resources",
            "Kinds",
            "Kinds the cluster serves, custom ones too, and its version.",
            list,
        )
        .output::<Listed>()
        .cache(Duration::from_secs(60)),
    )
}

async fn list(service: &Kubernetes, args: ApiResources, _: &Call) -> Result<Output> {
    let key = Key::new("api_resources", &args)?;
    let (everything, version) = join!(discovery::everything(&service.api), service.api.version());
    let mut everything = everything?;
    let query = args.query.as_deref().unwrap_or_default().to_lowercase();
    everything.kinds.retain(|served| {
        let kind = &served.kind;
        let names = [kind.full_name(), kind.kind.to_lowercase(), kind.api_version()];
        (names.iter().any(|name| name.contains(&query)) || served.short_names.contains(&query))
            && args.namespaced.is_none_or(|wanted| wanted == kind.namespaced)
    });
    let page =
        Page::cut(everything.kinds, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = page.map(|served| row(&served, args.query.is_some())).into_object("kinds");
    match version {
        Ok(version) => out.insert("server_version".into(), text(&version, "/gitVersion").into()),
        Err(error) => {
            everything.missing.push(format!("version: {error}"));
            None
        }
    };
    if !everything.missing.is_empty() {
        out.insert("not_read".into(), everything.missing.into());
    }
    Ok(Output::json(&out))
}

/// Verbs and categories are told to those who look for something.
fn row(served: &Served, full: bool) -> Value {
    let kind = &served.kind;
    let mut row = json!({
        "kind": kind.kind, "name": kind.full_name(), "api_version": kind.api_version(), "namespaced": kind.namespaced,
    });
    if let Some(row) = row.as_object_mut() {
        if !served.short_names.is_empty() {
            row.insert("short_names".into(), served.short_names.clone().into());
        }
        if full {
            row.insert("verbs".into(), served.verbs.clone().into());
            row.insert("categories".into(), served.categories.clone().into());
        }
    }
    row
}
