//! Fails when it is asked for its tools.

use crate::guest::{Guest, ServiceError, Tool};

pub struct Attack;

impl Guest for Attack {
    fn list_tools(&self) -> Result<Vec<Tool>, ServiceError> {
        Err(ServiceError::Failed("the list is lost".to_owned()))
    }
}
