//! Lists, page by page. A cursor is sealed for its caller and holds only as long as what is listed stays the same.

use std::time::Duration;

use rmcp::model::{
    CacheScope, ErrorData, ListPromptsRequestMethod, ListPromptsResult, ListResourceTemplatesRequestMethod,
    ListResourceTemplatesResult, ListResourcesRequestMethod, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams,
};
use serde::{Deserialize, Serialize};

use super::{Client, Handler, LIST_TTL_MS, conversation::Attempt, meta, offered, wire};
use crate::{
    error::CallError,
    operation::{Operation, Outcome},
    request::{CallId, Listing},
    seal::Kind,
};

/// Entries of a page. Many clients ask for one page only, so it is a large one; all tools of most hosts fit.
const PAGE: usize = 1000;
/// A page of resources is what services give, one after the other, until there are so many,
const ENOUGH: usize = 100;
/// or so many services were asked. Each costs a guest.
const SERVICES: usize = 8;
/// How long a cursor holds.
const LIFE: Duration = Duration::from_secs(3600);

/// A place in a list.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Place {
    list: String,
    generation: u64,
    /// The one service, if the list is of one.
    service: Option<String>,
    /// How many come before it: entries, or services where these page by themselves.
    at: usize,
    /// Where the service's own page begins, in its words.
    within: Option<String>,
}

/// A page's part of all there is, and where the next begins.
fn cut<T>(all: impl Iterator<Item = T>, at: usize) -> (Vec<T>, Option<usize>) {
    let mut rest = all.skip(at);
    let page: Vec<T> = rest.by_ref().take(PAGE).collect();
    let next = rest.next().map(|_| at.saturating_add(page.len()));
    (page, next)
}

macro_rules! cached {
    ($result:ident, $next:expr) => {{
        $result.next_cursor = $next;
        $result.ttl_ms = Some(LIST_TTL_MS);
        $result.cache_scope = Some(CacheScope::Private);
        Ok($result)
    }};
}

impl Handler {
    /// Where a page begins.
    fn place(&self, list: &str, request: Option<PaginatedRequestParams>) -> Result<Place, ErrorData> {
        let here = || Place {
            list: list.to_owned(),
            generation: self.host.catalog().edition(&self.caller.tenant),
            service: self.scope.service.clone(),
            ..Place::default()
        };
        let Some(cursor) = request.and_then(|request| request.cursor) else { return Ok(here()) };
        let unknown = || {
            let why = "cursor: is unknown or outdated; list again from the beginning";
            ErrorData::invalid_params(why, None)
        };
        let opened = self.host.sealer().open(Kind::Cursor, &self.caller, &cursor).map_err(|_| unknown())?;
        let place: Place = serde_json::from_slice(&opened.content).map_err(|_| unknown())?;
        let here = here();
        let same =
            (&place.list, place.generation, &place.service) == (&here.list, here.generation, &here.service);
        if same { Ok(place) } else { Err(unknown()) }
    }

    /// The cursor of the page after one that began at `place`.
    fn cursor(
        &self,
        place: Place,
        next: Option<(usize, Option<String>)>,
    ) -> Result<Option<String>, ErrorData> {
        let Some((at, within)) = next else { return Ok(None) };
        let fault = |why: String| ErrorData::internal_error(why, None);
        let content = serde_json::to_vec(&Place { at, within, ..place }).map_err(|e| fault(e.to_string()))?;
        let sealed = self.host.sealer().seal(Kind::Cursor, &self.caller, LIFE, &content);
        sealed.map(Some).map_err(fault)
    }

    pub(super) fn tools(
        &self,
        request: Option<PaginatedRequestParams>,
    ) -> Result<ListToolsResult, ErrorData> {
        let place = self.place("tools", request)?;
        let catalog = self.host.catalog();
        let (page, next) = match self.listing() {
            Listing::All => {
                cut(catalog.list(&self.caller, &self.scope).map(|(_, tool)| wire::tool(tool)), place.at)
            }
            Listing::Search => cut(meta::TOOLS.iter().cloned(), place.at),
        };
        let mut result = ListToolsResult::with_all_items(page);
        cached!(result, self.cursor(place, next.map(|at| (at, None)))?)
    }

