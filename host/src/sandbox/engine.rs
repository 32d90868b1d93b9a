//! The wasmtime engine: how code is compiled, where instances get their memory, and the clock that
//! interrupts them.

use std::{thread, time::Duration};

use bytesize::ByteSize;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often a running guest lets others have its thread. Halving it doubles wake-ups of an idle host;
/// doubling it doubles how long one spinning guest can hold up a call on the same thread.
const TICK: Duration = Duration::from_millis(5);

/// Core instances, memories and tables of one component. A Rust guest has 4, 1 and 2; a JavaScript one 6, 1 and 3.
const CORE_INSTANCES: u32 = 16;
const MEMORIES: u32 = 2;
const TABLES: u32 = 8;

/// Stack of a guest. Rust and C guests keep theirs in linear memory as well; this bounds recursion.
const WASM_STACK: usize = 512 << 10;
/// The fiber's stack holds the guest's and what host functions need on top.
const FIBER_STACK: usize = 2 << 20;

/// Below this many slots the pool is not worth having, and the machine is too small to serve.
const FEWEST_SLOTS: u32 = 4;

/// Builds the engine, with room for `guests` at once of at most `memory` each.
///
/// A pool that does not fit the machine's address space is halved until it does, with a warning.
///
/// # Errors
/// When even a small pool cannot be had.
pub(super) fn engine(guests: u32, memory: ByteSize) -> wasmtime::Result<Engine> {
    let mut slots = guests;
    loop {
        match Engine::new(&config(slots, memory)) {
            Ok(engine) => {
                if slots < guests {
                    tracing::warn!(
                        wanted = guests,
                        slots,
                        "not enough address space; fewer guests can run at once"
                    );
                }
                tick(&engine);
                return Ok(engine);
            }
            Err(error) if slots / 2 < FEWEST_SLOTS => return Err(error),
            Err(_) => slots /= 2,
        }
    }
}

fn config(slots: u32, memory: ByteSize) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .total_memories(slots.saturating_mul(MEMORIES))
        .total_tables(slots.saturating_mul(TABLES))
        .total_stacks(slots)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .table_elements(20_000)
        .max_memory_size(usize::try_from(memory.as_u64()).unwrap_or(usize::MAX))
        .max_component_instance_size(1 << 20)
        .max_core_instance_size(1 << 20)
        // What stays resident in a slot between guests: zeroing these is cheaper than faulting them in.
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(32 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // Components of WASI 0.2 need none of it, and it costs a quarter of the throughput.
        .concurrency_support(false)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// One thread advances the epoch for as long as the engine lives.
fn tick(engine: &Engine) {
    let engine = engine.weak();
    let ticking = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    };
    // Without the thread no guest could be stopped; better not to start at all.
    if let Err(error) = thread::Builder::new().name("epoch".into()).spawn(ticking) {
        tracing::error!(%error, "the epoch thread cannot be started");
        std::process::abort();
    }
}
