//! Owns text: `text_diff` and `count_text`.

use std::time::Duration;

use bulkhead_sdk::prelude::*;
use similar::{ChangeTag, TextDiff};

use crate::{Utilities, limits};

/// After this the diff is still right, only longer than it need be.
const LONGEST: Duration = Duration::from_secs(2);

pub(crate) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new("text_diff", "Compares two texts line by line and gives a unified diff.", text_diff)
            .title("Compare texts")
            .read_only()
            .idempotent()
            .tag("text"),
        Tool::new(
            "count_text",
            "Counts characters, words, lines and bytes of a text, and estimates its tokens (within about 20 % for \
             English).",
            count_text,
        )
        .title("Count text")
        .read_only()
        .idempotent()
        .tag("text"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Compare {
    before: String,
    after: String,
    /// Unchanged lines around each change; 3 if left out.
    #[schemars(range(min = 0, max = 100))]
    context: Option<usize>,
}

async fn text_diff(_: &Utilities, args: Compare, _: &Call) -> Result<Output> {
    limits::at_most("before", &args.before, limits::TEXT)?;
    limits::at_most("after", &args.after, limits::TEXT)?;
    let context = limits::within("context", args.context.unwrap_or(3), 0, 100)?;
    let diff = TextDiff::configure().timeout(LONGEST).diff_lines(&args.before, &args.after);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    let (added, removed) = (count(ChangeTag::Insert), count(ChangeTag::Delete));
    let unified = diff.unified_diff().context_radius(context).header("before", "after").to_string();
    let text = if unified.is_empty() { "The two are equal.".to_owned() } else { unified.clone() };
    let value = json!({"equal": unified.is_empty(), "added": added, "removed": removed, "diff": unified});
    Ok(Output::structured_with_text(value, text))
}

#[derive(Deserialize, JsonSchema)]
struct Count {
    text: String,
}

async fn count_text(_: &Utilities, args: Count, _: &Call) -> Result<Output> {
    limits::at_most("text", &args.text, limits::TEXT)?;
    let text = &args.text;
    let words = text.split_whitespace().count();
    let ascii = text.bytes().filter(u8::is_ascii).count();
    // Common tokenizers take about four ASCII characters to a token, and about one of any other.
    let tokens = ascii.div_ceil(4) + (text.chars().count() - ascii);
    Ok(Output::json(&json!({
        "characters": text.chars().count(),
        "words": words,
        "lines": text.lines().count(),
        "bytes": text.len(),
        "estimated_tokens": tokens,
    })))
}
