//! JSON made smaller, and still JSON. Each value is measured once and then given a budget: of an object's
//! members the largest are cut first and all to the same size; a list keeps its first elements.

use serde_json::{Map, Value, json};

use super::{TRUNCATED, size};

/// A value, measured.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    value: &'a Value,
    size: usize,
    below: Vec<Tree<'a>>,
}

/// Whether what is cut is marked in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    /// Lists and objects have an element or a member that says so.
    In,
    /// They have not, for a schema that would not allow it.
    Out,
}

/// The mark of a list or an object, with its comma; the longest it can be.
const MARK: usize = 96;
/// A member is not cut to less than this while there are others that can be left out.
const FLOOR: usize = 160;
/// What is said at the end of a string that was cut; the longest it can be.
const WORDS: usize = 64;

impl<'a> Tree<'a> {
    /// Measures a value. Recursion is bounded: values are read by serde_json, which stops at a depth of 128.
    pub(super) fn new(value: &'a Value) -> Self {
        let below: Vec<Self> = match value {
            Value::Array(items) => items.iter().map(Self::new).collect(),
            Value::Object(map) => map.values().map(Self::new).collect(),
            _ => return Self { value, size: size::json(value), below: Vec::new() },
        };
        let commas = below.len().saturating_sub(1);
        let keys = match value {
            Value::Object(map) => map.keys().map(|key| size::json(key) + 1).sum(),
            _ => 0,
        };
        let size = 2 + commas + keys + below.iter().map(|tree| tree.size).sum::<usize>();
        Self { value, size, below }
    }

    /// The length as JSON without blanks.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The value in at most `budget` bytes; none if it cannot be that small.
    pub(super) fn prune(&self, budget: usize, marks: Marks) -> Option<Value> {
        if self.size <= budget {
            return Some(self.value.clone());
        }
        match self.value {
            Value::Array(_) => self.list(budget, marks),
            Value::Object(map) => self.object(map, budget, marks),
            Value::String(text) => string(text, budget),
            _ => None,
        }
    }

    fn list(&self, budget: usize, marks: Marks) -> Option<Value> {
        let room = budget.checked_sub(2 + marks.size())?;
        let mut used = 0;
        let mut kept = Vec::new();
        for tree in &self.below {
            let cost = tree.size + 1;
            if used + cost <= room {
                kept.push(tree.value.clone());
                used += cost;
                continue;
            }
            // Half an element is worth it only where the list would be almost empty otherwise.
            if used < room / 2 {
                kept.extend(tree.prune(room - used - 1, marks));
            }
            break;
        }
        if kept.len() < self.below.len() && marks == Marks::In {
            kept.push(json!({ TRUNCATED: mark(kept.len(), self.below.len()) }));
        }
        Some(Value::Array(kept))
    }

    fn object(&self, map: &Map<String, Value>, budget: usize, marks: Marks) -> Option<Value> {
        let room = budget.checked_sub(2 + marks.size())?;
        let members = map.keys().zip(&self.below).filter(|(key, _)| *key != TRUNCATED);
        let members: Vec<_> = members.map(|(key, tree)| (key, size::json(key) + ":,".len(), tree)).collect();
        let costs: Vec<usize> = members.iter().map(|(_, key, tree)| key + tree.size).collect();
        let (kept, level) = share(&costs, FLOOR, room);
        let mut object = Map::new();
        for (key, cost, tree) in members.iter().take(kept) {
            let budget = level.saturating_sub(*cost);
            object.extend(tree.prune(budget, marks).map(|value| ((*key).clone(), value)));
        }
        if object.len() < members.len() && marks == Marks::In {
            let mark = mark(object.len(), members.len());
            object.insert(TRUNCATED.to_owned(), mark);
        }
        Some(Value::Object(object))
    }
}

impl Marks {
    fn size(self) -> usize {
        if self == Self::In { MARK } else { 0 }
    }
}

fn mark(shown: usize, of: usize) -> Value {
    json!({ "shown": shown, "of": of, "try": "a narrower query or a limit" })
}

fn string(text: &str, budget: usize) -> Option<Value> {
    let room = budget.checked_sub(2 + WORDS).filter(|room| *room > 0)?;
    let mut used = 0;
    let fits = |(_, c): &(usize, char)| {
        used += escaped(*c);
        used <= room
    };
    let end = text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    let head = text.get(..end)?;
    Some(format!("{head}… [cut: {end} of {} bytes shown]", text.len()).into())
}

/// The length of a character in a JSON string as serde_json writes it (RFC 8259 §7).
fn escaped(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => c.len_utf8(),
    }
}

