//! Where components came from: what `bulkhead install` put into a file, from which reference, with which digest.

use std::path::{Path, PathBuf};

use bulkhead_registry::{digest::Digest, reference::Reference};
use serde::{Deserialize, Serialize};

use super::{LockError, Pins, lock};

/// What was installed into a file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Installed {
    /// From where, with its tag.
    pub reference: String,
    /// The digest of the artifact that the reference stood for.
    pub artifact: Digest,
    /// The digest of the component.
    pub component: Digest,
}

impl Installed {
    /// What a reference stands for, on its way into a file.
    #[must_use]
    pub fn new(reference: &Reference, artifact: &Digest, component: &Digest) -> Self {
        let reference = reference.tagged().unwrap_or_else(|| reference.name());
        Self { reference, artifact: artifact.clone(), component: component.clone() }
    }
}

/// A file's name in the lock file: relative to it, so that both can be moved together.
pub(super) fn name(lock: &Path, file: &Path) -> String {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (lock, file) = (whole(lock), whole(file));
    let below = lock.parent().and_then(|folder| file.strip_prefix(folder).ok()).map(Path::to_owned);
    below.unwrap_or(file).components().collect::<PathBuf>().display().to_string()
}

impl Pins {
    /// What was installed into a file last.
    #[must_use]
    pub fn installed(&self, file: &Path) -> Option<Installed> {
        let name = name(self.lock.as_deref()?, file);
        self.state().known.installed.get(&name)?.last().cloned()
    }

    /// What a reference stood for when something was last installed from it.
    #[must_use]
    pub fn stood_for(&self, reference: &str) -> Option<Installed> {
        let state = self.state();
        let mut last = state.known.installed.values().filter_map(|each| each.last());
        last.rfind(|installed| installed.reference == reference).cloned()
    }

    /// Notes what is about to be put into a file; until [`Self::put`] the file may also be what it was.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn putting(&self, file: &Path, installed: &Installed) -> Result<(), LockError> {
        self.note(file, |each| {
            each.retain(|old| old != installed);
            each.push(installed.clone());
        })
    }

    /// Notes what is in a file now.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn put(&self, file: &Path, installed: &Installed) -> Result<(), LockError> {
        self.note(file, |each| *each = vec![installed.clone()])
    }

    fn note(&self, file: &Path, change: impl FnOnce(&mut Vec<Installed>)) -> Result<(), LockError> {
        let Some(path) = &self.lock else { return Ok(()) };
        let _alone = lock::alone(path)?;
        let mut pins = lock::read(path)?;
        change(pins.installed.entry(name(path, file)).or_default());
        lock::write(path, &pins)?;
        self.state().known = pins;
        Ok(())
    }
}
