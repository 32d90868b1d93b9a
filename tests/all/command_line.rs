//! The command line: data on stdout, clear words on stderr, exit codes, and every way to get it wrong.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::support::{Server, component, one_service, root};

pub(crate) fn bulkhead(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bulkhead"));
    command.args(args).env_remove("BULKHEAD_CONFIG").env_remove("BULKHEAD_LISTEN").env_remove("BULKHEAD_LOG");
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Runs with a config and expects one clear message.
#[track_caller]
pub(crate) fn refused(config: &str, args: &[&str], code: i32, parts: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "bulkhead.yaml", config.as_bytes());
    let output = bulkhead(&[args, &["--config", &file]].concat());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    let errors = text.lines().filter(|line| line.starts_with("error: ")).count();
    assert_eq!(errors, 1, "{text}");
}

pub(crate) fn write(dir: &Path, name: &str, bytes: &[u8]) -> String {
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

#[test]
fn what_only_the_start_used_is_let_go_of() {
    let server = Server::start("tenants: { acme: { services: { utilities: {} } } }\n");
    server.logged(|entry| entry["message"] == "what only the start used is unmapped");
    let mapped = fs::read_to_string(format!("/proc/{}/smaps", server.id())).unwrap();
    let code = mapped.split_once(&format!(" {}\n", env!("CARGO_BIN_EXE_bulkhead")));
    let code = code.unwrap().1.split(" r-xp ").nth(1).unwrap();
    let kib = |key: &str| {
        let value = code.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        value.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap()
    };
    // Two thirds of it are in memory after a start.
    assert!(kib("Rss:") * 3 < kib("Size:"), "{} of {} KiB", kib("Rss:"), kib("Size:"));
}

#[test]
fn without_a_config_the_utilities_are_there() {
    let tools = stdout(&bulkhead(&["tools"]));
    for tool in ["get_time", "get_timestamp", "get_date", "pause", "sleep"] {
        assert!(tools.contains(&format!("utilities_{tool} ")), "{tools}");
    }
    assert!(!tools.contains("web_fetch"), "only under a grant");
    let called = stdout(&bulkhead(&[
        "call",
        "utilities_semver",
        r#"{"operation":"compare","versions":["1.2.3","1.10.0"]}"#,
        "--json",
    ]));
    assert_eq!(called, "{\"order\":-1}\n");
}

#[test]
fn web_fetch_is_there_under_a_grant() {
    let dir = tempfile::tempdir().unwrap();
    let config = "tenants: { a: { services: { utilities: { config: { fetch: ['https://docs.rs'] } } } } }";
    let file = write(dir.path(), "c.yaml", config.as_bytes());
    assert!(stdout(&bulkhead(&["tools", "--config", &file])).contains("utilities_web_fetch"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_tools_cost_a_models_context_is_told() {
    let told = stdout(&bulkhead(&["tools", "--tokens", "--json"]));
    let told: Value = serde_json::from_str(&told).unwrap();
    let [service] = told["services"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!((&service["service"], &service["tools"]), (&json!("utilities"), &told["tools"]));
    let bytes = told["bytes"].as_u64().unwrap();
    assert_eq!((service["bytes"].as_u64(), told["tokens"].as_u64()), (Some(bytes), Some(bytes.div_ceil(4))));
    // The list as clients get it, without what stands around the tools.
    let server = Server::start("tenants: { local: { services: { utilities: {} } } }");
    let list = server.client().rpc("tools/list", json!({})).await;
    let listed = list["result"]["tools"].as_array().unwrap().iter();
    assert_eq!(bytes, listed.map(|tool| tool.to_string().len() as u64).sum::<u64>());

    let shown = stdout(&bulkhead(&["tools", "--tokens"]));
    let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["service", "tools", "bytes", "tokens,", "about"]);
    assert_eq!(lines[1][1..], lines[2][1..], "one service is all there is");
    assert_eq!((lines[1][0], lines[2][0], lines.len()), ("utilities", "all", 3));
}

#[test]
fn data_can_be_had_as_json() {
    let tools: Value = serde_json::from_str(&stdout(&bulkhead(&["tools", "--json"]))).unwrap();
    assert_eq!(tools[0]["name"], json!("utilities_get_time"));
    let utilities = component("utilities");
    let seen: Value =
        serde_json::from_str(&stdout(&bulkhead(&["inspect", "--json", utilities.to_str().unwrap()])))
            .unwrap();
    assert_eq!(
        (&seen["name"], &seen["egress"][0]["url"]),
        (&json!("utilities"), &json!("{config.fetch}/**"))
    );
    // A guest in Rust takes a MiB or two, before it does anything.
    assert!((1 << 16..4 << 20).contains(&seen["memoryBytes"].as_u64().unwrap()), "{seen}");
    let shown = stdout(&bulkhead(&["inspect", utilities.to_str().unwrap()]));
    assert!(shown.contains(" at rest, of the 64.0 MiB an instance may have\n"), "{shown}");
    let checked: Value = serde_json::from_str(&stdout(&bulkhead(&["check", "--json"]))).unwrap();
    assert_eq!(
        (&checked["services"][0]["name"], &checked["services"][0]["healthy"]),
        (&json!("utilities"), &json!(true))
    );
}

#[test]
fn the_schema_is_printed_as_it_is_published() {
    let printed: Value = serde_json::from_str(&stdout(&bulkhead(&["check", "--schema"]))).unwrap();
    let published: Value =
        serde_json::from_str(&fs::read_to_string(root().join("host/config.schema.json")).unwrap()).unwrap();
    assert_eq!(printed, published);
}

#[test]
fn the_example_config_is_valid() {
    let example = fs::read_to_string(root().join("host/config.example.yaml")).unwrap();
    let raw = bulkhead::config::load::parse(&example);
    assert!(raw.is_ok(), "{}", raw.unwrap_err());
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(root().join("host/config.schema.json")).unwrap()).unwrap();
    let value: Value = serde_saphyr::from_str(&example).unwrap();
    let faults: Vec<_> = jsonschema::draft202012::options()
        .build(&schema)
        .unwrap()
        .iter_errors(&value)
        .map(|e| e.to_string())
        .collect();
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn the_example_config_can_be_acted_on() {
    let dir = tempfile::tempdir().unwrap();
    let example = fs::read_to_string(root().join("host/config.example.yaml")).unwrap();
    let file = write(
        dir.path(),
        "c.yaml",
        example.replace("{ env: OTHER_TOKEN }", "{ file: ./other-token }").as_bytes(),
    );
    write(dir.path(), "prom-token", b"a secret of some length\n");
    write(dir.path(), "other-token", b"another of some length\n");
    fs::create_dir(dir.path().join("components")).unwrap();
    write(&dir.path().join("components"), "prometheus.wasm", b"");
    let resolved = bulkhead::config::load::file(Path::new(&file));
    assert!(resolved.is_ok(), "{}", resolved.unwrap_err());
}

/// Keys that stand in the schema and not in the example, not even in a comment, would be found by nobody.
#[test]
fn the_example_config_has_every_key() {
    fn keys(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(map) => {
                if let Some(properties) = map.get("properties").and_then(Value::as_object) {
                    found.extend(properties.keys().cloned());
                }
                map.values().for_each(|value| keys(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }
    let example = fs::read_to_string(root().join("host/config.example.yaml")).unwrap();
    let words: Vec<&str> = example.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
    let mut found = Vec::new();
    keys(&bulkhead::config::raw::schema(), &mut found);
    assert!(found.len() > 100, "{}", found.len());
    found.retain(|key| !words.contains(&key.as_str()));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn usage_errors_end_with_64() {
    assert_eq!(bulkhead(&["frobnicate"]).status.code(), Some(64));
    assert_eq!(bulkhead(&["call", "utilities_get_time", "{"]).status.code(), Some(64));
    assert_eq!(bulkhead(&["tools", "--config", "/nowhere.yaml"]).status.code(), Some(64));
    assert_eq!(bulkhead(&["--help"]).status.code(), Some(0));
    let unknown = bulkhead(&["call", "utilities_nothing"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(unknown.stderr).unwrap(),
        "error: Unknown tool: utilities_nothing. `bulkhead tools` lists them\n"
    );
}

#[test]
fn a_misspelt_key_is_named() {
    refused(
        "server:\n  listn: 127.0.0.1:1\n",
        &["check"],
        64,
        &["bulkhead.yaml:2:", "unknown key `listn`. Did you mean `listen`?"],
    );
}

#[test]
fn a_key_that_resolves_to_nothing_is_found_in_the_file() {
    let config = "tenants:\n  acme:\n    services:\n      prom:\n        component: prometheus\n";
    refused(
        config,
        &["check"],
        64,
        &[
            "bulkhead.yaml:5:",
            "tenants.acme.services.prom.component: there is no file",
            "prometheus.wasm; build it",
        ],
    );
}

#[test]
fn what_is_no_component_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let config = |file: &str| format!("tenants: {{ a: {{ services: {{ s: {{ component: '{file}' }} }} }} }}");
    let text = write(dir.path(), "text.wasm", b"this is text");
    refused(&config(&text), &["check"], 1, &["service `s`", &text, "not a valid WebAssembly file"]);
    let module = write(dir.path(), "module.wasm", b"\0asm\x01\0\0\0");
    refused(
        &config(&module),
        &["check"],
        1,
        &["a core WebAssembly module, not a component", "bulkhead build"],
    );
    let empty = write(dir.path(), "empty.wasm", b"\0asm\x0d\0\x01\0");
    refused(&config(&empty), &["check"], 1, &["does not export bulkhead:service/lifecycle@0.1.0"]);
    let mut good = fs::read(component("hostile")).unwrap();
    let half = write(dir.path(), "half.wasm", &good[..good.len() / 2]);
    refused(&config(&half), &["check"], 1, &[&half, "not a valid WebAssembly file"]);
    // The same component, speaking of another version throughout.
    let (from, to) = (b"bulkhead:service/", b"@0.1.0");
    let at: Vec<usize> = (0..good.len() - 64).filter(|&i| good[i..].starts_with(from)).collect();
    for i in at {
        if let Some(v) = (i..i + 64).find(|&j| good[j..].starts_with(to)) {
            good[v + 3] = b'9';
        }
    }
    let other = write(dir.path(), "other.wasm", &good);
    refused(&config(&other), &["check"], 1, &["@0.9.0, but this Bulkhead speaks bulkhead:service@0.1.0"]);
}

#[test]
fn a_component_that_refuses_its_config_says_why() {
    let config = one_service("hostile", "config: { refuse: 'url: must be https' }");
    refused(&config, &["check"], 1, &["service `hostile`: config: url: must be https"]);
    let config = one_service("hostile", "config: { url: 3 }");
    refused(&config, &["check"], 1, &["service `hostile`: config.url: 3 is not of type", "bulkhead inspect"]);
}

#[test]
fn a_tool_that_cannot_be_disabled_is_named() {
    let config = one_service("hostile", "tools: { disable: [hostile_ad] }");
    refused(&config, &["check"], 1, &["tools: there is no tool `hostile_ad`. Did you mean `hostile_add`?"]);
}

#[test]
fn a_disabled_tool_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let file =
        write(dir.path(), "c.yaml", one_service("hostile", "tools: { disable: [hostile_add] }").as_bytes());
    assert!(!stdout(&bulkhead(&["tools", "--config", &file])).contains("hostile_add"));
    assert_eq!(
        bulkhead(&["call", "hostile_add", r#"{"a":1,"b":1}"#, "--config", &file]).status.code(),
        Some(1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let server = Server::start("{}");
    let address = server.address.to_string();
    let output = bulkhead(&["serve", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains(&format!(
            "error: {address} is in use: another program listens there. Stop it, or choose another"
        )),
        "{text}"
    );
}

#[test]
fn a_listener_for_everybody_is_refused() {
    let output = bulkhead(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("can be reached from other machines, and there is no authentication")
    );
}

#[test]
fn an_upstream_that_does_not_answer_is_unhealthy() {
    // Bound and not listened on: nobody else can take the port, and nobody answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = one_service("prometheus", &format!("config: {{ url: 'http://{address}' }}"));
    refused(&config, &["check"], 1, &["1 service(s) cannot reach their upstream"]);
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "c.yaml", config.as_bytes());
    let output = bulkhead(&["check", "--config", &file]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("UNHEALTHY") && text.contains(&address.to_string()), "{text}");
    assert!(text.contains(&format!("may send    GET http://{address}/api/v1/status/buildinfo")), "{text}");
}

#[test]
fn a_damaged_cache_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    let config = format!("components: {{ cache_dir: cache }}\n{}", one_service("hostile", ""));
    let file = write(dir.path(), "c.yaml", config.as_bytes());
    let call =
        || stdout(&bulkhead(&["call", "hostile_add", r#"{"a":1,"b":2}"#, "--json", "--config", &file]));
    assert_eq!(call(), "{\"sum\":3}\n");
    for entry in fs::read_dir(&cache).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ext| ext == "cwasm") {
            fs::write(path, vec![0; 4096]).unwrap();
        }
    }
    let output = bulkhead(&["call", "hostile_add", r#"{"a":1,"b":2}"#, "--config", &file]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("damaged or forged; compiling anew"));
    assert_eq!(call(), "{\"sum\":3}\n");
}

#[test]
fn a_component_crate_is_built_and_checked() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("hostile.wasm");
    let crate_dir = root().join("tests/guests/hostile");
    let args = ["build", crate_dir.to_str().unwrap(), "--out", out.to_str().unwrap(), "--json"];
    let built: Value = serde_json::from_str(&stdout(&bulkhead(&args))).unwrap();
    assert_eq!(built["bytes"].as_u64().unwrap(), fs::metadata(&out).unwrap().len());
    let nothing = bulkhead(&["build", dir.path().to_str().unwrap()]);
    assert!(
        String::from_utf8(nothing.stderr)
            .unwrap()
            .contains("has no Cargo.toml, package.json or pyproject.toml; name the folder of a component")
    );
    let package = dir.path().join("package.json");
    for (text, wanted) in [
        (r#"{"name":"a"}"#, "has no `bulkhead`; add `\"bulkhead\": { \"entry\": \"src/index.ts\" }`"),
        (r#"{"name":"a","bulkhead":{"entry":"a.js"}}"#, "a.js, which is not there"),
        (
            r#"{"name":"a","bulkhead":{"entry":"package.json","exports":["x"]}}"#,
            "exports `x`; there are resources, prompts, completions",
        ),
        (r#"{"name":"a","bulkhead":{"entry":"package.json"}}"#, "rolldown is not installed; in "),
    ] {
        fs::write(&package, text).unwrap();
        let refused = bulkhead(&["build", dir.path().to_str().unwrap()]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(wanted), "{said}");
    }
    let host = root().join("host/builder");
    let no_cdylib = bulkhead(&["build", host.to_str().unwrap()]);
    assert!(String::from_utf8(no_cdylib.stderr).unwrap().contains("has no cdylib; add `[lib]`"));
}

#[test]
fn stdio_ends_when_it_is_told_to() {
    use std::{
        io::{BufRead, BufReader, Write},
        process::Stdio,
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
        .arg("stdio")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } });
    writeln!(stdin, "{hello}").unwrap();
    let mut answer = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut answer).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&answer).unwrap()["result"]["protocolVersion"],
        json!("2025-11-25")
    );
    // stdin stays open: a client that hangs must not keep the host alive.
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    drop(stdin);
}

#[test]
fn new_says_what_it_made_and_what_to_type_and_refuses_what_it_cannot_make() {
    let temporary = tempfile::tempdir().unwrap();
    let new = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulkhead"));
        command.arg("new").args(args).current_dir(temporary.path()).output().unwrap()
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let made = new(&["a-thing", "--lang", "python"]);
    assert_eq!(
        text(&made.stderr),
        "made a-thing/: a component in Python with one tool, its test and a README\nnext:\n  \
         cd a-thing && python3 -m venv .venv && .venv/bin/pip install -r requirements.txt\n  \
         .venv/bin/python -m unittest\n  bulkhead dev\n"
    );
    assert_eq!((text(&made.stdout), made.status.code()), (String::new(), Some(0)));
    let data: Value = serde_json::from_slice(&new(&["b", "--json"]).stdout).unwrap();
    assert_eq!((&data["dir"], &data["next"]), (&json!("b"), &json!(["cd b", "cargo test", "bulkhead dev"])));
    assert!(data["files"].as_array().unwrap().contains(&json!("src/lib.rs")), "{data}");
    for (args, why) in [
        (&["a-thing"][..], "a-thing is there already and not an empty folder; nothing was written"),
        (&["A"], "`A` cannot be a component's name: lower-case letters, digits and `-` in between"),
        (&["../x"], "`../x` cannot be a component's name"),
        (&["x", "--lang", "perl"], "invalid value 'perl' for '--lang <LANGUAGE>'"),
        (
            &["x", "--lang", "python", "--from-openapi", "a.json"],
            "--from-openapi makes a component in Rust, not in Python",
        ),
    ] {
        let refused = new(args);
        assert_eq!(refused.status.code(), Some(64), "{args:?}");
        assert!(text(&refused.stderr).contains(why), "{args:?}: {}", text(&refused.stderr));
    }
    let mut there: Vec<_> =
        fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    there.sort();
    assert_eq!(there, ["a-thing", "b"]);
}

#[test]
fn shells_and_man_know_every_command() {
    let commands = ["serve", "new", "dev", "build", "call", "completions", "man"];
    for shell in ["bash", "zsh", "fish"] {
        let script = bulkhead(&["completions", shell]);
        let script = String::from_utf8(script.stdout).unwrap();
        for command in commands {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    // A shell can read it, and completes with it.
    let bin = Path::new(env!("CARGO_BIN_EXE_bulkhead"));
    let typed = format!(
        "source <('{}' completions bash) && COMP_WORDS=(bulkhead ser) COMP_CWORD=1 && _bulkhead bulkhead ser bulkhead && echo \"${{COMPREPLY[@]}}\"",
        bin.display()
    );
    let completed = Command::new("bash").args(["-c", &typed]).output().unwrap();
    assert_eq!(
        String::from_utf8(completed.stdout).unwrap(),
        "serve\n",
        "{:?}",
        String::from_utf8(completed.stderr)
    );

    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    assert!(bulkhead(&["man", pages.to_str().unwrap()]).status.success());
    let page = fs::read_to_string(pages.join("bulkhead-dev.1")).unwrap();
    assert!(page.contains("Serve a component while it is written"), "{page}");
    for command in commands {
        assert!(pages.join(format!("bulkhead-{command}.1")).is_file(), "{command}");
    }
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = bulkhead(&["man", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains(file.to_str().unwrap()));
}
