//! The upstream programs: Debian's, installed when they are missing and we may, on free loopback ports, and
//! killed by id when they are no longer needed.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Once, mpsc},
    time::{Duration, Instant},
};

/// How long a program may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that listens on a free port until it is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts a program of the Prometheus family in `dir`, and waits until it says where it listens.
    pub(crate) fn start(program: &str, args: &[&str], dir: &Path) -> Self {
        installed();
        let mut command = Command::new(program);
        command.arg("--web.listen-address=127.0.0.1:0").args(args).current_dir(dir);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut started = Self { child: child.unwrap(), address: ([127, 0, 0, 1], 0).into() };
        let (sender, said) = mpsc::channel();
        let lines = BufReader::new(started.child.stderr.take().unwrap()).lines();
        // To the end, even when nobody listens: a program whose log is full stands still.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        let (until, mut log) = (Instant::now() + PATIENCE, String::new());
        started.address = loop {
            let Ok(line) = said.recv_timeout(until.saturating_duration_since(Instant::now())) else {
                panic!("{program} does not listen; it said:\n{log}");
            };
            if line.contains("msg=\"Listening on\"") {
                let address = line.split("address=").nth(1).and_then(|rest| rest.split(' ').next());
                break address.unwrap().parse().unwrap();
            }
            log += &line;
            log.push('\n');
        };
        started
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes sure that the programs are there.
fn installed() {
    static ONCE: Once = Once::new();
    const PACKAGES: [&str; 3] = ["prometheus", "prometheus-alertmanager", "prometheus-node-exporter"]; // and programs
    let quietly = |command: &mut Command| command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    ONCE.call_once(|| {
        let missing =
            |program: &&str| quietly(Command::new(program).arg("--version").stderr(Stdio::null())).is_err();
        let missing: Vec<&str> = PACKAGES.into_iter().filter(missing).collect();
        let apt = |args: &[&str]| {
            let mut apt = Command::new("apt-get");
            // Runlevel 1: the packages are to be there, not to run.
            apt.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").args([
                "-y",
                "-o",
                "DPkg::Lock::Timeout=300",
            ]);
            quietly(apt.args(args)).is_ok_and(|status| status.success())
        };
        let install = || apt(&[&["install", "--no-install-recommends"], &missing[..]].concat());
        assert!(
            missing.is_empty() || install() || (apt(&["update"]) && install()),
            "not in PATH, and apt-get could not install it: {}. On Debian, as root: apt-get install {}",
            missing.join(", "),
            PACKAGES.join(" "),
        );
    });
}
