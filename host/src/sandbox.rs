//! Runs guests: a fresh instance for every call, inside its limits, and nothing of it afterwards.
//!
//! The only module that names wasmtime, beside the egress hook. A guest is started by [`Sandbox::call`]
//! with a [`Checked`] call, which only routing makes, or by the three questions a component is asked when
//! it is loaded: what it is, what tools it has, whether its upstream answers.

mod bindings;
mod cache;
mod component;
mod convert;
mod engine;
mod guest;
mod output;

use std::{io, path::Path, sync::Arc, time::Duration};

use bytesize::ByteSize;
pub use component::{Component, LoadError};
pub use convert::Manifest;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use wasmtime::{Engine, PoolConcurrencyLimitError, Store, Trap, component::Linker};
use wasmtime_wasi::{I32Exit, p2::bindings as wasi};

use crate::{
    catalog::{Checked, tool::Declared},
    config::Limits,
    egress::{Policy, dial::Dialer},
    error::CallError,
    grant::Grant,
    request::{CallId, Events, ToolOutput},
};
use bindings::types;
use guest::{Call, Guest};

/// How long a cancelled guest may tidy up.
const GRACE: Duration = Duration::from_millis(100);

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
    /// What a call of it may use.
    pub limits: Limits,
}

impl Compartment {
    /// A compartment without config and without a way out, for asking a component what it is.
    #[must_use]
    pub fn bare(component: Arc<Component>, limits: Limits) -> Self {
        let policy = Policy {
            service: "(loading)".to_owned(),
            grant: Grant::default(),
            credentials: Vec::new(),
            response_bytes: ByteSize::b(0),
            dialer: Dialer::new(Vec::new()),
        };
        Self {
            service: "(loading)".into(),
            component,
            config: "{}".to_owned(),
            policy: policy.into(),
            limits,
        }
    }
}

/// The engine and what guests are linked with.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<Guest>,
    cache: Option<cache::Cache>,
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
        let engine = engine::engine(guests, memory).map_err(io::Error::other)?;
        let linker = linker(&engine).map_err(io::Error::other)?;
        let cache = cache.and_then(|dir| {
            let opened = cache::Cache::open(dir);
            opened.map_err(|error| tracing::warn!(%error, "starting without the compile cache")).ok()
        });
        Ok(Self { engine, linker, cache })
    }

    /// Checks, compiles and links a component. Takes a processor for a while; run it off the async threads.
    ///
    /// # Errors
    /// When the bytes are not a component of this contract.
    pub fn load(&self, wasm: &[u8]) -> Result<Component, LoadError> {
        component::load(&self.engine, &self.linker, self.cache.as_ref(), wasm)
    }

    /// Asks a component what it is.
    ///
    /// # Errors
    /// When it crashes or takes too long.
    pub async fn describe(&self, compartment: &Compartment) -> Result<Manifest, CallError> {
        let mut store = self.loading(compartment);
        let asking = async {
            let guest = compartment.component.pre.instantiate_async(&mut store).await?;
            guest.bulkhead_service_lifecycle().call_describe(&mut store).await
        };
        let asked = timeout_at(Instant::now() + compartment.limits.deadline, asking).await;
        Ok(settle(asked, &store, &compartment.limits)?.into())
    }

    /// Asks a configured component for its tools.
    ///
    /// # Errors
    /// When the component refuses its config, crashes, or takes too long.
    pub async fn list_tools(&self, compartment: &Compartment) -> Result<Vec<Declared>, CallError> {
        let mut store = self.loading(compartment);
        let asking = async {
            let guest = match initialized(compartment, &mut store).await? {
                Ok(guest) => guest,
                Err(message) => return Ok(Err(CallError::Failed(format!("config: {message}")))),
            };
            let tools = guest.bulkhead_service_tools().call_list_tools(&mut store).await?;
            Ok(tools.map_err(CallError::from))
        };
        let asked = timeout_at(Instant::now() + compartment.limits.deadline, asking).await;
        let tools = settle(asked, &store, &compartment.limits)??;
        Ok(tools.into_iter().map(Declared::from).collect())
    }

    /// Asks a service whether its upstream answers.
    ///
    /// # Errors
    /// When it does not, with the component's words.
    pub async fn health(&self, compartment: &Compartment) -> Result<String, CallError> {
        let mut store = self.loading(compartment);
        let asking = async {
            let guest = match initialized(compartment, &mut store).await? {
                Ok(guest) => guest,
                Err(message) => return Ok(Err(message)),
            };
            guest.bulkhead_service_lifecycle().call_health_check(&mut store).await
        };
        let asked = timeout_at(Instant::now() + compartment.limits.deadline, asking).await;
        settle(asked, &store, &compartment.limits)?.map_err(CallError::Failed)
    }

    /// Runs one call in a fresh instance.
    ///
    /// # Errors
    /// The guest's own, or what stopped it.
    pub async fn call(
        &self,
        call: Checked,
        events: Events,
        cancelled: CancellationToken,
    ) -> Result<ToolOutput, CallError> {
        let compartment = call.compartment();
        let limits = &compartment.limits;
        let running = Call::new(call.id, compartment.service.clone(), events, cancelled.clone());
        let mut store = guest::store(
            &self.engine,
            compartment.policy.clone(),
            limits.memory,
            limits.result_bytes,
            running,
        );
        let deadline = call.deadline;
        let run = async {
            let guest = match initialized(compartment, &mut store).await? {
                Ok(guest) => guest,
                Err(message) => return Ok(Err(types::ServiceError::Failed(message))),
            };
            let (context, call) = requested(&call);
            guest.bulkhead_service_tools().call_call_tool(&mut store, &context, &call).await
        };
        let ended = tokio::select! {
            biased;
            ended = timeout_at(deadline, run) => ended,
            () = async { cancelled.cancelled().await; tokio::time::sleep(GRACE).await } => return Err(CallError::Cancelled),
        };
        match settle(ended, &store, limits)?? {
            types::Outcome::Complete(result) => convert::output(result, limits.result_bytes),
            types::Outcome::InputRequired(_) => Err(CallError::InputUnavailable),
        }
    }

    fn loading(&self, compartment: &Compartment) -> Store<Guest> {
        let call =
            Call::new(CallId::new(), compartment.service.clone(), Events::none(), CancellationToken::new());
        // A catalogue may be far larger than a result.
        let catalogue = ByteSize::mib(16);
        guest::store(&self.engine, compartment.policy.clone(), compartment.limits.memory, catalogue, call)
    }
}

