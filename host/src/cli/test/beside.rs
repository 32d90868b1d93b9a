//! What a component offers beside tools: prompts, resources, completions.

use std::collections::BTreeSet;

use bulkhead::{
    catalog::{offer::Offer, prompt::PromptArgument},
    error::CallError,
    operation::{Completing, Operation, Outcome, Reference},
    request::Content,
};
use serde_json::{Map, Value, json};

use super::{
    calls::told,
    ledger::Ledger,
    listing::has_scheme,
    outside::lost,
    settings,
    stage::{Played, Stage},
    text::shown,
    upstream::{Script, Upstream},
};

/// Pages of resources that are turned.
const PAGES: usize = 50;
/// Resources that are read.
const READ: usize = 20;
/// What users type.
const PREFIXES: [&str; 6] = ["", "a", "ü日本", "\"{}", "../..", "%00"];

/// Tries all of it.
pub(super) async fn beside(stage: &Stage, offer: &Offer, upstream: &Upstream, ledger: &mut Ledger) {
    let secrets = settings::secrets(&stage.config());
    for script in [Script::Well(0), Script::Status(500)] {
        upstream.play(script);
        prompts(stage, offer, script, &secrets, ledger).await;
        resources(stage, script, &secrets, ledger).await;
        completions(stage, script, ledger).await;
    }
}

fn crashed(played: &Played, id: &'static str, place: &str, ledger: &mut Ledger) -> bool {
    let Err(error) = &played.result else { return false };
    if !error.is_misdeed() {
        return false;
    }
    let last = played.said.last().map(|line| format!("; its last words: {}", shown(&line.text, 200)));
    ledger.find(id, place, format!("{error}{}", last.unwrap_or_default()));
    true
}

async fn prompts(stage: &Stage, offer: &Offer, script: Script, secrets: &[String], ledger: &mut Ledger) {
    let component = &stage.service.manifest.name;
    let mut tried = 0_usize;
    for prompt in &*stage.service.prompts {
        let place = format!("prompt {}", prompt.declared.name);
        let declared = &prompt.declared.arguments;
        let filled = |wanted: &dyn Fn(&PromptArgument) -> bool, value: &str| -> Map<String, Value> {
            declared.iter().filter(|one| wanted(one)).map(|one| (one.name.clone(), json!(value))).collect()
        };
        let attempts = [
            (true, filled(&|one| one.required, "1")),
            (false, filled(&|_| true, "example")),
            (false, filled(&|_| true, "")),
            (false, filled(&|_| true, "{tool:x}\n\u{0}🙂")),
        ];
        for (only_required, arguments) in attempts {
            tried = tried.saturating_add(1);
            let operation =
                Operation::GetPrompt { name: prompt.public_name.to_string(), arguments: arguments.clone() };
            let played = stage.play(operation).await;
            let with = shown(&Value::Object(arguments).to_string(), 120);
            crashed(&played, "prompt.trap", &place, ledger);
            told(&played, secrets, &place, ledger);
            match &played.result {
                // Of all arguments as strings, one may still not be a number, say; that one is missing may not be.
                Err(CallError::InvalidArguments(why))
                    if only_required && script == Script::Well(0) && is_missing(why) =>
                {
                    ledger.find("prompt.refused", &place, format!("{why} (with {with})"));
                }
                Ok(Outcome::Prompt(output)) => {
                    let texts = output.messages.iter().filter_map(|message| match &message.content {
                        Content::Text(text) => Some(text),
                        _ => None,
                    });
                    for name in
                        texts.flat_map(|text| lost(text, component, &offer.tools)).filter(|name| *name != "x")
                    {
                        ledger.find(
                            "prompt.reference",
                            format!("{place}, `{name}`"),
                            "there is no tool of that name",
                        );
                    }
                }
                _ => {}
            }
        }
    }
    if !stage.service.prompts.is_empty() && script == Script::Well(0) {
        ledger.looked("prompt", format!("{} prompts, got {tried} times", stage.service.prompts.len()));
    }
}

/// Whether an error complains of an argument that is not there.
fn is_missing(why: &str) -> bool {
    let why = why.to_ascii_lowercase();
    ["missing", "required", "needs", "lacks", "absent"].iter().any(|word| why.contains(word))
}

