//! The components that speak of a running system, as operators run them: in the sandbox, behind MCP, each against the
//! double that its own tests use. Those tests say what each answers; here it is shown that nothing of it is lost on the way.

use std::{collections::BTreeMap, path::Path, process::Command, sync::Arc};

use double_kit::{Double, Example, Reply, Request, wire};
use http_body_util::Full;
use hyper::{Response, body::Bytes};
use serde_json::{Value, json};

use crate::support::{Client, Received, Server, Upstream, component, root, run};

/// A component, what plays its upstream, and what is asked of it.
struct Played {
    name: &'static str,
    double: Arc<dyn Double>,
    examples: Vec<Example>,
}

/// All that have a double. Real Prometheus and Alertmanager have tests of their own beside these.
fn all(now: f64) -> Vec<Played> {
    macro_rules! played {
        ($($name:ident: $double:ident),* $(,)?) => {
            vec![$(Played {
                name: stringify!($name),
                double: $double::double(now),
                examples: $double::examples(now),
            }),*]
        };
    }
    played! {
        alertmanager: double_alertmanager,
        argocd: double_argocd,
        elasticsearch: double_elasticsearch,
        grafana: double_grafana,
        jaeger: double_jaeger,
        kubernetes: double_kubernetes,
        loki: double_loki,
        prometheus: double_prometheus,
    }
}

fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64().floor()
}

/// The double behind a socket.
async fn upstream(double: Arc<dyn Double>) -> Upstream {
    Upstream::start(move |received| response(wire::serve(&*double, &request(received)))).await
}

fn request(received: &Received) -> Request {
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = received.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Request::new(&received.method, &received.target, headers, received.body.clone().into_bytes())
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let response =
        reply.headers.iter().fold(Response::builder().status(reply.status), |response, (name, value)| {
            response.header(name, value)
        });
    response.body(Full::from(reply.body)).unwrap()
}

/// A config with a service for each, at the URL beside it.
fn config(urls: &BTreeMap<&str, String>) -> String {
    let service = |(name, url): (&&str, &String)| {
        format!("{name}: {{ component: '{}', config: {{ url: '{url}' }} }}", component(name).display())
    };
    let services: Vec<String> = urls.iter().map(service).collect();
    format!("tenants: {{ test: {{ services: {{ {} }} }} }}\n", services.join(", "))
}

/// All of it with one host: compiling eight components takes its time.
#[tokio::test(flavor = "multi_thread")]
async fn eight_components_serve_a_running_system() {
    let played = all(now());
    let mut upstreams = BTreeMap::new();
    for Played { name, double, .. } in &played {
        upstreams.insert(*name, upstream(double.clone()).await);
    }
    let urls: BTreeMap<&str, String> =
        upstreams.iter().map(|(name, upstream)| (*name, upstream.url())).collect();
    they_leave_room_in_a_models_context(&config(&urls));
    let server = Server::start(&config(&urls));
    let client = server.client();
    the_readme_counts_the_tools_there_are(&client, &urls).await;
    prompts_name_the_tools_there_are_and_no_others(&client, &urls).await;
    every_tool_answers_as_its_schema_promises(&client, &played).await;
}

/// Asked of a command, which compiles them first.
fn they_leave_room_in_a_models_context(config: &str) {
    let told = run(&["tools", "--tokens", "--json"], config);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap_or_else(|e| panic!("{e}: {told:?}"));
    let services = told["services"].as_array().unwrap();
    assert_eq!(services.len(), 8, "{told}");
    // What runs, and what delivered it: who has no Argo CD does not pay for it.
    let (argocd, seven): (Vec<&Value>, Vec<&Value>) =
        services.iter().partition(|one| one["service"] == "argocd");
    let tokens = |of: &[&Value]| of.iter().map(|one| one["bytes"].as_u64().unwrap()).sum::<u64>().div_ceil(4);
    assert!(tokens(&seven) < 15_000, "{told}");
    assert!(tokens(&argocd) <= 1_600, "{told}");
}

async fn the_readme_counts_the_tools_there_are(client: &Client, urls: &BTreeMap<&str, String>) {
    let tools = client.tools().await;
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for name in urls.keys() {
        let row = readme.lines().find(|line| line.starts_with(&format!("| [{name}]("))).unwrap();
        let count = tools.iter().filter(|tool| tool.starts_with(&format!("{name}_"))).count();
        let told = row.trim_end_matches(['|', ' ']).rsplit('|').next().map(str::trim);
        assert_eq!(told, Some(&*count.to_string()), "{row}");
    }
    // Those without a double, too: `openapi`, whose tools are its document's, and `utilities`.
    for entry in std::fs::read_dir(root().join("components")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            readme.contains(&format!("| [{name}](components/{name}/README.md) |")),
            "{name} is not in the table"
        );
    }
}

