//! Why a call did not succeed: one closed enum with two faces.
//!
//! [`CallError::reason`] is a bounded label for logs and metrics; `Display` is what the caller may read.
//! Neither ever holds an argument, a header or a credential. Only `transport::wire` turns these into MCP.

use std::{borrow::Cow, sync::Arc, time::Duration};

use crate::limit::gate::{Limit, Refused};

/// Everything that can end a call other than with a result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The credentials do not hold; the log says why.
    #[error("{0}")]
    Unauthenticated(#[from] crate::auth::Unauthenticated),
    /// No such tool for this caller; also the answer when it may not be known.
    #[error("Unknown tool: {0}")]
    UnknownTool(String),
    /// No such prompt, likewise.
    #[error("Unknown prompt: {0}")]
    UnknownPrompt(String),
    /// No such resource, likewise.
    #[error("Resource not found: {0}")]
    UnknownResource(String),
    /// What a client gave back is not what it was given, or no answer to what it was asked.
    #[error("{0}")]
    BadAnswer(String),
    /// The arguments do not match the tool's schema, or the guest refused them.
    #[error("{0}")]
    InvalidArguments(String),
    /// What was asked for does not exist upstream.
    #[error("{0}")]
    NotFound(String),
    /// Egress rules or the upstream's permissions forbid it.
    #[error("{0}")]
    Denied(String),
    /// The caller may use the tool, and not with these arguments; by this rule.
    #[error("these arguments are not allowed for this caller")]
    Forbidden(Arc<str>),
    /// One of the operator's limits on calls.
    #[error("{0}")]
    Limited(Refused),
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
    #[error("the integration was stopped: it needed more than its memory limit of {allowed}")]
    OutOfMemory {
        /// Its limit.
        allowed: bytesize::ByteSize,
        /// What it would have had with what it asked for last.
        wanted: bytesize::ByteSize,
    },
    /// The guest used up its processor time.
    #[error("the integration was stopped: it used up its processor time of {}", humantime::format_duration(*.0))]
    OutOfTime(Duration),
    /// The guest used up its fuel.
    #[error("the integration was stopped: it used up its {0} units of fuel")]
    OutOfFuel(u64),
    /// The guest kept too many resources open.
    #[error("the integration was stopped: it kept more than {0} handles open")]
    TooManyHandles(u32),
    /// Its service is given a rest.
    #[error(
        "service `{service}` is quarantined after repeated crashes or timeouts; it will be tried again shortly"
    )]
    Quarantined {
        /// The service.
        service: String,
        /// When it is tried again.
        retry_after: Duration,
    },
    /// The guest crashed.
    #[error("the integration crashed: {0}")]
    Trapped(String),
    /// The result is so much larger than allowed that it is not cut.
    #[error("the result was dropped: it is more than four times the limit of {0}; ask for less")]
    ResultTooLarge(bytesize::ByteSize),
    /// A resource or a prompt is larger than a result may be. Of those no part is given.
    #[error("what was asked for is larger than the limit of {0}")]
    TooLarge(bytesize::ByteSize),
    /// The integration asks the user something, and the client cannot be asked that.
    #[error(
        "the integration asks the user something, which takes a client that declares {0}; clients of versions \
         before 2026-07-28 also need a connection that stays open: stdio, or HTTP with a session"
    )]
    InputUnavailable(crate::ask::Accepts),
    /// The tool takes so long that it is only for clients that come back for the result.
    #[error(
        "the tool only works as a task, which takes a client of version 2026-07-28 that declares \
         `io.modelcontextprotocol/tasks`"
    )]
    NeedsTasks,
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
            Self::Unauthenticated(_) => "unauthenticated",
            Self::UnknownTool(_) => "unknown_tool",
            Self::UnknownPrompt(_) => "unknown_prompt",
            Self::UnknownResource(_) => "unknown_resource",
            Self::BadAnswer(_) => "bad_answer",
            Self::InvalidArguments(_) => "invalid_arguments",
            Self::NotFound(_) => "not_found",
            Self::Denied(_) => "denied",
            Self::Forbidden(_) => "forbidden",
            Self::Limited(refused) if refused.limit == Limit::Quota => "quota_exceeded",
            Self::Limited(_) | Self::Throttled { .. } => "throttled",
            Self::Unavailable { .. } => "unavailable",
            Self::Upstream { .. } => "upstream",
            Self::Failed(_) => "failed",
            Self::DeadlineExceeded(_) => "deadline_exceeded",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::OutOfTime(_) => "cpu_exceeded",
            Self::OutOfFuel(_) => "fuel_exceeded",
            Self::TooManyHandles(_) => "too_many_handles",
            Self::Quarantined { .. } => "quarantined",
            Self::Trapped(_) => "trapped",
            Self::ResultTooLarge(_) | Self::TooLarge(_) => "result_too_large",
            Self::InputUnavailable(_) => "input_unavailable",
            Self::NeedsTasks => "needs_tasks",
            Self::Cancelled => "cancelled",
            Self::Internal(_) => "internal",
        }
    }

    /// When trying again may help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } | Self::Unavailable { retry_after, .. } => *retry_after,
            Self::Quarantined { retry_after, .. } => Some(*retry_after),
            Self::Limited(refused) => Some(refused.retry_after),
            _ => None,
        }
    }

    /// Whether it speaks against the component: its guest crashed or had to be stopped.
    #[must_use]
    pub fn is_misdeed(&self) -> bool {
        matches!(
            self,
            Self::Trapped(_)
                | Self::DeadlineExceeded(_)
                | Self::OutOfMemory { .. }
                | Self::OutOfTime(_)
                | Self::OutOfFuel(_)
                | Self::TooManyHandles(_)
        )
    }

    /// The limit that ended the call, for the operator: its key in the service's config, what it is, and
    /// what the guest wanted, if that is known.
    #[must_use]
    pub fn limit(&self) -> Option<(Cow<'static, str>, String, Option<String>)> {
        let time = |time: &Duration| humantime::format_duration(*time).to_string();
        let (key, allowed, wanted) = match self {
            Self::OutOfMemory { allowed, wanted } => {
                ("limits.memory", allowed.to_string(), Some(wanted.to_string()))
            }
            Self::OutOfTime(allowed) => ("limits.cpu", time(allowed), None),
            Self::OutOfFuel(allowed) => ("limits.fuel", allowed.to_string(), None),
            Self::TooManyHandles(allowed) => ("limits.handles", allowed.to_string(), None),
            Self::DeadlineExceeded(allowed) => ("limits.deadline", time(allowed), None),
            Self::ResultTooLarge(allowed) | Self::TooLarge(allowed) => {
                ("limits.result_bytes", allowed.to_string(), None)
            }
            Self::Limited(refused) => {
                return Some((refused.key.clone().into(), refused.allowed.to_string(), None));
            }
            _ => return None,
        };
        Some((key.into(), allowed, wanted))
    }

    /// A fault of the host, with its cause for the log.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}
