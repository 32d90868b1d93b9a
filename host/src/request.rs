//! The words of a call: what comes in, what goes out, and what a guest may tell the client meanwhile.

use std::{fmt, sync::Arc};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    access::{Facts, Narrowing},
    ask::{Accepts, Answers},
    auth::{Caller, certificate::ClientCertificate},
    operation::Operation,
    secret::Secret,
};

/// Unique per call; sorts by time. The same id is in the log, the error and the guest's context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId(uuid::Uuid);

impl CallId {
    /// A new id (UUID version 7, RFC 9562).
    #[must_use]
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7())
    }
}

impl Default for CallId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(f)
    }
}

/// What a request brought to say who it comes from.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Being on this machine: stdio, the command line.
    Local,
    /// A caller that was authenticated already, before the request's body was read.
    Established(Caller),
    /// Nothing.
    Nothing,
    /// `Authorization: Bearer …` (RFC 6750 §2.1).
    Bearer(Secret),
    /// `X-Api-Key: …`.
    ApiKey(Secret),
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// The certificate the client showed when the connection was made; its chain has been verified.
    Certificate(Arc<ClientCertificate>),
    /// Several at once, or something that is none of these.
    Unreadable,
}

/// Which of the caller's tools a request is about. It can only narrow what the caller may use.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The one service, for `/mcp/{service}`.
    pub service: Option<String>,
    /// The selection in the URL.
    pub narrowing: Option<Arc<Narrowing>>,
}

impl Scope {
    /// All of them: `/mcp`, stdio.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Those of one service.
    #[must_use]
    pub fn service(name: String) -> Self {
        Self { service: Some(name), narrowing: None }
    }

    /// Whether a service is in it.
    #[must_use]
    pub fn covers(&self, service: &str) -> bool {
        self.service.as_ref().is_none_or(|name| name == service)
    }

    /// Whether a tool is.
    #[must_use]
    pub fn selects(&self, facts: &Facts<'_>) -> bool {
        self.narrowing.as_ref().is_none_or(|narrowing| narrowing.selects(facts))
    }
}

/// How a client is shown its tools.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Listing {
    /// One by one.
    #[default]
    All,
    /// By three tools that find, describe and call the others: `tool_search`, `tool_schema`, `tool_invoke`. For more
    /// tools than a model can hold.
    Search,
}

/// How a request came in.
#[derive(Clone, Debug, Default)]
pub struct Via {
    /// `tcp` or `pipe` (OpenTelemetry, `network.transport`).
    pub transport: &'static str,
    /// The MCP version it speaks.
    pub protocol: Option<String>,
}

/// One operation of a client, from whichever transport.
#[derive(Debug)]
pub struct CallRequest {
    /// See [`CallId`].
    pub id: CallId,
    /// Who calls.
    pub credentials: Credentials,
    /// Where what it names is looked for.
    pub scope: Scope,
    /// What it asks for.
    pub operation: Operation,
    /// What it brings of an earlier attempt that asked the user.
    pub answers: Option<Answers>,
    /// What its client can be asked.
    pub accepts: Accepts,
    /// W3C `traceparent`, if the client sent one.
    pub traceparent: Option<String>,
    /// How it came.
    pub via: Via,
    /// Where what the guest says meanwhile goes.
    pub events: Events,
    /// Fires when the client cancels or goes away.
    pub cancelled: CancellationToken,
}

/// What a request brings beside what it asks for.
#[derive(Debug, Default)]
pub struct Brought {
    /// What the user answered to an earlier attempt.
    pub answers: Option<Answers>,
    /// What its client can be asked.
    pub accepts: Accepts,
    /// W3C Trace Context, for the guest.
    pub traceparent: Option<String>,
}

/// A tool's successful result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolOutput {
    /// What the model reads.
    pub content: Vec<Content>,
    /// The same for programs.
    pub structured: Option<Value>,
    /// MCP `_meta`, without reserved keys.
    pub meta: Option<Map<String, Value>>,
}

/// One piece of content.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Text.
    Text(String),
    /// An image.
    Image(Media),
    /// Sound.
    Audio(Media),
    /// A resource by reference.
    Link {
        /// Its URI.
        uri: String,
        /// Its name.
        name: String,
        /// Its MIME type.
        mime_type: Option<String>,
        /// What it is.
        description: Option<String>,
    },
    /// A resource by value.
    Resource {
        /// Its URI.
        uri: String,
        /// Its MIME type.
        mime_type: Option<String>,
        /// Its contents.
        body: ResourceBody,
    },
}

/// Bytes with their type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Media {
    /// The bytes, not encoded.
    pub data: Vec<u8>,
    /// MIME type.
    pub mime_type: String,
}

/// What a resource holds.
#[derive(Clone, Debug, PartialEq)]
pub enum ResourceBody {
    /// UTF-8.
    Text(String),
    /// Anything else.
    Blob(Vec<u8>),
}

/// Something a guest says while it runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// How far it got.
    Progress {
        /// Units done.
        done: f64,
        /// Units in all, if known.
        total: Option<f64>,
        /// What is being done.
        message: Option<String>,
    },
    /// A line of its log.
    Log {
        /// Whose: the service.
        logger: Arc<str>,
        /// How severe.
        level: Level,
        /// What happened.
        message: String,
        /// The same as data.
        data: Option<Value>,
    },
}

/// Syslog severities (RFC 5424), as MCP has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the standard's and say it all")]
pub enum Level {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

impl Level {
    /// Its name, as MCP has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }
}

/// How many events may wait for a slow client before further ones are dropped.
const EVENT_BACKLOG: usize = 64;

/// Where a running call's events go: to a client that asked, or nowhere.
#[derive(Clone, Debug, Default)]
pub struct Events {
    sender: Option<mpsc::Sender<Event>>,
    progress: bool,
    log: Option<Level>,
}

impl Events {
    /// Events for a client that asked for them: progress, and lines of the log from a level on.
    #[must_use]
    pub fn channel(progress: bool, log: Option<Level>) -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(EVENT_BACKLOG);
        (Self { sender: Some(sender), progress, log }, receiver)
    }

    /// Nobody listens.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether lines of this level are wanted.
    #[must_use]
    pub fn logs(&self, level: Level) -> bool {
        self.log.is_some_and(|least| level >= least)
    }

    /// Passes one on that is wanted. A guest never waits for a client: what does not fit the backlog is dropped.
    pub fn send(&self, event: Event) {
        let wanted = match &event {
            Event::Progress { .. } => self.progress,
            Event::Log { level, .. } => self.logs(*level),
        };
        if let Some(sender) = self.sender.as_ref().filter(|_| wanted) {
            let _ = sender.try_send(event);
        }
    }
}
