//! Tag expressions: `metrics and not write`. They select tools by the words their components give them.
//!
//! ```text
//! or  = and { ("or" | ",") and }
//! and = not { ["and" | "+"] not }      so that `web+api` also holds where a URL's `+` became a space
//! not = { "not" | "-" | "!" } ( tag | "(" or ")" )
//! tag = a letter, digit or "_", then more of them and "-", ".", ":", "/"
//! ```

use std::{fmt, str::FromStr};

/// What people write is a tenth of it.
const LONGEST: usize = 1024;
/// Parentheses and negations inside one another.
const DEEPEST: usize = 32;

/// Which tags a tool must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagExpression(Node);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Tag(Box<str>),
    Not(Box<Node>),
    /// Two or more, none of them an `And`.
    And(Vec<Node>),
    /// Two or more, none of them an `Or`.
    Or(Vec<Node>),
}

impl TagExpression {
    /// Whether a tool with these tags is meant.
    #[must_use]
    pub fn matches(&self, tags: &[String]) -> bool {
        self.0.matches(tags)
    }
}

impl Node {
    fn matches(&self, tags: &[String]) -> bool {
        match self {
            Self::Tag(tag) => tags.iter().any(|own| **own == **tag),
            Self::Not(inner) => !inner.matches(tags),
            Self::And(all) => all.iter().all(|node| node.matches(tags)),
            Self::Or(any) => any.iter().any(|node| node.matches(tags)),
        }
    }

    fn and(nodes: Vec<Self>) -> Self {
        let flat = nodes.into_iter().flat_map(|node| match node {
            Self::And(inner) => inner,
            other => vec![other],
        });
        Self::one_or(flat.collect(), Self::And)
    }

    fn or(nodes: Vec<Self>) -> Self {
        let flat = nodes.into_iter().flat_map(|node| match node {
            Self::Or(inner) => inner,
            other => vec![other],
        });
        Self::one_or(flat.collect(), Self::Or)
    }

