//! Traces as resources: all of one to read, where the tool gives what matters.

use bulkhead_sdk::prelude::*;

use crate::model::Span;
use crate::{Jaeger, summary};

/// More is no reading; the tool pages through them.
const MOST: usize = 1000;

#[derive(Deserialize)]
struct OneTrace {
    trace_id: String,
}

pub(crate) fn all() -> Resources<Jaeger> {
    Resources::new().add(
        Resource::new("jaeger:///traces/{trace_id}", "trace", read)
            .title("A trace")
            .description("One trace: its summary, and every span with attributes and events.")
            .mime_type("application/json"),
    )
}

async fn read(jaeger: &Jaeger, args: OneTrace, _: &Call) -> Result<Contents> {
    let trace = jaeger.api.trace(&args.trace_id, "trace_id").await?;
    let mut out = summary::whole(&trace);
    out.insert("all_spans".into(), trace.spans.iter().take(MOST).map(Span::told).collect());
    if let Some(left) = trace.spans.len().checked_sub(MOST).filter(|left| *left > 0) {
        out.insert("spans_left_out".into(), left.into());
    }
    Ok(Contents::text(Value::from(out).to_string()))
}
