//! What was written into a client's file, step by step, and how each step is taken back. The steps are kept beside the
//! file, without any of its text: digests, and the names of backups.

use std::fs;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    document::{Broken, Slot},
    file::{File, Readers, digest},
    node::Node,
};

/// The file with the steps, beside the client's.
const STEPS: &str = ".bulkhead-undo";

/// Something that was written.
#[derive(Debug, Deserialize, Serialize)]
struct Step {
    /// The entry's name.
    name: String,
    /// The digest of the whole file afterwards.
    wrote: String,
    /// That of the entry, as data.
    entry: String,
    /// The file as it was before, beside it; none if there was none.
    backup: Option<String>,
}

/// What an undo would do, or has done.
#[derive(Debug)]
pub(super) struct Undone {
    /// The file's text afterwards; none if it is removed.
    pub(super) text: Option<String>,
    pub(super) how: How,
}

/// How a step is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The file is again what it was.
    Restored,
    /// It was made by that step, and is gone.
    Removed,
    /// Others have changed it since; only the entry was taken out, or put back to what it was.
    Entry,
}

/// Notes what is about to be written.
///
/// # Errors
/// When the note cannot be written: then nothing else may be.
pub(super) fn note(
    file: &File,
    slot: Slot<'_>,
    text: &str,
    entry: &Node,
    backup: Option<String>,
) -> Result<(), String> {
    let mut steps = steps(file)?;
    let (wrote, entry) = (digest(text), digest(&entry.value().to_string()));
    steps.push(Step { name: slot.name.to_owned(), wrote, entry, backup });
    save(file, &steps)
}

/// Forgets the last note: what it tells of was not written.
pub(super) fn forget(file: &File) -> Result<(), String> {
    let mut steps = steps(file)?;
    steps.pop();
    save(file, &steps)
}

/// Takes the last step of an entry back; with `dry`, only says how.
///
/// # Errors
/// When there is none, or the entry was changed since.
pub(super) fn undo(file: &File, slot: Slot<'_>, dry: bool) -> Result<Undone, String> {
    let path = file.path.display();
    let mut steps = steps(file)?;
    let last = steps.iter().rposition(|step| step.name == slot.name);
    let Some(step) = last.map(|at| steps.remove(at)) else {
        return Err(format!(
            "{path}: nothing to undo: no `{}` was written by `bulkhead client`, or it was undone",
            slot.name
        ));
    };
    let Some(now) = &file.text else {
        return Err(format!("{path}: nothing to undo: the file is gone"));
    };
    let backup = step.backup.as_ref().map(|name| file.beside("").with_file_name(name));
    let before = backup.as_ref().map(fs::read_to_string).transpose();
    let before = || before.as_ref().map_err(|error| format!("{path}: its backup cannot be read: {error}"));
    let undone = if digest(now) == step.wrote {
        let before = before()?.clone();
        let how = if before.is_some() { How::Restored } else { How::Removed };
        Undone { text: before, how }
    } else {
        let said = |broken: Broken| format!("{path}:{broken}");
        let entry = slot.find(now).map_err(said)?;
        let Some(entry) = entry else {
            if !dry {
                save(file, &steps)?;
            }
            return Err(format!("{path}: nothing to undo: `{}` is no longer in it", slot.name));
        };
        if digest(&entry.to_string()) != step.entry {
            let kept = backup.map(|backup| format!("; {} is how the file was", backup.display()));
            let kept = kept.unwrap_or_default();
            return Err(format!(
                "{path}: `{}` was changed since it was written, and is left alone{kept}",
                slot.name
            ));
        }
        let old: Option<Value> = match before()? {
            Some(before) => slot.find(before).map_err(said)?,
            None => None,
        };
        let text = match &old {
            Some(old) => slot.put(now, &Node::from(old)),
            None => slot.take(now),
        };
        Undone { text: Some(text.map_err(said)?), how: How::Entry }
    };
    if dry {
        return Ok(undone);
    }
    match (&undone.text, undone.how, &backup) {
        (None, ..) => file.remove()?,
        (Some(text), How::Restored, Some(backup)) => {
            file.restore(text, backup)?;
            let _ = fs::remove_file(backup);
        }
        (Some(text), ..) => file.replace(text, Readers::All)?,
    }
    save(file, &steps)?;
    Ok(undone)
}

fn steps(file: &File) -> Result<Vec<Step>, String> {
    let path = file.beside(STEPS);
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

fn save(file: &File, steps: &[Step]) -> Result<(), String> {
    let path = file.beside(STEPS);
    let own = File::open(&path, None)?;
    if steps.is_empty() {
        return if own.text.is_some() { own.remove() } else { Ok(()) };
    }
    own.replace(&format!("{:#}\n", serde_json::json!(steps)), Readers::User)
}
