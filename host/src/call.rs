//! The straight line of a call. Start reading the host here.

use std::{
    future::poll_fn,
    net::IpAddr,
    sync::{Arc, OnceLock},
    task::Poll,
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::{Mutex, watch},
    time::timeout_at,
};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Auth, Caller, Unauthenticated, Who},
    cache::{Hit, ResultCache},
    catalog::{Catalog, changes::Changes},
    egress::{log::EgressLog, resolve::Resolve},
    error::CallError,
    health::Health,
    limit::{
        Admission,
        peers::{Seat, Table},
        streams::Streams,
    },
    live::{Live, Snapshot},
    metrics::Metrics,
    operation::Outcome,
    permit::{Checked, Conduct, Permit},
    pin::Pins,
    record::{CallRecord, Records},
    request::{Brought, CallRequest, Credentials, Events, Scope, ToolOutput},
    sandbox::{Produced, Said, Sandbox, Usage},
    seal::Sealer,
    shape::is_large,
    tasks::Tasks,
    trace::{Export, Tracer},
};

/// A call whose equal is under way waits for it no longer than its own deadline and this: the guest's own deadline
/// comes first, and says more.
const PATIENCE: Duration = Duration::from_secs(1);

/// Lets the other calls of this thread come to the same point. A thread that takes one step for all of its calls, and
/// then the next, finds the code of that step in the processor's caches.
///
/// The task goes to the end of its thread's queue. [`tokio::task::yield_now`] looks at the sockets before it goes on, which
/// costs a call that is alone more than it can win.
async fn in_step() {
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What a guest is run with, beside its call.
struct Guest {
    events: Events,
    cancelled: CancellationToken,
    conduct: Conduct,
}

/// A call, and what its guest did.
#[derive(Debug)]
pub struct Followed {
    /// What came of it.
    pub result: Result<Outcome, CallError>,
    /// What it sent.
    pub egress: EgressLog,
    /// What it used.
    pub usage: Usage,
    /// What it printed and logged.
    pub said: Said,
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
    pub(crate) pins: Pins,
    pub(crate) waiting: Arc<Table<Who>>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) tasks: Arc<Tasks>,
}

