//! Has a tool whose schema is small and refers to its own parts twice each, so that checking it doubles with
//! every one of them.

use serde_json::{Map, json};

use crate::guest::{Guest, ServiceError, Tool, tool};

pub struct Attack;

impl Guest for Attack {
    fn list_tools(&self) -> Result<Vec<Tool>, ServiceError> {
        let mut defs = Map::new();
        for n in 0..24 {
            let next = json!({ "$ref": format!("#/$defs/d{}", n + 1) });
            defs.insert(format!("d{n}"), json!({ "anyOf": [next, next] }));
        }
        defs.insert("d24".to_owned(), json!({ "type": "string" }));
        let schema =
            json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/d0" } }, "$defs": defs });
        Ok(vec![Tool { input_schema: schema.to_string(), ..tool("run") }])
    }
}
