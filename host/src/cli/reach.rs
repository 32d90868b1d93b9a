//! How the commands reach a registry, and the key they sign with.

use std::{
    fs,
    io::{IsTerminal as _, stdin},
    path::{Path, PathBuf},
    time::SystemTime,
};

use bulkhead_registry::{
    artifact::Artifact,
    client::{Access, Registry},
    key::{KeyError, SigningKey},
    payload::Payload,
    reference::Reference,
};
use clap::Args;

use super::{Failure, failed, usage};

/// How a registry is reached.
#[derive(Debug, Args)]
pub(super) struct Reach {
    /// Reach the registry without TLS. One on this machine is, unless `--ca` is given.
    #[arg(long, conflicts_with = "ca")]
    plain_http: bool,
    /// Certificates (PEM) that are trusted for the registry instead of the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Reach {
    /// The registry of a reference.
    pub(super) fn registry(&self, reference: &Reference) -> Result<Registry, Failure> {
        let read = |path: &PathBuf| {
            fs::read(path).map_err(|error| usage(format!("--ca: {} cannot be read: {error}", path.display())))
        };
        let ca = self.ca.as_ref().map(read).transpose()?;
        Registry::new(reference, &Access { plain_http: self.plain_http, ca }).map_err(failed)
    }
}

pub(super) fn reference(text: &str) -> Result<Reference, Failure> {
    text.parse().map_err(usage)
}

/// What is signed of an artifact, now.
pub(super) fn payload(name: String, artifact: &Artifact) -> Payload {
    Payload { name, digest: artifact.digest(), signed: Some(SystemTime::now()) }
}

/// Reads a private key. Its password is cosign's: `COSIGN_PASSWORD`, or what is typed.
pub(super) fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    let at = |error: &dyn std::fmt::Display| failed(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| at(&format!("cannot be read: {error}")))?;
    match SigningKey::from_pem(&text, None) {
        Err(KeyError::NeedsPassword) => {}
        other => return other.map_err(|error| at(&error)),
    }
    let password =
        password(&format!("Password of {}", path.display())).map_err(|error| at(&error.message))?;
    SigningKey::from_pem(&text, Some(&password)).map_err(|error| at(&error))
}

/// A password for a key: cosign's `COSIGN_PASSWORD`, or what is typed.
pub(super) fn password(what: &str) -> Result<String, Failure> {
    if let Some(password) = std::env::var_os("COSIGN_PASSWORD") {
        return password.into_string().map_err(|_| failed("COSIGN_PASSWORD is not text"));
    }
    if !stdin().is_terminal() {
        return Err(failed("the key is encrypted, and needs its password: set COSIGN_PASSWORD"));
    }
    typed(what)
}

/// What somebody types, unseen.
pub(super) fn typed(what: &str) -> Result<String, Failure> {
    rpassword::prompt_password(format!("{what}: ")).map_err(|error| failed(format!("the terminal: {error}")))
}
