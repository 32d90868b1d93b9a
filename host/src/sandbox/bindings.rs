//! The contract's bindings, generated. Nothing else is here.

mod generated {
    #![allow(
        missing_docs,
        clippy::all,
        clippy::pedantic,
        unreachable_pub,
        missing_debug_implementations,
        rust_2018_idioms,
        reason = "generated"
    )]
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "bulkhead:service/full-service",
        exports: { default: async },
    });
}

pub(super) use generated::{
    bulkhead::service::{call, types},
    exports::bulkhead::service::{completions, lifecycle, prompts, resources, tools},
};
