//! The wasmtime engine: how code is compiled, where instances get their memory, and the clock that
//! interrupts them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, Thread},
    time::Duration,
};

use bytesize::ByteSize;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often a running guest is looked at, while any is running.
const TICK: Duration = Duration::from_millis(1);
/// The clock stops when no guest has been running for so many ticks: an idle host should not wake up.
const IDLE_TICKS: u32 = 100;
/// How often a stopped clock looks whether its engine is still there.
const LOOK: Duration = Duration::from_secs(5);

/// Memories and tables of one component. A guest in Rust has 1 and 2; one in JavaScript 1 and 3.
const MEMORIES: u32 = 2;
const TABLES: u32 = 8;

/// What guests of one engine are like. Each engine has a pool of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// Those in Rust and C.
    Small,
    /// Those that bring the runtime of their language, see `prepare`.
    Large,
}

impl Size {
    /// Core instances of one component. A Rust guest has 4, a JavaScript one 6, one in Python 38.
    fn core_instances(self) -> u32 {
        match self {
            Self::Small => 16,
            Self::Large => 64,
        }
    }

    /// What stays resident in a slot between guests, of memory and of tables: putting these back is cheaper than
    /// faulting them in. More of a small guest's, and taking away what an attacker grew holds the memory map's lock
    /// for longer; less of a large one's, and it is slower by every page that its runtime changes.
    fn keep_resident(self) -> (usize, usize) {
        match self {
            Self::Small => (192 << 10, 16 << 10),
            Self::Large => (6656 << 10, 128 << 10),
        }
    }

    /// Slots that stay warm although nobody uses them. Of large ones each is megabytes.
    fn warm_slots(self) -> u32 {
        match self {
            Self::Small => 100,
            Self::Large => 16,
        }
    }
}

/// Stack of a guest. Rust and C guests keep theirs in linear memory as well; this bounds recursion.
const WASM_STACK: usize = 512 << 10;
/// The fiber's stack holds the guest's and what host functions need on top.
const FIBER_STACK: usize = 2 << 20;

/// Below this many slots the pool is not worth having, and the machine is too small to serve.
const FEWEST_SLOTS: u32 = 4;

/// What there is room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Guests at once.
    pub(super) guests: u32,
    /// Memory of each, at most.
    pub(super) memory: ByteSize,
}

/// Builds an engine with room for as many guests as asked for, or as the machine has; says how many.
///
/// A pool that does not fit the machine's address space is halved until it does, with a warning.
///
/// # Errors
/// When even a small pool cannot be had.
pub(super) fn engine(room: Room, size: Size, fuel: bool) -> wasmtime::Result<(Engine, Arc<Clock>, u32)> {
    let mut slots = room.guests;
    loop {
        match Engine::new(&config(slots, room.memory, size, fuel)) {
            Ok(engine) => {
                if slots < room.guests {
                    tracing::warn!(
                        wanted = room.guests,
                        slots,
                        "not enough address space; fewer guests can run at once"
                    );
                }
                let clock = clock(&engine);
                return Ok((engine, clock, slots));
            }
            Err(error) if slots / 2 < FEWEST_SLOTS => return Err(error),
            Err(_) => slots /= 2,
        }
    }
}

/// Whether `PAGEMAP_SCAN` works here.
pub(super) fn knows_changed_pages() -> bool {
    PoolingAllocationConfig::is_pagemap_scan_available()
}

fn config(slots: u32, memory: ByteSize, size: Size, fuel: bool) -> Config {
    let (memory_kept, table_kept) = size.keep_resident();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(size.core_instances()))
        .total_memories(slots.saturating_mul(MEMORIES))
        .total_tables(slots.saturating_mul(TABLES))
        .total_stacks(slots)
        .max_core_instances_per_component(size.core_instances())
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES) // one that was made of several has theirs
        .table_elements(20_000)
        .max_memory_size(usize::try_from(memory.as_u64()).unwrap_or(usize::MAX))
        .max_component_instance_size(1 << 20)
        .max_core_instance_size(1 << 20)
        .max_unused_warm_slots(size.warm_slots())
        .linear_memory_keep_resident(memory_kept)
        .table_keep_resident(table_kept)
        .async_stack_keep_resident(32 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // Components of WASI 0.2 need none of it, and it costs a quarter of the throughput.
        .concurrency_support(false)
        .epoch_interruption(true)
        .consume_fuel(fuel)
        .memory_init_cow(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// The clock of an engine: a thread that advances its epoch while guests are running.
#[derive(Debug)]
pub(super) struct Clock {
    running: AtomicUsize,
    asleep: AtomicBool,
    thread: Thread,
}

/// A running guest. The clock ticks for as long as there is one, and a little longer.
#[derive(Debug)]
pub(super) struct Running(Arc<Clock>);

impl Clock {
    /// Says that a guest is about to run.
    pub(super) fn start(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) && self.asleep.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(self.clone())
    }

    /// How many guests are running.
    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Starts the clock of an engine. It ends with the engine.
fn clock(engine: &Engine) -> Arc<Clock> {
    let engine = engine.weak();
    let (sender, receiver) = mpsc::channel::<Arc<Clock>>();
    let ticking = move || {
        let Ok(clock) = receiver.recv() else { return };
        let clock = Arc::downgrade(&clock);
        let mut idle = 0;
        while let (Some(engine), Some(clock)) = (engine.upgrade(), clock.upgrade()) {
            engine.increment_epoch();
            drop(engine);
            idle = if clock.running.load(Ordering::SeqCst) > 0 { 0 } else { idle + 1 };
            if idle < IDLE_TICKS {
                drop(clock);
                thread::sleep(TICK);
                continue;
            }
            clock.asleep.store(true, Ordering::SeqCst);
            // A guest that started since did not see that the clock fell asleep; this does.
            if clock.running.load(Ordering::SeqCst) == 0 {
                drop(clock);
                // Now and then it looks whether the engine is still there.
                thread::park_timeout(LOOK);
            } else {
                clock.asleep.store(false, Ordering::SeqCst);
            }
            idle = 0;
        }
    };
    // Without the thread no guest could be stopped; better not to start at all.
    let thread = match thread::Builder::new().name("epoch".into()).spawn(ticking) {
        Ok(handle) => handle.thread().clone(),
        Err(error) => {
            tracing::error!(%error, "the epoch thread cannot be started");
            std::process::abort();
        }
    };
    let clock = Arc::new(Clock { running: AtomicUsize::new(0), asleep: AtomicBool::new(false), thread });
    // Its receiver is the thread that was just started.
    let _ = sender.send(clock.clone());
    clock
}
