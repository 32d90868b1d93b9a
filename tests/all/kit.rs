//! `bulkhead test`: each fault it looks for is planted in a component of its own and found there, and nothing else is;
//! what has no fault passes; and our own components do.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Output,
    sync::{Arc, Condvar, Mutex, PoisonError},
};

use serde_json::{Value, json};

use crate::{
    command_line::bulkhead,
    support::{component, root, script},
};

/// Where one run of the tests keeps compiled code: a component is compiled once.
struct Place {
    dir: tempfile::TempDir,
    config: String,
}

/// Runs at the same time, of all tests here: each compiles and plays as fast as it can, and has deadlines to keep.
static LEFT: (Mutex<usize>, Condvar) = (Mutex::new(2), Condvar::new());

struct Room;

impl Room {
    fn take() -> Self {
        let left = LEFT.0.lock().unwrap_or_else(PoisonError::into_inner);
        *LEFT.1.wait_while(left, |left| *left == 0).unwrap_or_else(PoisonError::into_inner) -= 1;
        Self
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *LEFT.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        LEFT.1.notify_one();
    }
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("bulkhead.yaml");
        fs::write(
            &config,
            format!("components: {{ cache_dir: '{}' }}\n", dir.path().join("cache").display()),
        )
        .unwrap();
        Self { config: config.display().to_string(), dir }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn run(&self, file: &Path, more: &[&str]) -> Output {
        let _room = Room::take();
        let file = file.display().to_string();
        bulkhead(&[&["test", &file, "--config", &self.config][..], more].concat())
    }

    /// The report as data, and the exit code.
    #[track_caller]
    fn report(&self, file: &Path, more: &[&str]) -> (Value, i32) {
        let output = self.run(file, &[&["--json"][..], more].concat());
        let report = serde_json::from_slice(&output.stdout);
        let report = report.unwrap_or_else(|error| panic!("{}: {error}: {output:?}", file.display()));
        (report, output.status.code().unwrap())
    }
}

/// The ids of what a report found, by severity.
fn found(report: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for area in report["areas"].as_array().unwrap() {
        for finding in area["findings"].as_array().unwrap() {
            let text = |key: &str| finding[key].as_str().unwrap().to_owned();
            found.entry(text("severity")).or_default().insert(text("check"));
        }
    }
    found
}

fn replaced(wasm: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut wasm = wasm.to_vec();
    let places: Vec<usize> =
        wasm.windows(from.len()).enumerate().filter(|(_, w)| *w == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "{} is not in the file", String::from_utf8_lossy(from));
    for at in places {
        wasm[at..at + to.len()].copy_from_slice(to);
    }
    wasm
}

/// The component with one fault.
fn planted(wasm: &[u8], fault: &str) -> Vec<u8> {
    match fault {
        "component.contract" => {
            replaced(wasm, b"bulkhead:service/tools@0.1.0", b"bulkhead:service/tools@0.9.0")
        }
        "component.imports" => replaced(wasm, b"wasi:cli/stderr@", b"wasi:cli/stdirr@"),
        "cost.size" => {
            // A custom section of zeros, as debug information would be.
            let size = 50_u32 << 20;
            let leb: Vec<u8> =
                (0..5).map(|n| (size >> (7 * n)) as u8 & 0x7f | if n < 4 { 0x80 } else { 0 }).collect();
            [wasm, &[0], &leb, &[1, b'x'], &vec![0; size as usize - 2]].concat()
        }
        fault => {
            let marker = format!("FAULT={fault:<40}");
            replaced(wasm, format!("FAULT={:<40}", "").as_bytes(), marker.as_bytes())
        }
    }
}

