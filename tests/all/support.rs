//! What the tests stand on: built components, the real server, a plain MCP client, a scripted upstream, a real
//! OpenID provider.

mod client;
mod core;
pub(crate) mod gzip;
pub(crate) mod installed;
mod issuer;
pub(crate) mod raw_upstream;
mod server;
pub(crate) mod tenancy;
mod tls;
mod upstream;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, PoisonError},
};

pub(crate) use client::{Client, Events, initialize, listen};
pub(crate) use core::core_component;
pub(crate) use issuer::{Asked, Issuer, endpoint};
pub(crate) use raw_upstream::RawUpstream;
pub(crate) use server::{Log, Server};
pub(crate) use tls::{Authority, Identity};
pub(crate) use upstream::{Received, Upstream};

/// The workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Builds a component of `components/` or `tests/guests/` with the one builder there is, once per run.
pub(crate) fn component(name: &str) -> PathBuf {
    static BUILT: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = built.get_or_insert_default();
    let build = || {
        let folders = ["components", "tests/guests"].map(|parent| root().join(parent).join(name));
        let folder = folders.into_iter().find(|folder| folder.is_dir()).unwrap();
        guest_builder::build(&folder, None, &|_| ()).unwrap_or_else(|e| panic!("{name}: {e}")).wasm
    };
    built.entry(name.to_owned()).or_insert_with(build).clone()
}

/// Puts a file in another's place at once. A host that watches it never sees it half written; what it does with one that
/// is, tests/all/live.rs shows.
pub(crate) fn replace(file: &Path, bytes: impl AsRef<[u8]>) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, bytes).unwrap();
    std::fs::rename(&beside, file).unwrap();
}

/// Runs a script of `tests/guests`, which builds guests in other languages. One at a time: they share their tools.
pub(crate) fn script(name: &str, args: &[&str]) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let built = Command::new(root().join("tests/guests").join(name)).args(args).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

/// A config with one service of one component; `rest` are further lines of the service, as flow YAML.
pub(crate) fn one_service(name: &str, rest: &str) -> String {
    services(name, &[(name, rest)])
}

/// A config with several services of one component, each with its further lines.
pub(crate) fn services(component_name: &str, services: &[(&str, &str)]) -> String {
    let file = component(component_name);
    let service =
        |(name, rest): &(&str, &str)| format!("{name}: {{ component: '{}', {rest} }}", file.display());
    let services: Vec<String> = services.iter().map(service).collect();
    format!("tenants: {{ test: {{ services: {{ {} }} }} }}\n", services.join(", "))
}

/// Declares secrets, each in a file of its own.
pub(crate) fn secrets(dir: &tempfile::TempDir, values: &[(&str, &str)]) -> String {
    let entry = |(name, value): &(&str, &str)| {
        let file = dir.path().join(name);
        std::fs::write(&file, format!("{value}\n")).unwrap();
        format!("{name}: {{ file: '{}' }}", file.display())
    };
    format!("secrets: {{ {} }}\n", values.iter().map(entry).collect::<Vec<_>>().join(", "))
}

/// Runs a command of the binary with a config, to its end.
pub(crate) fn run(command: &[&str], config: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bulkhead.yaml");
    std::fs::write(&file, config).unwrap();
    Command::new(env!("CARGO_BIN_EXE_bulkhead")).args(command).arg("--config").arg(file).output().unwrap()
}
