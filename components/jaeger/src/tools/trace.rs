//! `trace`: one request, in short or span by span, or against another.

use bulkhead_sdk::join;
use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::Fields;

use crate::model::{Span, Trace};
use crate::{Jaeger, summary};

const DEFAULT_LIMIT: usize = 50;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct OneTrace {
    /// Hexadecimal.
    trace_id: String,
    /// Another trace, to compare critical paths with.
    against: Option<String>,
    /// `full`: its spans.
    #[serde(default)]
    view: View,
    /// Only spans of this service.
    service: Option<String>,
    /// Of each span, `["operation"]`.
    #[schemars(length(max = 20))]
    fields: Option<Fields>,
    /// Spans, default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u32>,
    /// From `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Answer {
    trace_id: String,
}

pub(super) fn tool() -> Tool<Jaeger> {
    Tool::reads(
        "trace",
        "One trace",
        "Explains one trace: origin of errors, critical path, loops of calls, tree (`*` critical, `!` failed).",
        trace,
    )
    .output::<Answer>()
}

async fn trace(jaeger: &Jaeger, args: OneTrace, _: &Call) -> Result<Output> {
    let wanted = jaeger.api.trace(&args.trace_id, "trace_id");
    match &args.against {
        None if args.wants_spans() => in_full(&wanted.await?, &args),
        None => Ok(Output::json(&summary::whole(&wanted.await?))),
        Some(_) if args.wants_spans() => {
            Err(Error::invalid("against", "goes with the summary only: leave out what is about spans"))
        }
        Some(against) => {
            let (trace, other) = join!(wanted, jaeger.api.trace(against, "against"));
            let (trace, other) = (trace?, other?);
            let mut out = summary::whole(&trace);
            out.insert("against".into(), summary::compared(&trace, &other));
            Ok(Output::json(&out))
        }
    }
}

impl OneTrace {
    /// What is about spans asks for them, whatever the view.
    fn wants_spans(&self) -> bool {
        let about_spans =
            self.service.is_some() || self.fields.is_some() || self.limit.is_some() || self.cursor.is_some();
        self.view == View::Full || about_spans
    }
}

fn in_full(trace: &Trace, args: &OneTrace) -> Result<Output> {
    let of_service = |span: &&Span| args.service.as_deref().is_none_or(|service| span.service == service);
    let spans: Vec<&Span> = trace.spans.iter().filter(of_service).collect();
    let wanted = Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), Key::new("trace", args)?);
    let page = Page::cut(spans, wanted)?.map(Span::told);
    let mut out = page.shown("spans", Some(View::Full), args.fields.as_ref(), |span| span);
    out.insert("trace_id".into(), trace.id.as_str().into());
    Ok(Output::json(&out))
}
