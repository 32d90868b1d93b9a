//! `bulkhead dev`: somebody writes a component at a terminal. Files are edited, and what is built, served, shown and kept
//! is what they are told.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{Response, StatusCode, body::Bytes};
use serde_json::{Value, json};

use crate::support::{Client, Received, Upstream, root};

/// How long a build may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(300);

/// The API of the template, played.
pub(crate) fn weather(asked: &Received) -> Response<Full<Bytes>> {
    let expected = "/v1/forecast?latitude=59.91&longitude=10.75&current=temperature_2m%2Cwind_speed_10m";
    let answer = Response::builder().header("content-type", "application/json");
    let (status, body) = match asked.target.as_str() {
        target if target == expected || target == expected.replace("%2C", ",") => {
            (StatusCode::OK, json!({ "current": { "temperature_2m": -3.5, "wind_speed_10m": 11.9 } }))
        }
        other => (StatusCode::NOT_FOUND, json!({ "reason": other })),
    };
    answer.status(status).body(Full::from(body.to_string())).unwrap()
}

/// A new project in Rust, for an API. What it depends on is compiled once for all such projects; the names are
/// different, because so are the components.
fn project(dir: &Path, name: &str, api: &str) -> PathBuf {
    fs::create_dir(dir.join(".cargo")).unwrap();
    fs::write(dir.join(".cargo/config.toml"), compiled_once()).unwrap();
    let mut new = Command::new(env!("CARGO_BIN_EXE_bulkhead"));
    let made = new.args(["new", name]).current_dir(dir).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let dir = dir.join(name);
    edit(&dir.join("dev.yaml"), "https://api.open-meteo.com", api);
    dir
}

/// Settings of cargo, for a folder above a project.
pub(crate) fn compiled_once() -> String {
    format!("[build]\ntarget-dir = '{}'\n", root().join("target/tutorial/cargo").display())
}

/// Replaces what stands once in a file.
fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from}: {text}");
    fs::write(file, text.replace(from, to)).unwrap();
}

/// The lines of a stream, as they come.
#[derive(Default)]
struct Lines {
    /// And whether that was all.
    seen: Mutex<(Vec<String>, bool)>,
    more: Condvar,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Arc<Self> {
        let lines = Arc::<Self>::default();
        let to = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                to.seen.lock().unwrap_or_else(PoisonError::into_inner).0.push(line);
                to.more.notify_all();
            }
            to.seen.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
            to.more.notify_all();
        });
        lines
    }

    fn count(&self) -> usize {
        self.seen.lock().unwrap().0.len()
    }

    /// The first line after `mark` that has `text` in it, and its place.
    #[track_caller]
    fn after(&self, mark: usize, text: &str) -> (usize, String) {
        let until = Instant::now() + PATIENCE;
        let mut seen = self.seen.lock().unwrap();
        loop {
            let found = seen.0.iter().enumerate().skip(mark).find(|(_, line)| line.contains(text));
            if let Some((place, line)) = found {
                return (place, line.clone());
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!seen.1 && !left.is_zero(), "`{text}` is not said after line {mark}: {:#?}", seen.0);
            seen = self.more.wait_timeout(seen, left).unwrap().0;
        }
    }
}

/// Somebody at the terminal of `bulkhead dev`.
struct Author {
    child: Child,
    stdin: Option<ChildStdin>,
    /// Answers, on stdout.
    answers: Arc<Lines>,
    /// Whatever is shown beside, on stderr.
    shown: Arc<Lines>,
}

