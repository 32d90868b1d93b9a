//! An expression taken apart where it is safe to: at `and`, `or` and `unless`, and at a comparison, outside of brackets
//! and strings. What cannot be told apart so stays whole.

/// One condition of an alert's expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) expression: String,
    /// What is compared with what, if it is a comparison.
    pub(crate) comparison: Option<Comparison>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) left: String,
    pub(crate) operator: &'static str,
    pub(crate) right: String,
}

const OPERATORS: [&str; 6] = ["==", "!=", ">=", "<=", ">", "<"];
const SETS: [&str; 3] = ["and", "or", "unless"];

/// The conditions of an expression, in their order.
pub(crate) fn parts(expression: &str) -> Vec<Part> {
    let pieces = split_sets(bare(expression));
    pieces.into_iter().map(bare).filter(|piece| !piece.is_empty()).map(part).collect()
}

fn part(expression: &str) -> Part {
    let found = top_level(expression).find_map(|at| {
        let rest = expression.get(at..)?;
        let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator))?;
        // `=~` and its like are inside braces, and so not at the top.
        Some((at, *operator))
    });
    // Several conditions in brackets are one part, which has no one comparison.
    let found = found.filter(|_| split_sets(expression).len() == 1);
    let comparison = found.and_then(|(at, operator)| {
        let left = expression.get(..at)?.trim();
        let right = expression.get(at + operator.len()..)?.trim();
        let right = right.strip_prefix("bool ").unwrap_or(right).trim();
        // With a matching clause, the two sides do not stand alone.
        let matched =
            ["on", "ignoring", "group_left", "group_right"].iter().any(|word| starts_with_word(right, word));
        (!matched && !left.is_empty() && !right.is_empty()).then(|| Comparison {
            left: bare(left).to_owned(),
            operator,
            right: bare(right).to_owned(),
        })
    });
    Part { expression: expression.to_owned(), comparison }
}

/// Splits at the set operators; their matching clauses fall away.
fn split_sets(expression: &str) -> Vec<&str> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    for at in top_level(expression) {
        let before = expression.get(..at).and_then(|text| text.chars().next_back());
        let rest = expression.get(at..).unwrap_or_default();
        let word = SETS.iter().find(|word| starts_with_word(&rest.to_ascii_lowercase(), word));
        if let (Some(word), true) = (word, at >= from && before.is_none_or(|letter| !is_word(letter))) {
            pieces.push(expression.get(from..at).unwrap_or_default().trim());
            let after = expression.get(at + word.len()..).unwrap_or_default();
            from = expression.len() - without_clause(after).len();
        }
    }
    pieces.push(expression.get(from..).unwrap_or_default().trim());
    pieces
}

/// The text after `on (…)` or `ignoring (…)`, if it begins with one.
fn without_clause(text: &str) -> &str {
    let trimmed = text.trim_start();
    for word in ["on", "ignoring"] {
        if starts_with_word(trimmed, word)
            && let Some(open) =
                trimmed.get(word.len()..).map(str::trim_start).and_then(|rest| rest.strip_prefix('('))
            && let Some((_, rest)) = open.split_once(')')
        {
            return rest;
        }
    }
    trimmed
}

/// The places outside of all brackets and strings.
fn top_level(text: &str) -> impl Iterator<Item = usize> {
    let (mut depth, mut quote, mut escaped) = (0_i32, None, false);
    text.char_indices().filter_map(move |(at, letter)| {
        match (quote, letter) {
            (Some(_), _) if escaped => escaped = false,
            (Some('`'), '\\') => {}
            (Some(_), '\\') => escaped = true,
            (Some(open), letter) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(letter),
            (None, '(' | '{' | '[') => depth += 1,
            (None, ')' | '}' | ']') => depth -= 1,
            (None, _) if depth == 0 => return Some(at),
            _ => {}
        }
        None
    })
}

/// Without the brackets around the whole.
fn bare(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        // `(a) + (b)` begins and ends with brackets, too, that do not belong together.
        Some(inner) if balanced(inner) => bare(inner),
        _ => text,
    }
}

fn balanced(text: &str) -> bool {
    let mut depth = 0_i32;
    for letter in text.chars() {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(is_word))
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == ':'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each part as `left|operator|right`, or whole.
    fn told(expression: &str) -> Vec<String> {
        let told = |part: Part| match part.comparison {
            Some(Comparison { left, operator, right }) => format!("{left}|{operator}|{right}"),
            None => part.expression,
        };
        parts(expression).into_iter().map(told).collect()
    }

    #[test]
    fn an_expression_is_split_only_where_that_is_safe() {
        for (expression, expected) in [
            ("up == 0", vec!["up|==|0"]),
            ("absent(up{job=\"x\"})", vec!["absent(up{job=\"x\"})"]),
            (
                "rate(a{b!=\"c>d\"}[5m]) > 0.5 and on (job) up == 1",
                vec!["rate(a{b!=\"c>d\"}[5m])|>|0.5", "up|==|1"],
            ),
            ("(sum(a) / sum(b)) >= bool (0.1 + 0.2)", vec!["sum(a) / sum(b)|>=|0.1 + 0.2"]),
            ("a > on (job) group_left b", vec!["a > on (job) group_left b"]),
            ("(a > 1 or b < 2) unless c", vec!["a > 1 or b < 2", "c"]),
            ("(a > 1) and (b != 2)", vec!["a|>|1", "b|!=|2"]),
            ("android_x > 1 AND ignoring(job) or_y", vec!["android_x|>|1", "or_y"]),
            ("a{x='\\'>'} > 1", vec!["a{x='\\'>'}|>|1"]),
            ("vector(1)", vec!["vector(1)"]),
        ] {
            assert_eq!(told(expression), expected, "{expression}");
        }
    }
}
