//! What clients think of the tools that documents become: MCP Inspector lists them, and has their schemas checked
//! (`--strict`): it takes them all. What it warns of is what documents say and not every model's provider understands.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::{Value, json};

use super::documents;
use crate::support::{Client, Server, component, installed::javascript};

/// Tools on a page of the host's, and the Inspector lists one page.
const PAGE: usize = 1000;
/// Globs in a URL.
const GLOBS: usize = 64;

/// A service for each document; large ones have the memory and the time to be listed.
fn config(folder: &Path, names: &BTreeMap<String, String>) -> String {
    let service = |(name, file): (&String, &String)| {
        format!(
            "{name}: {{ component: '{}', files: [{{ path: '{}', at: /api }}],\n\
             limits: {{ listing: {{ memory: 1GiB, deadline: 2m, cpu: 2m }} }},\n\
             config: {{ file: '/api/{file}', url: 'http://127.0.0.1:1' }} }}",
            component("openapi").display(),
            folder.display()
        )
    };
    let services: Vec<String> = names.iter().map(service).collect();
    format!("tenants: {{ test: {{ services: {{ {} }} }} }}\n", services.join(",\n"))
}

/// What it says of the tools that a URL selects, which it takes in the older and the newer protocol: how many they are,
/// and its findings, each as severity, rule, tool and place.
fn strict(server: &Server, query: &str) -> (usize, Vec<String>) {
    let url = format!("http://{}/mcp{query}", server.address);
    let judged = javascript("inspector").args(["strict", &url]).output().unwrap();
    let judged: Value =
        serde_json::from_slice(&judged.stdout).unwrap_or_else(|error| panic!("{error}: {judged:?}"));
    assert_eq!(judged["legacy"], judged["modern"]);
    let judged = &judged["modern"];
    let findings = judged["findings"].as_array().unwrap_or_else(|| panic!("{query}: {judged}")).iter();
    let findings: Vec<String> = findings.map(|finding| finding.as_str().unwrap().to_owned()).collect();
    // 6 is what it ends with where it refuses one.
    let refused: Vec<&String> = findings.iter().filter(|finding| finding.starts_with("error")).collect();
    assert_eq!((&judged["code"], refused), (&json!(0), Vec::new()), "{query}");
    (usize::try_from(judged["tools"].as_u64().unwrap()).unwrap(), findings)
}

/// The names of all tools, page by page.
async fn all(client: &Client) -> Vec<String> {
    let (mut names, mut params) = (Vec::new(), json!({}));
    loop {
        let page = client.rpc("tools/list", params).await;
        let tools = page["result"]["tools"].as_array().unwrap_or_else(|| panic!("{page}"));
        names.extend(tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()));
        match &page["result"]["nextCursor"] {
            Value::Null => return names,
            cursor => params = json!({ "cursor": cursor }),
        }
    }
}

/// Selections of tools that fit on a page and are all of them together.
fn selections(tools: &[String]) -> Vec<String> {
    let mut services: BTreeMap<&str, usize> = BTreeMap::new();
    for tool in tools {
        *services.entry(tool.split('_').next().unwrap()).or_default() += 1;
    }
    let (mut selections, mut globs, mut count) = (Vec::new(), Vec::new(), 0);
    for (service, tools) in services {
        if tools > PAGE {
            // Those that change something are fewer than that, and so are the others.
            let parts = ["write", "not+write"];
            selections.extend(parts.map(|tags| format!("?tools={service}_*&tags={tags}")));
            continue;
        }
        if count + tools > PAGE || globs.len() == GLOBS {
            selections.push(format!("?tools={}", globs.join(",")));
            (globs, count) = (Vec::new(), 0);
        }
        globs.push(format!("{service}_*"));
        count += tools;
    }
    selections.push(format!("?tools={}", globs.join(",")));
    selections
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_takes_the_tools_of_one_of_everything() {
    let zoo = documents::zoo();
    let names = BTreeMap::from([("zoo".to_owned(), "zoo.yaml".to_owned())]);
    let server = Server::start(&config(zoo.parent().unwrap(), &names));
    let (tools, findings) = strict(&server, "");
    assert_eq!((tools, server.client().tools().await.len()), (9, 9));
    // Results may have null anywhere, and a name that is set to null is taken away: no warning is about anything else.
    let nullable = |finding: &String| {
        finding.starts_with("warning type-union zoo_")
            && (finding.contains(" outputSchema.")
                || finding.ends_with(" zoo_change_animal inputSchema.properties.body.properties.name")
                || finding.ends_with(".properties.born"))
    };
    let others: Vec<&String> = findings.iter().filter(|finding| !nullable(finding)).collect();
    assert_eq!((others, findings.len()), (Vec::<&String>::new(), 55));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_takes_the_tools_of_published_documents() {
    let Some(folder) = documents::published() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut names = BTreeMap::new();
    // One with references to other files has them beside it, and one that is packed is no document yet.
    for file in documents::files(&folder) {
        let bytes = documents::bytes(&file);
        if bulkhead_openapi::Document::parse(&bytes, "/x", bulkhead_openapi::Limits::default()).is_err() {
            continue;
        }
        let name = format!("d{}", names.len());
        let kind = if bytes.starts_with(b"{") { "json" } else { "yaml" };
        fs::write(dir.path().join(format!("{name}.{kind}")), bytes).unwrap();
        names.insert(name.clone(), format!("{name}.{kind}"));
    }
    let server = Server::start(&config(dir.path(), &names));
    let tools = all(&server.client()).await;
    println!("{} documents, {} tools", names.len(), tools.len());
    let (mut taken, mut rules) = (0, BTreeSet::new());
    for selection in selections(&tools) {
        let (count, findings) = strict(&server, &selection);
        assert!(count <= PAGE, "{selection}");
        taken += count;
        rules.extend(
            findings.iter().map(|finding| finding.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ")),
        );
    }
    assert_eq!(taken, tools.len());
    // `type: [string, "null"]`, and what a document says nothing of.
    assert_eq!(rules, ["warning type-union", "warning untyped-schema"].map(str::to_owned).into());
}
