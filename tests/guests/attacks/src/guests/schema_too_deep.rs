//! Has a tool whose schema is nested a thousand deep.

use crate::guest::{Guest, ServiceError, Tool, tool};

pub struct Attack;

impl Guest for Attack {
    fn list_tools(&self) -> Result<Vec<Tool>, ServiceError> {
        let input_schema = "{\"not\":".repeat(1000) + "{}" + &"}".repeat(1000);
        Ok(vec![Tool { input_schema, ..tool("run") }])
    }
}
