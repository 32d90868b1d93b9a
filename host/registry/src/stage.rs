//! Files that are there as a whole or not at all: written beside their place, brought to the disk, and moved.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// A folder beside the place of a component's file, where it is before it is agreed to. It goes when this is dropped.
#[derive(Debug)]
pub struct Stage {
    folder: TempDir,
    name: String,
}

impl Stage {
    /// In `dir`, which is made if need be, for the component `name`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(dir: &Path, name: &str) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let folder = tempfile::Builder::new().prefix(".install-").tempdir_in(dir)?;
        Ok(Self { folder, name: name.to_owned() })
    }

    /// The component's file in it.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.path().join(format!("{}.wasm", self.name))
    }

    /// Moves the component's file to its place.
    ///
    /// # Errors
    /// When it cannot be moved; then the place is as it was.
    pub fn install(&self, place: &Path) -> io::Result<()> {
        fs::File::open(self.file())?.sync_all()?;
        moved(&self.file(), place)
    }
}

/// Puts a text in the place of a file.
///
/// # Errors
/// When it cannot be written; then the file is as it was.
pub fn replace(place: &Path, text: &[u8]) -> io::Result<()> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let beside = place.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = fs::File::create(&beside).and_then(|mut file| {
        io::Write::write_all(&mut file, text)?;
        file.sync_all()
    });
    let put = written.and_then(|()| moved(&beside, place));
    if put.is_err() {
        let _ = fs::remove_file(&beside); // there may be none
    }
    put
}

fn moved(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    // The name is on the disk once its folder is.
    let folder = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}
