//! What is done to a large component before it is compiled, so that a fresh instance of it is cheap.
//!
//! Guests in JavaScript and Python bring their language's runtime: megabytes of memory, of which each call changes
//! some hundred pages all over the place. What is changed here keeps to what the component could do itself:
//!
//! - [`fuse`]: its libraries are linked once, and not whenever a guest starts.
//! - [`image`]: `describe` has run, so the runtime has done what it does once. Nothing of a config, a tenant or the
//!   world outside is in it, and the image is the component's, not a service's.
//! - [`rehearsal`]: a call is tried, to see which pages calls change.
//! - [`touch`]: each instance writes what is between them, so that they lie together.

mod data;
mod fuse;
mod image;
mod rehearsal;
mod sections;
mod touch;
mod watch;

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use sections::Outline;

/// Of what is done here; another number, and what was compiled before is compiled anew.
pub(super) const VERSION: &str = "image5";

/// From so much memory at the start on a component is large. One in Rust has one or two MiB.
const LARGE: u64 = 4 << 20;
/// With more core instances it is large as well: its libraries are linked when it starts. One in Rust has four, one in Python
/// 38.
const INSTANCES: usize = 8;

/// Whether a component is large.
pub(super) fn large(wasm: &[u8]) -> bool {
    Outline::read(wasm).is_ok_and(|outline| outline.memory >= LARGE || outline.instances > INSTANCES)
}

/// The component to compile in place of a large one. `memory` is what a guest may have.
pub(super) fn prepare<'a>(wasm: &'a [u8], digest: &str, memory: usize) -> Cow<'a, [u8]> {
    let started = Instant::now();
    let fused = fuse::fuse(wasm);
    let linked = fused.is_some();
    let wasm = fused.map_or(Cow::Borrowed(wasm), Cow::Owned);
    // The instrumentation is a library's, and it panics on what it does not expect.
    let run = catch_unwind(AssertUnwindSafe(|| image::run(&wasm, memory)))
        .unwrap_or_else(|_| Err("it cannot be instrumented".to_owned()));
    let run = match run {
        Ok(run) => run,
        Err(why) => {
            tracing::info!(digest, why, "its guests start without an image");
            return wasm;
        }
    };
    let with_image = run.image.is_ok();
    let image = match run.image {
        Ok(image) => Cow::Owned(data::trim(&image).unwrap_or(image)),
        Err(why) => {
            tracing::info!(digest, why, "its guests start without an image");
            wasm
        }
    };
    let plan = touch::plan(&run.changed);
    let touched = touch::touch(&image, &plan);
    tracing::info!(digest, linked, image = with_image, took = ?started.elapsed(), changed = run.changed.ever.len(), touched = plan.len(), "prepared a large component");
    touched.map_or(image, Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::loader::EMBEDDED_UTILITIES;

    #[test]
    fn a_component_in_rust_is_not_large() {
        assert!(!large(EMBEDDED_UTILITIES));
        let outline = Outline::read(EMBEDDED_UTILITIES).unwrap();
        assert!(outline.memory < LARGE && outline.instances <= 4, "{outline:?}");
    }
}
