//! Globs over tool names: `prometheus_*`. `*` is any run of characters, also an empty one; nothing else is
//! special. Matching takes time linear in the name and the glob.

use std::{fmt, str::FromStr};

/// Longer than any name, with room for a few `*`.
const LONGEST: usize = 128;

/// What tool names must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    /// What stands between the `*`; one part means there is none. A `*` next to another adds nothing.
    parts: Vec<Box<str>>,
}

impl Glob {
    /// Whether the name is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.parts.split_first() else { return false };
        let Some(name) = name.strip_prefix(&**first) else { return false };
        let Some((last, middle)) = rest.split_last() else { return name.is_empty() };
        let Some(mut name) = name.strip_suffix(&**last) else { return false };
        // The first place a part fits leaves the most for those after it, so there is nothing to try again.
        for part in middle {
            match name.split_once(&**part) {
                Some((_, after)) => name = after,
                None => return false,
            }
        }
        true
    }
}

impl FromStr for Glob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'*');
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(letters) {
            let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
            return Err(format!(
                "`{}` can match no tool: write lower-case letters, digits, `_`, `-` and `*`, at most {LONGEST}, \
                 like prometheus_*",
                text.get(..end).unwrap_or_default()
            ));
        }
        let mut parts: Vec<Box<str>> = text.split('*').map(Into::into).collect();
        let last = parts.len() - 1;
        let mut at = 0..;
        parts.retain(|part| at.next().is_some_and(|at| at == 0 || at == last || !part.is_empty()));
        Ok(Self { parts })
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("*"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(text: &str) -> Glob {
        text.parse().unwrap()
    }

    fn naive(glob: &[u8], name: &[u8]) -> bool {
        match glob.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|n| naive(rest, &name[n..])),
            Some((letter, rest)) => name.first() == Some(letter) && naive(rest, &name[1..]),
        }
    }

    #[test]
    fn a_star_is_any_run_of_characters() {
        assert!(glob("prometheus_*").matches("prometheus_query"));
        assert!(glob("prometheus_*").matches("prometheus_"));
        assert!(!glob("prometheus_*").matches("prometheus"));
        assert!(glob("*").matches("anything"));
        assert!(glob("*_get_*").matches("kubernetes_get_pods"));
        assert!(!glob("a*a").matches("a"));
        assert!(!glob("a").matches("ab"));
    }

    #[test]
    fn what_can_match_no_tool_is_refused() {
        for text in ["", "Prometheus_*", "a?", "a.b", "a b", "é", &"a".repeat(129)] {
            assert!(text.parse::<Glob>().unwrap_err().contains("like prometheus_*"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_matches_what_a_naive_matcher_does(text in "[ab*]{1,8}", name in "[ab]{0,10}") {
            prop_assert_eq!(glob(&text).matches(&name), naive(text.as_bytes(), name.as_bytes()));
        }

        #[test]
        fn it_is_shown_as_it_is_read(text in "[a-z0-9_*-]{1,20}") {
            let read = glob(&text);
            prop_assert_eq!(glob(&read.to_string()), read);
        }
    }
}
