//! Answers with a _meta that is no object.

use crate::guest::{Answer, Guest, Input, Outcome, ToolResult};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let meta = Some("[1, 2]".to_owned());
        Ok(Outcome::Complete(ToolResult { content: Vec::new(), structured: None, meta }))
    }
}
