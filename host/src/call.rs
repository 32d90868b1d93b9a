//! The straight line of a call. Start reading the host here.

use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::{sync::Mutex, task::spawn_blocking, time::timeout_at};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Auth, Caller, Unauthenticated},
    cache::{Hit, ResultCache},
    catalog::{Catalog, changes::Changes},
    egress::resolve::Resolve,
    error::CallError,
    health::Health,
    limit::Admission,
    live::{Live, Snapshot},
    metrics::Metrics,
    permit::{Checked, Conduct, Permit},
    record::{CallRecord, Records},
    request::{CallRequest, Credentials, Events, ToolOutput},
    sandbox::Sandbox,
    seal::Sealer,
    shape::is_large,
    trace::{Export, Tracer},
};

/// A call whose equal is under way waits for it no longer than its own deadline and this: the guest's own deadline
/// comes first, and says more.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a guest is run with, beside its call.
struct Guest {
    events: Events,
    cancelled: CancellationToken,
    conduct: Conduct,
}

/// The stages a call passes, in order.
#[derive(Debug)]
pub struct Host {
    pub(crate) live: Live,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tracer: Tracer,
    pub(crate) export: Mutex<Option<Export>>,
    pub(crate) admission: Admission,
    pub(crate) results: ResultCache,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) records: Arc<Records>,
}

impl Host {
    /// Runs one tool call, from credentials to record.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(&self, request: CallRequest) -> Result<ToolOutput, CallError> {
        let mut record = CallRecord::open(&self.records, &request); // closes itself as cancelled if this future is dropped
        let result = self.attempt(request, &mut record).await;
        record.close(result)
    }

    async fn attempt(&self, request: CallRequest, record: &mut CallRecord) -> Result<ToolOutput, CallError> {
        let now = self.snapshot(); // what it finds here it keeps, whatever is loaded meanwhile
        let caller = now.auth.authenticate(&request.credentials, None).await?;
        record.caller(&caller);
        self.records.ready()?;
        let route = now.catalog.route(caller, &request.scope, &request.tool);
        record.routed(&route, &self.tracer, &request);
        let admitted = self.admission.admit(route)?;
        let permit = Permit::new(admitted, &request.tool)?;
        record.allowed(&permit);
        let traceparent = record.traceparent(request.traceparent);
        let (checked, conduct) = permit.check(request.id, request.arguments, traceparent)?;
        let guest = Guest { events: request.events, cancelled: request.cancelled, conduct };
        self.answer(checked, guest, record).await
    }

    /// The result of a checked call: one that is kept, or that of a fresh guest.
    async fn answer(
        &self,
        mut checked: Checked,
        guest: Guest,
        record: &mut CallRecord,
    ) -> Result<ToolOutput, CallError> {
        let service = checked.service().clone();
        // A call that may change something outdates what is kept of its service, however it ends.
        let _change = (!checked.tool().annotations.read_only).then(|| service.revision.change());
        let Some((key, ttl)) = checked.take_key() else { return self.run(checked, guest, record).await };
        let deadline = service.compartment.limits.deadline;
        let give_up = checked.deadline + PATIENCE;
        let kept = self.results.run(|| key, Some(ttl), || self.run(checked, guest, record));
        let (output, hit) = match timeout_at(give_up, kept).await {
            Ok(answered) => answered?,
            Err(_) => return Err(CallError::DeadlineExceeded(deadline)),
        };
        self.metrics.cache_lookup(hit == Hit::Hit);
        if hit == Hit::Hit {
            record.cached();
        }
        Ok(Arc::unwrap_or_clone(output))
    }

    /// Runs a guest, and shapes what it gives.
    async fn run(
        &self,
        checked: Checked,
        guest: Guest,
        record: &CallRecord,
    ) -> Result<ToolOutput, CallError> {
        let tool = checked.tool().clone();
        let limit = checked.service().compartment.limits.result_bytes;
        let (egress, usage) = (record.egress(), record.usage());
        let Guest { events, cancelled, conduct } = guest;
        let result = self.sandbox.call(checked, events, cancelled, egress, usage).await;
        conduct.judge(result.as_ref().err());
        let output = result?;
        // To cut a large one takes milliseconds: nobody else is to wait for that.
        let apart = is_large(&output);
        let shaped = move || tool.shaped(output, limit);
        if apart { spawn_blocking(shaped).await.map_err(CallError::internal) } else { Ok(shaped()) }
    }

    /// Who a request comes from that is not a call, or not yet; `peer` is the address it came from.
    ///
    /// # Errors
    /// When its credentials do not hold.
    pub async fn authenticate(
        &self,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Caller, Unauthenticated> {
        self.auth().authenticate(credentials, peer).await
    }

    /// What is served, and to whom. For whoever needs several parts that belong together.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.live.snapshot()
    }

    /// How callers are told apart now.
    #[must_use]
    pub fn auth(&self) -> Arc<Auth> {
        self.snapshot().auth.clone()
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Where calls are recorded.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// Whether calls can be served and recorded.
    pub fn is_ready(self: &Arc<Self>) -> bool {
        self.records.ready().is_ok() && Health::of(self).is_ready()
    }

    /// Sends what waits to be sent, when the last call has ended. Calls afterwards are not traced.
    pub async fn close(&self, patience: Duration) {
        if let Some(export) = self.export.lock().await.take() {
            export.close(patience).await;
        }
    }

    /// What seals the handles that clients keep.
    #[must_use]
    pub fn sealer(&self) -> Arc<Sealer> {
        self.snapshot().sealer.clone()
    }

    /// The results that are kept.
    #[must_use]
    pub fn results(&self) -> &ResultCache {
        &self.results
    }

    /// What is served now.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.snapshot().catalog.clone()
    }

    /// What becomes of the lists of each tenant.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        self.live.changes()
    }

    /// Where guests run.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }
}
