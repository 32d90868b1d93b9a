//! Where a client's configuration is on this machine.

use std::path::{Path, PathBuf};

use super::kind::Form;

/// A user's own file.
#[derive(Clone, Copy, Debug)]
pub(super) enum User {
    /// Below the home folder.
    Home(&'static str),
    /// Below `$XDG_CONFIG_HOME`, or `~/.config`; on macOS too.
    Config(&'static str),
    /// Where applications keep their data: `~/Library/Application Support` on macOS, and the folder above elsewhere.
    App(&'static str),
    /// In the folder that a variable names, or else in one of the home folder.
    Own(&'static str, &'static str, &'static str),
}

/// For whom a client is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scope {
    /// All projects of this user.
    User,
    /// The project in this folder.
    Project,
}

impl Form {
    /// Its file; none where it has none of that scope, or there is no home folder.
    pub(crate) fn file(&self, scope: Scope) -> Option<PathBuf> {
        let path = match scope {
            Scope::User => self.user.path()?,
            Scope::Project => std::env::current_dir().ok()?.join(self.project?),
        };
        // OpenCode reads both, and one is enough.
        let other = path.with_extension("jsonc");
        let either = self.servers == ["mcp", "servers"] && !path.exists() && other.exists();
        Some(if either { other } else { path })
    }
}

impl User {
    fn path(self) -> Option<PathBuf> {
        let home = std::env::home_dir().filter(|home| home.is_absolute())?;
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config = || absolute("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
        Some(match self {
            Self::Home(file) => home.join(file),
            Self::Config(file) if cfg!(target_os = "macos") => home.join(".config").join(file),
            Self::App(file) if cfg!(target_os = "macos") => {
                home.join("Library/Application Support").join(file)
            }
            Self::Config(file) | Self::App(file) => config().join(file),
            Self::Own(variable, folder, file) => {
                absolute(variable).unwrap_or_else(|| home.join(folder)).join(file)
            }
        })
    }
}

/// A path as people write it.
pub(crate) fn shown(path: &Path) -> String {
    let home = std::env::home_dir().filter(|home| home.is_absolute() && home.parent().is_some());
    match home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
        Some(below) => format!("~/{}", below.display()),
        None => path.display().to_string(),
    }
}
