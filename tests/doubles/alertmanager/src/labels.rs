//! Matchers on labels: parsed from a filter, and tried on what is there.

use serde_json::{Value, json};

/// A matcher as a silence has it, from `name=~"value"`; none if it is no matcher.
pub(crate) fn matcher(text: &str) -> Option<Value> {
    let end = text.find(['=', '!'])?;
    let (name, rest) = (text[..end].trim().trim_matches('"'), &text[end..]);
    let signs = [("=~", true, true), ("!~", false, true), ("!=", false, false), ("=", true, false)];
    let (equal, regex, value) =
        signs.iter().find_map(|(sign, equal, regex)| Some((equal, regex, rest.strip_prefix(sign)?)))?;
    let value = value.trim();
    let value: String =
        if value.starts_with('"') { serde_json::from_str(value).ok()? } else { value.to_owned() };
    let bad = name.is_empty() || (*regex && value.matches('(').count() != value.matches(')').count());
    (!bad).then(|| json!({ "name": name, "value": value, "isRegex": regex, "isEqual": equal }))
}

/// Whether these labels are what the matcher wants. An absent label is an empty one.
pub(crate) fn fits(matcher: &Value, labels: &Value) -> bool {
    let value = labels[matcher["name"].as_str().unwrap()].as_str().unwrap_or_default();
    value_fits(matcher, value)
}

/// Whether this value is what the matcher wants.
pub(crate) fn value_fits(matcher: &Value, value: &str) -> bool {
    let wanted = matcher["value"].as_str().unwrap();
    let same = if matcher["isRegex"] == true { whole(wanted, value) } else { wanted == value };
    same == (matcher["isEqual"] != false)
}

/// The parameter is a regular expression for the whole name.
pub(crate) fn receiver_fits(pattern: &str, receivers: &Value) -> bool {
    receivers.as_array().unwrap().iter().any(|receiver| whole(pattern, receiver["name"].as_str().unwrap()))
}

/// As much of regular expressions as tests use: alternatives, `.`, `*` and `+`, for the whole text.
fn whole(pattern: &str, text: &str) -> bool {
    pattern
        .split('|')
        .any(|pattern| here(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>()))
}

fn here(pattern: &[char], text: &[char]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return text.is_empty() };
    let one = |text: &[char]| text.first().is_some_and(|letter| *first == '.' || first == letter);
    match rest.split_first() {
        Some((times @ ('*' | '+'), rest)) => {
            let least = usize::from(*times == '+');
            let most = text.iter().take_while(|letter| one(&[**letter])).count();
            (least..=most).any(|count| here(rest, &text[count..]))
        }
        _ => one(text) && here(rest, &text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_fit_as_the_real_ones_do() {
        let labels = json!({ "job": "api-1", "n": "" });
        for (text, fit) in [
            (r#"job="api-1""#, true),
            ("job=api", false),
            (r#"job=~"api.*|db""#, true),
            (r#"job=~"api""#, false),
            (r#"job!~"db.+""#, true),
            (r#"absent="""#, true),
            (r#"absent!="x""#, true),
        ] {
            assert_eq!(fits(&matcher(text).unwrap(), &labels), fit, "{text}");
        }
        assert_eq!([matcher("job"), matcher("job=~\"(\""), matcher("=\"x\"")], [None, None, None]);
    }
}