/// Divides room among parts of these sizes: how many of the first can have `floor` or all they need, and the
/// level to which the larger of those are cut, so that together they fit.
pub(super) fn share(sizes: &[usize], floor: usize, room: usize) -> (usize, usize) {
    let mut least = 0_usize;
    let fits = |size: &&usize| {
        least = least.saturating_add((**size).min(floor));
        least <= room
    };
    let kept = sizes.iter().take_while(fits).count();
    let mut sorted: Vec<usize> = sizes.iter().take(kept).copied().collect();
    sorted.sort_unstable();
    let mut left = room;
    for (done, size) in sorted.into_iter().enumerate() {
        let level = left / (kept - done);
        if size > level {
            return (kept, level);
        }
        left -= size;
    }
    (kept, usize::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pruned(value: &Value, budget: usize) -> Value {
        Tree::new(value).prune(budget, Marks::In).unwrap()
    }

    #[test]
    fn a_list_keeps_its_first_elements_and_says_how_many() {
        let list: Value = (0..1000).map(|n| json!({ "n": n })).collect();
        let mark =
            |shown| json!({ TRUNCATED: { "shown": shown, "of": 1000, "try": "a narrower query or a limit" }});
        let expected = json!([{"n": 0}, {"n": 1}, {"n": 2}, {"n": 3}, mark(4)]);
        assert_eq!(pruned(&list, 2 + MARK + 4 * 8), expected);
    }

    #[test]
    fn the_longest_list_is_cut_first() {
        let value = json!({
            "status": "success",
            "data": { "type": "vector", "result": (0..5000).collect::<Vec<_>>() },
            "warnings": ["one", "two"],
        });
        let small = pruned(&value, 1000);
        assert_eq!(small["status"], "success");
        assert_eq!(small["warnings"], json!(["one", "two"]));
        assert_eq!(small["data"]["type"], "vector");
        let result = small["data"]["result"].as_array().unwrap();
        assert_eq!(result[result.len() - 1][TRUNCATED]["of"], 5000);
        assert_eq!(result[result.len() - 1][TRUNCATED]["shown"], result.len() - 1);
        assert!(result.len() > 150, "{}", result.len());
        assert!(size::json(&small) <= 1000);
    }

    #[test]
    fn an_object_of_many_members_keeps_the_first() {
        let map: Map<String, Value> = (0..1000).map(|n| (format!("key{n:04}"), n.into())).collect();
        let small = pruned(&map.into(), 300);
        assert_eq!(small["key0000"], 0);
        assert_eq!(small[TRUNCATED]["of"], 1000);
        assert_eq!(small[TRUNCATED]["shown"], small.as_object().unwrap().len() - 1);
    }

    #[test]
    fn a_string_is_cut_between_characters() {
        let value = Value::String("ä\n".repeat(100));
        assert_eq!(pruned(&value, 2 + WORDS + 8), json!("ä\nä\n… [cut: 6 of 300 bytes shown]"));
    }

    #[test]
    fn a_list_of_one_large_element_keeps_a_part_of_it() {
        let value = json!([{ "id": 7, "text": "x".repeat(10_000) }]);
        let small = pruned(&value, 600);
        assert_eq!(small[0]["id"], 7);
        assert!(small[0]["text"].as_str().unwrap().ends_with("of 10000 bytes shown]"), "{small}");
    }

    #[test]
    fn without_marks_nothing_is_added() {
        let list: Value = (0..1000).collect();
        let small = Tree::new(&list).prune(20, Marks::Out).unwrap();
        assert_eq!(small, json!([0, 1, 2, 3, 4, 5, 6, 7, 8]));
    }

    #[test]
    fn the_marks_are_as_long_as_said() {
        let most = 9_999_999_999;
        assert!(size::json(&json!({ TRUNCATED: mark(most, most) })) < MARK);
        let words = format!("… [cut: {most} of {most} bytes shown]");
        assert!(words.len() <= WORDS, "{}", words.len());
    }

    pub(in crate::shape) fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[a-z]{200,400}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 200, 20, |inner| {
            let key = prop_oneof![any::<String>(), Just(TRUNCATED.to_owned())];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
                proptest::collection::btree_map(key, inner, 0..20)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_is_measured_exactly(value in any_json()) {
            prop_assert_eq!(Tree::new(&value).size(), value.to_string().len());
        }

        #[test]
        fn what_is_pruned_fits(value in any_json(), budget in 0..2000_usize, marked in any::<bool>()) {
            let marks = if marked { Marks::In } else { Marks::Out };
            let tree = Tree::new(&value);
            match tree.prune(budget, marks) {
                Some(small) => {
                    prop_assert!(size::json(&small) <= budget);
                    prop_assert_eq!(tree.size() <= budget, small == value);
                }
                None => prop_assert!(tree.size() > budget && budget < 2 + MARK || !value.is_array() && !value.is_object()),
            }
        }

        #[test]
        fn shares_fit_and_are_used(sizes in proptest::collection::vec(0..500_usize, 0..40), room in 0..3000_usize) {
            let (kept, level) = share(&sizes, 100, room);
            let used: usize = sizes.iter().take(kept).map(|size| size.min(&level)).sum();
            prop_assert!(used <= room);
            prop_assert!(level >= 100 || kept == 0 || sizes.iter().take(kept).all(|size| *size <= level));
        }
    }
}