/// All at once, two at a time: each is a component to compile, and some of them wait for what never comes.
#[test]
fn every_fault_that_is_planted_is_found_and_no_other_error() {
    let place = Place::new();
    let checks = bulkhead(&["test", "--checks", "--json"]);
    let checks: Value = serde_json::from_slice(&checks.stdout).unwrap();
    let checks = checks.as_array().unwrap();
    assert!(checks.len() >= 70, "{}", checks.len());
    let wasm = fs::read(component("faulty")).unwrap();
    let left = Mutex::new(checks.iter().collect::<Vec<_>>());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(check) = { left.lock().unwrap().pop() } {
                    let (id, severity) = (check["id"].as_str().unwrap(), check["severity"].as_str().unwrap());
                    let file = place.write(&format!("{id}.wasm"), &planted(&wasm, id));
                    let (report, code) = place.report(&file, &["--cases", "5"]);
                    let found = found(&report);
                    let errors = found.get("error").cloned().unwrap_or_default();
                    let expected: BTreeSet<String> = match severity {
                        "error" => [id.to_owned()].into(),
                        _ => BTreeSet::new(),
                    };
                    let there = found.get(severity).is_some_and(|found| found.contains(id));
                    if !there || errors != expected || code != i32::from(severity == "error") {
                        wrong.lock().unwrap().push(format!("{id}: found {found:?}, exit {code}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_component_without_a_fault_passes_and_a_seed_is_a_run() {
    let (place, file) = (Place::new(), component("faulty"));
    let (report, code) = place.report(&file, &["--strict"]);
    assert_eq!((found(&report), code), (BTreeMap::new(), 0));
    assert_eq!(report["config"], json!({ "url": "http://upstream.test" }));
    let at = |area: &str| {
        let areas = report["areas"].as_array().unwrap().iter();
        areas.clone().find(|one| one["area"] == area).unwrap()["lookedAt"].as_str().unwrap().to_owned()
    };
    assert_eq!(at("listing"), "3 tools, 1 prompts, 1 templates, listed twice");
    assert!(
        at("upstream").starts_with("12 ways to fail for each of the 3 tools that send something: 36 calls")
    );
    assert!(at("call").starts_with("48 calls with valid arguments: 48 results, 0 errors"), "{}", at("call"));
    // What is said of time and memory differs; nothing else does.
    let told = |seed: &str| {
        let output = place.run(&file, &["--seed", seed]);
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| !line.starts_with("cost")).collect::<Vec<_>>().join("\n")
    };
    let told = [told("7"), told("7")];
    assert_eq!(told[0], told[1]);
    assert!(
        told[0].ends_with("passed: 0 errors, 0 warnings, 0 allowed (seed 7, 16 cases for each tool)"),
        "{}",
        told[0]
    );
}

#[test]
fn a_finding_can_be_accepted_with_a_reason_and_warnings_can_count() {
    let (place, wasm) = (Place::new(), fs::read(component("faulty")).unwrap());
    let open = place.write("open.wasm", &planted(&wasm, "schema.open"));
    assert_eq!(place.report(&open, &["--cases", "1"]).1, 0);
    assert_eq!(place.report(&open, &["--cases", "1", "--strict"]).1, 1);
    let junit = place.dir.path().join("junit.xml").display().to_string();
    let allow = "schema.open=the upstream checks it";
    let output = place.run(&open, &["--cases", "1", "--strict", "--allow", allow, "--junit", &junit]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("    allowed: the upstream checks it\n"), "{text}");
    assert!(fs::read_to_string(junit).unwrap().contains(r#"failures="0" errors="0""#));
}

#[test]
fn a_wrong_command_line_says_what_is_wrong() {
    let (place, file) = (Place::new(), component("faulty"));
    let answers = place.write("answers.yaml", b"- { on: /items, body: 1 }");
    let answers = answers.display().to_string();
    for (more, why) in [
        (vec!["--allow", "schema.opn=x"], "there is no check `schema.opn`. Did you mean `schema.open`?"),
        (vec!["--allow", "schema.open"], "--allow schema.open: say why"),
        (vec!["--service-config", "{ url: "], "--service-config: "),
        (vec!["--service-config", "none.yaml"], "none.yaml cannot be read"),
        (vec!["--service-config", "{ url: '${secret:x}' }"], "a component never sees a secret"),
        (vec!["--upstream", &answers], "on: `/items` is not a method and a path, like `GET /v1/items/*`"),
        (vec!["--service", "nobody"], "there is no service `nobody`"),
    ] {
        let output = place.run(&file, &more);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{more:?}: {text}");
        assert!(text.contains(why), "{more:?}: {text}");
    }
    let output = place.run(Path::new("nowhere.wasm"), &[]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("nowhere.wasm cannot be read"));
}

#[test]
fn an_author_says_what_the_upstream_answers() {
    let place = Place::new();
    let wasm = fs::read(component("faulty")).unwrap();
    // Only what is written makes its upstream fail where all is well.
    let answers =
        place.write("answers.yaml", b"- { on: 'GET /health', status: 200 }\n- { on: 'PUT /*', status: 418 }");
    let file = place.write("hidden.wasm", &wasm);
    let answers = answers.display().to_string();
    let (report, code) = place.report(&file, &["--upstream", &answers, "--cases", "4"]);
    assert_eq!(code, 0, "{report}");
    let call = report["areas"].as_array().unwrap().iter().find(|area| area["area"] == "call").unwrap();
    assert_eq!(call["lookedAt"], "12 calls with valid arguments: 8 results, 4 errors in words or worse");
}

/// What a component of ours is tried with, beside its own schema.
fn given(name: &str, place: &Place) -> Vec<String> {
    match name {
        "openapi" => {
            let document = json!({
                "openapi": "3.1.0", "info": { "title": "Shop", "version": "1" },
                "paths": { "/items/{id}": { "get": { "operationId": "getItem", "summary": "Reads one item.",
                    "parameters": [{ "name": "id", "in": "path", "required": true, "description": "Which item.",
                        "schema": { "type": "integer", "minimum": 1, "maximum": 9 } }],
                    "responses": { "200": { "description": "The item." } } } } },
            });
            let answers = json!([{ "on": "GET /openapi.json", "body": document }]).to_string();
            let answers = place.write("shop.json", answers.as_bytes()).display().to_string();
            let config =
                r#"{"document": "http://upstream.test/openapi.json", "url": "http://upstream.test"}"#;
            ["--upstream", &answers, "--service-config", config].map(str::to_owned).to_vec()
        }
        _ => Vec::new(),
    }
}

/// Warnings that a component of ours is right about, and why. Others fail, too.
fn allowed(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "utilities" => &[
            ("schema.untyped", "any JSON is what it works on"),
            ("schema.unbounded", "a number at random may be any, and a page may be long"),
            (
                "text.missing",
                "`text`, `before` and `after` say it, and every word is read in every conversation",
            ),
        ],
        "grafana" => &[("schema.untyped", "a query is what the data source takes")],
        "issues-rust" | "issues-js" | "issues-python" => {
            &[("schema.unbounded", "issues are numbered without end")]
        }
        _ => &[],
    }
}

#[test]
fn our_own_components_pass() {
    let place = Place::new();
    let names = fs::read_dir(root().join("components")).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() >= 10, "{names:?}");
    let files: Vec<(String, PathBuf)> =
        names.into_iter().map(|name| (name.clone(), component(&name))).collect();
    pass(&place, files);
}

#[test]
fn components_in_every_language_are_tried() {
    let place = Place::new();
    for name in ["languages", "examples"] {
        script(name, &[]);
    }
    let made = |name: &str| root().join(format!("target/guests/{name}.wasm"));
    let rust = component("../sdk/examples/issues-rust");
    let examples =
        [("issues-rust", rust), ("issues-js", made("issues-js")), ("issues-python", made("issues-python"))];
    pass(&place, examples.map(|(name, file)| (name.to_owned(), file)).to_vec());
    // Their `spin` and `hoard` never end, and nothing else is wrong with them.
    for guest in ["add-js", "add-py"] {
        let (report, code) = place.report(&made(guest), &["--cases", "4"]);
        let errors = ["call.cpu", "call.memory"].map(str::to_owned);
        assert_eq!((found(&report).remove("error"), code), (Some(errors.into()), 1), "{guest}: {report}");
    }
}

#[track_caller]
fn pass(place: &Place, files: Vec<(String, PathBuf)>) {
    let (left, wrong) = (Mutex::new(files), Arc::new(Mutex::new(Vec::new())));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((name, file)) = { left.lock().unwrap().pop() } {
                    let mut more = given(&name, place);
                    for (check, reason) in allowed(&name) {
                        more.extend(["--allow".to_owned(), format!("{check}={reason}")]);
                    }
                    let more: Vec<&str> =
                        more.iter().map(String::as_str).chain(["--strict", "--cases", "8"]).collect();
                    let output = place.run(&file, &more);
                    if !output.status.success() {
                        let text = String::from_utf8_lossy(&output.stdout).into_owned();
                        wrong
                            .lock()
                            .unwrap()
                            .push(format!("{name}\n{text}\n{}", String::from_utf8_lossy(&output.stderr)));
                    }
                }
            });
        }
    });
    let wrong = wrong.lock().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
