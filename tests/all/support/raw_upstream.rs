//! An upstream below HTTP: a script writes what it likes into each connection, and when it likes.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub(crate) struct RawUpstream {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl RawUpstream {
    /// Serves `script` on a free loopback port. It gets the head of the one request of a connection.
    pub(crate) async fn start<F: Future<Output = ()> + Send + 'static>(
        script: impl Fn(String, TcpStream) -> F + Send + Sync + 'static,
    ) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    /// The same on a listener that is already there.
    pub(crate) fn on<F: Future<Output = ()> + Send + 'static>(
        listener: TcpListener,
        script: impl Fn(String, TcpStream) -> F + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let (heads, script) = (Arc::new(Mutex::new(Vec::new())), Arc::new(script));
        let log = heads.clone();
        let serving = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (log, script) = (log.clone(), script.clone());
                tokio::spawn(async move {
                    let Some(head) = head(&mut stream).await else { return };
                    log.lock().unwrap().push(head.clone());
                    script(head, stream).await;
                });
            }
        });
        Self { address, heads, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads of all requests that came.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for RawUpstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A request up to the empty line; none if the other side hung up before.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// A whole answer; `headers` are lines that end in CRLF.
pub(crate) fn page(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Says this, and hangs up once the other side has.
pub(crate) async fn say(mut stream: TcpStream, bytes: impl AsRef<[u8]>) {
    // The other side may have had enough before the end.
    let _ = stream.write_all(bytes.as_ref()).await;
    let _ = stream.shutdown().await;
    silence(&mut stream).await;
}

/// Says this and then nothing, for as long as the other side waits.
pub(crate) async fn say_and_wait(mut stream: TcpStream, bytes: impl AsRef<[u8]>) {
    let _ = stream.write_all(bytes.as_ref()).await;
    silence(&mut stream).await;
}

/// Says this again and again until the other side hangs up.
pub(crate) async fn repeat(mut stream: TcpStream, bytes: impl AsRef<[u8]>) {
    while stream.write_all(bytes.as_ref()).await.is_ok() {}
}

/// Reads and forgets until the other side hangs up.
async fn silence(stream: &mut TcpStream) {
    let mut forgotten = [0; 4096];
    while stream.read(&mut forgotten).await.is_ok_and(|read| read > 0) {}
}
