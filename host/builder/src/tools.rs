//! Owns finding and running the tools of other languages, which a project brings or the PATH has.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::build::{BuildError, io_error};

/// How much of what a tool said is shown when it failed: a message with its stack, not the whole log.
const SHOWN: usize = 40;

/// The tool called `name` in the folder `bin` of the project or of one around it, or on the PATH.
pub(crate) fn find(dir: &Path, bin: &str, name: &str) -> Option<PathBuf> {
    let around = dir.ancestors().map(|dir| dir.join(bin));
    let path = std::env::var_os("PATH").unwrap_or_default();
    around.chain(std::env::split_paths(&path)).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// Runs a tool in `dir` and gives what it printed.
pub(crate) fn run<A: AsRef<OsStr>>(
    tool: &Path,
    dir: &Path,
    args: impl IntoIterator<Item = A>,
) -> Result<String, BuildError> {
    let mut command = Command::new(tool);
    let out = command.args(args).current_dir(dir).stdin(Stdio::null()).output();
    let out = out.map_err(io_error(&format!("running {}", tool.display())))?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    let said = [out.stdout, out.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let lines: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let end = lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default();
    let name = tool.file_name().unwrap_or_default().to_string_lossy();
    Err(BuildError::Tool(format!("{name} failed:\n{}", end.join("\n"))))
}
