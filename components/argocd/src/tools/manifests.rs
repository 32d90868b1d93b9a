//! Owns manifests as `objects` shows them: what a sync would change, what is wanted, and what is there.

use bulkhead_sdk::list::{Page, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};
use serde_json::Map;

use super::contains;
use crate::api::{self, Api, Named};
use crate::change::{self, Change};
use crate::secret;

/// Paths of one resource that are told; where more differ, the manifests are shorter.
const PATHS: usize = 30;

/// What a sync would change.
pub(super) async fn diff(
    api: &Api,
    name: &Named<'_>,
    part: Option<&str>,
    wanted: Wanted<'_>,
) -> Result<Map<String, Value>> {
    let (managed, mut found) = changes(api, name, part).await?;
    found.retain(|change| !change.what.is_empty());
    let mut out = Page::cut(found, wanted)?.map(|change| differs(&change)).into_object("items");
    out.insert("managed".into(), managed.into());
    Ok(out)
}

/// What is there of what is managed.
pub(super) async fn live(
    api: &Api,
    name: &Named<'_>,
    part: Option<&str>,
    wanted: Wanted<'_>,
) -> Result<Map<String, Value>> {
    let (managed, mut found) = changes(api, name, part).await?;
    found.retain(|change| !change.live.is_null());
    let page = Page::cut(found, wanted)?.map(|change| secret::redacted(&change.live));
    let mut out = page.into_object("items");
    out.insert("managed".into(), managed.into());
    Ok(out)
}

/// What is wanted, by that revision or the one it tracks.
pub(super) async fn rendered(
    api: &Api,
    name: &Named<'_>,
    revision: Option<&str>,
    part: Option<&str>,
    wanted: Wanted<'_>,
) -> Result<Map<String, Value>> {
    let found: Value = api::json(api.of(name, &["manifests"]).query_opt("revision", revision)).await?;
    let rendered = list(&found, "/manifests").iter().filter_map(Value::as_str).map(change::manifest);
    let fits = |manifest: &Value| fits(text(manifest, "/kind"), text(manifest, "/metadata/name"), part);
    let rendered: Vec<Value> = rendered.filter(fits).collect();
    let page = Page::cut(rendered, wanted)?.map(|manifest| secret::redacted(&manifest));
    let mut out = page.into_object("items");
    out.insert("revision".into(), text(&found, "/revision").into());
    out.insert("source_type".into(), text(&found, "/sourceType").into());
    Ok(out)
}

/// How many there are, and those whose name fits.
async fn changes(api: &Api, name: &Named<'_>, part: Option<&str>) -> Result<(usize, Vec<Change>)> {
    let managed: Value = api::json(api.of(name, &["managed-resources"])).await?;
    let mut found = change::changes(&managed);
    let all = found.len();
    found.retain(|change| fits(&change.kind, &change.name, part));
    Ok((all, found))
}

fn fits(kind: &str, name: &str, part: Option<&str>) -> bool {
    contains(&format!("{kind}/{name}"), part)
}

fn differs(change: &Change) -> Value {
    let Change { kind, name, namespace, what, paths, .. } = change;
    json!({
        "kind": kind, "name": name, "namespace": namespace, "sync_would": what,
        "paths_total": paths.len(), "paths": paths.iter().take(PATHS).collect::<Vec<&Value>>(),
    })
}
