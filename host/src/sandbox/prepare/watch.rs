//! Which pages of a linear memory were written to: the kernel knows, where a page is a copy of its own and no longer the
//! file's it was mapped from.

use std::{fs::File, io, os::unix::fs::FileExt as _};

/// Of the host; a wrong one costs time and nothing else.
pub(super) const PAGE: u64 = 4096;

/// A linear memory that may not move, and what it held at some moment.
pub(super) struct Watched {
    address: usize,
    bytes: usize,
    /// None if the system has no such files.
    held: Option<File>,
}

impl Watched {
    /// A memory as it is now.
    pub(super) fn new(memory: &[u8]) -> Self {
        Self { address: memory.as_ptr().expose_provenance(), bytes: memory.len(), held: held(memory).ok() }
    }

    /// Has it hold again what it held at that moment. Nothing of it is changed then.
    ///
    /// # Errors
    /// When the system cannot do it.
    #[cfg(target_os = "linux")]
    pub(super) fn restore(&self) -> io::Result<()> {
        use rustix::mm::{MapFlags, ProtFlags, mmap};

        let held = self.held.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let (read_write, own) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::FIXED);
        let at = std::ptr::with_exposed_provenance_mut(self.address);
        #[expect(
            unsafe_code,
            reason = "the pages of a linear memory that may not move, of an instance that is not running and outlives \
            this: others that can be read and written take their place, and nothing points into them (mmap(2), MAP_FIXED)"
        )]
        unsafe {
            mmap(at, self.bytes, read_write, own, held, 0)?;
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn restore(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The pages that are no longer those of the file they were mapped from; none if the kernel does not tell.
    pub(super) fn changed(&self) -> Vec<u32> {
        const ENTRY: usize = size_of::<u64>();
        const PRESENT: u64 = 1 << 63;
        const OF_A_FILE: u64 = 1 << 61;
        let pages = self.bytes as u64 / PAGE;
        let mut entries = vec![0; pages as usize * ENTRY];
        let read = File::open("/proc/self/pagemap")
            .and_then(|map| map.read_exact_at(&mut entries, self.address as u64 / PAGE * ENTRY as u64));
        if read.is_err() {
            return Vec::new();
        }
        let changed = |entry: &[u8]| {
            let bits = entry.try_into().map_or(0, u64::from_le_bytes);
            bits & PRESENT != 0 && bits & OF_A_FILE == 0
        };
        let numbered = (0_u32..).zip(entries.chunks_exact(ENTRY));
        numbered.filter(|(_, entry)| changed(entry)).map(|(number, _)| number).collect()
    }
}

/// A file in memory with these bytes.
#[cfg(target_os = "linux")]
fn held(memory: &[u8]) -> io::Result<File> {
    use rustix::fs::{MemfdFlags, memfd_create};

    let file = File::from(memfd_create(c"rehearsal", MemfdFlags::CLOEXEC)?);
    file.write_all_at(memory, 0)?;
    Ok(file)
}

#[cfg(not(target_os = "linux"))]
fn held(_: &[u8]) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}
