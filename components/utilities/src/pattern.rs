//! Owns `regex`: regular expressions by an engine whose time is linear in the text, whatever the
//! pattern.

use bulkhead_sdk::prelude::*;
use regex::{Captures, Regex, RegexBuilder};

use crate::{Utilities, limits, set};

/// Compiled size; a pattern such as `(\w{1000}){1000}` stops here instead of in memory.
const COMPILED: usize = 4 << 20;

pub(crate) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "regex",
            "Runs a regular expression: `test`, `match` (with groups and positions), `replace` (`$1`, `${name}`) or \
             `split`. Linear time; no look-around and no back-references. Flags: i ignore case, m multi-line, s dot \
             matches newline, x ignore space.",
            run,
        )
        .title("Regular expression")
        .read_only()
        .idempotent()
        .tag("text"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Run {
    operation: Operation,
    /// Such as `(?<year>\d{4})-(\d\d)`.
    pattern: String,
    text: String,
    /// For replace.
    replacement: Option<String>,
    /// Any of i, m, s, x.
    #[serde(default)]
    flags: String,
    /// At most this many matches, replacements or pieces; 100 if left out, all for replace.
    #[schemars(range(min = 1, max = 10_000))]
    limit: Option<usize>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Operation {
    Test,
    Match,
    Replace,
    Split,
}

async fn run(_: &Utilities, args: Run, _: &Call) -> Result<Output> {
    limits::at_most("text", &args.text, limits::TEXT)?;
    let regex = compile(&args.pattern, &args.flags)?;
    if let Some(limit) = args.limit {
        limits::within("limit", limit, 1, 10_000)?;
    }
    let limit = args.limit.unwrap_or(100);
    match args.operation {
        Operation::Test => {
            let matches = regex.is_match(&args.text);
            Ok(Output::structured_with_text(json!({"matches": matches}), matches.to_string()))
        }
        Operation::Match => {
            let mut found = regex.captures_iter(&args.text);
            let matches: Vec<Value> =
                found.by_ref().take(limit).map(|found| described(&regex, &found)).collect();
            Ok(Output::json(&json!({"matches": matches, "more": found.next().is_some()})))
        }
        Operation::Replace => {
            let replacement = args.replacement.as_deref().ok_or_else(|| {
                Error::invalid("replacement", "is needed to replace; such as `$2-$1`, or empty")
            })?;
            limits::at_most("replacement", replacement, limits::EXPRESSION)?;
            // Each replacement can be longer than its match; the whole stays bounded.
            let count = regex.find_iter(&args.text).take(args.limit.unwrap_or(usize::MAX)).count();
            if count.saturating_mul(replacement.len()) > 4 * limits::TEXT {
                return Err(Error::invalid("replacement", format!("{count} replacements would be too long")));
            }
            let text = regex.replacen(&args.text, args.limit.unwrap_or(0), replacement).into_owned();
            Ok(Output::structured_with_text(json!({"text": text, "replaced": count}), text))
        }
        Operation::Split => {
            let pieces: Vec<&str> = regex.splitn(&args.text, limit).collect();
            Ok(Output::json(&json!({"pieces": pieces})))
        }
    }
}

fn compile(pattern: &str, flags: &str) -> Result<Regex> {
    limits::at_most("pattern", pattern, limits::EXPRESSION)?;
    let mut builder = RegexBuilder::new(pattern);
    builder.size_limit(COMPILED).dfa_size_limit(COMPILED);
    for flag in flags.chars() {
        match flag {
            'i' => builder.case_insensitive(true),
            'm' => builder.multi_line(true),
            's' => builder.dot_matches_new_line(true),
            'x' => builder.ignore_whitespace(true),
            'g' | 'u' => &mut builder, // how it is anyway
            other => {
                return Err(Error::invalid("flags", format!("`{other}` is no flag; expected i, m, s or x")));
            }
        };
    }
    builder.build().map_err(|error| {
        let hint = if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|look| pattern.contains(look)) {
            "; look-around is not supported: match more and use a group"
        } else {
            ""
        };
        Error::invalid("pattern", format!("{error}{hint}"))
    })
}

/// A match: its text, the byte it begins at, and its groups.
fn described(regex: &Regex, found: &Captures<'_>) -> Value {
    let mut groups = Vec::new();
    let mut named = serde_json::Map::new();
    for (name, group) in regex.capture_names().zip(found.iter()).skip(1) {
        let text = group.map(|group| group.as_str());
        groups.push(json!(text));
        if let Some(name) = name {
            named.insert(name.to_owned(), json!(text));
        }
    }
    let mut value = json!({"text": found.get(0).map(|whole| whole.as_str()), "at": found.get(0).map(|whole| whole.start())});
    if !groups.is_empty() {
        set(&mut value, "groups", groups);
    }
    if !named.is_empty() {
        set(&mut value, "named", named);
    }
    value
}
