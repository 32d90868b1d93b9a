//! The state of one guest: what lives in its store, for one call and no longer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytesize::ByteSize;
use tokio_util::sync::CancellationToken;
use wasmtime::{ResourceLimiterAsync, Store, StoreContextMut, UpdateDeadline, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView, async_trait};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::{
    Compartment,
    bindings::{call, types},
    engine::Running,
    files::Room,
    lane::{Meter, SLICE},
    limits::OutOfTime,
    output::{Output, one_line},
    said::Said,
};
use crate::{
    config::Limits,
    egress::{Egress, log::EgressLog},
    error::CallError,
    grant::tool::ToolGrant,
    request::{CallId, Event, Events, Level},
};

/// A memory may grow this often at the guest's own speed. Each step changes the process's memory map, which
/// holds up every other guest for a moment; a guest that goes page by page is slowed down.
const FREE_STEPS: u32 = 128;
/// After them it pauses at every so many steps,
const STEPS: u32 = 16;
/// for so long.
const PAUSE: Duration = Duration::from_millis(1);
/// Longest progress message; the rest of it is dropped.
const MESSAGE: usize = 1024;
/// Most random bytes a guest gets in one go; the host makes them in its own memory.
const RANDOM: u64 = 1 << 20;

/// What a store holds.
pub(super) struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    egress: Egress,
    pub(super) memory: Memory,
    pub(super) room: Option<Arc<Room>>,
    limits: Limits,
    service: Arc<str>,
    call: Call,
    log_left: u64,
    _running: Running,
}

/// Who the guest works for, and where its words go.
pub(super) struct Call {
    pub(super) id: CallId,
    /// The caller's; none where the host itself asks.
    pub(super) tenant: Option<Arc<str>>,
    pub(super) events: Events,
    pub(super) cancelled: CancellationToken,
    pub(super) meter: Arc<Meter>,
    /// What the tool that is called may send; none if that is all its service may.
    pub(super) tool: Option<Arc<ToolGrant>>,
    pub(super) egress: EgressLog,
    pub(super) usage: Usage,
    /// Who listens to what it says, beside the log.
    pub(super) said: Said,
    /// Whether it reads no response that was kept for the service.
    pub(super) fresh: bool,
}

impl Call {
    /// For the questions the host asks on its own account.
    pub(super) fn nobodys() -> Self {
        Self {
            id: CallId::new(),
            tenant: None,
            events: Events::none(),
            cancelled: CancellationToken::new(),
            meter: Meter::new(),
            tool: None,
            egress: EgressLog::default(),
            usage: Usage::default(),
            said: Said::default(),
            fresh: false,
        }
    }

    /// The same for asking what it is and what it offers: because what is outside may have changed.
    pub(super) fn listing(said: &Said) -> Self {
        Self { said: said.clone(), fresh: true, ..Self::nobodys() }
    }
}

/// What a guest used. Told while it runs, so that it is known of one that was stopped as well.
#[derive(Clone, Debug, Default)]
pub struct Usage(Arc<Used>);

#[derive(Debug, Default)]
struct Used {
    cpu_us: AtomicU64,
    memory_bytes: AtomicU64,
}

impl Usage {
    /// Processor time.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        Duration::from_micros(self.0.cpu_us.load(Ordering::Relaxed))
    }

    /// Memory at its most; none if no guest ran.
    #[must_use]
    pub fn memory(&self) -> Option<ByteSize> {
        let bytes = self.0.memory_bytes.load(Ordering::Relaxed);
        (bytes > 0).then_some(ByteSize::b(bytes))
    }

    pub(super) fn computed(&self, cpu: Duration) {
        let cpu = u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX);
        self.0.cpu_us.store(cpu, Ordering::Relaxed);
    }
}

/// What is told of a guest while it runs. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// What it sends.
    pub egress: EgressLog,
    /// What it takes.
    pub usage: Usage,
    /// What it says, if somebody listens.
    pub said: Said,
}

/// The memory of a guest: all its linear memories and tables together.
#[derive(Debug)]
pub(super) struct Memory {
    limit: ByteSize,
    pub(super) used: u64,
    usage: Usage,
    /// How often its memories grew.
    steps: u32,
    /// What it would have had if it had not been refused. A crash that follows is for want of memory.
    pub(super) refused: Option<ByteSize>,
}

impl Memory {
    fn grow(&mut self, current: u64, desired: u64) -> bool {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit.as_u64() {
            self.refused = Some(ByteSize::b(used));
            return false;
        }
        self.used = used;
        self.usage.0.memory_bytes.store(used, Ordering::Relaxed);
        true
    }
}

#[async_trait]
impl ResourceLimiterAsync for Memory {
    async fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if !self.grow(current as u64, desired as u64) {
            return Ok(false);
        }
        self.steps = self.steps.saturating_add(1);
        if self.steps > FREE_STEPS && self.steps.is_multiple_of(STEPS) {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(true)
    }

    async fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        const ELEMENT: u64 = size_of::<usize>() as u64;
        Ok(self.grow(current as u64 * ELEMENT, desired as u64 * ELEMENT))
    }
}

