//! Runs guests: a fresh instance for every call, inside its limits, and nothing of it afterwards.
//!
//! The only module that names wasmtime, beside the egress hook. A guest is started by [`Sandbox::call`]
//! with a [`Checked`] call, which only routing makes, or by the three questions a component is asked when
//! it is loaded: what it is, what tools it has, whether its upstream answers.

mod bindings;
mod cache;
mod component;
mod convert;
mod deliver;
mod engine;
mod exports;
mod files;
mod guest;
mod lane;
mod limits;
mod linker;
mod output;
mod perform;
mod prepare;
mod said;

use std::{
    io,
    path::Path,
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytesize::ByteSize;
pub use component::{Component, LoadError, digest};
pub use convert::Manifest;
pub use files::Folders;
use futures::{FutureExt as _, future::BoxFuture};
pub use guest::{Traces, Usage};
pub use perform::Produced;
pub use said::{Line, Said};
use tokio::{
    select,
    sync::oneshot,
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;
use wasmtime::{
    Engine, Store,
    component::{Instance, Linker},
};

use crate::{
    catalog::{
        offer::Offer,
        prompt::{DeclaredPrompt, DeclaredTemplate},
        tool::Declared,
    },
    config::Limits,
    egress::Policy,
    error::CallError,
    health::Pulse,
    permit::Checked,
    request::Events,
};
use bindings::types;
use engine::Size;
use guest::{Call, Guest};
use lane::{Meter, SlowLane, Weight, metered};

/// How long a cancelled guest may tidy up.
const GRACE: Duration = Duration::from_millis(100);
/// How long a component may take to say what it is and what tools it has.
const LOADING: Duration = Duration::from_secs(10);
/// Guests there is room for beside those of calls: what the host asks on its own account takes no call's place.
const SPARE: u32 = 8;
/// What guests run on, and its version.
pub const RUNTIME: (&str, &str) = ("wasmtime", env!("RUNTIME_VERSION"));

/// What the guests of one service run with.
#[derive(Debug)]
pub struct Compartment {
    /// The service's name.
    pub service: Arc<str>,
    /// Its code.
    pub component: Arc<Component>,
    /// Its config, as `initialize` gets it.
    pub config: String,
    /// What it may send.
    pub policy: Arc<Policy>,
    /// The folders it sees.
    pub folders: Folders,
    /// What a call of it may use.
    pub limits: Limits,
    /// Whether it is in use, and whether its upstream answers.
    pub pulse: Pulse,
    weight: Arc<Weight>,
}

impl Compartment {
    /// A compartment.
    #[must_use]
    pub fn new(
        service: Arc<str>,
        component: Arc<Component>,
        config: String,
        policy: Arc<Policy>,
        folders: Folders,
        limits: Limits,
    ) -> Self {
        Self {
            service,
            component,
            config,
            policy,
            folders,
            limits,
            pulse: Pulse::default(),
            weight: Arc::default(),
        }
    }

    /// A compartment without config and without a way out, for asking a component what it is.
    #[must_use]
    pub fn bare(component: Arc<Component>, limits: Limits) -> Self {
        let service: Arc<str> = "(loading)".into();
        let policy = Policy::closed(service.clone()).into();
        Self::new(service, component, "{}".to_owned(), policy, Folders::default(), limits)
    }
}

/// Engines, and what guests are linked with.
pub struct Sandbox {
    plain: Linked,
    /// For large components. Made when there is one.
    large: OnceLock<Linked>,
    /// Where fuel is counted. Made when a service asks for it: counting costs a fifth of a guest's speed.
    metered: OnceLock<Linked>,
    large_metered: OnceLock<Linked>,
    room: engine::Room,
    cache: Option<cache::Cache>,
    slow_lane: SlowLane,
}

/// An engine and its linker.
struct Linked {
    engine: Engine,
    linker: Linker<Guest>,
    clock: Arc<engine::Clock>,
    slots: u32,
}

impl Linked {
    fn new(room: engine::Room, size: Size, fuel: bool) -> wasmtime::Result<Self> {
        let (engine, clock, slots) = engine::engine(room, size, fuel)?;
        let linker = linker::linker(&engine)?;
        Ok(Self { engine, linker, clock, slots })
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("cache", &self.cache).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// A sandbox with room for `guests` at once of at most `memory` each.
    ///
    /// # Errors
    /// When the machine has no room for a single one.
    pub fn new(guests: u32, memory: ByteSize, cache: Option<&Path>) -> io::Result<Self> {
        let room = engine::Room { guests: guests.saturating_add(SPARE), memory };
        let plain = Linked::new(room, Size::Small, false).map_err(io::Error::other)?;
        let cache = cache.and_then(|dir| {
            let opened = cache::Cache::open(dir);
            opened.map_err(|error| tracing::warn!(%error, "starting without the compile cache")).ok()
        });
        let (large, metered, large_metered) = Default::default();
        Ok(Self { plain, large, metered, large_metered, room, cache, slow_lane: SlowLane::default() })
    }

    /// Whether a folder can keep compiled code. It is made if it is not there.
    ///
    /// # Errors
    /// When it is not this user's alone, or cannot be written.
    pub fn check_cache(dir: &Path) -> io::Result<()> {
        cache::Cache::open(dir).map(drop)
    }

    /// How many guests of calls can really run at once.
    #[must_use]
    pub fn places(&self) -> u32 {
        let (slots, wanted) = (self.plain.slots, self.room.guests.saturating_sub(SPARE));
        // On a machine that is too small for all, half of it is for calls at least.
        slots.saturating_sub(SPARE).max(slots / 2).min(wanted)
    }

    /// Whether the kernel tells which pages a guest has changed (Linux 6.7), so that only those are put back.
    #[must_use]
    pub fn knows_changed_pages() -> bool {
        engine::knows_changed_pages()
    }

    /// How much memory a guest may be given, at most.
    #[must_use]
    pub fn memory(&self) -> ByteSize {
        self.room.memory
    }

    /// Runs host work of milliseconds that a guest causes, on a thread of low priority.
    ///
    /// # Errors
    /// When it panicked, which is a fault of the host.
    pub async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, CallError> {
        self.slow_lane.aside(work).await.map_err(CallError::internal)
    }

    /// How many guests are running.
    #[must_use]
    pub fn running(&self) -> i64 {
        let made = [&self.large, &self.metered, &self.large_metered].into_iter().filter_map(OnceLock::get);
        made.chain([&self.plain])
            .map(|linked| i64::try_from(linked.clock.running()).unwrap_or(i64::MAX))
            .sum()
    }

    /// Checks, compiles and links a component. Takes a processor for a while; run it off the async threads.
    /// With `fuel`, its guests' instructions are counted.
    ///
    /// # Errors
    /// When the bytes are not a component of this contract.
    pub fn load(&self, wasm: &[u8], fuel: bool) -> Result<Component, LoadError> {
        let size = if prepare::large(wasm) { Size::Large } else { Size::Small };
        let linked = match (size, fuel) {
            (Size::Small, false) => &self.plain,
            (Size::Large, false) => self.made(&self.large, size, fuel)?,
            (Size::Small, true) => self.made(&self.metered, size, fuel)?,
            (Size::Large, true) => self.made(&self.large_metered, size, fuel)?,
        };
        let prepared = (size == Size::Large).then_some(self.room.memory);
        component::load(&linked.engine, &linked.linker, &linked.clock, self.cache.as_ref(), wasm, prepared)
    }

    fn made<'a>(
        &self,
        linked: &'a OnceLock<Linked>,
        size: Size,
        fuel: bool,
    ) -> Result<&'a Linked, LoadError> {
        if let Some(linked) = linked.get() {
            return Ok(linked);
        }
        let made = Linked::new(self.room, size, fuel).map_err(|e| LoadError::Engine(format!("{e:#}")))?;
        Ok(linked.get_or_init(|| made))
    }

    /// Asks a component what it is. What it says meanwhile, `said` gets as well.
    ///
    /// # Errors
    /// When it crashes or takes too long.
    pub fn describe<'a>(
        &'a self,
        compartment: &'a Compartment,
        said: &'a Said,
    ) -> BoxFuture<'a, Result<Manifest, CallError>> {
        async move {
            let limits = loading(&compartment.limits);
            let call = Call::listing(said);
            let meter = call.meter.clone();
            let mut store = guest::store(compartment, limits, call)?;
            let asking = async {
                let Component { pre, exports, .. } = &*compartment.component;
                let instance = pre.instantiate_async(&mut store).await?;
                exports.lifecycle(&mut store, &instance)?.call_describe(&mut store).await
            };
            let asked = timeout_at(Instant::now() + limits.deadline, metered(meter, asking)).await;
            let manifest = settle(asked, &store, &limits)?;
            let _ = compartment.component.at_rest.set(ByteSize::b(store.data().memory.used));
            Ok(manifest.into())
        }
        .boxed()
    }

    /// Asks a configured component what it offers. What it says meanwhile, `said` gets as well.
    ///
    /// # Errors
    /// When the component refuses its config, crashes, or takes more than it may.
    pub fn offer<'a>(
        &'a self,
        compartment: &'a Compartment,
        said: &'a Said,
    ) -> BoxFuture<'a, Result<Offer, CallError>> {
        async move {
            let limits = limits::listing(&compartment.limits);
            let call = Call::listing(said);
            let meter = call.meter.clone();
            let mut store = guest::store(compartment, limits, call)?;
            let asking = async {
                let instance = match initialized(compartment, &mut store).await? {
                    Ok(instance) => instance,
                    Err(message) => return Ok(Err(CallError::Failed(format!("config: {message}")))),
                };
                Ok(offered(compartment, &mut store, &instance).await?.map_err(CallError::from))
            };
            let asked = timeout_at(Instant::now() + limits.deadline, metered(meter, asking)).await;
            let offer = settle(asked, &store, &limits).map_err(limits::too_much_to_list)?;
            let outside = !compartment.folders.is_empty() || store.data().looked_outside();
            offer.map(|offer: Offer| Offer { of_config: !outside, ..offer })
        }
        .boxed()
    }

    /// Asks a service whether its upstream answers.
    ///
    /// # Errors
    /// When it does not, with the component's words.
    pub fn health<'a>(&'a self, compartment: &'a Compartment) -> BoxFuture<'a, Result<String, CallError>> {
        async move {
            let limits = loading(&compartment.limits);
            let call = Call::nobodys();
            let meter = call.meter.clone();
            let mut store = guest::store(compartment, limits, call)?;
            let asking = async {
                let instance = match initialized(compartment, &mut store).await? {
                    Ok(instance) => instance,
                    Err(message) => return Ok(Err(message)),
                };
                let lifecycle = compartment.component.exports.lifecycle(&mut store, &instance)?;
                lifecycle.call_health_check(&mut store).await
            };
            let asked = timeout_at(Instant::now() + limits.deadline, metered(meter, asking)).await;
            settle(asked, &store, &limits)?.map_err(CallError::Failed)
        }
        .boxed()
    }

    /// Runs one call in a fresh instance. What it does is told to `traces`.
    ///
    /// # Errors
    /// The guest's own, or what stopped it.
    pub async fn call(
        &self,
        call: Checked,
        events: Events,
        cancelled: CancellationToken,
        traces: Traces,
    ) -> Result<Produced, CallError> {
        let (limits, deadline) = (call.compartment().limits, call.deadline);
        call.compartment().pulse.touch();
        let weight = call.compartment().weight.clone();
        let (meter, policy) = (Meter::new(), call.compartment().policy.clone());
        let Traces { egress, usage, said } = traces;
        let (cancel, used) = (cancelled.clone(), usage.clone());
        let (tenant, tool) = (Some(call.caller().tenant.clone()), call.tool_grant());
        let running = Call {
            id: call.id,
            tenant,
            events,
            cancelled: cancel,
            meter: meter.clone(),
            tool,
            egress,
            usage,
            said,
            fresh: false,
        };
        let (alive, gone) = oneshot::channel::<()>();
        // All of it moves to where the guest runs, the place it holds included. Boxed: it is kilobytes.
        let guest = Box::pin(async move {
            let _alive = alive;
            let compartment = call.compartment();
            let mut store = guest::store(compartment, limits, running)?;
            let ran = async {
                let instance = match initialized(compartment, &mut store).await? {
                    Ok(instance) => instance,
                    Err(message) => return Ok(Err(types::ServiceError::Failed(message))),
                };
                perform::perform(&call, &mut store, &instance).await
            };
            let ran = ran.await;
            if let Some(meters) = compartment.policy.meters() {
                meters.guest_memory(store.data().memory.used);
            }
            // Here, where a large result was made: freed on another thread, its memory would go back to the kernel.
            perform::produced(settle(Ok(ran), &store, &limits)?, &call, &limits)
        });
        let stopped = {
            let running = pin!(self.slow_lane.run(&weight, meter.clone(), guest));
            select! {
                biased;
                ended = running => Ok(ended.map_err(CallError::internal)?),
                () = sleep_until(deadline) => Err(CallError::DeadlineExceeded(limits.deadline)),
                () = async { cancelled.cancelled().await; sleep(GRACE).await } => Err(CallError::Cancelled),
            }
        };
        // In the slow lane it may run until its next tick. Its place is free when it is gone, not before, and
        // so is the answer. The sender is only ever dropped.
        let _ = gone.await;
        used.computed(meter.used());
        if let Some(meters) = policy.meters() {
            meters.guest_cpu(meter.used());
        }
        stopped?
    }
}

