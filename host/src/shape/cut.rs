//! A result that is too large, made to fit: room is shared among its parts, and each is cut in its own way.

use serde_json::Value;

use super::{
    Conforms, json_text,
    prune::{Marks, Tree, share},
    size::{self, BLOCK},
};
use crate::request::{Content, Media, ResourceBody, ToolOutput};

/// Room for the mark in `_meta`.
const META: usize = 128;
/// The last line of a text that was cut, or the note in place of what was left out; the longest it can be.
const NOTE: usize = 160;
/// A part is not cut to less while there are later ones that can be left out. More than a note.
const FLOOR: usize = 256;
/// How a client gets less.
const NARROW: &str = "ask for less, e.g. narrow the query or pass a limit";

/// Cuts a result to `limit`, which is at least 1 KiB. `mirror` is the text that repeats the structured result.
pub(super) fn output(
    output: ToolOutput,
    mirror: Option<usize>,
    limit: usize,
    conforms: Option<Conforms<'_>>,
) -> ToolOutput {
    let ToolOutput { content, structured, meta } = output;
    // The model does not read it: either it is small, or it goes.
    let meta = meta.filter(|meta| size::json(meta) <= limit / 4);
    let room = limit - META - BLOCK - NOTE - meta.as_ref().map_or(0, size::json);

    let tree = structured.as_ref().map(Tree::new);
    // The structured result is first, and the text that repeats it goes with it.
    let repeated = if mirror.is_some() { 2 } else { 1 };
    let first = tree.as_ref().map(|tree| repeated * (tree.size() + BLOCK));
    let others = || content.iter().enumerate().filter(|(at, _)| Some(*at) != mirror).map(|(_, block)| block);
    let sizes: Vec<usize> = first.into_iter().chain(others().map(size::content)).collect();
    let (kept, level) = share(&sizes, FLOOR, room);

    let mut shown = Shown::default();
    if let Some(tree) = &tree {
        shown = if first.is_some_and(|size| size <= level) {
            let text = mirror.and(structured.as_ref()).map(Value::to_string);
            Shown { structured: structured.clone(), text }
        } else {
            json(tree, level, mirror.is_some(), conforms)
        };
    }
    let all = content.len();
    let (mut blocks, mut left_out) = (Vec::new(), 0);
    let mut left = kept.saturating_sub(usize::from(tree.is_some()));
    for (at, block) in content.into_iter().enumerate() {
        if Some(at) == mirror {
            blocks.extend(shown.text.take().map(Content::Text));
        } else if left > 0 {
            left -= 1;
            blocks.push(fit(block, level));
        } else {
            left_out += 1;
        }
    }
    blocks.extend(shown.text.take().map(Content::Text)); // of a structured result that was dropped
    if left_out > 0 {
        blocks.push(Content::Text(format!("[cut: {} of {all} parts shown; {NARROW}]", all - left_out)));
    }
    ToolOutput { content: blocks, structured: shown.structured, meta }
}

/// What is left of a structured result.
#[derive(Default)]
struct Shown {
    structured: Option<Value>,
    text: Option<String>,
}

/// The structured result in at most `level` bytes, with the text that repeats it if there is to be one.
fn json(tree: &Tree<'_>, level: usize, mirrored: bool, conforms: Option<Conforms<'_>>) -> Shown {
    let all = level.saturating_sub(BLOCK);
    let each = if mirrored { (all / 2).saturating_sub(BLOCK) } else { all };
    let text = |budget| Some(tree.prune(budget, Marks::In)?.to_string());
    let marks = if conforms.is_some() { Marks::Out } else { Marks::In };
    let structured = tree.prune(each, marks).filter(|value| conforms.is_none_or(|conforms| conforms(value)));
    let text = match &structured {
        None => text(all),
        Some(_) if !mirrored => None,
        Some(value) if marks == Marks::In => Some(value.to_string()),
        Some(value) => text(each).or_else(|| Some(value.to_string())),
    };
    Shown { structured, text }
}

/// A block in at most `level` bytes, which is more than a note takes if the block is larger.
fn fit(block: Content, level: usize) -> Content {
    let size = size::content(&block);
    if size <= level {
        return block;
    }
    match block {
        Content::Text(text) => Content::Text(shorter(&text, level - BLOCK)),
        Content::Resource { uri, mime_type, body: ResourceBody::Text(text) } => {
            let frame = size - text.len();
            // A name that leaves no room is not worth keeping.
            if frame + NOTE > level {
                return absent(mime_type.as_deref().unwrap_or("a resource"), size, level);
            }
            Content::Resource { uri, mime_type, body: ResourceBody::Text(shorter(&text, level - frame)) }
        }
        Content::Image(Media { mime_type, .. }) | Content::Audio(Media { mime_type, .. }) => {
            absent(&mime_type, size, level)
        }
        Content::Resource { mime_type, .. } => {
            absent(mime_type.as_deref().unwrap_or("a resource"), size, level)
        }
        Content::Link { .. } => absent("a link", size, level),
    }
}

fn absent(what: &str, size: usize, level: usize) -> Content {
    let what = what.get(..what.floor_char_boundary(40)).unwrap_or_default();
    Content::Text(format!("[left out: {what}, {size} bytes where {level} are left; {NARROW}]"))
}

/// A text in at most `budget` bytes, which is more than a note takes.
fn shorter(text: &str, budget: usize) -> String {
    let pruned = json_text(text).and_then(|value| Tree::new(&value).prune(budget, Marks::In));
    pruned.map_or_else(|| lines(text, budget), |value| value.to_string())
}

fn lines(text: &str, budget: usize) -> String {
    let room = text.floor_char_boundary(budget.saturating_sub(NOTE));
    let head = text.get(..room).unwrap_or_default();
    // At the end of a line, unless the line is most of it.
    match head.rfind('\n').filter(|end| *end >= room / 2).and_then(|end| head.get(..end)) {
        Some(head) => {
            let (shown, of) = (head.split('\n').count(), text.lines().count());
            format!("{head}\n[cut: {shown} of {of} lines shown; {NARROW}]")
        }
        None => format!("{head}\n[cut: {room} of {} bytes shown; {NARROW}]", text.len()),
    }
}
