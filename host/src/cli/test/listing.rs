//! What a configured component lists, asked twice in fresh instances; the configs it has to refuse; its health check.

use std::collections::BTreeSet;

use bulkhead::{
    catalog::{
        offer::Offer,
        prompt::Prompt,
        tool::{Declared, Tool},
    },
    config,
    error::CallError,
    sandbox::{Compartment, Manifest},
};
use serde_json::Value;

use super::{
    ledger::Ledger,
    outside::lost,
    schemas, settings,
    stage::Bench,
    text::{first_hidden, shown},
    upstream::{Script, Upstream},
};

/// Characters of a tool's description. A model reads all of them in every conversation.
const DESCRIPTION: usize = 1500;

/// Notes what is wrong with a text.
pub(super) fn words(ledger: &mut Ledger, place: &str, text: &str, most: usize) {
    if text.trim().is_empty() {
        ledger.find("text.empty", place, "there is nothing in it");
    }
    let length = text.chars().count();
    if length > most {
        ledger.find("text.long", place, format!("{length} characters; {most} should do"));
    }
    if let Some(hidden) = first_hidden(text) {
        ledger.find("text.hidden", place, format!("{hidden} in `{}`", shown(text, 80)));
    }
}

/// What it lists; none if it does not.
pub(super) async fn listed(
    bench: &Bench,
    place: &Compartment,
    upstream: &Upstream,
    ledger: &mut Ledger,
) -> Option<Offer> {
    upstream.play(Script::Well(0));
    let mut refused = |error: &CallError, when: &str| {
        let text = error.to_string();
        let id = match error {
            _ if error.is_misdeed() => "listing.trap",
            CallError::Failed(why) if why.starts_with("config: ") => "config.refused",
            _ => "listing.refused",
        };
        ledger.find(
            id,
            format!("list-tools{when}"),
            format!("{text} (config: {})", shown(&place.config, 300)),
        );
    };
    let offer = match bench.offer(place).await {
        Ok(offer) => offer,
        Err(error) => {
            refused(&error, "");
            return None;
        }
    };
    match bench.offer(place).await {
        Ok(again) => same(&offer, &again, ledger),
        Err(error) => refused(&error, ", the second time"),
    }
    Some(offer)
}

fn same(one: &Offer, other: &Offer, ledger: &mut Ledger) {
    if one.digest() == other.digest() {
        return;
    }
    let names = |offer: &Offer| {
        let tools = offer.tools.iter().map(|tool| format!("tool {}", tool.name));
        let prompts = offer.prompts.iter().map(|prompt| format!("prompt {}", prompt.name));
        let templates = offer.templates.iter().flatten().map(|one| format!("template {}", one.uri_template));
        tools.chain(prompts).chain(templates).collect::<Vec<_>>()
    };
    let sorted = |offer: &Offer| {
        let (mut tools, mut prompts) = (offer.tools.to_vec(), offer.prompts.clone());
        let mut templates = offer.templates.clone().unwrap_or_default();
        tools.sort_by(|a, b| a.name.cmp(&b.name));
        prompts.sort_by(|a, b| a.name.cmp(&b.name));
        templates.sort_by(|a, b| a.uri_template.cmp(&b.uri_template));
        (tools, prompts, templates)
    };
    let (first, second) = (names(one), names(other));
    if sorted(one) == sorted(other) {
        let at = first.iter().zip(&second).find(|(one, other)| one != other);
        let at = at.map_or_else(String::new, |(one, other)| format!("{one}, then {other} in its place"));
        return ledger.find("listing.order", "list-tools", at);
    }
    let (only, other_only): (Vec<_>, Vec<_>) = (
        first.iter().filter(|name| !second.contains(name)).cloned().collect(),
        second.iter().filter(|name| !first.contains(name)).cloned().collect(),
    );
    let what = if only.is_empty() && other_only.is_empty() {
        let differs = one.tools.iter().find(|tool| other.tools.iter().all(|other| other != *tool));
        let name = differs.map_or("something", |tool| tool.name.as_str());
        format!("{name} is described in two ways")
    } else {
        format!("only the first time: {}; only the second: {}", only.join(", "), other_only.join(", "))
    };
    ledger.find("listing.unstable", "list-tools", what);
}

/// Looks at what was listed.
pub(super) fn look(offer: &Offer, manifest: &Manifest, service: &str, ledger: &mut Ledger) {
    let Offer { tools, prompts, templates, .. } = offer;
    if tools.is_empty() {
        ledger.find("listing.empty", "list-tools", "there is none");
    }
    let names = tools.iter().map(|tool| &tool.name).chain(prompts.iter().map(|prompt| &prompt.name));
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            ledger.find("listing.duplicate", format!("`{name}`"), "it is listed twice");
        }
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let first = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !first || name.len() > 48 || !name.bytes().all(letters) {
            ledger.find("listing.name", format!("`{name}`"), format!("{} characters", name.chars().count()));
        }
    }
    for tool in &**tools {
        let place = format!("tool {}", tool.name);
        words(ledger, &place, &tool.description, DESCRIPTION);
        if let Some(title) = &tool.title {
            words(ledger, &format!("{place}, title"), title, 128);
        }
        schemas::of_tool(tool, ledger);
        annotated(tool, &place, ledger);
    }
    for prompt in prompts {
        let place = format!("prompt {}", prompt.name);
        words(ledger, &place, &prompt.description, DESCRIPTION);
        for argument in prompt.arguments.iter().filter(|argument| argument.description.trim().is_empty()) {
            ledger.find(
                "text.missing",
                format!("{place}, argument {}", argument.name),
                "it has no description",
            );
        }
        for argument in &prompt.arguments {
            if let Some(hidden) = first_hidden(&argument.description) {
                ledger.find("text.hidden", format!("{place}, argument {}", argument.name), hidden);
            }
        }
    }
    for template in templates.iter().flatten() {
        if let Some(why) = unsound(&template.uri_template) {
            ledger.find("resource.template", format!("template `{}`", template.uri_template), why);
        }
    }
    for name in lost(manifest.instructions.as_deref().unwrap_or_default(), &manifest.name, tools) {
        ledger.find(
            "manifest.reference",
            format!("manifest, instructions, `{name}`"),
            "there is no tool of that name",
        );
    }
    as_the_host_sees_it(offer, service, ledger);
    let parts = [
        (tools.len(), "tools"),
        (prompts.len(), "prompts"),
        (templates.as_ref().map_or(0, Vec::len), "templates"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(many, _)| *many > 0).map(|(many, what)| format!("{many} {what}")).collect();
    let parts = if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") };
    ledger.looked("listing", format!("{parts}, listed twice"));
    ledger.looked("text", "descriptions of tools, arguments and prompts: there, short enough, visible");
    let schemas = tools.iter().map(|tool| 1 + usize::from(tool.output_schema.is_some())).sum::<usize>();
    ledger.looked("schema", format!("{schemas} schemas"));
}

