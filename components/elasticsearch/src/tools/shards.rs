//! `shards`: where shards are, and why some are nowhere.

use std::collections::BTreeMap;

use bulkhead_sdk::list::{Key, Page, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{put, text};

use crate::Elasticsearch;
use crate::api::index_name;
use crate::diagnosis::allocation::{self, Shard};
use crate::shape::{fits, number};

const DEFAULT_LIMIT: usize = 50;
/// An explanation is a request of its own.
const MOST_EXPLAINED: usize = 3;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Shards {
    /// `logs-*`.
    index: Option<String>,
    /// `data-*`.
    node: Option<String>,
    /// Only this.
    state: Option<State>,
    /// Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    Started,
    Initializing,
    Relocating,
    Unassigned,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Listed {
    shards: Vec<Value>,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Started => "STARTED",
            Self::Initializing => "INITIALIZING",
            Self::Relocating => "RELOCATING",
            Self::Unassigned => "UNASSIGNED",
        }
    }
}

pub(crate) fn add(tools: Tools<Elasticsearch>) -> Tools<Elasticsearch> {
    tools.add(
        Tool::reads(
            "shards",
            "Shards",
            "Shards, trouble first, then largest; why unassigned ones are (first 3).",
            shards,
        )
        .output::<Listed>(),
    )
}

async fn shards(service: &Elasticsearch, args: Shards, _: &Call) -> Result<Output> {
    let key = Key::new("shards", &args)?;
    let pattern = args.index.as_deref().map(index_name).transpose()?;
    let mut shards = allocation::shards(&service.api, pattern).await?;
    shards.retain(|shard| {
        args.state.is_none_or(|state| shard.state == state.word())
            && args.node.as_deref().is_none_or(|node| shard.node().is_some_and(|name| fits(node, name)))
    });
    let mut by_state: BTreeMap<String, usize> = BTreeMap::new();
    for shard in &shards {
        *by_state.entry(shard.state.clone()).or_default() += 1;
    }
    shards.sort_by(|a, b| order(a).partial_cmp(&order(b)).unwrap_or(std::cmp::Ordering::Equal));
    let page = Page::cut(shards, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let unassigned: Vec<&Shard> =
        page.items.iter().filter(|shard| shard.is_unassigned()).take(MOST_EXPLAINED).collect();
    let explained = join_all(unassigned.iter().map(|shard| allocation::explain(&service.api, shard))).await;
    let mut explained = explained.into_iter();
    let mut out = page
        .map(|shard| {
            let mut row = shard.told();
            if shard.is_unassigned()
                && let Some(explained) = explained.next()
            {
                match explained {
                    Ok(why) => {
                        put(&mut row, "why", why.told());
                        put(&mut row, "next", why.next());
                    }
                    Err(error) => put(&mut row, "why", error.to_string()),
                }
            }
            row
        })
        .into_object("shards");
    out.insert("by_state".into(), json!(by_state));
    Ok(Output::json(&out))
}

/// Trouble first, primaries before replicas; then the largest.
fn order(shard: &Shard) -> (u8, bool, f64, String, String) {
    let trouble = match shard.state.as_str() {
        "UNASSIGNED" => 0,
        "INITIALIZING" => 1,
        "RELOCATING" => 2,
        _ => 3,
    };
    let size = -number(&shard.raw, "store").unwrap_or_default();
    let replica = trouble == 0 && !shard.primary;
    // The last two are to have the same order in every answer.
    (trouble, replica, size, shard.index.clone(), format!("{}{}", shard.number, text(&shard.raw, "/node")))
}
