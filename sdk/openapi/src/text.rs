//! Owns what is done to words of a document before a model or an operator reads them.

/// The beginning of a text, in at most so many characters, without those that steer a terminal or hide others.
pub(crate) fn capped(text: &str, most: usize) -> String {
    let visible = |letter: &char| match *letter {
        '\n' | '\t' => true,
        letter if letter.is_control() => false,
        // Marks that reorder or hide: bidirectional controls, zero-width characters, tags.
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => false,
        '\u{e0000}'..='\u{e007f}' => false,
        _ => true,
    };
    let mut letters = text.trim().chars().filter(visible);
    let mut kept: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() {
        kept.truncate(kept.trim_end().len());
        kept.push('…');
    }
    kept
}

/// The same on one line.
pub(crate) fn line(text: &str, most: usize) -> String {
    capped(&text.split_whitespace().collect::<Vec<_>>().join(" "), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_characters_and_hide_nothing() {
        assert_eq!(capped("  héllo wörld ", 7), "héllo w…");
        assert_eq!(capped("a\u{202e}b\u{e0041}c\u{1b}[31md", 99), "abc[31md");
        assert_eq!(line("a\n  b\tc", 99), "a b c");
    }
}
