//! Owns [`Error`]: why a call failed, for the model to act on.
//!
//! It mirrors `service-error` of the contract. What is not the caller's, the upstream's or the
//! operator's to mend is a bug, and a bug traps.

use std::fmt;
use std::time::Duration;

/// The result of anything a handler does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed. Messages are read by a model: say what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Names the argument and says what it should have been.
    InvalidArguments(String),
    /// What was asked for does not exist.
    NotFound(String),
    /// Forbidden; a retry will not help.
    Denied(String),
    /// Too many requests.
    RateLimited {
        /// What happened.
        message: String,
        /// When to try again, if known.
        retry_after: Option<Duration>,
    },
    /// The upstream does not answer now.
    Unavailable {
        /// What happened.
        message: String,
        /// When to try again, if known.
        retry_after: Option<Duration>,
    },
    /// The upstream answered with an error.
    Upstream {
        /// HTTP status.
        status: u16,
        /// In the upstream's own words, shortened.
        message: String,
    },
    /// Anything else.
    Failed(String),
}

impl Error {
    /// An argument that does not fit: `Error::invalid("days", "expected 1 to 7")`. The path is
    /// below `arguments`; empty for the arguments as a whole.
    pub fn invalid(field_path: &str, message: impl fmt::Display) -> Self {
        Self::InvalidArguments(match field_path {
            "" => format!("arguments: {message}"),
            path => format!("arguments.{path}: {message}"),
        })
    }

    /// What was asked for does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::NotFound(message.into())
    }

    /// Forbidden; a retry will not help.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::Denied(message.into())
    }

    /// Too many requests; says when to try again, if known.
    pub fn rate_limited(message: impl Into<String>, retry_after: Option<Duration>) -> Self {
        Self::RateLimited { message: message.into(), retry_after }
    }

    /// The upstream does not answer now; says when to try again, if known.
    pub fn unavailable(message: impl Into<String>, retry_after: Option<Duration>) -> Self {
        Self::Unavailable { message: message.into(), retry_after }
    }

    /// The upstream answered with an error.
    pub fn upstream(status: u16, message: impl Into<String>) -> Self {
        Self::Upstream { status, message: message.into() }
    }

    /// Anything else.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// The message without the status or the time to wait.
    pub fn message(&self) -> &str {
        match self {
            Self::InvalidArguments(message)
            | Self::NotFound(message)
            | Self::Denied(message)
            | Self::RateLimited { message, .. }
            | Self::Unavailable { message, .. }
            | Self::Upstream { message, .. }
            | Self::Failed(message) => message,
        }
    }

    /// The same error with words before its message: what was being done.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        match &mut self {
            Self::InvalidArguments(message)
            | Self::NotFound(message)
            | Self::Denied(message)
            | Self::RateLimited { message, .. }
            | Self::Unavailable { message, .. }
            | Self::Upstream { message, .. }
            | Self::Failed(message) => *message = format!("{doing}: {message}"),
        }
        self
    }
}

/// What could not be looked at does not fail the rest of an answer, but is told in it: `what: why`.
pub fn tolerated<T: Default>(what: impl fmt::Display, part: Result<T>, untold: &mut Vec<String>) -> T {
    part.unwrap_or_else(|error| {
        untold.push(format!("{what}: {error}"));
        T::default()
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream { status, message } => write!(f, "the upstream answered {status}: {message}"),
            Self::RateLimited { message, retry_after: Some(wait) }
            | Self::Unavailable { message, retry_after: Some(wait) } => {
                write!(f, "{message} (retry after {} s)", wait.as_secs_f64().ceil())
            }
            other => f.write_str(other.message()),
        }
    }
}

impl std::error::Error for Error {}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(format!("unexpected JSON: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_failed_is_told_and_the_rest_goes_on() {
        let mut untold = Vec::new();
        assert_eq!(tolerated("pods", Ok(vec![1]), &mut untold), [1]);
        let events: Vec<u8> = tolerated("events", Err(Error::denied("not you")), &mut untold);
        assert_eq!(events, [0; 0]);
        assert_eq!(untold, ["events: not you"]);
    }
}
