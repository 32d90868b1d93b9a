//! References to tools in what a component says: the texts of a prompt's messages, and its `instructions`.
//!
//! A component knows neither the name of its service, nor what the operator renamed, nor what a caller may use. So it
//! writes `{tool:query}` for a tool of its own, or `{tool:loki/query_range}` for one of whichever services run the
//! component that calls itself `loki`. In the place of each stand the names by which this caller knows it here; a line
//! with one that it cannot use is left out, and the numbered lines after it move up.
//!
//! What a user passed as an argument, or an upstream answered, is part of a prompt's text by then, and a reference in
//! it is one like any other. That tells nobody anything new: only names that are listed for this caller are ever
//! written. The worst it does is to take its own line out of the prompt.

use std::{
    borrow::Cow,
    cell::{LazyCell, OnceCell},
    collections::HashMap,
};

use super::Handler;
use crate::{
    auth::Caller,
    catalog::{Catalog, service::Service, tool::Tool},
    operation::Outcome,
    request::{Content, Scope},
};

const OPENS: &str = "{tool:";
/// References in one prompt, or in the instructions of one service: lines with more are left out. With `NAMES` it
/// bounds what a text can grow by, some 300 KiB. Doubled, a hostile text makes that double; halved, a long runbook loses
/// lines.
pub(super) const REFERENCES: usize = 256;
/// Names in the place of one reference. More say nothing to a model; halved, a tenant with ten clusters misses some.
const NAMES: usize = 16;

/// A reference as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reference<'a> {
    component: Option<&'a str>,
    tool: &'a str,
}

impl<'a> Reference<'a> {
    /// Reads what follows [`OPENS`]: the reference, and the rest. None if it is only text: JSON, say.
    fn read(text: &'a str) -> Option<(Self, &'a str)> {
        let of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-/".contains(c);
        let (named, rest) = text.split_at_checked(text.find(|c| !of_name(c))?)?;
        let rest = rest.strip_prefix('}')?;
        let (component, tool) = match named.split_once('/') {
            Some((component, tool)) => (Some(component), tool),
            None => (None, named),
        };
        let is_name = |name: &str, not: [char; 2]| {
            name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.contains(not)
        };
        let sound = is_name(tool, ['-', '/']) && component.is_none_or(|name| is_name(name, ['_', '/']));
        sound.then_some((Self { component, tool }, rest))
    }
}

/// The tools that a caller knows in a scope, by what their components call them. They are gathered when the first
/// reference is met.
pub(super) struct Known<'a> {
    catalog: &'a Catalog,
    caller: &'a Caller,
    scope: &'a Scope,
    tools: OnceCell<HashMap<&'a str, Vec<(&'a Service, &'a Tool)>>>,
}

impl<'a> Known<'a> {
    pub(super) fn new(catalog: &'a Catalog, caller: &'a Caller, scope: &'a Scope) -> Self {
        Self { catalog, caller, scope, tools: OnceCell::new() }
    }

    /// The names of what a service refers to.
    fn names(&self, speaker: &Service, Reference { component, tool }: Reference<'_>) -> Vec<&'a str> {
        let tools = self.tools.get_or_init(|| {
            let mut tools: HashMap<_, Vec<_>> = HashMap::new();
            for (service, tool) in self.catalog.list(self.caller, self.scope) {
                tools.entry(&*tool.name).or_default().push((&**service, &**tool));
            }
            tools
        });
        let is_meant = |service: &Service| match component {
            Some(component) => service.manifest.name == component,
            None => service.name == speaker.name,
        };
        let meant = tools.get(tool).into_iter().flatten().filter(|(service, _)| is_meant(service));
        let names: Vec<_> = meant.map(|(_, tool)| &*tool.public_name).take(NAMES).collect();
        // Not louder: an argument that a user passed can do it too.
        if names.is_empty() && component.is_none() && !speaker.declares(tool) {
            let service = &*speaker.name;
            tracing::debug!(service, tool, "a text refers to a tool of its own service that there is not");
        }
        names
    }

    /// What a service says, with names in the place of references; none if nothing is left of it. `left` is how many
    /// references it may still make.
    pub(super) fn told<'t>(
        &self,
        speaker: &Service,
        text: &'t str,
        left: &mut usize,
    ) -> Option<Cow<'t, str>> {
        if !text.contains(OPENS) {
            return Some(text.into());
        }
        let text = expand(text, left, |reference| self.names(speaker, reference));
        Some(text).filter(|text| !text.trim().is_empty()).map(Cow::Owned)
    }
}

