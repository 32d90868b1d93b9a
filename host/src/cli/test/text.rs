//! Texts of a component: whether a person can see all of them, and how much of them is shown.

/// Characters that nobody sees, or that change how others are shown: controls, bidirectional overrides, joiners, tags,
/// variation selectors, fillers. A model reads them all.
pub(super) fn hidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
}

/// The first of them in a text, by its number.
pub(super) fn first_hidden(text: &str) -> Option<String> {
    text.chars().find(|c| hidden(*c)).map(|c| format!("U+{:04X}", u32::from(c)))
}

/// A text as one line for a report, in which nothing acts on a terminal.
pub(super) fn shown(text: &str, most: usize) -> String {
    let mut line = String::new();
    for (at, c) in text.chars().enumerate() {
        if at >= most {
            line.push('…');
            break;
        }
        if hidden(c) || matches!(c, '\n' | '\t') {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_found_and_what_people_write_is_not() {
        for text in ["a\u{202e}b", "a\u{200b}b", "a\u{e0041}b", "a\u{1b}[1m", "a\rb", "\u{feff}a"] {
            assert!(first_hidden(text).is_some(), "{text:?}");
        }
        assert_eq!(first_hidden("a\u{202e}b").unwrap(), "U+202E");
        for text in ["Größe, naïve, 日本語, עברית, emoji 🙂", "two\nlines\tand tabs", "a ✔️"]
        {
            assert_eq!(first_hidden(text), None, "{text:?}");
        }
    }

    #[test]
    fn nothing_that_is_shown_acts_on_a_terminal() {
        assert_eq!(shown("a\u{1b}b\nc\u{202e}", 99), r"a\u{1b}b\nc\u{202e}");
        assert_eq!(shown("abcdef", 3), "abc…");
    }
}
