//! Has a tool whose schema has a pattern that compiles to gigabytes.

use serde_json::json;

use crate::guest::{Guest, ServiceError, Tool, tool};

pub struct Attack;

impl Guest for Attack {
    fn list_tools(&self) -> Result<Vec<Tool>, ServiceError> {
        let pattern = "(((a{1000}){1000}){1000}){1000}";
        let schema =
            json!({ "type": "object", "properties": { "text": { "type": "string", "pattern": pattern } } });
        Ok(vec![Tool { input_schema: schema.to_string(), ..tool("run") }])
    }
}
