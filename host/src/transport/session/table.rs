//! All sessions of a host: who may have how many, which are known, and which are not needed any more.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use rmcp::model::InitializeRequestParams;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Session;
use crate::{
    auth::{Caller, Who},
    config::sessions::Sessions as Limits,
    limit::{
        peers::{Full, Table},
        streams::{self, Streams},
    },
    metrics::Metrics,
    seal::{Kind, NONCE, Opened, Sealer},
    transport::{http::json_rpc, message::INVALID_REQUEST},
};

/// What a client says of itself, sealed: an id is sent with every request, so it must fit the headers.
const PROFILE: usize = 2048;
/// What stands in the id of a session over HTTP+SSE instead: it is no good elsewhere.
const PIPE: &[u8] = b"sse";
/// When a client that was refused may come again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// What seals ids now: the keys may be exchanged while sessions last.
pub(in crate::transport) struct CurrentSealer(
    pub(in crate::transport) Box<dyn Fn() -> Arc<Sealer> + Send + Sync>,
);

impl std::fmt::Debug for CurrentSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CurrentSealer")
    }
}

/// The sessions of a host.
#[derive(Debug)]
pub(in crate::transport) struct Sessions {
    sealer: CurrentSealer,
    limits: Limits,
    metrics: Arc<Metrics>,
    seats: Arc<Table<Who>>,
    streams: Arc<Streams>,
    known: Mutex<HashMap<[u8; NONCE], Arc<Session>>>,
    stop: CancellationToken,
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transport) enum Refused {
    /// It never was, is another caller's, has expired, or was ended: nobody is told which.
    Unknown,
    /// The caller has as many as it may.
    TooMany,
    /// The host has.
    Full,
    /// There are as many streams as may be.
    Streams(Full),
    /// What the client says of itself is too much.
    TooLarge,
    /// The system has no randomness.
    NoRandomness,
}

impl Refused {
    /// As an answer.
    pub(in crate::transport) fn response(self) -> Response {
        let (status, code, why) = match self {
            Self::Unknown => {
                (StatusCode::NOT_FOUND, -32001, "the session is not known; initialize a new one")
            }
            Self::TooMany => (
                StatusCode::TOO_MANY_REQUESTS,
                INVALID_REQUEST,
                "you have as many sessions as you may; end one with DELETE",
            ),
            Self::Full => {
                (StatusCode::SERVICE_UNAVAILABLE, INVALID_REQUEST, "there is no room for another session")
            }
            Self::Streams(full @ Full::One) => {
                (StatusCode::TOO_MANY_REQUESTS, INVALID_REQUEST, streams::why(full))
            }
            Self::Streams(full @ Full::All) => {
                (StatusCode::SERVICE_UNAVAILABLE, INVALID_REQUEST, streams::why(full))
            }
            Self::TooLarge => (
                StatusCode::BAD_REQUEST,
                INVALID_REQUEST,
                "clientInfo and capabilities are too large: at most 2048 bytes of JSON",
            ),
            Self::NoRandomness => {
                (StatusCode::INTERNAL_SERVER_ERROR, -32603, "no session can be made; the log says why")
            }
        };
        let mut response = json_rpc(status, code, why);
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }

    /// The limit that was hit, by its key.
    fn limit(self) -> Option<&'static str> {
        match self {
            Self::TooMany => Some("sessions_per_caller"),
            Self::Full => Some("sessions"),
            // Streams count themselves.
            Self::Streams(_) | Self::Unknown | Self::TooLarge | Self::NoRandomness => None,
        }
    }
}

