//! `guest-builder OUT DIR...`: builds component crates and puts `NAME.wasm` of each into OUT.
//!
//! The Makefile's way to the same builder that `bulkhead build` has, before there is a `bulkhead`.
#![expect(clippy::print_stderr, reason = "a command-line tool talks to its user")]

use std::{fs, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((out, dirs)) = args.split_first().filter(|(_, dirs)| !dirs.is_empty()) else {
        eprintln!("usage: guest-builder OUT DIR...");
        return ExitCode::from(64);
    };
    for dir in dirs {
        if let Err(error) = build(Path::new(out), Path::new(dir)) {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn build(out: &Path, dir: &Path) -> Result<(), String> {
    let artifact = guest_builder::build(dir, None, &|line| eprintln!("{line}")).map_err(|e| e.to_string())?;
    let to = out.join(format!("{}.wasm", artifact.name));
    let place = |what: &str| format!("{what} {}", to.display());
    fs::create_dir_all(out).map_err(|e| format!("creating {}: {e}", out.display()))?;
    let bytes = fs::read(&artifact.wasm).map_err(|e| format!("reading {}: {e}", artifact.wasm.display()))?;
    // An unchanged file is left alone: a host that watches the folder need not load it again.
    if fs::read(&to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(&to, bytes).map_err(|e| format!("{}: {e}", place("writing")))
}
