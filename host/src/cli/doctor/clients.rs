//! The MCP clients of this user that know a bulkhead: whether they find it, and whether it will let them in.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::SystemTime};

use bulkhead::{auth::key, config::Config, secret::Secret};
use clap::ValueEnum;
use serde_json::Value;
use url::Url;

use super::finding::Findings;
use crate::cli::client::{
    document::Slot,
    kind::{Form, Kind},
    own_url,
    place::{Scope, shown},
};

const AREA: &str = "clients";
/// Where clients have the URL of a server.
const URLS: [&str; 4] = ["url", "httpUrl", "serverUrl", "uri"];
/// Where they have the program they start.
const COMMANDS: [&str; 2] = ["command", "cmd"];

pub(super) fn look(config: &Config, findings: &mut Findings) {
    let mut seen = Vec::new();
    for kind in Kind::value_variants() {
        let Some(form) = kind.form() else { continue };
        for scope in [Scope::User, Scope::Project] {
            let Some(path) = form.file(scope) else { continue };
            // Two clients may share a project's file.
            if !seen.contains(&path) {
                file(form, *kind, &path, config, findings);
                seen.push(path);
            }
        }
    }
}

fn file(form: &Form, kind: Kind, path: &Path, config: &Config, findings: &mut Findings) {
    let Ok(text) = fs::read_to_string(path) else { return }; // this client is not used here
    let place = shown(path);
    let slot = Slot { syntax: form.syntax, servers: form.servers, name: "" };
    let document = match slot.read(&text) {
        Ok(document) => document,
        Err(broken) => {
            let mend = format!("{} cannot read it either: correct that place", form.name);
            return findings.odd(AREA, format!("{place}:{broken}"), mend);
        }
    };
    let table = form.servers.iter().try_fold(&document, |value, key| value.get(key));
    let entries = table.and_then(Value::as_object).into_iter().flatten();
    for (name, entry) in entries.filter(|(name, entry)| is_ours(name, entry, config)) {
        let before = findings.ill();
        let about = format!("{place}: `{name}`");
        let option = kind.to_possible_value();
        let option = option.as_ref().map_or("", |value| value.get_name());
        let again = format!("`bulkhead client {option} --name {name} --write` writes it anew");
        match (url(entry), command(entry)) {
            (Some(url), _) => {
                address(&about, url, config, &again, findings);
                credential(&about, path, entry, config, findings);
            }
            (None, Some(command)) => program(&about, command, entry, &again, findings),
            (None, None) => {}
        }
        if findings.ill() == before {
            findings.well(AREA, format!("{about} leads here"));
        }
    }
}

fn text<'a>(entry: &'a Value, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| entry.get(key)?.as_str())
}

fn url(entry: &Value) -> Option<&str> {
    text(entry, &URLS)
}

/// The program, first of a list where that is how it is written.
fn command(entry: &Value) -> Option<&str> {
    text(entry, &COMMANDS).or_else(|| entry.get("command")?.get(0)?.as_str())
}

fn is_ours(name: &str, entry: &Value, config: &Config) -> bool {
    let is_bulkhead = |command: &str| Path::new(command).file_name().is_some_and(|file| file == "bulkhead");
    let here = |url: &str| url.starts_with(&own_url(config, None));
    name == "bulkhead" || command(entry).is_some_and(is_bulkhead) || url(entry).is_some_and(here)
}

/// Whether its URL is that of this host.
fn address(about: &str, written: &str, config: &Config, again: &str, findings: &mut Findings) {
    let own = own_url(config, None);
    let (Ok(theirs), Ok(ours)) = (Url::parse(written), Url::parse(&own)) else {
        return findings.wrong(AREA, format!("{about}: `{written}` is not a URL"), again);
    };
    let loopback = |url: &Url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let same_host = theirs.host() == ours.host() || (loopback(&theirs) && loopback(&ours));
    let same_port = theirs.port_or_known_default() == ours.port_or_known_default();
    if !same_host || !same_port || theirs.scheme() != ours.scheme() {
        findings.odd(AREA, format!("{about} leads to {written}, and this host is {own}"), again);
    } else if theirs.path() != "/mcp" && !theirs.path().starts_with("/mcp/") {
        findings.wrong(AREA, format!("{about} leads to {written}, where nothing speaks MCP"), again);
    }
}

/// Whether the key it has is good, and whether others can read it.
fn credential(about: &str, path: &Path, entry: &Value, config: &Config, findings: &mut Findings) {
    let headers = ["headers", "http_headers"].iter().find_map(|key| entry.get(key)?.as_object());
    let header = |name: &str| {
        let found = headers?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        found.1.as_str()
    };
    let sent = header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "))
        .or_else(|| header("x-api-key"));
    let named = entry.get("bearer_token_env_var").is_some() || entry.get("env_http_headers").is_some();
    let Some(auth) = config.auth.as_ref().filter(|auth| !auth.keys.is_empty()) else { return };
    let mend = "`bulkhead key new` makes a key; --key-file or --key-env tell the client of it";
    let Some(sent) = sent else {
        if !named && auth.anonymous.is_none() && auth.issuers.is_empty() {
            findings.wrong(AREA, format!("{about} sends no key, and the host wants one"), mend);
        }
        return;
    };
    if sent.contains("${") || sent.contains("{env:") || sent.starts_with('$') {
        return; // in an environment that is not this one
    }
    if fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0) {
        findings.wrong(
            AREA,
            format!("{about} holds a key, and others may read it"),
            format!("chmod 600 {}", path.display()),
        );
    }
    let fingerprint = key::fingerprint(&Secret::new(sent.to_owned()));
    let hex = |digest: &[u8; 32]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match auth.keys.iter().find(|key| hex(&key.digest) == fingerprint) {
        None if auth.issuers.is_empty() => {
            findings.wrong(AREA, format!("{about} sends a key that the host does not know"), mend);
        }
        Some(key) if key.expires.is_some_and(|expires| expires <= SystemTime::now()) => {
            findings.wrong(
                AREA,
                format!("{about} sends the key of `{}`, which has expired", key.identity.id),
                mend,
            );
        }
        _ => {}
    }
}

/// Whether the program it starts is there, with its configuration.
fn program(about: &str, command: &str, entry: &Value, again: &str, findings: &mut Findings) {
    let is_program = |path: &Path| {
        fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = if command.contains('/') {
        is_program(Path::new(command))
    } else {
        std::env::split_paths(&path).any(|folder| is_program(&folder.join(command)))
    };
    if !found {
        return findings.wrong(
            AREA,
            format!("{about} starts {command}, which is not there, or no program"),
            again,
        );
    }
    let list = |key: &str| entry.get(key).and_then(Value::as_array).into_iter().flatten();
    let args: Vec<&str> = list("command").chain(list("args")).filter_map(Value::as_str).collect();
    let file = args.iter().position(|arg| matches!(*arg, "--config" | "-c")).and_then(|at| args.get(at + 1));
    if let Some(file) = file.filter(|file| !Path::new(file).is_file()) {
        findings.wrong(AREA, format!("{about} starts a host with {file}, which is not there"), again);
    }
}
