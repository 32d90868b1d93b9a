//! One record per call. It opens first and closes exactly once on every path: a call whose future is
//! dropped closes as cancelled. It holds sizes and labels, never results, and of arguments their shape.
//!
//! It goes to the log, where calls that failed are `info` and the others `debug` (`--log info,call=debug` shows all),
//! and to the audit log, before the caller gets its answer.

use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    time::{Instant, SystemTime},
};

use serde_json::{Map, Value};

use crate::{
    audit::{AuditError, Decision, Entry, FieldPath, Index, Log, Submitted, shape},
    auth::Caller,
    catalog::{Found, Route},
    config::audit::Audit,
    egress::log::{EgressLog, Sums},
    error::CallError,
    metrics::{Metrics, Running},
    operation::Outcome,
    permit::Permit,
    request::{CallId, CallRequest},
    sandbox::{Said, Traces, Usage},
    trace::{CallSpan, Child, Kind, Tracer},
};

/// Where records go.
#[derive(Debug)]
pub struct Records {
    audit: Option<Audited>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Audited {
    log: Log,
    index: Index,
    fields: Vec<FieldPath>,
}

impl Records {
    /// Opens the audit log, if one is configured.
    ///
    /// # Errors
    /// When its folder cannot be used.
    pub fn open(config: Option<Audit>, metrics: Arc<Metrics>) -> Result<Arc<Self>, AuditError> {
        let open = |config: Audit| {
            let log = Log::open(&config)?;
            let index = Index::start(&log)?;
            Ok::<_, AuditError>(Audited { log, index, fields: config.fields })
        };
        Ok(Arc::new(Self { audit: config.map(open).transpose()?, metrics }))
    }

    /// Whether calls can be recorded, as they must be.
    ///
    /// # Errors
    /// When the audit log cannot be written and calls are refused meanwhile.
    pub fn ready(&self) -> Result<(), CallError> {
        self.audit.as_ref().map_or(Ok(()), |audit| audit.log.ready().map_err(|error| unrecorded(&error)))
    }

    /// The audit log's index, and its log.
    #[must_use]
    pub fn audit(&self) -> Option<(&Index, &Log)> {
        self.audit.as_ref().map(|audit| (&audit.index, &audit.log))
    }

    fn submit(&self, entry: impl FnOnce() -> Entry) -> Option<Submitted> {
        self.audit.as_ref().map(|audit| audit.log.submit(&entry()))
    }
}

/// The record of a call that has ended, on its way to the audit log. It gets there, whatever becomes of who waits.
#[derive(Debug)]
#[must_use]
pub struct Closed {
    records: Arc<Records>,
    line: Option<Submitted>,
}

impl Closed {
    /// Gives the call's result back once it is recorded.
    ///
    /// # Errors
    /// The call's own, or that it cannot be recorded.
    pub fn recorded(mut self, result: Result<Outcome, CallError>) -> Result<Outcome, CallError> {
        self.settle().map_err(|error| unrecorded(&error))?;
        result
    }

    fn settle(&mut self) -> Result<(), AuditError> {
        match (self.line.take(), &self.records.audit) {
            (Some(line), Some(audit)) => audit.log.settle(&line),
            _ => Ok(()),
        }
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        if let Err(error) = self.settle() {
            tracing::error!(%error, "a call cannot be recorded");
        }
    }
}

fn unrecorded(error: &AuditError) -> CallError {
    tracing::error!(%error, "a call cannot be recorded");
    CallError::Unavailable {
        message: "calls are refused while they cannot be recorded; the host's log says why".to_owned(),
        retry_after: None,
    }
}

/// Characters of what the client wants that are written down.
const TARGET: usize = 256;
/// The outcome of a call that ended with a question.
const ASKED: &str = "input_required";

/// What decides about a call.
#[derive(Debug)]
enum Rule {
    /// A stage that has not decided yet, or has no rules.
    Stage(&'static str),
    /// A rule of the operator's.
    Access(Arc<str>),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stage(stage) => stage,
            Self::Access(rule) => rule,
        })
    }
}

