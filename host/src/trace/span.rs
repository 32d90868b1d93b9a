//! The spans of a call. They are kept with the call and handed over together when it ends.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{Span, Status, span::SpanKind, status::StatusCode},
};

use super::{Context, Inner};
use crate::request::CallId;

/// A span that has ended, as it is sent.
pub(super) type Recorded = Span;

/// Children of one call that are recorded; a guest may make any number of requests.
const CHILDREN: usize = 64;

/// What a child span is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Work of the host or the guest.
    Internal,
    /// A request to somebody else.
    Client,
}

/// The span of a call; empty if there is no tracing. Dropped before its end, it ends as cancelled.
#[derive(Debug, Default)]
pub struct CallSpan(Option<Open>);

#[derive(Debug)]
struct Open {
    tracer: Arc<Inner>,
    span: Timed,
    parent: Parent,
}

/// Where children of a call's span are made. Clones make children of the same span.
#[derive(Clone, Debug)]
pub struct Parent {
    context: Context,
    /// None if the trace is not recorded.
    ended: Option<Arc<Mutex<Vec<Recorded>>>>,
}

/// A span below that of a call. Dropped before its end, it ends as cancelled.
#[derive(Debug)]
pub struct Child {
    parent: Parent,
    span: Option<Timed>,
}

/// A span that has not ended.
#[derive(Debug)]
struct Timed {
    span: Span,
    started: Instant,
}

impl Timed {
    fn start(context: &Context, parent: Option<&Context>, name: String, kind: SpanKind) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let span = Span {
            trace_id: context.trace.into(),
            span_id: context.span.into(),
            parent_span_id: parent.map(|parent| parent.span.into()).unwrap_or_default(),
            flags: 1,
            name,
            kind: kind.into(),
            start_time_unix_nano: u64::try_from(now.as_nanos()).unwrap_or_default(),
            ..Span::default()
        };
        Self { span, started: Instant::now() }
    }

    fn set(&mut self, key: &str, value: Value) {
        let value = Some(AnyValue { value: Some(value) });
        self.span.attributes.push(KeyValue { key: key.to_owned(), value, ..KeyValue::default() });
    }

    fn end(mut self, error: Option<&str>) -> Span {
        let took = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or_default();
        self.span.end_time_unix_nano = self.span.start_time_unix_nano.saturating_add(took);
        if let Some(error) = error {
            self.set("error.type", Value::StringValue(error.to_owned()));
            self.span.status = Some(Status { message: String::new(), code: StatusCode::Error.into() });
        }
        self.span
    }
}

impl CallSpan {
    pub(super) fn start(
        tracer: Arc<Inner>,
        context: Context,
        parent: Option<Context>,
        call: CallId,
        (method, of): (&str, &str),
    ) -> Self {
        let name = if context.sampled { format!("{method} {of}") } else { String::new() };
        let mut span = Timed::start(&context, parent.as_ref(), name, SpanKind::Server);
        let ended = context.sampled.then(Arc::default);
        if ended.is_some() {
            let more: &[_] = match method {
                "tools/call" => &[("gen_ai.operation.name", "execute_tool"), ("gen_ai.tool.name", of)],
                "prompts/get" => &[("gen_ai.prompt.name", of)],
                _ => &[],
            };
            for (key, value) in [("mcp.method.name", method)].iter().chain(more) {
                span.set(key, Value::StringValue((*value).to_owned()));
            }
            span.set("bulkhead.call.id", Value::StringValue(call.to_string()));
        }
        Self(Some(Open { tracer, span, parent: Parent { context, ended } }))
    }

    /// What the guest is told, and sends on; none if there is no tracing, and the client's own is passed on.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        Some(self.0.as_ref()?.parent.context.to_string())
    }

    /// Where its children are made; none if there is no tracing.
    #[must_use]
    pub fn parent(&self) -> Option<Parent> {
        Some(self.0.as_ref()?.parent.clone())
    }

    /// Starts a child, if there is tracing.
    #[must_use]
    pub fn child(&self, name: &str, kind: Kind) -> Option<Child> {
        Some(self.0.as_ref()?.parent.child(name, kind))
    }

    /// Notes something else the host knows, such as `mcp.protocol.version` or `network.transport`.
    pub fn note(&mut self, key: &'static str, value: &str) {
        if let Some(open) = self.0.as_mut().filter(|open| open.parent.ended.is_some()) {
            open.span.set(key, Value::StringValue(value.to_owned()));
        }
    }

    /// The call has ended: well, or for a reason of [`CallError`](crate::error::CallError). To clients a call that
    /// failed is a result that says so, for which the conventions have the word `tool_error`.
    pub fn end(mut self, error: Option<&'static str>) {
        self.finish(error);
    }

    fn finish(&mut self, error: Option<&'static str>) {
        let Some(Open { tracer, mut span, parent }) = self.0.take() else { return };
        let Some(ended) = parent.ended else { return };
        span.set("bulkhead.outcome", Value::StringValue(error.unwrap_or("ok").to_owned()));
        let mut spans = std::mem::take(&mut *ended.lock().unwrap_or_else(PoisonError::into_inner));
        spans.push(span.end(error.map(|reason| match reason {
            "cancelled" => "cancelled",
            _ => "tool_error",
        })));
        tracer.submit(spans);
    }
}

impl Drop for CallSpan {
    fn drop(&mut self) {
        self.finish(Some("cancelled"));
    }
}

impl Parent {
    /// Starts a child.
    #[must_use]
    pub fn child(&self, name: &str, kind: Kind) -> Child {
        let context = self.context.child();
        let kind = match kind {
            Kind::Internal => SpanKind::Internal,
            Kind::Client => SpanKind::Client,
        };
        let recorded = self.ended.is_some();
        let span = recorded.then(|| Timed::start(&context, Some(&self.context), name.to_owned(), kind));
        Child { parent: Self { context, ended: self.ended.clone() }, span }
    }
}

impl Child {
    /// For a request that is sent under this span.
    #[must_use]
    pub fn traceparent(&self) -> String {
        self.parent.context.to_string()
    }

    /// Where its own children are made.
    #[must_use]
    pub fn parent(&self) -> Parent {
        self.parent.clone()
    }

    /// Notes a text.
    pub fn note(&mut self, key: &'static str, value: &str) {
        if let Some(span) = &mut self.span {
            span.set(key, Value::StringValue(value.to_owned()));
        }
    }

    /// Notes a number.
    pub fn note_number(&mut self, key: &'static str, value: i64) {
        if let Some(span) = &mut self.span {
            span.set(key, Value::IntValue(value));
        }
    }

    /// It has ended: well, or with this `error.type`.
    pub fn end(mut self, error: Option<&str>) {
        self.finish(error);
    }

    fn finish(&mut self, error: Option<&str>) {
        if let (Some(span), Some(ended)) = (self.span.take(), &self.parent.ended) {
            let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
            if ended.len() < CHILDREN {
                ended.push(span.end(error));
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.finish(Some("cancelled"));
    }
}
