//! The one client all servers meet: keep-alive connections, one call after another on each, or at a steady rate.
//!
//! It shares the machine with what it measures, so it does little: requests are written once and sent as they are,
//! and of an answer the status and the length are read, and that its bytes are those of the first one, which was
//! looked at.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, unix::AsyncFd},
    net::TcpStream,
};

/// What came of a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// A tool with its arguments, and the API key of who calls it, if callers have one.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) tool: String,
    pub(crate) arguments: String,
    pub(crate) key: Option<String>,
}

/// Arguments of the tool that is measured.
const ADD: &str = r#"{"a":1,"b":2}"#;
/// From one target to the next: a prime, so that all are met and neighbours are not met in a row.
const STRIDE: usize = 7919;

impl Target {
    /// The tool that is measured.
    pub(crate) fn add(tool: &str, key: Option<String>) -> Self {
        Self { tool: tool.to_owned(), arguments: ADD.to_owned(), key }
    }

    /// The bytes of a request, in the current protocol version, as a new client speaks it.
    fn request(&self, address: SocketAddr) -> Vec<u8> {
        let Self { tool, arguments, key } = self;
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
        );
        let key = key.as_ref().map(|key| format!("x-api-key: {key}\r\n")).unwrap_or_default();
        format!(
            "POST /mcp HTTP/1.1\r\nhost: {address}\r\n{key}content-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\n\
             mcp-method: tools/call\r\nmcp-name: {tool}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// A connection that is kept.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, address, buffer: Vec::with_capacity(16 << 10) }
    }

    /// One call; its answer, unless it is none.
    pub(crate) async fn call(&mut self, target: &Target) -> Result<&[u8], String> {
        let request = target.request(self.address);
        self.exchange(&request).await
    }

    /// One call of the tool that is measured, without credentials, that may fail; why it did.
    pub(crate) async fn sum(&mut self, tool: &str) -> Result<(), String> {
        let answer = self.call(&Target::add(tool, None)).await?;
        if holds(answer, SUM) { Ok(()) } else { Err(String::from_utf8_lossy(answer).into_owned()) }
    }

    /// Sends a request and reads the body of its answer.
    async fn exchange(&mut self, request: &[u8]) -> Result<&[u8], String> {
        self.stream.write_all(request).await.map_err(|error| error.to_string())?;
        self.buffer.clear();
        let mut head = None;
        loop {
            if head.is_none() {
                head = parse_head(&self.buffer)?;
            }
            if let Some((begin, length)) = head {
                if self.buffer.len() == begin + length {
                    return Ok(&self.buffer[begin..]);
                }
                self.buffer.reserve(begin + length - self.buffer.len());
            }
            let read = self.stream.read_buf(&mut self.buffer).await.map_err(|error| error.to_string())?;
            if read == 0 {
                return Err("the connection was closed".to_owned());
            }
        }
    }
}

/// Where the body begins and how long it is, once all of the head is there; an error for what is not an answer.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, usize)>, String> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|error| error.to_string())?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(String::from_utf8_lossy(bytes).into_owned());
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    length.map(|length| Some((end + 4, length))).ok_or_else(|| format!("no content-length: {head}"))
}

/// What every answer of the tool that is measured holds.
const SUM: &[u8] = br#""sum":3"#;

/// Whether an answer holds `word` near its beginning.
pub(crate) fn holds(answer: &[u8], word: &[u8]) -> bool {
    answer[..answer.len().min(4096)].windows(word.len()).any(|found| found == word)
}

/// A call answers what it should.
pub(crate) async fn check(address: SocketAddr, tool: &str) {
    check_all(address, &[Target::add(tool, None)]).await;
}

/// Each target once, and each answers what it should.
pub(crate) async fn check_all(address: SocketAddr, targets: &[Target]) {
    let mut connection = Connection::open(address).await;
    for target in targets {
        let answer = connection.call(target).await.unwrap();
        let answer: Value = serde_json::from_slice(answer).unwrap();
        assert_eq!(answer["result"]["structuredContent"], json!({ "sum": 3 }), "{}: {answer}", target.tool);
    }
}

/// `clients` connections for `time`, each one call after another.
pub(crate) async fn run(address: SocketAddr, target: &Target, clients: usize, time: Duration) -> Round {
    run_all(address, &[target.clone()].into(), clients, time).await
}

