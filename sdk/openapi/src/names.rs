//! Owns names: of tools, of arguments and of definitions. The same document gives the same names, in whatever order it is
//! written and whichever operations are chosen.

use std::collections::{BTreeMap, BTreeSet};

/// The contract's: `[a-z][a-z0-9_]*`.
const TOOL: usize = 48;
/// What every client takes as an argument: `[A-Za-z0-9_.-]`.
const ARGUMENT: usize = 64;

/// The tools' names for operations: what they want to be called, and what they are (method and path). Those that want the
/// same name get a suffix each, made of what they are, so that none depends on which comes first.
pub(crate) fn tools(wanted: &[(String, String)]) -> Vec<String> {
    let plain: Vec<String> = wanted.iter().map(|(name, _)| snake(name)).collect();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &plain {
        *count.entry(name).or_default() += 1;
    }
    let mut taken: BTreeSet<String> = plain
        .iter()
        .filter(|name| name.len() <= TOOL && count.get(name.as_str()) == Some(&1))
        .cloned()
        .collect();
    let mut names = Vec::with_capacity(wanted.len());
    for (name, (_, identity)) in plain.iter().zip(wanted) {
        if name.len() <= TOOL && count.get(name.as_str()) == Some(&1) {
            names.push(name.clone());
            continue;
        }
        let mut salt = String::new();
        let name = loop {
            let suffix = hash(&format!("{identity}{salt}"));
            let kept = name.get(..TOOL - 1 - suffix.len()).unwrap_or(name).trim_end_matches('_');
            let candidate = format!("{kept}_{suffix}");
            if taken.insert(candidate.clone()) {
                break candidate;
            }
            salt.push('+');
        };
        names.push(name);
    }
    names
}

/// `listPets`, `list-pets` and `List Pets` as `list_pets`.
fn snake(text: &str) -> String {
    let mut name = String::new();
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if !letter.is_ascii_alphanumeric() {
            if !name.is_empty() && !name.ends_with('_') {
                name.push('_');
            }
        } else {
            let next_is_lower = letters.peek().is_some_and(char::is_ascii_lowercase);
            let begins = letter.is_ascii_uppercase()
                && (before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || before.is_ascii_uppercase() && next_is_lower);
            if begins && !name.is_empty() && !name.ends_with('_') {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        }
        before = letter;
    }
    let name = name.trim_end_matches('_');
    match name.chars().next() {
        Some('a'..='z') => name.to_owned(),
        Some(_) => format!("op_{name}"),
        None => "operation".to_owned(),
    }
}

/// The name of an argument, none like those that are `taken`. One that is taken gets `place` (`query`, `body`) before it.
pub(crate) fn argument(wanted: &str, place: &str, taken: &mut BTreeSet<String>) -> String {
    let clean = |text: &str| {
        let mut name = String::new();
        for letter in text.chars() {
            match letter {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' | '-' => name.push(letter),
                _ if name.is_empty() || name.ends_with('_') => {}
                _ => name.push('_'),
            }
        }
        let name = name.trim_end_matches('_');
        match (name.is_empty(), name.len() > ARGUMENT) {
            (true, _) => format!("{place}_{}", hash(text)),
            (_, true) => format!("{}_{}", name.get(..ARGUMENT - 9).unwrap_or(name), hash(text)),
            _ => name.to_owned(),
        }
    };
    let plain = clean(wanted);
    if taken.insert(plain.clone()) {
        return plain;
    }
    let mut name = clean(&format!("{place}_{plain}"));
    let mut salt = wanted.to_owned();
    while !taken.insert(name.clone()) {
        name = clean(&format!("{place}_{}_{}", plain.get(..40).unwrap_or(&plain), hash(&salt)));
        salt.push('+');
    }
    name
}

/// The name of a definition; `taken` says whether another has it, and takes it otherwise.
pub(crate) fn definition(wanted: &str, mut taken: impl FnMut(&str) -> bool) -> String {
    let clean: String = wanted
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "_.-".contains(letter) { letter } else { '_' })
        .take(64)
        .collect();
    let plain = if clean.is_empty() { "schema".to_owned() } else { clean };
    let mut name = plain.clone();
    let mut number = 2;
    while taken(&name) {
        name = format!("{plain}_{number}");
        number += 1;
    }
    name
}

/// Eight characters that stand for a text (FNV-1a; it only has to differ, and does not guard anything).
fn hash(text: &str) -> String {
    let hash =
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(wanted: &[(&str, &str)]) -> Vec<String> {
        let owned: Vec<_> = wanted.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect();
        tools(&owned)
    }

    #[test]
    fn names_are_what_the_contract_takes() {
        for (wanted, expected) in [
            ("listPets", "list_pets"),
            ("List Pets!", "list_pets"),
            ("getHTTPResponse2XX", "get_http_response2_xx"),
            ("pets.list-all", "pets_list_all"),
            ("2fa", "op_2fa"),
            ("__x__", "x"),
            ("名前", "operation"),
            ("", "operation"),
        ] {
            assert_eq!(named(&[(wanted, "GET /")]), [expected], "{wanted}");
        }
    }

    #[test]
    fn names_that_collide_differ_by_what_they_are_and_not_by_their_order() {
        let forward = named(&[("getPet", "GET /a"), ("get_pet", "GET /b"), ("other", "GET /c")]);
        let backward = named(&[("other", "GET /c"), ("get_pet", "GET /b"), ("getPet", "GET /a")]);
        assert_eq!(forward.iter().collect::<BTreeSet<_>>().len(), 3);
        assert_eq!(forward, backward.into_iter().rev().collect::<Vec<_>>());
        assert!(forward[0].starts_with("get_pet_") && forward[0].len() == 16, "{forward:?}");
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let long = "a".repeat(200);
        let names = named(&[(&format!("{long}1"), "GET /a"), (&format!("{long}2"), "GET /b")]);
        assert!(names.iter().all(|name| name.len() <= TOOL), "{names:?}");
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn arguments_never_share_a_name() {
        let mut taken = BTreeSet::new();
        let names =
            [("id", "path"), ("id", "query"), ("id", "query"), ("filter[name]", "query"), ("[]", "query")]
                .map(|(wanted, place)| argument(wanted, place, &mut taken));
        assert_eq!(names[..2], ["id", "query_id"]);
        assert_eq!(names[3], "filter_name");
        assert_eq!(taken.len(), 5);
        assert!(argument(&"x".repeat(100), "query", &mut taken).len() <= ARGUMENT);
    }
}
