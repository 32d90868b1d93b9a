//! Owns [`Schemas`]: the schemas of a document as JSON Schema 2020-12.
//!
//! What a reference leads to becomes a definition, made once for the document and by direction: what only the server
//! sets is not asked for, and what is only ever sent is not promised. [`fit`] puts a tool's schema together from its
//! own part and the definitions it needs.

pub(crate) mod fit;
pub(crate) mod keywords;
pub(crate) mod merge;
pub(crate) mod normal;
mod null;
mod pattern;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use serde_json::Value;

use crate::document::{Document, Node, Place};
use crate::names;

/// Bytes that merging may copy, in all of a document; what comes after stays composed of references, and says the same.
const MERGED: usize = 32 << 20;
/// Definitions that are made within one another, to be merged; beyond it they stay apart.
const WITHIN: usize = 16;

/// Which way what a schema describes goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Direction {
    /// To the server: arguments.
    Input,
    /// From the server: results.
    Output,
}

/// What a reference leads to.
#[derive(Debug)]
pub(crate) struct Definition {
    /// As it is written.
    pub(crate) full: Value,
    /// With the words left out that a model can do without.
    pub(crate) brief: Value,
    /// The definitions it refers to.
    pub(crate) refers: Vec<String>,
    pub(crate) full_size: usize,
    pub(crate) brief_size: usize,
}

/// The schemas of a document.
#[derive(Debug)]
pub(crate) struct Schemas<'a> {
    pub(crate) document: &'a Document,
    definitions: HashMap<(Direction, String), Rc<Definition>>,
    names: HashMap<(Direction, Place), String>,
    taken: HashSet<(Direction, String)>,
    /// Being made: what they refer to may refer to them.
    making: Vec<(Direction, String)>,
    /// Referred to, and not made yet.
    due: Vec<(Direction, String, Place)>,
    /// Bytes that may yet be copied from definition to definition by merging: each of a long chain would have all before.
    mergeable: usize,
    /// What was changed in definitions.
    pub(crate) remarks: BTreeSet<String>,
}

impl<'a> Schemas<'a> {
    pub(crate) fn new(document: &'a Document) -> Self {
        Self {
            document,
            definitions: HashMap::new(),
            names: HashMap::new(),
            taken: HashSet::new(),
            making: Vec::new(),
            due: Vec::new(),
            mergeable: MERGED,
            remarks: BTreeSet::new(),
        }
    }

    /// A schema as 2020-12 has it; its references lead to definitions.
    pub(crate) fn normal(
        &mut self,
        node: Node<'_>,
        direction: Direction,
        remarks: &mut BTreeSet<String>,
    ) -> Value {
        let schema = normal::Normal { schemas: self, direction, remarks }.schema(node, 0);
        self.make_due();
        schema
    }

    /// The definition of that name.
    pub(crate) fn definition(&self, direction: Direction, name: &str) -> Option<Rc<Definition>> {
        self.definitions.get(&(direction, name.to_owned())).cloned()
    }

    /// The name of the definition for what a reference leads to; it is made later.
    fn name(&mut self, place: Place, direction: Direction) -> String {
        if let Some(known) = self.names.get(&(direction, place.clone())) {
            return known.clone();
        }
        let file = self.document.at(place.part);
        let last = match place.pointer.rsplit('/').next() {
            Some("") | None => {
                file.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or("schema")
            }
            Some(last) => last,
        };
        let name = names::definition(last, |name| !self.taken.insert((direction, name.to_owned())));
        self.names.insert((direction, place.clone()), name.clone());
        self.due.push((direction, name.clone(), place));
        name
    }

    /// The definition of that name, made now if it is not being made: to be merged into another.
    fn now(&mut self, direction: Direction, name: &str) -> Option<Rc<Definition>> {
        let key = (direction, name.to_owned());
        if !self.definitions.contains_key(&key) && !self.making.contains(&key) && self.making.len() < WITHIN {
            let at = self.due.iter().position(|(way, due, _)| *way == direction && due == name)?;
            let (_, name, place) = self.due.swap_remove(at);
            self.make(direction, name, &place);
        }
        self.definitions.get(&key).cloned()
    }

    /// The same, if what is copied of it still fits.
    fn for_merging(&mut self, direction: Direction, name: &str) -> Option<Rc<Definition>> {
        let found = self.now(direction, name)?;
        self.mergeable = self.mergeable.checked_sub(found.full_size)?;
        Some(found)
    }

    fn make_due(&mut self) {
        while self.making.is_empty()
            && let Some((direction, name, place)) = self.due.pop()
        {
            self.make(direction, name, &place);
        }
    }

    fn make(&mut self, direction: Direction, name: String, place: &Place) {
        let Some(node) = self.document.there(place) else { return };
        self.making.push((direction, name.clone()));
        let mut remarks = BTreeSet::new();
        let full = normal::Normal { schemas: self, direction, remarks: &mut remarks }.schema(node, 0);
        self.making.pop();
        self.remarks.extend(remarks.into_iter().map(|remark| format!("schema {name}: {remark}")));
        let mut brief = full.clone();
        fit::shorten(&mut brief);
        let definition = Definition {
            refers: fit::references(&full),
            full_size: fit::size(&full),
            brief_size: fit::size(&brief),
            full,
            brief,
        };
        self.definitions.insert((direction, name), Rc::new(definition));
    }
}
