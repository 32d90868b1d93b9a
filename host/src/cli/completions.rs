//! `bulkhead completions` and `bulkhead man`: what shells and `man` know of the commands, made of the commands themselves.

use std::{io::Write as _, path::PathBuf};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, Outcome, failed};

/// Print the completions of a shell.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// Which shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "bulkhead", &mut script);
        // A reader that has seen enough is no error.
        let _ = std::io::stdout().write_all(&script);
        Ok(())
    }
}

/// Write a man page for each command.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// The folder they go into, such as `/usr/local/share/man/man1`.
    dir: PathBuf,
}

impl Man {
    pub(super) fn run(&self) -> Outcome {
        std::fs::create_dir_all(&self.dir)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), &self.dir))
            .map_err(|error| failed(format!("{}: {error}", self.dir.display())))
    }
}
