//! Compiled code on disk.
//!
//! Loading compiled code runs it, so only what this host wrote may be loaded: the folder must belong to the
//! host's user and be closed to others, and beside every file lies its MAC under a key that lives in that folder.
//! A file that fails is compiled anew. The name holds the component's digest and the engine's settings, so
//! another engine never meets it.
//!
//! Code is mapped, not read: hosts on a machine share it, and what is never called takes no memory.

use std::{
    fs,
    io::{self, Read as _},
    os::{
        fd::AsRawFd as _,
        unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wasmtime::{Engine, component::Component};

const MAC_BYTES: usize = 32;

/// The compiled-code cache.
#[derive(Debug)]
pub(super) struct Cache {
    dir: PathBuf,
    key: [u8; MAC_BYTES],
}

impl Cache {
    /// Opens the cache, making the folder and its key if need be.
    ///
    /// # Errors
    /// When the folder is not this user's alone; using it would let others run code in the host.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let folder = fs::symlink_metadata(dir)?;
        // A file that was just made belongs to whoever we are.
        let probe = dir.join(format!(".probe-{}", uuid::Uuid::now_v7()));
        let own = create_new(&probe, &[]).and_then(|()| fs::metadata(&probe));
        let _ = fs::remove_file(&probe);
        if !folder.is_dir() || folder.uid() != own?.uid() || folder.permissions().mode() & 0o077 != 0 {
            let why = format!("{} must be a folder of this user with mode 0700", dir.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        Ok(Self { dir: dir.to_owned(), key: key(&dir.join("key"))? })
    }

    /// Loads the compiled form of a component, if it is there and genuine.
    pub(super) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let name = name(engine, digest);
        let path = self.dir.join(&name);
        let mut file = fs::File::open(&path).ok()?;
        let tag = fs::read(mac_of(&path)).ok()?;
        let mut mac = self.mac(&name)?;
        let mut piece = [0; 64 << 10];
        loop {
            match file.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => mac.update(piece.get(..read)?),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        if mac.verify_slice(&tag).is_err() {
            tracing::warn!(file = name, "a file in the compile cache is damaged or forged; compiling anew");
            return None;
        }
        #[expect(unsafe_code, reason = "the MAC shows that this host wrote it, for this engine")]
        let loaded = unsafe { Component::deserialize_file(engine, same(&file, &path)) };
        loaded
            .map_err(
                |error| tracing::warn!(file = name, %error, "compiled code cannot be loaded; compiling anew"),
            )
            .ok()
    }

    /// Keeps the compiled form of a component. A failure costs the next start some time and nothing else.
    pub(super) fn store(&self, engine: &Engine, digest: &str, component: &Component) {
        if let Err(error) = self.try_store(&name(engine, digest), component) {
            tracing::warn!(%error, dir = %self.dir.display(), "compiled code cannot be kept");
        }
    }

    fn try_store(&self, name: &str, component: &Component) -> io::Result<()> {
        let code = component.serialize().map_err(io::Error::other)?;
        let mut mac = self.mac(name).ok_or_else(|| io::Error::other("no MAC"))?;
        mac.update(&code);
        let path = self.dir.join(name);
        // Whoever looks in between finds a file and the MAC of another, and compiles.
        self.put(&mac_of(&path), &mac.finalize().into_bytes())?;
        self.put(&path, &code)
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let half = self.dir.join(format!(".{}", uuid::Uuid::now_v7()));
        create_new(&half, bytes)?;
        fs::rename(half, path)
    }

    /// The MAC of a file, over its name as well: one file cannot stand in for another.
    fn mac(&self, name: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(name.as_bytes());
        mac.update(&[0]);
        Some(mac)
    }
}

/// Where the MAC of a file is.
fn mac_of(path: &Path) -> PathBuf {
    path.with_added_extension("mac")
}

/// A path to an open file, that cannot be another file by now.
fn same(file: &fs::File, path: &Path) -> PathBuf {
    if cfg!(target_os = "linux") {
        let open = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        if open.exists() {
            return open;
        }
    }
    path.to_owned()
}

fn name(engine: &Engine, digest: &str) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    format!("{digest}-{:016x}.cwasm", settings.finish())
}

fn key(path: &Path) -> io::Result<[u8; MAC_BYTES]> {
    let odd =
        |_| io::Error::new(io::ErrorKind::InvalidData, format!("{} is not a key; remove it", path.display()));
    match fs::read(path) {
        Ok(key) => key.try_into().map_err(odd),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; MAC_BYTES];
            getrandom::fill(&mut key).map_err(io::Error::other)?;
            match create_new(path, &key) {
                // Another host was quicker.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    fs::read(path)?.try_into().map_err(odd)
                }
                made => made.map(|()| key),
            }
        }
        Err(error) => Err(error),
    }
}

fn create_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest component there is.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn cached(dir: &Path) -> (Engine, Cache, PathBuf) {
        let engine = Engine::default();
        let cache = Cache::open(&dir.join("cache")).unwrap();
        cache.store(&engine, "d1", &Component::new(&engine, EMPTY).unwrap());
        let file = cache.dir.join(name(&engine, "d1"));
        (engine, cache, file)
    }

    #[test]
    fn what_was_stored_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let (engine, cache, _) = cached(dir.path());
        assert!(cache.load(&engine, "d1").is_some());
        assert!(cache.load(&engine, "d2").is_none());
        assert!(Cache::open(&cache.dir).unwrap().load(&engine, "d1").is_some());
    }

    #[test]
    fn a_changed_or_renamed_file_is_not_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let (engine, cache, file) = cached(dir.path());
        let mut bytes = fs::read(&file).unwrap();
        let other = cache.dir.join(name(&engine, "d2"));
        fs::write(&other, &bytes).unwrap();
        assert!(cache.load(&engine, "d2").is_none());
        fs::copy(mac_of(&file), mac_of(&other)).unwrap();
        assert!(cache.load(&engine, "d2").is_none());
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&file, &bytes).unwrap();
        assert!(cache.load(&engine, "d1").is_none());
        fs::write(&file, b"short").unwrap();
        assert!(cache.load(&engine, "d1").is_none());
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&file, &bytes).unwrap();
        assert!(cache.load(&engine, "d1").is_some());
        fs::remove_file(mac_of(&file)).unwrap();
        assert!(cache.load(&engine, "d1").is_none());
    }

    #[test]
    fn a_folder_open_to_others_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (.., cache, _) = cached(dir.path());
        fs::set_permissions(&cache.dir, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(Cache::open(&cache.dir).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }
}
