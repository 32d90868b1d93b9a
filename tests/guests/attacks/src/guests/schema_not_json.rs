//! Has a tool whose schema is no JSON.

use crate::guest::{Guest, ServiceError, Tool, tool};

pub struct Attack;

impl Guest for Attack {
    fn list_tools(&self) -> Result<Vec<Tool>, ServiceError> {
        Ok(vec![Tool { input_schema: "{\"type\":".to_owned(), ..tool("run") }])
    }
}
