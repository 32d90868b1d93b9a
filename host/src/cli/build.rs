//! `bulkhead build`: from a component's project to a `.wasm` that this host will load.

use std::path::{Path, PathBuf};

use bulkhead::app;
use clap::Args;
use serde_json::json;

use super::{Failure, Options, Outcome, failed};

/// Build a component in Rust, JavaScript or Python into a `.wasm` and check it.
#[derive(Debug, Args)]
pub(super) struct Build {
    /// The folder of the crate, or of the project with a `package.json` or `pyproject.toml`.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Where the component goes; `NAME.wasm` in that folder unless given.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Build {
    pub(super) fn run(self, options: &Options) -> Outcome {
        let artifact = guest_builder::build(&self.dir, None, &|line| eprintln!("{line}")).map_err(failed)?;
        let out = self.out.unwrap_or_else(|| self.dir.join(artifact.file_name()));
        let wasm = std::fs::read(&artifact.wasm).map_err(|e| unreadable(&artifact.wasm, &e))?;
        // Names were checked by the builder; this checks the types behind them.
        let sandbox = app::sandbox(&options.load(None)?).map_err(failed)?;
        let component =
            sandbox.load(&wasm, false).map_err(|e| failed(format!("{}: {e}", artifact.wasm.display())))?;
        std::fs::write(&out, &wasm)
            .map_err(|e| failed(format!("{} cannot be written: {e}", out.display())))?;
        if options.json {
            let digest = format!("sha256:{}", component.digest);
            out!(
                "{}",
                json!({ "file": out, "digest": digest, "bytes": component.size, "toolchain": artifact.toolchain })
            );
        } else {
            eprintln!("built {} ({})", out.display(), bytesize::ByteSize::b(component.size as u64));
        }
        Ok(())
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    failed(format!("{} cannot be read: {error}", path.display()))
}