fn annotated(tool: &Declared, place: &str, ledger: &mut Ledger) {
    let annotations = tool.annotations;
    if annotations.read_only && annotations.destructive {
        ledger.find("annotations.contradiction", place, "both are set");
    }
    if tool.cache_ttl.is_some_and(|ttl| !ttl.is_zero()) && !annotations.read_only {
        ledger.find("annotations.cache", place, "it has a `cache-ttl`, and is not read-only");
    }
}

/// What the host refuses, if nothing above says why already.
fn as_the_host_sees_it(offer: &Offer, service: &str, ledger: &mut Ledger) {
    let known = [
        "listing.name",
        "listing.duplicate",
        "schema.invalid",
        "schema.root",
        "schema.remote",
        "schema.dialect",
    ];
    if known.into_iter().any(|id| ledger.has(id)) {
        return;
    }
    for tool in &*offer.tools {
        if let Err(why) = Tool::new(service, tool.clone()) {
            ledger.find("listing.tool", format!("tool {}", tool.name), why);
        }
    }
    for prompt in &offer.prompts {
        if let Err(why) = Prompt::new(service, prompt.clone()) {
            ledger.find("listing.tool", format!("prompt {}", prompt.name), why);
        }
    }
}

/// Why a text is no URI template (RFC 6570).
fn unsound(template: &str) -> Option<&'static str> {
    if !has_scheme(template) {
        return Some("it does not begin with a scheme");
    }
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, found) = rest.split_at(at);
        if before.contains(char::is_whitespace) {
            return Some("it holds a space");
        }
        let Some((expression, after)) = found.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
            return Some("its braces are not in pairs");
        };
        let names = expression.trim_start_matches(['+', '#', '.', '/', ';', '?', '&']);
        let sound = |name: &str| {
            let name = name.trim_end_matches('*').split(':').next().unwrap_or_default();
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.%".contains(&b))
        };
        if !names.split(',').all(sound) {
            return Some("one of its expressions has no name");
        }
        rest = after;
    }
    None
}

/// Whether a URI begins with a scheme (RFC 3986).
pub(super) fn has_scheme(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
            && !rest.is_empty()
    })
}

/// Gives it configs that its schema takes and that nobody meant: it may refuse them, but not crash.
pub(super) async fn configs(
    bench: &Bench,
    manifest: &Manifest,
    service: &config::Service,
    ledger: &mut Ledger,
) {
    let schema: Value = serde_json::from_str(&manifest.config_schema).unwrap_or_default();
    let odd = settings::odd(&schema, &service.config);
    let (mut tried, mut refused) = (0_usize, 0_usize);
    for (key, config) in odd {
        tried = tried.saturating_add(1);
        match bench.offer(&bench.sealed(&config)).await {
            Ok(_) => {}
            Err(error) if error.is_misdeed() => {
                let value = shown(&config.get(&key).unwrap_or(&Value::Null).to_string(), 60);
                ledger.find("config.trap", format!("config, `{key}`"), format!("{value}: {error}"));
            }
            Err(_) => refused = refused.saturating_add(1),
        }
    }
    ledger.looked("config", format!("{tried} odd configs that the schema takes; {refused} refused in words"));
}

/// Asks it how it is, while its upstream is well and while it is not.
pub(super) async fn health(bench: &Bench, place: &Compartment, upstream: &Upstream, ledger: &mut Ledger) {
    for script in [Script::Well(0), Script::Status(500), Script::Garbage] {
        upstream.play(script);
        match bench.health(place).await {
            Err(error) if error.is_misdeed() => {
                ledger.find(
                    "listing.health_trap",
                    "health-check",
                    format!("upstream: {}: {error}", script.name()),
                );
            }
            Ok(sentence) if script == Script::Status(500) && !upstream.received().is_empty() => {
                ledger.find(
                    "listing.health_blind",
                    "health-check",
                    format!("the upstream answered 500; it says: {sentence}"),
                );
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_sound_or_say_why_not() {
        for template in ["a://{x}", "file:///{+path}", "x:{a,b}{?q*,n:3}", "urn:x"] {
            assert_eq!(unsound(template), None, "{template}");
        }
        for (template, why) in [
            ("a://{x", "its braces are not in pairs"),
            ("a://x}", "its braces are not in pairs"),
            ("a://{}", "one of its expressions has no name"),
            ("a://{a b}", "one of its expressions has no name"),
            ("{x}", "it does not begin with a scheme"),
        ] {
            assert_eq!(unsound(template), Some(why), "{template}");
        }
    }
}
