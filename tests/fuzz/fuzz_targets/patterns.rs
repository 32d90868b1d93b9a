//! URL patterns. Two patterns, one a line, then URLs: a pattern matches what it says and no more, and one that
//! covers another matches all that the other does.
#![no_main]

use bulkhead::egress::{pattern::UrlPattern, target::Target};
use bulkhead_fuzz::{Sent, example, means, text};

fn matches(pattern: &UrlPattern, target: &Target) -> bool {
    pattern.matches(target.scheme(), target.host(), target.port(), target.segments())
}

fn accepted(text: &str) -> Option<UrlPattern> {
    match text.parse::<UrlPattern>() {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let said = error.to_string();
            assert!(said.ends_with(|c: char| c.is_alphabetic() || "/`".contains(c)), "{said}");
            None
        }
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(text) = text(data) else { return };
    let mut lines = text.lines();
    let mut given = [lines.next(), lines.next()].into_iter().flatten().collect::<Vec<_>>();
    given.retain(|text| accepted(text).is_some());
    let examples: Vec<String> = given.iter().map(|text| example(text)).collect();
    let patterns: Vec<UrlPattern> = given.iter().filter_map(|text| accepted(text)).collect();

    for ((text, pattern), example) in given.iter().zip(&patterns).zip(&examples) {
        // It is shown as it is read.
        let shown = pattern.to_string();
        assert_eq!(shown.parse::<UrlPattern>().as_ref(), Ok(pattern), "{text} is shown as {shown}");
        // It covers itself, and no rule is without effect.
        assert!(pattern.covers(pattern), "{text}");
        let target = Target::parse(example);
        let target = target.unwrap_or_else(|_| panic!("{text} can match nothing: {example} is refused"));
        assert!(matches(pattern, &target), "{text} does not match {example}");
    }

    for url in examples.iter().map(String::as_str).chain(lines.take(8)) {
        let Ok(target) = Target::parse(url) else { continue };
        let sent = Sent::read(target.url().as_str()).unwrap_or_else(|| panic!("{url}"));
        for (text, pattern) in given.iter().zip(&patterns) {
            assert_eq!(matches(pattern, &target), means(text, &sent), "{text} and {url}");
        }
        for (own, mine) in patterns.iter().zip(&given) {
            for (other, theirs) in patterns.iter().zip(&given) {
                if own.covers(other) && matches(other, &target) {
                    assert!(matches(own, &target), "{mine} covers {theirs}, but misses {url}");
                }
            }
        }
    }
});
