//! Sends spans to the collector: OTLP over HTTP, as protobuf (OpenTelemetry Protocol §OTLP/HTTP), in batches.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Caps, Network, telemetry::Otlp},
    egress::{dial::Dialer, resolve::Resolve, target::Target},
    metrics::Metrics,
};

/// Calls whose spans are sent together.
const BATCH: usize = 256;
/// How long spans wait for others.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a batch is sent before it is given up, and the pause before the second time; each further one is twice
/// as long.
const ATTEMPTS: u32 = 3;
const AGAIN: Duration = Duration::from_millis(500);

/// Spans that wait, and the room they take.
pub(super) struct Waiting {
    pub(super) spans: mpsc::UnboundedReceiver<Vec<Span>>,
    pub(super) room: Arc<Semaphore>,
}

/// Sends spans in the background.
#[derive(Debug)]
pub struct Export {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Export {
    pub(super) fn start(
        config: Otlp,
        resolver: Arc<dyn Resolve>,
        metrics: Arc<Metrics>,
        waiting: Waiting,
    ) -> Self {
        let stop = CancellationToken::new();
        let collector = Collector::new(config, resolver);
        let task = tokio::spawn(run(collector, metrics, waiting, stop.clone()));
        Self { stop, task }
    }

    /// Sends what is left, within this time.
    pub async fn close(self, patience: Duration) {
        self.stop.cancel();
        if timeout(patience, self.task).await.is_err() {
            tracing::warn!("some spans were not sent in time and are lost");
        }
    }
}

async fn run(
    collector: Collector,
    metrics: Arc<Metrics>,
    Waiting { spans: mut waiting, room }: Waiting,
    stop: CancellationToken,
) {
    let mut well = true;
    let mut batch = Vec::new();
    loop {
        if stop.run_until_cancelled(waiting.recv_many(&mut batch, BATCH)).await.is_none() {
            waiting.close(); // from now on it returns at once, with what is left and then with nothing
            waiting.recv_many(&mut batch, BATCH).await;
        }
        if batch.is_empty() {
            return; // no tracer is left, or there is no more to come
        }
        let until = Instant::now() + PAUSE;
        while batch.len() < BATCH && !stop.is_cancelled() {
            let room = BATCH - batch.len();
            let more = tokio::time::timeout_at(until, waiting.recv_many(&mut batch, room));
            if !matches!(stop.run_until_cancelled(more).await, Some(Ok(1..))) {
                break;
            }
        }
        let spans: Vec<Span> = batch.drain(..).flatten().collect();
        let count = spans.len();
        let sent = collector.send(spans, &stop).await;
        room.add_permits(count);
        metrics.spans(if sent.is_ok() { "sent" } else { "failed" }, count);
        match (std::mem::replace(&mut well, sent.is_ok()), sent) {
            (true, Err(why)) => {
                tracing::warn!(collector = collector.url(), why, "traces cannot be sent");
            }
            (false, Ok(())) => tracing::info!(collector = collector.url(), "traces are sent again"),
            _ => {}
        }
    }
}

struct Collector {
    endpoint: Target,
    headers: Vec<(http::HeaderName, HeaderValue)>,
    resource: Resource,
    dialer: Dialer,
}

impl Collector {
    fn new(config: Otlp, resolver: Arc<dyn Resolve>) -> Self {
        // The operator wrote where it is, and no guest has a say in it: a collector is at home in private networks.
        let everywhere = ["0.0.0.0/0", "::/0"].into_iter().filter_map(|range| range.parse().ok()).collect();
        let network = Network { allow_addresses: everywhere, ..Network::default() };
        let attributes =
            [("service.name", config.service_name.as_str()), ("service.version", env!("CARGO_PKG_VERSION"))];
        let attributes = attributes.map(|(key, value)| KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) }),
            ..KeyValue::default()
        });
        Self {
            endpoint: config.endpoint,
            headers: config.headers,
            resource: Resource { attributes: attributes.into(), ..Resource::default() },
            dialer: Dialer::new(network, &Caps::default(), resolver),
        }
    }

    fn url(&self) -> String {
        self.endpoint.without_query()
    }

    /// Sends spans, and again where that may help. When the host stops there is no time for that.
    async fn send(&self, spans: Vec<Span>, stop: &CancellationToken) -> Result<(), String> {
        let scope = InstrumentationScope {
            name: "bulkhead".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
        let resource = Some(self.resource.clone());
        let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
        let body = bytes::Bytes::from(ExportTraceServiceRequest { resource_spans }.encode_to_vec());
        let mut pause = AGAIN;
        for attempt in 1.. {
            let sent = timeout(PATIENCE, self.post(body.clone())).await;
            let (why, may_help) = match sent {
                Ok(Ok(status)) if status.is_success() => return Ok(()),
                Ok(Ok(status)) => (format!("it answered {status}"), is_passing(status)),
                Ok(Err(why)) => (why, true),
                Err(_) => (format!("no answer within {PATIENCE:?}"), true),
            };
            if !may_help || attempt >= ATTEMPTS || stop.is_cancelled() {
                return Err(why);
            }
            let _ = stop.run_until_cancelled(sleep(pause)).await;
            pause = pause.saturating_mul(2);
        }
        Ok(())
    }

    async fn post(&self, body: bytes::Bytes) -> Result<StatusCode, String> {
        let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::try_from(self.endpoint.url().as_str()).map_err(|e| e.to_string())?;
        let headers = request.headers_mut();
        headers.extend(self.headers.iter().map(|(name, value)| (Some(name.clone()), value.clone())));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let response = self.dialer.send(&self.endpoint, request).await.map_err(|error| chain(&error))?;
        let status = response.status();
        // Read, so that the connection can be used again.
        let _ = Limited::new(response.into_body(), 64 << 10).collect().await;
        Ok(status)
    }
}

/// Statuses after which the same may be sent again (OTLP/HTTP §Failures).
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
