//! One record per call. It opens first and closes exactly once on every path: a call whose future is
//! dropped closes as cancelled. It holds sizes and labels, never results, and of arguments their shape.
//!
//! It goes to the log, where calls that failed are `info` and the others `debug` (`--log info,call=debug` shows all),
//! and to the audit log, before the caller gets its answer.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Instant, SystemTime},
};

use serde_json::Value;

use crate::{
    audit::{AuditError, Decision, Entry, FieldPath, Index, Log, shape},
    auth::Caller,
    catalog::service::Service,
    config::audit::Audit,
    egress::log::{EgressLog, Sums},
    error::CallError,
    permit::Permit,
    request::{CallId, CallRequest, ToolOutput},
    sandbox::Usage,
};

/// Where records go.
#[derive(Debug, Default)]
pub struct Records {
    audit: Option<Audited>,
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
    pub fn open(config: Option<Audit>) -> Result<Arc<Self>, AuditError> {
        let open = |config: Audit| {
            let log = Log::open(&config)?;
            let index = Index::start(&log)?;
            Ok::<_, AuditError>(Audited { log, index, fields: config.fields })
        };
        Ok(Arc::new(Self { audit: config.map(open).transpose()? }))
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

    fn append(&self, entry: impl FnOnce() -> Entry) -> Result<(), AuditError> {
        self.audit.as_ref().map_or(Ok(()), |audit| audit.log.append(&entry()))
    }
}

fn unrecorded(error: &AuditError) -> CallError {
    tracing::error!(%error, "a call cannot be recorded");
    CallError::Unavailable {
        message: "calls are refused while they cannot be recorded; the host's log says why".to_owned(),
        retry_after: None,
    }
}

/// The record of a running call.
#[derive(Debug)]
pub struct CallRecord {
    records: Arc<Records>,
    id: CallId,
    tool: String,
    /// The shape of the arguments, if there is an audit log.
    arguments: Value,
    caller: Option<Caller>,
    service: Option<Arc<Service>>,
    /// What decided; the call is denied until a rule allows it.
    rule: Cow<'static, str>,
    decision: Decision,
    egress: EgressLog,
    usage: Usage,
    cached: bool,
    time: SystemTime,
    started: Instant,
    closed: bool,
}

impl CallRecord {
    /// Opens the record of a call.
    #[must_use]
    pub fn open(records: &Arc<Records>, request: &CallRequest) -> Self {
        let shaped = |audit: &Audited| shape(&request.tool, &request.arguments, &audit.fields);
        Self {
            id: request.id,
            // The name is the client's: cut, so that a log line stays one.
            tool: request.tool.chars().take(64).collect(),
            arguments: records.audit.as_ref().map(shaped).unwrap_or_default(),
            caller: None,
            service: None,
            rule: "authentication".into(),
            decision: Decision::Denied,
            egress: EgressLog::default(),
            usage: Usage::default(),
            cached: false,
            time: SystemTime::now(),
            started: Instant::now(),
            closed: false,
            records: records.clone(),
        }
    }

    /// Notes who calls.
    pub fn caller(&mut self, caller: &Caller) {
        self.caller = Some(caller.clone());
    }

    /// Notes what is decided next, by which rule. It denies the call unless [`allowed`](Self::allowed) follows.
    pub fn rule(&mut self, rule: impl Into<Cow<'static, str>>) {
        self.rule = rule.into();
    }

    /// Notes that the call is let through.
    pub fn allowed(&mut self, permit: &Permit) {
        self.decision = Decision::Allowed;
        self.service = Some(permit.service().clone());
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

    /// Closes the record with the call's result, and gives it back once it is recorded.
    ///
    /// # Errors
    /// The call's own, or that it cannot be recorded.
    pub fn close(mut self, result: Result<ToolOutput, CallError>) -> Result<ToolOutput, CallError> {
        let recorded = match &result {
            Ok(_) => self.write("ok", None),
            Err(error) => {
                if let CallError::Internal(cause) = error {
                    tracing::error!(call = %self.id, tool = self.tool, cause = ?cause, "internal error");
                }
                self.write(error.reason(), error.limit())
            }
        };
        recorded.map_err(|error| unrecorded(&error))?;
        result
    }

    fn write(
        &mut self,
        outcome: &'static str,
        limit: Option<(&'static str, String, Option<String>)>,
    ) -> Result<(), AuditError> {
        self.closed = true;
        let took_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let key = limit.as_ref().map(|(key, ..)| *key);
        self.log(outcome, limit, took_us);
        let records = self.records.clone();
        records.append(|| self.entry(outcome, key, took_us))
    }

    fn entry(&mut self, outcome: &'static str, limit: Option<&'static str>, took_us: u64) -> Entry {
        let name = |name: &dyn Fn(&Caller) -> &str| self.caller.as_ref().map_or("", name).to_owned();
        Entry {
            time: self.time,
            call: self.id.to_string(),
            caller: name(&|caller| &caller.id),
            tenant: name(&|caller| &caller.tenant),
            service: self.service.as_ref().map(|service| service.name.to_string()),
            tool: std::mem::take(&mut self.tool),
            component: self.service.as_ref().map(|s| s.compartment.component.digest.to_string()),
            arguments: self.arguments.take(),
            decision: self.decision,
            rule: std::mem::take(&mut self.rule).into_owned(),
            egress: (&self.egress).into(),
            outcome: outcome.into(),
            limit: limit.map(Into::into),
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
        limit: Option<(&'static str, String, Option<String>)>,
        took_us: u64,
    ) {
        let (caller, tenant) = self.caller.as_ref().map_or(("-", "-"), |c| (&c.id, &c.tenant));
        let (call, tool) = (self.id, self.tool.as_str());
        let (limit, allowed, wanted) = limit.map_or((None, None, None), |(l, a, w)| (Some(l), Some(a), w));
        let Sums { requests, denied, failed, received } = self.egress.sums();
        // One by one only where there are any, and somebody looks.
        let looked_at = outcome != "ok" || tracing::enabled!(target: "call", tracing::Level::DEBUG);
        let told = (looked_at && requests > 0)
            .then(|| serde_json::to_string(&self.egress.told()).unwrap_or_default());
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    target: "call", %call, tool, caller, tenant, outcome, took_us, limit, allowed, wanted,
                    requests, denied, failed, received, egress = told
                )
            };
        }
        // A line for every call that went well would cost more than a tenth of the call; failures are rare.
        if outcome == "ok" { log!(debug) } else { log!(info) }
    }
}

impl Drop for CallRecord {
    fn drop(&mut self) {
        if !self.closed
            && let Err(error) = self.write("cancelled", None)
        {
            tracing::error!(%error, "a call cannot be recorded");
        }
    }
}
