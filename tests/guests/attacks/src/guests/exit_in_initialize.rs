//! Exits when it is given its config.

use serde_json::Value;

use crate::guest::Guest;

pub struct Attack;

impl Guest for Attack {
    fn initialize(&self, _: &Value) -> Result<(), String> {
        std::process::exit(3)
    }
}
