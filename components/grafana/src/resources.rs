//! Dashboards as resources: all of a dashboard's JSON to read, and those there are to choose from.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};
use bulkhead_sdk::{Entry, Page, encode_component};

use crate::Grafana;
use crate::api;
use crate::prompts;
use crate::search::{self, Place};
use crate::tools::dashboard as board;

/// Entries on a page.
const PAGE: u32 = 100;

#[derive(Debug, Deserialize)]
struct Dashboard {
    uid: String,
}

pub(crate) fn all() -> Resources<Grafana> {
    Resources::new()
        .add(
            Resource::new("grafana:///dashboards/{uid}", "dashboard", read)
                .title("Dashboard")
                .description("A dashboard's JSON as it is saved now.")
                .mime_type("application/json")
                .complete("uid", prompts::dashboards),
        )
        .list(entries)
}

async fn read(service: &Grafana, args: Dashboard, _: &Call) -> Result<Contents> {
    let (dashboard, _) = board::current(&service.api, &args.uid).await?;
    Ok(Contents::text(serde_json::to_string_pretty(&dashboard)?))
}

async fn entries(service: &Grafana, cursor: Option<&str>, _: &Call) -> Result<Page> {
    let place = match cursor {
        None => Place::first(PAGE),
        Some(word) => {
            Place::parse(word).ok_or_else(|| Error::invalid("cursor", "is not a cursor of this list"))?
        }
    };
    let hits = api::list(search::dashboards(&service.api, place)).await?;
    let entry = |hit: &Value| {
        let uid = text(hit, "/uid");
        let mut entry = Entry::new(format!("grafana:///dashboards/{}", encode_component(uid)), uid);
        entry.title = Some(text(hit, "/title").to_owned());
        let tags: Vec<&str> = list(hit, "/tags").iter().filter_map(Value::as_str).collect();
        let folder = text(hit, "/folderTitle");
        let folder = if folder.is_empty() { "at the root".to_owned() } else { format!("in folder {folder}") };
        entry.description = Some(match tags[..] {
            [] => format!("Dashboard {folder}."),
            _ => format!("Dashboard {folder}; tags: {}.", tags.join(", ")),
        });
        entry.mime_type = Some("application/json".to_owned());
        entry
    };
    Ok(Page { entries: hits.iter().map(entry).collect(), next: place.next(hits.len()) })
}