async fn resources(stage: &Stage, script: Script, secrets: &[String], ledger: &mut Ledger) {
    if stage.service.resources.is_none() {
        return;
    }
    let (mut cursor, mut seen, mut found) = (None, BTreeSet::new(), Vec::new());
    for page in 0.. {
        let service = stage.service.name.to_string();
        let played = stage.play(Operation::ListResources { service, cursor: cursor.clone() }).await;
        if crashed(&played, "resource.trap", "list-resources", ledger) {
            return;
        }
        told(&played, secrets, "list-resources", ledger);
        let Ok(Outcome::Resources(listed)) = played.result else { return };
        for resource in &listed.resources {
            let own = bare(&resource.uri, &stage.service.name);
            if !has_scheme(&own) || own.contains(char::is_whitespace) {
                ledger.find("resource.uri", format!("resource `{own}`"), "it is not an absolute URI");
                continue; // the host finds no way to read it
            }
            if found.contains(&resource.uri) {
                ledger.find("listing.duplicate", format!("resource `{own}`"), "it is listed twice");
            }
            found.push(resource.uri.clone());
        }
        let Some(next) = listed.next else { break };
        if !seen.insert(next.clone()) || page >= PAGES {
            let why = if page >= PAGES { "there are more than fifty" } else { "a cursor came twice" };
            ledger.find("resource.paging", "list-resources", why);
            break;
        }
        cursor = Some(next);
    }
    for uri in found.iter().take(READ) {
        let place = format!("resource `{}`", bare(uri, &stage.service.name));
        let played = stage.play(Operation::ReadResource { uri: uri.clone() }).await;
        crashed(&played, "resource.trap", &place, ledger);
        told(&played, secrets, &place, ledger);
        if let Err(
            CallError::NotFound(why) | CallError::InvalidArguments(why) | CallError::UnknownResource(why),
        ) = &played.result
            && script == Script::Well(0)
        {
            ledger.find("resource.lost", &place, why);
        }
    }
    // What nobody listed: it may be refused, but not crash.
    let templates = stage.service.resources.iter().flat_map(|resources| &resources.templates);
    let templates = templates.map(|template| filled(&template.declared.uri_template));
    let odd: Vec<String> = templates.chain(found.first().map(|uri| format!("{uri}/../%00?x=1#y"))).collect();
    for uri in &odd {
        let played = stage.play(Operation::ReadResource { uri: uri.clone() }).await;
        crashed(&played, "resource.trap", &format!("resource `{}`", bare(uri, &stage.service.name)), ledger);
    }
    if script == Script::Well(0) {
        let templates = stage.service.resources.as_ref().map_or(0, |resources| resources.templates.len());
        let read = found.len().min(READ);
        ledger.looked(
            "resource",
            format!("{} resources, {read} of them read; {templates} templates", found.len()),
        );
    }
}

/// A URI as the component has it: clients see its service in the scheme.
fn bare(uri: &str, service: &str) -> String {
    let own = uri.strip_prefix(service).and_then(|rest| rest.strip_prefix('+'));
    own.unwrap_or(uri).to_owned()
}

/// A template with something in each of its places.
fn filled(template: &str) -> String {
    let mut parts = template.split('{');
    let mut uri = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let after = part.split_once('}').map_or("", |(_, after)| after);
        uri.push('1');
        uri.push_str(after);
    }
    uri
}

async fn completions(stage: &Stage, script: Script, ledger: &mut Ledger) {
    if !stage.service.compartment.component.completes() {
        return;
    }
    let prompts = stage.service.prompts.iter().flat_map(|prompt| {
        let name = &prompt.public_name;
        prompt
            .declared
            .arguments
            .iter()
            .map(move |one| (Reference::Prompt(name.to_string()), one.name.clone()))
    });
    let templates =
        stage.service.resources.iter().flat_map(|resources| &resources.templates).flat_map(|template| {
            let uri = &template.declared.uri_template;
            names(uri).map(move |name| (Reference::Template(uri.clone()), name.to_owned()))
        });
    let all: Vec<(Reference, String)> = prompts.chain(templates).collect();
    let mut tried = 0_usize;
    for (reference, argument) in &all {
        for prefix in PREFIXES {
            tried = tried.saturating_add(1);
            let operation = Operation::Complete(Completing {
                reference: reference.clone(),
                argument: argument.clone(),
                prefix: prefix.to_owned(),
                settled: Map::new(),
            });
            let played = stage.play(operation).await;
            let of = match reference {
                Reference::Prompt(name) => format!("prompt {name}"),
                Reference::Template(uri) => format!("template `{}`", bare(uri, &stage.service.name)),
            };
            crashed(&played, "completion.trap", &format!("{of}, argument {argument}"), ledger);
        }
    }
    if tried > 0 && script == Script::Well(0) {
        ledger.looked("completion", format!("{} arguments, {tried} completions", all.len()));
    }
}

/// The variables of a template.
fn names(template: &str) -> impl Iterator<Item = &str> {
    let expressions =
        template.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(inside, _)| inside));
    expressions.flat_map(|inside| {
        let inside = inside.trim_start_matches(['+', '#', '.', '/', ';', '?', '&']);
        inside.split(',').map(|name| name.trim_end_matches('*').split(':').next().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_and_named() {
        assert_eq!(filled("a://{x}/b/{+y}{?q,r*}"), "a://1/b/11");
        assert_eq!(names("a://{x}/b/{+y}{?q,r*,s:3}").collect::<Vec<_>>(), ["x", "y", "q", "r", "s"]);
    }
}
