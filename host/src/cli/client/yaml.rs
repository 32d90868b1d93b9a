//! YAML: an entry of one table, in block style, as lines. No editor of YAML that keeps comments is as settled as those of
//! the other languages, so only lines of the entry itself are touched, and what is written otherwise is left to people.

use serde_json::Value;

use super::{
    document::{Broken, Slot},
    node::Node,
};

pub(super) fn read(text: &str) -> Result<Value, Broken> {
    if text.lines().all(blank) {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let at = error.location().map(|at| (place(at.line()), place(at.column())));
        let text = error.without_snippet().to_string();
        Broken { at, what: text.split(" at line ").next().unwrap_or(&text).trim().to_owned() }
    })
}

pub(super) fn put(text: &str, slot: Slot<'_>, entry: &Node) -> Result<String, Broken> {
    let key = table(slot)?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let opens = match lines.iter().position(|line| is_key(line, 0, key)) {
        Some(at) => at,
        None => {
            lines.push(format!("{key}:"));
            lines.len() - 1
        }
    };
    let block = Block::below(&lines, opens);
    let (from, to) = block.entry(&lines, slot.name).unwrap_or((block.end, block.end));
    let mut written = Vec::new();
    write(&mut written, block.indent, slot.name, entry);
    lines.splice(from..to, written);
    Ok(joined(text, &lines))
}

pub(super) fn take(text: &str, slot: Slot<'_>) -> Result<String, Broken> {
    let key = table(slot)?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let opens = lines.iter().position(|line| is_key(line, 0, key));
    if let Some((from, to)) = opens.and_then(|at| Block::below(&lines, at).entry(&lines, slot.name)) {
        lines.drain(from..to);
    }
    Ok(joined(text, &lines))
}

/// Lines as a text with the ends that it had.
fn joined(before: &str, lines: &[String]) -> String {
    let end = if before.contains("\r\n") { "\r\n" } else { "\n" };
    lines.iter().map(|line| format!("{line}{end}")).collect()
}

fn table(slot: Slot<'_>) -> Result<&str, Broken> {
    match slot.servers {
        [key] => Ok(key),
        _ => Err(Broken::whole("only tables at the top can be changed")),
    }
}

/// The lines of a table's entries.
struct Block {
    start: usize,
    end: usize,
    indent: usize,
}

impl Block {
    fn below(lines: &[String], opens: usize) -> Self {
        let start = opens + 1;
        let mut block = Self { start, end: start, indent: 2 };
        let mut first = true;
        for (at, line) in lines.iter().enumerate().skip(start) {
            if blank(line) {
                continue;
            }
            let indent = indent(line);
            if indent == 0 {
                break;
            }
            if first {
                (block.indent, first) = (indent, false);
            }
            block.end = at + 1;
        }
        block
    }

    /// From the line of the entry's key up to the next of the same indent.
    fn entry(&self, lines: &[String], name: &str) -> Option<(usize, usize)> {
        let mut inside = lines.iter().enumerate().take(self.end).skip(self.start);
        let (from, _) = inside.find(|(_, line)| is_key(line, self.indent, name))?;
        let next = inside.find(|(_, line)| !line.trim().is_empty() && indent(line) <= self.indent);
        Some((from, next.map_or(self.end, |(at, _)| at)))
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#') || line == "---"
}

/// Whether a line is a key of that indent with a block below it.
fn is_key(line: &str, at: usize, key: &str) -> bool {
    let text = line.trim_start_matches(' ');
    let bare = text.strip_prefix(key).or_else(|| text.strip_prefix(&quoted(key)));
    let rest = bare.and_then(|rest| rest.strip_prefix(':')).map(str::trim);
    indent(line) == at && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// JSON's strings are YAML's.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn write(lines: &mut Vec<String>, indent: usize, key: &str, node: &Node) {
    let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    let key = if plain && !key.starts_with('-') { key.to_owned() } else { quoted(key) };
    let space = " ".repeat(indent);
    match node {
        Node::Table(entries) if !entries.is_empty() => {
            lines.push(format!("{space}{key}:"));
            for (key, node) in entries {
                write(lines, indent + 2, key, node);
            }
        }
        // Flow style is JSON.
        _ => lines.push(format!("{space}{key}: {}", node.value())),
    }
}
