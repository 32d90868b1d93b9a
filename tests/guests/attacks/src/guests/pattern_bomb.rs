//! Has a tool whose schema has patterns that take for ever to try.

use serde_json::json;

use crate::guest::{Guest, ServiceError, Tool, tool};

pub struct Attack;

impl Guest for Attack {
    fn list_tools(&self) -> Result<Vec<Tool>, ServiceError> {
        // The second can only be tried by going back and forth: it refers to what it found.
        let pattern = |pattern| json!({ "type": "string", "pattern": pattern });
        let properties = json!({ "plain": pattern("^(a+)+$"), "fancy": pattern("^((a+)+)+\\1b$") });
        let schema = json!({ "type": "object", "properties": properties });
        Ok(vec![Tool { input_schema: schema.to_string(), ..tool("run") }, tool("add")])
    }
}
