//! Rules by what they match, so that a request is compared with the few that may be meant and not with all.

use std::collections::HashMap;

use url::Host;

use crate::egress::{
    pattern::{HostPattern, Segment, UrlPattern},
    target::Target,
};

/// The rules of each origin by the segments of their paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    origins: Vec<(Origin, Branch)>,
}

/// What a pattern says before its path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: HostPattern,
    port: u16,
}

/// What may follow a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Branch {
    /// The rules whose path ends here,
    ends: Vec<usize>,
    /// and those that match whatever follows.
    rest: Vec<usize>,
    literal: HashMap<String, Branch>,
    /// Any segment.
    one: Option<Box<Branch>>,
}

impl Origin {
    fn matches(&self, scheme: &str, host: &Host, port: u16) -> bool {
        self.port == port && self.scheme == scheme && self.host.matches(host)
    }
}

impl Tree {
    /// The tree of patterns, each known by its place among them.
    pub(super) fn new<'a>(patterns: impl Iterator<Item = &'a UrlPattern>) -> Self {
        let mut tree = Self::default();
        for (place, pattern) in patterns.enumerate() {
            let UrlPattern { scheme, host, port, path } = pattern;
            let origin = Origin { scheme: scheme.clone(), host: host.clone(), port: *port };
            match tree.origins.iter_mut().find(|(known, _)| *known == origin) {
                Some((_, branch)) => branch.grow(path, place),
                None => {
                    let mut branch = Branch::default();
                    branch.grow(path, place);
                    tree.origins.push((origin, branch));
                }
            }
        }
        tree
    }

    /// The first place whose pattern matches and that is `meant`.
    pub(super) fn first(&self, target: &Target, meant: impl Fn(usize) -> bool) -> Option<usize> {
        let mut first = None;
        let mut found = |places: &[usize]| {
            let sooner = |place: &usize| first.is_none_or(|first| *place < first);
            // In each they are in order.
            if let Some(place) = places.iter().copied().take_while(sooner).find(|place| meant(*place)) {
                first = Some(place);
            }
        };
        for (origin, branch) in &self.origins {
            if origin.matches(target.scheme(), target.host(), target.port()) {
                branch.visit(target.segments(), &mut found);
            }
        }
        first
    }
}

impl Branch {
    fn grow(&mut self, path: &[Segment], place: usize) {
        match path.split_first() {
            None => self.ends.push(place),
            Some((Segment::Rest, _)) => self.rest.push(place),
            Some((Segment::Literal(text), path)) => {
                self.literal.entry(text.clone()).or_default().grow(path, place);
            }
            Some((Segment::One, path)) => self.one.get_or_insert_default().grow(path, place),
        }
    }

    fn visit(&self, path: &[String], found: &mut impl FnMut(&[usize])) {
        found(&self.rest);
        let Some((segment, path)) = path.split_first() else { return found(&self.ends) };
        if let Some(branch) = self.literal.get(segment) {
            branch.visit(path, found);
        }
        if let Some(branch) = self.one.as_ref().filter(|_| !segment.is_empty()) {
            branch.visit(path, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_comparing_with_each_finds(
            paths in prop::collection::vec("(/(a|b|c|\\*)){0,4}(/\\*\\*)?", 0..12),
            hosts in prop::collection::vec(prop::sample::select(vec!["h", "*", "*.h", "x.h:81"]), 12),
            (host, path) in (prop::sample::select(vec!["h", "x.h", "x.h:81", "1.1.1.1"]), "(/(a|b|c|d)?){1,5}"),
            meant in any::<u16>(),
        ) {
            let patterns = paths.iter().zip(hosts).map(|(path, host)| format!("http://{host}{path}"));
            let patterns: Vec<UrlPattern> = patterns.map(|text| text.parse().unwrap()).collect();
            let target = Target::parse(&format!("http://{host}{path}")).unwrap();
            let meant = |place: usize| meant >> place & 1 == 1;
            let matches = |pattern: &UrlPattern| {
                pattern.matches(target.scheme(), target.host(), target.port(), target.segments())
            };
            let expected = patterns.iter().enumerate().position(|(place, one)| matches(one) && meant(place));
            prop_assert_eq!(Tree::new(patterns.iter()).first(&target, meant), expected);
        }
    }
}
