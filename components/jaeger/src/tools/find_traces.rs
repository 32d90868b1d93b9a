//! `find_traces`: which requests were slow, failed, or had some attribute.

use std::collections::BTreeMap;

use bulkhead_sdk::duration::Span;
use bulkhead_sdk::list::View;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{When, Window};
use bulkhead_sdk::value::Fields;

use super::{HOUR, length, similar};
use crate::api::Search;
use crate::{Jaeger, summary};

const DEFAULT_LIMIT: usize = 20;

#[derive(Debug, Deserialize, JsonSchema)]
struct FindTraces {
    /// Exact name.
    service: String,
    /// Exact name.
    operation: Option<String>,
    /// `{"error": "true"}`; one span of it has all.
    attributes: Option<BTreeMap<String, String>>,
    /// `500ms`.
    min_duration: Option<Span>,
    /// `10s`.
    max_duration: Option<Span>,
    /// Default `-1h`.
    start: Option<When>,
    /// Default now.
    end: Option<When>,
    /// Default 20.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `full` adds errors, tree.
    #[serde(default)]
    view: View,
    /// Of each trace, `["trace_id"]`.
    #[schemars(length(max = 20))]
    fields: Option<Fields>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Answer {
    traces: Vec<Value>,
}

pub(super) fn tool() -> Tool<Jaeger> {
    Tool::reads(
        "find_traces",
        "Find traces",
        "Finds traces; each with root, services, errors and its critical path's main parts.",
        find_traces,
    )
    .output::<Answer>()
}

async fn find_traces(jaeger: &Jaeger, args: FindTraces, call: &Call) -> Result<Output> {
    let window = Window::resolve(args.start, args.end, HOUR, call)?;
    let (shortest, longest) = (length(args.min_duration), length(args.max_duration));
    if let (Some(shortest), Some(longest)) = (shortest, longest)
        && shortest > longest
    {
        return Err(Error::invalid("min_duration", "is longer than `max_duration`"));
    }
    let search = Search {
        service: &args.service,
        operation: args.operation.as_deref(),
        attributes: args.attributes.iter().flatten().map(|(name, value)| (&**name, &**value)).collect(),
        shortest,
        longest,
        window,
        limit: args.limit.map_or(DEFAULT_LIMIT, |limit| limit as usize),
    };
    let found = jaeger.api.traces(&search).await?;
    let fields = args.fields.unwrap_or_default();
    let shaped = |trace| if args.view == View::Full { summary::whole(trace) } else { summary::brief(trace) };
    let traces: Vec<Value> = found.iter().take(search.limit).map(shaped).map(Value::Object).collect();
    let mut out = json!({
        "shown": traces.len(), "window": window.told(),
        "traces": traces.iter().map(|trace| fields.of(trace)).collect::<Vec<Value>>(),
    });
    if let Some(out) = out.as_object_mut() {
        out.extend(fields.unknown(&traces));
        if traces.is_empty() {
            out.insert("hint".into(), similar(jaeger, &args.service).await?.into());
        } else if traces.len() >= search.limit {
            // Jaeger has no further page: it gives some that fit, not the first of an order.
            out.insert(
                "more".into(),
                "there may be more that fit: raise `limit` or narrow the search".into(),
            );
        }
    }
    Ok(Output::json(&out))
}
