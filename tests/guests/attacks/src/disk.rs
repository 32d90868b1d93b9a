//! The directories a guest was given, raw.

use crate::{
    bindings::wasi::filesystem::{
        preopens::get_directories,
        types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags},
    },
    wire::named,
};

/// The first directory; the services of the tests have at most one.
pub fn first() -> Descriptor {
    get_directories().into_iter().next().unwrap().0
}

/// Opens a file for reading, through any links.
pub fn open(dir: &Descriptor, path: &str) -> Result<Descriptor, ErrorCode> {
    dir.open_at(PathFlags::SYMLINK_FOLLOW, path, OpenFlags::empty(), DescriptorFlags::READ)
}

/// Opens a new file for writing.
pub fn create(dir: &Descriptor, path: &str) -> Result<Descriptor, ErrorCode> {
    dir.open_at(PathFlags::empty(), path, OpenFlags::CREATE, DescriptorFlags::WRITE)
}

/// What is in a file, or why it cannot be read.
pub fn read(dir: &Descriptor, path: &str) -> String {
    match open(dir, path).and_then(|file| file.read(1024, 0)) {
        Ok((bytes, _)) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => named(&error),
    }
}

/// `done`, or why not.
pub fn came<T>(result: Result<T, ErrorCode>) -> String {
    result.map_or_else(|error| named(&error), |_| "done".to_owned())
}