impl Sessions {
    /// None yet. Their streams end when `stop` fires.
    pub(in crate::transport) fn new(
        limits: Limits,
        sealer: CurrentSealer,
        metrics: Arc<Metrics>,
        streams: Arc<Streams>,
        stop: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            sealer,
            metrics,
            seats: Table::new(limits.total, limits.per_caller),
            streams,
            known: Mutex::default(),
            stop,
            limits,
        })
    }

    /// What its operator chose.
    pub(in crate::transport) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A session for a client that said this of itself, with the version that was agreed on.
    pub(in crate::transport) fn begin(
        &self,
        caller: &Caller,
        client: &InitializeRequestParams,
    ) -> Result<(String, Arc<Session>), Refused> {
        self.make(caller, &profile(client).ok_or(Refused::TooLarge)?)
    }

    /// A session over HTTP+SSE, of this process only.
    pub(in crate::transport) fn begin_pipe(
        &self,
        caller: &Caller,
    ) -> Result<(String, Arc<Session>), Refused> {
        self.make(caller, PIPE)
    }

    fn make(&self, caller: &Caller, content: &[u8]) -> Result<(String, Arc<Session>), Refused> {
        let sealed = (self.sealer.0)().seal(Kind::Session, caller, self.limits.life, content);
        let id = sealed.map_err(|error| {
            tracing::error!(error, "no session can be made");
            Refused::NoRandomness
        })?;
        let opened = self.open(caller, &id)?;
        let session = self.enter(caller, &opened)?;
        Ok((id, session))
    }

    /// The session of an id, and what its client said of itself. One that this host does not know, another host made
    /// or it was idle for long, begins anew: without settings.
    pub(in crate::transport) fn find(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<(Arc<Session>, InitializeRequestParams), Refused> {
        let opened = self.open(caller, id)?;
        let client = serde_json::from_slice(&opened.content).map_err(|_| Refused::Unknown)?;
        Ok((self.enter(caller, &opened)?, client))
    }

    /// The session over HTTP+SSE of an id.
    pub(in crate::transport) fn find_pipe(&self, caller: &Caller, id: &str) -> Result<Arc<Session>, Refused> {
        let opened = self.open(caller, id)?;
        let known = self.known().get(&opened.id()).cloned();
        known.filter(|_| opened.content == PIPE).ok_or(Refused::Unknown)
    }

    /// Ends a session. Its id is spent.
    pub(in crate::transport) fn end(&self, caller: &Caller, id: &str) -> Result<(), Refused> {
        let opened = self.open(caller, id)?;
        (self.sealer.0)().spend(&opened).map_err(|_| Refused::Unknown)?;
        let ended = self.change(|known| known.remove(&opened.id()));
        if let Some(session) = ended {
            session.end();
        }
        Ok(())
    }

    /// Opens the stream on which the client of a session listens, in place of the one it had. The token says when it
    /// is to end.
    pub(in crate::transport) fn listen(
        &self,
        caller: &Caller,
        session: &Session,
    ) -> Result<CancellationToken, Refused> {
        session.hang_up();
        let stream = self.streams.open(caller).map_err(Refused::Streams)?;
        Ok(session.listen(stream, &self.stop))
    }

    /// Drops what is idle, until the host stops. One timer for all.
    pub(in crate::transport) async fn reap(self: Arc<Self>) {
        let mut ticks = tokio::time::interval((self.limits.idle / 4).min(Duration::from_secs(30)));
        loop {
            tokio::select! {
                _ = ticks.tick() => self.drop_idle(Instant::now()),
                () = self.stop.cancelled() => return,
            }
        }
    }

    fn drop_idle(&self, now: Instant) {
        let dropped = self.change(|known| {
            let before = known.len();
            known.retain(|_, session| !session.is_idle(now, self.limits.idle));
            if known.len() < known.capacity() / 4 {
                known.shrink_to_fit();
            }
            before - known.len()
        });
        if dropped > 0 {
            tracing::debug!(dropped, "idle sessions are dropped");
        }
    }

    fn open(&self, caller: &Caller, id: &str) -> Result<Opened, Refused> {
        (self.sealer.0)().open(Kind::Session, caller, id).map_err(|_| Refused::Unknown)
    }

    fn enter(&self, caller: &Caller, opened: &Opened) -> Result<Arc<Session>, Refused> {
        let entered = self.change(|known| {
            if let Some(session) = known.get(&opened.id()) {
                session.touch();
                return Ok(session.clone());
            }
            let seat = self.seats.open(caller.who()).map_err(|full| match full {
                Full::All => Refused::Full,
                Full::One => Refused::TooMany,
            })?;
            let session = Arc::new(Session::new(seat));
            known.insert(opened.id(), session.clone());
            Ok(session)
        });
        entered.map_err(|refused| self.refused(refused))
    }

    fn refused(&self, refused: Refused) -> Refused {
        if let Some(limit) = refused.limit() {
            let scope = if limit.ends_with("_per_caller") { "caller" } else { "host" };
            self.metrics.limit_hit(limit, scope);
        }
        refused
    }

    /// Changes what is known, and counts it.
    fn change<T>(&self, changing: impl FnOnce(&mut HashMap<[u8; NONCE], Arc<Session>>) -> T) -> T {
        let mut known = self.known();
        let before = known.len();
        let result = changing(&mut known);
        if known.len() != before {
            self.metrics.sessions(known.len());
        }
        result
    }

    fn known(&self) -> MutexGuard<'_, HashMap<[u8; NONCE], Arc<Session>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What of a client's words about itself is needed later: what it is called, and what it can do.
fn profile(client: &InitializeRequestParams) -> Option<Vec<u8>> {
    let mut kept = client.clone();
    kept.meta = None;
    kept.client_info.icons = None;
    kept.client_info.description = None;
    kept.client_info.website_url = None;
    let profile = serde_json::to_vec(&kept).ok()?;
    (profile.len() <= PROFILE).then_some(profile)
}
