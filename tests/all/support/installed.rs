//! What `tests/clients/setup` installs: programs of others, at versions that are pinned there.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
    sync::OnceLock,
};

use super::root;

/// The folder of the installed clients; installs them first.
pub(crate) fn installed() -> PathBuf {
    static READY: OnceLock<()> = OnceLock::new();
    let folder = root().join("target/clients");
    READY.get_or_init(|| {
        fs::create_dir_all(&folder).unwrap();
        // Another run of the tests may be installing.
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let setup = Command::new(root().join("tests/clients/setup")).output().unwrap();
        assert!(setup.status.success(), "{}", String::from_utf8_lossy(&setup.stderr));
    });
    folder
}

pub(crate) fn node() -> Command {
    Command::new(installed().join("node/node_modules/node/bin/node"))
}

pub(crate) fn javascript(package: &str) -> Command {
    let mut command = node();
    command.arg("--preserve-symlinks-main").arg(installed().join(package).join(format!("{package}.mjs")));
    command
}
