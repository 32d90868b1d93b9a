//! Owns words: names as Rust has them, texts as doc comments and literals.

use std::collections::BTreeSet;

/// How wide a comment may be.
const WIDTH: usize = 100;
/// Words that cannot be names, and those that `r#` does not make names.
const KEYWORDS: [&str; 47] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while",
];
const NEVER: [&str; 4] = ["self", "super", "crate", "yield"];

/// The letters of a name in parts: `petId`, `pet-id` and `PetID` are `pet` and `id`.
fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut begins = true;
    let letters: Vec<char> = text.chars().collect();
    for (place, letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            begins = true;
            continue;
        }
        let before = place.checked_sub(1).and_then(|before| letters.get(before));
        let lower_before =
            before.is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit());
        let lower_after = letters.get(place + 1).is_some_and(char::is_ascii_lowercase);
        let upper_before = before.is_some_and(char::is_ascii_uppercase);
        if letter.is_ascii_uppercase() && (lower_before || upper_before && lower_after) {
            begins = true;
        }
        match parts.last_mut().filter(|_| !begins) {
            Some(part) => part.push(letter.to_ascii_lowercase()),
            None => parts.push(letter.to_ascii_lowercase().to_string()),
        }
        begins = false;
    }
    parts
}

/// `pet_id` and `petId` as `PetId`.
pub(super) fn pascal(text: &str) -> String {
    let name: String = parts(text)
        .iter()
        .map(|part| {
            let mut letters = part.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
                .unwrap_or_default()
        })
        .collect();
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() && name != "Self" => name,
        Some(_) => format!("V{name}"),
        None => "Nameless".to_owned(),
    }
}

/// `petId` as `pet_id`: the name of a field, a function or a module, none like those that are taken.
pub(super) fn field_name(text: &str, taken: &mut BTreeSet<String>) -> String {
    let mut plain = parts(text).join("_");
    if plain.is_empty() {
        plain = "value".to_owned();
    }
    if plain.starts_with(|first: char| first.is_ascii_digit()) {
        plain.insert(0, 'n');
    }
    if NEVER.contains(&plain.as_str()) {
        plain.push('_');
    }
    let mut name = plain.clone();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{plain}_{number}");
        number += 1;
    }
    if KEYWORDS.contains(&name.as_str()) { format!("r#{name}") } else { name }
}

/// A text as a literal.
pub(super) fn quote(text: &str) -> String {
    format!("{text:?}")
}

/// A text as a doc comment, in lines of a readable width.
pub(super) fn doc(text: &str, indent: &str) -> String {
    let mut code = String::new();
    let mut line = String::new();
    let mut put = |line: &mut String| {
        code.push_str(&format!("{indent}/// {line}\n"));
        line.clear();
    };
    for word in text.split_whitespace() {
        // A line that begins so would be a list, a heading or a quotation.
        let begins = word.starts_with(['-', '*', '+', '#', '>', '|', '=']) || word.ends_with(['.', ')']);
        if !line.is_empty() && line.len() + word.len() >= WIDTH && !begins {
            put(&mut line);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.is_empty() {
        line.push_str("As the API has it.");
    }
    put(&mut line);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_rusts() {
        for (text, expected) in [
            ("petId", "PetId"),
            ("pet-id", "PetId"),
            ("HTTPServer2", "HttpServer2"),
            ("2fa", "V2fa"),
            ("self", "VSelf"),
            ("名", "Nameless"),
        ] {
            assert_eq!(pascal(text), expected, "{text}");
        }
        let mut taken = BTreeSet::new();
        let names = ["petId", "pet_id", "type", "self", "名", "2x"].map(|text| field_name(text, &mut taken));
        assert_eq!(names, ["pet_id", "pet_id_2", "r#type", "self_", "value", "n2x"]);
    }

    #[test]
    fn comments_are_wrapped_and_begin_no_list() {
        let text = format!("{} - b", "word ".repeat(30));
        let code = doc(&text, "");
        assert!(code.lines().count() == 2 && code.lines().all(|line| !line.starts_with("/// -")), "{code}");
    }
}
