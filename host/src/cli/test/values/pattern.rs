//! Texts that a regular expression matches. Not of every one there is: look-around and back references have no place in a
//! schema, and the parser refuses them.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

use super::super::random::Random;

/// How often something is repeated that may be repeated without end.
const MORE: u32 = 6;
/// A text that grows past this is given up.
const LONGEST: usize = 4096;

/// A text that the pattern matches, a long or a short one; none if none was found.
pub(super) fn matching(pattern: &str, long: bool, random: &mut Random) -> Option<String> {
    let parsed = regex_syntax::Parser::new().parse(pattern).ok()?;
    let mut text = String::new();
    write(&parsed, long, random, &mut text)?;
    // Word boundaries and the like are not looked at above.
    regex::Regex::new(pattern).ok()?.is_match(&text).then_some(text)
}

fn write(hir: &Hir, long: bool, random: &mut Random, text: &mut String) -> Option<()> {
    if text.len() > LONGEST {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = class.ranges();
            // Letters and digits, where they are among them: fewer surprises in URLs.
            let plain = ranges.iter().find(|range| range.start().is_ascii_alphanumeric());
            let range = if random.one_in(4) { random.pick(ranges) } else { plain.or(ranges.first()) }?;
            let span = u32::from(range.end()).saturating_sub(u32::from(range.start()));
            let at = u32::try_from(random.below(usize::try_from(span).ok()?.saturating_add(1))).ok()?;
            text.push(char::from_u32(u32::from(range.start()).saturating_add(at)).unwrap_or(range.start()));
        }
        HirKind::Class(Class::Bytes(_)) => return None,
        HirKind::Repetition(Repetition { min, max, sub, .. }) => {
            let most = max.unwrap_or(min.saturating_add(MORE)).min(min.saturating_add(64));
            let many = if long { most } else { (*min).max(u32::from(most > 0)) };
            for _ in 0..many {
                write(sub, long, random, text)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, long, random, text)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, long, random, text))?,
        HirKind::Alternation(ways) => write(random.pick(ways)?, long, random, text)?,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_matches_its_pattern_or_there_is_none() {
        let mut random = Random::new(1, "patterns");
        for pattern in [
            r"^[a-z][a-z0-9-]*$",
            r"^\d{4}-\d{2}$",
            r"^(a|bc)+$",
            r"^$",
            r"^[^/]{3}$",
            r"x",
            r"^\p{L}+$",
            r"^\w+@\w+\.de$",
        ] {
            for long in [false, true] {
                assert!(matching(pattern, long, &mut random).is_some(), "{pattern}");
            }
        }
        for pattern in [r"(?=a)b", r"(", r"a\bb", r"(a{70}){70}"] {
            assert_eq!(matching(pattern, true, &mut random), None, "{pattern}");
        }
    }
}
