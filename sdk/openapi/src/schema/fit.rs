//! Owns the size of a tool's schema: a model reads it, and the host checks arguments by it. What does not fit loses words
//! first, then what is furthest from the arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::keywords::{below, below_mut, referred};
use super::{Definition, Direction, Schemas};
use crate::text;

/// JSON nesting that the host takes, less what a tool's schema is around its parts.
const DEPTH: usize = 60;
/// Subschemas a validator may try in place for a value, as the host counts them; it takes 50 000.
const EFFORT: u32 = 40_000;
/// A definition that says so little is written where it is meant.
const SMALL: usize = 160;

/// Bytes of JSON.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => {
            fields.iter().map(|(key, field)| key.len() + 4 + size(field)).sum::<usize>() + 2
        }
        Value::String(text) => text.len() + 2,
        other => other.to_string().len(),
    }
}

/// The definitions a schema refers to, each once.
pub(crate) fn references(schema: &Value) -> Vec<String> {
    fn visit(schema: &Value, found: &mut BTreeSet<String>) {
        let Value::Object(schema) = schema else { return };
        found.extend(referred(schema).map(str::to_owned));
        below(schema, &mut |one| visit(one, found));
    }
    let mut found = BTreeSet::new();
    visit(schema, &mut found);
    found.into_iter().collect()
}

/// Leaves the first words of each description, and no titles and examples.
pub(crate) fn shorten(schema: &mut Value) {
    let Value::Object(schema) = schema else { return };
    schema.remove("title");
    schema.remove("examples");
    if let Some(Value::String(description)) = schema.get_mut("description") {
        let sentence = description.split_inclusive(". ").next().unwrap_or_default();
        *description = text::line(sentence, 100);
    }
    below_mut(schema, &mut shorten);
}

/// A schema with the definitions it needs, within `most` bytes; and what had to go, if anything.
///
/// # Errors
/// It does not fit whatever goes.
pub(crate) fn fit(
    schemas: &Schemas<'_>,
    direction: Direction,
    root: Value,
    most: usize,
) -> Result<(Value, Option<String>), String> {
    let levels = levels(schemas, direction, &root);
    let all = levels.len();
    let before = size(&root) + total(&levels, false);
    let mut brief = root.clone();
    shorten(&mut brief);
    let mut root = Some(root);
    // From what says most to what says least.
    let kept = [(all, false), (all, true)].into_iter().chain((0..all).rev().map(|depth| (depth, true)));
    for (depth, short) in kept {
        let levels = levels.get(..depth).unwrap_or(&levels);
        let around = match (&root, short) {
            (Some(root), false) => root,
            _ => &brief,
        };
        if size(around) + total(levels, short) > most {
            continue;
        }
        let whole = assembled(around.clone(), levels, short);
        if nesting(&whole) > DEPTH || effort(&whole) > EFFORT {
            continue;
        }
        let words = if short { "shorter descriptions" } else { "" };
        let cut = if depth < all { "what is further in takes anything" } else { "" };
        let what = [words, cut].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
        let remark = (!what.is_empty()).then(|| format!("{before} bytes cut to {}: {what}", size(&whole)));
        return Ok((whole, remark));
    }
    root.take();
    for depth in (1..8).rev() {
        let mut cut = brief.clone();
        cut_below(&mut cut, depth);
        let whole = assembled(cut, &[], true);
        if size(&whole) <= most && nesting(&whole) <= DEPTH && effort(&whole) <= EFFORT {
            let remark = format!("{before} bytes cut to {}: what is further in takes anything", size(&whole));
            return Ok((whole, Some(remark)));
        }
    }
    Err(format!("its schema has {before} bytes and cannot be cut to {most}"))
}

type Level = BTreeMap<String, Rc<Definition>>;

/// The definitions by how far they are from the root.
fn levels(schemas: &Schemas<'_>, direction: Direction, root: &Value) -> Vec<Level> {
    let mut seen = BTreeSet::new();
    let mut next = references(root);
    let mut levels = Vec::new();
    while !next.is_empty() {
        let mut level = Level::new();
        for name in std::mem::take(&mut next) {
            if seen.insert(name.clone())
                && let Some(definition) = schemas.definition(direction, &name)
            {
                next.extend(definition.refers.iter().filter(|name| !seen.contains(*name)).cloned());
                level.insert(name, definition);
            }
        }
        levels.push(level);
    }
    levels
}

fn total(levels: &[Level], short: bool) -> usize {
    let one = |(name, definition): (&String, &Rc<Definition>)| {
        name.len() + 4 + if short { definition.brief_size } else { definition.full_size }
    };
    levels.iter().flatten().map(one).sum()
}

