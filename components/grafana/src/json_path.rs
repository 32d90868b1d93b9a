//! Paths into JSON: `$.panels[0].targets[*].expr`, `panels[-1]`, `panels[id=3].title`, `$..expr`.
//!
//! The names and brackets of JSONPath, with `[key=value]` for its filters: that is how a diff names what is in a list,
//! so what a diff says can be asked for and changed.

use serde_json::Value;

/// A parsed path.
#[derive(Debug, PartialEq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Debug, PartialEq)]
enum Step {
    Name(String),
    Index(i64),
    Each,
    Where(String, String),
    /// Every value of that name, however deep.
    Deep(String),
}

const FORMS: &str =
    "expected something like `$.panels[0].title`, `panels[id=3].targets[*].expr` or `$..expr`";

impl Path {
    /// Reads a path; the error says what one looks like.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        steps(text.trim()).map(Self).ok_or_else(|| format!("`{text}` is not a path: {FORMS}"))
    }

    /// All that is there, with the path to each.
    pub(crate) fn find<'a>(&self, root: &'a Value) -> Vec<(String, &'a Value)> {
        let mut found = vec![("$".to_owned(), root)];
        for step in &self.0 {
            found = found.into_iter().flat_map(|(at, value)| step.from(&at, value)).collect();
        }
        found
    }

    /// Puts a value there, or takes away what is there for null. Only the last name may be new, and an index one past
    /// the end of a list adds to it.
    pub(crate) fn set(&self, root: &mut Value, new: Value) -> Result<(), String> {
        let Some((last, way)) = self.0.split_last() else { return Err("is the whole of it".to_owned()) };
        let mut here = root;
        for step in way {
            here = step.one(here).ok_or("is not there: only its last name may be new")?;
        }
        match (last, here) {
            (Step::Name(name), Value::Object(object)) if new.is_null() => drop(object.remove(name)),
            (Step::Name(name), Value::Object(object)) => drop(object.insert(name.clone(), new)),
            (step, Value::Array(items)) => match (step.place(items), new) {
                (Some(at), Value::Null) => drop(items.remove(at)),
                (Some(at), new) => {
                    if let Some(item) = items.get_mut(at) {
                        *item = new;
                    }
                }
                (None, new) if !new.is_null() && step.is_end(items) => items.push(new),
                _ => return Err("is not there".to_owned()),
            },
            _ => return Err("leads through what is no object or list".to_owned()),
        }
        Ok(())
    }
}

fn steps(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$').unwrap_or(text);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("..") {
            let (name, after) = name(after)?;
            steps.push(Step::Deep(name.to_owned()));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = match quoted(after) {
                Some((name, after)) => (Step::Name(name.to_owned()), after.strip_prefix(']')?),
                None => {
                    let (inside, after) = after.split_once(']')?;
                    (bracket(inside.trim())?, after)
                }
            };
            steps.push(inside);
            rest = after;
        } else {
            let (word, after) = name(rest.strip_prefix('.').unwrap_or(rest))?;
            steps.push(if word == "*" { Step::Each } else { Step::Name(word.to_owned()) });
            rest = after;
        }
    }
    Some(steps)
}

fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    if end == 0 { None } else { text.split_at_checked(end) }
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let mark = text.chars().next().filter(|mark| matches!(mark, '\'' | '"'))?;
    text.get(1..)?.split_once(mark)
}

fn bracket(inside: &str) -> Option<Step> {
    if inside == "*" {
        return Some(Step::Each);
    }
    if let Ok(index) = inside.parse() {
        return Some(Step::Index(index));
    }
    let (key, value) = inside.split_once('=')?;
    Some(Step::Where(key.trim().to_owned(), value.trim().trim_matches(['\'', '"']).to_owned()))
}

impl Step {
    fn from<'a>(&self, at: &str, value: &'a Value) -> Vec<(String, &'a Value)> {
        match (self, value) {
            (Self::Name(name), Value::Object(object)) => {
                object.get(name).map(|found| (below(at, name), found)).into_iter().collect()
            }
            (Self::Each, Value::Object(object)) => {
                object.iter().map(|(name, value)| (below(at, name), value)).collect()
            }
            (Self::Each, Value::Array(items)) => {
                items.iter().enumerate().map(|(place, item)| (format!("{at}[{place}]"), item)).collect()
            }
            (Self::Index(_) | Self::Where(..), Value::Array(items)) => {
                let place = self.place(items);
                place.and_then(|p| Some((format!("{at}[{p}]"), items.get(p)?))).into_iter().collect()
            }
            (Self::Deep(name), value) => deep(at, value, name),
            _ => Vec::new(),
        }
    }

    /// What a single step leads to, to be changed.
    fn one<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        match (self, value) {
            (Self::Name(name), Value::Object(object)) => object.get_mut(name),
            (_, Value::Array(items)) => {
                let place = self.place(items)?;
                items.get_mut(place)
            }
            _ => None,
        }
    }

    fn place(&self, items: &[Value]) -> Option<usize> {
        match self {
            Self::Index(index) => {
                let count = i64::try_from(items.len()).ok()?;
                let place = if *index < 0 { count + index } else { *index };
                usize::try_from(place).ok().filter(|place| *place < items.len())
            }
            Self::Where(key, wanted) => items.iter().position(|item| match item.get(key) {
                Some(Value::String(text)) => text == wanted,
                Some(value) => wanted.parse::<Value>().is_ok_and(|wanted| wanted == *value),
                None => false,
            }),
            _ => None,
        }
    }

    fn is_end(&self, items: &[Value]) -> bool {
        matches!(self, Self::Index(index) if usize::try_from(*index) == Ok(items.len()))
    }
}

