//! Owns whether a `pattern` is one that a validator can be given: it comes from somebody else's document.

/// Longer ones are no help to whoever has to keep to them.
const LENGTH: usize = 2000;
/// What a pattern may compile to, in states of one ASCII letter. The host's validator refuses some more of each kind.
const STATES: u64 = 8000;

/// Whether it is an ECMA-262 pattern, of a size that can be compiled.
pub(super) fn is_sound(pattern: &str) -> bool {
    if pattern.len() > LENGTH || !jsonschema_regex::is_valid_ecma_regex(pattern) {
        return false;
    }
    // The host's validator has another engine for assertions that look around; its classes are Unicode's.
    let around = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|assertion| pattern.contains(assertion));
    (around || jsonschema_regex::to_rust_regex(pattern).is_ok()) && states(pattern, around) <= STATES
}

/// About how many states a pattern has: repetitions multiply what they repeat, `(a{100}){100}` has ten thousand.
fn states(pattern: &str, unicode: bool) -> u64 {
    // For each open group what it has so far, and its last part.
    let mut groups = vec![(0_u64, 0_u64)];
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        let part = match letter {
            '(' => {
                groups.push((0, 0));
                continue;
            }
            ')' => groups.pop().map_or(0, |(all, _)| all),
            '\\' => escape(letters.next(), unicode),
            '[' => {
                let mut most = 1;
                while let Some(letter) = letters.next().filter(|letter| *letter != ']') {
                    if letter == '\\' {
                        most = most.max(escape(letters.next(), unicode));
                    }
                }
                most
            }
            '{' => {
                let inner: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
                let times =
                    inner.split(',').filter_map(|times| times.trim().parse::<u64>().ok()).max().unwrap_or(1);
                if let Some((all, last)) = groups.last_mut() {
                    *all = all.saturating_add(last.saturating_mul(times.saturating_sub(1)));
                    *last = last.saturating_mul(times);
                }
                continue;
            }
            _ => 1,
        };
        match groups.last_mut() {
            Some((all, last)) => (*all, *last) = (all.saturating_add(part), part),
            None => groups.push((part, part)),
        }
    }
    groups.iter().fold(0, |sum, (all, _)| sum.saturating_add(*all))
}

/// Classes of Unicode are large.
fn escape(letter: Option<char>, unicode: bool) -> u64 {
    match letter {
        Some('p' | 'P') => 40,
        Some('w' | 'W') if unicode => 40,
        Some('W' | 'D' | 'S') => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_hosts_validator_compiles_is_kept_and_what_explodes_is_not() {
        for (pattern, kept) in [
            ("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", true),
            ("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\\.[a-z0-9]{1,63}){0,20}$", true),
            ("^(?!x)[a-z]{1,255}$", true),
            ("^(?!x)\\w{1,255}$", false),
            ("^\\p{L}{1,150}$", true),
            ("^\\p{L}{1,1000}$", false),
            ("(a{100}){100}", false),
            ("((a{20}){30}){40}", false),
            ("(?!b)a{99999}", false),
            ("a{4294967296000}", false),
            ("(", false),
            ("[z-a]", false),
        ] {
            assert_eq!(is_sound(pattern), kept, "{pattern}");
            let built = jsonschema::draft202012::options().build(&serde_json::json!({ "pattern": pattern }));
            assert!(!kept || built.is_ok(), "{pattern}");
        }
    }
}
