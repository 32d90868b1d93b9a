//! `objects`: what an application consists of, as a tree and as manifests.

use bulkhead_sdk::list::{Key, Page, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;
use serde_json::Map;

use super::{contains, manifests};
use crate::api::{Api, Named};
use crate::node::{self, Tree};
use crate::{ArgoCd, app};

/// Whole manifests are long.
const DEFAULT_LIMIT: usize = 20;

/// What of them.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Show {
    #[default]
    Unwell,
    All,
    Diff,
    Rendered,
    Live,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Objects {
    /// As listed.
    name: String,
    /// Default unwell. `diff`: what a sync would change; `rendered`, `live`: manifests.
    show: Option<Show>,
    /// Of `rendered`: commit or tag.
    revision: Option<String>,
    /// Text in `Pod/name`.
    contains: Option<String>,
    /// Default 20.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

returns!(Told { items: "array" });

pub(super) fn tool() -> Tool<ArgoCd> {
    Tool::reads(
        "objects",
        "Objects",
        "Resources of an application, its pods too: what is not well and why, the diff with git, or manifests.",
        objects,
    )
    .output::<Told>()
}

async fn objects(service: &ArgoCd, args: Objects, _: &Call) -> Result<Output> {
    let (api, name) = (&service.api, Named::parse(&args.name)?);
    let (show, part) = (args.show.unwrap_or_default(), args.contains.as_deref());
    if args.revision.is_some() && show != Show::Rendered {
        return Err(Error::invalid(
            "revision",
            "is for `show` rendered: the diff is with what the application tracks",
        ));
    }
    let wanted = Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), Key::new("objects", &args)?);
    let out = match show {
        Show::Unwell | Show::All => tree(api, &name, show == Show::All, part, wanted).await?,
        Show::Diff => manifests::diff(api, &name, part, wanted).await?,
        Show::Live => manifests::live(api, &name, part, wanted).await?,
        Show::Rendered => manifests::rendered(api, &name, args.revision.as_deref(), part, wanted).await?,
    };
    Ok(Output::json(&out))
}

async fn tree(
    api: &Api,
    name: &Named<'_>,
    all: bool,
    part: Option<&str>,
    wanted: Wanted<'_>,
) -> Result<Map<String, Value>> {
    let tree = Tree::read(api, name).await?;
    let mut found = tree.unwell();
    let unwell = found.len();
    if all {
        let well = tree.nodes().iter().filter(|node| !found.iter().any(|bad| std::ptr::eq(*bad, *node)));
        let mut well: Vec<&Value> = well.collect();
        well.sort_by_cached_key(|node| node::label(node));
        found.extend(well);
    }
    found.retain(|node| contains(&node::label(node), part));
    let mut out = Page::cut(found, wanted)?.map(|node| tree.told(node)).into_object("items");
    out.insert("unwell".into(), unwell.into());
    let healths = tree.nodes().iter().map(node::health).filter(|health| !health.is_empty());
    out.insert("health".into(), json!(app::counted(healths)));
    out.insert("kinds".into(), json!(app::counted(tree.nodes().iter().map(|node| text(node, "/kind")))));
    Ok(out)
}
