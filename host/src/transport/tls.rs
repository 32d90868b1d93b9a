//! TLS of the listener: certificates that are read again when their files change, and the stream of a connection,
//! encrypted or not.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use crate::{auth::certificate::ClientCertificate, config::front::TlsFiles};

/// A client that has not agreed on keys by then is cut off.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The certificates in force.
#[derive(Clone, Debug)]
pub(super) struct Tls(watch::Receiver<Arc<ServerConfig>>);

impl Tls {
    /// Reads the files, and reads them again whenever they change until `stop` fires. New files that cannot be used
    /// leave the old certificates in force, and the log says why.
    pub(super) fn start(files: &TlsFiles, stop: CancellationToken) -> io::Result<Self> {
        let stamp = stamp(files);
        let config = load(files).map_err(|why| io::Error::other(format!("server.tls: {why}")))?;
        let (sender, current) = watch::channel(Arc::new(config));
        tokio::spawn(stop.run_until_cancelled_owned(keep_up(files.clone(), stamp, sender)));
        Ok(Self(current))
    }

    /// Agrees on keys with a client; none if that fails or takes too long.
    pub(super) async fn agree(self, stream: TcpStream) -> Option<Stream> {
        let config = self.0.borrow().clone();
        match tokio::time::timeout(PATIENCE, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(stream)) => Some(Stream::Tls(Box::new(stream))),
            Ok(Err(error)) => {
                tracing::debug!(%error, "no TLS with a client");
                None
            }
            Err(_) => {
                tracing::debug!("a client did not agree on TLS in time");
                None
            }
        }
    }
}

async fn keep_up(files: TlsFiles, mut seen: Vec<Stamp>, current: watch::Sender<Arc<ServerConfig>>) {
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        let now = stamp(&files);
        if now == seen {
            continue;
        }
        // Taken before they are read: what changes meanwhile is read again.
        seen = now;
        match load(&files) {
            Ok(config) => {
                current.send_replace(Arc::new(config));
                tracing::info!("the TLS certificates have changed and are in force");
            }
            Err(error) => {
                tracing::warn!(
                    error,
                    "the changed TLS certificates cannot be used; the old ones stay in force"
                );
            }
        }
    }
}

/// What changes with a file: links are followed, so a file that is swapped counts too.
type Stamp = Option<(u64, u64, i64, i64)>;

fn stamp(files: &TlsFiles) -> Vec<Stamp> {
    let paths = [&files.certificate, &files.key].into_iter().chain(&files.client_ca);
    let stamps = paths.map(|path| {
        let file = fs::metadata(path).ok()?;
        Some((file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
    });
    stamps.collect()
}

fn load(files: &TlsFiles) -> Result<ServerConfig, String> {
    let chain = certificates("certificate", &files.certificate)?;
    let key = read("key", &files.key)?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|error| format!("key: {} holds no private key in PEM: {error}", files.key.display()))?;
    // TLS 1.2 and 1.3 are all that rustls speaks.
    let builder = ServerConfig::builder();
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("client_ca", path)? {
                roots.add(certificate).map_err(|error| format!("client_ca: {error}"))?;
            }
            let verifier = WebPkiClientVerifier::builder(roots.into());
            let verifier = if files.required { verifier } else { verifier.allow_unauthenticated() };
            let verifier = verifier.build().map_err(|error| format!("client_ca: {error}"))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| format!("`certificate` and `key` do not go together: {error}"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(what: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(what, path)?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| format!("{what}: {}: {error}", path.display()))?;
    if found.is_empty() {
        return Err(format!("{what}: {} holds no certificate in PEM", path.display()));
    }
    Ok(found)
}

fn read(what: &str, path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{what}: {} cannot be read: {error}", path.display()))
}

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Whom the client's certificate, which has been verified, says it is.
    pub(super) fn certificate(&self) -> Option<ClientCertificate> {
        let Self::Tls(stream) = self else { return None };
        stream.get_ref().1.peer_certificates()?.first().map(ClientCertificate::read)
    }
}

/// Passes a poll on to whichever stream there is.
macro_rules! either {
    ($self:expr, $stream:ident => $poll:expr) => {
        match $self.get_mut() {
            Stream::Plain(stream) => {
                let $stream = Pin::new(stream);
                $poll
            }
            Stream::Tls(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $poll
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(cx))
    }
}
