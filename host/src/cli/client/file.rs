//! A client's file: read, and replaced as a whole or not at all. Its permissions stay, links are followed to where the
//! file is, and what somebody else wrote meanwhile is not overwritten.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// A file that may not be there yet.
#[derive(Debug)]
pub(super) struct File {
    /// As people know it.
    pub(super) path: PathBuf,
    /// Where it is, links followed.
    real: PathBuf,
    /// What is in it; none if it is not there.
    pub(super) text: Option<String>,
    /// Its permissions.
    mode: Option<u32>,
}

/// Who may read a file that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its user: it is a user's own, or holds a key.
    User,
    /// Whoever may read the folder.
    All,
}

impl File {
    /// Looks at a file. If it is a project's, a link may not lead out of the project: whoever wrote the link may be
    /// somebody else than who follows it.
    ///
    /// # Errors
    /// When it is no file of this user's, or cannot be read.
    pub(super) fn open(path: &Path, project: Option<&Path>) -> Result<Self, String> {
        let said = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let real = match fs::symlink_metadata(path) {
            Ok(found) if found.is_symlink() => fs::canonicalize(path)
                .map_err(|error| said(&format!("is a link that leads nowhere: {error}")))?,
            _ => path.to_owned(),
        };
        if let Some(project) = project {
            let project = fs::canonicalize(project).map_err(|error| said(&error))?;
            let nearest = real.ancestors().find_map(|folder| fs::canonicalize(folder).ok());
            if nearest.is_none_or(|nearest| !nearest.starts_with(&project)) {
                return Err(said(&"a link leads out of the project; change the file it leads to by hand"));
            }
        }
        match fs::metadata(&real) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self { path: path.to_owned(), real, text: None, mode: None })
            }
            Err(error) => Err(said(&error)),
            Ok(found) if !found.is_file() => Err(said(&"is not a file")),
            Ok(found) if found.uid() != rustix::process::geteuid().as_raw() => {
                Err(said(&"belongs to another user; run this as that user"))
            }
            Ok(found) => {
                let bytes = fs::read(&real).map_err(|error| said(&error))?;
                let text = String::from_utf8(bytes).map_err(|_| said(&"is not UTF-8"))?;
                Ok(Self { path: path.to_owned(), real, text: Some(text), mode: Some(found.mode() & 0o777) })
            }
        }
    }

    /// A file beside it.
    pub(super) fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.real.file_name().unwrap_or_default().to_owned();
        name.push(suffix);
        self.real.with_file_name(name)
    }

    /// Keeps what is in it, under another name. None if there is nothing to keep.
    ///
    /// # Errors
    /// When that cannot be written.
    pub(super) fn keep(&self, suffix: &str) -> Result<Option<PathBuf>, String> {
        let (Some(text), Some(mode)) = (&self.text, self.mode) else { return Ok(None) };
        let backup = self.beside(suffix);
        put(&backup, text, mode).map_err(|error| format!("{}: {error}", backup.display()))?;
        Ok(Some(backup))
    }

    /// Replaces what is in it.
    ///
    /// # Errors
    /// When it has changed since it was read, or cannot be written.
    pub(super) fn replace(&self, text: &str, readers: Readers) -> Result<(), String> {
        let said = |error: io::Error| format!("{}: {error}", self.path.display());
        if let Some(folder) = self.real.parent() {
            fs::create_dir_all(folder).map_err(said)?;
        }
        let mode = match (self.mode, readers) {
            // Others lose what they could do: there is a key in it now.
            (Some(mode), Readers::User) => mode & 0o700,
            (Some(mode), Readers::All) => mode,
            (None, Readers::User) => 0o600,
            (None, Readers::All) => 0o644,
        };
        let half = self.beside(&format!(".{}.half", uuid::Uuid::now_v7()));
        let replaced = put(&half, text, mode).and_then(|()| {
            if fs::read(&self.real).ok().as_deref() != self.text.as_deref().map(str::as_bytes) {
                return Err(io::Error::other(
                    "another program has just written it; nothing was changed, try again",
                ));
            }
            fs::rename(&half, &self.real)
        });
        if replaced.is_err() {
            let _ = fs::remove_file(&half);
        }
        replaced.map_err(said)
    }

    /// The same with the permissions that another file has.
    pub(super) fn restore(&self, text: &str, like: &Path) -> Result<(), String> {
        let said = |error: io::Error| format!("{}: {error}", self.path.display());
        let mode = fs::metadata(like).map_err(said)?.mode() & 0o777;
        Self { path: self.path.clone(), real: self.real.clone(), text: self.text.clone(), mode: Some(mode) }
            .replace(text, Readers::All)
    }

    /// Removes it.
    pub(super) fn remove(&self) -> Result<(), String> {
        fs::remove_file(&self.real).map_err(|error| format!("{}: {error}", self.path.display()))
    }

    /// Who could read it, as permissions.
    pub(super) fn readers(&self) -> Option<u32> {
        self.mode
    }
}

/// Writes a new file, to the disk and not only to a cache.
fn put(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}

/// SHA-256, in hex.
pub(super) fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