/// The record of a running call.
#[derive(Debug)]
pub struct CallRecord {
    records: Arc<Records>,
    id: CallId,
    method: &'static str,
    /// The tool, or what else it is about.
    tool: String,
    /// The shape of the arguments, if there is an audit log.
    arguments: Value,
    caller: Option<Caller>,
    found: Option<Found>,
    running: Option<Running>,
    /// The stage that decides next, or the rule that has.
    rule: Rule,
    decision: Decision,
    span: CallSpan,
    guest: Option<Child>,
    egress: EgressLog,
    usage: Usage,
    said: Said,
    cached: bool,
    time: SystemTime,
    started: Instant,
    closed: bool,
}

impl CallRecord {
    /// Opens the record of a call.
    #[must_use]
    pub fn open(records: &Arc<Records>, request: &CallRequest) -> Self {
        let (operation, none) = (&request.operation, Map::new());
        let (target, arguments) = (operation.target(), operation.arguments().unwrap_or(&none));
        let shaped = |audit: &Audited| shape(&target, arguments, &audit.fields);
        Self {
            id: request.id,
            // The name is the client's: cut, so that a log line stays one.
            tool: target.chars().take(TARGET).collect(),
            method: operation.method(),
            arguments: records.audit.as_ref().map(shaped).unwrap_or_default(),
            caller: None,
            found: None,
            running: None,
            rule: Rule::Stage("authentication"),
            decision: Decision::Denied,
            span: CallSpan::default(),
            guest: None,
            egress: EgressLog::default(),
            usage: Usage::default(),
            said: Said::default(),
            cached: false,
            time: SystemTime::now(),
            started: Instant::now(),
            closed: false,
            records: records.clone(),
        }
    }

