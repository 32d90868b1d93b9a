//! What lies beside a component's file, `NAME.wasm.sig.json`: the artifact the file is the layer of, and its signatures.
//! With it the signatures are checked whenever the component is loaded, without a network.
//!
//! It may be about several files: one that is exchanged is written for both while they change places, so that at no
//! moment the file is without its signatures.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    artifact::Artifact,
    digest::Digest,
    key::{KeyError, SigningKey},
    payload::Payload,
    stage,
};

/// Of the layout.
const VERSION: u32 = 1;
/// What is read of a file that others may have written: some hundred signatures.
const MOST_BYTES: u64 = 1 << 20;

/// A signature, and what was signed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// What was signed.
    pub payload: String,
    /// In base64.
    pub signature: String,
}

/// One artifact and its signatures.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The digest of the component's bytes.
    pub component: Digest,
    /// What makes an artifact of it.
    pub artifact: Artifact,
    /// Those that were found.
    pub signatures: Vec<Signature>,
}

impl Signed {
    /// Signs it under a name. What the key signed before under that name goes.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn sign(&mut self, key: &SigningKey, payload: &Payload) -> Result<(), KeyError> {
        let text = payload.write().map_err(|error| KeyError::Unusable(error.to_string()))?;
        let signature = key.sign(text.as_bytes())?;
        let public = key.public();
        self.signatures.retain(|old| {
            let same = Payload::read(&old.payload).is_ok_and(|old| old.name == payload.name);
            !(same && public.verifies(old.payload.as_bytes(), &old.signature))
        });
        self.signatures.push(Signature { payload: text, signature });
        Ok(())
    }
}

/// The file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    version: u32,
    /// What it is about.
    pub artifacts: Vec<Signed>,
}

/// Why a bundle cannot be used. The text is complete.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not what this version writes.
    #[error("{} has no signatures as this version writes them: {why}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It cannot be written.
    #[error("{} cannot be written: {error}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The file beside a component's.
#[must_use]
pub fn beside(component: &Path) -> PathBuf {
    component.with_added_extension("sig.json")
}

impl Bundle {
    /// One about these.
    #[must_use]
    pub fn new(artifacts: Vec<Signed>) -> Self {
        Self { version: VERSION, artifacts }
    }

    /// The bundle beside a component's file, if there is one.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn read(component: &Path) -> Result<Option<Self>, BundleError> {
        let path = beside(component);
        let unreadable = |error| BundleError::Unreadable { path: path.clone(), error };
        let unknown = |why: String| BundleError::Unknown { path: path.clone(), why };
        let mut text = String::new();
        match fs::File::open(&path) {
            Ok(file) => {
                let mut file = io::Read::take(file, MOST_BYTES + 1);
                io::Read::read_to_string(&mut file, &mut text).map_err(unreadable)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        }
        if text.len() as u64 > MOST_BYTES {
            return Err(unknown(format!("it is larger than {MOST_BYTES} bytes")));
        }
        let bundle: Self = serde_json::from_str(&text).map_err(|error| unknown(error.to_string()))?;
        if bundle.version != VERSION {
            return Err(unknown(format!("its version is {}, not {VERSION}", bundle.version)));
        }
        Ok(Some(bundle))
    }

    /// Writes it beside a component's file, all of it or nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, component: &Path) -> Result<(), BundleError> {
        let path = beside(component);
        let written = serde_json::to_string_pretty(self).map_err(io::Error::from);
        let written = written.and_then(|text| stage::replace(&path, format!("{text}\n").as_bytes()));
        written.map_err(|error| BundleError::Unwritable { path, error })
    }

    /// What it has of a component.
    #[must_use]
    pub fn of(&self, component: &Digest) -> Option<&Signed> {
        self.artifacts.iter().find(|signed| signed.component == *component)
    }
}
