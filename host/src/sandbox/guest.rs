//! The state of one guest: what lives in its store, for one call and no longer.

use std::sync::Arc;

use bytesize::ByteSize;
use tokio_util::sync::CancellationToken;
use wasmtime::{Engine, ResourceLimiter, Store, StoreContextMut, UpdateDeadline, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::{
    bindings::{call, types},
    output::Output,
};
use crate::{
    egress::{Egress, Policy},
    request::{CallId, Event, Events},
};

/// Most a guest may log in one call; the rest is counted and dropped.
const LOG_BYTES: usize = 32 << 10;

/// What a store holds.
pub(super) struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    egress: Egress,
    pub(super) memory: Memory,
    call: Call,
}

/// Who the guest works for, and where its words go.
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) service: Arc<str>,
    pub(super) events: Events,
    pub(super) cancelled: CancellationToken,
    log_left: usize,
}

impl Call {
    pub(super) fn new(id: CallId, service: Arc<str>, events: Events, cancelled: CancellationToken) -> Self {
        Self { id, service, events, cancelled, log_left: LOG_BYTES }
    }
}

/// The memory of a guest: all its linear memories and tables together.
#[derive(Debug)]
pub(super) struct Memory {
    limit: ByteSize,
    used: u64,
    /// Whether the limit was ever met: then a crash that follows is for want of memory.
    pub(super) exhausted: bool,
}

impl Memory {
    fn grow(&mut self, current: u64, desired: u64) -> bool {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit.as_u64() {
            self.exhausted = true;
            return false;
        }
        self.used = used;
        true
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(current as u64, desired as u64))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        const ELEMENT: u64 = size_of::<usize>() as u64;
        Ok(self.grow(current as u64 * ELEMENT, desired as u64 * ELEMENT))
    }
}

/// Makes the store of one guest, with every limit in place.
pub(super) fn store(
    engine: &Engine,
    policy: Arc<Policy>,
    memory: ByteSize,
    result_bytes: ByteSize,
    call: Call,
) -> Store<Guest> {
    let print = |stream: &'static str| {
        let (id, service) = (call.id, call.service.clone());
        Output::new(move |line| tracing::info!(target: "guest", call = %id, %service, stream, "{line}"))
    };
    let wasi = WasiCtxBuilder::new()
        .stdout(print("stdout"))
        .stderr(print("stderr"))
        .allow_tcp(false)
        .allow_udp(false)
        .build();
    let guest = Guest {
        wasi,
        http: WasiHttpCtx::new(),
        table: ResourceTable::new(),
        egress: Egress::new(policy, call.id),
        memory: Memory { limit: memory, used: 0, exhausted: false },
        call,
    };
    #[expect(clippy::disallowed_methods, reason = "this is the place that sets the limits")]
    let mut store = Store::new(engine, guest);
    store.limiter(|guest| &mut guest.memory);
    store.epoch_deadline_callback(give_way);
    store.set_epoch_deadline(1);
    // What crosses in one piece: the result and some JSON around it. More would be copied only to be refused.
    store.set_hostcall_fuel(
        usize::try_from(result_bytes.as_u64()).unwrap_or(usize::MAX).saturating_add(256 << 10),
    );
    store
}

/// At every tick a guest lets others run. The call's deadline drops it from outside.
fn give_way(_: StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    Ok(UpdateDeadline::Yield(1))
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.egress, table: &mut self.table, ctx: &mut self.http }
    }
}

impl types::Host for Guest {}

impl call::Host for Guest {
    fn progress(&mut self, done: f64, total: Option<f64>, message: Option<String>) {
        self.call.events.send(Event::Progress { done, total, message });
    }

    fn log(&mut self, level: call::Level, message: String, data: Option<String>) {
        let size = message.len() + data.as_ref().map_or(0, String::len);
        if self.call.log_left < size {
            if std::mem::take(&mut self.call.log_left) > 0 {
                tracing::warn!(target: "guest", call = %self.call.id, service = %self.call.service, "further log messages of this call are dropped");
            }
            return;
        }
        self.call.log_left -= size;
        let (id, service) = (self.call.id, &self.call.service);
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(target: "guest", call = %id, %service, data, "{message}")
            };
        }
        match level {
            call::Level::Debug => log!(debug),
            call::Level::Info | call::Level::Notice => log!(info),
            call::Level::Warning => log!(warn),
            call::Level::Error | call::Level::Critical | call::Level::Alert | call::Level::Emergency => {
                log!(error)
            }
        }
    }

    fn cancelled(&mut self) -> bool {
        self.call.cancelled.is_cancelled()
    }
}
