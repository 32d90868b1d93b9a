//! A component's `api.txt`: the operations of its upstream that it uses. Facts, one line each:
//!
//! ```text
//! # words
//! vendor alertmanager/openapi.yaml /api/v2
//! GET /api/v2/alerts ?active ?filter
//! POST /api/v2/silences json{matchers startsAt endsAt createdBy comment id}
//! POST /loki/api/v1/query_range form{query start end}
//! PATCH /api/v1/nodes/{name} ?dryRun application/merge-patch+json{*}
//! ```
//!
//! `vendor` names the document (below the folder of the specs) that the lines after it are checked with, and what its
//! paths have to be prefixed with; without one (`vendor -`), nothing is published. `{x}` in a path stands for one
//! segment. `?name` may be in the query. A body is a media type (`json` and `form` for short, `ndjson` too) with the keys
//! its top level may have, or `{*}` for any; media types that may each be the body are separated by `|`. A line that ends in `!`
//! names an operation that the document at hand does not have, or not with that parameter or key, and why: `! since 2.0`.
//! Nothing of such a line is checked with the document, its replies neither.
//!
//! A test that puts a prefix before the paths of a table has to put it behind the `vendor` line, too.

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::wire::Request;

/// The operations of an upstream that a component uses.
#[derive(Debug)]
pub struct Contract {
    operations: Vec<Operation>,
    used: Mutex<BTreeSet<usize>>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Upper case.
    pub method: String,
    /// With `{x}` for any segment.
    pub path: String,
    /// What may be in the query.
    pub query: BTreeSet<String>,
    /// What may be the body.
    pub body: Option<Body>,
    /// The document and the prefix of its paths.
    pub vendor: Option<(String, String)>,
    /// Why the document does not have it.
    pub exempt: Option<String>,
}

/// What a body may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The media type, or several separated by `|`.
    pub media_type: String,
    /// The keys of its top level; none: any.
    pub keys: Option<BTreeSet<String>>,
}

impl Contract {
    /// Reads a table.
    #[track_caller]
    pub fn parse(table: &str) -> Self {
        let (mut operations, mut vendor) = (Vec::new(), None);
        for line in table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.strip_prefix("vendor ") {
                Some(rest) => {
                    let (file, prefix) = rest.split_once(' ').unwrap_or((rest, ""));
                    vendor = (file != "-").then(|| (file.to_owned(), prefix.trim().to_owned()));
                }
                None => operations.push(operation(line, vendor.clone())),
            }
        }
        Self { operations, used: Mutex::default() }
    }

    /// The same operations below a path prefix, none of them used yet.
    pub(crate) fn below(&self, prefix: &str) -> Self {
        let below = |known: &Operation| Operation {
            path: format!("{prefix}{}", known.path),
            vendor: known.vendor.clone().map(|(file, paths)| (file, format!("{prefix}{paths}"))),
            ..known.clone()
        };
        Self { operations: self.operations.iter().map(below).collect(), used: Mutex::default() }
    }

    /// Every operation.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation a request is, which is then used; or what is wrong with it.
    ///
    /// # Errors
    /// No operation has its method and path, or the operation has no such parameter, body or key.
    pub fn check(&self, request: &Request) -> Result<&Operation, String> {
        let line = format!("{} {}", request.method, request.path);
        let exact = |path: &str| path.matches('{').count();
        let found = self
            .operations
            .iter()
            .enumerate()
            .filter(|(_, known)| known.method == request.method && matches(&known.path, &request.path));
        let (place, known) =
            found.min_by_key(|(_, known)| exact(&known.path)).ok_or(format!("there is no {line}"))?;
        for (name, _) in &request.query {
            if !known.query.contains(name) {
                return Err(format!("{line} has no parameter `{name}`"));
            }
        }
        known.body_of(request).map_err(|why| format!("{line}: {why}"))?;
        self.used.lock().unwrap().insert(place);
        Ok(known)
    }

    /// The operations no request was, so far.
    pub fn unused(&self) -> Vec<String> {
        let used = self.used.lock().unwrap();
        let unused = self.operations.iter().enumerate().filter(|(place, _)| !used.contains(place));
        unused.map(|(_, known)| format!("{} {}", known.method, known.path)).collect()
    }
}

impl Body {
    /// The media types it may have.
    pub fn media_types(&self) -> impl Iterator<Item = &str> {
        self.media_type.split('|')
    }
}

impl Operation {
    fn body_of(&self, request: &Request) -> Result<(), String> {
        let Some(body) = &self.body else {
            return if request.body.is_empty() { Ok(()) } else { Err("it takes no body".to_owned()) };
        };
        if request.body.is_empty() {
            return Ok(());
        }
        if !body.media_types().any(|known| known == request.media_type()) {
            return Err(format!("its body is {}, not {}", body.media_type, request.media_type()));
        }
        let Some(keys) = &body.keys else { return Ok(()) };
        let sent: Vec<String> = match body.media_type.as_str() {
            "application/x-www-form-urlencoded" => request.form().into_iter().map(|(name, _)| name).collect(),
            _ => request.json().as_object().ok_or("its body is no object")?.keys().cloned().collect(),
        };
        match sent.into_iter().find(|key| !keys.contains(key)) {
            Some(key) => Err(format!("its body has no `{key}`")),
            None => Ok(()),
        }
    }
}

