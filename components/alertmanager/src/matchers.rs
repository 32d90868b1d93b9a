//! Label matchers in Alertmanager's own notation: read from what a model writes, checked before anything is sent, and
//! written back.

use std::fmt;

use bulkhead_sdk::prelude::*;

const FORM: &str = "expected label, operator (=, !=, =~, !~) and value, separated by commas: `severity=\"critical\", job=~\"api-.*\"`";

/// One condition on a label.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Matcher {
    name: String,
    equal: bool,
    regex: bool,
    value: String,
}

impl Matcher {
    /// As Alertmanager writes it in a silence.
    pub(crate) fn from_json(matcher: &Value) -> Self {
        let is = |field: &str| matcher.get(field).and_then(Value::as_bool);
        Self {
            name: bulkhead_sdk::value::text(matcher, "/name").to_owned(),
            // Servers before 0.22 know no negative matchers, and do not say so.
            equal: is("isEqual").unwrap_or(true),
            regex: is("isRegex").unwrap_or(false),
            value: bulkhead_sdk::value::text(matcher, "/value").to_owned(),
        }
    }

    /// As Alertmanager reads it in a silence.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "name": self.name, "value": self.value, "isRegex": self.regex, "isEqual": self.equal })
    }

    /// That a label has exactly this value.
    pub(crate) fn exactly(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), equal: true, regex: false, value: value.to_owned() }
    }

    /// Whether it singles nothing out: it excludes something, or takes any value.
    pub(crate) fn is_open(&self) -> bool {
        match (self.equal, self.regex) {
            (false, _) => true,
            (true, false) => self.value.is_empty(),
            (true, true) => {
                let bare = self.value.trim_matches(['^', '$', '(', ')', '?', ':']);
                matches!(bare, "" | ".*" | ".+" | "." | ".{0,}" | ".{1,}")
            }
        }
    }

    /// Whether it is a condition on this label.
    pub(crate) fn is_on(&self, label: &str) -> bool {
        self.name == label
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = match (self.equal, self.regex) {
            (true, false) => "=",
            (false, false) => "!=",
            (true, true) => "=~",
            (false, true) => "!~",
        };
        let name = if is_plain(&self.name) { self.name.clone() } else { quoted(&self.name) };
        write!(f, "{name}{operator}{}", quoted(&self.value))
    }
}

/// What the caller wrote in `matchers`; the error says what is wrong where, and what would be right.
pub(crate) fn parse(text: &str) -> Result<Vec<Matcher>> {
    read(text).map_err(|why| Error::invalid("matchers", why))
}

/// The same of an argument that need not be given.
pub(crate) fn parse_any(text: Option<&str>) -> Result<Vec<Matcher>> {
    text.map_or_else(|| Ok(Vec::new()), parse)
}

fn read(text: &str) -> Result<Vec<Matcher>, String> {
    let text = text.trim();
    let mut rest = match text.strip_prefix('{') {
        Some(inside) => inside.strip_suffix('}').ok_or_else(|| format!("`{text}` has no closing brace"))?,
        None => text,
    };
    let mut matchers = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let (matcher, after) = one(rest)?;
        matchers.push(matcher);
        rest = match after.trim_start() {
            "" => "",
            after => after
                .strip_prefix(',')
                .ok_or_else(|| format!("`{after}` follows a value without a comma; {FORM}"))?,
        };
    }
    if matchers.is_empty() { Err(format!("is empty; {FORM}")) } else { Ok(matchers) }
}

