//! Computes for ever when it is asked how it is.

use crate::guest::{Guest, spin};

pub struct Attack;

impl Guest for Attack {
    fn health_check(&self) -> Result<String, String> {
        spin()
    }
}
