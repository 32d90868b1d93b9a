//! Which compiler makes guests on this machine, and why that one.
//!
//! Three ways, tried in order: the `wasm32-wasip2` target that is already installed; `rustup target add`;
//! Debian's packages, which carry the sources of the standard library, so that it is built once per target
//! folder. The second may need the network and is therefore tried once: its failure is remembered beside
//! the guests.

use std::{
    ffi::OsString,
    fmt, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The only target guests are built for.
pub const TARGET: &str = "wasm32-wasip2";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_LIBC: &str = "/usr/lib/wasm32-wasi";
const DEBIAN_PACKAGES: &str = "rustc-web cargo-web rust-web-src wasi-libc";

/// A way to compile guests, found to work on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The ordinary way: the target's standard library is installed.
    Installed,
    /// The target was just added by rustup.
    Added,
    /// Debian's compiler builds the standard library from its sources.
    Debian {
        /// Folders with `rust-lld` and `wasm-component-ld`, which Debian does not package.
        linkers: Vec<PathBuf>,
        /// Why the ordinary ways did not do.
        because: String,
    },
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed => write!(f, "the installed {TARGET} target"),
            Self::Added => write!(f, "the {TARGET} target, which rustup just added"),
            Self::Debian { because, .. } => {
                write!(f, "Debian's rustc-web with its own standard library ({because})")
            }
        }
    }
}

/// No way to compile guests here; the text says what to install.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot build WebAssembly guests on this machine.\n  rustup: {rustup}\n  Debian: {debian}\n\
     Mend it with `rustup target add {TARGET}`, or on Debian `apt-get install -y {DEBIAN_PACKAGES}`."
)]
pub struct NoToolchain {
    rustup: String,
    debian: String,
}

/// The stack of a guest, in its memory: a quarter of what the linker would make it. All of a guest's memory is looked
/// through when a call has ended, and a page of stack that was never used is looked at like any other.
const STACK: &str = "-Clink-arg=-zstack-size=262144";

impl Toolchain {
    /// Finds the way for this machine. `memo` is a folder where a failed `rustup target add` is remembered.
    ///
    /// # Errors
    /// When none of the three ways is open; the error says what each lacked.
    pub fn find(memo: &Path) -> Result<Self, NoToolchain> {
        if target_is_installed() {
            return Ok(Self::Installed);
        }
        let refused = memo.join("rustup-refused");
        let rustup = match fs::read_to_string(&refused) {
            Ok(said) if find_debian().is_ok() => said,
            _ => match add_target() {
                Ok(()) => return Ok(Self::Added),
                Err(said) => {
                    // Losing the memo only costs another try.
                    let _ = fs::create_dir_all(memo).and_then(|()| fs::write(&refused, &said));
                    said
                }
            },
        };
        match find_debian() {
            Ok(linkers) => Ok(Self::Debian { linkers, because: rustup }),
            Err(debian) => Err(NoToolchain { rustup, debian }),
        }
    }

    /// The `cargo build` command for this way, without package, profile or target folder.
    ///
    /// # Errors
    /// When the PATH cannot be extended with the linkers' folders.
    pub fn cargo(&self) -> io::Result<Command> {
        match self {
            Self::Installed | Self::Added => {
                let mut cargo = clean(Command::new("cargo"));
                cargo.args(["build", "--target", TARGET]);
                cargo.arg("--config").arg(format!("target.{TARGET}.rustflags=[\"{STACK}\"]"));
                Ok(cargo)
            }
            Self::Debian { linkers, .. } => {
                let mut cargo = clean(Command::new(DEBIAN_CARGO));
                cargo
                    .args(["build", "-Zbuild-std=std,panic_abort", "--target", TARGET])
                    .env("PATH", path_with(linkers)?)
                    .env("RUSTC", DEBIAN_RUSTC)
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTFLAGS", format!("-Clink-self-contained=no -L{DEBIAN_LIBC} {STACK}"));
                Ok(cargo)
            }
        }
    }
}

fn target_is_installed() -> bool {
    let Ok(out) =
        clean(Command::new("rustc")).args(["--print", "target-libdir", "--target", TARGET]).output()
    else {
        return false;
    };
    let folder = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    out.status.success() && fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

fn add_target() -> Result<(), String> {
    let out = clean(Command::new("rustup"))
        .args(["target", "add", TARGET])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("rustup cannot be run: {e}"))?;
    if out.status.success() && target_is_installed() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr);
    let line = said
        .lines()
        .find(|l| l.starts_with("error"))
        .or_else(|| said.lines().last())
        .unwrap_or("no reason given");
    Err(format!("`rustup target add` failed: {}", without_address(line)))
}

/// Registry and mirror addresses are noise in a one-line reason.
fn without_address(line: &str) -> String {
    let words = line.split_whitespace().map(|w| if w.contains("://") { "(address)" } else { w });
    words.collect::<Vec<_>>().join(" ")
}

fn find_debian() -> Result<Vec<PathBuf>, String> {
    for needed in [DEBIAN_RUSTC, DEBIAN_CARGO, DEBIAN_LIBC] {
        if !Path::new(needed).exists() {
            return Err(format!("{needed} is missing"));
        }
    }
    let sysroot = sysroot(DEBIAN_RUSTC)?;
    let sources = sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml");
    if !sources.exists() {
        return Err("the sources of the standard library (rust-web-src) are missing".into());
    }
    linkers()
}

/// rustup's toolchains carry `rust-lld` and `wasm-component-ld`; Debian's do not.
fn linkers() -> Result<Vec<PathBuf>, String> {
    let sysroot = sysroot("rustc")?;
    let rustlib = sysroot.join("lib/rustlib");
    let hosts = fs::read_dir(&rustlib).map_err(|e| format!("{}: {e}", rustlib.display()))?;
    for host in hosts.flatten() {
        let bin = host.path().join("bin");
        if bin.join("wasm-component-ld").exists() {
            return Ok(vec![bin.clone(), bin.join("gcc-ld")]);
        }
    }
    Err("no installed Rust toolchain carries wasm-component-ld".into())
}

fn sysroot(rustc: &str) -> Result<PathBuf, String> {
    let out = clean(Command::new(rustc)).args(["--print", "sysroot"]).output();
    let out = out.map_err(|e| format!("{rustc} cannot be run: {e}"))?;
    Ok(PathBuf::from(String::from_utf8_lossy(&out.stdout).trim()))
}

fn path_with(folders: &[PathBuf]) -> io::Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::env::split_paths(&path).chain(folders.iter().cloned());
    std::env::join_paths(all).map_err(io::Error::other)
}

/// A cargo that runs inside a build script, under clippy or under nextest must not pass its own compiler,
/// flags, profile overrides or job server on to the guests' build.
fn clean(mut command: Command) -> Command {
    const KEPT: [&str; 5] = ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_TERM_"];
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let cargo = (name.starts_with("CARGO") || name.starts_with("__CARGO"))
            && !KEPT.iter().any(|kept| name.starts_with(kept));
        if cargo
            || matches!(name, "RUSTC" | "RUSTDOC" | "RUSTFLAGS" | "MAKEFLAGS" | "MFLAGS")
            || name.starts_with("RUSTC_")
        {
            command.env_remove(name);
        }
    }
    command
}
