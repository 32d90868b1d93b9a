//! The threads that serve connections: one per processor, each with a runtime of its own.
//!
//! A connection stays on its thread, and so do the tasks rmcp starts for its requests and the guests they
//! run. On one runtime over all threads each of these steps would wake another processor, which takes longer
//! than the call itself. The price: a guest that computes without pause shares its thread's time, in slices
//! of an epoch tick, with the connections of that thread.

use std::{convert::Infallible, future::pending, io, net::SocketAddr, num::NonZero, sync::Arc, thread};

use axum::http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    http::App,
    stall::Watched,
    tls::{Stream, Tls},
    unread,
};
use crate::{
    auth::certificate::ClientCertificate,
    limit::peers::{self, Seat},
};

/// Connections that wait to be taken over; a thread that lags this far behind is not given more.
const BACKLOG: usize = 1024;
/// TLS handshakes of a thread at once; further connections wait.
const HANDSHAKES: usize = 256;

/// A connection on its way to a thread.
type Handed = (std::net::TcpStream, Seat<peers::Peer>);

pub(super) struct Workers {
    inboxes: Vec<mpsc::Sender<Handed>>,
    next: usize,
    ended: Vec<oneshot::Receiver<()>>,
}

impl Workers {
    /// Starts the threads, each serving `app`, with TLS or without, until `stop` fires and its connections have
    /// ended.
    pub(super) fn start(app: &App, tls: Option<&Tls>, stop: &CancellationToken) -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, NonZero::get);
        let mut workers = Self { inboxes: Vec::new(), next: 0, ended: Vec::new() };
        for number in 0..count {
            let (sender, received) = mpsc::channel(BACKLOG);
            let (alive, ended) = oneshot::channel();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (app, stop) = (app.clone(), stop.clone());
            let inbox =
                Inbox { handed: received, tls: tls.cloned(), agreeing: JoinSet::new(), closed: false };
            let serving = move || {
                runtime.block_on(serve(inbox, &app, &stop));
                drop(alive);
            };
            thread::Builder::new().name(format!("serve-{number}")).spawn(serving)?;
            workers.inboxes.push(sender);
            workers.ended.push(ended);
        }
        Ok(workers)
    }

    /// Gives a connection to the next thread; one whose inbox is full is passed over.
    pub(super) fn hand_over(&mut self, stream: TcpStream, seat: Seat<peers::Peer>) {
        let mut handed = match stream.into_std() {
            Ok(stream) => (stream, seat),
            Err(error) => return tracing::debug!(%error, "a connection cannot be handed over"),
        };
        for _ in 0..self.inboxes.len() {
            self.next = (self.next + 1) % self.inboxes.len();
            let Some(inbox) = self.inboxes.get(self.next) else { return };
            match inbox.try_send(handed) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back)) => {
                    handed = back
                }
            }
        }
        tracing::warn!("all serving threads are behind; a connection is dropped");
    }

    /// Waits until every thread has ended.
    pub(super) async fn drained(self) {
        drop(self.inboxes);
        for ended in self.ended {
            // Either way the thread is gone.
            let _ = ended.await;
        }
    }
}

/// A thread's listener: the connections it is handed, once those that speak TLS have agreed on it.
struct Inbox {
    handed: mpsc::Receiver<Handed>,
    tls: Option<Tls>,
    /// Handshakes under way: a client that dawdles keeps no other waiting.
    agreeing: JoinSet<Option<(Stream, Remote)>>,
    closed: bool,
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    pub(super) address: SocketAddr,
    pub(super) certificate: Option<Arc<ClientCertificate>>,
    /// Counts the connection for as long as it is open: what serves it keeps this.
    _seat: Option<Arc<Seat<peers::Peer>>>,
}

impl Peer {
    /// Somebody who shows no certificate and is not counted.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self { address, certificate: None, _seat: None }
    }
}

/// Where a connection comes from, and its seat.
#[derive(Clone, Debug)]
struct Remote {
    address: SocketAddr,
    seat: Arc<Seat<peers::Peer>>,
}

/// Serves the connections of a thread until `stop` fires, and then those that are busy to the end of their request.
async fn serve(mut inbox: Inbox, app: &App, stop: &CancellationToken) {
    // No timer: with one, hyper would close connections that are only idle, and make a timeout for every request.
    let http = http1::Builder::new();
    let open = GracefulShutdown::new();
    loop {
        let (stream, Remote { address, seat }) = tokio::select! {
            accepted = inbox.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let peer =
            Peer { address, certificate: stream.stream().certificate().map(Arc::new), _seat: Some(seat) };
        let app = app.clone();
        let answer = service_fn(move |request: Request<Incoming>| {
            let (app, peer) = (app.clone(), peer.clone());
            async move { Ok::<_, Infallible>(unread::answer(request, |request| app.answer(peer, request)).await) }
        });
        let connection = open.watch(http.serve_connection(TokioIo::new(stream), answer));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::trace!(%error, "a connection ended");
            }
        });
    }
    drop(inbox);
    open.shutdown().await;
}

impl Inbox {
    async fn accept(&mut self) -> (Watched<Stream>, Remote) {
        loop {
            tokio::select! {
                handed = self.handed.recv(), if !self.closed && self.agreeing.len() < HANDSHAKES => {
                    let Some((stream, seat)) = handed else {
                        self.closed = true;
                        continue;
                    };
                    match (take(stream, seat), &self.tls) {
                        (Ok((stream, peer)), None) => return (Watched::new(Stream::Plain(stream)), peer),
                        (Ok((stream, peer)), Some(tls)) => {
                            let tls = tls.clone();
                            self.agreeing.spawn(async move { Some((tls.agree(stream).await?, peer)) });
                        }
                        // Gone before it was served.
                        (Err(error), _) => tracing::debug!(%error, "a connection cannot be served"),
                    }
                }
                Some(agreed) = self.agreeing.join_next(), if !self.agreeing.is_empty() => {
                    if let Ok(Some((stream, peer))) = agreed {
                        return (Watched::new(stream), peer);
                    }
                }
                else => pending().await,
            }
        }
    }
}

fn take(stream: std::net::TcpStream, seat: Seat<peers::Peer>) -> io::Result<(TcpStream, Remote)> {
    let stream = TcpStream::from_std(stream)?;
    stream.set_nodelay(true)?;
    let remote = Remote { address: stream.peer_addr()?, seat: seat.into() };
    Ok((stream, remote))
}
