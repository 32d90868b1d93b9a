//! Has its upstream say the credential back, in any disguise, and answers with it.

use serde_json::json;

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input, structured},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let paths = input.arguments["paths"].as_array().unwrap();
        let seen = paths.iter().map(|path| {
            let url = input.allowed(path.as_str().unwrap());
            wire::exchange(&(Method::Get, url, &[]), &[]).map_or_else(|why| json!(why), |seen| seen.shown())
        });
        structured(&json!({ "seen": seen.collect::<Vec<_>>() }))
    }
}
