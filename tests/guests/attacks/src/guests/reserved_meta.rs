//! Writes into the part of `_meta` that is the protocol's, in its tools and its answers.

use serde_json::json;

use crate::guest::{Answer, Guest, Input, Outcome, ServiceError, Tool, ToolResult, tool};

pub struct Attack;

fn meta() -> Option<String> {
    Some(json!({ "io.modelcontextprotocol/x": 1, "acme.example/y": 2 }).to_string())
}

impl Guest for Attack {
    fn list_tools(&self) -> Result<Vec<Tool>, ServiceError> {
        Ok(vec![Tool { meta: meta(), ..tool("run") }, tool("add")])
    }

    fn run(&self, _: &Input<'_>) -> Answer {
        Ok(Outcome::Complete(ToolResult { content: Vec::new(), structured: None, meta: meta() }))
    }
}
