//! The `bulkhead` command: flags, logging, runtime, exit code.

mod cli;

use std::process::ExitCode;

use clap::Parser;

/// The system's allocator costs a tenth of the throughput (`make bench`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let shown = error.print();
            let asked = shown.is_ok() && error.exit_code() == 0; // --help, --version
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(cli::USAGE) };
        }
    };
    cli::logging::init(&cli);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return cli::fail(&format!("the async runtime cannot be started: {error}"), cli::FAILED);
        }
    };
    let ended = runtime.block_on(cli.run());
    // A read of stdin cannot be interrupted; waiting for it would keep a stopped `stdio` alive.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => cli::fail(&failure.message, failure.code),
    }
}
