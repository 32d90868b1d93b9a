//! Guests that look around for whatever is not WASI, and for what they share with others.

use std::collections::HashSet;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    super::{
        contract::CRASHED,
        trial::{Trial, is},
    },
    Language, args, compile, described,
};

/// One call of each of these; what came of it: a result, or how it failed.
async fn each(trial: &Trial, key: &str, all: &[&str], more: &Value) -> Vec<(String, String)> {
    let mut came = Vec::new();
    for one in all {
        let mut arguments = more.clone();
        arguments[key] = json!(one);
        let result = trial.client.call("attack_run", args(arguments)).await;
        let text = result["content"][0]["text"].as_str().unwrap().to_owned();
        came.push(((*one).to_owned(), text));
    }
    trial.honest("attack", 1).await;
    trial.honest("neighbour", 1).await;
    came
}

fn are(came: &[(String, String)], expected: &[(&str, &str)]) {
    let wrong: Vec<_> =
        came.iter().zip(expected).filter(|(came, due)| (&*came.0, &*came.1) != **due).collect();
    assert!(wrong.is_empty(), "came, and was due: {wrong:#?}");
    assert_eq!(came.len(), expected.len());
}

/// No environment, no arguments, no input, no file, no folder, no process.
pub(super) async fn peek(language: Language) {
    let trial = language.trial("peek", "").await;
    if language == Language::JavaScript {
        assert_eq!(trial.structured(json!({})).await, json!({ "globals": [] }));
        // Its loader would read files, and there is nothing it could read them with.
        for module in [
            "fs",
            "node:child_process",
            "./bundle.js",
            "wasi:cli/environment@0.2.12",
            "data:text/javascript,1",
        ] {
            is(&trial.stopped(args(json!({ "module": module }))).await, "trapped", CRASHED);
        }
        return trial.honest("attack", 1).await;
    }
    let expected = [
        ("environment", r#"{"environment":0}"#),
        ("arguments", r#"{"arguments":0}"#),
        ("input", r#"{"input":""}"#),
        ("read", "read: FileNotFoundError: [Errno 44] a guest has no files: '/etc/passwd'"),
        ("write", "write: FileNotFoundError: [Errno 44] a guest has no files: '/tmp/left'"),
        ("list", "list: FileNotFoundError: [Errno 44] a guest has no files: '/'"),
        // What its C library makes up.
        ("folder", r#"{"folder":"/"}"#),
        ("process", r#"{"process":42}"#),
        ("machine", r#"{"machine":"(none)"}"#),
        ("user", "user: AttributeError: module 'os' has no attribute 'getuid'"),
    ];
    let all: Vec<_> = expected.iter().map(|(what, _)| *what).collect();
    are(&each(&trial, "what", &all, &json!({})).await, &expected);
}

/// There is one way out. What else a language has for it fails, and nobody is connected to.
pub(super) async fn open_socket(language: Language) {
    let trial = language.trial("open_socket", "").await;
    if language == Language::JavaScript {
        assert_eq!(trial.structured(json!({})).await, json!({ "globals": [] }));
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let more = json!({ "host": "127.0.0.1", "port": port, "url": format!("http://127.0.0.1:{port}/") });
    let none = "[Errno 58] a guest has no sockets; use bulkhead_sdk.http";
    let expected = [
        ("connect", &*format!("connect: OSError: {none}")),
        ("resolve", &*format!("resolve: OSError: {none}")),
        ("listen", &*format!("listen: OSError: {none}")),
        ("urllib", &*format!("urllib: URLError: <urlopen error {none}>")),
        ("asyncio", "asyncio: RuntimeError: a guest has no event loop: handlers are ordinary functions"),
    ];
    let all: Vec<_> = expected.iter().map(|(way, _)| *way).collect();
    are(&each(&trial, "way", &all, &more).await, &expected);
    // Whoever had connected would be waiting to be accepted.
    let nobody =
        std::future::poll_fn(|context| std::task::Poll::Ready(listener.poll_accept(context).is_pending()));
    assert!(nobody.await);
}

/// Neither beside itself nor without its interpreter.
pub(super) async fn start_process(language: Language) {
    let trial = language.trial("start_process", "").await;
    let expected = [
        ("fork", "fork: AttributeError: module 'os' has no attribute 'fork'"),
        ("exec", "exec: AttributeError: module 'os' has no attribute 'execv'"),
        ("system", "system: AttributeError: module 'os' has no attribute 'system'"),
        ("kill", "kill: AttributeError: module 'os' has no attribute 'kill'"),
        ("thread", "thread: RuntimeError: a guest has one thread"),
        ("subprocess", "subprocess: OSError: [Errno 58] wasi does not support processes."),
        (
            "ctypes",
            "ctypes: ModuleNotFoundError: `ctypes` was not imported while the component was made, and a guest has no \
             files: import it at the top of a module",
        ),
        ("alarm", "alarm: AttributeError: module 'signal' has no attribute 'alarm'"),
    ];
    let all: Vec<_> = expected.iter().map(|(way, _)| *way).collect();
    are(&each(&trial, "way", &all, &json!({})).await, &expected);
}

/// Code that comes with a call may do what the guest may, and no more.
pub(super) async fn evaluate(language: Language) {
    let trial = language.trial("evaluate", "").await;
    let sum = trial.answered(args(json!({ "code": "[1 + 1]" }))).await;
    assert_eq!(sum["content"][0]["text"], json!("[2]"));
    let out = language.or(
        "fetch('http://169.254.169.254/')",
        "__import__('bulkhead_sdk').http.get('http://169.254.169.254/').text",
    );
    let (reason, text) = trial.stopped(args(json!({ "code": out }))).await;
    let denied = "GET http://169.254.169.254/ is not allowed by this service's egress rules";
    assert_eq!((reason.as_str(), text.as_str()), ("denied", denied));
    let odd = trial.stopped(args(json!({ "code": "(" }))).await;
    assert!(odd.0 == "failed" && odd.1.starts_with("SyntaxError: "), "{odd:?}");
    trial.honest("attack", 1).await;
}

/// What each of these calls drew is unlike what any other drew.
async fn unlike(trial: &Trial) {
    let mut drawn = HashSet::new();
    let mut count = 0;
    for _ in 0..5 {
        for one in trial.structured(json!({})).await["drawn"].as_array().unwrap() {
            assert!(drawn.insert(one.to_string()), "{one} was drawn before");
            count += 1;
        }
    }
    assert!(count >= 15, "{count}");
}

/// Instances begin with one image, and what they draw has nothing in common.
pub(super) async fn draw(language: Language) {
    let trial = language.trial("draw", "").await;
    unlike(&trial).await;
}

/// A component that draws in `describe` has no image: each instance draws itself.
pub(super) async fn draw_in_describe(language: Language) {
    let dir = tempfile::tempdir().unwrap();
    let file = described(language, "draws_", &dir).await;
    let (attack, end) = language.attack_of(&file, "guest: draw", "").await;
    compile(&format!("{attack}{}", super::trial::neighbour())).await;
    let trial = Trial::start(&format!("{attack}{}{end}", super::trial::neighbour()));
    unlike(&trial).await;
}

/// Texts have the same hash in every instance: Python chose when the component was made. SECURITY.md says so.
pub(super) async fn hash_seed(language: Language) {
    let trial = language.trial("hash_seed", "").await;
    let first = trial.structured(json!({})).await;
    assert_eq!(trial.structured(json!({})).await, first);
}

/// Clocks go on, and the one that counts from a beginning tells nothing of other instances.
pub(super) async fn clock(language: Language) {
    let trial = language.trial("clock", "").await;
    let (first, second) = (trial.structured(json!({})).await, trial.structured(json!({})).await);
    let wall = |seen: &Value| seen["wall"].as_f64().unwrap();
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0;
    assert!(wall(&first) <= wall(&second) && (wall(&second) - now).abs() < 60_000.0, "{first} {second}");
    for seen in [&first, &second] {
        for clock in ["monotonic", "performance"] {
            let ms = seen[clock].as_f64().unwrap();
            assert!((0.0..60_000.0).contains(&ms), "{clock}: {seen}");
        }
    }
}
