//! From bytes to code that can be instantiated.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use bytesize::ByteSize;
use guest_builder::contract::{ContractError, Surface};
use rayon::ThreadPoolBuilder;
use sha2::{Digest as _, Sha256};
use wasmtime::{
    Engine,
    component::{InstancePre, Linker},
};

use super::{cache::Cache, engine::Clock, exports::Exports, guest::Guest, lane, prepare};

/// Compiling steps back behind what serves, but not behind heavy guests: this is a tenth of a busy processor (`nice`).
const COMPILING: i32 = 10;

/// A component, checked, compiled and linked. Its identity is the digest of its bytes.
pub struct Component {
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
    /// Size of the file in bytes.
    pub size: usize,
    /// What it imports and exports.
    pub surface: Surface,
    /// How long compiling it took; none if its compiled code was kept from before.
    pub compiled: Option<Duration>,
    /// Memory of an instance that has said what it is, and done nothing else; set then.
    pub(super) at_rest: OnceLock<ByteSize>,
    pub(super) pre: InstancePre<Guest>,
    pub(super) exports: Exports,
    pub(super) clock: Arc<Clock>,
}

impl Component {
    /// Whether it completes arguments.
    #[must_use]
    pub fn completes(&self) -> bool {
        self.exports.completions.is_some()
    }

    /// Memory of an instance that has done nothing yet. None before it was asked what it is.
    #[must_use]
    pub fn at_rest(&self) -> Option<ByteSize> {
        self.at_rest.get().copied()
    }

    /// Where its guests run.
    pub(super) fn engine(&self) -> &Engine {
        self.pre.component().engine()
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Component")
            .field("digest", &self.digest)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Why a file cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not a component of this contract.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The binary is damaged, or uses a proposal that is not enabled.
    #[error("it cannot be compiled: {0}")]
    Compile(String),
    /// The machine has no room for the engine it needs.
    #[error("there is no room for an engine of its kind: {0}")]
    Engine(String),
    /// Its functions have other types than the contract's.
    #[error("its functions do not have the contract's types; rebuild it with the SDK of this version: {0}")]
    Types(String),
}

/// What tells a component from every other: SHA-256 of its bytes, in hexadecimal.
#[must_use]
pub fn digest(wasm: &[u8]) -> String {
    Sha256::digest(wasm).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// With `prepared`, which is the memory a guest may have, it is prepared before it is compiled.
pub(super) fn load(
    engine: &Engine,
    linker: &Linker<Guest>,
    clock: &Arc<Clock>,
    cache: Option<&Cache>,
    wasm: &[u8],
    prepared: Option<ByteSize>,
) -> Result<Component, LoadError> {
    let surface = Surface::read(wasm)?;
    surface.check()?;
    let digest = digest(wasm);
    // Compiled code of the same file that was prepared in another way is another's.
    let kept = match prepared {
        Some(_) => format!("{digest}-{}", prepare::VERSION),
        None => digest.clone(),
    };
    let cached = cache.and_then(|cache| cache.load(engine, &kept));
    let (code, compiled) = match cached {
        Some(code) => (code, None),
        None => {
            let (code, took) = compile(engine, wasm, &digest, prepared)?;
            // As the next start has it: what was just compiled lies in memory as a whole.
            let mapped = cache.and_then(|cache| {
                cache.store(engine, &kept, &code);
                cache.load(engine, &kept)
            });
            (mapped.unwrap_or(code), Some(took))
        }
    };
    let types = |e: wasmtime::Error| LoadError::Types(format!("{e:#}"));
    let pre = linker.instantiate_pre(&code).map_err(types)?;
    let exports = Exports::find(&pre, &surface).map_err(types)?;
    Ok(Component {
        digest,
        size: wasm.len(),
        surface,
        compiled,
        at_rest: OnceLock::new(),
        pre,
        exports,
        clock: clock.clone(),
    })
}

fn compile(
    engine: &Engine,
    wasm: &[u8],
    digest: &str,
    prepared: Option<ByteSize>,
) -> Result<(wasmtime::component::Component, Duration), LoadError> {
    let started = Instant::now();
    tracing::info!(digest, bytes = wasm.len(), "compiling a component");
    let pool = ThreadPoolBuilder::new()
        .thread_name(|_| "compile".to_owned())
        .start_handler(|_| lane::step_back(COMPILING))
        .build()
        .map_err(|e| LoadError::Compile(e.to_string()))?;
    let code = pool
        .install(|| match prepared {
            Some(memory) => {
                let memory = usize::try_from(memory.as_u64()).unwrap_or(usize::MAX);
                let prepared = prepare::prepare(wasm, digest, memory);
                wasmtime::component::Component::new(engine, &prepared).or_else(|error| match prepared {
                    Cow::Borrowed(_) => Err(error),
                    Cow::Owned(_) => {
                        tracing::warn!(digest, %error, "it is compiled as it is: what was prepared cannot be");
                        wasmtime::component::Component::new(engine, wasm)
                    }
                })
            }
            None => wasmtime::component::Component::new(engine, wasm),
        })
        .map_err(|e| LoadError::Compile(format!("{e:#}")))?;
    let took = started.elapsed();
    tracing::info!(digest, ?took, "compiled");
    Ok((code, took))
}