impl Host {
    /// Runs one call, from credentials to record.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(&self, request: CallRequest) -> Result<Outcome, CallError> {
        let mut record = CallRecord::open(&self.records, &request); // closes itself as cancelled if this future is dropped
        let result = self.attempt(request, &mut record).await;
        self.recorded(record, result).await
    }

    /// The same for whoever wants to know what its guest did, not only what came of it.
    pub async fn followed(&self, request: CallRequest) -> Followed {
        let mut record = CallRecord::open(&self.records, &request);
        record.hear();
        let result = self.attempt(request, &mut record).await;
        let (egress, usage, said) = (record.egress(), record.usage(), record.said());
        Followed { result: self.recorded(record, result).await, egress, usage, said }
    }

    /// The same as [`Self::call`], as something that needs nothing but the host.
    #[must_use]
    pub fn calling(self: Arc<Self>, request: CallRequest) -> BoxFuture<'static, Result<Outcome, CallError>> {
        async move { self.call(request).await }.boxed()
    }

    async fn attempt(&self, request: CallRequest, record: &mut CallRecord) -> Result<Outcome, CallError> {
        let now = self.snapshot(); // what it finds here it keeps, whatever is loaded meanwhile
        let caller = now.auth.authenticate(&request.credentials, None).await?;
        record.caller(&caller);
        self.records.ready()?;
        let route = now.catalog.route(caller, &request.scope, &request.operation);
        record.routed(&route, &self.tracer, &request);
        let admitted = self.admission.admit(route)?;
        let permit = Permit::new(admitted, &request.operation)?;
        record.allowed(&permit);
        let traceparent = record.traceparent(request.traceparent);
        let brought = Brought { answers: request.answers, accepts: request.accepts, traceparent };
        let (checked, conduct) = permit.check(request.id, request.operation, brought, &now.sealer)?;
        let guest = Guest { events: request.events, cancelled: request.cancelled, conduct };
        self.answer(checked, guest, record).await
    }

    /// Answers from the catalogue what is asked like a call. No guest runs; for the rest it is one, with its
    /// credentials, limits and record.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn look(
        &self,
        request: CallRequest,
        answer: impl FnOnce(&Catalog, &Caller, CallRequest) -> Result<ToolOutput, CallError>,
    ) -> Result<Outcome, CallError> {
        let mut record = CallRecord::open(&self.records, &request);
        let looked = async {
            let now = self.snapshot();
            let caller = now.auth.authenticate(&request.credentials, None).await?;
            record.caller(&caller);
            self.records.ready()?;
            let _places = self.admission.look(&caller)?;
            record.looked();
            answer(&now.catalog, &caller, request).map(Outcome::Tool)
        };
        let result = looked.await;
        self.recorded(record, result).await
    }

    /// A result, once its record is written: with those of the calls that end at the same time.
    async fn recorded(
        &self,
        record: CallRecord,
        result: Result<Outcome, CallError>,
    ) -> Result<Outcome, CallError> {
        let closed = record.close(&result);
        in_step().await;
        closed.recorded(result)
    }

    /// The result of a checked call: one that is kept, or that of a fresh guest.
    async fn answer(
        &self,
        mut checked: Checked,
        guest: Guest,
        record: &mut CallRecord,
    ) -> Result<Outcome, CallError> {
        let service = checked.service().clone();
        // A call that may change something outdates what is kept of its service, however it ends.
        let _change = checked.work.may_change().then(|| service.revision.change());
        let Some((key, ttl)) = checked.take_key() else { return self.run(checked, guest, record).await };
        let deadline = service.compartment.limits.deadline;
        let give_up = checked.deadline + PATIENCE;
        // Only the result of a tool is kept. A question is this call's alone: to the cache the call has failed.
        let aside = OnceLock::new();
        let run = async || match self.run(checked, guest, record).await? {
            Outcome::Tool(output) => Ok(output),
            other => {
                let _ = aside.set(other);
                Err(CallError::Cancelled)
            }
        };
        // Boxed: what is kept for a future is moved with it, and most calls are not kept.
        let kept = timeout_at(give_up, Box::pin(self.results.run(|| key, Some(ttl), run))).await;
        if let Some(outcome) = aside.into_inner() {
            return Ok(outcome);
        }
        let (output, hit) = kept.map_err(|_| CallError::DeadlineExceeded(deadline))??;
        self.metrics.cache_lookup(hit == Hit::Hit);
        if hit == Hit::Hit {
            record.cached();
        }
        Ok(Outcome::Tool(Arc::unwrap_or_clone(output)))
    }

    /// Runs a guest, and shapes what it gives.
    async fn run(&self, checked: Checked, guest: Guest, record: &CallRecord) -> Result<Outcome, CallError> {
        let (tool, service) = (checked.work.tool().cloned(), checked.service().clone());
        let limit = service.compartment.limits.result_bytes;
        let traces = record.traces();
        let Guest { events, cancelled, conduct } = guest;
        in_step().await;
        let result = self.sandbox.call(checked, events, cancelled, traces).await;
        conduct.judge(result.as_ref().err());
        let mut outcome = match result? {
            Produced::Outcome(outcome) => outcome,
            Produced::Posed(posed) => return Ok(Outcome::Asked(posed.seal(&self.sealer())?)),
        };
        if service.resources.is_some() {
            outcome = outcome.published(&service.name);
        }
        let (Outcome::Tool(output), Some(tool)) = (&mut outcome, tool) else { return Ok(outcome) };
        let output = std::mem::take(output);
        // To cut a large one takes milliseconds: nobody else is to wait for that.
        let apart = is_large(&output);
        let shaped = move || Outcome::Tool(tool.shaped(output, limit));
        if apart { self.sandbox.aside(shaped).await } else { Ok(shaped()) }
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

    /// Ends the tasks, and sends what waits to be sent, when the last call has ended. Calls afterwards are not traced.
    pub async fn close(&self, patience: Duration) {
        self.tasks.close(patience).await;
        if let Some(export) = self.export.lock().await.take() {
            export.close(patience).await;
        }
    }

    /// Tells whenever a resource may have changed: a call of its service that may write has ended. None if the caller
    /// has no such resource. Of a service that is replaced the receiver is closed.
    #[must_use]
    pub fn watch(&self, caller: &Caller, scope: &Scope, uri: &str) -> Option<watch::Receiver<u64>> {
        Some(self.catalog().resource(caller, scope, uri)?.revision.watch())
    }

    /// The revision of a resource's service: another one when the resource may have changed. None if the caller has
    /// no such resource.
    #[must_use]
    pub fn revision(&self, caller: &Caller, scope: &Scope, uri: &str) -> Option<u64> {
        Some(self.catalog().resource(caller, scope, uri)?.revision.current())
    }

    /// A place to wait for a person in, who is asked over the connection that a request came in on.
    ///
    /// # Errors
    /// When too many wait already.
    pub fn wait_for_person(&self, caller: &Caller) -> Result<Seat<Who>, CallError> {
        self.waiting.open(caller.who()).map_err(|_| CallError::Throttled {
            message: "too many calls wait for somebody to answer a question; answer those first".to_owned(),
            retry_after: None,
        })
    }

    /// The streams on which clients listen.
    #[must_use]
    pub fn streams(&self) -> &Arc<Streams> {
        &self.streams
    }

    /// What seals the handles that clients keep.
    #[must_use]
    pub fn sealer(&self) -> Arc<Sealer> {
        self.snapshot().sealer.clone()
    }

    /// The calls that outlive their request.
    #[must_use]
    pub fn tasks(&self) -> &Arc<Tasks> {
        &self.tasks
    }

    /// What the operator agreed to run.
    #[must_use]
    pub fn pins(&self) -> &Pins {
        &self.pins
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
