//! The `audit` section: where the audit log is, how much of it is kept, and what happens when it cannot be
//! written.

use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    resolve::{ResolveError, at},
    units::Bytes,
};
use crate::audit::FieldPath;

/// The audit log: one line for each call, chained by hashes. Without this section there is none.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    /// Folder of the log, relative to this file; `./audit` unless given. One host at a time.
    pub dir: Option<PathBuf>,
    /// How large a file of the log may become before the next one is begun; 64MiB unless given.
    pub max_bytes: Option<Bytes>,
    /// How many files are kept, the one that is written included; 16 unless given.
    #[schemars(range(min = 1, max = 10000))]
    pub keep: Option<u32>,
    /// Whether a call is answered only once its line is on the disk (fsync), so that the line survives a loss of
    /// power as well; false unless given.
    pub sync: Option<bool>,
    /// What happens to calls while the log cannot be written; `refuse` unless given.
    pub on_failure: OnFailure,
    /// Arguments whose values are logged, cut: `TOOL.KEY`, with dots for keys within keys, such as
    /// `prometheus_query.query`, `prometheus_*.time.start` or `*.namespace`. Of all others only keys, types and
    /// sizes are.
    pub fields: Vec<String>,
}

/// What happens to calls while the log cannot be written.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// They are refused: no call without a line.
    #[default]
    Refuse,
    /// They are served; the lines that are lost are counted, and the next one that is written says how many.
    Drop,
}

/// The audit log, as it is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Its folder.
    pub dir: PathBuf,
    /// Size at which the next file is begun.
    pub max_bytes: ByteSize,
    /// Files kept.
    pub keep: u32,
    /// Whether every line is fsynced.
    pub sync: bool,
    /// What happens when it cannot be written.
    pub on_failure: OnFailure,
    /// Arguments logged with their values.
    pub fields: Vec<FieldPath>,
}

impl Audit {
    /// The log of a section that says nothing but where.
    #[must_use]
    pub fn at(dir: PathBuf) -> Self {
        Self {
            dir,
            max_bytes: ByteSize::mib(64),
            keep: 16,
            sync: false,
            on_failure: OnFailure::Refuse,
            fields: Vec::new(),
        }
    }
}

/// The folder of a log that is configured without one, relative to the configuration file.
pub const DIR: &str = "audit";

/// Resolves the section. Relative paths in it start at `base`.
///
/// # Errors
/// Names the key and says what to write instead.
pub fn resolve(written: Written, base: &Path) -> Result<Audit, ResolveError> {
    let default = Audit::at(base.join(written.dir.unwrap_or_else(|| DIR.into())));
    let max_bytes = written.max_bytes.map_or(default.max_bytes, |bytes| bytes.0);
    if !(ByteSize::kib(64)..=ByteSize::gib(64)).contains(&max_bytes) {
        return Err(at("audit.max_bytes")("must be between 64KiB and 64GiB".to_owned()));
    }
    let keep = written.keep.unwrap_or(default.keep);
    if !(1..=10_000).contains(&keep) {
        return Err(at("audit.keep")("must be between 1 and 10000 files".to_owned()));
    }
    let fields = written.fields.iter().map(|path| path.parse().map_err(at("audit.fields")));
    let fields = fields.collect::<Result<_, _>>()?;
    let sync = written.sync.unwrap_or(default.sync);
    Ok(Audit { max_bytes, keep, sync, on_failure: written.on_failure, fields, ..default })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Audit, String> {
        let written = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
        resolve(written, Path::new("/etc/bulkhead")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_section_that_says_nothing_has_its_defaults() {
        assert_eq!(read("{}").unwrap(), Audit::at("/etc/bulkhead/audit".into()));
    }

    #[test]
    fn every_key_has_its_effect() {
        let text =
            "{ dir: /var/log/b, max_bytes: 1MiB, keep: 2, sync: true, on_failure: drop, fields: ['*.a.b'] }";
        let expected = Audit {
            dir: "/var/log/b".into(),
            max_bytes: ByteSize::mib(1),
            keep: 2,
            sync: true,
            on_failure: OnFailure::Drop,
            fields: vec!["*.a.b".parse().unwrap()],
        };
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn a_value_that_cannot_be_acted_on_names_its_key() {
        let refused = |text: &str, why: &str| assert_eq!(read(text).unwrap_err(), why);
        refused("max_bytes: 1KiB", "audit.max_bytes: must be between 64KiB and 64GiB");
        refused("keep: 0", "audit.keep: must be between 1 and 10000 files");
        refused(
            "fields: [query]",
            "audit.fields: `query` names no argument of a tool; write TOOL.KEY, like `prometheus_query.query` or `*.namespace`",
        );
        assert!(read("on_failure: ignore").unwrap_err().contains("refuse"));
        assert!(read("colour: 1").unwrap_err().contains("colour"));
    }
}