/// What a component may use for the questions the host asks on its own account.
fn loading(limits: &Limits) -> Limits {
    Limits { deadline: limits.deadline.min(LOADING), result_bytes: limits::CATALOGUE, ..*limits }
}

/// A fresh instance that has its config. The inner error is the component's: the config is wrong.
async fn initialized(
    compartment: &Compartment,
    store: &mut Store<Guest>,
) -> wasmtime::Result<Result<Instance, String>> {
    let Component { pre, exports, .. } = &*compartment.component;
    let instance = pre.instantiate_async(&mut *store).await?;
    let initialize = exports.initialize(&mut *store, &instance)?;
    let (accepted,) = initialize.call_async(store, (&compartment.config,)).await?;
    Ok(accepted.map(|()| instance))
}

/// What a component offers through the interfaces it has. The inner error is the component's.
async fn offered(
    compartment: &Compartment,
    store: &mut Store<Guest>,
    instance: &Instance,
) -> wasmtime::Result<Result<Offer, types::ServiceError>> {
    let exports = &compartment.component.exports;
    let tools = exports.tools(&mut *store, instance)?.call_list_tools(&mut *store).await?;
    let prompts = match exports.prompts(&mut *store, instance)? {
        Some(prompts) => prompts.call_list_prompts(&mut *store).await?,
        None => Ok(Vec::new()),
    };
    let templates = match exports.resources(&mut *store, instance)? {
        Some(resources) => resources.call_list_templates(store).await?.map(Some),
        None => Ok(None),
    };
    let all = || {
        Ok(Offer {
            tools: tools?.into_iter().map(Declared::from).collect(),
            prompts: prompts?.into_iter().map(DeclaredPrompt::from).collect(),
            templates: templates?.map(|all| all.into_iter().map(DeclaredTemplate::from).collect()),
            of_config: false,
        })
    };
    Ok(all())
}

/// What came of a guest: its answer, or why it was stopped.
fn settle<T>(
    ended: Result<wasmtime::Result<T>, tokio::time::error::Elapsed>,
    store: &Store<Guest>,
    limits: &Limits,
) -> Result<T, CallError> {
    match ended {
        Err(_) => Err(CallError::DeadlineExceeded(limits.deadline)),
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(limits::fault(&error, &store.data().memory, limits)),
    }
}
