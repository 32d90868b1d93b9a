//! Has two tools of one name.

use crate::guest::{Guest, ServiceError, Tool, tool};

pub struct Attack;

impl Guest for Attack {
    fn list_tools(&self) -> Result<Vec<Tool>, ServiceError> {
        Ok(vec![tool("run"), tool("add"), tool("run")])
    }
}
