//! `bulkhead new --from-openapi`: the project of an API's document builds, passes its own tests, and sends what the
//! `openapi` component sends for the same arguments.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use bulkhead_openapi::{Much, sample};
use http_body_util::Full;
use hyper::Response;
use serde_json::{Value, json};

use super::documents;
use crate::support::{Received, Server, Upstream, component, root};

/// The project `zoo` in a folder.
fn new(dir: &Path, flags: &[&str]) -> Value {
    let made = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
        .args(["new", "zoo", "--json", "--from-openapi"])
        .arg(documents::zoo())
        .args(flags)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    serde_json::from_slice(&made.stdout).unwrap()
}

/// Its own tests, with the versions that are here.
fn tested(project: &Path) {
    fs::copy(root().join("Cargo.lock"), project.join("Cargo.lock")).unwrap();
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--quiet", "--target-dir"]).arg(root().join("target/curated")).current_dir(project);
    cargo.env("RUSTFLAGS", "-Dwarnings");
    let tested = cargo.output().unwrap();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
}

fn built(project: &Path) -> PathBuf {
    let target = root().join("target/guests");
    guest_builder::build(project, Some(&target), &|_| ()).unwrap_or_else(|error| panic!("{error}")).wasm
}

/// The same with all numbers as one kind.
fn numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(numbers).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, field)| (name, numbers(field))).collect(),
        other => other,
    }
}

/// What of a request is to be the same, however its parts are encoded and ordered.
fn meant(received: &Received) -> Value {
    let (path, query) = received.target.split_once('?').unwrap_or((&received.target, ""));
    let mut query: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    // `1` and `1.0` are one number.
    for (_, value) in &mut query {
        if let Ok(object @ Value::Object(_)) = serde_json::from_str(value) {
            *value = numbers(object).to_string();
        }
    }
    query.sort();
    let header = |name: &str| received.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let kind = header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap().to_owned();
    let body = &received.body;
    let body = match kind.as_str() {
        "application/x-www-form-urlencoded" => {
            let mut pairs: Vec<(String, String)> =
                url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            pairs.sort();
            json!(pairs)
        }
        // Boundaries differ, and are anybody's.
        "multipart/form-data" => {
            let boundary =
                format!("--{}", header("content-type").unwrap().split("boundary=").nth(1).unwrap());
            json!(body.split(&boundary).map(|part| part.trim().to_lowercase()).collect::<Vec<_>>())
        }
        kind if kind.contains("json") => numbers(serde_json::from_str(body).unwrap()),
        _ => json!(body),
    };
    json!([
        received.method,
        path,
        query,
        kind,
        body,
        header("accept-region"),
        header("cookie"),
        header("accept")
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_becomes_a_project_that_sends_what_the_component_sends() {
    let dir = tempfile::tempdir().unwrap();
    let made = new(dir.path(), &[]);
    assert_eq!(made["tools"].as_array().unwrap().len(), 9, "{made}");
    let project = dir.path().join("zoo");
    tested(&project);
    let curated = built(&project);

    let upstream = Upstream::start(|_| {
        Response::builder().header("content-type", "application/json").body(Full::from("{}")).unwrap()
    })
    .await;
    let folder = documents::zoo().parent().unwrap().display().to_string();
    let server = Server::start(&format!(
        "tenants: {{ test: {{ services: {{\n\
         whole: {{ component: '{}', files: [{{ path: '{folder}', at: /api }}], egress: [{{ cookies: [lang] }}],\n\
         config: {{ file: /api/zoo.yaml, url: '{url}' }} }},\n\
         own: {{ component: '{}', egress: [{{ cookies: [lang] }}], config: {{ url: '{url}' }} }} }} }} }}\n",
        component("openapi").display(),
        curated.display(),
        url = upstream.url()
    ));
    let client = server.client();
    let document = documents::open(&documents::zoo());
    for tool in documents::mapped(&document, &upstream.url()).operations {
        for much in [Much::Required, Much::Everything] {
            let arguments = sample(&tool.input_schema, much).unwrap();
            let before = upstream.received().len();
            client.ok(&format!("whole_{}", tool.name), arguments.clone()).await;
            client.ok(&format!("own_{}", tool.name), arguments.clone()).await;
            let sent = upstream.received();
            let [whole, own] = &sent[before..] else {
                panic!("{}: {} requests", tool.name, sent.len() - before)
            };
            assert_eq!(meant(own), meant(whole), "{} {arguments}", tool.name);
        }
    }
}

#[test]
fn what_is_chosen_is_written_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let made = new(dir.path(), &["--tag", "animals", "--read-only"]);
    assert_eq!(made["tools"], json!(["list_animals", "get_animal"]), "by path and method");
    let service = fs::read_to_string(dir.path().join("zoo/src/lib.rs")).unwrap();
    for line in [
        ".egress(\"{config.url}/animals\", &[\"GET\"], \"list_animals\")",
        ".egress(\"{config.url}/animals/*\", &[\"GET\"], \"get_animal\")",
    ] {
        assert!(service.contains(line), "{service}");
    }
    assert_eq!(service.matches(".egress(").count(), 2);
    let again = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
        .args(["new", "zoo", "--from-openapi"])
        .arg(documents::zoo())
        .current_dir(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(
        !again.status.success()
            && said.contains("zoo is there already and not an empty folder; nothing was written"),
        "{said}"
    );
}

#[test]
fn a_document_that_cannot_be_used_is_an_error_that_says_why() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("none.yaml"), "a: 1\n").unwrap();
    fs::write(
        dir.path().join("outside.yaml"),
        "openapi: 3.1.0\npaths: { /a: { $ref: '../../etc/passwd' } }\n",
    )
    .unwrap();
    for (file, why) in [
        ("missing.yaml", "missing.yaml cannot be read: "),
        ("none.yaml", "none.yaml: it is not an API document"),
        ("outside.yaml", "no operation is left"),
    ] {
        let refused = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
            .args(["new", "x", "--from-openapi", file])
            .current_dir(dir.path())
            .output()
            .unwrap();
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && said.contains(why), "{file}: {said}");
    }
    assert!(!dir.path().join("x").exists());
}