async fn every_tool_answers_as_its_schema_promises(client: &Client, played: &[Played]) {
    let listed = client.rpc("tools/list", json!({})).await;
    let schemas: BTreeMap<&str, jsonschema::Validator> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| {
            (tool["name"].as_str().unwrap(), jsonschema::draft202012::new(&tool["outputSchema"]).unwrap())
        })
        .collect();
    for Played { name, double, examples } in played {
        for Example { tool, arguments, .. } in examples {
            let tool = format!("{name}_{tool}");
            let result = client.ok(&tool, arguments.clone()).await;
            let faults: Vec<String> =
                schemas[&*tool].iter_errors(&result).map(|fault| fault.to_string()).collect();
            assert_eq!(faults, [""; 0], "{tool} {arguments}: {result}");
        }
        assert_eq!(double.contract().unused(), [""; 0], "{name}: operations that nothing used");
    }
}

/// Every prompt, filled in, as one text: `(name, text)`.
async fn prompts(client: &Client) -> Vec<(String, String)> {
    let listed = client.rpc("prompts/list", json!({})).await;
    let mut all = Vec::new();
    for prompt in listed["result"]["prompts"].as_array().unwrap() {
        let none = Vec::new();
        let arguments = prompt["arguments"].as_array().unwrap_or(&none).iter();
        let required = arguments.filter(|argument| argument["required"] == true);
        let arguments: BTreeMap<&str, &str> =
            required.map(|argument| (argument["name"].as_str().unwrap(), "web")).collect();
        let name = prompt["name"].as_str().unwrap();
        let got = client.rpc("prompts/get", json!({ "name": name, "arguments": arguments })).await;
        let messages = got["result"]["messages"].as_array().unwrap_or_else(|| panic!("{name}: {got}"));
        let texts = messages.iter().map(|message| message["content"]["text"].as_str().unwrap());
        all.push((name.to_owned(), texts.collect::<Vec<_>>().join("\n")));
    }
    all
}

/// The names in backquotes that look like those of tools.
fn named<'a>(text: &'a str, services: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|name| services.iter().any(|service| name.starts_with(&format!("{service}_"))))
}

async fn prompts_name_the_tools_there_are_and_no_others(client: &Client, urls: &BTreeMap<&str, String>) {
    let names: Vec<&str> = urls.keys().copied().collect();
    let (tools, everywhere) = (client.tools().await, prompts(client).await);
    assert!(everywhere.len() >= 8 * 2, "{everywhere:#?}");
    for (prompt, text) in &everywhere {
        assert!(!text.contains("{tool:"), "{prompt}: {text}");
        let named: Vec<&str> = named(text, &names).collect();
        assert!(!named.is_empty(), "{prompt} names no tool: {text}");
        let unknown: Vec<&&str> =
            named.iter().filter(|name| !tools.iter().any(|tool| tool == *name)).collect();
        assert!(unknown.is_empty(), "{prompt} names {unknown:?}: {text}");
    }
    // Where a cluster is all there is, what spans services speaks of nothing else.
    let spans = |all: &[(String, String)]| {
        let (_, text) = all.iter().find(|(name, _)| name == "kubernetes_root_cause").unwrap();
        named(text, &names).any(|name| !name.starts_with("kubernetes_"))
    };
    assert!(spans(&everywhere));
    let alone = Server::start(&config(&BTreeMap::from([("kubernetes", urls["kubernetes"].clone())])));
    assert!(!spans(&prompts(&alone.client()).await));
}

/// What `make run` serves when the environment names upstreams.
fn run_config(environment: &[(&str, &str)]) -> std::process::Output {
    let mut command = Command::new(root().join("deploy/run/config"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn the_environment_names_what_make_run_serves() {
    let output = run_config(&[
        ("PROMETHEUS_URL", "http://127.0.0.1:9090/prom"),
        ("LOKI_URL", "https://logs.example"),
        ("LOKI_TENANT", "it's-us"),
        ("LOKI_TOKEN", "canary-1"),
    ]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("canary-1"), "a token is not written down: {text}");
    let dir = tempfile::tempdir().unwrap();
    for name in ["prometheus", "loki"] {
        std::fs::create_dir_all(dir.path().join("components")).unwrap();
        std::fs::copy(component(name), dir.path().join("components").join(name).with_extension("wasm"))
            .unwrap();
    }
    let checked = check(dir.path(), &text, &[("LOKI_TOKEN", "canary-1")]);
    let names: Vec<&Value> = checked["services"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["loki", "prometheus", "utilities"], "{checked}");
}

#[test]
fn an_environment_that_names_nothing_is_said_to() {
    let output = run_config(&[]);
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]));
}

fn check(dir: &Path, config: &str, environment: &[(&str, &str)]) -> Value {
    let file = dir.join("run.yaml");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bulkhead"));
    command.args(["check", "--offline", "--json", "--config"]).arg(file).envs(environment.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_rust_component_imports_no_terminal_and_no_environment() {
    let built = guest_builder::build(&root().join("tests/guests/add"), None, &|_| ()).unwrap();
    if built.toolchain.contains("Debian") {
        return println!(
            "not looked at: Debian's wasi-libc speaks WASI 0.1, and what adapts it imports all of them"
        );
    }
    let needless =
        |name: &&String| name.starts_with("wasi:cli/terminal-") || name.starts_with("wasi:cli/environment@");
    let needless: Vec<&String> = built.surface.imports.iter().filter(needless).collect();
    assert_eq!(needless, [""; 0], "see sdk/rust/src/lean.rs");
}
