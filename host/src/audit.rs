//! The audit log: one line for every call, that nobody can change without it being seen.
//!
//! [`Log`] appends [`Entry`]s to files of JSON lines, each line chained to the one before by its SHA-256. The
//! files are the truth; [`Index`] is a SQLite database beside them that answers questions, follows the files on
//! a thread of its own, and can be deleted at any time. [`verify`] walks the chain. Arguments are logged by
//! their [`shape`], never with their values, except those the operator lists.
//!
//! The chain has no key: it shows that lines were changed, removed or cut off by somebody who did not write all
//! that follows anew. Copy the last line elsewhere from time to time, and it shows that as well.

pub mod api;
mod chain;
#[cfg(test)]
mod crash;
mod entry;
mod filter;
mod index;
mod log;
mod progress;
mod segment;
mod shape;
mod tail;
mod used;
mod verify;

use std::{io, path::PathBuf, sync::Arc};

pub use entry::{Decision, Egress, Entry};
pub use filter::{Filter, moment};
pub use index::Index;
pub use log::Log;
pub(crate) use log::Submitted;
pub use shape::{FieldPath, shape};
pub use tail::Tail;
pub use used::{Used, Whose};
pub use verify::{Fault, Report, verify, verify_newest};

/// What can go wrong with the audit log. Clones share the cause.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuditError {
    /// The folder cannot be used.
    #[error("the audit folder {} cannot be used: {why}", .dir.display())]
    Folder {
        /// Which.
        dir: PathBuf,
        /// What to do about it.
        why: String,
    },
    /// Another host writes this log.
    #[error("{} is the audit log of another host that is running; give each its own `audit.dir`", .0.display())]
    InUse(PathBuf),
    /// A line is not what was written.
    #[error(
        "{} holds a line that was changed: `bulkhead audit verify` says more; move the folder \
         away to begin a new log",
        .0.display()
    )]
    Broken(PathBuf),
    /// A line could not be written.
    #[error("the audit log cannot be written ({}): {cause}; make room, or set `audit.on_failure: drop`", .file.display())]
    Unwritable {
        /// Where.
        file: PathBuf,
        /// Why.
        cause: Arc<io::Error>,
    },
    /// The log cannot be read.
    #[error("the audit log cannot be read ({}): {cause}", .file.display())]
    Unreadable {
        /// Where.
        file: PathBuf,
        /// Why.
        cause: Arc<io::Error>,
    },
    /// A file of the index cannot be opened.
    #[error(
        "the index of the audit log cannot be opened ({}): {cause}; move that away, and it is made anew",
        .file.display()
    )]
    Unopened {
        /// Which.
        file: PathBuf,
        /// Why.
        cause: Arc<io::Error>,
    },
    /// The index fails.
    #[error("the index of the audit log: {0}; it can be deleted and is made anew")]
    Index(Arc<rusqlite::Error>),
}

impl From<rusqlite::Error> for AuditError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Index(Arc::new(error))
    }
}

impl AuditError {
    fn unreadable(file: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        move |cause| Self::Unreadable { file, cause: Arc::new(cause) }
    }

    fn unopened(file: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        move |cause| Self::Unopened { file, cause: Arc::new(cause) }
    }
}
