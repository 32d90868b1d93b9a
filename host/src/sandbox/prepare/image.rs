//! An instance that has said what it is, as a component: `describe` runs once, and what it left in memory and globals
//! is what every guest begins with.
//!
//! `describe` may depend on nothing, so the image belongs to the component: no config, no tenant. The run has nothing
//! around it either. Every import traps, but for those that answer the same to every guest; and whoever draws
//! randomness or asks for the time of day is given something to go on with, and gets no image.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use futures::FutureExt;
use wasmtime::{
    Config, Engine, OptLevel, ResourceLimiter, Store,
    component::{Component, Instance, Lift, Linker, Val, WasmList},
};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use super::{
    rehearsal::{Changed, LIFECYCLE, Rehearsal, function},
    watch::Watched,
};

/// Instructions a run may take: about a second of a processor, a hundred times what a language's runtime needs.
const FUEL: u64 = 1_000_000_000;
/// Bytes of the host that an answer may take: as a value, each byte of a list is many.
const CROSSES: usize = 16 << 20;
/// Elements all its tables may have together.
const ELEMENTS: usize = 1 << 20;

/// What came of a run.
pub(super) struct Run {
    /// The component with its image, or why it has none.
    pub(super) image: Result<Vec<u8>, String>,
    /// What guests of it change.
    pub(super) changed: Changed,
}

/// What the store of a run holds.
struct Alone {
    memory: usize,
    /// What it was given that no two guests may share.
    drew: Option<&'static str>,
}

impl ResourceLimiter for Alone {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= self.memory)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= ELEMENTS)
    }
}

/// Runs a component alone. `memory` is what a guest of it may have.
///
/// # Errors
/// When it cannot be run in this way.
pub(super) fn run(wasm: &[u8], memory: usize) -> Result<Run, String> {
    let failed = |e: wasmtime::Error| in_short(&e);
    let wizer = Wizer::new();
    let (context, instrumented) = wizer.instrument_component(wasm).map_err(failed)?;
    // Compiling is nearly all of the time it takes, so it compiles in a hurry.
    let mut config = Config::new();
    config.concurrency_support(false).consume_fuel(true).cranelift_opt_level(OptLevel::None);
    // Where it is, it is watched.
    config.memory_may_move(false);
    let engine = Engine::new(&config).map_err(failed)?;
    let component = Component::new(&engine, &instrumented).map_err(failed)?;
    let mut linker = Linker::<Alone>::new(&engine);
    answer(&mut linker, &component).map_err(failed)?;
    linker.define_unknown_imports_as_traps(&component).map_err(failed)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "its limits are set here: this store is no guest's of a call"
    )]
    let mut store = Store::new(&engine, Alone { memory, drew: None });
    store.limiter(|alone| alone);
    store.set_fuel(FUEL).map_err(failed)?;
    store.set_hostcall_fuel(CROSSES);
    let running = async {
        let instance = linker.instantiate_async(&mut store, &component).await.map_err(failed)?;
        let describe =
            function(&mut store, &instance, LIFECYCLE, "describe").ok_or("it has no `describe`")?;
        let mut described = [Val::Bool(false)];
        if let Err(error) = describe.call_async(&mut store, &[], &mut described).await {
            return Err(format!("`describe` failed without the world around it: {}", in_short(&error)));
        }
        let mut state =
            Access { store: &mut store, instance, lost: AtomicBool::new(false), watched: Mutex::default() };
        // The whole memory crosses as one list, which is not copied.
        state.store.set_hostcall_fuel(usize::MAX);
        // Also where it must not be used: it says where the memory is.
        let image = wizer.snapshot_component(&context, &mut state).await.map_err(failed);
        let image = match state.store.data().drew {
            Some(drew) => Err(format!("`describe` uses {drew}, which no two guests may share")),
            None => image,
        };
        if state.lost.load(Ordering::Relaxed) {
            return Err("its state cannot be read".to_owned());
        }
        let memory = state.watched.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some(memory) = memory else { return Ok(Run { image, changed: Changed::default() }) };
        store.set_hostcall_fuel(CROSSES);
        let [described] = described;
        let rehearsal = Rehearsal { store: &mut store, instance, described };
        Ok(Run { image, changed: rehearsal.changed(&memory).await })
    };
    // None of its imports waits for anything, so nor does it.
    running.now_or_never().unwrap_or_else(|| Err("it waits for something".to_owned()))
}

/// Without the guest's stack.
fn in_short(error: &wasmtime::Error) -> String {
    error.root_cause().to_string()
}

