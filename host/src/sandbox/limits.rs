//! Which limits hold while a service is listed, and which limit ended a guest, told apart from everything else that can go
//! wrong in it.

use std::time::Duration;

use bytesize::ByteSize;
use wasmtime::{PoolConcurrencyLimitError, Trap, component::ResourceTableError};
use wasmtime_wasi::I32Exit;

use super::guest::Memory;
use crate::{
    config::{self, Limits},
    error::CallError,
};

/// How much it may say about itself, a fourth of it: a catalogue may be far larger than a result.
pub(super) const CATALOGUE: ByteSize = ByteSize::mib(4);

/// The guest has used up its processor time.
#[derive(Debug, thiserror::Error)]
#[error("out of processor time")]
pub(super) struct OutOfTime;

/// Why a guest ended without an answer.
pub(super) fn fault(error: &wasmtime::Error, memory: &Memory, limits: &Limits) -> CallError {
    if error.is::<PoolConcurrencyLimitError>() {
        let message = "all places for guests are taken; try again shortly".to_owned();
        return CallError::Throttled { message, retry_after: Some(Duration::from_secs(1)) };
    }
    if error.is::<OutOfTime>() {
        return CallError::OutOfTime(limits.cpu);
    }
    if matches!(error.downcast_ref::<Trap>(), Some(Trap::OutOfFuel)) {
        return CallError::OutOfFuel(limits.fuel.unwrap_or_default());
    }
    if let Some(wanted) = memory.refused {
        return CallError::OutOfMemory { allowed: limits.memory, wanted };
    }
    if matches!(error.downcast_ref::<ResourceTableError>(), Some(ResourceTableError::Full)) {
        return CallError::TooManyHandles(limits.handles);
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return CallError::Trapped(format!("it exited with status {}", exit.0));
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return CallError::Trapped(match trap {
            Trap::UnreachableCodeReached => "it panicked or aborted; the log has its last words".to_owned(),
            Trap::StackOverflow => "its stack overflowed".to_owned(),
            other => other.to_string(),
        });
    }
    // wasmtime has no type for this one (48.0, `ComponentStoreData::hostcall_fuel`).
    if format!("{error:#}").contains("fuel allocated for hostcalls") {
        return CallError::ResultTooLarge(limits.result_bytes);
    }
    // Everything else is a host function that would not do what it was asked: random bytes by the gigabyte, an
    // empty list to wait for, a handle that is not there.
    tracing::warn!(error = format!("{error:#}"), "a guest misused a host function");
    let cause: String = error.root_cause().to_string().chars().take(200).collect();
    CallError::Trapped(format!("it asked the host for what no guest gets: {cause}"))
}

/// What it may use to say what it offers, which may be worked out from a large document.
pub(super) fn listing(limits: &Limits) -> Limits {
    let config::ListingLimits { memory, deadline, cpu, log_bytes } = limits.listing;
    Limits { memory, deadline, cpu, log_bytes, result_bytes: CATALOGUE, ..*limits }
}

/// What ended it, said so that the operator, or whoever wrote the component, knows what to do.
pub(super) fn too_much_to_list(error: CallError) -> CallError {
    let raise = |what: String, key| {
        CallError::Failed(format!("saying what it offers takes {what}; `limits.listing.{key}` gives it more"))
    };
    match error {
        CallError::ResultTooLarge(_) => CallError::Failed(format!(
            "what it offers is more than {}, schemas and plans included; fewer tools, or smaller ones, can be served",
            Limits { result_bytes: CATALOGUE, ..Limits::default() }.taken()
        )),
        CallError::OutOfMemory { allowed, .. } => raise(format!("more than {allowed} of memory"), "memory"),
        CallError::DeadlineExceeded(allowed) => {
            raise(format!("longer than {}", humantime::format_duration(allowed)), "deadline")
        }
        CallError::OutOfTime(allowed) => {
            raise(format!("more than {} of processor time", humantime::format_duration(allowed)), "cpu")
        }
        other => other,
    }
}