impl Handler {
    /// A prompt with names in the place of references; other outcomes as they are.
    pub(super) fn naming(&self, prompt: &str, mut outcome: Outcome) -> Outcome {
        let Outcome::Prompt(output) = &mut outcome else { return outcome };
        let catalog = self.host.catalog();
        let known = Known::new(&catalog, &self.caller, &self.scope);
        // After the call: what was loaded meanwhile is what the client can call now.
        let service = LazyCell::new(|| catalog.prompt(&self.caller, &self.scope, prompt));
        let mut left = REFERENCES;
        output.messages.retain_mut(|message| {
            let Content::Text(text) = &mut message.content else { return true };
            if !text.contains(OPENS) {
                return true;
            }
            let Some(service) = &*service else { return false };
            let told = known.told(service, text, &mut left).map(Cow::into_owned);
            let is_left = told.is_some();
            *text = told.unwrap_or_default();
            is_left
        });
        outcome
    }
}

/// A text with names in the place of its references, without the lines that have one without a name.
fn expand<'n>(text: &str, left: &mut usize, names: impl Fn(Reference<'_>) -> Vec<&'n str>) -> String {
    let (mut told, mut steps) = (String::with_capacity(text.len()), Steps::default());
    for line in text.split_inclusive('\n') {
        match named(line, left, &names) {
            Some(line) => told.push_str(&steps.moved(&line)),
            None => steps.dropped(line),
        }
    }
    if !text.ends_with('\n') && told.ends_with('\n') {
        // The last line is gone, and with it the break before it.
        told.truncate(told.trim_end_matches(['\r', '\n']).len());
    }
    told
}

/// A line with names in the place of its references; none if one has no name.
fn named<'t, 'n>(
    line: &'t str,
    left: &mut usize,
    names: &impl Fn(Reference<'_>) -> Vec<&'n str>,
) -> Option<Cow<'t, str>> {
    if !line.contains(OPENS) {
        return Some(line.into());
    }
    let (mut told, mut rest) = (String::with_capacity(line.len()), line);
    while let Some((before, after)) = rest.split_once(OPENS) {
        told.push_str(before);
        let Some((reference, after_it)) = Reference::read(after) else {
            told.push_str(OPENS);
            rest = after;
            continue;
        };
        *left = left.checked_sub(1)?;
        let names = names(reference);
        if names.is_empty() {
            return None;
        }
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        told.push_str(&names.join(" or "));
        rest = after_it;
    }
    told.push_str(rest);
    Some(told.into())
}

/// The numbered lists that a line can be part of, the outermost first.
#[derive(Debug, Default)]
struct Steps(Vec<Step>);

/// One of them.
#[derive(Debug)]
struct Step {
    indent: usize,
    /// The number of its last line, as written.
    last: u64,
    /// How many of its lines are gone.
    gone: u64,
}

impl Steps {
    /// The list that a line with this number continues or begins.
    fn at(&mut self, indent: usize, number: u64) -> &mut Step {
        while self.0.last().is_some_and(|step| step.indent > indent) {
            self.0.pop();
        }
        // A number that is no higher begins another list.
        let gone = match self.0.pop_if(|step| step.indent == indent) {
            Some(step) if step.last < number => step.gone,
            _ => 0,
        };
        self.0.push_mut(Step { indent, last: number, gone })
    }

    /// A line is gone.
    fn dropped(&mut self, line: &str) {
        if let Some((indent, number, _)) = numbered(line) {
            self.at(indent.len(), number).gone += 1;
        }
    }

