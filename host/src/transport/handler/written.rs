//! Lists of tools as they are sent. Every agent asks for one when it begins, and they are long: one is written once for
//! all who may use the same, until that changes.

use bytes::Bytes;
use moka::sync::Cache;
use rmcp::model::ErrorData;

use super::{Client, Handler};
use crate::request::Listing;

/// Bytes of all lists that are kept.
const KEPT: u64 = 16 << 20;

/// What is listed, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// See [`Catalog::view`](crate::catalog::Catalog::view).
    view: u64,
    /// The one service.
    service: Option<String>,
    /// For whom: results look different to clients of versions before 2026-07-28.
    modern: bool,
}

/// The lists that are kept.
#[derive(Clone, Debug)]
pub(in crate::transport) struct Written(Cache<Key, Bytes>);

impl Default for Written {
    fn default() -> Self {
        let weigh = |key: &Key, list: &Bytes| {
            let bytes = list.len() + key.service.as_ref().map_or(0, String::len) + size_of::<Key>();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(KEPT).weigher(weigh).build())
    }
}

impl Handler {
    /// The `result` of `tools/list`, the first page of it.
    pub(in crate::transport) fn written_tools(
        &self,
        written: &Written,
        client: &Client,
    ) -> Result<Bytes, ErrorData> {
        let key = self.key(client);
        if let Some(list) = key.as_ref().and_then(|key| written.0.get(key)) {
            return Ok(list);
        }
        let result = self.tools(None)?;
        // A cursor is for its caller alone.
        let shared = result.next_cursor.is_none();
        let list = serde_json::to_vec(&client.fitted(result.into()));
        let list = Bytes::from(list.map_err(|error| ErrorData::internal_error(error.to_string(), None))?);
        if let Some(key) = key.filter(|_| shared) {
            written.0.insert(key, list.clone());
        }
        Ok(list)
    }

    /// None if what is listed is not to be kept: what a URL selects is for few, and may come to mean something else.
    fn key(&self, client: &Client) -> Option<Key> {
        if self.scope.narrowing.is_some() || self.listing() != Listing::All {
            return None;
        }
        let view = self.host.catalog().view(&self.caller)?;
        Some(Key { view, service: self.scope.service.clone(), modern: client.is_modern() })
    }
}