/// The path of a name in an object.
pub(crate) fn below(at: &str, name: &str) -> String {
    let plain = !name.is_empty() && !name.contains(['.', '[', ']', '\'', ' ']);
    if plain { format!("{at}.{name}") } else { format!("{at}['{name}']") }
}

fn deep<'a>(at: &str, value: &'a Value, name: &str) -> Vec<(String, &'a Value)> {
    let here = value.get(name).filter(|_| value.is_object()).map(|found| (below(at, name), found));
    let further = Step::Each.from(at, value).into_iter().flat_map(|(at, value)| deep(&at, value, name));
    here.into_iter().chain(further).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn board() -> Value {
        json!({ "title": "T", "a.b": 1, "panels": [
            { "id": 1, "title": "one", "targets": [{ "expr": "up" }, { "expr": "down" }] },
            { "id": 3, "title": "three", "targets": [{ "expr": "x" }] },
        ]})
    }

    fn found(path: &str) -> Vec<(String, Value)> {
        let board = board();
        Path::parse(path).unwrap().find(&board).into_iter().map(|(at, value)| (at, value.clone())).collect()
    }

    #[test]
    fn every_form_finds() {
        for (path, expected) in [
            ("title", vec![("$.title", json!("T"))]),
            ("$.panels[0].title", vec![("$.panels[0].title", json!("one"))]),
            ("panels[-1].title", vec![("$.panels[1].title", json!("three"))]),
            ("panels[id=3].title", vec![("$.panels[1].title", json!("three"))]),
            ("panels[title='one'].id", vec![("$.panels[0].id", json!(1))]),
            ("$['a.b']", vec![("$['a.b']", json!(1))]),
            ("panels[*].id", vec![("$.panels[0].id", json!(1)), ("$.panels[1].id", json!(3))]),
            (
                "$..expr",
                vec![
                    ("$.panels[0].targets[0].expr", json!("up")),
                    ("$.panels[0].targets[1].expr", json!("down")),
                    ("$.panels[1].targets[0].expr", json!("x")),
                ],
            ),
            ("panels[7]", vec![]),
            ("panels[-3]", vec![]),
            ("panels.title", vec![]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(at, value)| (at.to_owned(), value)).collect();
            assert_eq!(found(path), expected, "{path}");
        }
        assert_eq!(found("$"), [("$".to_owned(), board())]);
    }

    #[test]
    fn what_is_no_path_says_what_one_is() {
        for path in ["panels[", "panels[x]", "a..", ".", "$.."] {
            assert_eq!(Path::parse(path).unwrap_err(), format!("`{path}` is not a path: {FORMS}"));
        }
    }

    #[test]
    fn values_are_put_added_and_taken_away() {
        let mut board = board();
        let mut set = |path: &str, value: Value| Path::parse(path).unwrap().set(&mut board, value);
        set("panels[id=3].title", json!("drei")).unwrap();
        set("panels[0].unit", json!("s")).unwrap();
        set("panels[0].targets[2]", json!({ "expr": "z" })).unwrap();
        set("panels[0].targets[0]", Value::Null).unwrap();
        set("$['a.b']", Value::Null).unwrap();
        assert_eq!(
            set("panels[9].title", json!(1)).unwrap_err(),
            "is not there: only its last name may be new"
        );
        assert_eq!(set("panels[9]", json!(1)).unwrap_err(), "is not there");
        assert_eq!(set("title.x", json!(1)).unwrap_err(), "leads through what is no object or list");
        assert_eq!(set("$", json!(1)).unwrap_err(), "is the whole of it");
        assert_eq!(
            board,
            json!({ "title": "T", "panels": [
                { "id": 1, "title": "one", "unit": "s", "targets": [{ "expr": "down" }, { "expr": "z" }] },
                { "id": 3, "title": "drei", "targets": [{ "expr": "x" }] },
            ]})
        );
    }
}
