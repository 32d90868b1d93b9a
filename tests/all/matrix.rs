//! The acceptance matrix: nine clients, over HTTP (with sessions and without), HTTP+SSE and stdio, against the real binary with everything on: API
//! keys (none but the one caller may do anything), limits and the audit log. `tests/clients` has a script per client.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use bulkhead::auth::key;
use serde_json::{Value, json};

use crate::support::{
    Server,
    installed::{installed, javascript},
    one_service, root,
    tenancy::{audit, callers},
};

const LEGACY: &str = "2025-11-25";
const MODERN: &str = "2026-07-28";

/// How a client comes; the columns of [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Http,
    /// To a host that keeps sessions for who wants one: the same is seen.
    Session,
    Sse,
    Stdio,
}

impl Way {
    const ALL: [Self; 4] = [Self::Http, Self::Session, Self::Sse, Self::Stdio];

    fn of(self, [http, sse, stdio]: [Cell; 3]) -> Cell {
        match self {
            Self::Http | Self::Session => http,
            Self::Sse => sse,
            Self::Stdio => stdio,
        }
    }

    fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Session)
    }
}

#[derive(Clone, Copy, Debug)]
enum Cell {
    /// Everything works, in this version of the protocol.
    Speaks(&'static str),
    /// The client cannot do that: why not.
    Cannot(&'static str),
}
use Cell::{Cannot, Speaks};

/// HTTP+SSE is deprecated since 2025-03-26; of the versions without a handshake none defines it.
const NO_SSE: Cell = Cannot("HTTP+SSE begins with a handshake, which this version has not");

/// A client's script, its mode, and what comes of it over HTTP, over HTTP+SSE and over stdio.
const TABLE: [(&str, &str, [Cell; 3]); 11] = [
    ("mcp2", "auto", [Speaks(MODERN), Speaks(LEGACY), Speaks(MODERN)]),
    ("mcp2", "legacy", [Speaks(LEGACY), Speaks(LEGACY), Speaks(LEGACY)]),
    ("mcp2", MODERN, [Speaks(MODERN), NO_SSE, Speaks(MODERN)]),
    ("mcp1", "legacy", [Speaks(LEGACY), Speaks(LEGACY), Speaks(LEGACY)]),
    ("fastmcp", "auto", [Speaks(MODERN), Speaks(LEGACY), Speaks(MODERN)]),
    ("langchain", "legacy", [Speaks(LEGACY), Speaks(LEGACY), Speaks(LEGACY)]),
    ("sdk_v1", "legacy", [Speaks(LEGACY), Speaks(LEGACY), Speaks(LEGACY)]),
    ("sdk_v2", "legacy", [Speaks(LEGACY), Speaks(LEGACY), Speaks(LEGACY)]),
    ("sdk_v2", "auto", [Speaks(MODERN), Speaks(LEGACY), Speaks(MODERN)]),
    ("inspector", "legacy", [Speaks(LEGACY), Speaks(LEGACY), Speaks(LEGACY)]),
    ("inspector", "modern", [Speaks(MODERN), NO_SSE, Speaks(MODERN)]),
];

/// The names of the tools, from the source, where no client is between.
fn tools() -> Value {
    let source = fs::read_to_string(root().join("tests/guests/hostile/src/lib.rs")).unwrap();
    let named = source.split("Tool::new(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    named.map(|name| format!("hostile_{name}")).collect()
}

/// What a client must see.
fn sees(script: &str, mode: &str, version: &str) -> Value {
    if script == "inspector" {
        return json!({
            "tools": tools(),
            "added": { "sum": 5 },
            // It makes a number of what the schema calls one, and NaN is null.
            "failed": [5, "tool_is_error", "arguments.a: null is not of type \"integer\""],
            "unknown": [5, "tool_not_found"],
        });
    }
    let mut seen = json!({
        "version": version,
        "server": "bulkhead",
        "tools": tools(),
        "added": { "sum": 5 },
        "failed": [true, "arguments.a: \"one\" is not of type \"integer\""],
        "unknown": [-32602, "Unknown tool: hostile_nothing"],
        "progress": [[1, 2, "napping"], [2, 2, "napping"]],
    });
    if script == "sdk_v1" {
        seen["unknown"][1] = json!("MCP error -32602: Unknown tool: hostile_nothing");
    }
    if mode == MODERN {
        seen["server"] = Value::Null; // it does not discover, and no other result names the server
    }
    seen
}

/// How a client reports that its token is refused.
fn refused(script: &str, mode: &str, way: Way) -> Value {
    let why = "authentication is required, and what was sent does not suffice";
    match (script, mode, way) {
        ("inspector", ..) => json!([3, "auth_required"]),
        ("mcp2" | "fastmcp", ..) if way.is_http() => json!([-32600, why]),
        ("sdk_v2", "auto", _) if way.is_http() => json!(["CLIENT_HTTP_AUTHENTICATION", 401]),
        ("sdk_v2", ..) if way.is_http() => json!(["CLIENT_HTTP_NOT_IMPLEMENTED", 401]),
        _ => json!(401),
    }
}

/// The calls a client makes, with their outcomes, in their order.
fn calls(script: &str) -> Vec<(&str, &str)> {
    let mut calls = vec![("hostile_add", "ok"), ("hostile_add", "invalid_arguments")];
    if script != "inspector" {
        calls.extend([("hostile_nap", "ok"), ("hostile_nothing", "unknown_tool")]);
    }
    calls
}

fn client(script: &str) -> Command {
    let environment = match script {
        "mcp1" => "python_mcp1",
        "mcp2" => "python_mcp2",
        "fastmcp" | "langchain" => script,
        _ => return javascript(script),
    };
    let mut command = Command::new(installed().join(environment).join("bin/python"));
    command.arg(root().join(format!("tests/clients/{script}.py")));
    command
}

/// What a client saw. A word on stderr, be it the client's or the host's, is a failure.
#[track_caller]
fn saw(client: &mut Command, host: Option<&Server>) -> Value {
    let output = client.stdin(Stdio::null()).output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    let well = output.status.success() && complaints.is_empty();
    let log = || host.map(Server::log_text).unwrap_or_default();
    assert!(well, "{}: {complaints}\n{}", output.status, log());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A configuration with everything on, and the key of its only caller.
fn config(dir: &Path, way: Way) -> (String, String) {
    let limits = "limits: { calls_per_second: 1000, calls_per_day: 100000, concurrent_calls: 100 }";
    let (auth, [key]) = callers([("agent", "test", &format!("tools: ['hostile_*'], {limits}"))]);
    let server = match way {
        Way::Sse => "server: { legacy_sse: true }\n",
        Way::Session => "server: { sessions: {} }\n",
        Way::Http | Way::Stdio => "",
    };
    (format!("{server}{auth}{}{}", audit(dir), one_service("hostile", limits)), key)
}

/// Caller, tool and outcome of each line of the audit log.
fn audited(dir: &Path) -> Vec<[String; 3]> {
    let mut files: Vec<_> =
        fs::read_dir(dir.join("audit")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        ["caller", "tool", "outcome"].map(|field| line[field].as_str().unwrap().to_owned())
    };
    text.lines().map(line).collect()
}

/// The row of a client, in every column that is run.
fn accept(script: &str) {
    for way in Way::ALL {
        let dir = tempfile::tempdir().unwrap();
        let (config, key) = config(dir.path(), way);
        let (seen, wrong) = if way == Way::Stdio {
            let file = dir.path().join("bulkhead.yaml");
            fs::write(&file, config).unwrap();
            let mut client = client(script);
            client.arg("stdio").arg(env!("CARGO_BIN_EXE_bulkhead"));
            client.args(["stdio", "--log", "warn", "--config"]).arg(file);
            (saw(&mut client, None), None)
        } else {
            let server = Server::start(&config);
            let (kind, path) = if way == Way::Sse { ("sse", "sse") } else { ("http", "mcp") };
            let bring = |token: &str| {
                let url = format!("http://{}/{path}", server.address);
                saw(client(script).args([kind, &url]).env("TOKEN", token), Some(&server))
            };
            let seen = (bring(&key), Some(bring(key::generate().unwrap().expose())));
            for level in ["WARN", "ERROR"] {
                let said = server.log_text();
                assert!(!said.contains(&format!(r#""level":"{level}""#)), "{said}");
            }
            seen
        };

        let (mut expected, mut expected_wrong, mut lines) = (json!({}), json!({}), Vec::new());
        let caller = if way == Way::Stdio { "local" } else { "agent" };
        for (_, mode, cells) in TABLE.iter().filter(|row| row.0 == script) {
            match way.of(*cells) {
                Speaks(version) => {
                    expected[mode] = sees(script, mode, version);
                    expected_wrong[mode] = json!({ "refused": refused(script, mode, way) });
                    let line = |(tool, outcome): (&str, &str)| [caller, tool, outcome].map(str::to_owned);
                    lines.extend(calls(script).into_iter().map(line));
                }
                Cannot(why) => assert_eq!(seen[mode], Value::Null, "{way:?} {mode}: {why}"),
            }
        }
        assert_eq!(seen, expected, "{way:?}");
        if let Some(wrong) = wrong {
            assert_eq!(wrong, expected_wrong, "{way:?} with a wrong token");
        }
        assert_eq!(audited(dir.path()), lines, "{way:?}");
    }
}

#[test]
fn the_python_sdk_works() {
    accept("mcp2");
}

#[test]
fn the_old_python_sdk_works() {
    accept("mcp1");
}

#[test]
fn fastmcp_works() {
    accept("fastmcp");
}

#[test]
fn langchain_works() {
    accept("langchain");
}

#[test]
fn the_typescript_sdk_works() {
    accept("sdk_v2");
}

#[test]
fn the_old_typescript_sdk_works() {
    accept("sdk_v1");
}

#[test]
fn the_inspector_works() {
    accept("inspector");
}

#[test]
fn every_row_of_the_matrix_is_tried() {
    for (script, ..) in TABLE {
        assert!(include_str!("matrix.rs").contains(&format!("    accept(\"{script}\");")), "{script}");
    }
}