    /// What there is not, where nothing is found.
    fn missing(&self) -> &'static str {
        match self.method {
            "tools/call" => "no such tool",
            "prompts/get" => "no such prompt",
            _ => "no such resource",
        }
    }

    /// Notes who calls.
    pub fn caller(&mut self, caller: &Caller) {
        self.caller = Some(caller.clone());
    }

    /// Notes where the call goes, by which rule, and begins its trace.
    pub fn routed(&mut self, route: &Route, tracer: &Tracer, request: &CallRequest) {
        self.rule = route.rule().cloned().map_or(Rule::Stage(self.missing()), Rule::Access);
        self.found = route.found().cloned();
        self.running = self.found.as_ref().map(|found| found.service.meters.start());
        let name = self.found.as_ref().map_or("_unknown", |found| found.member.public_name());
        self.span = tracer.start(self.id, self.method, name, request.traceparent.as_deref());
        self.span.note("network.transport", request.via.transport);
        if let Some(protocol) = &request.via.protocol {
            self.span.note("mcp.protocol.version", protocol);
        }
        self.guest = self.span.child("guest", Kind::Internal);
        self.egress = EgressLog::traced(self.guest.as_ref().map(Child::parent));
    }

    /// The trace the guest belongs to, or the client's own.
    #[must_use]
    pub fn traceparent(&self, clients: Option<String>) -> Option<String> {
        self.guest.as_ref().map(Child::traceparent).or(clients)
    }

    /// Notes that the call is let through.
    pub fn allowed(&mut self, _: &Permit) {
        self.decision = Decision::Allowed;
    }

    /// Notes that the catalogue answers; everybody may ask it, and sees what is its own.
    pub fn looked(&mut self) {
        self.rule = Rule::Stage("listing");
        self.decision = Decision::Allowed;
    }

    /// Notes that the result was there already.
    pub fn cached(&mut self) {
        self.cached = true;
    }

    /// Where the call's outbound requests are told.
    #[must_use]
    pub fn egress(&self) -> EgressLog {
        self.egress.clone()
    }

    /// Where it is told what the guest takes.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.usage.clone()
    }

    /// Keeps what the guest says, for somebody who wants to hear it.
    pub fn hear(&mut self) {
        self.said = Said::listening();
    }

    /// What the guest says, if that is kept.
    #[must_use]
    pub fn said(&self) -> Said {
        self.said.clone()
    }

    /// All of it, for the guest that is started.
    #[must_use]
    pub fn traces(&self) -> Traces {
        Traces { egress: self.egress(), usage: self.usage(), said: self.said() }
    }

    /// Closes the record with the call's result.
    pub fn close(mut self, result: &Result<Outcome, CallError>) -> Closed {
        match result {
            Ok(Outcome::Asked(_)) => self.write(ASKED, None),
            Ok(_) => self.write("ok", None),
            Err(error) => {
                if let CallError::Internal(cause) = error {
                    tracing::error!(call = %self.id, tool = self.tool, cause = ?cause, "internal error");
                }
                match error {
                    CallError::Forbidden(rule) => {
                        self.decision = Decision::Denied;
                        self.rule = Rule::Access(rule.clone());
                    }
                    CallError::Limited(refused) => {
                        self.rule = Rule::Access(refused.key.as_str().into());
                        self.records.metrics.limit_hit(refused.limit.key(), refused.scope());
                    }
                    _ => {}
                }
                self.write(error.reason(), error.limit())
            }
        }
    }

    fn write(
        &mut self,
        outcome: &'static str,
        limit: Option<(Cow<'static, str>, String, Option<String>)>,
    ) -> Closed {
        self.closed = true;
        // A call that asked the user went well, as far as it went.
        let counted = if outcome == ASKED { "ok" } else { outcome };
        let took = self.started.elapsed();
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        match &self.found {
            Some(found) => {
                found.service.meters.call(found.number, counted, took);
                if let Some((key, ..)) = limit.as_ref().filter(|(key, ..)| key.starts_with("limits.")) {
                    found.service.meters.limit_hit(key.trim_start_matches("limits."), "call");
                }
            }
            None => self.records.metrics.error(outcome),
        }
        if let Some(guest) = self.guest.take() {
            guest.end(None);
        }
        std::mem::take(&mut self.span).end((counted != "ok").then_some(counted));
        let key = limit.as_ref().map(|(key, ..)| key.clone());
        self.log(outcome, limit, took_us);
        let records = self.records.clone();
        let line = records.submit(|| self.entry(outcome, key, took_us));
        Closed { records, line }
    }

    fn entry(&mut self, outcome: &'static str, limit: Option<Cow<'static, str>>, took_us: u64) -> Entry {
        let found = self.found.as_ref();
        let name = |name: &dyn Fn(&Caller) -> &str| self.caller.as_ref().map_or("", name).to_owned();
        Entry {
            time: self.time,
            call: self.id.to_string(),
            caller: name(&|caller| &caller.id),
            tenant: name(&|caller| &caller.tenant),
            service: found.map(|found| found.service.name.to_string()),
            method: self.method.into(),
            tool: std::mem::take(&mut self.tool),
            component: found.map(|found| found.service.compartment.component.digest.to_string()),
            arguments: self.arguments.take(),
            decision: self.decision,
            rule: self.rule.to_string(),
            egress: (&self.egress).into(),
            outcome: outcome.into(),
            limit,
            cached: self.cached,
            took_us,
            cpu_us: self
                .usage
                .memory()
                .map(|_| u64::try_from(self.usage.cpu().as_micros()).unwrap_or(u64::MAX)),
            memory_bytes: self.usage.memory().map(|memory| memory.as_u64()),
        }
    }

    fn log(
        &self,
        outcome: &'static str,
        limit: Option<(Cow<'static, str>, String, Option<String>)>,
        took_us: u64,
    ) {
        let (caller, tenant) = self.caller.as_ref().map_or(("-", "-"), |c| (&c.id, &c.tenant));
        let (call, method, tool) = (self.id, self.method, self.tool.as_str());
        let (limit, allowed, wanted) = limit.map_or((None, None, None), |(l, a, w)| (Some(l), Some(a), w));
        let limit = limit.as_deref();
        let Sums { requests, denied, failed, received } = self.egress.sums();
        // One by one only where there are any, and somebody looks.
        let well = matches!(outcome, "ok" | ASKED);
        let looked_at = !well || tracing::enabled!(target: "call", tracing::Level::DEBUG);
        let told = (looked_at && requests > 0)
            .then(|| serde_json::to_string(&self.egress.told()).unwrap_or_default());
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    target: "call", %call, method, tool, caller, tenant, outcome, took_us, limit, allowed, wanted,
                    requests, denied, failed, received, egress = told
                )
            };
        }
        // A line for every call that went well would cost more than a tenth of the call; failures are rare.
        if well { log!(debug) } else { log!(info) }
    }
}

impl Drop for CallRecord {
    fn drop(&mut self) {
        if !self.closed {
            drop(self.write("cancelled", None));
        }
    }
}
