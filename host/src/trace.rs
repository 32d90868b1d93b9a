//! Traces of calls, for an OpenTelemetry collector: a span for each call with the semantic conventions for MCP,
//! and below it spans for the guest and for each of its requests.
//!
//! Without a collector a [`Tracer`] is empty, and so are its spans: they cost a comparison. Spans hold names,
//! sizes and outcomes, never arguments or results. They wait in a bounded queue; what does not fit is dropped
//! and counted.

mod context;
mod export;
mod span;

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

pub use context::Context;
pub use export::Export;
pub use span::{CallSpan, Child, Kind, Parent};

use crate::{config::telemetry::Otlp, egress::resolve::Resolve, metrics::Metrics, request::CallId};
use span::Recorded;

/// Spans that may wait to be sent, over all calls: some megabytes.
const WAITING: usize = 4096;

/// Starts the spans of calls. Clones share a queue.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    sample: f64,
    /// The spans of each call; there is `room` for so many.
    queue: mpsc::UnboundedSender<Vec<Recorded>>,
    room: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl Tracer {
    /// Traces nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// Traces calls for a collector. Keep the [`Export`], and close it when the last call has ended.
    #[must_use]
    pub fn new(config: Otlp, resolver: Arc<dyn Resolve>, metrics: Arc<Metrics>) -> (Self, Export) {
        let (queue, waiting) = mpsc::unbounded_channel();
        let (sample, room) = (config.sample, Arc::new(Semaphore::new(WAITING)));
        let waiting = export::Waiting { spans: waiting, room: room.clone() };
        let export = Export::start(config, resolver, metrics.clone(), waiting);
        (Self(Some(Arc::new(Inner { sample, queue, room, metrics }))), export)
    }

    /// Starts the span of a call. `name` is one from the catalogue, not what the client wrote. With a
    /// `traceparent` the client decides whether the call is traced; otherwise the share that is configured.
    #[must_use]
    pub fn start(
        &self,
        call: CallId,
        method: &'static str,
        name: &str,
        traceparent: Option<&str>,
    ) -> CallSpan {
        let Some(inner) = &self.0 else { return CallSpan::default() };
        let parent = traceparent.and_then(Context::parse);
        let context = match &parent {
            Some(parent) => parent.child(),
            None => Context::root(inner.sample),
        };
        CallSpan::start(inner.clone(), context, parent, call, (method, name))
    }
}

