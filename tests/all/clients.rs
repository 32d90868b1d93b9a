//! The conformance suites against the real binary. `tests/clients/conformance` has what they are expected to find.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Stdio,
    thread,
};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{
    Log, Server, component,
    installed::{installed, node},
    root,
};

/// The fixture, under the names that make its tools those the suites call. Its tools and its prompts have changed so
/// often.
fn config(direct: bool, tools: u32, prompts: u32) -> String {
    let file = component("conformance");
    let service = |name: &str, config: &str, rest: &str| {
        format!("{name}: {{ component: '{}', config: {{ prefix: {name}{config} }}{rest} }}", file.display())
    };
    // What the suites call without a prefix.
    let bare =
        ["greet", "slow_compute", "failing_job", "protocol_error_job", "confirm_delete", "multi_input"];
    let bare = bare.map(|name| format!("task_{name}: {name}")).join(", ");
    // Sessions, whose streams do not last as long as `test_reconnection`; tasks, before `slow_compute` has ended. The
    // suites cannot bring a key: who brings none is a caller with rights and limits like any other.
    format!(
        "server: {{ direct: {direct}, sessions: {{ poll_after: 1s }}, tasks: {{ after: 500ms }} }}\n\
         audit: {{ dir: audit }}\n\
         auth: {{ anonymous: {{ tenant: suite, tools: ['*'], limits: {{ calls_per_second: 1000, concurrent_calls: 100, \
         calls_per_day: 100000 }} }} }}\n\
         tenants: {{ suite: {{ services: {{ {}, {}, {} }} }} }}\n",
        service("test", &format!(", tools: {tools}, prompts: {prompts}"), ""),
        service("json", "", ""),
        service("task", "", &format!(", tools: {{ rename: {{ {bare} }} }}"))
    )
}

fn fixture(direct: bool) -> Server {
    Server::start(&config(direct, 0, 0))
}

/// What the suites ask for with two tools, and no guest can do: while `log` lasts, the operator changes what is offered.
fn change_what_is_offered(log: &Log, file: &Path, direct: bool) {
    let (mut place, mut tools, mut prompts) = (0, 0, 0);
    let asked = |entry: &Value| entry["tool"].as_str().is_some_and(|tool| tool.starts_with("test_trigger_"));
    while let Some((found, entry)) = log.next(place, asked) {
        match entry["tool"].as_str() {
            Some("test_trigger_tool_change") => tools += 1,
            _ => prompts += 1,
        }
        fs::write(file, config(direct, tools, prompts)).unwrap();
        place = found + 1;
    }
}

/// What a suite is expected to find; a scenario, or `scenario:check`, stands below the reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    passes: BTreeSet<String>,
    /// Not failed, and nothing shown by it.
    proves_nothing: BTreeMap<String, BTreeSet<String>>,
    fails: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Deserialize)]
struct Check {
    id: String,
    status: String,
}

/// What a suite found.
#[derive(Default)]
struct Found {
    passes: BTreeSet<String>,
    proves_nothing: BTreeSet<String>,
    fails: BTreeSet<(String, String)>,
}

impl Found {
    /// Reads what a suite left in `dir`: a folder per scenario, `server-{scenario}-{time}`.
    fn read(dir: &Path) -> Self {
        let mut found = Self::default();
        for entry in fs::read_dir(dir).unwrap() {
            let folder = entry.unwrap();
            let name = folder.file_name().into_string().unwrap();
            let time = "-2026-07-28T00-00-00-000Z".len();
            let scenario =
                name.strip_prefix("server-").unwrap()[..name.len() - "server-".len() - time].to_owned();
            found.add(scenario, &fs::read_to_string(folder.path().join("checks.json")).unwrap());
        }
        found
    }

    fn add(&mut self, scenario: String, text: &str) {
        let checks: Vec<Check> = serde_json::from_str(text).unwrap();
        let having = |status| checks.iter().filter(move |check| check.status == status);
        if having("FAILURE").next().is_some() {
            self.fails.extend(having("FAILURE").map(|check| (scenario.clone(), check.id.clone())));
            return;
        }
        // Well-formed messages are not what a scenario is about, and to some of them any error is a right answer.
        let shown = having("SUCCESS").any(|check| check.id != "wire-schema-valid");
        let nothing = !shown || having("WARNING").next().is_some() || text.contains("Unknown tool");
        if nothing { &mut self.proves_nothing } else { &mut self.passes }.insert(scenario);
    }
}

/// Runs a suite, on the direct way and without it, one after the other: they ask for the same things.
fn suite(package: &str, arguments: &[&str], file: &str) {
    for direct in [true, false] {
        suite_of(direct, package, arguments, file);
    }
}

/// How often a suite is run that finds nothing wrong but missed a notification: it waits for one only a moment, and on a
/// busy machine that may be over first.
const TRIES: usize = 3;

