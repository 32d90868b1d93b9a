//! What a client gets of a result: the part an operator selected, once, and no more than fits. What is cut
//! says so.
//!
//! - JSON stays JSON. A list loses its last elements and ends with `{"bulkhead/truncated": {"of": 10240,
//!   "shown": 812, …}}`; an object loses its last members and has that as a member; a string ends in words.
//! - Text is cut at the end of a line where there is one, and its last line says how much was shown.
//! - Bytes are not cut: in their place is a line that says what was left out.
//! - A structured result with a schema is cut without marks. If what is left does not conform, it is dropped.
//!   The text has the JSON with its marks in either case.
//! - The result's `_meta` has `bulkhead/truncated`, with the sizes. What the component put there is dropped if
//!   it is more than a quarter of the limit.

mod cut;
mod prune;
mod size;

use std::sync::Arc;

use bytesize::ByteSize;
use serde_json::{Value, json};
use serde_json_path::JsonPath;

use crate::request::{Content, Media, ResourceBody, ToolOutput};

/// Key of the mark in JSON and in `_meta`. Components cannot set it in `_meta`.
pub const TRUNCATED: &str = "bulkhead/truncated";

/// An operator's rules for the results of a tool. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shaping {
    /// What is passed on of a JSON result.
    pub select: Option<Arc<Select>>,
    /// The size of a result, instead of the host's.
    pub max_bytes: Option<ByteSize>,
}

/// A JSONPath (RFC 9535).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// The path.
    pub path: JsonPath,
    /// Whether it names one place (a singular query), rather than finding any number.
    pub singular: bool,
}

/// Whether a structured result conforms to the tool's output schema.
pub type Conforms<'a> = &'a dyn Fn(&Value) -> bool;

/// A result that fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Shaped {
    /// The result.
    pub output: ToolOutput,
    /// What it would have been; none if nothing was cut.
    pub cut_from: Option<ByteSize>,
}

/// Larger images and sounds go as embedded resources: clients keep those, and do not put them before the model.
const LARGE_MEDIA: usize = 1 << 20;
/// About a millisecond of work.
const LARGE: usize = 128 << 10;
/// Smaller limits have no room for the marks.
const LEAST: usize = 1 << 10;

/// Whether shaping a result may take long enough that others would notice.
#[must_use]
pub fn is_large(output: &ToolOutput) -> bool {
    size::output(output) > LARGE
}

/// Shapes a result to at most `limit` bytes, or what the rules have instead, and never less than 1 KiB. Text
/// counts as UTF-8, JSON without blanks, bytes as base64, and every block of content 32 bytes more.
///
/// `conforms` is there if the tool declares an output schema.
#[must_use]
pub fn shape(output: ToolOutput, rules: &Shaping, limit: ByteSize, conforms: Option<Conforms<'_>>) -> Shaped {
    let mut output = output;
    let mut mirror = mirror(&mut output);
    if let Some(select) = rules.select.as_deref() {
        select.apply(&mut output, mirror);
        if let (Some(conforms), Some(structured)) = (conforms, &output.structured)
            && !conforms(structured)
        {
            (output.structured, mirror) = (None, None); // the text still has it
        }
    }
    for (at, content) in output.content.iter_mut().enumerate() {
        embed_if_large(content, at);
    }
    let limit = usize::try_from(rules.max_bytes.unwrap_or(limit).as_u64()).unwrap_or(usize::MAX).max(LEAST);
    let size = size::output(&output);
    if size <= limit {
        return Shaped { output, cut_from: None };
    }
    let mut output = cut::output(output, mirror, limit, conforms);
    let sizes = json!({ "shown": size::output(&output), "of": size });
    output.meta.get_or_insert_default().insert(TRUNCATED.to_owned(), sizes);
    Shaped { output, cut_from: Some(ByteSize(size as u64)) }
}

/// Older clients read the text, newer ones the structured result, and MCP wants both to be the same. So the
/// text that repeats the structured result is without blanks, and is there at least if nothing else is.
/// Gives its place.
fn mirror(output: &mut ToolOutput) -> Option<usize> {
    let structured = output.structured.as_ref()?;
    let compact = structured.to_string();
    if output.content.is_empty() {
        output.content.push(Content::Text(compact));
        return Some(0);
    }
    // Blanks make it longer, but not without bound; what cannot be it is not read.
    let length = compact.len()..=compact.len().saturating_mul(4).saturating_add(LEAST);
    let same = |text: &str| {
        text == compact
            || (length.contains(&text.len()) && json_text(text).is_some_and(|value| value == *structured))
    };
    let at =
        output.content.iter().position(|content| matches!(content, Content::Text(text) if same(text)))?;
    *output.content.get_mut(at)? = Content::Text(compact);
    Some(at)
}

impl Select {
    /// Of the structured result and the text that repeats it, or of the first text that is JSON.
    fn apply(&self, output: &mut ToolOutput, mirror: Option<usize>) {
        if let Some(structured) = &mut output.structured {
            *structured = self.of(structured);
            if let Some(Content::Text(text)) = mirror.and_then(|at| output.content.get_mut(at)) {
                *text = structured.to_string();
            }
            return;
        }
        for content in &mut output.content {
            if let Content::Text(text) = content
                && let Some(value) = json_text(text)
            {
                *text = self.of(&value).to_string();
                return;
            }
        }
    }

    fn of(&self, value: &Value) -> Value {
        let nodes = self.path.query(value);
        if self.singular {
            nodes.first().cloned().unwrap_or_default()
        } else {
            nodes.into_iter().cloned().collect()
        }
    }
}

/// A text that is a JSON list or object.
fn json_text(text: &str) -> Option<Value> {
    text.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str(text).ok())?
}

fn embed_if_large(content: &mut Content, at: usize) {
    if let Content::Image(media) | Content::Audio(media) = content
        && media.data.len() > LARGE_MEDIA
    {
        let Media { data, mime_type } = std::mem::take(media);
        let uri = format!("bulkhead:result/{at}");
        *content = Content::Resource { uri, mime_type: Some(mime_type), body: ResourceBody::Blob(data) };
    }
}

#[cfg(test)]
mod tests;
