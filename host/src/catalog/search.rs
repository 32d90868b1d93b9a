//! Finding tools by words: for hosts with so many that a list of all does not fit a model's context.
//!
//! Words are those of a tool's name, title, tags, description, and arguments. They are weighed as BM25 does (what few
//! tools say tells more than what all say; saying it twice is not twice as good), but by where they stand instead of
//! how long the text is. Made once for a tenant's tools; who may see what it finds is decided where it is asked.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

use serde_json::Value;

use super::tool::Tool;

/// What a word is worth, by where it stands.
const NAME: f32 = 4.0;
const TITLE: f32 = 3.0;
const TAG: f32 = 3.0;
const DESCRIPTION: f32 = 1.0;
const ARGUMENT: f32 = 1.0;
/// A word that only begins like the one that is asked for.
const BEGINS: f32 = 0.5;
/// Shorter words begin like too many.
const SHORTEST_BEGINNING: usize = 3;
/// Words of a question; further ones are not looked at.
const MOST_WORDS: usize = 32;

/// Words that say nothing of what a tool does, however few tools there are.
const EMPTY: [&str; 20] = [
    "a", "all", "an", "and", "are", "by", "for", "from", "how", "i", "in", "is", "it", "of", "on", "or",
    "the", "to", "what", "with",
];

/// Where each word stands.
#[derive(Debug, Default)]
pub struct Index {
    words: BTreeMap<Box<str>, Vec<(u32, f32)>>,
    tools: u32,
}

impl Index {
    /// The words of tools. Each is told by its number in this order.
    pub fn new<'a>(tools: impl Iterator<Item = &'a Tool>) -> Self {
        let mut index = Self::default();
        for tool in tools {
            let mut weights: HashMap<String, f32> = HashMap::new();
            let mut add = |text: &str, worth: f32| {
                for word in words(text) {
                    *weights.entry(word).or_default() += worth;
                }
            };
            add(&tool.public_name, NAME);
            add(tool.title.as_deref().unwrap_or_default(), TITLE);
            add(&tool.description, DESCRIPTION);
            for tag in &tool.tags {
                add(tag, TAG);
            }
            if let Some(Value::Object(arguments)) = tool.input_schema.get("properties") {
                arguments.keys().for_each(|argument| add(argument, ARGUMENT));
            }
            for (word, weight) in weights {
                index.words.entry(word.into()).or_default().push((index.tools, weight));
            }
            index.tools += 1;
        }
        index
    }

    /// The numbers of the tools that say something of a question, the best first; all of them if it has no words.
    #[must_use]
    pub fn find(&self, question: &str) -> Vec<usize> {
        // Each word once, so that repeating one does not drown the others.
        let asked: BTreeSet<String> = words(question).take(MOST_WORDS).collect();
        if asked.is_empty() {
            return (0..self.tools as usize).collect();
        }
        let mut scores: BTreeMap<u32, f32> = BTreeMap::new();
        for word in &asked {
            for (tool, score) in self.scores(word) {
                *scores.entry(tool).or_default() += score;
            }
        }
        let mut found: Vec<_> = scores.into_iter().collect();
        found.sort_by(|(a, left), (b, right)| right.total_cmp(left).then(a.cmp(b)));
        found.into_iter().map(|(tool, _)| tool as usize).collect()
    }

    /// What a word is worth to each tool that has it, or one that begins so.
    fn scores(&self, word: &str) -> BTreeMap<u32, f32> {
        let from = (Bound::Included(word), Bound::Unbounded);
        let alike = self.words.range::<str, _>(from).take_while(|(known, _)| known.starts_with(word));
        let mut best: BTreeMap<u32, f32> = BTreeMap::new();
        for (known, places) in alike {
            let exact = &**known == word;
            if !exact && word.len() < SHORTEST_BEGINNING {
                break; // the word itself comes first
            }
            let (all, with) = (self.tools as f32, places.len() as f32);
            let rare = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
            for (tool, weight) in places {
                let score = rare * weight / (weight + 1.0) * if exact { 1.0 } else { BEGINS };
                let kept = best.entry(*tool).or_default();
                *kept = kept.max(score);
            }
        }
        best
    }
}

/// The words of a text, in lower case, without the `s` of plurals.
fn words(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    let words = parts.map(str::to_lowercase).filter(|word| !EMPTY.contains(&word.as_str()));
    words.map(|mut word| {
        if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") {
            word.pop();
        }
        word
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tool::Declared;

    fn index(tools: &[(&str, &str, &[&str])]) -> Index {
        let tools: Vec<Tool> = tools
            .iter()
            .map(|(name, description, tags)| {
                let declared = Declared {
                    name: (*name).into(),
                    description: (*description).into(),
                    tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                    input_schema: r#"{"type":"object","properties":{"namespace":{}}}"#.into(),
                    ..Declared::default()
                };
                Tool::new("k8s", declared).unwrap()
            })
            .collect();
        Index::new(tools.iter())
    }

    fn cluster() -> Index {
        index(&[
            ("list_pods", "Lists the pods of a namespace.", &["read"]),
            ("pod_logs", "Shows what a pod wrote.", &["logs"]),
            ("list_nodes", "Lists nodes. A node runs pods.", &["read"]),
            ("drain", "Moves all pods away from a node.", &["write"]),
        ])
    }

    #[test]
    fn a_name_is_worth_more_than_a_description() {
        assert_eq!(cluster().find("pods"), [0, 1, 2, 3]);
        assert_eq!(cluster().find("node"), [2, 3]);
    }

    #[test]
    fn what_few_say_is_worth_more_than_what_all_say() {
        assert_eq!(cluster().find("the logs of a pod")[0], 1);
        assert_eq!(cluster().find("drain a node")[..2], [3, 2]);
        assert_eq!(cluster().find("write")[0], 3, "by its tag");
    }

    #[test]
    fn a_word_may_be_begun() {
        assert_eq!(cluster().find("nam"), [0, 1, 2, 3], "all have the argument");
        assert_eq!(cluster().find("dra"), [3]);
        assert_eq!(cluster().find("dr"), [0; 0], "too short a beginning");
    }

    #[test]
    fn without_words_all_are_found_and_with_strange_ones_none() {
        for question in ["", "  ", "?!"] {
            assert_eq!(cluster().find(question), [0, 1, 2, 3], "{question:?}");
        }
        assert_eq!(cluster().find("quaternion"), [0; 0]);
        assert_eq!(index(&[]).find("pods"), [0; 0]);
    }

    #[test]
    fn a_word_that_is_repeated_counts_once() {
        assert_eq!(cluster().find("drain node node node node"), cluster().find("drain node"));
    }
}
