//! One record per call. It opens first and closes exactly once on every path: a call whose future is
//! dropped closes as cancelled. It holds sizes and labels, never arguments or results. Calls that failed are
//! logged at `info`, the others at `debug` (`--log info,call=debug` shows all).

use std::time::Instant;

use crate::{
    auth::Caller,
    error::CallError,
    request::{CallId, CallRequest, ToolOutput},
};

/// The record of a running call.
#[derive(Debug)]
pub struct CallRecord {
    id: CallId,
    tool: String,
    caller: Option<Caller>,
    started: Instant,
    closed: bool,
}

impl CallRecord {
    /// Opens the record of a call.
    #[must_use]
    pub fn open(request: &CallRequest) -> Self {
        // The name is the client's: cut, so that a log line stays one.
        let tool = request.tool.chars().take(64).collect();
        Self { id: request.id, tool, caller: None, started: Instant::now(), closed: false }
    }

    /// Notes who calls.
    pub fn caller(&mut self, caller: &Caller) {
        self.caller = Some(caller.clone());
    }

    /// Closes the record with the call's result.
    pub fn close(mut self, result: &Result<ToolOutput, CallError>) {
        match result {
            Ok(_) => self.write("ok"),
            Err(error) => {
                if let CallError::Internal(cause) = error {
                    tracing::error!(call = %self.id, tool = self.tool, cause = ?cause, "internal error");
                }
                self.write(error.reason());
            }
        }
    }

    fn write(&mut self, outcome: &'static str) {
        self.closed = true;
        let (caller, tenant) = self.caller.as_ref().map_or(("-", "-"), |c| (&c.id, &c.tenant));
        let took_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (call, tool) = (self.id, self.tool.as_str());
        // A line for every call that went well would cost more than a tenth of the call; failures are rare.
        if outcome == "ok" {
            tracing::debug!(target: "call", %call, tool, caller, tenant, outcome, took_us);
        } else {
            tracing::info!(target: "call", %call, tool, caller, tenant, outcome, took_us);
        }
    }
}

impl Drop for CallRecord {
    fn drop(&mut self) {
        if !self.closed {
            self.write("cancelled");
        }
    }
}