#[track_caller]
fn operation(line: &str, vendor: Option<(String, String)>) -> Operation {
    let (line, exempt) = match line.split_once(" ! ") {
        Some((line, why)) => (line, Some(why.trim().to_owned())),
        None => (line, None),
    };
    let (mut words, mut rest) = (Vec::new(), line);
    // A body has spaces between its braces.
    while let Some(word) = rest.split_whitespace().next() {
        let start = rest.len() - rest.trim_start().len();
        let end = match word.find('{').filter(|_| !word.starts_with('/')) {
            Some(_) => rest.find('}').unwrap_or_else(|| panic!("no `}}` in `{line}`")) + 1,
            None => start + word.len(),
        };
        words.push(rest[start..end].to_owned());
        rest = &rest[end..];
    }
    let [method, path, more @ ..] = &words[..] else { panic!("`{line}` is no operation: METHOD /path …") };
    let mut operation = Operation {
        method: method.clone(),
        path: path.clone(),
        query: BTreeSet::new(),
        body: None,
        vendor,
        exempt,
    };
    for word in more {
        if let Some(name) = word.strip_prefix('?') {
            operation.query.insert(name.to_owned());
        } else {
            let (kind, keys) =
                word.split_once('{').unwrap_or_else(|| panic!("`{word}` in `{line}` is no body"));
            let keys = keys.trim_end_matches('}');
            let media_type = match kind {
                "json" => "application/json",
                "ndjson" => "application/x-ndjson",
                "form" => "application/x-www-form-urlencoded",
                kind => kind,
            };
            let keys = (keys != "*").then(|| keys.split_whitespace().map(str::to_owned).collect());
            operation.body = Some(Body { media_type: media_type.to_owned(), keys });
        }
    }
    operation
}

/// Whether a path is what a pattern with `{x}` for a segment says.
pub fn matches(pattern: &str, path: &str) -> bool {
    let wild = |segment: &str| segment == "*" || (segment.starts_with('{') && segment.ends_with('}'));
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern
            .iter()
            .zip(&path)
            .all(|(known, segment)| wild(known) && !segment.is_empty() || known == segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "
        # an upstream
        vendor up/openapi.yaml /api
        GET /api/items ?limit ?cursor
        GET /api/items/{id}
        GET /api/items/count
        POST /api/items ?dryRun json{name labels}
        POST /api/query form{q}
        vendor -
        PATCH /api/items/{id} application/merge-patch+json{*} ! since 2.0
    ";

    fn sent(method: &str, target: &str, media_type: &str, body: &str) -> Request {
        let headers = vec![("content-type".to_owned(), media_type.to_owned())];
        Request::new(method, target, headers, body.as_bytes().to_vec())
    }

    #[test]
    fn a_request_is_the_operation_it_fits_best() {
        let contract = Contract::parse(TABLE);
        let path = |request: &Request| contract.check(request).map(|known| known.path.clone());
        assert_eq!(path(&sent("GET", "http://up/api/items/count", "", "")), Ok("/api/items/count".into()));
        assert_eq!(path(&sent("GET", "/api/items/a%2Fb", "", "")), Ok("/api/items/{id}".into()));
        assert_eq!(
            path(&sent("POST", "/api/items?dryRun=All", "application/json", "{\"name\":1}")),
            Ok("/api/items".into())
        );
        assert_eq!(contract.unused(), ["GET /api/items", "POST /api/query", "PATCH /api/items/{id}"]);
        let patch = &contract.operations()[5];
        assert_eq!((patch.exempt.as_deref(), &patch.vendor), (Some("since 2.0"), &None));
        assert_eq!(contract.operations()[0].vendor, Some(("up/openapi.yaml".to_owned(), "/api".to_owned())));
    }

    #[test]
    fn a_request_that_is_none_says_why() {
        let contract = Contract::parse(TABLE);
        let why = |request: &Request| contract.check(request).unwrap_err();
        assert_eq!(why(&sent("DELETE", "/api/items", "", "")), "there is no DELETE /api/items");
        assert_eq!(why(&sent("GET", "/api/items/", "", "")), "there is no GET /api/items/");
        assert_eq!(why(&sent("GET", "/api/items?page=2", "", "")), "GET /api/items has no parameter `page`");
        assert_eq!(
            why(&sent("GET", "/api/items", "application/json", "{}")),
            "GET /api/items: it takes no body"
        );
        assert_eq!(
            why(&sent("POST", "/api/items", "application/json", "{\"nmae\":1}")),
            "POST /api/items: its body has no `nmae`"
        );
        assert_eq!(
            why(&sent("POST", "/api/query", "application/json", "{}")),
            "POST /api/query: its body is application/x-www-form-urlencoded, not application/json"
        );
        assert_eq!(contract.unused().len(), 6, "what was refused is not used");
    }

    #[test]
    fn a_body_may_be_one_of_several_media_types() {
        let contract = Contract::parse("PATCH /items/{id} application/a+json|application/b+json{*}");
        let sent = |kind: &str| contract.check(&sent("PATCH", "/items/1", kind, "[]")).map(|_| ());
        assert_eq!(sent("application/a+json"), Ok(()));
        assert_eq!(sent("application/b+json; charset=utf-8"), Ok(()));
        assert_eq!(
            sent("application/json").unwrap_err(),
            "PATCH /items/1: its body is application/a+json|application/b+json, not application/json"
        );
    }
}
