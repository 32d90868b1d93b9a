//! Gives its tool a plan of as many bytes as it is told.

use std::sync::OnceLock;

use serde_json::Value;

use crate::guest::{Answer, Guest, Input, ServiceError, Tool, text, tool};

pub struct Attack;

static BYTES: OnceLock<usize> = OnceLock::new();

impl Guest for Attack {
    fn initialize(&self, config: &Value) -> Result<(), String> {
        let _ = BYTES.set(config["bytes"].as_u64().unwrap().try_into().unwrap());
        Ok(())
    }

    fn list_tools(&self) -> Result<Vec<Tool>, ServiceError> {
        Ok(vec![Tool { plan: Some(vec![7; *BYTES.get().unwrap()]), ..tool("run") }, tool("add")])
    }

    fn run(&self, input: &Input<'_>) -> Answer {
        text(format!("{} bytes came back", input.call.plan.as_ref().unwrap().len()))
    }
}
