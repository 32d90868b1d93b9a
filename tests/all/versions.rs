//! The contract over time: a component that was built against any of its versions loads and does its work.
//! `tests/fixtures/contract` has one for each, frozen.

use std::fs;

use guest_builder::contract::{Surface, VERSION};
use serde_json::{Value, json};

use crate::{
    examples::github,
    support::{Client, Server, Upstream, component, root},
};

/// The versions of the contract, by their folders.
fn versions() -> Vec<String> {
    let folders = fs::read_dir(root().join("tests/fixtures/contract")).unwrap().map(Result::unwrap);
    let folders = folders.filter(|entry| entry.path().is_dir());
    let mut versions: Vec<_> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    versions.sort();
    versions
}

/// What of a WIT file is not a comment.
fn without_comments(wit: &str) -> String {
    let code = wit.lines().map(|line| line.split("//").next().unwrap().trim());
    code.filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_contract_that_is_spoken_is_frozen_with_a_component_that_speaks_it() {
    assert!(versions().contains(&VERSION.to_owned()), "{:?}", versions());
    let folder = root().join("tests/fixtures/contract").join(VERSION);
    let (current, frozen) = (root().join("wit/service.wit"), folder.join("service.wit"));
    // Only while the version is not announced: wit/README.md.
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::copy(&current, &frozen).unwrap();
        fs::copy(component("../sdk/examples/issues-rust"), folder.join("issues.wasm")).unwrap();
    }
    let read = |file| without_comments(&fs::read_to_string(file).unwrap());
    assert!(
        read(&current) == read(&frozen),
        "wit/service.wit is not what {VERSION} was; see the compatibility rules in wit/README.md"
    );
}

#[test]
fn the_readme_of_the_contract_lists_every_version() {
    let readme = fs::read_to_string(root().join("wit/README.md")).unwrap();
    let listed: Vec<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | Bulkhead "))
        .map(|(version, _)| version.to_owned())
        .collect();
    assert_eq!(listed, versions());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_every_version_does_its_work() {
    let upstream = Upstream::start(github).await;
    for version in versions() {
        let file = root().join("tests/fixtures/contract").join(&version).join("issues.wasm");
        let surface = Surface::read(&fs::read(&file).unwrap()).unwrap();
        let exported = format!("bulkhead:service/tools@{version}");
        assert!(surface.exports.contains(&exported), "{version}: {:?}", surface.exports);
        let server = Server::start(&format!(
            "tenants: {{ test: {{ services: {{ old: {{ component: '{}', config: {{ url: '{}/old', repo: acme/widgets }} }} }} }} }}\n",
            file.display(),
            upstream.url()
        ));
        works(&server.client(), &version).await;
    }
}

/// Everything that the contract has: tools, errors, questions, progress, prompts, resources, completions.
async fn works(client: &Client, version: &str) {
    let result = async |method: &str, params: Value| client.rpc(method, params).await["result"].take();
    let listed = client.call("old_list_issues", json!({ "limit": 2 })).await;
    let numbers =
        listed["structuredContent"]["issues"].as_array().unwrap().iter().map(|issue| &issue["number"]);
    assert_eq!(numbers.collect::<Vec<_>>(), [7, 6], "{version}: {listed}");
    let read = client.call("old_get_issue", json!({ "number": 2 })).await;
    assert_eq!(
        read["structuredContent"]["comments"],
        json!([{ "author": "bob", "body": "me too" }]),
        "{version}"
    );
    let gone = client.call("old_get_issue", json!({ "number": 404 })).await;
    assert_eq!(gone["_meta"]["bulkhead/error"]["reason"], json!("not_found"), "{version}: {gone}");
    let dry = client.call("old_create_issue", json!({ "title": "x", "dry_run": true })).await;
    assert_eq!(dry["structuredContent"]["would_create"]["title"], json!("x"), "{version}: {dry}");
    // It cannot ask this client, and says so.
    let asked = client.call("old_create_issue", json!({ "title": "x" })).await;
    assert_eq!(asked["_meta"]["bulkhead/error"]["reason"], json!("denied"), "{version}: {asked}");
    let prompt =
        result("prompts/get", json!({ "name": "old_triage", "arguments": { "state": "closed" } })).await;
    let text = prompt["messages"][0]["content"]["text"].as_str().unwrap();
    assert!(text.starts_with("Triage the closed issues of acme/widgets."), "{version}: {prompt}");
    let resource = result("resources/read", json!({ "uri": "old+issues://3" })).await;
    assert_eq!(resource["contents"][0]["text"], json!("# Issue 3\n\nText of 3 — ü"), "{version}: {resource}");
    let reference = json!({ "type": "ref/prompt", "name": "old_triage" });
    let typed = json!({ "ref": reference, "argument": { "name": "state", "value": "c" } });
    let completed = result("completion/complete", typed).await;
    assert_eq!(completed["completion"]["values"], json!(["closed"]), "{version}: {completed}");
}
