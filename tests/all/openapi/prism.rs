//! What the `openapi` component sends, judged by another reader of the same document: Prism, a mock server that says what
//! is wrong with a request.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
};

use bulkhead_openapi::{Much, sample};
use serde_json::{Value, json};

use super::documents;
use crate::support::{
    Server, component,
    installed::{installed, node},
};

/// Documents that Prism takes, and that are small enough for a test.
const PUBLISHED: [&str; 4] = [
    "alertmanager/openapi.yaml",
    "generic/petstore-2.0.json",
    "generic/petstore-3.0.yaml",
    "langfuse/openapi.yml",
];

/// Documents that Prism does not take, and what it says.
const UNREADABLE: [(&str, &str); 1] = [
    // A schema that is named by its `$id` is looked for in the file system.
    ("generic/petstore-3.1.yaml", "Error opening file \"/components/schemas/petdetails\""),
];

/// Operations that Prism can judge no request of: each part of `multipart/form-data` is a text to it, and of several with
/// one name it keeps the last, so that neither an object in JSON nor a list is what the schema asks for
/// (`parseMultipartFormDataParams` in `prism-http/dist/validator/validators/body.js`, 5.14.2; stoplightio/prism#2380). What
/// is sent is compared in `sdk/openapi/tests/all/wire.rs`.
const UNJUDGED: [&str; 1] = ["send_report"];

/// A mock server of a document.
struct Prism {
    child: Child,
    url: String,
}

impl Prism {
    /// Starts it; what it says where it does not start.
    fn start(document: &Path) -> Result<Self, String> {
        let index = installed().join("prism/node_modules/@stoplight/prism-cli/dist/index.js");
        let mut child = node()
            .arg(index)
            .args(["mock", "--port", "0", "--multiprocess", "false"])
            .arg(document)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        let url = loop {
            let Some(Ok(line)) = lines.next() else {
                let _ = child.wait();
                return Err(said);
            };
            if let Some((_, url)) = line.split_once("listening on ") {
                break url.trim().to_owned();
            }
            said.push_str(&format!("{line}\n"));
        };
        // It says something of each request, and would wait for who reads it.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, url })
    }
}

/// What Prism is told of a document: where a form says nothing of how a list is written, it is the standard's `form`, with a
/// name for each item; Prism knows that only if it is said (stoplightio/prism#2473). Where the document has errors for
/// answers and nothing else, Prism would answer a good request with one of them.
fn told(document: &Value) -> Value {
    let mut told = document.clone();
    let operations = told["paths"].as_object_mut().unwrap().values_mut();
    for operation in operations.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
        let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { continue };
        if !responses.keys().any(|status| status.starts_with('2') || status == "default") {
            responses.insert("200".to_owned(), json!({ "description": "it is done" }));
        }
        let Some(form) = operation.pointer_mut("/requestBody/content/application~1x-www-form-urlencoded")
        else {
            continue;
        };
        let lists = form["schema"]["properties"].as_object().into_iter().flatten();
        let lists = lists.filter(|(_, field)| field["type"] == json!("array"));
        let names: Vec<String> = lists.map(|(name, _)| name.clone()).collect();
        for name in names {
            if form.pointer("/encoding").and_then(|known| known.get(&name)).is_none() {
                form["encoding"][name] = json!({ "style": "form", "explode": true });
            }
        }
    }
    told
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came of a document.
struct Judged {
    sent: usize,
    /// Each request that was not accepted, and why.
    wrong: Vec<String>,
    /// Tools whose schema no example was found for.
    unsent: Vec<String>,
}

