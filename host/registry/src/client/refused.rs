//! Why a registry cannot be used, or what it has cannot: in words that say what to do.

use std::{fmt, io, path::Path};

use oci_client::errors::{DigestError, OciDistributionError as Error, OciErrorCode};

use crate::{credentials::CredentialError, reference::Reference};

/// Why nothing came of it. The text is complete.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    why: String,
    missing: bool,
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl From<CredentialError> for Refused {
    fn from(error: CredentialError) -> Self {
        Self { why: error.to_string(), missing: false }
    }
}

impl Refused {
    /// Whether there is just nothing of that name.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.missing
    }

    pub(super) fn other(reference: &Reference, mut why: String) -> Self {
        why.insert_str(0, &format!("{reference}: "));
        Self { why, missing: false }
    }

    pub(super) fn here(file: &Path, error: &io::Error) -> Self {
        Self { why: format!("{} cannot be written: {error}", file.display()), missing: false }
    }

    pub(super) fn setup(reference: &Reference, error: &Error) -> Self {
        Self::other(reference, format!("TLS cannot be set up: {}", chain(error)))
    }

    pub(super) fn new(reference: &Reference, user: Option<&str>, error: &Error) -> Self {
        let registry = reference.registry();
        let denied = || match user {
            Some(user) => format!(
                "{registry} does not let `{user}`, whom docker's config.json names; `docker login {registry}` changes that"
            ),
            None => format!(
                "{registry} wants to know who asks, and docker's config.json has nobody for it; `docker login {registry}` writes it"
            ),
        };
        let missing = || Self { why: format!("there is no {reference}"), missing: true };
        match error {
            Error::UnauthorizedError { .. } | Error::AuthenticationFailure(_) => {
                Self::other(reference, denied())
            }
            Error::ImageManifestNotFoundError(_) | Error::ServerError { code: 404, .. } => missing(),
            // What servers in Go say, as most registries are.
            Error::ServerError { code: 400, message, .. } if message.contains("HTTPS server") => Self::other(
                reference,
                format!("{registry} speaks TLS; name its certificate authority with --ca"),
            ),
            Error::ServerError { code: 401 | 403, .. } => Self::other(reference, denied()),
            Error::RegistryError { envelope, .. } => {
                let codes = || envelope.errors.iter().map(|error| &error.code);
                if codes()
                    .any(|code| matches!(code, OciErrorCode::ManifestUnknown | OciErrorCode::NameUnknown))
                {
                    return missing();
                }
                if codes().any(|code| matches!(code, OciErrorCode::Unauthorized | OciErrorCode::Denied)) {
                    return Self::other(reference, denied());
                }
                let said: Vec<&str> = envelope.errors.iter().map(|error| error.message.as_str()).collect();
                Self::other(reference, format!("the registry says: {}", said.join("; ")))
            }
            Error::DigestError(DigestError::VerificationError { expected, actual }) => {
                Self::other(reference, format!("what the registry sent is {actual}, and not {expected}"))
            }
            Error::RequestError(failed) if failed.is_connect() => {
                Self::other(reference, format!("{registry} cannot be reached: {}", cause(failed)))
            }
            Error::RequestError(failed) if failed.is_timeout() => {
                Self::other(reference, format!("{registry} says nothing any more"))
            }
            Error::IoError(error) => Self::other(reference, error.to_string()),
            other => Self::other(reference, chain(other)),
        }
    }
}

/// An error and what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

/// What is behind an error, at last.
fn cause(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}