/// The same, each connection from one target to another.
pub(crate) async fn run_all(
    address: SocketAddr,
    targets: &Arc<[Target]>,
    clients: usize,
    time: Duration,
) -> Round {
    let requests: Arc<[_]> = targets.iter().map(|target| target.request(address)).collect();
    let warm = Instant::now() + time / 10;
    let end = warm + time;
    let running: Vec<_> = (0..clients)
        .map(|client| {
            let requests = requests.clone();
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await;
                let mut expected = None;
                let mut took = Vec::with_capacity(1 << 17);
                let mut next = requests.len() * client / clients;
                loop {
                    let request = &requests[next % requests.len()];
                    next += STRIDE;
                    let start = Instant::now();
                    if start >= end {
                        return took;
                    }
                    let answer = connection.exchange(request).await.unwrap();
                    if start >= warm {
                        took.push(start.elapsed());
                    }
                    as_before(&mut expected, answer);
                }
            })
        })
        .collect();
    settled(running, time).await
}

/// `clients` connections that send `per_second` calls in all, whether or not those before are answered: a call counts
/// from the moment it was due. (A client that only sends when it has its answer leaves out what it would have
/// waited for.) Each connection has its own moments, spread evenly.
pub(crate) async fn paced(
    address: SocketAddr,
    target: &Target,
    clients: u32,
    per_second: f64,
    time: Duration,
) -> Round {
    let request: Arc<[u8]> = target.request(address).into();
    let each = Duration::from_secs_f64(f64::from(clients) / per_second);
    // Everybody is connected by then.
    let start = Instant::now() + Duration::from_millis(50);
    let warm = start + time / 10;
    let end = warm + time;
    let running: Vec<_> = (0..clients)
        .map(|client| {
            let request = request.clone();
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await;
                let timer = Timer::new();
                let mut expected = None;
                let mut took = Vec::with_capacity(1 << 17);
                let mut due = start + each * client / clients;
                while due < end {
                    timer.until(due).await;
                    let answer = connection.exchange(&request).await.unwrap();
                    if due >= warm {
                        took.push(due.elapsed());
                    }
                    as_before(&mut expected, answer);
                    due += each;
                }
                took
            })
        })
        .collect();
    settled(running, time).await
}

/// An answer that is not the one that was looked at would be measured as if it were.
fn as_before(expected: &mut Option<Vec<u8>>, answer: &[u8]) {
    match expected {
        Some(expected) => assert!(answer == expected, "another answer: {}", String::from_utf8_lossy(answer)),
        None => {
            assert!(!holds(answer, br#""isError":true"#) && !holds(answer, br#""error":"#), "{answer:?}");
            *expected = Some(answer.to_owned());
        }
    }
}

async fn settled(running: Vec<tokio::task::JoinHandle<Vec<Duration>>>, time: Duration) -> Round {
    let mut took = Vec::new();
    for client in running {
        took.extend(client.await.unwrap());
    }
    assert!(!took.is_empty(), "no call was answered in {time:?}");
    took.sort_unstable();
    let at = |q: f64| took[((took.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e6;
    Round { per_second: took.len() as f64 / time.as_secs_f64(), p50_us: at(0.5), p99_us: at(0.99) }
}

/// Wakes up on time: tokio's own clock ticks once in a millisecond, which is several calls.
struct Timer(AsyncFd<std::os::fd::OwnedFd>);

impl Timer {
    #[expect(deprecated, reason = "unsound for types that change their descriptor; this one keeps it")]
    fn new() -> Self {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Self(AsyncFd::new(timerfd_create(TimerfdClockId::Monotonic, flags).unwrap()).unwrap())
    }

    /// Returns at once if it is later already.
    async fn until(&self, due: Instant) {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let once = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec::try_from(left).unwrap(),
        };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once).unwrap();
        let mut expired = [0; 8];
        loop {
            let mut ready = self.0.readable().await.unwrap();
            match rustix::io::read(&self.0, &mut expired) {
                Ok(_) => return,
                // What was ready is an expiry that was read before.
                Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                Err(error) => panic!("{error}"),
            }
        }
    }
}
