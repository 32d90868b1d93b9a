//! An API's document, of whoever wrote it: what is made of it is what the host takes, within its limits, and a call of each
//! tool sends what the tool says it may.
#![no_main]

use std::collections::BTreeSet;

use bulkhead::egress::{pattern::UrlPattern, target::Target};
use bulkhead_openapi::{Document, Limits, Much, Outcome, Plan, Servers, Settings, map, sample};

const BASE: &str = "http://up.example/base";

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let limits = Limits { bytes: 64 << 10, nodes: 20_000, schema_bytes: 8 << 10, ..Limits::default() };
    // What it refers to is itself, or is refused: nothing is read.
    let fetch = |at: &str| if at.ends_with("self") { Ok(data.to_vec()) } else { Err("not here".to_owned()) };
    let Ok(document) = Document::load(data, "/api/self", limits, fetch) else { return };
    let servers = Servers { url: Some(BASE.to_owned()), ..Servers::default() };
    let mapping = map(&document, &Settings { servers, output_schemas: true, ..Settings::default() });
    let mut names = BTreeSet::new();
    for tool in &mapping.operations {
        assert!(
            tool.name.len() <= 48 && tool.name.starts_with(|first: char| first.is_ascii_lowercase()),
            "{}",
            tool.name
        );
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(tool.name.bytes().all(letter) && names.insert(&tool.name), "{}", tool.name);
        for schema in std::iter::once(&tool.input_schema).chain(&tool.output_schema) {
            assert!(jsonschema::draft202012::meta::is_valid(schema), "{schema}");
            if let Err(error) = jsonschema::draft202012::options().build(schema) {
                panic!("{error}: {schema}");
            }
        }
        assert!(tool.input_schema.to_string().len() <= 8 << 10);
        let plan = Plan::from_bytes(&tool.plan.to_bytes().unwrap()).unwrap();
        assert_eq!(plan, tool.plan);
        let pattern: UrlPattern = plan.pattern().parse().unwrap();
        for much in [Much::Required, Much::Everything] {
            let Some(arguments) = sample(&tool.input_schema, much) else { continue };
            let Some(Ok(sent)) = arguments.as_object().map(|arguments| plan.request(arguments)) else {
                continue;
            };
            assert!(sent.url.starts_with(BASE), "{}", sent.url);
            let target = Target::parse(&sent.url).unwrap();
            let reached = pattern.matches(target.scheme(), target.host(), target.port(), target.segments());
            assert!(reached, "{} is not {}", sent.url, plan.pattern());
            for (name, value) in &sent.headers {
                assert!(
                    name.parse::<http::HeaderName>().is_ok() && value.parse::<http::HeaderValue>().is_ok()
                );
            }
        }
    }
    let mapped = mapping.notes.iter().filter(|note| matches!(note.outcome, Outcome::Mapped(_))).count();
    assert_eq!(mapped, mapping.operations.len(), "each is told of once");
});
