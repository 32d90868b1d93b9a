//! What can be known of a component before it has a config: the file, its manifest, and what it asks to send.

use bulkhead::{
    catalog::tool::Declared,
    config::service::method,
    egress::{
        address,
        pattern::{HostPattern, UrlPattern},
    },
    error::CallError,
    grant::EgressRequest,
    sandbox::{LoadError, Manifest},
};
use guest_builder::contract::ContractError;
use serde_json::Value;
use url::Host;

use super::{
    ledger::Ledger,
    listing::words,
    schemas,
    settings::{UPSTREAM, is_secret},
    stage::Bench,
};

/// Larger, it is slow to compile and to start; CPython is 20 MB.
const LARGE: usize = 48 << 20;

/// A file that is no component.
pub(super) fn refused(error: &LoadError, ledger: &mut Ledger) {
    let id = match error {
        LoadError::Contract(ContractError::ForbiddenImport(_)) => "component.imports",
        _ => "component.contract",
    };
    ledger.find(id, "the file", error.to_string());
}

/// What the file is.
pub(super) fn file(bench: &Bench, ledger: &mut Ledger) {
    let component = &bench.component;
    let size = bytesize::ByteSize::b(component.size as u64);
    if component.size > LARGE {
        ledger.find("cost.size", "the file", format!("{size}"));
    }
    let (imports, exports) = (component.surface.imports.len(), component.surface.exports.len());
    ledger.looked("component", format!("{size}; {imports} imports, all of them offered; {exports} exports"));
}

/// What it says of itself, asked twice.
pub(super) async fn manifest(bench: &Bench, ledger: &mut Ledger) -> Option<Manifest> {
    let crashed = |error: &CallError| error.to_string();
    let manifest = match bench.describe().await {
        Ok(manifest) => manifest,
        Err(error) => {
            ledger.find("manifest.trap", "describe", crashed(&error));
            return None;
        }
    };
    match bench.describe().await {
        Ok(again) => {
            let differences = different(&manifest, &again);
            if !differences.is_empty() {
                ledger.find("manifest.unstable", "describe", differences.join(", "));
            }
        }
        Err(error) => ledger.find("manifest.trap", "describe, the second time", crashed(&error)),
    }
    look(&manifest, ledger);
    Some(manifest)
}

fn different(one: &Manifest, other: &Manifest) -> Vec<String> {
    let parts = [
        ("name", one.name != other.name),
        ("version", one.version != other.version),
        ("title", one.title != other.title),
        ("description", one.description != other.description),
        ("instructions", one.instructions != other.instructions),
        ("config-schema", one.config_schema != other.config_schema),
        ("egress", one.egress != other.egress),
    ];
    parts.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| part.to_owned()).collect()
}

fn look(manifest: &Manifest, ledger: &mut Ledger) {
    let Manifest { name, version, title, description, instructions, config_schema, egress } = manifest;
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.len() > 32 || !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.bytes().all(letters) {
        ledger.find("manifest.name", "manifest, name", format!("`{name}`"));
    }
    if !is_semantic(version) {
        ledger.find("manifest.version", "manifest, version", format!("`{version}`"));
    }
    words(ledger, "manifest, title", title, 128);
    words(ledger, "manifest, description", description, 2000);
    if let Some(instructions) = instructions {
        words(ledger, "manifest, instructions", instructions, 8000);
    }
    config(config_schema, ledger);
    for asked in egress {
        sends(asked, ledger);
    }
    ledger.looked(
        "manifest",
        format!("{name} {version}: name, version, texts, config schema; described twice"),
    );
    ledger.looked("egress", format!("{} kinds of requests in the manifest", egress.len()));
}

/// `1.4.2`, perhaps with `-rc.1` or `+build` (semver.org).
fn is_semantic(version: &str) -> bool {
    let rest = |text: &str| {
        text.split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
    };
    let (version, build) = version.split_once('+').map_or((version, None), |(v, b)| (v, Some(b)));
    let (core, pre) = version.split_once('-').map_or((version, None), |(v, p)| (v, Some(p)));
    let number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    core.split('.').count() == 3
        && core.split('.').all(number)
        && build.is_none_or(rest)
        && pre.is_none_or(rest)
}

fn config(text: &str, ledger: &mut Ledger) {
    let place = "manifest, config schema";
    let Some(schema) = schemas::read(text, place, "manifest.config_schema", ledger) else { return };
    let properties = schema.get("properties").and_then(Value::as_object);
    let closed = schema
        .get("additionalProperties")
        .is_some_and(|more| *more == Value::Bool(false) || more.is_object());
    if !closed && schema.get("unevaluatedProperties") != Some(&Value::Bool(false)) {
        ledger.find("manifest.config_open", place, "`additionalProperties` is not false");
    }
    for (key, property) in properties.into_iter().flatten() {
        let place = format!("{place}, `{key}`");
        let words = property.get("description").and_then(Value::as_str);
        if let Some(hidden) = words.and_then(super::text::first_hidden) {
            ledger.find("text.hidden", &place, format!("{hidden} in its description"));
        }
        let written = ["default", "const"].into_iter().filter_map(|word| property.get(word));
        let examples = property.get("examples").and_then(Value::as_array);
        let texts = written.chain(examples.into_iter().flatten()).filter_map(Value::as_str);
        for text in texts {
            let own = is_secret(key) && !text.is_empty() && !text.contains(['<', '$', '…', '*']);
            if own || is_token(text) {
                ledger.find("manifest.secret", &place, "it looks like a secret, so it is not repeated here");
            }
        }
        if is_secret(key) {
            ledger.find("manifest.credential", &place, "its name says so");
        }
    }
}