    /// A line with the number it has now.
    fn moved<'t>(&mut self, line: &'t str) -> Cow<'t, str> {
        let Some((indent, number, rest)) = numbered(line) else { return line.into() };
        match self.at(indent.len(), number).gone {
            0 => line.into(),
            gone => format!("{indent}{}. {rest}", number.saturating_sub(gone)).into(),
        }
    }
}

/// A line `N. …`: what it is indented by, its number, and the rest.
fn numbered(line: &str) -> Option<(&str, u64, &str)> {
    let (indent, item) = line.split_at_checked(line.find(|c| c != ' ' && c != '\t')?)?;
    let (number, rest) = item.split_once(". ")?;
    let digits = number.bytes().all(|b| b.is_ascii_digit()) && number.len() <= 9; // as in CommonMark
    digits.then(|| number.parse().ok()).flatten().map(|number| (indent, number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> String {
        let mut left = REFERENCES;
        expand(text, &mut left, |Reference { component, tool }| match (component, tool) {
            (None, "query") => vec!["prom_query"],
            (Some("loki"), "query_range") => vec!["a_query_range", "b_range"],
            _ => vec![],
        })
    }

    #[test]
    fn names_stand_in_the_place_of_references() {
        let text = "Ask {tool:query}, then {tool:loki/query_range}.\r\n";
        assert_eq!(expanded(text), "Ask `prom_query`, then `a_query_range` or `b_range`.\r\n");
        assert_eq!(expanded("{tool:query}{tool:query}"), "`prom_query``prom_query`");
    }

    #[test]
    fn a_line_goes_with_one_reference_that_has_no_name() {
        let text = "First.\nUse {tool:query} or {tool:other}.\nLast.";
        assert_eq!(expanded(text), "First.\nLast.");
        assert_eq!(expanded("First.\nUse {tool:loki/query}."), "First.");
        assert_eq!(expanded("First.\r\n{tool:other}"), "First.");
        assert_eq!(expanded("First.\n{tool:other}\n"), "First.\n");
        assert_eq!(expanded("{tool:other}"), "");
    }

    #[test]
    fn what_is_no_reference_stays_as_it_is() {
        for text in [
            "{tool:}",
            "{tool:query",
            "{tool: query}",
            "{tool:Query}",
            "{tool:/query}",
            "{tool:loki/}",
            "{tool:a/b/c}",
            "{tool:get-it}",
            "{tool:a_b/query}",
            "{tool:\"query\"}",
            "{Tool:query}",
            "{tool:é}",
            "{\"tool\":{}}",
        ] {
            assert_eq!(expanded(text), text);
        }
        assert_eq!(expanded("{tool:{tool:query}}"), "{tool:`prom_query`}");
    }

    #[test]
    fn numbered_lines_move_up() {
        let text = "Do this:\n1. {tool:other}\n2. Look.\n   Twice.\n3. {tool:no}\n4. Think.\n10. Say.";
        assert_eq!(expanded(text), "Do this:\n1. Look.\n   Twice.\n2. Think.\n8. Say.");
    }

    #[test]
    fn lists_within_lists_and_after_lists_count_by_themselves() {
        let text = "1. A\n   1. {tool:no}\n   2. B\n2. {tool:no}\n3. C\n   1. D\n\n1. E\n2. F\n";
        assert_eq!(expanded(text), "1. A\n   1. B\n2. C\n   1. D\n\n1. E\n2. F\n");
        assert_eq!(expanded("1. {tool:no}\n1. A\n1. B"), "1. A\n1. B");
    }

    #[test]
    fn numbers_that_are_no_steps_stay() {
        let text = "1. {tool:no}\n2.5 percent\n1234567890. x\n. x\n2. A";
        assert_eq!(expanded(text), "2.5 percent\n1234567890. x\n. x\n1. A");
    }

    #[test]
    fn a_text_makes_so_many_references_and_no_more() {
        let mut left = 3;
        let names = |_: Reference<'_>| vec!["x"];
        assert_eq!(expand("{tool:a}{tool:a}\n{tool:a}\n{tool:a}\nend", &mut left, names), "`x``x`\n`x`\nend");
        assert_eq!(expand("{tool:a}\nend", &mut left, names), "end");
    }
}
