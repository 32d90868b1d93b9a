//! Refuses every config.

use serde_json::Value;

use crate::guest::Guest;

pub struct Attack;

impl Guest for Attack {
    fn initialize(&self, _: &Value) -> Result<(), String> {
        Err("url: must be the address of a moon base".to_owned())
    }
}
