//! Answers every call with a question.

use serde_json::json;

use crate::guest::{Answer, Guest, Input, InputKind, InputRequest, InputRequired, Outcome};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let params = json!({ "message": "And now?", "requestedSchema": { "type": "object" } }).to_string();
        let request = InputRequest { key: "more".to_owned(), kind: InputKind::Elicitation, params };
        Ok(Outcome::InputRequired(InputRequired { requests: vec![request], state: None }))
    }
}
