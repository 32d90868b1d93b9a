//! What a guest finds of the world: the interfaces of world `offer`, and who answers each.

use wasmtime::{Engine, component::Linker};
use wasmtime_wasi::p2::bindings as wasi;

use super::{bindings, files, guest::Guest};

/// Everything a guest can import: world `offer` of the contract.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
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
    files::add_quota(l)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(l)?;
    bindings::call::add_to_linker::<Guest, wasmtime::component::HasSelf<Guest>>(l, |guest| guest)?;
    Ok(linker)
}
