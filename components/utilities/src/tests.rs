//! Every tool through the path a call takes, with exact outcomes.

mod data;
mod identifiers;
mod text;
mod times;
mod waiting;

use std::time::{Duration, SystemTime};

use bulkhead_sdk::testing::{self, Mock};
use serde_json::{Value, json};

use super::Utilities;

/// 2026-11-21T12:34:56.789Z, a Saturday.
const NOW: Duration = Duration::from_millis(1_795_264_496_789);

fn mock() -> Mock {
    Mock::new().at(SystemTime::UNIX_EPOCH + NOW)
}

/// The structured result.
fn value(tool: &str, arguments: Value) -> Value {
    let output = testing::call::<Utilities>(json!({}), &mock(), tool, arguments).unwrap();
    output.structured().cloned().unwrap_or_default()
}

/// The text of the result.
fn text(tool: &str, arguments: Value) -> String {
    testing::call::<Utilities>(json!({}), &mock(), tool, arguments).unwrap().text_content()
}

/// The message of the refusal.
fn refusal(tool: &str, arguments: Value) -> String {
    testing::call::<Utilities>(json!({}), &mock(), tool, arguments).unwrap_err().to_string()
}

#[test]
fn the_contract_is_kept_with_and_without_fetch() {
    assert_eq!(testing::check::<Utilities>(json!({})).unwrap(), [""; 0]);
    assert_eq!(testing::check::<Utilities>(json!({"fetch": ["https://*"]})).unwrap(), [""; 0]);
}

#[test]
fn web_fetch_is_listed_only_where_it_may_fetch() {
    let names = |config: Value| -> Vec<String> {
        testing::list::<Utilities>(config).unwrap().into_iter().map(|tool| tool.name).collect()
    };
    let without = names(json!({}));
    assert!(!without.contains(&"web_fetch".to_owned()));
    for seed in ["get_time", "get_timestamp", "get_date", "pause", "sleep"] {
        assert!(without.contains(&seed.to_owned()), "{seed}");
    }
    assert_eq!(names(json!({"fetch": ["https://docs.rs"]})).last().map(String::as_str), Some("web_fetch"));
}

#[test]
fn every_tool_has_a_title_a_tag_and_a_closed_schema() {
    for tool in testing::list::<Utilities>(json!({"fetch": ["https://*"]})).unwrap() {
        let name = &tool.name;
        assert!(tool.title.is_some() && !tool.tags.is_empty(), "{name}");
        assert!(tool.annotations.read_only, "{name}");
        assert_eq!(tool.annotations.open_world, name == "web_fetch");
        assert_eq!(tool.input_schema["additionalProperties"], json!(false), "{name}");
    }
}

#[test]
fn a_config_that_cannot_work_is_refused() {
    for (config, expected) in [
        (json!({"timezone": "Berlin"}), "config.timezone: `Berlin` is no IANA time zone"),
        (json!({"fetch": ["docs.rs"]}), "config.fetch: `docs.rs` has no scheme"),
        (json!({"fetch": ["https://docs.rs/"]}), "config.fetch: `https://docs.rs/` ends with a slash"),
        (json!({"fetch": "https://*"}), "config.fetch: invalid type: string"),
        (json!({"fetches": []}), "config: unknown key `fetches`; did you mean `fetch`?"),
    ] {
        let refused = testing::configure::<Utilities>(config).unwrap_err();
        assert!(refused.starts_with(expected), "{refused}");
    }
}
