//! Answers with half of a JSON text.

use crate::guest::{Answer, Guest, Input, raw_structured};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        raw_structured(r#"{"a": [1, "#.to_owned())
    }
}
