//! `docs/operating.md` is run from top to bottom with the real binary: its files are written, its commands typed,
//! and what they print is what it says.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use http_body_util::Full;
use hyper::Response;
use serde_json::{Value, json};

use crate::{
    auth::{key_set, signed},
    registry::{self, Registry},
    support::{Upstream, component, root},
};

/// A fenced block: its language, its text, and the section it stands in.
#[derive(Clone)]
pub(crate) struct Block {
    pub(crate) section: String,
    pub(crate) kind: String,
    pub(crate) text: String,
}

pub(crate) fn blocks(document: &str) -> Vec<Block> {
    let (mut blocks, mut section, mut open): (Vec<Block>, String, bool) = (Vec::new(), String::new(), false);
    for line in document.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(kind), false) => {
                blocks.push(Block { section: section.clone(), kind: kind.to_owned(), text: String::new() });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => blocks.last_mut().unwrap().text.push_str(&format!("{line}\n")),
            (None, false) => {
                if let Some(name) = line.strip_prefix("## ") {
                    name.clone_into(&mut section);
                }
            }
        }
    }
    blocks
}

/// Whether a text is what was written, where `…` is anything.
pub(crate) fn is_like(written: &str, text: &str) -> bool {
    let mut parts = written.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn what_differs_from_run_to_run_is_left_open() {
    assert!(is_like("a … c\n", "a b c\n") && is_like("same", "same") && is_like("…", ""));
    assert!(!is_like("a … c", "a b d") && !is_like("same", "same\n") && !is_like("a…a", "a"));
}

/// Somebody at a terminal, who follows the document.
struct Reader {
    dir: tempfile::TempDir,
    /// What was to be put into the shell.
    shell: String,
    /// What `key new` said, by the caller's id.
    digests: HashMap<String, String>,
    server: Option<Child>,
    /// What stands in the document, and what it is here.
    here: Vec<(&'static str, String)>,
    token: String,
}

impl Reader {
    fn here(&self, text: &str) -> String {
        self.here.iter().fold(text.to_owned(), |text, (there, here)| text.replace(there, here))
    }

    fn there(&self, text: &str) -> String {
        self.here.iter().fold(text.to_owned(), |text, (there, here)| text.replace(here, there))
    }

    /// Writes a file, under the name that its first line says.
    fn write(&self, text: &str) {
        let name = text.lines().next().unwrap().strip_prefix("# ").unwrap();
        let mut id = String::new();
        let line = |line: &str| {
            if let Some((_, rest)) = line.split_once("id: ") {
                id = rest.split(',').next().unwrap().to_owned();
            }
            let digest = self.digests.get(&id).map_or("", String::as_str);
            format!("{}\n", line.replace("sha256: \"…\"", &format!("sha256: \"{digest}\"")))
        };
        let text: String = self.here(text).lines().map(line).collect();
        let file = self.dir.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.dir.path()).env("TOKEN", &self.token);
        command.env("DOCKER_CONFIG", self.dir.path());
        command.env_remove("BULKHEAD_CONFIG").env_remove("BULKHEAD_LISTEN").env_remove("BULKHEAD_LOG");
        command
    }

    /// Types commands; what they print.
    fn run(&mut self, text: &str) -> String {
        let bin = Path::new(env!("CARGO_BIN_EXE_bulkhead")).parent().unwrap();
        let path = format!("PATH='{}':$PATH\n", bin.display());
        let script = format!("{path}{}{}", self.here(&self.shell), self.here(text));
        let output = self.command("bash").args(["-c", &script]).stdin(Stdio::null()).output().unwrap();
        let (said, told) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        for line in told.lines().filter(|line| line.contains("sha256: ")) {
            let after = |key: &str| line.split_once(key).unwrap().1.split([',', '"']).next().unwrap();
            self.digests.insert(after("id: ").to_owned(), after("sha256: \"").to_owned());
        }
        // In the words of the document.
        let said = self.there(&said);
        assert!(output.status.success() || !said.is_empty(), "{text}\n{told}");
        said
    }

    /// Starts the server instead of the one before, on a free port, and waits until it is ready.
    fn serve(&mut self, command: &str) {
        self.stop();
        let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
        let mut child = self
            .command(env!("CARGO_BIN_EXE_bulkhead"))
            .args(arguments)
            .args(["--listen", "127.0.0.1:0", "--json"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut seen = String::new();
        let address = loop {
            let line = log.next().unwrap_or_else(|| panic!("{command}\n{seen}"));
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            if entry["message"] == "ready" {
                break entry["address"].as_str().unwrap().to_owned();
            }
            seen.push_str(&line);
        };
        std::thread::spawn(move || log.for_each(drop)); // so that it never waits for a reader
        let port = address.rsplit(':').next().unwrap();
        self.here.retain(|(there, _)| !matches!(*there, "127.0.0.1:8080" | "localhost:8443"));
        self.here.push(("localhost:8443", format!("localhost:{port}")));
        self.here.push(("127.0.0.1:8080", address));
        self.server = Some(child);
    }

    /// Stops the server as a service manager would, so that it sends what it still has.
    fn stop(&mut self) {
        if let Some(mut child) = self.server.take() {
            assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
            assert_eq!(child.wait().unwrap().code(), Some(0));
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(child) = &mut self.server {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_guide_does_as_it_says() {
    let idp = Upstream::start(|asked| {
        let own = format!("http://{}", asked.headers["host"].to_str().unwrap());
        let about = json!({ "issuer": own, "jwks_uri": format!("{own}/keys") });
        let document = if asked.target == "/keys" { key_set() } else { about };
        Response::new(Full::from(document.to_string()))
    })
    .await;
    let collector = Upstream::start(|_| Response::new(Full::default())).await;
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("components")).unwrap();
    fs::copy(component("prometheus"), dir.path().join("components/prometheus.wasm")).unwrap();
    // Only what the host makes of its configuration is looked at.
    fs::copy(component("hostile"), dir.path().join("kubernetes.wasm")).unwrap();
    // A version that asks for more and has other tools.
    fs::copy(component("hostile"), dir.path().join("prometheus-2.wasm")).unwrap();
    let registry = Registry::start();
    registry::log_in(dir.path(), &registry.address);
    let mut reader = Reader {
        dir,
        shell: String::new(),
        digests: HashMap::new(),
        server: None,
        here: vec![
            ("https://idp.example", idp.url()),
            ("127.0.0.1:4318", collector.address.to_string()),
            ("localhost:5000", registry.address.clone()),
        ],
        token: signed(&idp.url(), "https://mcp.example.com/mcp", 600, "dev"),
    };
    let document = fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let (mut said, mut faults) = (None, String::new());
    for block in blocks(&document) {
        // What lies in the folder may be served as it lies there, and this one would need a config.
        if block.section == "Serve an API by its document" {
            fs::copy(component("openapi"), reader.dir.path().join("components/openapi.wasm")).unwrap();
        }
        match block.kind.as_str() {
            "sh" if block.section.is_empty() => reader.shell = block.text,
            "sh" if block.text.starts_with("bulkhead serve") => reader.serve(&block.text),
            "sh" => said = Some(reader.run(&block.text)),
            "yaml" => reader.write(&block.text),
            "text" => {
                let said = said.take().unwrap();
                if !is_like(block.text.trim_end(), said.trim_end()) {
                    faults
                        .push_str(&format!("\n{} says:\n{}\nbut it is:\n{said}", block.section, block.text));
                }
            }
            "" => {} // a drawing
            other => panic!("what is to be done with `{other}`?"),
        }
    }
    reader.stop();
    assert!(faults.is_empty(), "{faults}");
    assert!(collector.received().iter().any(|request| request.target == "/v1/traces"));
}

#[test]
fn the_readme_lists_every_task() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let (guide, readme) = (read("docs/operating.md"), read("README.md"));
    for task in guide.lines().filter_map(|line| line.strip_prefix("## ")) {
        let letters = task.to_lowercase().replace(' ', "-");
        let anchor: String = letters.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect();
        let link = format!("(docs/operating.md#{anchor})");
        assert!(readme.contains(&link), "{task}: {link}");
    }
}
