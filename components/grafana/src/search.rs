//! Grafana's search for dashboards and folders, which it pages by number.

use bulkhead_sdk::Request;

use crate::api::Api;

/// Where a page begins. The size is part of it, because Grafana counts pages by size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) page: u32,
    pub(crate) size: u32,
}

impl Place {
    /// The first page, of that size.
    pub(crate) fn first(size: u32) -> Self {
        Self { page: 1, size }
    }

    /// Reads `page:size`.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let (page, size) = word.split_once(':')?;
        Some(Self { page: page.parse().ok()?, size: size.parse().ok()? })
    }

    /// The next page, if this one was full.
    pub(crate) fn next(self, count: usize) -> Option<String> {
        (count >= self.size as usize).then(|| format!("{}:{}", self.page + 1, self.size))
    }
}

/// Dashboards.
pub(crate) fn dashboards(api: &Api, place: Place) -> Request {
    request(api, "dash-db", place)
}

/// Folders.
pub(crate) fn folders(api: &Api, place: Place) -> Request {
    request(api, "dash-folder", place)
}

fn request(api: &Api, kind: &str, place: Place) -> Request {
    api.get("/api/search").query("type", kind).query("limit", place.size).query("page", place.page)
}
