//! TLS of the listener: certificates that are read again when their files change, and the stream of a connection,
//! encrypted or not.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
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

/// Until when a listener's certificate is good, if that can be read.
///
/// # Errors
/// When its files cannot be used, with what a host would say that starts with them.
pub fn good_until(files: &TlsFiles) -> Result<Option<SystemTime>, String> {
    load(files)?;
    Ok(certificates("certificate", &files.certificate)?.first().and_then(crate::egress::tls::good_until))
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

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    fn pem(what: &str, der: &[u8]) -> String {
        format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", BASE64_STANDARD.encode(der))
    }

    fn write(files: &TlsFiles) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&files.certificate, pem("CERTIFICATE", cert.der())).unwrap();
        fs::write(&files.key, pem("PRIVATE KEY", &signing_key.serialize_der())).unwrap();
    }

    fn files(dir: &Path) -> TlsFiles {
        TlsFiles { certificate: dir.join("c"), key: dir.join("k"), client_ca: None, required: true }
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_pair_leaves_the_old_one_in_force_until_a_good_one_comes() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        write(&files);
        let mut tls = Tls::start(&files, CancellationToken::new()).unwrap();
        fs::write(&files.key, "broken").unwrap();
        // The clock of the test runs as fast as there is nothing to do.
        assert!(tokio::time::timeout(LOOK * 5, tls.0.changed()).await.is_err());
        write(&files);
        tokio::time::timeout(LOOK * 5, tls.0.changed()).await.unwrap().unwrap();
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        assert!(load(&files).unwrap_err().starts_with("certificate: "));
        write(&files);
        let key = fs::read(&files.key).unwrap();
        write(&files);
        fs::write(&files.key, key).unwrap();
        assert!(load(&files).unwrap_err().starts_with("`certificate` and `key` do not go together"));
        fs::write(&files.key, "").unwrap();
        assert!(load(&files).unwrap_err().starts_with("key: "));
        write(&files);
        let ca = TlsFiles { client_ca: Some(files.key.clone()), ..files };
        assert!(load(&ca).unwrap_err().contains("holds no certificate"));
    }
}