/// Answers what a run may ask. A guest's environment is empty, and its monotonic clock begins with it; whoever has
/// seen either has seen what every guest sees that is quick enough.
fn answer(linker: &mut Linker<Alone>, component: &Component) -> wasmtime::Result<()> {
    let imports = component.component_type();
    let names: Vec<_> = imports.imports(linker.engine()).map(|(name, _)| name.to_owned()).collect();
    for name in names {
        let mut interface = match name.split('@').next() {
            Some("wasi:cli/environment") => {
                let mut interface = linker.instance(&name)?;
                interface.func_wrap("get-environment", |_, (): ()| Ok((Vec::<(String, String)>::new(),)))?;
                interface.func_wrap("get-arguments", |_, (): ()| Ok((Vec::<String>::new(),)))?;
                continue;
            }
            Some("wasi:clocks/monotonic-clock") => {
                linker.instance(&name)?.func_wrap("now", |_, (): ()| Ok((0_u64,)))?;
                continue;
            }
            Some(
                "wasi:clocks/wall-clock"
                | "wasi:random/random"
                | "wasi:random/insecure"
                | "wasi:random/insecure-seed",
            ) => linker.instance(&name)?,
            _ => continue,
        };
        if name.starts_with("wasi:clocks/") {
            interface.func_new("now", |mut store, _, _, results| {
                store.data_mut().drew = Some("the time of day");
                let zero = [("seconds".to_owned(), Val::U64(0)), ("nanoseconds".to_owned(), Val::U32(0))];
                results.fill(Val::Record(zero.into()));
                Ok(())
            })?;
        } else if name.starts_with("wasi:random/insecure-seed@") {
            interface.func_new("insecure-seed", |mut store, _, _, results| {
                store.data_mut().drew = Some("randomness");
                results.fill(Val::Tuple(vec![Val::U64(0), Val::U64(0)]));
                Ok(())
            })?;
        } else {
            for (bytes, number) in [
                ("get-random-bytes", "get-random-u64"),
                ("get-insecure-random-bytes", "get-insecure-random-u64"),
            ] {
                interface.func_wrap(bytes, |mut store, (length,): (u64,)| {
                    store.data_mut().drew = Some("randomness");
                    Ok((vec![0_u8; usize::try_from(length.min(RANDOM)).unwrap_or_default()],))
                })?;
                interface.func_wrap(number, |mut store, (): ()| {
                    store.data_mut().drew = Some("randomness");
                    Ok((0_u64,))
                })?;
            }
        }
    }
    Ok(())
}

/// Most bytes in one go, as in `guest`.
const RANDOM: u64 = 1 << 20;

/// How wizer reads what an instance holds, and what else is asked of it.
struct Access<'a> {
    store: &'a mut Store<Alone>,
    instance: Instance,
    /// Something could not be read.
    lost: AtomicBool,
    watched: Mutex<Option<Watched>>,
}

impl Access<'_> {
    async fn ask<R: Lift + 'static, T>(
        &mut self,
        interface: &str,
        name: &str,
        read: impl FnOnce(&Store<Alone>, R) -> T,
    ) -> Option<T> {
        let function = function(self.store, &self.instance, interface, name)?;
        let function = function.typed::<(), (R,)>(&*self.store).ok()?;
        let (result,) = function.call_async(&mut *self.store, ()).await.ok()?;
        Some(read(self.store, result))
    }

    async fn value<R: Lift + Default + 'static>(&mut self, interface: &str, name: &str) -> R {
        let value = self.ask(interface, name, |_, value: R| value).await;
        if value.is_none() {
            self.lost.store(true, Ordering::Relaxed);
        }
        value.unwrap_or_default()
    }
}

