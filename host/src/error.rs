//! Why a call did not succeed: one closed enum with two faces.
//!
//! [`CallError::reason`] is a bounded label for logs and metrics; `Display` is what the caller may read.
//! Neither ever holds an argument, a header or a credential. Only `transport::wire` turns these into MCP.

use std::time::Duration;

/// Everything that can end a call other than with a result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No such tool for this caller; also the answer when it may not be known.
    #[error("Unknown tool: {0}")]
    UnknownTool(String),
    /// The arguments do not match the tool's schema, or the guest refused them.
    #[error("{0}")]
    InvalidArguments(String),
    /// What was asked for does not exist upstream.
    #[error("{0}")]
    NotFound(String),
    /// Egress rules or the upstream's permissions forbid it.
    #[error("{0}")]
    Denied(String),
    /// Too many calls at once, here or upstream.
    #[error("{message}")]
    Throttled {
        /// For the model.
        message: String,
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// The upstream cannot be reached or is not ready.
    #[error("{message}")]
    Unavailable {
        /// For the model.
        message: String,
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// The upstream answered with an error.
    #[error("upstream answered {status}: {message}")]
    Upstream {
        /// HTTP status.
        status: u16,
        /// In the upstream's words.
        message: String,
    },
    /// The integration gave up, with its reason.
    #[error("{0}")]
    Failed(String),
    /// The deadline of the call passed.
    #[error("the call was stopped at its deadline of {}", humantime::format_duration(*.0))]
    DeadlineExceeded(Duration),
    /// The guest wanted more memory than its limit.
    #[error("the integration was stopped: it needed more than its memory limit of {0}")]
    OutOfMemory(bytesize::ByteSize),
    /// The guest crashed.
    #[error("the integration crashed: {0}")]
    Trapped(String),
    /// The result is larger than allowed.
    #[error("the result was dropped: it is larger than the limit of {0}; ask for less")]
    ResultTooLarge(bytesize::ByteSize),
    /// The integration asks for user input, which this host cannot pass on.
    #[error("the integration asked for user input, which is not available on this connection")]
    InputUnavailable,
    /// The client went away or cancelled.
    #[error("the call was cancelled")]
    Cancelled,
    /// A fault of the host; the log has more under the call's id.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl CallError {
    /// A bounded label: never client text.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownTool(_) => "unknown_tool",
            Self::InvalidArguments(_) => "invalid_arguments",
            Self::NotFound(_) => "not_found",
            Self::Denied(_) => "denied",
            Self::Throttled { .. } => "throttled",
            Self::Unavailable { .. } => "unavailable",
            Self::Upstream { .. } => "upstream",
            Self::Failed(_) => "failed",
            Self::DeadlineExceeded(_) => "deadline_exceeded",
            Self::OutOfMemory(_) => "out_of_memory",
            Self::Trapped(_) => "trapped",
            Self::ResultTooLarge(_) => "result_too_large",
            Self::InputUnavailable => "input_unavailable",
            Self::Cancelled => "cancelled",
            Self::Internal(_) => "internal",
        }
    }

    /// When trying again may help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// A fault of the host, with its cause for the log.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}
