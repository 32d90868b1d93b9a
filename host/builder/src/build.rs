//! Builds one component, in whichever language its project is, and checks what came out.
//!
//! The guests' profile is given on cargo's command line, so that a crate of a third party is built like
//! ours without having to copy a profile.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    contract::{ContractError, Surface},
    javascript, python,
    toolchain::{NoToolchain, TARGET, Toolchain},
};

/// Quick to instantiate, and quick at JSON, which is what a guest that waits for nobody does. For size it would be a
/// sixth smaller, and run half as many instructions more.
const PROFILE: [&str; 7] = [
    r#"profile.guest.inherits="release""#,
    "profile.guest.opt-level=2",
    "profile.guest.lto=true",
    "profile.guest.codegen-units=1",
    r#"profile.guest.panic="abort""#,
    "profile.guest.strip=true",
    "profile.guest.debug=false",
];

/// A component that was built and passed [`Surface::check`].
#[derive(Debug)]
pub struct Artifact {
    /// The name of the crate or package.
    pub name: String,
    /// The component.
    pub wasm: PathBuf,
    /// What it imports and exports.
    pub surface: Surface,
    /// What it was made with, in words.
    pub toolchain: String,
    /// Files it was made from, for a build script's `rerun-if-changed`.
    pub sources: Vec<PathBuf>,
}

impl Artifact {
    /// What the component's file is called: after the project, without the scope that npm has.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.wasm", self.name.rsplit('/').next().unwrap_or_default())
    }
}

/// Why there is no artifact.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// See [`NoToolchain`].
    #[error(transparent)]
    NoToolchain(#[from] NoToolchain),
    /// The folder holds no crate that can become a component.
    #[error("{0}")]
    NotAComponentCrate(String),
    /// The compiler said no; its words went to stderr.
    #[error("cargo could not build {0}; its messages are above")]
    Compile(String),
    /// It compiled, into something Bulkhead would not load.
    #[error("{}: {source}", wasm.display())]
    Contract {
        /// The file at fault.
        wasm: PathBuf,
        /// What is wrong with it.
        source: ContractError,
    },
    /// A tool of another language is not there, or failed; the text has its words.
    #[error("{0}")]
    Tool(String),
    /// The file system or a process got in the way.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// How it failed.
        source: io::Error,
    },
}

/// What a language's way of building leaves, before it is checked.
pub(crate) struct Built {
    pub(crate) name: String,
    pub(crate) wasm: PathBuf,
    pub(crate) toolchain: String,
    pub(crate) sources: Vec<PathBuf>,
}

/// Builds the component in `dir`: a crate, or a project in JavaScript or Python. Guests in Rust get `target_dir` to
/// themselves, or `guests` in the workspace's own target folder. `say` receives one line before anything slow.
///
/// # Errors
/// See [`BuildError`].
pub fn build(dir: &Path, target_dir: Option<&Path>, say: &dyn Fn(&str)) -> Result<Artifact, BuildError> {
    let there = |file: &str| dir.join(file).is_file();
    let Built { name, wasm, toolchain, sources } = if there("Cargo.toml") {
        rust(dir, target_dir, say)?
    } else {
        let dir = dir.canonicalize().map_err(io_error(&format!("looking into {}", dir.display())))?;
        match (there("package.json"), there("pyproject.toml")) {
            (true, _) => javascript::build(&dir, say)?,
            (_, true) => python::build(&dir, say)?,
            _ => {
                return Err(BuildError::NotAComponentCrate(format!(
                    "{} has no Cargo.toml, package.json or pyproject.toml; name the folder of a component",
                    dir.display()
                )));
            }
        }
    };
    let bytes = fs::read(&wasm).map_err(io_error(&format!("reading {}", wasm.display())))?;
    let surface = Surface::read(&bytes)
        .and_then(|surface| surface.check().map(|()| surface))
        .map_err(|source| BuildError::Contract { wasm: wasm.clone(), source })?;
    Ok(Artifact { name, wasm, surface, toolchain, sources })
}

/// Compiles a crate.
fn rust(dir: &Path, target_dir: Option<&Path>, say: &dyn Fn(&str)) -> Result<Built, BuildError> {
    let package = Package::read(dir)?;
    let target_dir = target_dir.map_or_else(|| package.target_dir.join("guests"), Path::to_owned);
    let toolchain = Toolchain::find(&target_dir)?;
    say(&format!("building {} with {toolchain}", package.name));
    let mut cargo = toolchain.cargo().map_err(io_error("extending the PATH"))?;
    cargo.current_dir(dir).args(["--profile", "guest", "--lib", "--package", &package.name]);
    for setting in PROFILE {
        cargo.args(["--config", setting]);
    }
    let status = cargo.arg("--target-dir").arg(&target_dir).stdin(Stdio::null()).status();
    if !status.map_err(io_error("running cargo"))?.success() {
        return Err(BuildError::Compile(package.name));
    }
    let out = target_dir.join(TARGET).join("guest");
    let sources = sources(&out.join(format!("{}.d", package.lib)));
    let wasm = out.join(format!("{}.wasm", package.lib));
    Ok(Built { name: package.name, wasm, toolchain: toolchain.to_string(), sources })
}

pub(crate) fn io_error(what: &str) -> impl FnOnce(io::Error) -> BuildError {
    let what = what.to_owned();
    move |source| BuildError::Io { what, source }
}

/// What cargo's dep-info lists; an absent or odd file only means that nothing is listed.
fn sources(dep_info: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(dep_info).unwrap_or_default();
    let listed = text.lines().next().and_then(|line| line.split_once(": ")).map_or("", |(_, rest)| rest);
    listed.split_whitespace().map(PathBuf::from).collect()
}

struct Package {
    name: String,
    lib: String,
    target_dir: PathBuf,
}

impl Package {
    fn read(dir: &Path) -> Result<Self, BuildError> {
        let manifest = dir.join("Cargo.toml");
        let manifest = manifest
            .canonicalize()
            .map_err(|_| BuildError::NotAComponentCrate(format!("{} cannot be read", manifest.display())))?;
        let out = Command::new("cargo")
            .args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"])
            .arg(&manifest)
            .output()
            .map_err(io_error("running cargo metadata"))?;
        let odd = |why: &str| BuildError::NotAComponentCrate(format!("{}: {why}", manifest.display()));
        if !out.status.success() {
            return Err(odd(String::from_utf8_lossy(&out.stderr).trim()));
        }
        let metadata: Value =
            serde_json::from_slice(&out.stdout).map_err(|e| odd(&format!("cargo metadata: {e}")))?;
        let package = list(metadata.get("packages").unwrap_or(&Value::Null))
            .iter()
            .find(|p| p["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest))
            .ok_or_else(|| odd("is a workspace, not a crate; name the folder of one component"))?;
        let lib = list(&package["targets"])
            .iter()
            .find(|t| list(&t["crate_types"]).iter().any(|kind| kind == "cdylib"))
            .ok_or_else(|| odd("has no cdylib; add `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]`"))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(Self {
            name: text(&package["name"]),
            lib: text(&lib["name"]).replace('-', "_"),
            target_dir: PathBuf::from(text(metadata.get("target_directory").unwrap_or(&Value::Null))),
        })
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
