//! The folders a service's guests see, and how much they may put there.
//!
//! wasmtime-wasi opens everything relative to a folder's own handle (cap-std), so that neither `..` nor a
//! symbolic link leads out. What it lacks is a quota: the functions that make a folder larger are linked a
//! second time here, with one.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi::{
    FsPerms, WasiCtxBuilder, async_trait,
    filesystem::{Descriptor, WasiFilesystemCtxView, WasiFilesystemView},
    p2::{
        DynOutputStream, FsError, FsResult, OutputStream, Pollable, StreamError, StreamResult,
        bindings::filesystem::types::{
            DescriptorFlags, DescriptorType, ErrorCode, Host, HostDescriptor, OpenFlags, PathFlags,
        },
    },
};

use super::guest::Guest;
use crate::{config::Folder, error::CallError};

/// What an entry of a directory counts beside its content.
const ENTRY: u64 = 4096;
/// A folder is not searched more often than this for what it holds.
const SEARCH: Duration = Duration::from_millis(100);
/// Entries looked at in one search; a folder with more counts as full.
const ENTRIES: usize = 100_000;

/// The folders of a service.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    list: Arc<[Folder]>,
    quota: Option<Arc<Quota>>,
}

impl Folders {
    /// The folders of a config; at most one of them may be changed.
    #[must_use]
    pub fn new(list: Vec<Folder>) -> Self {
        let quota =
            list.iter().find_map(|folder| Some(Quota::new(folder.path.clone(), folder.quota?.as_u64())));
        Self { list: list.into(), quota: quota.map(Arc::new) }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Folder> {
        self.list.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The quota of the one that may be changed, for one guest.
    pub(super) fn room(&self) -> Option<Arc<Room>> {
        let room = |quota: &Arc<Quota>| Arc::new(Room { quota: quota.clone(), taken: AtomicU64::new(0) });
        self.quota.as_ref().map(room)
    }

    /// Opens them for one guest.
    pub(super) fn open(&self, wasi: &mut WasiCtxBuilder) -> Result<(), CallError> {
        for folder in &*self.list {
            let perms = if folder.quota.is_some() { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
            wasi.preopened_dir(&folder.path, &folder.at, perms).map_err(|error| {
                CallError::internal(format!("the folder {} cannot be opened: {error}", folder.path.display()))
            })?;
        }
        Ok(())
    }
}

/// How much a folder may hold.
#[derive(Debug)]
struct Quota {
    path: PathBuf,
    limit: u64,
    state: Mutex<Used>,
}

/// Never less than what the folder holds: writing adds to it, and only a search corrects it.
#[derive(Debug, Default)]
struct Used {
    /// What the last search found; none before the first.
    found: Option<u64>,
    /// What was written since.
    since: u64,
    /// What guests wrote that are still running. A search does not see a file they removed and hold open.
    live: u64,
    searched: Option<Instant>,
}

impl Quota {
    fn new(path: PathBuf, limit: u64) -> Self {
        Self { path, limit, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, Used> {
        // Nothing under this lock can panic or wait.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn search(&self) {
        if self.state().searched.is_some_and(|at| at.elapsed() < SEARCH) {
            return;
        }
        let before = self.state().since;
        let held = held(&self.path);
        let mut used = self.state();
        // What was written meanwhile may not have been found.
        used.since = used.since.saturating_sub(before);
        (used.found, used.searched) = (Some(held), Some(Instant::now()));
    }
}

/// The quota as one guest has it: gives back what no longer counts when the guest is gone.
#[derive(Debug)]
pub(super) struct Room {
    quota: Arc<Quota>,
    taken: AtomicU64,
}

impl Room {
    /// Takes room for `bytes` more.
    fn take(&self, bytes: u64) -> bool {
        let mut used = self.quota.state();
        let Some(found) = used.found else { return false };
        let now = found.saturating_add(used.since.max(used.live)).saturating_add(bytes);
        if now > self.quota.limit {
            return false;
        }
        used.since = used.since.saturating_add(bytes);
        used.live = used.live.saturating_add(bytes);
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        true
    }

    /// The same, after looking again at what the folder holds if it seems full.
    async fn take_or_search(&self, bytes: u64) -> FsResult<()> {
        if self.take(bytes) {
            return Ok(());
        }
        let quota = self.quota.clone();
        // Off the async threads. A search that panics would leave the folder full.
        let _ = tokio::task::spawn_blocking(move || quota.search()).await;
        if self.take(bytes) { Ok(()) } else { Err(ErrorCode::Quota.into()) }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut used = self.quota.state();
        used.live = used.live.saturating_sub(self.taken.load(Ordering::Relaxed));
    }
}

/// What a folder holds. Symbolic links are not followed.
fn held(path: &Path) -> u64 {
    let (mut held, mut entries) = (0_u64, 0);
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(list) = fs::read_dir(&folder) else { continue };
        for entry in list.flatten() {
            entries += 1;
            if entries > ENTRIES {
                return u64::MAX;
            }
            let Ok(metadata) = entry.metadata() else { continue };
            held = held.saturating_add(ENTRY);
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                held = held.saturating_add(metadata.len());
            }
        }
    }
    held
}

/// Links the functions that make a folder larger, in place of those without a quota.
pub(super) fn add_quota(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance("wasi:filesystem/types@0.2.12")?;
    /// Links one: room is taken, then wasmtime-wasi's own runs. No room, no quota.
    macro_rules! shadow {
        ($name:literal, |$view:ident, $room:ident, $($arg:ident: $type:ty),*| $bytes:expr => $then:expr) => {
            types.func_wrap_async(
                concat!("[method]descriptor.", $name),
                |mut store: StoreContextMut<'_, Guest>, ($($arg,)*): ($($type,)*)| {
                    Box::new(async move {
                        let $room = store.data().room.clone();
                        let mut view: WasiFilesystemCtxView<'_> = store.data_mut().filesystem();
                        let $view = &mut view;
                        let taken = match &$room {
                            Some(room) => room.take_or_search($bytes).await,
                            None => Ok(()),
                        };
                        let done = match taken {
                            Ok(()) => $then,
                            Err(full) => Err(full),
                        };
                        coded(&mut view, done)
                    })
                },
            )?;
        };
    }
    type Fd = Resource<Descriptor>;
    shadow!("write", |view, _room, fd: Fd, bytes: Vec<u8>, offset: u64|
        growth(view, &fd, offset, bytes.len() as u64).await => view.write(fd, bytes, offset).await);
    shadow!("set-size", |view, _room, fd: Fd, size: u64|
        growth(view, &fd, size, 0).await => view.set_size(fd, size).await);
    shadow!("create-directory-at", |view, _room, fd: Fd, path: String|
        ENTRY => view.create_directory_at(fd, path).await);
    shadow!("symlink-at", |view, _room, fd: Fd, from: String, to: String|
        ENTRY => view.symlink_at(fd, from, to).await);
    shadow!("link-at", |view, _room, fd: Fd, follow: PathFlags, from: String, folder: Fd, to: String|
        ENTRY => view.link_at(fd, follow, from, folder, to).await);
    shadow!("open-at", |view, _room, fd: Fd, follow: PathFlags, path: String, how: OpenFlags, flags: DescriptorFlags|
        if how.contains(OpenFlags::CREATE) { ENTRY } else { 0 } => open(view, fd, follow, path, how, flags).await);
    shadow!("write-via-stream", |view, room, fd: Fd, offset: u64|
        growth(view, &fd, offset, 0).await =>
        view.write_via_stream(fd, offset).and_then(|stream| bounded(view, room, stream)));
    shadow!("append-via-stream", |view, room, fd: Fd|
        0 => view.append_via_stream(fd).and_then(|stream| bounded(view, room, stream)));
    linker.allow_shadowing(false);
    Ok(())
}

/// What writing `bytes` at `offset` adds, a gap before them included.
async fn growth(
    view: &mut WasiFilesystemCtxView<'_>,
    fd: &Resource<Descriptor>,
    offset: u64,
    bytes: u64,
) -> u64 {
    let size = view.stat(Resource::new_borrow(fd.rep())).await.map_or(0, |stat| stat.size);
    bytes.max(offset.saturating_add(bytes).saturating_sub(size))
}

/// Opens a file or a folder, and nothing else: to open a pipe is to wait for somebody to write to it.
async fn open(
    view: &mut WasiFilesystemCtxView<'_>,
    fd: Resource<Descriptor>,
    follow: PathFlags,
    path: String,
    how: OpenFlags,
    flags: DescriptorFlags,
) -> FsResult<Resource<Descriptor>> {
    let found = view.stat_at(Resource::new_borrow(fd.rep()), follow, path.clone()).await;
    let usual = |kind| {
        matches!(kind, DescriptorType::Directory | DescriptorType::RegularFile | DescriptorType::SymbolicLink)
    };
    if found.is_ok_and(|found| !usual(found.type_)) {
        return Err(ErrorCode::NotPermitted.into());
    }
    view.open_at(fd, follow, path, how, flags).await
}

/// An outcome as the contract has it.
fn coded<T>(
    view: &mut WasiFilesystemCtxView<'_>,
    done: Result<T, FsError>,
) -> wasmtime::Result<(Result<T, ErrorCode>,)> {
    match done {
        Ok(value) => Ok((Ok(value),)),
        Err(error) => Ok((Err(view.convert_error_code(error)?),)),
    }
}

/// Puts a quota on a stream into a file.
fn bounded(
    view: &mut WasiFilesystemCtxView<'_>,
    room: Option<Arc<Room>>,
    stream: Resource<DynOutputStream>,
) -> FsResult<Resource<DynOutputStream>> {
    let Some(room) = room else { return Ok(stream) };
    let inner = view.table.delete(stream).map_err(FsError::trap)?;
    let bounded: DynOutputStream = Box::new(Bounded { inner, room });
    view.table.push(bounded).map_err(FsError::trap)
}

/// A stream into a file, with a quota.
struct Bounded {
    inner: DynOutputStream,
    room: Arc<Room>,
}

#[async_trait]
impl Pollable for Bounded {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait]
impl OutputStream for Bounded {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if !self.room.take(bytes.len() as u64) {
            let full: io::Error = rustix::io::Errno::DQUOT.into();
            return Err(StreamError::LastOperationFailed(full.into()));
        }
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}
