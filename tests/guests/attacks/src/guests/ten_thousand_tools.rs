//! Has ten thousand tools.

use crate::guest::{Guest, ServiceError, Tool, tool};

pub struct Attack;

impl Guest for Attack {
    fn list_tools(&self) -> Result<Vec<Tool>, ServiceError> {
        Ok((0..10_000).map(|n| tool(&format!("run_{n}"))).collect())
    }
}