/// Calls every tool of a document, with what is required and with all there is.
async fn judge(document: &Value) -> Judged {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("document.json");
    fs::write(&file, document.to_string()).unwrap();
    let known = dir.path().join("told.json");
    fs::write(&known, told(document).to_string()).unwrap();
    let prism = Prism::start(&known).unwrap_or_else(|said| panic!("Prism does not start: {said}"));
    let mapping = documents::mapped(document, &prism.url);
    let cookies: BTreeSet<&str> = mapping
        .operations
        .iter()
        .flat_map(|tool| tool.plan.parameters())
        .filter(|parameter| parameter.place == bulkhead_openapi::In::Cookie)
        .map(bulkhead_openapi::Parameter::name)
        .collect();
    let server = Server::start(&format!(
        "tenants: {{ test: {{ services: {{ api: {{ component: '{}', files: [{{ path: '{}', at: /api }}],\n\
         limits: {{ memory: 256MiB, listing: {{ deadline: 2m, cpu: 2m }}, requests_per_second: 100000 }}, \
         egress: [{{ cookies: {} }}],\n\
         config: {{ file: /api/document.json, url: '{}', headers: [sl-violations] }} }} }} }} }}\n",
        component("openapi").display(),
        dir.path().display(),
        json!(cookies),
        prism.url
    ));
    let client = server.client();
    let mut judged = Judged { sent: 0, wrong: Vec::new(), unsent: Vec::new() };
    for tool in mapping.operations.iter().filter(|tool| !UNJUDGED.contains(&tool.name.as_str())) {
        let validator = jsonschema::validator_for(&tool.input_schema).unwrap();
        let examples = [Much::Required, Much::Everything].map(|much| sample(&tool.input_schema, much));
        let examples: Vec<Value> =
            examples.into_iter().flatten().filter(|one| validator.is_valid(one)).collect();
        if examples.is_empty() {
            judged.unsent.push(tool.name.clone());
        }
        for arguments in examples {
            let result = client.call(&format!("api_{}", tool.name), arguments.clone()).await;
            judged.sent += 1;
            let violations = &result["structuredContent"]["headers"]["sl-violations"];
            let violations: Value = violations
                .as_str()
                .map_or(json!([]), |text| serde_json::from_str(text).unwrap_or(json!(text)));
            let ours = |one: &&Value| {
                one["location"].as_array().is_none_or(|place| place.first() == Some(&json!("request")))
            };
            let ours: Vec<&Value> = violations.as_array().into_iter().flatten().filter(ours).collect();
            let refused = result["isError"] == json!(true);
            if refused || !ours.is_empty() {
                let said = result["content"][0]["text"].as_str().unwrap_or_default();
                judged.wrong.push(format!("{} with {arguments}: {ours:?} {said}", tool.name));
            }
        }
    }
    judged
}

#[tokio::test(flavor = "multi_thread")]
async fn prism_accepts_every_request_of_one_of_everything() {
    let judged = judge(&documents::open(&documents::zoo())).await;
    assert_eq!(judged.wrong, [""; 0]);
    assert_eq!((judged.sent, judged.unsent), (16, Vec::new()));
}

/// A mock server that accepts anything would prove nothing.
#[tokio::test(flavor = "multi_thread")]
async fn prism_refuses_what_is_not_in_the_document() {
    let mut wrong = documents::open(&documents::zoo());
    // What it is told differs from what the component is told.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("document.json");
    fs::write(&file, wrong.to_string()).unwrap();
    let prism = Prism::start(&file).unwrap();
    wrong["paths"]["/animals"]["get"]["parameters"][5]["schema"] = json!({ "type": "string" });
    let mapping = documents::mapped(&wrong, &prism.url);
    let tool = mapping.operations.iter().find(|tool| tool.name == "list_animals").unwrap();
    let sent = tool.plan.request(json!({ "limit": "many" }).as_object().unwrap()).unwrap();
    let answer = std::process::Command::new("curl").args(["-s", "-i", &sent.url]).output().unwrap();
    let answer = String::from_utf8(answer.stdout).unwrap();
    assert!(answer.contains("422") && answer.contains("limit"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prism_accepts_the_requests_of_published_documents() {
    let Some(folder) = documents::published() else { return };
    let mut wrong = Vec::new();
    for name in PUBLISHED {
        let judged = judge(&documents::open(&folder.join(name))).await;
        println!("{name}: {} requests, {} without an example", judged.sent, judged.unsent.len());
        wrong.extend(judged.wrong.into_iter().map(|one| format!("{name}: {one}")));
    }
    for (name, why) in UNREADABLE {
        let said = Prism::start(&folder.join(name)).err().unwrap_or_default();
        assert!(said.contains(why), "{name}: {said}");
    }
    assert!(wrong.is_empty(), "{} refused:\n{}", wrong.len(), wrong.join("\n"));
}
