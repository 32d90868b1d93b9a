//! Has a tool whose schema tries every level of its arguments twice: the deeper they are, the longer it takes,
//! twofold for each.

use serde_json::json;

use crate::guest::{Guest, ServiceError, Tool, tool};

pub struct Attack;

impl Guest for Attack {
    fn list_tools(&self) -> Result<Vec<Tool>, ServiceError> {
        let again = json!({ "$ref": "#/$defs/n" });
        let schema = json!({
            "type": "object",
            "$ref": "#/$defs/n",
            "$defs": { "n": { "anyOf": [
                { "properties": { "a": again }, "required": ["z"] },
                { "title": "x", "properties": { "a": again }, "required": ["z"] },
            ] } }
        });
        Ok(vec![Tool { input_schema: schema.to_string(), ..tool("run") }])
    }
}
