//! Lines that say the same, taken together: every word with a digit in it (times, ids, addresses, counts) is a `<_>`.

use std::collections::HashMap;

use bulkhead_sdk::value::shortened;
use serde_json::{Value, json};

/// A pattern is for recognising, not for reading whole.
const LONGEST: usize = 200;

/// A line with what varies taken out.
pub(crate) fn masked(line: &str) -> String {
    let (mut out, mut word) = (String::new(), String::new());
    for letter in line.chars() {
        // These hold times, addresses and ids together.
        if letter.is_alphanumeric() || "-_.:".contains(letter) {
            word.push(letter);
        } else {
            put(&mut out, &word);
            word.clear();
            out.push(letter);
        }
    }
    put(&mut out, &word);
    shortened(out.trim(), LONGEST)
}

fn put(out: &mut String, word: &str) {
    // What ends a sentence or a clause is no part of the word.
    let core = word.trim_end_matches(['.', ':', '-']);
    if core.contains(|letter: char| letter.is_ascii_digit()) {
        out.push_str("<_>");
        out.push_str(word.get(core.len()..).unwrap_or_default());
    } else {
        out.push_str(word);
    }
}

/// The patterns of lines, the most frequent first (the earlier seen first among equals): pattern, count, one line of it.
pub(crate) fn patterns<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    most: usize,
    longest: usize,
) -> Vec<Value> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut found: Vec<(String, usize, &str)> = Vec::new();
    for line in lines {
        let pattern = masked(line);
        match places.get(&pattern).and_then(|place| found.get_mut(*place)) {
            Some((_, count, _)) => *count += 1,
            None => {
                places.insert(pattern.clone(), found.len());
                found.push((pattern, 1, line));
            }
        }
    }
    found.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    let told = |(pattern, count, line): (String, usize, &str)| {
        let sample = shortened(line, longest);
        json!({ "pattern": pattern, "count": count, "sample": sample })
    };
    found.into_iter().take(most).map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_taken_out() {
        for (line, pattern) in [
            ("2026-01-31T12:00:00.123Z GET /api/v1/items/33 200", "<_> GET /api/<_>/items/<_> <_>"),
            ("dial tcp 10.0.0.7:5432: connection refused", "dial tcp <_>: connection refused"),
            ("order=4f-9a failed after 3 tries.", "order=<_> failed after <_> tries."),
            ("level=error msg=\"no such user\"", "level=error msg=\"no such user\""),
            ("", ""),
        ] {
            assert_eq!(masked(line), pattern);
        }
    }

    #[test]
    fn lines_of_one_pattern_are_counted() {
        let lines = ["user 1 left", "disk full", "user 2 left", "out of memory"];
        assert_eq!(
            patterns(lines, 2, 6),
            [
                json!({ "pattern": "user <_> left", "count": 2, "sample": "user 1…" }),
                json!({ "pattern": "disk full", "count": 1, "sample": "disk f…" }),
            ]
        );
    }
}
