//! Just enough of LogQL to take a query apart: where its selector is, what follows, whether it gives lines or numbers.
//! Everything else is Loki's to understand.

/// A query that gives lines begins with a selector, whatever parentheses are before it.
pub(crate) fn gives_lines(query: &str) -> bool {
    query.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '(').starts_with('{')
}

/// The first stream selector, with its braces; none if the query has none, or it does not end.
pub(crate) fn selector(query: &str) -> Option<&str> {
    split(query).map(|(selector, _)| selector)
}

/// What follows the first selector, without whitespace around it.
pub(crate) fn pipeline(query: &str) -> Option<&str> {
    split(query).map(|(_, rest)| rest.trim())
}

/// Whether there is a selector after the first.
pub(crate) fn has_several(query: &str) -> bool {
    split(query).is_some_and(|(_, rest)| outside_quotes(rest, '{').is_some())
}

fn split(query: &str) -> Option<(&str, &str)> {
    let start = outside_quotes(query, '{')?;
    let from = query.get(start..)?;
    from.split_at_checked(outside_quotes(from, '}')? + 1)
}

/// Where a letter first stands outside of a string.
fn outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let mut quote = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some('"'), '\\') => drop(letters.next()),
            (Some(open), letter) if letter == open => quote = None,
            (None, '"' | '`') => quote = Some(letter),
            (None, letter) if letter == wanted => return Some(at),
            _ => {}
        }
    }
    None
}

/// A LogQL string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_or_numbers() {
        for lines in ["{app=\"x\"}", "  {app=\"x\"} |= \"y\"", "({app=\"x\"})"] {
            assert!(gives_lines(lines), "{lines}");
        }
        for numbers in ["rate({app=\"x\"}[5m])", "(sum(rate({a=\"b\"}[1m])))", "1 + 1", ""] {
            assert!(!gives_lines(numbers), "{numbers}");
        }
    }

    #[test]
    fn a_selector_is_found_and_braces_in_strings_are_not() {
        let query = r#"sum(rate({app=~"a{2}\"}", pod=`}`} |= "{" [5m]))"#;
        assert_eq!(selector(query), Some(r#"{app=~"a{2}\"}", pod=`}`}"#));
        assert_eq!(pipeline(query), Some(r#"|= "{" [5m]))"#));
        assert_eq!((selector("{app=\"x\""), selector("up"), pipeline("{a=\"b\"}")), (None, None, Some("")));
        assert!(!has_several(query));
        assert!(has_several(r#"rate({a="b"}[1m]) / rate({c="d"}[1m])"#));
    }

    #[test]
    fn a_value_is_a_string() {
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c\n""#);
    }
}
