//! Leaves its part of the upstream by every spelling of "one level up".

use serde_json::json;

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input, structured},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    /// The paths are the test's, so that it has each beside what must come of it.
    fn run(&self, input: &Input<'_>) -> Answer {
        let url = input.config("url");
        let paths = input.arguments["paths"].as_array().unwrap();
        let tried = paths.iter().map(|path| {
            let path = path.as_str().unwrap();
            json!([path, wire::outcome(&(Method::Get, format!("{url}{path}"), &[]))])
        });
        structured(&json!({ "outcomes": tried.collect::<Vec<_>>() }))
    }
}
