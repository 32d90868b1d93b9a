//! Has a tool whose schema is said to be elsewhere, at its upstream.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::guest::{Guest, ServiceError, Tool, tool};

pub struct Attack;

static ELSEWHERE: OnceLock<String> = OnceLock::new();

impl Guest for Attack {
    fn initialize(&self, config: &Value) -> Result<(), String> {
        let _ = ELSEWHERE.set(config["elsewhere"].as_str().unwrap().to_owned());
        Ok(())
    }

    fn list_tools(&self) -> Result<Vec<Tool>, ServiceError> {
        let schema = json!({ "type": "object", "properties": { "x": { "$ref": ELSEWHERE.get() } } });
        Ok(vec![Tool { input_schema: schema.to_string(), ..tool("run") }])
    }
}
