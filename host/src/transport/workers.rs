//! The threads that serve connections: one per processor, each with a runtime of its own.
//!
//! A connection stays on its thread, and so do the tasks rmcp starts for its requests and the guests they
//! run. On one runtime over all threads each of these steps would wake another processor, which takes longer
//! than the call itself. The price: a guest that computes without pause shares its thread's time, in slices
//! of an epoch tick, with the connections of that thread.

use std::{future::pending, io, net::SocketAddr, num::NonZero, thread};

use axum::{Router, serve::Listener};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;

/// Connections that wait to be taken over; a thread that lags this far behind is not given more.
const BACKLOG: usize = 1024;

pub(super) struct Workers {
    inboxes: Vec<mpsc::Sender<std::net::TcpStream>>,
    next: usize,
    ended: Vec<oneshot::Receiver<()>>,
}

impl Workers {
    /// Starts the threads, each serving `app` until `stop` fires and its connections have ended.
    pub(super) fn start(app: &Router, stop: &CancellationToken) -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, NonZero::get);
        let mut workers = Self { inboxes: Vec::new(), next: 0, ended: Vec::new() };
        for number in 0..count {
            let (sender, received) = mpsc::channel(BACKLOG);
            let (alive, ended) = oneshot::channel();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (app, stop) = (app.clone(), stop.clone());
            let serving = move || {
                let serving =
                    axum::serve(Inbox(received), app).with_graceful_shutdown(stop.cancelled_owned());
                if let Err(error) = runtime.block_on(serving.into_future()) {
                    tracing::error!(%error, "a serving thread ended");
                }
                drop(alive);
            };
            thread::Builder::new().name(format!("serve-{number}")).spawn(serving)?;
            workers.inboxes.push(sender);
            workers.ended.push(ended);
        }
        Ok(workers)
    }

    /// Gives a connection to the next thread; one whose inbox is full is passed over.
    pub(super) fn hand_over(&mut self, stream: TcpStream) {
        let mut stream = match stream.into_std() {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%error, "a connection cannot be handed over"),
        };
        for _ in 0..self.inboxes.len() {
            self.next = (self.next + 1) % self.inboxes.len();
            let Some(inbox) = self.inboxes.get(self.next) else { return };
            match inbox.try_send(stream) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back)) => {
                    stream = back
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

/// A thread's listener: the connections it is handed.
struct Inbox(mpsc::Receiver<std::net::TcpStream>);

impl Listener for Inbox {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let Some(stream) = self.0.recv().await else { return pending().await };
            let taken = TcpStream::from_std(stream).and_then(|stream| {
                stream.set_nodelay(true)?;
                let peer = stream.peer_addr()?;
                Ok((stream, peer))
            });
            match taken {
                Ok(taken) => return taken,
                // Gone before it was served.
                Err(error) => tracing::debug!(%error, "a connection cannot be served"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}
