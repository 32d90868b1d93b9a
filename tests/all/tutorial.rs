//! `sdk/README.md` is followed from top to bottom, once in each language, by somebody who has the real binary and an empty
//! folder. How long each step took, and how many lines it was, goes into `target/tutorial/LANGUAGE.json`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::{Value, json};

use crate::{
    dev::{compiled_once, weather},
    docs::{Block, blocks, is_like},
    registry::{Registry, log_in},
    support::{Server, Upstream, installed::installed, root},
};

/// Somebody who follows the document, in one language.
struct Reader {
    language: &'static str,
    /// Where the shell is.
    here: PathBuf,
    /// What stands in the document, and what it is here.
    instead: Vec<(&'static str, String)>,
    host: Option<Server>,
    /// Where docker's credentials are.
    docker: PathBuf,
    /// Seconds by section.
    seconds: BTreeMap<String, f64>,
    /// Commands typed.
    typed: usize,
    started: Instant,
}

impl Reader {
    fn here(&self, text: &str) -> String {
        self.instead.iter().fold(text.to_owned(), |text, (there, here)| text.replace(there, here))
    }

    /// Types the commands of a block; what they print. The shell stays where they lead it.
    fn run(&mut self, block: &Block) -> String {
        let binary = Path::new(env!("CARGO_BIN_EXE_bulkhead")).parent().unwrap();
        let place = self.here.join(".place");
        let script = format!(
            "set -euo pipefail\nPATH='{}':$PATH\nunset BULKHEAD_CONFIG BULKHEAD_LOG\n{}\npwd >'{}'\n",
            binary.display(),
            self.here(&block.text),
            place.display()
        );
        let started = Instant::now();
        let ran = Command::new("bash")
            .args(["-c", &script])
            .current_dir(&self.here)
            .env("DOCKER_CONFIG", &self.docker)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        *self.seconds.entry(block.section.clone()).or_default() += started.elapsed().as_secs_f64();
        self.typed += block.text.lines().filter(|line| !line.trim().is_empty()).count();
        let (said, told) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{}: {}\n{said}\n{told}", self.language, block.text);
        self.here = fs::read_to_string(&place).unwrap().trim().into();
        fs::remove_file(place).unwrap();
        // A project that was made knows the API itself; here it is another one.
        let config = self.here.join("dev.yaml");
        if let Ok(text) = fs::read_to_string(&config) {
            fs::write(config, self.here(&text)).unwrap();
        }
        said.into_owned()
    }

    /// Writes a file under the name that its first line says. A host that runs takes over what it is configured with.
    fn write(&mut self, text: &str) {
        let name = text.lines().next().unwrap().strip_prefix("# ").unwrap().to_owned();
        self.typed += text.lines().count();
        let (file, text) = (self.here.join(name), self.here(text));
        match &self.host {
            Some(host) if host.file() == file => {
                let loaded = host.edit(&text);
                assert_eq!(loaded["loaded"], "local/weather", "{loaded}");
            }
            _ => fs::write(file, text).unwrap(),
        }
    }

    fn serve(&mut self) {
        let host = Server::of(&self.here.join("bulkhead.yaml"));
        self.instead.push(("127.0.0.1:8080", host.address.to_string()));
        self.host = Some(host);
    }

    /// Whether a block is for this language.
    fn concerns(&self, block: &Block) -> bool {
        block.kind.split_once(' ').is_none_or(|(_, language)| language == self.language)
    }

    fn follow(&mut self, document: &str) {
        let mut said = String::new();
        for block in &blocks(document) {
            if !self.concerns(block) {
                continue;
            }
            match block.kind.split(' ').next().unwrap() {
                "sh" => match block.text.split_once("bulkhead serve --config bulkhead.yaml\n") {
                    Some((before, "")) => {
                        self.run(&Block { text: before.to_owned(), ..block.clone() });
                        self.serve();
                    }
                    _ => said = self.run(block),
                },
                "yaml" | "py" => self.write(&block.text),
                "text" => assert!(
                    is_like(self.here(&block.text).trim_end(), said.trim_end()),
                    "{}: {} says:\n{}\nbut it is:\n{said}",
                    self.language,
                    block.section,
                    block.text
                ),
                other => panic!("what is to be done with `{other}`?"),
            }
        }
    }

    /// What it took.
    fn report(&self, from_nothing: bool) -> Value {
        let lines = |file: &str| fs::read_to_string(self.here.join(file)).unwrap().lines().count();
        let source = ["src/lib.rs", "src/index.ts", "service.py"];
        let source = source.into_iter().find(|file| self.here.join(file).is_file()).unwrap();
        json!({
            "language": self.language,
            "seconds": self.started.elapsed().as_secs_f64(),
            "seconds_by_section": self.seconds,
            "lines_typed": self.typed,
            "lines_of_the_component": lines(source),
            "component_bytes": fs::metadata(self.here.join("weather.wasm")).unwrap().len(),
            // Rust's dependencies are compiled once for all runs; npm and pip have caches of their own.
            "from_nothing": from_nothing,
        })
    }
}

async fn followed(language: &'static str) {
    let api = Upstream::start(weather).await;
    let python = installed().join("python_mcp2/bin/python");
    let temporary = tempfile::tempdir().unwrap();
    let reports = root().join("target/tutorial");
    let from_nothing = language != "rust" || !reports.join("cargo").exists();
    // Where cargo looks for settings, above the empty folder: a second run need not compile what the first did.
    let settings = temporary.path().join(".cargo");
    fs::create_dir(&settings).unwrap();
    fs::write(settings.join("config.toml"), compiled_once()).unwrap();
    let here = temporary.path().join("empty");
    fs::create_dir(&here).unwrap();
    let registry = Registry::start();
    log_in(temporary.path(), &registry.address);
    let mut reader = Reader {
        language,
        here,
        docker: temporary.path().to_owned(),
        // The API is played; and whoever follows the document has the SDK installed.
        instead: vec![
            ("https://api.open-meteo.com", api.url()),
            ("localhost:5000", registry.address.clone()),
            ("python3 call.py", format!("'{}' call.py", python.display())),
        ],
        host: None,
        seconds: BTreeMap::new(),
        typed: 0,
        started: Instant::now(),
    };
    let document = fs::read_to_string(root().join("sdk/README.md")).unwrap();
    let reader = tokio::task::spawn_blocking(move || {
        reader.follow(&document);
        reader
    })
    .await
    .unwrap();
    let report = reader.report(from_nothing);
    fs::create_dir_all(&reports).unwrap();
    fs::write(reports.join(format!("{language}.json")), format!("{report:#}\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_it_in_rust_gets_there() {
    followed("rust").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_it_in_typescript_gets_there() {
    followed("js").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_it_in_python_gets_there() {
    followed("python").await;
}
