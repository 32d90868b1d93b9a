//! One record per call. It opens first and closes exactly once on every path: a call whose future is
//! dropped closes as cancelled. It holds sizes and labels, never arguments or results. Calls that failed are
//! logged at `info`, the others at `debug` (`--log info,call=debug` shows all).

use std::time::Instant;

use crate::{
    auth::Caller,
    egress::log::{EgressLog, Sums},
    error::CallError,
    request::{CallId, CallRequest, ToolOutput},
};

/// The record of a running call.
#[derive(Debug)]
pub struct CallRecord {
    id: CallId,
    tool: String,
    caller: Option<Caller>,
    egress: EgressLog,
    started: Instant,
    closed: bool,
}

impl CallRecord {
    /// Opens the record of a call.
    #[must_use]
    pub fn open(request: &CallRequest) -> Self {
        // The name is the client's: cut, so that a log line stays one.
        let tool = request.tool.chars().take(64).collect();
        Self {
            id: request.id,
            tool,
            caller: None,
            egress: EgressLog::default(),
            started: Instant::now(),
            closed: false,
        }
    }

    /// Notes who calls.
    pub fn caller(&mut self, caller: &Caller) {
        self.caller = Some(caller.clone());
    }

    /// Where the call's outbound requests are told.
    #[must_use]
    pub fn egress(&self) -> EgressLog {
        self.egress.clone()
    }

    /// Closes the record with the call's result.
    pub fn close(mut self, result: &Result<ToolOutput, CallError>) {
        match result {
            Ok(_) => self.write("ok", None),
            Err(error) => {
                if let CallError::Internal(cause) = error {
                    tracing::error!(call = %self.id, tool = self.tool, cause = ?cause, "internal error");
                }
                self.write(error.reason(), error.limit());
            }
        }
    }

    fn write(&mut self, outcome: &'static str, limit: Option<(&'static str, String, Option<String>)>) {
        self.closed = true;
        let (caller, tenant) = self.caller.as_ref().map_or(("-", "-"), |c| (&c.id, &c.tenant));
        let took_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
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
        if !self.closed {
            self.write("cancelled", None);
        }
    }
}
