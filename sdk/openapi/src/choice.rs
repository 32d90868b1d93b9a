//! Owns [`Choice`]: which operations of a document become tools.

use serde::Deserialize;

/// Which operations become tools: those that every list takes. A list without entries takes all; an entry that begins with
/// `!` takes away; in entries `*` stands for anything, except that in paths it is within one segment and `**` is any rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Choice {
    /// Tags.
    pub tags: Vec<String>,
    /// Paths: `/pets/**`.
    pub paths: Vec<String>,
    /// Methods.
    pub methods: Vec<String>,
    /// Operation ids, or names of tools.
    pub operations: Vec<String>,
    /// Whether deprecated ones are taken; yes unless said otherwise.
    pub deprecated: Option<bool>,
    /// Only what changes nothing.
    pub read_only: bool,
}

/// What is asked of an operation.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) tags: &'a [&'a str],
    pub(crate) path: &'a str,
    pub(crate) method: &'a str,
    pub(crate) id: Option<&'a str>,
    pub(crate) name: &'a str,
    pub(crate) deprecated: bool,
    pub(crate) read_only: bool,
}

impl Choice {
    /// Why an operation is not taken; none if it is.
    pub(crate) fn refuses(&self, asked: &Asked<'_>) -> Option<&'static str> {
        let untagged = [""];
        let tags = if asked.tags.is_empty() { &untagged[..] } else { asked.tags };
        if !takes(&self.tags, tags, like) {
            return Some("tags");
        }
        if !takes(&self.paths, &[asked.path], path_like) {
            return Some("paths");
        }
        if !takes(&self.methods, &[asked.method], |pattern, method| pattern.eq_ignore_ascii_case(method)) {
            return Some("methods");
        }
        let names: Vec<&str> = asked.id.into_iter().chain([asked.name]).collect();
        if !takes(&self.operations, &names, like) {
            return Some("operations");
        }
        if asked.deprecated && self.deprecated == Some(false) {
            return Some("deprecated");
        }
        (self.read_only && !asked.read_only).then_some("read_only")
    }
}

fn takes(list: &[String], words: &[&str], like: impl Fn(&str, &str) -> bool) -> bool {
    let any = |pattern: &str| words.iter().any(|word| like(pattern, word));
    let mut wanted = list.iter().filter(|pattern| !pattern.starts_with('!')).peekable();
    let taken = wanted.peek().is_none() || wanted.any(|pattern| any(pattern));
    taken && !list.iter().filter_map(|pattern| pattern.strip_prefix('!')).any(any)
}

/// `*` stands for anything.
fn like(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn path_like(pattern: &str, path: &str) -> bool {
    fn segments(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern.split_first(), path.split_first()) {
            (None, None) => true,
            (Some((&"**", [])), _) => true,
            (Some((own, pattern)), Some((segment, path))) => like(own, segment) && segments(pattern, path),
            _ => false,
        }
    }
    segments(&pattern.split('/').collect::<Vec<_>>(), &path.split('/').collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_anything_and_in_paths_for_a_segment() {
        for (pattern, text, expected) in [
            ("get*", "getPet", true),
            ("*Pet*", "getPetById", true),
            ("get", "getPet", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("*", "", true),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
        for (pattern, path, expected) in [
            ("/pets/*", "/pets/{id}", true),
            ("/pets/*", "/pets/{id}/toys", false),
            ("/pets/**", "/pets/{id}/toys", true),
            ("/pets/**", "/pets", true),
            ("/**", "/anything", true),
            ("/v*/pets", "/v1/pets", true),
            ("/pets", "/petstore", false),
        ] {
            assert_eq!(path_like(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn every_list_has_to_take_it_and_an_exclamation_mark_takes_away() {
        let asked = Asked {
            tags: &["pet", "store"],
            path: "/pets",
            method: "GET",
            id: Some("listPets"),
            name: "list_pets",
            deprecated: true,
            read_only: false,
        };
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(Choice::default().refuses(&asked), None);
        for (choice, expected) in [
            (Choice { tags: list(&["pet"]), methods: list(&["get"]), ..Choice::default() }, None),
            (Choice { tags: list(&["pet", "!store"]), ..Choice::default() }, Some("tags")),
            (Choice { tags: list(&["user"]), ..Choice::default() }, Some("tags")),
            (Choice { paths: list(&["/pets/**"]), ..Choice::default() }, None),
            (Choice { paths: list(&["!/pets"]), ..Choice::default() }, Some("paths")),
            (Choice { methods: list(&["POST"]), ..Choice::default() }, Some("methods")),
            (Choice { operations: list(&["list_*"]), ..Choice::default() }, None),
            (Choice { operations: list(&["!listPets"]), ..Choice::default() }, Some("operations")),
            (Choice { deprecated: Some(false), ..Choice::default() }, Some("deprecated")),
            (Choice { read_only: true, ..Choice::default() }, Some("read_only")),
        ] {
            assert_eq!(choice.refuses(&asked), expected, "{choice:?}");
        }
    }
}
