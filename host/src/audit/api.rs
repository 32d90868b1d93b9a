//! `GET /api/v1/audit`: from a query string to lines. Knows nothing of HTTP but that; who asks was established
//! before.

use std::{
    io,
    ops::ControlFlow,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use tokio::sync::mpsc;

use super::{AuditError, Filter, Index, moment};
use crate::config::load::suggestion;

/// Lines of one answer.
const MOST: u32 = 10_000;
/// Lines that may wait for a slow client before the reading of the log waits as well.
const BACKLOG: usize = 64;
const PARAMETERS: [&str; 10] =
    ["caller", "tenant", "service", "tool", "outcome", "since", "until", "before", "limit", "format"];

/// A body, in pieces.
pub type Body = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// An answer of status 200.
pub struct Answer {
    /// `application/json`, or `application/x-ndjson`.
    pub content_type: &'static str,
    /// `{"entries":[…],"next":17}`, where `next` is the `before` of the next page and `null` on the last; or one
    /// line for each entry.
    pub body: Body,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Status 400: the text says which parameter, and how to write it.
    #[error("{0}")]
    BadQuery(String),
    /// Status 500.
    #[error(transparent)]
    Failed(#[from] AuditError),
}

/// Answers a query string, such as `tenant=acme&since=1h&limit=50`; `format=ndjson` streams. With
/// `allowed_tenant`, only that tenant's lines are seen, whatever is asked for.
///
/// # Errors
/// See [`Refusal`].
pub async fn answer(index: &Index, query: &str, allowed_tenant: Option<&str>) -> Result<Answer, Refusal> {
    let (filter, streams) = parse(query, allowed_tenant, SystemTime::now()).map_err(Refusal::BadQuery)?;
    if streams { Ok(lines(index, filter).await) } else { Ok(list(index, filter).await?) }
}

async fn list(index: &Index, filter: Filter) -> Result<Answer, AuditError> {
    let found = Arc::new(Mutex::new(String::from(r#"{"entries":["#)));
    let collect = {
        let found = found.clone();
        move |line: &str| {
            let mut text = found.lock().unwrap_or_else(PoisonError::into_inner);
            if !text.ends_with('[') {
                text.push(',');
            }
            text.push_str(line);
            ControlFlow::Continue(())
        }
    };
    let next = index.query(filter, collect).await?;
    let next = next.map_or("null".to_owned(), |seq| seq.to_string());
    let text = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    let body = stream::iter([Ok(Bytes::from(format!(r#"{text}],"next":{next}}}"#)))]);
    Ok(Answer { content_type: "application/json", body: body.boxed() })
}

async fn lines(index: &Index, filter: Filter) -> Answer {
    let (sender, mut receiver) = mpsc::channel(BACKLOG);
    let send = move |line: &str| {
        // This runs on a thread that may wait. A client that is gone ends it.
        match sender.blocking_send(Bytes::from(format!("{line}\n"))) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    let asked = index.detached(filter, send).await;
    let sent = stream::poll_fn(move |cx| receiver.poll_recv(cx)).map(Ok);
    // What goes wrong on the way ends the body early, which a client notices.
    let ended =
        asked.into_stream().filter_map(|ended| async { ended.err().map(|e| Err(io::Error::other(e))) });
    Answer { content_type: "application/x-ndjson", body: sent.chain(ended).boxed() }
}

fn parse(query: &str, allowed_tenant: Option<&str>, now: SystemTime) -> Result<(Filter, bool), String> {
    let mut filter = Filter::default();
    let mut seen = Vec::new();
    let mut streams = false;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let Some(name) = PARAMETERS.into_iter().find(|known| *known == name) else {
            return Err(format!("`{name}` is not a parameter. {}", suggestion(&name, &PARAMETERS)));
        };
        if seen.contains(&name) {
            return Err(format!("`{name}` is given twice"));
        }
        seen.push(name);
        let bad = |why: String| format!("{name}: {why}");
        let text = Some(value.to_string());
        match name {
            "caller" => filter.caller = text,
            "tenant" => filter.tenant = text,
            "service" => filter.service = text,
            "tool" => filter.tool = text,
            "outcome" => filter.outcome = text,
            "since" => filter.since = Some(moment(&value, now).map_err(bad)?),
            "until" => filter.until = Some(moment(&value, now).map_err(bad)?),
            "before" => {
                let before = value.parse().map_err(|_| bad(format!("`{value}` is not a line's number")))?;
                filter.before = Some(before);
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                filter.limit =
                    limit.ok_or_else(|| bad(format!("`{value}` is not a number between 1 and {MOST}")))?;
            }
            _ => {
                streams = match &*value {
                    "ndjson" => true,
                    "json" => false,
                    _ => return Err(bad(format!("`{value}` is neither `json` nor `ndjson`"))),
                };
            }
        }
    }
    if let Some(allowed) = allowed_tenant {
        if filter.tenant.as_ref().is_some_and(|tenant| tenant != allowed) {
            return Err(format!("tenant: you may ask for `{allowed}` only"));
        }
        filter.tenant = Some(allowed.to_owned());
    }
    Ok((filter, streams))
}

#[cfg(test)]
mod tests;