    fn one_or(mut nodes: Vec<Self>, many: impl FnOnce(Vec<Self>) -> Self) -> Self {
        match nodes.pop() {
            Some(only) if nodes.is_empty() => only,
            last => many(nodes.into_iter().chain(last).collect()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Tag(&'a str),
    And,
    Or,
    Not,
    Open,
    Close,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    /// The next token and where it ends, without taking it.
    fn peek(&mut self) -> Result<Option<(Token<'a>, usize)>, String> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.len() - rest.trim_start_matches(' ').len();
        let rest = rest.trim_start_matches(' ');
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let symbol = match first {
            '+' => Some(Token::And),
            ',' => Some(Token::Or),
            '-' | '!' => Some(Token::Not),
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            _ => None,
        };
        if let Some(symbol) = symbol {
            return Ok(Some((symbol, self.at + 1)));
        }
        let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
        let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        if !first.is_ascii_alphanumeric() && first != '_' {
            return Err(self.fault(&format!("`{first}` cannot stand here")));
        }
        let word = rest.get(..end).unwrap_or_default();
        let token = match word {
            "and" => Token::And,
            "or" => Token::Or,
            "not" => Token::Not,
            tag => Token::Tag(tag),
        };
        Ok(Some((token, self.at + end)))
    }

    fn take(&mut self, wanted: Token<'_>) -> Result<bool, String> {
        match self.peek()? {
            Some((token, end)) if token == wanted => {
                self.at = end;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn or(&mut self, depth: usize) -> Result<Node, String> {
        let mut nodes = vec![self.and(depth)?];
        while self.take(Token::Or)? {
            nodes.push(self.and(depth)?);
        }
        Ok(Node::or(nodes))
    }

    fn and(&mut self, depth: usize) -> Result<Node, String> {
        let mut nodes = vec![self.not(depth)?];
        while self.take(Token::And)?
            || matches!(self.peek()?, Some((Token::Tag(_) | Token::Not | Token::Open, _)))
        {
            nodes.push(self.not(depth)?);
        }
        Ok(Node::and(nodes))
    }

    fn not(&mut self, depth: usize) -> Result<Node, String> {
        let depth = depth + 1;
        if depth > DEEPEST {
            return Err(format!("is nested deeper than {DEEPEST}"));
        }
        let Some((token, end)) = self.peek()? else { return Err(self.fault("a tag is missing at the end")) };
        match token {
            Token::Tag(tag) => {
                self.at = end;
                Ok(Node::Tag(tag.into()))
            }
            Token::Not => {
                self.at = end;
                Ok(Node::Not(Box::new(self.not(depth)?)))
            }
            Token::Open => {
                self.at = end;
                let inner = self.or(depth)?;
                if self.take(Token::Close)? { Ok(inner) } else { Err(self.fault("a `)` is missing")) }
            }
            Token::And | Token::Or | Token::Close => Err(self.fault("a tag is missing")),
        }
    }

    /// Columns are counted from 1.
    fn fault(&self, what: &str) -> String {
        let column = self.text.get(..self.at).map_or(0, |before| before.chars().count()) + 1;
        format!("column {column}: {what}; write it like `metrics and not write`")
    }
}

impl FromStr for TagExpression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("the tag expression is longer than {LONGEST} characters"));
        }
        let mut parser = Parser { text, at: 0 };
        let parsed = parser.or(0).and_then(|node| match parser.peek()? {
            None => Ok(Self(node)),
            Some(_) => Err(parser.fault("there is no `(` for this `)`")),
        });
        parsed.map_err(|e| format!("the tag expression `{text}`: {e}"))
    }
}

impl fmt::Display for TagExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Not(inner) => match **inner {
                Self::And(_) | Self::Or(_) => write!(f, "not ({inner})"),
                _ => write!(f, "not {inner}"),
            },
            Self::And(all) => joined(f, " and ", all, |node| matches!(node, Self::Or(_))),
            Self::Or(any) => joined(f, " or ", any, |_| false),
        }
    }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    word: &str,
    nodes: &[Node],
    in_parentheses: impl Fn(&Node) -> bool,
) -> fmt::Result {
    let mut before = "";
    for node in nodes {
        f.write_str(before)?;
        if in_parentheses(node) {
            write!(f, "({node})")?
        } else {
            write!(f, "{node}")?
        }
        before = word;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> TagExpression {
        text.parse().unwrap()
    }

    fn has(text: &str, tags: &[&str]) -> bool {
        read(text).matches(&tags.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn tags_are_combined_as_written() {
        assert!(has("metrics and not write", &["metrics"]));
        assert!(!has("metrics and not write", &["metrics", "write"]));
        assert!(has("a or b and c", &["a"]));
        assert!(!has("(a or b) and c", &["a"]));
        assert!(has("read-only", &["read-only"]));
        assert!(!has("Metrics", &["metrics"]));
    }

    #[test]
    fn short_forms_mean_the_same() {
        for (short, long) in [
            ("web+api", "web and api"),
            ("web api", "web and api"),
            ("a,b", "a or b"),
            ("-x", "not x"),
            ("!x,y", "not x or y"),
            ("a -b", "a and not b"),
            ("a+-(b,c)", "a and not (b or c)"),
            ("((a))", "a"),
        ] {
            assert_eq!(read(short).to_string(), long);
        }
    }

    #[test]
    fn what_is_not_an_expression_says_where() {
        for (text, why) in [
            ("", "column 1: a tag is missing at the end"),
            ("a and", "column 6: a tag is missing at the end"),
            ("and a", "column 1: a tag is missing"),
            ("(a", "column 3: a `)` is missing"),
            ("a)", "column 2: there is no `(`"),
            ("a & b", "column 3: `&` cannot stand here"),
            ("a\tb", "cannot stand here"),
            (&"(".repeat(40), "nested deeper than 32"),
            (&"!".repeat(40), "nested deeper than 32"),
            (&"a ".repeat(600), "longer than 1024"),
        ] {
            let error = text.parse::<TagExpression>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    fn nodes() -> impl Strategy<Value = Node> {
        let tag = "[a-z][a-z0-9-]{0,4}"
            .prop_filter("a word of the language", |tag| !matches!(tag.as_str(), "and" | "or" | "not"));
        tag.prop_map(|tag| Node::Tag(tag.into())).prop_recursive(4, 24, 4, |inner| {
            let few = || prop::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                inner.clone().prop_map(|node| Node::Not(Box::new(node))),
                few().prop_map(Node::and),
                few().prop_map(Node::or),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_as_the_same(node in nodes()) {
            let expression = TagExpression(node);
            prop_assert_eq!(read(&expression.to_string()), expression);
        }

        #[test]
        fn no_text_is_too_odd(text in "[ab()+,!\\- é\u{0}]{0,60}|\\PC{0,40}") {
            if let Ok(expression) = text.parse::<TagExpression>() {
                prop_assert_eq!(read(&expression.to_string()), expression);
            }
        }
    }
}
