//! The component as its host sees it: every tool called through the exports' path, with a played or scripted
//! Alertmanager in front of it. One file for each family of tools.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy.toml allows these in test functions, but not in the helpers beside them"
)]

mod alerts;
mod errors;
mod prompts;
mod send_alert;
mod service;
mod silence;
mod silences;
mod triage;
mod walk;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alertmanager::Alertmanager;
use bulkhead_sdk::testing::{self, Mock};
use bulkhead_sdk::{Error, Method};
use double_kit::{Double, wire};
use serde_json::{Value, json};

/// When every test call happens: 2026-01-31T12:00:00Z.
const NOW: u64 = 1_769_860_800;

/// A config with a path prefix, so that every scripted path proves that it is kept.
fn config() -> Value {
    json!({ "url": "http://up:1234/prefix/" })
}

fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn mock() -> Mock {
    Mock::new().at(clock())
}

/// `/prefix/api/v2/` and the rest.
fn at(rest: &str) -> String {
    format!("/prefix/api/v2/{rest}")
}

/// Calls a tool of the component with the prefix, in front of a scripted Alertmanager.
fn call(mock: &Mock, tool: &str, arguments: Value) -> Result<Value, Error> {
    testing::call::<Alertmanager>(config(), mock, tool, arguments)
        .map(|output| output.structured().cloned().expect("every tool answers with data"))
}

/// A played Alertmanager that keeps its state from call to call.
struct Played {
    double: Arc<dyn Double>,
    /// How many requests were in flight at once in the last call, and what was sent.
    last: Rc<RefCell<(usize, Vec<String>)>>,
}

impl Played {
    fn new() -> Self {
        Self { double: double_alertmanager::double(NOW as f64), last: Rc::default() }
    }

    fn mock(&self) -> Mock {
        wire::mock(self.double.clone()).at(clock())
    }

    fn call(&self, tool: &str, arguments: Value) -> Result<Value, Error> {
        let mock = self.mock();
        let answer =
            testing::call::<Alertmanager>(json!({ "url": "http://up:9093" }), &mock, tool, arguments);
        let sent = mock.requests();
        let lines = sent
            .iter()
            .map(|sent| format!("{} {}", sent.method, sent.url.replace("http://up:9093/api/v2/", "")));
        *self.last.borrow_mut() = (mock.in_flight_at_most(), lines.collect());
        answer.map(|output| output.structured().cloned().expect("every tool answers with data"))
    }

    fn at_once(&self) -> usize {
        self.last.borrow().0
    }

    fn sent(&self) -> Vec<String> {
        self.last.borrow().1.clone()
    }
}

/// One field of each item.
fn each<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap_or_default()).collect()
}

/// The message of a call that fails.
fn why(answer: Result<Value, Error>) -> String {
    answer.unwrap_err().to_string()
}
