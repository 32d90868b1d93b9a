//! The floor: bare wasmtime doing what a call needs, with nothing around it. Store, instantiate,
//! `initialize`, `call-tool`, drop; same component, same engine settings as the host, no limits, no HTTP.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    component::{Component, HasSelf, Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

mod bindings {
    #![allow(
        missing_docs,
        clippy::all,
        clippy::pedantic,
        unreachable_pub,
        missing_debug_implementations,
        reason = "generated"
    )]
    wasmtime::component::bindgen!({ path: "../wit", world: "bulkhead:service/service", exports: { default: async } });
}
use bindings::{
    ServicePre,
    bulkhead::service::{call, types},
};

struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    hooks: NoHttp,
}

struct NoHttp;

impl WasiHttpHooks for NoHttp {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<
        dyn Future<
                Output = Result<
                    (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>),
                    Error,
                >,
            > + Send,
    > {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

impl types::Host for State {}

impl call::Host for State {
    fn progress(&mut self, _: f64, _: Option<f64>, _: Option<String>) {}
    fn log(&mut self, _: call::Level, _: String, _: Option<String>) {}
    fn cancelled(&mut self) -> bool {
        false
    }
}

/// What the parts of a call take in bare wasmtime, in microseconds; medians of many calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bare {
    pub(crate) store: f64,
    pub(crate) instantiate: f64,
    pub(crate) initialize: f64,
    pub(crate) call: f64,
    pub(crate) drop: f64,
}

impl Bare {
    pub(crate) fn whole(&self) -> f64 {
        self.store + self.instantiate + self.initialize + self.call + self.drop
    }
}

/// Bare wasmtime with a component.
pub(crate) struct Floor {
    engine: Engine,
    pre: ServicePre<State>,
    runtime: tokio::runtime::Runtime,
}

impl Floor {
    pub(crate) fn new(component: &Path) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.linear_memory_keep_resident(256 << 10)
            .table_keep_resident(16 << 10)
            .async_stack_keep_resident(32 << 10)
            .pagemap_scan(Enabled::Auto);
        let mut config = Config::new();
        config
            .concurrency_support(false)
            .epoch_interruption(true)
            .max_wasm_stack(512 << 10)
            .async_stack_size(2 << 20);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let mut linker = Linker::<State>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).unwrap();
        call::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state).unwrap();
        let component = Component::from_file(&engine, component).unwrap();
        let pre = ServicePre::new(linker.instantiate_pre(&component).unwrap()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { engine, pre, runtime }
    }

    /// Medians of so many calls.
    pub(crate) fn round(&self, calls: usize) -> Bare {
        let took: Vec<_> = self.runtime.block_on(async {
            let mut took = Vec::with_capacity(calls);
            for _ in 0..calls {
                took.push(once(&self.engine, &self.pre).await);
            }
            took
        });
        let [store, instantiate, initialize, call, drop] = [0, 1, 2, 3, 4].map(|part: usize| {
            let mut part: Vec<_> = took.iter().map(|took| took[part]).collect();
            part.sort_unstable();
            part[part.len() / 2].as_secs_f64() * 1e6
        });
        Bare { store, instantiate, initialize, call, drop }
    }
}

/// One call; what its parts took.
async fn once(engine: &Engine, pre: &ServicePre<State>) -> [Duration; 5] {
    let start = Instant::now();
    let state = State {
        wasi: WasiCtx::builder().build(),
        http: WasiHttpCtx::new(),
        table: ResourceTable::new(),
        hooks: NoHttp,
    };
    let mut store = Store::new(engine, state);
    store.set_epoch_deadline(1 << 30);
    let stored = Instant::now();
    let guest = pre.instantiate_async(&mut store).await.unwrap();
    let instantiated = Instant::now();
    guest.bulkhead_service_lifecycle().call_initialize(&mut store, &"{}".to_owned()).await.unwrap().unwrap();
    let initialized = Instant::now();
    let context = types::CallContext {
        call_id: "1".into(),
        tenant: "bench".into(),
        caller: "bench".into(),
        deadline_ms: 30_000,
        traceparent: None,
        accepts: vec![],
    };
    let call = types::ToolCall {
        name: "add".into(),
        arguments: r#"{"a":1,"b":2}"#.into(),
        plan: None,
        inputs: vec![],
        state: None,
    };
    guest.bulkhead_service_tools().call_call_tool(&mut store, &context, &call).await.unwrap().unwrap();
    let called = Instant::now();
    drop(store);
    [
        stored - start,
        instantiated - stored,
        initialized - instantiated,
        called - initialized,
        called.elapsed(),
    ]
}
