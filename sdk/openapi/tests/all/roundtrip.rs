//! Arguments → request → read back as a server would: the same arguments, for operations that are made up.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{BASE, one, tool};

/// How one parameter is written.
#[derive(Debug, Clone)]
struct Way {
    place: &'static str,
    style: &'static str,
    explode: bool,
}

/// What it holds.
#[derive(Debug, Clone)]
enum Held {
    Text(String),
    List(Vec<String>),
    Fields(BTreeMap<String, String>),
}

impl Held {
    fn value(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::List(items) => json!(items),
            Self::Fields(fields) => json!(fields),
        }
    }
}

fn ways() -> impl Strategy<Value = Way> {
    let all: Vec<Way> = [
        ("path", "simple"),
        ("path", "label"),
        ("path", "matrix"),
        ("query", "form"),
        ("query", "spaceDelimited"),
        ("query", "pipeDelimited"),
        ("query", "deepObject"),
        ("header", "simple"),
        ("cookie", "form"),
    ]
    .into_iter()
    .flat_map(|(place, style)| [true, false].map(|explode| Way { place, style, explode }))
    .collect();
    prop::sample::select(all)
}

fn held() -> impl Strategy<Value = Held> {
    // Anything that a person or a machine might write, separators of every style among it.
    let text = || prop_oneof!["[ -~]{1,8}", "[a-z]{1,4}", "\\PC{1,6}", "[.,;|&=%+ /#?\\[\\]]{1,4}"];
    let key = "[a-p]{1,3}"; // not `q`: the name of another parameter is refused
    prop_oneof![
        text().prop_map(Held::Text),
        prop::collection::vec(text(), 1..4).prop_map(Held::List),
        prop::collection::btree_map(key, text(), 1..4).prop_map(Held::Fields),
    ]
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

/// What stands for the whole value: split first, decoded then.
fn read(text: &str, separator: &str, like: &Held, named: bool) -> Held {
    let parts: Vec<&str> = text.split(separator).collect();
    match like {
        Held::Text(_) => Held::Text(decoded(text)),
        Held::List(_) => Held::List(parts.iter().map(|part| decoded(part)).collect()),
        Held::Fields(_) if named => {
            let pair = |part: &&str| part.split_once('=').map(|(key, value)| (decoded(key), decoded(value)));
            Held::Fields(parts.iter().filter_map(pair).collect())
        }
        Held::Fields(_) => {
            Held::Fields(parts.chunks(2).map(|pair| (decoded(pair[0]), decoded(pair[1]))).collect())
        }
    }
}

/// Pairs of a query or of cookies.
fn read_pairs(pairs: &[(String, String)], way: &Way, like: &Held) -> Held {
    let of_p = || pairs.iter().filter(|(key, _)| key == "p").map(|(_, value)| value.as_str());
    let separator = match way.style {
        "spaceDelimited" => "%20",
        "pipeDelimited" => "%7C",
        _ => ",",
    };
    match (like, way.style, way.explode) {
        (Held::List(_), "deepObject", _) => Held::List(
            pairs.iter().filter(|(key, _)| key.starts_with("p[")).map(|(_, value)| decoded(value)).collect(),
        ),
        (Held::Fields(_), "deepObject", _) => Held::Fields(
            pairs
                .iter()
                .filter_map(|(key, value)| {
                    Some((key.strip_prefix("p[")?.strip_suffix(']')?.to_owned(), decoded(value)))
                })
                .collect(),
        ),
        (Held::List(_), _, true) => Held::List(of_p().map(decoded).collect()),
        (Held::Fields(_), _, true) => Held::Fields(
            pairs
                .iter()
                .filter(|(key, _)| key != "q")
                .map(|(key, value)| (key.clone(), decoded(value)))
                .collect(),
        ),
        (Held::Text(_), ..) => Held::Text(decoded(of_p().next().unwrap())),
        _ => read(of_p().next().unwrap(), separator, like, false),
    }
}

fn split_pairs(text: &str, between: &str) -> Vec<(String, String)> {
    text.split(between)
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(key, value)| (decoded(key), value.to_owned()))
        .collect()
}