/// Makes the store of one guest, with every limit in place.
///
/// # Errors
/// When one of the service's folders is gone.
pub(super) fn store(
    compartment: &Compartment,
    limits: Limits,
    call: Call,
) -> Result<Store<Guest>, CallError> {
    let print = |stream: &'static str| {
        let (id, tenant, service) = (call.id, call.tenant.clone(), compartment.service.clone());
        let said = call.said.clone();
        let log = move |line: &str| {
            said.note(stream, line, None);
            tracing::info!(target: "guest", call = %id, tenant = tenant.as_deref(), %service, stream, "{line}");
        };
        Output::new(limits.log_bytes, log)
    };
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(print("stdout")).stderr(print("stderr")).allow_tcp(false).allow_udp(false);
    wasi.max_random_size(RANDOM);
    compartment.folders.open(&mut wasi)?;
    let mut table = ResourceTable::new();
    table.set_max_capacity(usize::try_from(limits.handles).unwrap_or(usize::MAX));
    let mut http = WasiHttpCtx::new();
    let headers = compartment.policy.caps.header_bytes.as_u64();
    // Twice as much, since it also counts what keeping them costs.
    http.set_field_size_limit(usize::try_from(headers.saturating_mul(2)).unwrap_or(usize::MAX));
    let guest = Guest {
        wasi: wasi.build(),
        http,
        table,
        egress: Egress::new(compartment.policy.clone(), call.id, call.egress.clone())
            .narrowed(call.tool.clone())
            .fresh(call.fresh),
        memory: Memory { limit: limits.memory, used: 0, usage: call.usage.clone(), steps: 0, refused: None },
        room: compartment.folders.room(),
        limits,
        service: compartment.service.clone(),
        call,
        log_left: limits.log_bytes.as_u64(),
        _running: compartment.component.clock.start(),
    };
    #[expect(clippy::disallowed_methods, reason = "this is the place that sets the limits")]
    let mut store = Store::new(compartment.component.engine(), guest);
    store.limiter_async(|guest| &mut guest.memory);
    store.epoch_deadline_callback(look);
    store.set_epoch_deadline(1);
    if let Some(fuel) = limits.fuel {
        store.set_fuel(fuel).map_err(CallError::internal)?;
    }
    // What crosses in one piece: the result and some JSON around it. More would be copied only to be refused.
    store.set_hostcall_fuel(
        usize::try_from(limits.taken().as_u64()).unwrap_or(usize::MAX).saturating_add(256 << 10),
    );
    Ok(store)
}

/// At every tick: stops a guest that has used up its time, and makes one that has been computing for a while
/// let others run. The call's deadline drops it from outside.
#[expect(clippy::needless_pass_by_value, reason = "wasmtime's signature")]
fn look(store: StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    let guest = store.data();
    let meter = &guest.call.meter;
    if meter.used() > guest.limits.cpu {
        return Err(OutOfTime.into());
    }
    if meter.slice().is_some_and(|slice| slice < SLICE) {
        return Ok(UpdateDeadline::Continue(1));
    }
    meter.give_way();
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

impl Guest {
    /// Whether what it was asked may have come from anywhere but its config.
    pub(super) fn looked_outside(&self) -> bool {
        self.egress.has_asked()
    }
}

impl types::Host for Guest {}

fn logged(level: call::Level) -> Level {
    match level {
        call::Level::Debug => Level::Debug,
        call::Level::Info => Level::Info,
        call::Level::Notice => Level::Notice,
        call::Level::Warning => Level::Warning,
        call::Level::Error => Level::Error,
        call::Level::Critical => Level::Critical,
        call::Level::Alert => Level::Alert,
        call::Level::Emergency => Level::Emergency,
    }
}

impl call::Host for Guest {
    fn progress(&mut self, done: f64, total: Option<f64>, message: Option<String>) {
        // JSON has no word for the others (RFC 8259 §6).
        if done.is_finite() {
            let total = total.filter(|total| total.is_finite());
            let message = message.map(|text| text.chars().take(MESSAGE).collect());
            self.call.events.send(Event::Progress { done, total, message });
        }
    }

    fn log(&mut self, level: call::Level, message: String, data: Option<String>) {
        let size = (message.len() + data.as_ref().map_or(0, String::len)) as u64;
        let Some(left) = self.log_left.checked_sub(size) else {
            if std::mem::take(&mut self.log_left) > 0 {
                let dropped = "further log messages of this call are dropped";
                self.call.said.note("warning", dropped, None);
                tracing::warn!(target: "guest", call = %self.call.id, tenant = self.call.tenant.as_deref(), service = %self.service, "{dropped}");
            }
            return;
        };
        self.log_left = left;
        let logged = logged(level);
        if self.call.events.logs(logged) {
            // What is no JSON is told as the text it is.
            let data = data.clone().map(|text| serde_json::from_str(&text).unwrap_or(text.into()));
            let (logger, message) = (self.service.clone(), message.clone());
            self.call.events.send(Event::Log { logger, level: logged, message, data });
        }
        let (message, data) = (one_line(&message), data.as_deref().map(one_line));
        self.call.said.note(logged.as_str(), &message, data.as_deref());
        let (id, tenant, service) = (self.call.id, self.call.tenant.as_deref(), &self.service);
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(target: "guest", call = %id, tenant, %service, data = data.as_deref(), "{message}")
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