    pub(super) fn prompts(
        &self,
        request: Option<PaginatedRequestParams>,
    ) -> Result<ListPromptsResult, ErrorData> {
        offered::<ListPromptsRequestMethod>(self.has_prompts())?;
        let place = self.place("prompts", request)?;
        let catalog = self.host.catalog();
        let (page, next) = cut(catalog.prompts(&self.caller, &self.scope), place.at);
        let page = page.into_iter().map(|(_, prompt)| wire::prompt(prompt)).collect();
        let mut result = ListPromptsResult::with_all_items(page);
        cached!(result, self.cursor(place, next.map(|at| (at, None)))?)
    }

    pub(super) fn templates(
        &self,
        request: Option<PaginatedRequestParams>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        offered::<ListResourceTemplatesRequestMethod>(self.has_resources())?;
        let place = self.place("templates", request)?;
        let catalog = self.host.catalog();
        let services = catalog.with_resources(&self.caller, &self.scope);
        let (page, next) = cut(services.flat_map(|(_, resources)| &resources.templates), place.at);
        let page = page.into_iter().map(wire::template).collect();
        let mut result = ListResourceTemplatesResult::with_all_items(page);
        cached!(result, self.cursor(place, next.map(|at| (at, None)))?)
    }

    /// Asks one service after the other. One that fails is left out, as its record says, unless nothing else is left.
    pub(super) async fn resources(
        &self,
        request: Option<PaginatedRequestParams>,
        client: &Client,
    ) -> Result<ListResourcesResult, ErrorData> {
        offered::<ListResourcesRequestMethod>(self.has_resources())?;
        let mut place = self.place("resources", request)?;
        let catalog = self.host.catalog();
        let services = catalog.with_resources(&self.caller, &self.scope);
        let services: Vec<_> = services.map(|(service, _)| service.name.to_string()).collect();
        let (mut at, mut cursor) = (place.at, place.within.take());
        let (mut listed, mut failed) = (Vec::new(), None);
        let mut asked = 0;
        while let Some(service) = services.get(at) {
            if asked == SERVICES || listed.len() >= ENOUGH {
                break;
            }
            asked += 1;
            match self.one_page(service, cursor.take(), client).await {
                (_, Ok(Outcome::Resources(page))) => {
                    listed.extend(page.resources.into_iter().map(wire::resource));
                    cursor = page.next;
                }
                (id, Err(error)) => failed = Some((id, error)),
                (_, Ok(_)) => {}
            }
            if cursor.is_none() {
                at += 1;
            }
        }
        let next = (at < services.len()).then_some((at, cursor));
        if let Some((id, error)) = failed.filter(|_| listed.is_empty() && next.is_none()) {
            return Err(wire::refused(&error, id, client.is_modern()));
        }
        let mut result = ListResourcesResult::with_all_items(listed);
        cached!(result, self.cursor(place, next)?)
    }

    async fn one_page(
        &self,
        service: &str,
        cursor: Option<String>,
        client: &Client,
    ) -> (CallId, Result<Outcome, CallError>) {
        let operation = Operation::ListResources { service: service.to_owned(), cursor };
        self.converse(Attempt::new(operation, None, None), client).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_all_and_end() {
        assert_eq!(cut(0..3, 0), (vec![0, 1, 2], None));
        assert_eq!(cut(0..PAGE, 0).1, None);
        let (first, next) = cut(0..PAGE + 2, 0);
        assert_eq!((first.len(), next), (PAGE, Some(PAGE)));
        assert_eq!(cut(0..PAGE + 2, PAGE), (vec![PAGE, PAGE + 1], None));
        assert_eq!(cut(0..3, 7), (vec![], None));
    }
}
