//! Components that are exchanged under the host: what is served at once, and what waits for the operator.

use std::{fs, path::Path, process::Output};

use serde_json::{Value, json};

use crate::{
    command_line::{bulkhead, write},
    support::{Server, component, replace},
};

/// A folder with a component that can be exchanged, and a config with a service of it and another that is well.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(components: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let services = "calc: { component: ./calc.wasm }, utilities: {}";
        let config = format!(
            "components: {{ {components} }}\ntenants: {{ acme: {{ services: {{ {services} }} }} }}\n"
        );
        write(folder.path(), "bulkhead.yaml", config.as_bytes());
        folder.put(&adder());
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, wasm: &[u8]) {
        replace(&self.path().join("calc.wasm"), wasm);
    }

    /// Puts a component with other tools in the place of the first.
    fn exchange(&self) {
        self.put(&fs::read(component("hostile")).unwrap());
    }

    fn run(&self, args: &[&str]) -> Output {
        let config = self.path().join("bulkhead.yaml").display().to_string();
        bulkhead(&[args, &["--config", &config]].concat())
    }

    fn serve(&self) -> Server {
        Server::of(&self.path().join("bulkhead.yaml"))
    }

    /// The digest that is pinned for a service, as the lock file has it.
    fn pinned(&self, service: &str) -> Option<String> {
        let text = fs::read_to_string(self.path().join("bulkhead.lock")).ok()?;
        let lock: Value = serde_json::from_str(&text).unwrap();
        lock["services"][service]["digest"].as_str().map(str::to_owned)
    }
}

/// The component that is there first.
fn adder() -> Vec<u8> {
    fs::read(component("add")).unwrap()
}

fn digest(wasm: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(wasm).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same component with a section that means nothing: another digest.
fn renamed(mut wasm: Vec<u8>) -> Vec<u8> {
    wasm.extend([0, 2, 1, b'x']);
    wasm
}

fn text(output: &Output) -> String {
    let parts = [&output.stdout, &output.stderr].map(|part| String::from_utf8(part.clone()).unwrap());
    parts.concat()
}

const WAITS: &str = "it waits for approval: ";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_first_is_pinned() {
    let folder = Folder::new("");
    assert!(folder.run(&["check"]).status.success());
    assert_eq!(folder.pinned("acme/calc"), None, "only a host that serves pins");
    let server = folder.serve();
    let first = digest(&adder());
    assert_eq!(folder.pinned("acme/calc"), Some(first));
    assert_eq!(folder.pinned("acme/utilities"), None, "what is built in comes with the host");
    drop(server);
    assert_eq!(text(&folder.run(&["approve", "calc"])), "acme/calc is pinned as it is\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_component_that_says_the_same_is_served() {
    let folder = Folder::new("");
    drop(folder.serve());
    let same = renamed(adder());
    folder.put(&same);
    let server = folder.serve();
    server.client().ok("calc_add", json!({ "a": 1, "b": 2 })).await;
    assert_eq!(folder.pinned("acme/calc"), Some(digest(&same)));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_component_that_has_other_tools_waits_and_the_rest_is_served() {
    let folder = Folder::new("");
    drop(folder.serve());
    folder.exchange();
    let server = folder.serve();
    let left_out = server.logged(|entry| entry["message"] == "a service is left out");
    let why = left_out["error"].as_str().unwrap();
    assert!(why.starts_with(WAITS) && why.contains("`bulkhead approve calc`"), "{why}");
    let listed = server.client().rpc("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap();
    assert!(tools.iter().all(|tool| tool["name"].as_str().unwrap().starts_with("utilities_")), "{tools:?}");
    assert_eq!(folder.pinned("acme/calc"), Some(digest(&adder())));
    drop(server);

    // Nobody at a terminal, and nobody who said yes: it is shown, and stays as it was.
    let shown = folder.run(&["approve", "calc"]);
    assert_eq!(shown.status.code(), Some(1));
    let said = text(&shown);
    for part in [
        "acme/calc: sha256:",
        "+ asks for GET {config.url}/allowed/**\n",
        "+ tool fetch: Sends a request.",
        "error: nothing is approved; --yes",
    ] {
        assert!(said.contains(part), "`{part}` is not in {said}");
    }
    assert!(text(&folder.run(&["check", "--offline"])).contains(WAITS));

    assert!(folder.run(&["approve", "calc", "--yes"]).status.success());
    assert_eq!(folder.pinned("acme/calc"), Some(digest(&fs::read(component("hostile")).unwrap())));
    let server = folder.serve();
    server.client().ok("calc_add", json!({ "a": 1, "b": 2 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_keeps_the_old_component_served_until_it_is_approved() {
    let folder = Folder::new("");
    let server = folder.serve();
    let adds = async || server.client().ok("calc_add", json!({ "a": 1, "b": 2 })).await;
    let tools =
        async || server.client().tools().await.iter().filter(|tool| tool.starts_with("calc_")).count();
    folder.exchange();
    let message = "a service cannot be loaded; it is served as before";
    let fault = server.logged(|entry| entry["message"] == message);
    assert!(fault["error"].as_str().unwrap().starts_with(WAITS), "{fault}");
    assert_eq!((adds().await, tools().await), (json!({ "sum": 3 }), 1));
    assert_eq!(folder.pinned("acme/calc"), Some(digest(&adder())));
    let health: Value = serde_json::from_str(&server.client().get("/healthz").await).unwrap();
    assert!(health["reload"]["errors"][0].as_str().unwrap().contains(WAITS), "{health}");
    // One that says the same as the first is served at once, and pinned.
    let mark = server.mark();
    let same = renamed(adder());
    folder.put(&same);
    server.logged_after(mark, |entry| entry["loaded"] == "acme/calc");
    assert_eq!((tools().await, folder.pinned("acme/calc")), (1, Some(digest(&same))));
    // The operator's word reaches the host that serves.
    let mark = server.mark();
    folder.exchange();
    server.logged_after(mark, |entry| entry["message"] == message);
    let mark = server.mark();
    assert!(folder.run(&["approve", "calc", "--yes"]).status.success());
    server.logged_after(mark, |entry| entry["loaded"] == "acme/calc");
    assert_eq!((adds().await, tools().await), (json!({ "sum": 3 }), 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_folder_is_served_as_it_is() {
    let folder = Folder::new("trust: folder, lock: ./pins/lock.json");
    fs::create_dir(folder.path().join("pins")).unwrap();
    drop(folder.serve());
    folder.exchange();
    folder.serve().client().ok("calc_add", json!({ "a": 1, "b": 2 })).await;
    assert!(folder.path().join("pins/lock.json").exists());
}

#[test]
fn what_cannot_be_approved_is_told() {
    let folder = Folder::new("");
    for (args, code, part) in [
        (["approve", "clac"], 64, "error: there is no service `clac`. Did you mean `calc`?"),
        (["approve", "utilities"], 1, "error: acme/utilities is built in: it changes only with the host"),
    ] {
        let output = folder.run(&args);
        assert_eq!(output.status.code(), Some(code));
        assert!(text(&output).contains(part), "{}", text(&output));
    }
    write(folder.path(), "bulkhead.lock", b"{");
    let output = folder.run(&["check", "--offline"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("is not a lock file of this version"), "{}", text(&output));
}