fn assembled(mut root: Value, levels: &[Level], short: bool) -> Value {
    let form =
        |definition: &Definition| if short { definition.brief.clone() } else { definition.full.clone() };
    let (mut kept, mut small) = (Map::new(), BTreeMap::new());
    for (name, definition) in levels.iter().flatten() {
        let schema = form(definition);
        match size(&schema) <= SMALL && definition.refers.is_empty() {
            true => drop(small.insert(name.clone(), schema)),
            false => drop(kept.insert(name.clone(), schema)),
        }
    }
    let known: BTreeSet<String> = kept.keys().cloned().collect();
    settle(&mut root, &known, &small);
    kept.values_mut().for_each(|schema| settle(schema, &known, &small));
    // What was only needed by what is now written in place, or was cut.
    let mut needed: BTreeSet<String> = BTreeSet::new();
    let mut next = references(&root);
    while let Some(name) = next.pop() {
        if let Some(schema) = kept.get(&name)
            && needed.insert(name)
        {
            next.extend(references(schema));
        }
    }
    kept.retain(|name, _| needed.contains(name));
    if let Value::Object(root) = &mut root
        && !kept.is_empty()
    {
        root.insert("$defs".to_owned(), Value::Object(kept));
    }
    root
}

/// Small definitions in place of their references; references to what is gone take anything.
fn settle(schema: &mut Value, known: &BTreeSet<String>, small: &BTreeMap<String, Value>) {
    let Value::Object(schema) = schema else { return };
    if let Some(name) = referred(schema).filter(|name| !known.contains(*name)).map(str::to_owned) {
        schema.remove("$ref");
        if let Some(Value::Object(there)) = small.get(&name) {
            let mut merged = schema.clone();
            if super::merge::merge(&mut merged, there) {
                *schema = merged;
            } else {
                let all = schema.entry("allOf").or_insert_with(|| json!([]));
                if let Value::Array(all) = all {
                    all.push(Value::Object(there.clone()));
                }
            }
        }
    }
    below_mut(schema, &mut |one| settle(one, known, small));
}

/// Leaves types and words of what is nested deeper, and nothing else.
fn cut_below(schema: &mut Value, depth: usize) {
    let Value::Object(schema) = schema else { return };
    if depth == 0 {
        let types: BTreeSet<String> = match schema.get("type") {
            Some(Value::String(one)) => [one.clone()].into(),
            _ => BTreeSet::new(),
        };
        schema.retain(|keyword, _| matches!(keyword.as_str(), "type" | "description"));
        if types.is_empty() {
            schema.remove("type");
        }
        return;
    }
    below_mut(schema, &mut |one| cut_below(one, depth - 1));
}

fn nesting(value: &Value) -> usize {
    let below = match value {
        Value::Array(items) => items.iter().map(nesting).max(),
        Value::Object(fields) => fields.values().map(nesting).max(),
        _ => return 0,
    };
    1 + below.unwrap_or(0)
}

/// How many subschemas a validator may try for one value, as the host counts before it takes a schema: references and
/// alternatives in place multiply.
fn effort(root: &Value) -> u32 {
    fn place(root: &Value, schema: &Value, left: &mut u32, depth: u32) -> Option<()> {
        let Value::Object(schema) = schema else { return Some(()) };
        *left = left.checked_sub(1).filter(|_| depth < 200)?;
        if let Some(there) = referred(schema).and_then(|name| root.get("$defs")?.get(name)) {
            place(root, there, left, depth + 1)?;
        }
        for keyword in ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"] {
            match schema.get(keyword) {
                Some(Value::Array(all)) => {
                    all.iter().try_for_each(|one| place(root, one, left, depth + 1))?
                }
                Some(Value::Object(all)) if keyword == "dependentSchemas" => {
                    all.values().try_for_each(|one| place(root, one, left, depth + 1))?;
                }
                Some(one) => place(root, one, left, depth + 1)?,
                None => {}
            }
        }
        Some(())
    }
    fn every(root: &Value, value: &Value, left: &mut u32) -> Option<()> {
        match value {
            Value::Object(object) => {
                place(root, value, left, 0)?;
                object.values().try_for_each(|below| every(root, below, left))
            }
            Value::Array(items) => items.iter().try_for_each(|below| every(root, below, left)),
            _ => Some(()),
        }
    }
    let mut left = EFFORT;
    match every(root, root, &mut left) {
        Some(()) => EFFORT - left,
        None => u32::MAX,
    }
}