/// A fresh instance that has its config. The inner error is the component's: the config is wrong.
async fn initialized(
    compartment: &Compartment,
    store: &mut Store<Guest>,
) -> wasmtime::Result<Result<bindings::Service, String>> {
    let guest = compartment.component.pre.instantiate_async(&mut *store).await?;
    let accepted = guest.bulkhead_service_lifecycle().call_initialize(store, &compartment.config).await?;
    Ok(accepted.map(|()| guest))
}

/// The call as the contract has it.
fn requested(call: &Checked) -> (types::CallContext, types::ToolCall) {
    let left = call.deadline.saturating_duration_since(Instant::now()).as_millis();
    let context = types::CallContext {
        call_id: call.id.to_string(),
        tenant: call.caller().tenant.to_string(),
        caller: call.caller().id.to_string(),
        deadline_ms: u32::try_from(left).unwrap_or(u32::MAX),
        traceparent: call.traceparent.clone(),
        accepts: Vec::new(),
    };
    let tool = call.tool();
    let call = types::ToolCall {
        name: tool.name.clone(),
        arguments: call.arguments.clone(),
        plan: tool.plan.clone(),
        inputs: Vec::new(),
        state: None,
    };
    (context, call)
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
        Ok(Err(error)) => Err(fault(error, store.data().memory.exhausted, limits)),
    }
}

fn fault(error: wasmtime::Error, out_of_memory: bool, limits: &Limits) -> CallError {
    if error.is::<PoolConcurrencyLimitError>() {
        let message = "all places for guests are taken; try again shortly".to_owned();
        return CallError::Throttled { message, retry_after: Some(Duration::from_secs(1)) };
    }
    if out_of_memory {
        return CallError::OutOfMemory(limits.memory);
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
    CallError::internal(error)
}

/// Everything a guest can import: world `offer` of the contract.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    use wasmtime_wasi::{
        WasiView,
        cli::{WasiCli, WasiCliView},
        filesystem::{WasiFilesystem, WasiFilesystemView},
        random::WasiRandom,
    };
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    // io, clocks, random, stdin, stdout, stderr
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(l)?;
    wasi::random::insecure::add_to_linker::<Guest, WasiRandom>(l, |guest| guest.ctx().ctx.random())?;
    wasi::random::insecure_seed::add_to_linker::<Guest, WasiRandom>(l, |guest| guest.ctx().ctx.random())?;
    wasi::cli::environment::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    wasi::cli::exit::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    wasi::cli::terminal_input::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    wasi::cli::terminal_output::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    wasi::cli::terminal_stdin::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    wasi::cli::terminal_stdout::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    wasi::cli::terminal_stderr::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    // the standard libraries import a file system; there is nothing in it
    wasi::filesystem::types::add_to_linker::<Guest, WasiFilesystem>(l, Guest::filesystem)?;
    wasi::filesystem::preopens::add_to_linker::<Guest, WasiFilesystem>(l, Guest::filesystem)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(l)?;
    bindings::call::add_to_linker::<Guest, wasmtime::component::HasSelf<Guest>>(l, |guest| guest)?;
    Ok(linker)
}
