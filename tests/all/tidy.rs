//! The invariants of ARCHITECTURE.md that a look at the sources can hold.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{hostile::scripts::BOTH, support::root};

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // What the fuzz targets are built into; generated files are not ours.
            if path.file_name().is_none_or(|name| name != "target") {
                files.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.push(path);
        }
    }
    files
}

/// The code of a file, without its tests.
fn code(path: &Path) -> String {
    if path.ends_with("tests.rs") {
        return String::new();
    }
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap().to_owned()
}

/// Host modules that mention `word`, as paths below `host/src`.
fn mentioning(word: &str) -> Vec<String> {
    let src = root().join("host/src");
    let named = rust_files(&src)
        .into_iter()
        .filter(|path| code(path).lines().any(|l| !l.trim_start().starts_with("//") && l.contains(word)));
    let mut named: Vec<_> =
        named.map(|path| path.strip_prefix(&src).unwrap().display().to_string()).collect();
    named.sort();
    named
}

#[test]
fn only_the_sandbox_and_the_egress_hook_name_wasmtime() {
    let outside: Vec<_> = mentioning("wasmtime").into_iter().filter(|f| !f.starts_with("sandbox")).collect();
    // The hook, and the five whose words are its request, its response or its error. The rules are not among them.
    let hook = ["body", "dial", "exchange", "fault", "replay"].map(|name| format!("egress/{name}.rs"));
    assert_eq!(outside[0], "egress.rs");
    assert_eq!(outside[1..], hook);
}

#[test]
fn only_one_file_opens_outbound_connections() {
    assert_eq!(mentioning("HttpConnector"), ["egress/dial.rs"]);
    for other in
        ["::connect(", "UdpSocket", "TcpSocket", "UnixStream", "reqwest", "SendRequest", "handshake("]
    {
        assert_eq!(mentioning(other), Vec::<String>::new(), "{other}");
    }
    // Names are resolved in one place, and by nobody else.
    assert_eq!(mentioning("lookup_host"), ["egress/resolve.rs"]);
    assert_eq!(mentioning("ToSocketAddrs"), Vec::<String>::new());
    // No hook of wasmtime's own that would send a request past ours.
    let manifest = fs::read_to_string(root().join("host/Cargo.toml")).unwrap();
    let wasi_http = manifest.lines().find(|line| line.starts_with("wasmtime-wasi-http")).unwrap();
    assert_eq!(
        wasi_http,
        r#"wasmtime-wasi-http = { version = "48", default-features = false, features = ["p2"] }"#
    );
}

#[test]
fn only_routing_makes_permits_and_checked_calls() {
    assert_eq!(mentioning("Permit {"), ["permit.rs"]);
    assert_eq!(mentioning("Checked {"), ["permit.rs"]);
}

#[test]
fn only_transport_knows_the_protocol() {
    let outside: Vec<_> = mentioning("rmcp").into_iter().filter(|f| !f.starts_with("transport")).collect();
    assert_eq!(outside, ["cli/logging.rs"]);
}

#[test]
fn only_the_place_that_sends_it_exposes_a_secret() {
    let egress = ["credential", "exchange", "oauth2"].map(|name| format!("egress/{name}.rs"));
    // What callers bring is hashed or checked where it comes in; a new key is shown once, and
    // written into a client's file if that is asked for.
    let auth = [
        "auth/basic",
        "auth/jwt",
        "auth/key",
        "cli/client/kind",
        "cli/key",
        "config/auth/resolve",
        "config/secrets",
    ];
    let expected = auth.map(|name| format!("{name}.rs")).into_iter().chain(egress);
    let expected: Vec<_> = expected.chain(["seal.rs".to_owned()]).collect();
    assert_eq!(mentioning(".expose()"), expected);
}

#[test]
fn every_module_says_what_it_owns() {
    for dir in ["host", "sdk", "components", "tests"] {
        for path in rust_files(&root().join(dir)) {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.starts_with("//!"), "{} does not open with //!", path.display());
        }
    }
}

#[test]
fn no_file_grows_past_five_hundred_lines() {
    for dir in ["host", "sdk", "components"] {
        for path in rust_files(&root().join(dir)) {
            let lines = code(&path).lines().count();
            assert!(lines <= 500, "{} has {lines} lines without tests", path.display());
        }
    }
}

#[test]
fn the_architecture_fits_two_hundred_lines() {
    let lines = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap().lines().count();
    assert!(lines <= 200, "{lines}");
}

#[test]
fn the_top_level_holds_only_what_belongs_there() {
    let allowed = ["components", "deploy", "docs", "host", "sdk", "target", "tests", "wit"];
    for entry in fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() && !name.starts_with('.') {
            assert!(allowed.contains(&name.as_str()), "{name} does not belong at the top level");
        }
    }
}

/// A promise without a test is a wish.
#[test]
fn every_test_that_security_md_names_exists() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let promises =
        text.split("## What is promised").nth(1).unwrap().split("## What is not promised").next().unwrap();
    let sources: Vec<(String, String)> = ["host/src", "host/registry/src", "tests/all"]
        .iter()
        .flat_map(|dir| rust_files(&root().join(dir)))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap()))
        .collect();
    let names: Vec<(&str, &str)> =
        promises.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.split_once("::")).collect();
    assert!(names.len() > 60, "{}", names.len());
    for (module, name) in names {
        let test = format!("fn {name}(");
        let found = sources.iter().any(|(path, text)| path.contains(module) && text.contains(&test));
        assert!(found, "{module}::{name}");
    }
}

/// What holds for guests in Rust holds for those in JavaScript and Python, and a test in both languages says so.
#[test]
fn every_promise_about_guests_is_tried_in_every_language() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let mut rows = 0;
    for row in text.lines().filter(|line| line.starts_with("| ") && line.contains("`hostile::")) {
        let named: Vec<&str> = row.split('`').filter_map(|quoted| quoted.strip_prefix("scripts::")).collect();
        assert!(!named.is_empty(), "no test in JavaScript and Python holds: {row}");
        for name in named {
            assert!(BOTH.contains(&name), "scripts::{name} is not tried in both languages");
        }
        rows += 1;
    }
    assert!(rows >= 15, "{rows}");
}

#[test]
fn the_published_schema_is_the_one_of_the_code() {
    let file = root().join("host/config.schema.json");
    let generated = format!("{:#}\n", bulkhead::config::raw::schema());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &generated).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap() == generated,
        "run `UPDATE_GOLDEN=1 make test` and look at the difference"
    );
}
