//! Servers in processes of their own: their addresses, logs, descriptors and memory.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

pub(crate) struct Serving {
    child: Child,
    pub(crate) address: SocketAddr,
    dir: tempfile::TempDir,
}

/// What a host logs from a moment on.
pub(crate) struct Log {
    file: BufReader<std::fs::File>,
    line: String,
}

impl Log {
    /// What was logged up to now is not waited for.
    pub(crate) fn forget(&mut self) {
        while self.next().is_some() {}
    }

    /// Whether an entry comes in time.
    pub(crate) fn waits_for(&mut self, patience: Duration, wanted: impl Fn(&Value) -> bool) -> bool {
        let start = Instant::now();
        while start.elapsed() < patience {
            match self.next() {
                Some(entry) if wanted(&entry) => return true,
                Some(_) => {}
                None => std::thread::sleep(Duration::from_micros(200)),
            }
        }
        false
    }

    /// The next entry, if all of it is there.
    fn next(&mut self) -> Option<Value> {
        self.file.read_line(&mut self.line).unwrap();
        let line = self.line.strip_suffix('\n')?;
        let entry = serde_json::from_str(line).unwrap();
        self.line.clear();
        Some(entry)
    }
}

impl Serving {
    /// The host, with the log as it is by default, to a file.
    pub(crate) fn host(config: &Path, dir: tempfile::TempDir) -> Self {
        let log = dir.path().join("log");
        let child = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
            .args(["serve", "--listen", "127.0.0.1:0", "--json", "--config"])
            .arg(config)
            .env_remove("RUST_BACKTRACE")
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut serving = Self { child, address: ([127, 0, 0, 1], 0).into(), dir };
        let ready = |line: &str| {
            let entry: Value = serde_json::from_str(line).ok()?;
            (entry["message"] == "ready").then(|| entry["address"].as_str().unwrap().parse().unwrap())
        };
        while serving.address.port() == 0 {
            if serving.child.try_wait().unwrap().is_some() {
                panic!("the host did not start: {}", std::fs::read_to_string(&log).unwrap());
            }
            std::thread::sleep(Duration::from_micros(200));
            let text = std::fs::read_to_string(&log).unwrap();
            serving.address = text.lines().find_map(ready).unwrap_or(serving.address);
        }
        serving
    }

    /// This program again, in another role.
    pub(crate) fn role(role: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env("BENCH_ROLE", role)
            .env_remove("RUST_BACKTRACE")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().unwrap(), dir: tempfile::tempdir().unwrap() }
    }

    /// Its log from here on; not of a server in another role.
    pub(crate) fn log(&self) -> Log {
        let file = std::fs::File::open(self.dir.path().join("log")).unwrap();
        Log { file: BufReader::new(file), line: String::new() }
    }

    /// What it has open.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Resident memory, in MiB.
    pub(crate) fn rss_mib(&self) -> f64 {
        self.status_mib("VmRSS:")
    }

    /// The most there was of it since the start, in MiB.
    pub(crate) fn peak_mib(&self) -> f64 {
        self.status_mib("VmHWM:")
    }

    fn status_mib(&self, key: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A config with these services, as flow YAML.
pub(crate) fn configured(dir: &Path, services: &str) -> std::path::PathBuf {
    written(
        dir,
        &format!(
            "components: {{ cache_dir: cache }}\ntenants: {{ bench: {{ services: {{ {services} }} }} }}\n"
        ),
    )
}

/// A config as given.
pub(crate) fn written(dir: &Path, text: &str) -> std::path::PathBuf {
    let file = dir.join("bench.yaml");
    std::fs::write(&file, text).unwrap();
    file
}
