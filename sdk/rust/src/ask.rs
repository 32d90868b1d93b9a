//! Owns asking the user: the questions a call leaves and the answers the next attempt gets.

use serde_json::Value;

/// Asks the user something; the host calls the tool again with the answers in
/// [`Call::inputs`](crate::Call::inputs). Return it with [`Output::ask`](crate::Output::ask).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ask {
    /// What is asked.
    pub requests: Vec<Question>,
    /// Handed back with the answers; opaque to everyone else.
    pub state: Option<Vec<u8>>,
}

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Names the answer.
    pub key: String,
    /// Who is asked, and how.
    pub kind: InputKind,
    /// The params of the MCP request of that kind.
    pub params: Value,
}

/// Which MCP request a question becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// `elicitation/create`: the user fills in a form.
    Elicitation,
    /// `sampling/createMessage`: the client's model writes something.
    Sampling,
    /// `roots/list`: the client says what it works on.
    Roots,
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The key of the question.
    pub key: String,
    /// The result of the MCP request.
    pub value: Value,
}

impl Ask {
    /// One question of the user: `schema` describes the form, as MCP elicitation has it.
    pub fn user(key: impl Into<String>, message: impl Into<String>, schema: &Value) -> Self {
        let params = serde_json::json!({"message": message.into(), "requestedSchema": schema});
        Self {
            requests: vec![Question { key: key.into(), kind: InputKind::Elicitation, params }],
            state: None,
        }
    }

    /// Keeps bytes for the next attempt.
    #[must_use]
    pub fn state(mut self, state: Vec<u8>) -> Self {
        self.state = Some(state);
        self
    }
}
