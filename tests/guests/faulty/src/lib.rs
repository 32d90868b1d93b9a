//! A component with every fault that `bulkhead test` looks for. Which of them it has, a marker in the file says:
//! `FAULT=` and the id of the check, as in `FAULT=call.trap`. A test writes it into the built `.wasm`, so one build gives
//! as many faulty components as there are checks. Without one it has none.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    missing_debug_implementations,
    reason = "misbehaving is what it is for"
)]

pub mod beside;
#[expect(clippy::pedantic, reason = "generated")]
pub mod bindings;
pub mod export;
#[path = "../../attacks/src/http.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is shared, and not all of it is used")]
mod http;
pub mod work;

/// The marker: what is looked for in the file, and room for an id.
static MARKER: [u8; 46] = *b"FAULT=                                        ";

/// Whether the component has this fault.
#[must_use]
pub fn has(fault: &str) -> bool {
    // Opaque to the optimiser: what is in the file counts.
    let marker: &[u8; 46] = std::hint::black_box(&MARKER);
    marker.iter().skip(6).copied().take_while(|byte| *byte != b' ').eq(fault.bytes())
}

/// Another number in each instance.
#[must_use]
pub fn drawn() -> u64 {
    bindings::wasi::random::random::get_random_u64()
}
