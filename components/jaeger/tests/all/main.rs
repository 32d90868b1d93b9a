//! The component as its host sees it: every tool called through the exports' path, with a Jaeger that is played.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy.toml allows these in test functions, but not in the helpers beside them"
)]

mod contract;
mod diagnose;
mod errors;
mod lists;
mod prompts;
mod traces;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulkhead_sdk::Error;
use bulkhead_sdk::testing::{self, Mock};
use bulkhead_sdk::value::text;
use double_jaeger::Span;
use double_kit::{Double, Reply, below, wire};
use jaeger::Jaeger;
use serde_json::{Value, json};

/// When every test call happens: 2026-01-31T12:00:00Z.
const NOW: u32 = 1_769_860_800;
const MILLI: i64 = 1000;
const MINUTE: i64 = 60_000_000;

/// The traces of the shop that tests ask for.
const FAILED: &str = "000000000000000000000000000000a0";
const LOOPING: &str = "000000000000000000000000000000c1";

/// A config with a path prefix, so that every request proves that it is kept.
fn config(published: bool) -> Value {
    json!({ "url": "http://up:1234/prefix/", "api": if published { "v3" } else { "v1" } })
}

fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW.into())
}

/// So many microseconds before now.
fn ago(micros: i64) -> i64 {
    i64::from(NOW) * 1_000_000 - micros
}

/// The shop's Jaeger below the prefix.
fn shop(published: bool) -> Arc<dyn Double> {
    let now = f64::from(NOW);
    below("/prefix", if published { double_jaeger::published(now) } else { double_jaeger::double(now) })
}

/// A Jaeger with these spans alone.
fn with(spans: impl IntoIterator<Item = Span>) -> Mock {
    let jaeger = double_jaeger::Jaeger::empty(false);
    jaeger.push(spans);
    mock(below("/prefix", Arc::new(jaeger)))
}

/// `("1", "a", None, "shop", 0, 10)`: trace, span, parent, service, and from when until when in milliseconds, an hour's
/// half ago. Its operation is `work`.
fn span((trace, id, parent, service, from, to): (&str, &str, Option<&str>, &str, i64, i64)) -> Span {
    Span {
        trace: trace.into(),
        id: id.into(),
        parent: parent.map(str::to_owned),
        service: service.into(),
        name: "work".into(),
        kind: "server".into(),
        start: ago(30 * MINUTE) + from * MILLI,
        duration: (to - from) * MILLI,
        ..Span::default()
    }
}

fn mock(double: Arc<dyn Double>) -> Mock {
    wire::mock(double).at(clock())
}

fn call(mock: &Mock, tool: &str, arguments: Value) -> Result<Value, Error> {
    let output = testing::call::<Jaeger>(config(false), mock, tool, arguments)?;
    Ok(output.structured().cloned().expect("every tool answers with data"))
}

/// What a tool answers about the shop, which must be the same in both dialects.
fn answer(tool: &str, arguments: Value) -> Value {
    let ask = |published: bool, arguments: Value| {
        let mock = mock(shop(published));
        let output = testing::call::<Jaeger>(config(published), &mock, tool, arguments).unwrap();
        output.structured().cloned().unwrap()
    };
    let (v1, v3) = (ask(false, arguments.clone()), ask(true, arguments));
    assert_eq!(v1, v3, "the dialects differ");
    v1
}

/// What a tool says when this is its answer to everything.
fn refused(published: bool, reply: Reply, tool: &str, arguments: Value) -> Error {
    let mock = Mock::new().at(clock()).serving(move |_| reply.clone().into());
    testing::call::<Jaeger>(config(published), &mock, tool, arguments).unwrap_err()
}

/// One text of each item of a list.
fn each<'a>(list: &'a Value, pointer: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| text(item, pointer)).collect()
}
