//! The real binary, serving on a free port until it is dropped.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::Client;

/// How long anything may take that should take milliseconds; a hang fails instead of lasting.
const PATIENCE: Duration = Duration::from_secs(60);

/// All that is of use to a test, for machines.
const JSON: [&str; 3] = ["--json", "--log", "debug,hyper=info,h2=info"];

pub(crate) struct Server {
    child: Child,
    log: Arc<(Mutex<Vec<Value>>, Condvar)>,
    pub(crate) address: SocketAddr,
    asked: AtomicUsize,
    file: PathBuf,
    /// Of the config file, if it is the server's own.
    dir: Option<tempfile::TempDir>,
}

impl Server {
    /// Starts `bulkhead serve` with a config and waits until it is ready.
    pub(crate) fn start(config: &str) -> Self {
        Self::logging(config, &JSON)
    }

    /// The same with other flags for the log. Without `--json` an entry is a text, the line.
    pub(crate) fn logging(config: &str, flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("bulkhead.yaml");
        std::fs::write(&file, config).unwrap();
        let mut server = Self::of_logging(&file, flags, &[]);
        server.dir = Some(dir);
        server
    }

    /// The same with a config file that is there.
    pub(crate) fn of(file: &Path) -> Self {
        Self::of_logging(file, &JSON, &[])
    }

    /// The same with variables of its environment.
    pub(crate) fn of_with(file: &Path, environment: &[(&str, &str)]) -> Self {
        Self::of_logging(file, &JSON, environment)
    }

    fn of_logging(file: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(file)
            .args(flags)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let (lines, shared) = (BufReader::new(child.stderr.take().unwrap()).lines(), log.clone());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let entry = serde_json::from_str(&line).unwrap_or(Value::String(line));
                shared.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
                shared.1.notify_all();
            }
            shared.0.lock().unwrap_or_else(PoisonError::into_inner).push(Value::Null); // the end
            shared.1.notify_all();
        });
        let address = ([127, 0, 0, 1], 0).into();
        let mut server =
            Self { child, log, address, asked: AtomicUsize::new(0), file: file.to_owned(), dir: None };
        let spoken = |entry: &Value| Some(entry.as_str()?.split_once(" ready address=")?.1.to_owned());
        let ready = server.logged(|entry| entry["message"] == "ready" || spoken(entry).is_some());
        let address = ready["address"].as_str().map_or_else(|| spoken(&ready).unwrap(), str::to_owned);
        server.address = address.split(' ').next().unwrap().parse().unwrap();
        server
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its config.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Writes another config into its file and waits until it is in force.
    pub(crate) fn edit(&self, config: &str) -> Value {
        let mark = self.mark();
        std::fs::write(&self.file, config).unwrap();
        self.in_force_after(mark)
    }

    /// Waits until a change that was made after a mark is in force.
    pub(crate) fn in_force_after(&self, mark: usize) -> Value {
        self.logged_after(mark, |entry| entry["message"] == "the configuration is in force")
    }

    /// A place in the log: what is logged from now on comes after it.
    pub(crate) fn mark(&self) -> usize {
        self.log.0.lock().unwrap().len()
    }

    /// A client of `/mcp`.
    pub(crate) fn client(&self) -> Client {
        Client::new(&format!("http://{}/mcp", self.address))
    }

    /// A client of any path, `/mcp?tools=a*` say, that brings an API key.
    pub(crate) fn client_of(&self, key: &str, path: &str) -> Client {
        Client::new(&format!("http://{}{path}", self.address)).with("x-api-key", key)
    }

    /// Waits for a log entry, and fails if the server ends or stays silent.
    #[track_caller]
    pub(crate) fn logged(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.logged_after(0, wanted)
    }

    /// The same for what comes after a mark.
    #[track_caller]
    pub(crate) fn logged_after(&self, mark: usize, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        let mut log = self.log.0.lock().unwrap();
        loop {
            if let Some(found) = log.iter().skip(mark).find(|entry| wanted(entry)) {
                return found.clone();
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(log.last() != Some(&Value::Null) && !left.is_zero(), "not logged; the log is: {log:#?}");
            log = self.log.1.wait_timeout(log, left).unwrap().0;
        }
    }

    /// The log, for somebody who reads it beside what uses the server.
    pub(crate) fn log(&self) -> Log {
        Log(self.log.clone())
    }

    /// Everything logged up to now, as text. Lines come in order through a pipe, so one that is asked for last
    /// is waited for.
    pub(crate) async fn log_until_now(&self) -> String {
        self.log_until_now_of(&self.client()).await
    }

    /// The same where only some may call.
    pub(crate) async fn log_until_now_of(&self, client: &Client) -> String {
        let last = format!("nothing_{}", self.asked.fetch_add(1, Ordering::SeqCst));
        client.call(&last, json!({})).await;
        let spoken = format!("tool=\"{last}\"");
        self.logged(|entry| {
            entry["tool"] == last.as_str() || entry.as_str().is_some_and(|line| line.contains(&spoken))
        });
        self.log_text()
    }

    /// What has arrived of the log, as text.
    pub(crate) fn log_text(&self) -> String {
        self.log.0.lock().unwrap().iter().map(|entry| format!("{entry}\n")).collect()
    }
}

/// The log of a server, to its end.
pub(crate) struct Log(Arc<(Mutex<Vec<Value>>, Condvar)>);

impl Log {
    /// Waits for the first entry at `from` or later that is wanted: its place. None if the server ends before.
    pub(crate) fn next(&self, from: usize, wanted: impl Fn(&Value) -> bool) -> Option<(usize, Value)> {
        let mut log = self.0.0.lock().unwrap();
        loop {
            if let Some((place, found)) = log.iter().enumerate().skip(from).find(|(_, entry)| wanted(entry)) {
                return Some((place, found.clone()));
            }
            if log.last() == Some(&Value::Null) {
                return None;
            }
            log = self.0.1.wait(log).unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