/// Whether a text begins as the tokens of well-known services do, or is a private key.
fn is_token(text: &str) -> bool {
    const BEGIN: [&str; 12] = [
        "ghp_",
        "gho_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "sk-",
        "AKIA",
        "AIza",
        "eyJhbGciOi",
        "glsa_",
        "-----BEGIN",
    ];
    text.len() >= 16 && BEGIN.iter().any(|begin| text.starts_with(begin))
}

/// One thing it asks to send.
fn sends(asked: &EgressRequest, ledger: &mut Ledger) {
    let EgressRequest { url, methods, reason } = asked;
    let place = format!("manifest, egress `{url}`");
    if reason.trim().is_empty() {
        ledger.find("egress.reason", &place, "its reason is empty");
    }
    if let Some(hidden) = super::text::first_hidden(reason) {
        ledger.find("text.hidden", &place, format!("{hidden} in its reason"));
    }
    if methods.is_empty() {
        ledger.find("egress.pattern", &place, "it names no method");
    }
    for why in methods.iter().filter_map(|text| method(text).err()) {
        ledger.find("egress.pattern", &place, why);
    }
    let stood = url.strip_prefix("{config.").map(|rest| match rest.split_once('}') {
        Some((_, path)) if path.is_empty() || path.starts_with('/') => Ok(format!("{UPSTREAM}{path}")),
        Some(_) => Err("only a path may follow `{config.KEY}`".to_owned()),
        None => Err("it lacks a `}`".to_owned()),
    });
    let anchored = stood.is_some();
    let pattern = stood.unwrap_or_else(|| Ok(url.clone()));
    match pattern.and_then(|text| text.parse::<UrlPattern>().map_err(|error| error.to_string())) {
        Err(why) => ledger.find("egress.pattern", &place, why),
        Ok(_) if anchored => {}
        Ok(pattern) => reaches(&pattern, &place, ledger),
    }
}

fn reaches(pattern: &UrlPattern, place: &str, ledger: &mut Ledger) {
    let private = match &pattern.host {
        HostPattern::AnyName => return ledger.find("egress.any_host", place, "its host is `*`"),
        // `*.com` is as good as any.
        HostPattern::Below(parent) if parent.matches('.').count() < 2 => {
            return ledger.find("egress.any_host", place, "it asks for a whole top-level domain");
        }
        HostPattern::Exact(Host::Ipv4(address)) => !address::is_public((*address).into()),
        HostPattern::Exact(Host::Ipv6(address)) => !address::is_public((*address).into()),
        HostPattern::Exact(Host::Domain(name)) => {
            let ends = [".local", ".internal", ".localhost", ".lan", ".svc"];
            name == "localhost" || !name.contains('.') || ends.iter().any(|end| name.ends_with(end))
        }
        HostPattern::Below(parent) => {
            [".local.", ".internal.", ".svc."].iter().any(|end| format!("{parent}.").ends_with(end))
        }
    };
    if private {
        return ledger.find(
            "egress.private",
            place,
            "an address like this means another thing in every network",
        );
    }
    if pattern.scheme == "http" {
        ledger.find("egress.plaintext", place, "anybody on the way can read and change it");
    }
}

/// References to tools in a text that there are not.
pub(super) fn lost<'t>(text: &'t str, component: &str, tools: &[Declared]) -> Vec<&'t str> {
    let references =
        text.split("{tool:").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
    let sound = references.filter(|name| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-/".contains(&b))
    });
    let own = sound.filter_map(|name| match name.split_once('/') {
        None => Some(name),
        Some((other, name)) => (other == component).then_some(name),
    });
    own.filter(|name| !tools.iter().any(|tool| tool.name == *name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_semantic_or_not() {
        for version in ["0.1.0", "1.4.2-rc.1", "10.0.0+build.5", "1.0.0-a-b+c"] {
            assert!(is_semantic(version), "{version}");
        }
        for version in ["", "1", "1.2", "v1.2.3", "01.2.3", "1.2.3-", "1.2.3.4", "1.2.x"] {
            assert!(!is_semantic(version), "{version}");
        }
    }

    #[test]
    fn references_lead_somewhere_or_are_lost() {
        let tools = [Declared { name: "query".to_owned(), ..Declared::default() }];
        let text = "Use {tool:query}, {tool:loki/other}, {tool:me/query}; not {tool:gone} or {tool:me/gone}. {tool:}";
        assert_eq!(lost(text, "me", &tools), ["gone", "gone"]);
    }

    #[test]
    fn what_reaches_too_far_is_found() {
        let found = |url: &str| {
            let mut ledger = Ledger::default();
            let asked = EgressRequest {
                url: url.to_owned(),
                methods: vec!["GET".to_owned()],
                reason: "why".to_owned(),
            };
            sends(&asked, &mut ledger);
            ledger.of("egress").map(|finding| finding.check.id).collect::<Vec<_>>()
        };
        for (url, expected) in [
            ("{config.url}/api/**", vec![]),
            ("https://api.example.com/**", vec![]),
            ("https://*.example.com/**", vec![]),
            ("https://*/**", vec!["egress.any_host"]),
            ("https://*.com/**", vec!["egress.any_host"]),
            ("http://127.0.0.1/**", vec!["egress.private"]),
            ("http://169.254.169.254/**", vec!["egress.private"]),
            ("https://[::1]/", vec!["egress.private"]),
            ("https://vault/**", vec!["egress.private"]),
            ("https://api.prod.svc/**", vec!["egress.private"]),
            ("http://api.example.com/", vec!["egress.plaintext"]),
            ("{config.url}.evil.example/", vec!["egress.pattern"]),
            ("{config.url/", vec!["egress.pattern"]),
            ("ftp://example.com/", vec!["egress.pattern"]),
        ] {
            assert_eq!(found(url), expected, "{url}");
        }
    }
}