impl Author {
    fn start(dir: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
            .args(["dev", "--port", "0"])
            .args(args)
            .current_dir(dir)
            .env_remove("BULKHEAD_CONFIG")
            .env_remove("BULKHEAD_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, answers) = (child.stdin.take(), Lines::of(child.stdout.take().unwrap()));
        let shown = Lines::of(child.stderr.take().unwrap());
        Self { child, stdin, answers, shown }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Types a line; the first line of the answer, and what is shown from now on is after the mark.
    #[track_caller]
    fn asks(&mut self, line: &str) -> (String, usize) {
        let (mark, answered) = (self.shown.count(), self.answers.count());
        self.types(line);
        (self.answers.after(answered, "").1, mark)
    }
}

impl Drop for Author {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const CALL: &str = "current latitude=59.91 longitude=10.75";

fn parsed(answer: &str) -> Value {
    serde_json::from_str(answer).unwrap_or_else(|_| panic!("{answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_served_while_it_is_written() {
    let (upstream, other) = (Upstream::start(weather).await, Upstream::start(weather).await);
    let temporary = tempfile::tempdir().unwrap();
    let dir = project(temporary.path(), "forecast", &upstream.url());
    let source = dir.join("src/lib.rs");
    let mut author = Author::start(&dir, &[]);
    let shown = author.shown.clone();
    let (_, serving) = shown.after(0, "serving http://");
    let url = serving.strip_prefix("serving ").unwrap().split(',').next().unwrap().to_owned();

    // It is called from the terminal, and what it says and sends is shown.
    let (answer, mark) = author.asks(CALL);
    assert_eq!(parsed(&answer), json!({ "temperature_celsius": -3.5, "wind_kmh": 11.9 }));
    shown.after(mark, "  log     info the weather is known");
    let (_, sent) = shown.after(mark, &format!("  egress  GET {}/v1/forecast 200 ", upstream.url()));
    assert!(sent.ends_with(" µs"), "{sent}");
    shown.after(mark, "  call    forecast_current ok ");
    assert_eq!(author.asks("tools").0, "forecast_current  Says how warm and windy it is at a place now.");
    author.answers.after(0, "    latitude (number)  Degrees north.");
    author.answers.after(0, "    longitude (number)  Degrees east.");
    let (explained, _) = author.asks("explain https://elsewhere.example/");
    assert!(explained.starts_with("REFUSED"), "{explained}");
    author.answers.after(0, "  may send    GET ");
    let mark = shown.count();
    author.types("curent {}");
    shown.after(mark, "error: there is no tool `curent`. Did you mean `current`?");
    author.types("current latitude=591 longitude=10.75");
    shown.after(mark, "(invalid_arguments)");

    // An edit is built and takes its place, for every client.
    let mark = shown.count();
    edit(&source, "temperature_celsius: temperature_2m", "temperature_celsius: temperature_2m + 100.0");
    shown.after(mark, "changed: src/lib.rs");
    shown.after(mark, "reloaded forecast: forecast_current");
    let new = json!({ "temperature_celsius": 96.5, "wind_kmh": 11.9 });
    assert_eq!(parsed(&author.asks(CALL).0), new);
    let client = Client::new(&url);
    let place = json!({ "latitude": 59.91, "longitude": 10.75 });
    assert_eq!(client.call("forecast_current", place).await["structuredContent"], new);

    // What cannot be built changes nothing.
    let mark = shown.count();
    let good = fs::read_to_string(&source).unwrap();
    fs::write(&source, format!("{good}\nfn broken(")).unwrap();
    let (place_of_error, _) = shown.after(mark, "error: cargo could not build forecast");
    shown.after(place_of_error, "what was served before still is");
    assert_eq!(parsed(&author.asks(CALL).0), new);

    // Nor does a configuration that cannot be used.
    let mark = shown.count();
    edit(&dir.join("dev.yaml"), "component:", "compnent:");
    let (_, error) = shown.after(mark, "unknown key `compnent`");
    assert!(error.contains("dev.yaml:"), "{error}");
    assert_eq!(parsed(&author.asks(CALL).0), new);
    let mark = shown.count();
    let config = fs::read_to_string(dir.join("dev.yaml")).unwrap();
    fs::write(
        dir.join("dev.yaml"),
        config.replace("compnent:", "component:").replace(&upstream.url(), &other.url()),
    )
    .unwrap();
    shown.after(mark, "reloaded forecast: forecast_current");
    let (_, mark) = author.asks(CALL);
    shown.after(mark, &format!("  egress  GET {}/v1/forecast 200 ", other.url()));

    // A request that its manifest does not ask for is refused, and that is shown.
    let mark = shown.count();
    fs::write(&source, good.replace(".get(\"/v1/forecast\")", ".get(\"/v2/elsewhere\")")).unwrap();
    shown.after(mark, "reloaded forecast: forecast_current");
    let mark = shown.count();
    author.types(CALL);
    let refused = format!(
        "  egress  GET {}/v2/elsewhere REFUSED: no rule allows this method on this URL (no_rule)",
        other.url()
    );
    shown.after(mark, &refused);
    shown.after(mark, "  call    forecast_current denied ");
    shown.after(mark, "(denied)");

    author.types("quit");
    assert_eq!(author.child.wait().unwrap().code(), Some(0));
}

#[test]
fn dev_without_a_configuration_makes_one_and_waits_for_what_is_missing() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = project(temporary.path(), "storm", "http://127.0.0.1:9");
    fs::remove_file(dir.join("dev.yaml")).unwrap();
    let mut author = Author::start(&dir, &[]);
    let shown = author.shown.clone();
    let (made, _) = shown.after(0, "/dev.yaml: how the component is served here");
    shown.after(made, "error: service `storm`: ");
    let (waits, _) = shown.after(made, "nothing is served yet; waiting for a change");
    edit(&dir.join("dev.yaml"), "config: {}", "config: { url: 'http://127.0.0.1:9' }");
    shown.after(waits, "serving http://");
    // Whoever closes a pipe only has nothing more to say.
    author.stdin = None;
    assert!(author.child.try_wait().unwrap().is_none());
    let terminated = Command::new("kill").arg(author.child.id().to_string()).status().unwrap();
    assert!(terminated.success());
    assert_eq!(author.child.wait().unwrap().code(), Some(0));
}
