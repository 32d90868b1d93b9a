//! The lock file: JSON, sorted, so that two of them can be compared by eye and kept in a repository.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Definitions, Installed, Locked, Pin};

/// Of the layout. A host refuses a file of one it does not know.
const VERSION: u32 = 1;

/// As written. What several services have in common is there once.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    services: BTreeMap<String, Service>,
    /// By their SHA-256: what models are told of the tools.
    tools: BTreeMap<String, BTreeMap<String, Value>>,
    /// By the name of its file: what was installed into it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    installed: BTreeMap<String, Vec<Installed>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Service {
    digest: String,
    config: String,
    egress: Arc<[String]>,
    tools: String,
}

/// Why the lock file cannot be used. The text is complete.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not what this version writes.
    #[error("{} is not a lock file of this version ({why}); restore it, or remove it to pin anew what is there", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It cannot be written.
    #[error("{} cannot be written: {error}; set `components.lock` to a file the host may write, or write `components.trust: folder`", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

pub(super) fn read(path: &Path) -> Result<Locked, LockError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Locked::default()),
        Err(error) => return Err(LockError::Unreadable { path: path.to_owned(), error }),
    };
    let unknown = |why: String| LockError::Unknown { path: path.to_owned(), why };
    let file: File = serde_json::from_str(&text).map_err(|error| unknown(error.to_string()))?;
    if file.version != VERSION {
        return Err(unknown(format!("its version is {}, not {VERSION}", file.version)));
    }
    let known = |(sha256, tools): (String, _)| (sha256.clone(), Arc::new(Definitions { sha256, tools }));
    let tools: HashMap<String, Arc<Definitions>> = file.tools.into_iter().map(known).collect();
    let pin = |(key, Service { digest, config, egress, tools: sha256 }): (String, Service)| {
        let tools = tools.get(&sha256).cloned();
        let tools = tools.ok_or_else(|| unknown(format!("the tools {sha256} of `{key}` are missing")))?;
        Ok((key, Pin { digest, config, egress, tools }))
    };
    let services = file.services.into_iter().map(pin).collect::<Result<BTreeMap<_, _>, LockError>>()?;
    Ok(Locked { services, installed: file.installed })
}

/// Until it is dropped, no other process reads the file to write it anew: what one notes, another would undo.
pub(super) fn alone(path: &Path) -> Result<fs::File, LockError> {
    let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let opened = fs::File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
    opened.map_err(|error| LockError::Unwritable { path: path.to_owned(), error })
}

/// All of it or nothing: written beside, then moved into place.
pub(super) fn write(path: &Path, pins: &Locked) -> Result<(), LockError> {
    let unwritable = |error| LockError::Unwritable { path: path.to_owned(), error };
    let service = |(key, pin): (&String, &Pin)| {
        let Pin { digest, config, egress, tools } = pin.clone();
        (key.clone(), Service { digest, config, egress, tools: tools.sha256.clone() })
    };
    let tools = pins.services.values().map(|pin| (pin.tools.sha256.clone(), pin.tools.tools.clone()));
    let file = File {
        version: VERSION,
        services: pins.services.iter().map(service).collect(),
        tools: tools.collect(),
        installed: pins.installed.clone(),
    };
    let mut text = serde_json::to_string_pretty(&file).map_err(|error| unwritable(error.into()))?;
    text.push('\n');
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&beside, text).and_then(|()| fs::rename(&beside, path)).map_err(|error| {
        let _ = fs::remove_file(&beside); // there may be none
        unwritable(error)
    })
}
