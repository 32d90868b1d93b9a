//! Hostile guests in JavaScript and Python, made with our SDKs: `tests/guests/hostile-js` and `hostile-py`. They are held
//! to what guests in Rust are held to, and their callers read the same words; where a language has its own, a test says so.

use std::path::PathBuf;

use bulkhead::{app, config::load};
use serde_json::{Value, json};

use super::trial::{self, Trial, host};
use crate::support::{root, run, script};

mod contract;
mod egress;
mod memory;
mod output;
mod processor;
mod reach;
mod requests;
mod secrets;

#[path = "scripts/list.rs"]
#[macro_use]
mod list;

/// What the guests do, and what must come of it. One function per guest.
mod attacks {
    pub(super) use super::{
        contract::*, egress::*, memory::*, output::*, processor::*, reach::*, requests::*, secrets::*,
    };
}

macro_rules! tests {
    ($language:ident: $($name:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::attacks::$name(super::Language::$language).await;
            }
        )*
    };
}

macro_rules! suite {
    (both { $($both:ident,)* } javascript { $($javascript:ident,)* } python { $($python:ident,)* }) => {
        mod javascript {
            tests!(JavaScript: $($both,)* $($javascript,)*);
        }
        mod python {
            tests!(Python: $($both,)* $($python,)*);
        }
        /// Those that are tried in both languages.
        pub(crate) const BOTH: &[&str] = &[$(stringify!($both)),*];
        const JAVASCRIPT: &[&str] = &[$(stringify!($javascript)),*];
        const PYTHON: &[&str] = &[$(stringify!($python)),*];
    };
}
scripts!(suite);

/// A language that has an SDK and an engine, which is in each of its components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    JavaScript,
    Python,
}
use Language::{JavaScript, Python};

impl Language {
    fn project(self) -> &'static str {
        self.or("hostile-js", "hostile-py")
    }

    /// The first in JavaScript, the second in Python.
    fn or<T>(self, javascript: T, python: T) -> T {
        match self {
            JavaScript => javascript,
            Python => python,
        }
    }

    /// The component.
    fn file(self) -> PathBuf {
        root().join("target/guests").join(self.project()).with_extension("wasm")
    }

    /// The service `attack`, its config and further lines of it; with the `rest` of the file, where its compiled code is.
    async fn attack(self, config: &str, rest: &str) -> (String, String) {
        self.attack_of(&self.file(), config, rest).await
    }

    async fn attack_of(self, file: &std::path::Path, config: &str, rest: &str) -> (String, String) {
        compiled().await;
        (trial::attack(file, config, rest), cached())
    }

    /// Tries `guest`, as [`Trial::of`] does.
    async fn trial(self, guest: &str, rest: &str) -> Trial {
        self.trial_with(&format!("guest: {guest}"), rest).await
    }

    async fn trial_with(self, config: &str, rest: &str) -> Trial {
        let (attack, end) = self.attack(config, rest).await;
        Trial::start(&format!("{attack}{}{end}", trial::neighbour()))
    }

    /// As [`trial::stopped`].
    async fn stopped(self, guest: &str, rest: &str, reason: &str, text: &str) {
        let trial = self.trial(guest, rest).await;
        trial::is(&trial.stopped(json!({})).await, reason, text);
        assert_eq!(trial.record()["outcome"], json!(reason));
        trial.honest("attack", 1).await;
    }

    /// As [`trial::left_out`].
    async fn left_out(self, guest: &str, rest: &str, why: &str) {
        let (attack, end) = self.attack(&format!("guest: {guest}"), rest).await;
        trial::service_left_out(&attack, &end, why).await;
    }
}

/// The arguments of `run`.
#[expect(clippy::needless_pass_by_value, reason = "it is written where it is used")]
fn args(args: Value) -> Value {
    json!({ "args": args })
}

/// Where compiled code is kept, from run to run: `tests/guests/projects` removes it when it builds anew.
fn cached() -> String {
    format!("components: {{ cache_dir: '{}' }}\n", root().join("target/guests/compiled-hostile").display())
}

/// Builds the guests and compiles them, once: compiling takes longer than a server has to be ready.
async fn compiled() {
    static DONE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let compile = || async {
        script("projects", &["hostile-js", "hostile-py"]);
        let both = [("javascript", JavaScript), ("python", Python)];
        let services = both.map(|(name, language)| {
            format!("      {name}: {{ component: '{}' }}\n", language.file().display())
        });
        compile(&format!("{}{}", services.concat(), trial::neighbour())).await;
    };
    DONE.get_or_init(compile).await;
}

/// Fills the cache with what these services run.
async fn compile(services: &str) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bulkhead.yaml");
    std::fs::write(&file, format!("{}{}", host(services), cached())).unwrap();
    app::build(load::file(&file).unwrap()).await.unwrap();
}

/// The component with another word for what it does in `describe`, which has no config that could choose. It stands in
/// the engine's memory, so it is written into that.
async fn described(language: Language, word: &str, dir: &tempfile::TempDir) -> PathBuf {
    compiled().await;
    let (honest, hostile) = ("in describe: honest", format!("in describe: {word}"));
    assert_eq!(honest.len(), hostile.len());
    let mut bytes = std::fs::read(language.file()).unwrap();
    let places = bytes.windows(honest.len()).enumerate().filter(|(_, text)| *text == honest.as_bytes());
    let places: Vec<_> = places.map(|(place, _)| place).collect();
    assert!(!places.is_empty(), "{honest} is not in {language:?}");
    for place in places {
        bytes[place..place + hostile.len()].copy_from_slice(hostile.as_bytes());
    }
    let file = dir.path().join("attack.wasm");
    std::fs::write(&file, bytes).unwrap();
    file
}

/// Those that are no guest a config could choose.
const DESCRIBED: [&str; 2] = ["spin_in_describe", "draw_in_describe"];

#[tokio::test(flavor = "multi_thread")]
async fn every_guest_is_in_the_list_and_what_is_in_the_list_is_a_guest() {
    for (language, own) in [(JavaScript, JAVASCRIPT), (Python, PYTHON)] {
        let (attack, end) = language.attack("guest: nobody", "").await;
        let output = run(&["check", "--offline"], &format!("{}{end}", host(&attack)));
        let text = String::from_utf8(output.stderr).unwrap();
        let known = text.split_once("config.guest: there are ").unwrap().1;
        let known = known.split(|c: char| !c.is_ascii_lowercase() && !"_,".contains(c)).next().unwrap();
        let mut listed: Vec<_> = BOTH.iter().chain(own).chain(&["honest"]).copied().collect();
        listed.retain(|name| !DESCRIBED.contains(name));
        listed.sort_unstable();
        assert_eq!(known.split(',').collect::<Vec<_>>(), listed, "{language:?}");
    }
}