impl ComponentInstanceState for Access<'_> {
    async fn call_func_ret_list_u8(
        &mut self,
        interface: &str,
        name: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        let read = |store: &Store<Alone>, list: WasmList<u8>| {
            let bytes = list.as_le_slice(store);
            contents(bytes);
            Watched::new(bytes)
        };
        let memory = self.ask(interface, name, read).await;
        if memory.is_none() {
            self.lost.store(true, Ordering::Relaxed);
        }
        let watched = self.watched.get_mut().unwrap_or_else(PoisonError::into_inner);
        // It is read twice, and reading lets it grow.
        *watched = watched.take().or(memory);
    }

    async fn call_func_ret_s32(&mut self, interface: &str, name: &str) -> i32 {
        self.value(interface, name).await
    }

    async fn call_func_ret_s64(&mut self, interface: &str, name: &str) -> i64 {
        self.value(interface, name).await
    }

    async fn call_func_ret_f32(&mut self, interface: &str, name: &str) -> u32 {
        self.value::<f32>(interface, name).await.to_bits()
    }

    async fn call_func_ret_f64(&mut self, interface: &str, name: &str) -> u64 {
        self.value::<f64>(interface, name).await.to_bits()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{large, prepare},
        *,
    };

    const MEMORY: usize = 64 << 20;

    /// A component with these imports, that does this in `describe`. It counts how often it was asked, in its memory
    /// and in a global, and says how often that was, both added up.
    fn component(imports: &str, lowered: &str, described: &str) -> Vec<u8> {
        let text = format!(
            r#"(component {imports}
              (core module $m {lowered}
                (memory (export "memory") 100)
                (global $asked (mut i32) (i32.const 0))
                (data (i32.const 70000) "\00\00")
                (func (export "describe") (result i32) {described}
                  (i32.store (i32.const 70000) (i32.add (i32.load (i32.const 70000)) (i32.const 1)))
                  (global.set $asked (i32.add (global.get $asked) (i32.const 1)))
                  (i32.add (global.get $asked) (i32.load (i32.const 70000)))))
              (core instance $i (instantiate $m {with}))
              (func $describe (result u32) (canon lift (core func $i "describe")))
              (instance $lifecycle (export "describe" (func $describe)))
              (export "{LIFECYCLE}" (instance $lifecycle)))"#,
            with = if imports.is_empty() { "" } else { r#"(with "" (instance (export "f" (func $f))))"# },
        );
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn asked(wasm: &[u8]) -> [u32; 2] {
        let engine = Engine::default();
        let component = Component::new(&engine, wasm).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test without limits")]
        let mut store = Store::new(&engine, Alone { memory: MEMORY, drew: None });
        let instance = Linker::new(&engine).instantiate(&mut store, &component).unwrap();
        [(); 2].map(|()| {
            let describe = function(&mut store, &instance, LIFECYCLE, "describe").unwrap();
            describe.typed::<(), (u32,)>(&store).unwrap().call(&mut store, ()).unwrap().0
        })
    }

    fn refused(wasm: &[u8]) -> String {
        run(wasm, MEMORY).and_then(|run| run.image).unwrap_err()
    }

    fn drawing(interface: &str, function: &str, kind: &str) -> String {
        let (result, core) = (format!("(result {kind})"), if kind == "u64" { "i64" } else { "" });
        let imports = format!(
            r#"(import "{interface}@0.2.3" (instance $x (export "{function}" (func {result}))))
               (core func $f (canon lower (func $x "{function}")))"#
        );
        let lowered = format!(r#"(import "" "f" (func $f (result {core})))"#);
        refused(&component(&imports, &lowered, "(drop (call $f))"))
    }

    #[test]
    fn a_guest_begins_where_describe_ended_and_each_at_the_same_place() {
        let wasm = component("", "", "");
        assert!(large(&wasm));
        assert_eq!(asked(&wasm), [2, 4]);
        let prepared = prepare(&wasm, "digest", MEMORY);
        for _ in 0..2 {
            assert_eq!(asked(&prepared), [4, 6]);
        }
    }

    #[test]
    fn a_rehearsal_tells_the_pages_that_guests_change() {
        // `describe` changes page 17, and `initialize` page 40, with its config in page 2.
        let wasm = |imports: &str, with: &str, lowered: &str, described: &str| {
            let text = format!(
                r#"(component {imports}
                  (core module $m {lowered}
                    (memory (export "memory") 100)
                    (data (i32.const 8192) "x") (data (i32.const 70000) "x") (data (i32.const 163840) "x")
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8192))
                    (func (export "describe") (result i32) {described}
                      (i32.store8 (i32.const 70000) (i32.const 121)) (i32.const 0))
                    (func (export "initialize") (param i32 i32) (result i32)
                      (i32.store8 (i32.const 163840) (i32.const 121)) (i32.const 0)))
                  (core instance $i (instantiate $m {with}))
                  (func $describe (result u32) (canon lift (core func $i "describe")))
                  (func $initialize (param "config" string) (result u32)
                    (canon lift (core func $i "initialize") (memory $i "memory") (realloc (func $i "realloc"))))
                  (instance $lifecycle (export "describe" (func $describe)) (export "initialize" (func $initialize)))
                  (export "{LIFECYCLE}" (instance $lifecycle)))"#
            );
            wat::parse_str(&text).unwrap()
        };
        let with_image = run(&wasm("", "", "", ""), MEMORY).unwrap();
        // It has no tools to ask for.
        let changed = || Changed { ever: [2, 17, 40].into(), ..Changed::default() };
        assert_eq!((with_image.image.is_ok(), with_image.changed), (true, changed()));
        let draws = wasm(
            r#"(import "wasi:random/random@0.2.3" (instance $x (export "get-random-u64" (func (result u64)))))
               (core func $f (canon lower (func $x "get-random-u64")))"#,
            r#"(with "" (instance (export "f" (func $f))))"#,
            r#"(import "" "f" (func $f (result i64)))"#,
            "(drop (call $f))",
        );
        let without = run(&draws, MEMORY).unwrap();
        assert_eq!((without.image.is_ok(), without.changed), (false, changed()));
    }

    #[test]
    fn what_no_two_guests_may_share_is_in_no_image() {
        let randomness = "`describe` uses randomness, which no two guests may share";
        assert_eq!(drawing("wasi:random/random", "get-random-u64", "u64"), randomness);
        assert_eq!(drawing("wasi:random/insecure", "get-insecure-random-u64", "u64"), randomness);
        let (imports, lowered) = (
            r#"(import "wasi:random/insecure-seed@0.2.3" (instance $x (export "insecure-seed" (func (result (tuple u64 u64))))))
               (core module $mem (memory (export "memory") 1)) (core instance $mem (instantiate $mem))
               (alias core export $mem "memory" (core memory $memory))
               (core func $f (canon lower (func $x "insecure-seed") (memory $memory)))"#,
            r#"(import "" "f" (func $f (param i32)))"#,
        );
        assert_eq!(refused(&component(imports, lowered, "(call $f (i32.const 0))")), randomness);
        let (imports, lowered) = (
            r#"(type $time (record (field "seconds" u64) (field "nanoseconds" u32)))
               (import "wasi:clocks/wall-clock@0.2.3" (instance $x
                 (alias outer 1 $time (type $t)) (export "datetime" (type $datetime (eq $t)))
                 (export "now" (func (result $datetime)))))
               (core module $mem (memory (export "memory") 1)) (core instance $mem (instantiate $mem))
               (alias core export $mem "memory" (core memory $memory))
               (core func $f (canon lower (func $x "now") (memory $memory)))"#,
            r#"(import "" "f" (func $f (param i32)))"#,
        );
        let time = "`describe` uses the time of day, which no two guests may share";
        assert_eq!(refused(&component(imports, lowered, "(call $f (i32.const 0))")), time);
    }

    #[test]
    fn an_answer_that_would_fill_the_host_is_not_taken() {
        // Six million bytes, of a memory of six and a half.
        let text = format!(
            r#"(component
              (core module $m (memory (export "memory") 100)
                (data (i32.const 16) "\00\00\00\00\80\8d\5b\00")
                (func (export "describe") (result i32) (i32.const 16)))
              (core instance $i (instantiate $m))
              (func $describe (result (list u8)) (canon lift (core func $i "describe") (memory $i "memory")))
              (instance $lifecycle (export "describe" (func $describe)))
              (export "{LIFECYCLE}" (instance $lifecycle)))"#
        );
        let why = refused(&wat::parse_str(&text).unwrap());
        assert!(why.starts_with("`describe` failed without the world around it: too much data"), "{why}");
    }

    #[test]
    fn a_monotonic_clock_begins_with_the_guest() {
        let imports = r#"(import "wasi:clocks/monotonic-clock@0.2.3" (instance $x (export "now" (func (result u64)))))
                         (core func $f (canon lower (func $x "now")))"#;
        let lowered = r#"(import "" "f" (func $f (result i64)))"#;
        let wasm = component(imports, lowered, "(if (i64.ne (call $f) (i64.const 0)) (then unreachable))");
        assert!(run(&wasm, MEMORY).unwrap().image.is_ok());
    }

    #[test]
    fn who_needs_the_world_gets_no_image() {
        // Nor a handle: there is nobody who could give it one.
        let imports = r#"(import "bulkhead:service/call@0.1.0" (instance $x (export "cancelled" (func (result bool)))))
                         (core func $f (canon lower (func $x "cancelled")))"#;
        let lowered = r#"(import "" "f" (func $f (result i32)))"#;
        assert_eq!(
            refused(&component(imports, lowered, "(drop (call $f))")),
            "`describe` failed without the world around it: \
             unknown import: `bulkhead:service/call@0.1.0#cancelled` has not been defined"
        );
        // One that only could ask does.
        assert!(run(&component(imports, lowered, ""), MEMORY).unwrap().image.is_ok());
    }

    #[test]
    fn a_run_that_does_not_end_or_takes_too_much_is_stopped() {
        let failed = "`describe` failed without the world around it: wasm trap: ";
        assert_eq!(
            refused(&component("", "", "(loop $l (br $l))")),
            format!("{failed}all fuel consumed by WebAssembly")
        );
        let hoard = "(if (i32.eq (memory.grow (i32.const 2000)) (i32.const -1)) (then unreachable))";
        assert_eq!(
            refused(&component("", "", hoard)),
            format!("{failed}wasm `unreachable` instruction executed")
        );
        assert_eq!(run(b"no component", MEMORY).err().map(|why| why.is_empty()), Some(false));
    }
}