/// Every difference from what is expected is one line of the failure.
fn suite_of(direct: bool, package: &str, arguments: &[&str], file: &str) {
    let text = fs::read_to_string(root().join("tests/clients/conformance").join(file)).unwrap();
    let mut differences = Vec::new();
    for _ in 0..TRIES {
        let wanted: Expected = serde_saphyr::from_str(&text).unwrap();
        let found = run_suite(direct, package, arguments);
        let missed = found.proves_nothing.intersection(&wanted.passes).count();
        differences = found.differences(wanted);
        // One that missed something differs twice: in what it no longer is, and in what it is instead.
        if missed == 0 || differences.len() != 2 * missed {
            break;
        }
    }
    assert!(differences.is_empty(), "{file}, direct: {direct}:\n{}", differences.join("\n"));
}

fn run_suite(direct: bool, package: &str, arguments: &[&str]) -> Found {
    let index =
        installed().join(package).join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let (server, out) = (fixture(direct), tempfile::tempdir().unwrap());
    let mut command = node();
    command
        .arg(index)
        .args(["server", "--url", &format!("http://{}/mcp", server.address), "-o"])
        .arg(out.path());
    command.args(arguments);
    let (log, written) = (server.log(), server.file().to_owned());
    let operator = thread::spawn(move || change_what_is_offered(&log, &written, direct));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let audited = fs::read_dir(server.file().parent().unwrap().join("audit")).unwrap();
    let audited = audited.map(|file| fs::read(file.unwrap().path()).unwrap().len()).sum::<usize>();
    assert!(audited > 10_000, "{audited} bytes of audit log");
    drop(server);
    operator.join().unwrap();
    let found = Found::read(out.path());
    assert!(!found.passes.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    found
}

impl Found {
    /// What is not as expected, a line each.
    fn differences(&self, wanted: Expected) -> Vec<String> {
        let nothing = wanted.proves_nothing.into_values().flatten().collect();
        let failing: BTreeSet<String> = wanted.fails.into_values().flatten().collect();
        let mut differences = Vec::new();
        for (verdict, found, wanted) in
            [("passes", &self.passes, &wanted.passes), ("proves nothing", &self.proves_nothing, &nothing)]
        {
            differences.extend(
                found
                    .difference(wanted)
                    .map(|scenario| format!("{scenario} {verdict}, and is not listed so")),
            );
            differences.extend(
                wanted
                    .difference(found)
                    .map(|scenario| format!("{scenario} is listed, and no longer {verdict}")),
            );
        }
        let listed = |(scenario, check): &&(String, String)| {
            failing.contains(scenario) || failing.contains(&format!("{scenario}:{check}"))
        };
        let unlisted = self.fails.iter().filter(|failure| !listed(failure));
        differences.extend(
            unlisted.map(|(scenario, check)| format!("{scenario}:{check} fails, and is not listed so")),
        );
        let fails = |entry: &&String| {
            self.fails
                .iter()
                .any(|(scenario, check)| *scenario == **entry || format!("{scenario}:{check}") == **entry)
        };
        differences.extend(
            failing
                .iter()
                .filter(|entry| !fails(entry))
                .map(|entry| format!("{entry} is listed, and no longer fails")),
        );
        differences
    }
}

#[test]
fn the_first_conformance_suite_finds_what_we_know() {
    suite("conformance_0.1", &["--suite", "all"], "0.1.16.yaml");
}

#[test]
fn the_conformance_suite_finds_what_we_know_at_2025_11_25() {
    suite("conformance_0.2", &["--requirements", "2025-11-25"], "2025-11-25.yaml");
}

#[test]
fn the_conformance_suite_finds_what_we_know_at_2026_07_28() {
    suite("conformance_0.2", &["--requirements", "2026-07-28"], "2026-07-28.yaml");
}

/// To the suites an error is text, and any text is simple.
#[tokio::test(flavor = "multi_thread")]
async fn the_suites_find_the_tools_they_ask_for() {
    let server = fixture(true);
    let call = async |tool: &str| server.client().call(tool, json!({})).await;
    let text = |text: &str| json!({ "type": "text", "text": text });
    assert_eq!(
        call("test_simple_text").await["content"],
        json!([text("This is a simple text response for testing.")])
    );
    let image = call("test_image_content").await["content"][0].clone();
    assert_eq!(image["mimeType"], json!("image/png"));
    assert!(image["data"].as_str().unwrap().starts_with("iVBORw0KGgo"), "{image}");
    let audio = call("test_audio_content").await["content"][0].clone();
    assert_eq!((&audio["type"], &audio["mimeType"]), (&json!("audio"), &json!("audio/wav")));
    assert!(audio["data"].as_str().unwrap().starts_with("UklGR"), "{audio}");
    let resource = json!({
        "uri": "test://embedded-resource", "mimeType": "text/plain", "text": "This is an embedded resource content.",
    });
    assert_eq!(
        call("test_embedded_resource").await["content"],
        json!([{ "type": "resource", "resource": resource }])
    );
    let several = call("test_multiple_content_types").await;
    let kinds: Vec<_> = several["content"].as_array().unwrap().iter().map(|block| &block["type"]).collect();
    assert_eq!(kinds, ["text", "image", "resource"]);
    let failed = call("test_error_handling").await;
    assert_eq!(failed["isError"], json!(true));
    assert_eq!(failed["content"], json!([text("This tool intentionally returns an error for testing")]));
}