fn read_back(sent: &bulkhead_openapi::RequestParts, way: &Way, like: &Held) -> Held {
    let rest = sent.url.strip_prefix(BASE).unwrap();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let segment = path.strip_prefix("/a/").unwrap().strip_suffix("/z").unwrap();
    let header = |name: &str| {
        sent.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap()
    };
    match (way.place, way.style) {
        ("query", _) => read_pairs(&split_pairs(query, "&"), way, like),
        ("cookie", _) => read_pairs(&split_pairs(header("cookie"), "; "), way, like),
        ("header", _) => match like {
            // Headers are not percent-encoded.
            Held::Text(_) => Held::Text(header("p").to_owned()),
            Held::List(_) => Held::List(header("p").split(',').map(str::to_owned).collect()),
            Held::Fields(_) if way.explode => Held::Fields(
                header("p")
                    .split(',')
                    .map(|pair| pair.split_once('=').unwrap())
                    .map(|(k, v)| (k.to_owned(), v.to_owned()))
                    .collect(),
            ),
            Held::Fields(_) => {
                let parts: Vec<&str> = header("p").split(',').collect();
                Held::Fields(parts.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect())
            }
        },
        (_, "label") => {
            let separator = if way.explode { "." } else { "," };
            read(segment.strip_prefix('.').unwrap(), separator, like, way.explode)
        }
        (_, "matrix") => match (like, way.explode) {
            (Held::List(_), true) => Held::List(
                segment.split(';').skip(1).map(|pair| decoded(pair.strip_prefix("p=").unwrap())).collect(),
            ),
            (Held::Fields(_), true) => read(segment.strip_prefix(';').unwrap(), ";", like, true),
            _ => read(segment.strip_prefix(";p=").unwrap(), ",", like, false),
        },
        _ => read(segment, ",", like, way.explode),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arguments_come_back_or_are_refused(way in ways(), held in held(), other in "\\PC{0,6}") {
        let mut parameters = vec![
            json!({ "name": "p", "in": way.place, "required": true, "style": way.style, "explode": way.explode, "schema": {} }),
            json!({ "name": "q", "in": "query", "schema": {} }),
        ];
        let path = if way.place == "path" { "/a/{p}/z" } else {
            parameters.push(json!({ "name": "fix", "in": "path", "required": true, "schema": {} }));
            "/a/{fix}/z"
        };
        let tool = tool(&one(path, &json!({ "parameters": parameters })));
        let mut arguments = Map::new();
        arguments.insert("p".to_owned(), held.value());
        arguments.insert("q".to_owned(), json!(other));
        arguments.insert("fix".to_owned(), json!("f"));
        match tool.plan.request(&arguments) {
            Ok(sent) => {
                prop_assert!(sent.url.is_ascii() && !sent.url.contains([' ', '"', '<', '>', '#']), "{}", sent.url);
                let back = read_back(&sent, &way, &held);
                prop_assert_eq!(back.value(), held.value(), "{:?} {}", way, sent.url);
            }
            // Refused only where it would have been ambiguous, or cannot be said at all.
            Err(error) => {
                prop_assert_eq!(&error.path, "p");
                let apart = |letter: char| held.value().to_string().contains(letter);
                let excused = match way.style {
                    "spaceDelimited" => apart(' '),
                    "pipeDelimited" => apart('|'),
                    "simple" if way.place == "header" => true,
                    // Dot segments, whatever is around them.
                    "matrix" | "simple" => apart('.'),
                    // It begins with a dot.
                    "label" => ['.', ';', '/', '\\'].into_iter().any(apart),
                    _ => false,
                };
                prop_assert!(excused, "{:?} {:?}: {}", way, held, error);
            }
        }
    }

    #[test]
    fn forms_and_parts_come_back(fields in prop::collection::btree_map("[a-z\"é ]{1,5}", "\\PC{0,9}", 1..5)) {
        for media in ["application/x-www-form-urlencoded", "multipart/form-data"] {
            let tool = tool(&one("/x", &json!({ "requestBody": { "content": { media: { "schema": {"type": "object"} } } } })));
            let sent = tool.plan.request(json!({ "body": fields }).as_object().unwrap()).unwrap();
            let text = String::from_utf8(sent.body.unwrap()).unwrap();
            let kind = sent.headers.iter().find(|(name, _)| name == "content-type").unwrap().1.clone();
            let back: BTreeMap<String, String> = match kind.split_once("boundary=") {
                None => split_pairs(&text, "&").into_iter().map(|(key, value)| (key, decoded(&value))).collect(),
                Some((_, boundary)) => text
                    .split(&format!("--{boundary}\r\n"))
                    .skip(1)
                    .map(|part| part.strip_suffix(&format!("--{boundary}--\r\n")).unwrap_or(part))
                    .map(|part| part.strip_suffix("\r\n").unwrap().split_once("\r\n\r\n").unwrap())
                    .map(|(head, value)| {
                        let name = head.strip_prefix("content-disposition: form-data; name=\"").unwrap().strip_suffix('"').unwrap();
                        (name.replace("%22", "\""), value.to_owned())
                    })
                    .collect(),
            };
            prop_assert_eq!(&back, &fields, "{}", media);
        }
    }
}
