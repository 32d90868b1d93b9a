//! Series in PromQL's own notation, and label names in a URL path.

use std::collections::BTreeMap;

/// The labels of one series, `__name__` included.
pub(crate) type Labels = BTreeMap<String, String>;

/// The label that holds the metric's name.
pub(crate) const NAME: &str = "__name__";

/// `up{instance="a:1", job="node"}`: ready to be pasted into a query.
pub(crate) fn notation(labels: &Labels) -> String {
    let name = labels.get(NAME).map_or("", String::as_str);
    let mut parts: Vec<String> = Vec::new();
    if !is_plain(name, true) && !name.is_empty() {
        parts.push(quoted(name)); // Prometheus 3: a UTF-8 name stands inside the braces
    }
    for (label, value) in labels.iter().filter(|(label, _)| *label != NAME) {
        let label = if is_plain(label, false) { label.clone() } else { quoted(label) };
        parts.push(format!("{label}={}", quoted(value)));
    }
    let outside = if is_plain(name, true) { name } else { "" };
    match (outside.is_empty(), parts.is_empty()) {
        (false, true) => outside.to_owned(),
        _ => format!("{outside}{{{}}}", parts.join(", ")),
    }
}

/// A label name as a path segment. Any name that is not plain is written in Prometheus 3's `U__`
/// escaping; an older server answers that it knows no such label.
pub(crate) fn path_segment(label: &str) -> String {
    if is_plain(label, false) {
        return label.to_owned();
    }
    label.chars().fold("U__".to_owned(), |mut out, letter| {
        match letter {
            '_' => out.push_str("__"),
            letter if letter.is_ascii_alphanumeric() => out.push(letter),
            letter => out.push_str(&format!("_{:x}_", u32::from(letter))),
        }
        out
    })
}

/// Fits the classic character set: letters, digits, `_`, and `:` in metric names; no digit first.
fn is_plain(name: &str, metric: bool) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || (metric && letter == ':');
    !name.is_empty() && name.chars().all(fits) && !name.starts_with(|first: char| first.is_ascii_digit())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_series_reads_like_promql() {
        for (pairs, expected) in [
            (
                &[("__name__", "up"), ("job", "node"), ("instance", "a:1")][..],
                r#"up{instance="a:1", job="node"}"#,
            ),
            (&[("__name__", "job:up:sum")], "job:up:sum"),
            (&[("job", "n\"o\\d\ne")], r#"{job="n\"o\\d\ne"}"#),
            (&[], "{}"),
            (
                &[("__name__", "http.requests"), ("service.name", "a")],
                r#"{"http.requests", "service.name"="a"}"#,
            ),
        ] {
            assert_eq!(notation(&labels(pairs)), expected);
        }
    }

    #[test]
    fn label_names_are_safe_in_a_path() {
        for (name, segment) in [
            ("job", "job"),
            ("__name__", "__name__"),
            ("service.name", "U__service_2e_name"),
            ("a_b/c", "U__a__b_2f_c"),
            ("9lives", "U__9lives"),
            ("é", "U___e9_"),
            ("../admin", "U___2e__2e__2f_admin"),
        ] {
            assert_eq!(path_segment(name), segment);
        }
    }
}
