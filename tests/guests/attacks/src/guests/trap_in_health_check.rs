//! Crashes when it is asked how it is.

use crate::guest::Guest;

pub struct Attack;

impl Guest for Attack {
    fn health_check(&self) -> Result<String, String> {
        panic!("not well")
    }
}
