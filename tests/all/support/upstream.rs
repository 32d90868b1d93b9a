//! An HTTP server, with TLS or without, that answers as told and remembers what it was asked.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustls::{ServerConfig, pki_types::CertificateDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    /// Path and query, as sent.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// On which connection it came, counted from 1.
    pub(crate) connection: usize,
    /// Whom the connection's client says it is, if it showed a certificate.
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    tls: bool,
    received: Arc<Mutex<Vec<Received>>>,
    accepted: Arc<AtomicUsize>,
    serving: tokio::task::JoinHandle<()>,
}

type Answer = Arc<dyn Fn(&Received) -> Response<Full<Bytes>> + Send + Sync>;

impl Upstream {
    /// Serves `answer` on a free loopback port, inside the current runtime.
    pub(crate) async fn start(
        answer: impl Fn(&Received) -> Response<Full<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), None, answer)
    }

    /// The same on a listener of one's choice, and with TLS if there is a configuration for it.
    pub(crate) fn serve(
        listener: TcpListener,
        tls: Option<ServerConfig>,
        answer: impl Fn(&Received) -> Response<Full<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        let answer: Answer = Arc::new(answer);
        let address = listener.local_addr().unwrap();
        let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let has_tls = acceptor.is_some();
        let (received, accepted) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (log, count) = (received.clone(), accepted.clone());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = count.fetch_add(1, Ordering::SeqCst) + 1;
                let (answer, log, acceptor) = (answer.clone(), log.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => converse(stream, connection, None, answer, log).await,
                        Some(acceptor) => {
                            let Some((stream, certificate)) = agree(&acceptor, stream).await else { return };
                            converse(stream, connection, certificate, answer, log).await;
                        }
                    }
                });
            }
        });
        Self { address, tls: has_tls, received, accepted, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }

    /// What arrived so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Connections so far, whatever became of them.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// Agrees on TLS; none if that fails. The socket is then read to its end: closed with something unread, it
/// would be reset, and the client might see that instead of why it was refused.
async fn agree(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
) -> Option<(tokio_rustls::server::TlsStream<TcpStream>, Option<CertificateDer<'static>>)> {
    match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            let shown = shown.map(|certificate| certificate.clone().into_owned());
            Some((stream, shown))
        }
        Err((_, mut stream)) => {
            let _ = stream.read_to_end(&mut Vec::new()).await;
            None
        }
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    certificate: Option<CertificateDer<'static>>,
    answer: Answer,
    log: Arc<Mutex<Vec<Received>>>,
) {
    let serve = service_fn(|request: Request<Incoming>| {
        let (answer, log, certificate) = (answer.clone(), log.clone(), certificate.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(|b| b.to_bytes()).unwrap_or_default();
            let received = Received {
                method: parts.method.to_string(),
                target: parts.uri.to_string(),
                headers: parts.headers,
                body: String::from_utf8_lossy(&body).into_owned(),
                connection,
                certificate,
            };
            log.lock().unwrap().push(received.clone());
            Ok::<_, Infallible>(answer(&received))
        }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await;
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
