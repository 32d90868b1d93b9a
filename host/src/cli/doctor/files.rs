//! Files and folders: who else may read secrets or change what the host runs, and whether the host may write where it
//! has to.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use bulkhead::{
    config::{Config, load, raw::SecretSource},
    pin::Trust,
    sandbox::Sandbox,
};

use super::finding::Findings;

const AREA: &str = "files";
/// Less room than this, and the audit log soon stops the host.
const LITTLE: u64 = 256 << 20;

/// The configuration, and the secrets that it takes from files.
pub(super) fn secrets(file: &Path, findings: &mut Findings) {
    let before = findings.ill();
    changeable(file, findings);
    let Ok(raw) = fs::read_to_string(file).map_err(drop).and_then(|text| load::parse(&text).map_err(drop))
    else {
        return; // the configuration says why
    };
    let base = file.parent().unwrap_or(Path::new(""));
    let of = |sources: &BTreeMap<String, SecretSource>| -> Vec<PathBuf> {
        sources.values().filter_map(|source| source.file.clone()).collect()
    };
    let mut paths = of(&raw.secrets);
    for tenant in raw.tenants.values() {
        paths.extend(of(&tenant.secrets));
        for service in tenant.services.values() {
            paths.extend(service.network.tls.iter().filter_map(|tls| tls.client_key.clone()));
            paths.extend(service.kubernetes.kubeconfig.clone());
        }
    }
    for path in &paths {
        readable(&base.join(path), findings);
    }
    if findings.ill() == before && !paths.is_empty() {
        findings.well(AREA, format!("secrets that others cannot read: {}", paths.len()));
    }
}

/// Folders that the host uses.
pub(super) fn folders(config: &Config, findings: &mut Findings) {
    if let Some(tls) = &config.front.tls {
        readable(&tls.key, findings);
    }
    let dir = &config.components.dir;
    if config.components.trust == Trust::Folder && dir.is_dir() {
        changeable(dir, findings);
    }
    if let Some(cache) = &config.components.cache_dir {
        match Sandbox::check_cache(cache) {
            Ok(()) => findings.well(AREA, format!("compiled code is kept in {}", cache.display())),
            Err(error) => findings.odd(
                AREA,
                format!("compiled code cannot be kept, so every start compiles anew: {error}"),
                format!(
                    "chmod 700 {0}, as the user that runs the host; or set `components.cache_dir`",
                    cache.display()
                ),
            ),
        }
    }
    if let Some(audit) = &config.audit {
        room(&audit.dir, audit.max_bytes.as_u64(), findings);
    }
}

/// A secret that others may read, or its group change. A group that may read it was chosen.
fn readable(path: &Path, findings: &mut Findings) {
    let Ok(found) = fs::metadata(path) else { return }; // the configuration says if it must be there
    if found.is_file() && found.mode() & 0o027 != 0 {
        let (path, mode) = (path.display(), found.mode() & 0o777);
        findings.wrong(
            AREA,
            format!("{path} is a secret, and others may use it (mode {mode:04o})"),
            format!("chmod 600 {path}"),
        );
    }
}

/// Something that others may change, and so what the host does.
fn changeable(path: &Path, findings: &mut Findings) {
    let Ok(found) = fs::metadata(path) else { return };
    if found.mode() & 0o022 != 0 {
        let (path, mode) = (path.display(), found.mode() & 0o777);
        findings.wrong(
            AREA,
            format!("{path} can be changed by others, and so can what the host does (mode {mode:04o})"),
            format!("chmod go-w {path}"),
        );
    }
}

/// Room for the audit log.
fn room(dir: &Path, file: u64, findings: &mut Findings) {
    let there: PathBuf = dir.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/")).to_owned();
    match rustix::fs::statvfs(&there) {
        Ok(disk) => {
            let left = disk.f_bavail.saturating_mul(disk.f_frsize);
            let left_shown = bytesize::ByteSize(left).display().iec();
            if left < LITTLE.max(file) {
                findings.wrong(
                    AREA,
                    format!(
                        "{} has {left_shown} left; calls are refused once the audit log cannot be written",
                        there.display()
                    ),
                    "make room, or move the log with `audit.dir`; fewer files are kept with `audit.keep`",
                );
            }
        }
        Err(error) => findings.odd(
            AREA,
            format!("{}: {error}", there.display()),
            "the audit log needs a folder it can write to",
        ),
    }
}