impl Inner {
    /// Hands the spans of a call over.
    fn submit(&self, spans: Vec<Recorded>) {
        let count = spans.len();
        let room = self.room.try_acquire_many(u32::try_from(count).unwrap_or(u32::MAX));
        match room {
            Ok(room) if self.queue.send(spans).is_ok() => room.forget(), // made again when they have left
            _ => self.metrics.spans("dropped", count),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Mutex, time::Duration};

    use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
    use opentelemetry_proto::tonic::{
        collector::trace::v1::ExportTraceServiceRequest,
        common::v1::any_value::Value,
        trace::v1::{Span, span::SpanKind},
    };
    use prost::Message;
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

    use super::*;
    use crate::{
        egress::{log::EgressLog, resolve::System, target::Target},
        metrics::tests::{metrics, says},
    };

    impl Tracer {
        /// Traces everything, for whoever reads the channel.
        pub(crate) fn to_channel() -> (Self, UnboundedReceiver<Vec<Span>>) {
            Self::with(WAITING, metrics())
        }

        fn with(room: usize, metrics: Arc<Metrics>) -> (Self, UnboundedReceiver<Vec<Span>>) {
            let ((queue, waiting), room) = (unbounded_channel(), Arc::new(Semaphore::new(room)));
            (Self(Some(Arc::new(Inner { sample: 1.0, queue, room, metrics }))), waiting)
        }
    }

    const FROM_CLIENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    type Posted = (HeaderMap, ExportTraceServiceRequest);

    /// A collector: what it answers first, and what it was sent.
    struct Collector {
        url: String,
        posted: UnboundedReceiver<Posted>,
    }

    impl Collector {
        async fn start(answers: &[u16]) -> Self {
            type Shared = Arc<(Mutex<Vec<u16>>, UnboundedSender<Posted>)>;
            async fn take(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> StatusCode {
                shared.1.send((headers, ExportTraceServiceRequest::decode(body).unwrap())).unwrap();
                let status = shared.0.lock().unwrap().pop().unwrap_or(200);
                StatusCode::from_u16(status).unwrap()
            }
            let (sender, posted) = unbounded_channel();
            let answers = Mutex::new(answers.iter().rev().copied().collect());
            let app = Router::new().route("/v1/traces", post(take)).with_state(Arc::new((answers, sender)));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(axum::serve(listener, app).into_future());
            Self { url, posted }
        }

        fn config(&self) -> Otlp {
            let secret = axum::http::HeaderValue::from_static("s3cret");
            Otlp {
                endpoint: Target::parse(&format!("{}/v1/traces", self.url)).unwrap(),
                headers: vec![("api-key".parse().unwrap(), secret)],
                sample: 1.0,
                service_name: "front".to_owned(),
            }
        }

        async fn spans(&mut self) -> BTreeMap<String, Span> {
            let (_, request) = self.posted.recv().await.unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|spans| spans.scope_spans);
            scopes.flat_map(|scope| scope.spans).map(|span| (span.name.clone(), span)).collect()
        }
    }

    fn note(span: &Span, key: &str) -> String {
        let found = span.attributes.iter().find(|attribute| attribute.key == key);
        match found.and_then(|attribute| attribute.value.clone()?.value) {
            Some(Value::StringValue(text)) => text,
            Some(Value::IntValue(number)) => number.to_string(),
            other => panic!("{key}: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_call_its_guest_and_its_requests_are_one_trace() {
        let mut collector = Collector::start(&[]).await;
        let metrics = metrics();
        let (tracer, export) = Tracer::new(collector.config(), System::shared(), metrics.clone());
        let id = CallId::new();
        let mut call = tracer.start(id, "tools/call", "weather_now", Some(FROM_CLIENT));
        call.note("mcp.protocol.version", "2025-11-25");
        let guest = call.child("guest", Kind::Internal).unwrap();
        let log = EgressLog::traced(Some(guest.parent()));
        let entry = log.open(&http::Method::GET, "http://api.example:81/v1");
        let sent_on = Context::parse(&entry.traceparent().unwrap()).unwrap();
        entry.answered(503, Duration::from_millis(2));
        assert_eq!(entry.traceparent(), None, "it has ended");
        log.open(&http::Method::PUT, "http://api.example/v2").denied("no_rule");
        guest.end(None);
        call.end(Some("upstream"));
        export.close(Duration::from_secs(10)).await;

        let (headers, request) = collector.posted.recv().await.unwrap();
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["api-key"], "s3cret");
        let sent = &request.resource_spans[0];
        let service = &sent.resource.as_ref().unwrap().attributes[0];
        assert_eq!(service.key, "service.name");
        let spans = &sent.scope_spans[0].spans;
        let by_name = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
        assert_eq!(spans.len(), 4);
        let (call, guest) = (by_name("tools/call weather_now"), by_name("guest"));
        let (get, put) = (by_name("GET"), by_name("PUT"));

        let client = Context::parse(FROM_CLIENT).unwrap();
        assert!(spans.iter().all(|span| span.trace_id == client.trace && span.span_id.len() == 8));
        assert_eq!(call.parent_span_id, client.span);
        assert_eq!(guest.parent_span_id, call.span_id);
        assert_eq!((&get.parent_span_id, &put.parent_span_id), (&guest.span_id, &guest.span_id));
        assert_eq!(get.span_id, sent_on.span, "the upstream's own span is below the request's");
        assert_eq!(
            (call.kind(), guest.kind(), get.kind()),
            (SpanKind::Server, SpanKind::Internal, SpanKind::Client)
        );
        for (span, key, value) in [
            (call, "mcp.method.name", "tools/call"),
            (call, "gen_ai.operation.name", "execute_tool"),
            (call, "gen_ai.tool.name", "weather_now"),
            (call, "mcp.protocol.version", "2025-11-25"),
            (call, "bulkhead.call.id", &id.to_string()),
            (call, "bulkhead.outcome", "upstream"),
            (call, "error.type", "tool_error"),
            (get, "http.request.method", "GET"),
            (get, "url.full", "http://api.example:81/v1"),
            (get, "server.address", "api.example"),
            (get, "server.port", "81"),
            (get, "http.response.status_code", "503"),
            (get, "error.type", "503"),
            (put, "error.type", "no_rule"),
        ] {
            assert_eq!(note(span, key), value, "{key}");
        }
        assert!(guest.status.is_none() && call.status.is_some());
        assert!(spans.iter().all(|span| span.end_time_unix_nano >= span.start_time_unix_nano));
        says(&metrics, r#"bulkhead_trace_spans_total{outcome="sent"} 4"#);
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_ends_as_cancelled() {
        let mut collector = Collector::start(&[]).await;
        let (tracer, export) = Tracer::new(collector.config(), System::shared(), metrics());
        let call = tracer.start(CallId::new(), "tools/call", "t", None);
        let child = call.child("guest", Kind::Internal);
        drop((child, call));
        export.close(Duration::from_secs(10)).await;
        let spans = collector.spans().await;
        assert_eq!(note(&spans["tools/call t"], "error.type"), "cancelled");
        assert_eq!(note(&spans["guest"], "error.type"), "cancelled");
    }

    #[tokio::test]
    async fn a_client_that_does_not_sample_is_followed_and_its_trace_goes_on() {
        let (tracer, mut waiting) = Tracer::to_channel();
        let unsampled = FROM_CLIENT.replace("-01", "-00");
        let call = tracer.start(CallId::new(), "tools/call", "t", Some(&unsampled));
        let sent_on = call.traceparent().unwrap();
        assert!(sent_on.starts_with(&unsampled[..36]) && sent_on.ends_with("-00"), "{sent_on}");
        call.end(None);
        // What is no traceparent starts a trace of its own.
        tracer.start(CallId::new(), "tools/call", "t", Some("00-x")).end(None);
        assert_eq!(waiting.recv().await.unwrap().len(), 1);
    }

    #[test]
    fn without_a_collector_there_is_nothing() {
        let call = Tracer::off().start(CallId::new(), "tools/call", "t", Some(FROM_CLIENT));
        assert!(call.traceparent().is_none() && call.parent().is_none());
        let log = EgressLog::traced(call.parent());
        assert_eq!(log.open(&http::Method::GET, "http://h/").traceparent(), None);
        call.end(None);
    }

    #[test]
    fn what_does_not_fit_the_queue_is_dropped_and_counted() {
        let metrics = metrics();
        let (tracer, _waiting) = Tracer::with(100, metrics.clone());
        for _ in 0..3 {
            let call = tracer.start(CallId::new(), "tools/call", "t", None);
            for _ in 0..100 {
                call.child("c", Kind::Internal).unwrap().end(None);
            }
            call.end(None);
        }
        // 64 children of each and the call itself.
        says(&metrics, r#"bulkhead_trace_spans_total{outcome="dropped"} 130"#);
    }

    #[tokio::test]
    async fn a_collector_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
        let mut collector = Collector::start(&[503, 200, 400]).await;
        let metrics = metrics();
        let (tracer, export) = Tracer::new(collector.config(), System::shared(), metrics.clone());
        tracer.start(CallId::new(), "tools/call", "t", None).end(None);
        let first = collector.posted.recv().await.unwrap().1;
        assert_eq!(collector.posted.recv().await.unwrap().1, first);
        tracer.start(CallId::new(), "tools/call", "u", None).end(None);
        export.close(Duration::from_secs(10)).await;
        assert_ne!(collector.posted.recv().await.unwrap().1, first);
        assert!(collector.posted.try_recv().is_err());
        says(&metrics, r#"bulkhead_trace_spans_total{outcome="sent"} 1"#);
        says(&metrics, r#"bulkhead_trace_spans_total{outcome="failed"} 1"#);
    }
}
