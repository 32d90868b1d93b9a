//! Label selectors, in a query and in an object.

use serde_json::Value;

use crate::status::{Outcome, Status};

/// What labels have to be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

#[derive(Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, PartialEq, Eq)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl Selector {
    /// Reads a `labelSelector`.
    pub fn parse(text: &str) -> Outcome<Self> {
        let parts = outside_parentheses(text);
        let parts = parts.into_iter().map(str::trim).filter(|_| !text.trim().is_empty());
        parts.map(requirement).collect::<Outcome<_>>().map(Self)
    }

    /// Of an object: `matchLabels` and `matchExpressions`, or a plain map as a Service has it. None selects nothing.
    pub fn of(selector: &Value) -> Option<Self> {
        let object = selector.as_object()?;
        let plain = !object.contains_key("matchLabels") && !object.contains_key("matchExpressions");
        let labels = if plain { Some(object) } else { selector["matchLabels"].as_object() };
        let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut all: Vec<Requirement> = labels
            .into_iter()
            .flatten()
            .map(|(key, value)| Requirement { key: key.clone(), test: Test::In(vec![words(value)]) })
            .collect();
        for one in selector["matchExpressions"].as_array().into_iter().flatten() {
            let values = one["values"].as_array().into_iter().flatten().map(words).collect();
            let test = match one["operator"].as_str()? {
                "In" => Test::In(values),
                "NotIn" => Test::NotIn(values),
                "Exists" => Test::Exists,
                _ => Test::Missing,
            };
            all.push(Requirement { key: words(&one["key"]), test });
        }
        Some(Self(all))
    }

    /// Whether it leaves anything out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object's labels are such.
    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|one| one.matches(object["metadata"]["labels"][&one.key].as_str()))
    }
}

impl Requirement {
    fn matches(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.test {
            Test::Exists => value.is_some(),
            Test::Missing => value.is_none(),
            Test::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            // A label that is not there is not in the set either.
            Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|one| one != value)),
            Test::Above(bound) => number().is_some_and(|number| number > *bound),
            Test::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

fn requirement(text: &str) -> Outcome<Requirement> {
    let (key, test) = if let Some(key) = text.strip_prefix('!') {
        (key, Test::Missing)
    } else if let Some((key, value)) = text.split_once("!=") {
        (key, Test::NotIn(vec![value.trim().to_owned()]))
    } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (key, Test::In(vec![value.trim().to_owned()]))
    } else if let Some((key, values)) = set(text, " notin") {
        (key, Test::NotIn(values))
    } else if let Some((key, values)) = set(text, " in") {
        (key, Test::In(values))
    } else if let Some((key, bound)) = text.split_once('>') {
        (key, Test::Above(integer(bound)?))
    } else if let Some((key, bound)) = text.split_once('<') {
        (key, Test::Below(integer(bound)?))
    } else {
        (text, Test::Exists)
    };
    let key = key.trim();
    let allowed = |one: char| one.is_ascii_alphanumeric() || "-_./".contains(one);
    if key.is_empty() || !key.chars().all(allowed) {
        return Err(Status::bad_request(format!(
            "unable to parse requirement: found '{text}', expected: identifier"
        )));
    }
    if let Test::In(values) | Test::NotIn(values) = &test {
        let allowed = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
        if let Some(value) = values.iter().find(|value| value.len() > 63 || !value.chars().all(allowed)) {
            return Err(Status::bad_request(format!(
                "unable to parse requirement: values[0][{key}]: Invalid value: {value:?}: a valid label must be an \
                 empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                 alphanumeric character"
            )));
        }
    }
    Ok(Requirement { key: key.to_owned(), test })
}

/// `key in (a, b)`.
fn set<'a>(text: &'a str, word: &str) -> Option<(&'a str, Vec<String>)> {
    let (key, rest) = text.split_once(word)?;
    let values = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
    Some((key, values.split(',').map(|value| value.trim().to_owned()).collect()))
}

fn integer(text: &str) -> Outcome<i64> {
    let text = text.trim();
    let why = format!(
        "unable to parse requirement: values[0]: Invalid value: {text:?}: for 'Gt', 'Lt' operators, the value must be \
         an integer"
    );
    text.parse().map_err(|_| Status::bad_request(why))
}

/// Parts between commas.
fn outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let split = |letter: char| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    };
    text.split(split).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(selector: &str) -> Vec<&'static str> {
        let selector = Selector::parse(selector).unwrap();
        let objects = [
            ("a", json!({ "app": "web", "tier": "front", "weight": "10" })),
            ("b", json!({ "app": "api", "tier": "back", "weight": "3" })),
            ("c", json!({ "app": "web", "example.com/canary": "" })),
            ("d", json!({})),
        ];
        let chosen = |labels: &Value| selector.matches(&json!({ "metadata": { "labels": labels } }));
        objects.iter().filter(|(_, labels)| chosen(labels)).map(|(name, _)| *name).collect()
    }

    #[test]
    fn labels_are_equal_in_sets_or_there() {
        assert_eq!(names(""), ["a", "b", "c", "d"]);
        assert_eq!(names("app=web"), ["a", "c"]);
        assert_eq!(names("app==web,tier=front"), ["a"]);
        assert_eq!(names("app!=web"), ["b", "d"]);
        assert_eq!(names("app in (web, api), tier"), ["a", "b"]);
        assert_eq!(names("app notin (web),!example.com/canary"), ["b", "d"]);
        assert_eq!(names("weight>5"), ["a"]);
        assert_eq!(names("weight<5"), ["b"]);
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in ["app=a b", "=x", "weight>much", "a b"] {
            assert_eq!(Selector::parse(text).unwrap_err().code, 400, "{text}");
        }
    }

    #[test]
    fn an_object_selects_by_map_or_by_expressions() {
        let pod = json!({ "metadata": { "labels": { "app": "web" } } });
        let matches = |selector: Value| Selector::of(&selector).is_some_and(|one| one.matches(&pod));
        assert!(matches(json!({ "app": "web" })) && matches(json!({ "matchLabels": { "app": "web" } })));
        assert!(matches(
            json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["web"] }] })
        ));
        assert!(!matches(json!({ "matchExpressions": [{ "key": "app", "operator": "DoesNotExist" }] })));
        assert!(!matches(Value::Null) && matches(json!({})));
    }
}
