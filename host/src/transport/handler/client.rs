//! Who sent a request, as far as the protocol tells, and how to reach it before it is answered.

use rmcp::{
    RoleServer,
    model::{
        LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken, ProtocolVersion,
        ServerResult,
    },
    service::{Peer, RequestContext},
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::wire;
use crate::{
    ask::Accepts,
    request::{Event, Level, Via},
};

/// The client of one request.
pub(in crate::transport) struct Client {
    version: Option<ProtocolVersion>,
    /// What it can be asked, and whether it comes back for what takes long.
    pub(super) accepts: Accepts,
    /// Under which name it wants to hear of progress.
    pub(super) progress: Option<ProgressToken>,
    /// From which level on it wants lines of the log; for clients of versions without sessions.
    pub(super) level: Option<Level>,
    /// W3C Trace Context.
    pub(super) traceparent: Option<String>,
    transport: &'static str,
    /// Fires when it cancels or goes away.
    pub(super) gone: CancellationToken,
    /// None if nothing can reach it before the answer.
    pub(super) peer: Option<Peer<RoleServer>>,
}

impl Client {
    /// The client of a request that rmcp serves.
    pub(super) fn of(context: &RequestContext<RoleServer>) -> Self {
        let parts = context.extensions.get::<axum::http::request::Parts>();
        // SEP-414: what `_meta` says is closer to the caller than what a proxy may have set.
        let told = context.meta.get("traceparent").and_then(Value::as_str);
        let traceparent = told.or_else(|| parts?.headers.get("traceparent")?.to_str().ok());
        let accepts = wire::accepts(context.client_capabilities());
        let client = Self::new(context.protocol_version(), accepts, traceparent, context.ct.clone());
        Self {
            progress: context.meta.get_progress_token(),
            level: context.meta.log_level().map(wire::level).filter(|_| client.is_modern()),
            transport: if parts.is_some() { "tcp" } else { "pipe" },
            peer: Some(context.peer.clone()),
            ..client
        }
    }

    /// The client of a request over HTTP that hears nothing before its answer.
    pub(in crate::transport) fn new(
        version: Option<ProtocolVersion>,
        accepts: Accepts,
        traceparent: Option<&str>,
        gone: CancellationToken,
    ) -> Self {
        let modern = version.as_ref().is_some_and(is_modern);
        Self {
            accepts: Accepts { tasks: accepts.tasks && modern, ..accepts },
            progress: None,
            level: None,
            traceparent: traceparent.filter(|text| is_traceparent(text)).map(str::to_owned),
            transport: "tcp",
            gone,
            peer: None,
            version,
        }
    }

    /// Fires when it cancels or goes away.
    pub(in crate::transport) fn gone(&self) -> &CancellationToken {
        &self.gone
    }

    /// Whether it speaks 2026-07-28 or later.
    pub(in crate::transport) fn is_modern(&self) -> bool {
        self.version.as_ref().is_some_and(is_modern)
    }

    /// A result as its version has it; what rmcp does to every result before it is sent.
    pub(in crate::transport) fn fitted(&self, mut result: ServerResult) -> ServerResult {
        if self.is_modern() {
            result.fill_missing_cache_hints();
        } else {
            result.strip_result_type_for_legacy_peer();
        }
        result
    }

    /// Whether there is a network between it and the host.
    pub(super) fn is_remote(&self) -> bool {
        self.transport == "tcp"
    }

    /// How its request came in.
    pub(super) fn via(&self) -> Via {
        Via { transport: self.transport, protocol: self.version.as_ref().map(ToString::to_string) }
    }

    /// Tells it what a guest says.
    pub(super) async fn tell(&self, event: Event) {
        let Some(peer) = &self.peer else { return };
        let told = match event {
            Event::Progress { done, total, message } => {
                let Some(token) = self.progress.clone() else { return };
                let mut progress = ProgressNotificationParam::new(token, done);
                progress.total = total;
                progress.message = message;
                peer.notify_progress(progress).await
            }
            Event::Log { logger, level, message, data } => {
                let mut line = LoggingMessageNotificationParam::new(
                    wire::logging_level(level),
                    wire::log_data(message, data),
                );
                line.logger = Some(logger.to_string());
                peer.notify_logging_message(line).await
            }
        };
        if let Err(error) = told {
            tracing::debug!(%error, "an event cannot be delivered");
        }
    }
}

fn is_modern(version: &ProtocolVersion) -> bool {
    *version >= ProtocolVersion::V_2026_07_28
}

/// W3C Trace Context, version 00: the guest and upstreams get nothing else a client might write there.
fn is_traceparent(text: &str) -> bool {
    let lengths = text.split('-').map(str::len).eq([2, 32, 16, 2]);
    lengths && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::is_traceparent;

    #[test]
    fn only_a_traceparent_passes_for_one() {
        assert!(is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        for text in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nX: y",
        ] {
            assert!(!is_traceparent(text), "{text}");
        }
    }
}