/// One matcher, and what follows it.
fn one(text: &str) -> Result<(Matcher, &str), String> {
    let (name, rest) = match text.strip_prefix('"') {
        Some(_) => string(text)?,
        None => {
            let end = text.find(|letter| !plain(letter)).unwrap_or(text.len());
            let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
            (name.to_owned(), rest)
        }
    };
    if name.is_empty() {
        return Err(format!("`{text}` does not begin with a label; {FORM}"));
    }
    let rest = rest.trim_start();
    let known = [("=~", true, true), ("!~", false, true), ("!=", false, false), ("=", true, false)];
    let found = known
        .iter()
        .find_map(|(sign, equal, regex)| rest.strip_prefix(sign).map(|after| (*equal, *regex, after)));
    let Some((equal, regex, after)) = found else {
        return Err(format!("`{name}` has no operator; {FORM}"));
    };
    let after = after.trim_start();
    if after.starts_with('=') {
        return Err(format!("`==` after `{name}` is no operator; {FORM}"));
    }
    let (value, rest) = match after.strip_prefix('"') {
        Some(_) => string(after)?,
        None => {
            let (bare, rest) =
                after.split_at_checked(after.find(',').unwrap_or(after.len())).unwrap_or((after, ""));
            (bare.trim_end().to_owned(), rest)
        }
    };
    Ok((Matcher { name, equal, regex, value }, rest))
}

/// A string in quotes, and what follows it.
fn string(text: &str) -> Result<(String, &str), String> {
    let (mut out, mut letters) = (String::new(), text.char_indices().skip(1));
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((out, text.get(at + 1..).unwrap_or_default())),
            '\\' => match letters.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => out.push(escaped),
                // A regular expression's own escape, such as `\d`.
                Some((_, other)) => out.extend(['\\', other]),
                None => break,
            },
            letter => out.push(letter),
        }
    }
    Err(format!("{text} has no closing quote"))
}

fn plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'
}

fn is_plain(name: &str) -> bool {
    name.chars().all(plain) && !name.starts_with(|first: char| first.is_ascii_digit())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Vec<String> {
        read(text).unwrap().iter().map(Matcher::to_string).collect()
    }

    #[test]
    fn matchers_are_read_in_every_usual_way() {
        for (text, expected) in [
            (r#"severity="critical""#, vec![r#"severity="critical""#]),
            (
                r#"{a="1", b!="2",c=~"3.*" , d!~"4|5",}"#,
                vec![r#"a="1""#, r#"b!="2""#, r#"c=~"3.*""#, r#"d!~"4|5""#],
            ),
            ("a=1, b = two words", vec![r#"a="1""#, r#"b="two words""#]),
            (r#"a="", b=~"x{1,2}\d \"q\" \\ \n""#, vec![r#"a="""#, r#"b=~"x{1,2}\\d \"q\" \\ \n""#]),
            (r#""service.name"="é""#, vec![r#""service.name"="é""#]),
        ] {
            assert_eq!(written(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_matcher_says_why() {
        for (text, why) in [
            ("", "is empty; expected label"),
            ("{}", "is empty"),
            ("{a=\"1\"", "has no closing brace"),
            ("critical", "`critical` has no operator"),
            ("severity critical", "`severity` has no operator"),
            ("a==\"1\"", "`==` after `a` is no operator"),
            ("=\"1\"", "does not begin with a label"),
            ("a=\"1", "\"1 has no closing quote"),
            ("a=\"1\" b=\"2\"", "`b=\"2\"` follows a value without a comma"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with("arguments.matchers: ") && error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_silences_matcher_keeps_its_meaning() {
        let json = json!({ "name": "a", "value": "b|c", "isRegex": true, "isEqual": false });
        let matcher = Matcher::from_json(&json);
        assert_eq!((matcher.to_string(), matcher.to_json()), (r#"a!~"b|c""#.to_owned(), json));
        let old = Matcher::from_json(&json!({ "name": "a", "value": "b", "isRegex": false }));
        assert_eq!(old, Matcher::exactly("a", "b"));
    }

    #[test]
    fn an_open_matcher_singles_nothing_out() {
        for (text, open) in [
            (r#"a="b""#, false),
            (r#"a=~"b.*""#, false),
            (r#"a="""#, true),
            (r#"a!="b""#, true),
            (r#"a!~"b""#, true),
            (r#"a=~".*""#, true),
            (r#"a=~"^(.+)$""#, true),
            (r#"a=~"(?:.*)""#, true),
        ] {
            assert_eq!(read(text).unwrap()[0].is_open(), open, "{text}");
        }
    }
}
