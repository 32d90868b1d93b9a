//! Owns asking the user: the questions a call leaves and the answers the next attempt gets.
//!
//! ```text
//! let Some(reply) = call.form::<Confirm>("sure")? else {
//!     return Ok(Output::ask(Ask::form::<Confirm>("sure", "Delete all 7?")));
//! };
//! ```

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::call::Call;
use crate::error::{Error, Result};
use crate::schema;

/// Asks the user something; the host calls again with the answers in
/// [`Call::inputs`](crate::Call::inputs). Return it with [`Output::ask`](crate::Output::ask),
/// [`Messages::ask`](crate::Messages::ask) or [`Contents::ask`](crate::Contents::ask).
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

/// What the user did with a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<T> {
    /// Answered it.
    Accepted(T),
    /// Said no.
    Declined,
    /// Looked away: neither yes nor no.
    Cancelled,
}

/// What the client works on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Root {
    /// Where it is: `file:///…`.
    pub uri: String,
    /// What it is called.
    #[serde(default)]
    pub name: Option<String>,
}

impl Ask {
    /// One question of the user: `schema` describes the form, as MCP elicitation has it.
    pub fn user(key: impl Into<String>, message: impl Into<String>, schema: &Value) -> Self {
        let params = json!({ "message": message.into(), "requestedSchema": schema });
        Self::one(key, InputKind::Elicitation, params)
    }

    /// One question of the user, whose form is made from a type: a struct of strings, numbers,
    /// booleans and enums without data.
    pub fn form<T: JsonSchema>(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::user(key, message, &schema::input::<T>())
    }

    /// The user is to open a page, to sign in somewhere, say. For secrets: those must not be typed
    /// into a form.
    pub fn page(key: impl Into<String>, message: impl Into<String>, url: impl Into<String>) -> Self {
        let (key, message, url) = (key.into(), message.into(), url.into());
        let params = json!({ "mode": "url", "message": message, "url": url, "elicitationId": key });
        Self::one(key, InputKind::Elicitation, params)
    }

    /// The client's model answers a text, in at most so many tokens.
    pub fn model(key: impl Into<String>, text: impl Into<String>, max_tokens: u32) -> Self {
        let message = json!({ "role": "user", "content": { "type": "text", "text": text.into() } });
        Self::one(key, InputKind::Sampling, json!({ "messages": [message], "maxTokens": max_tokens }))
    }

    /// The client says what it works on.
    pub fn roots(key: impl Into<String>) -> Self {
        Self::one(key, InputKind::Roots, json!({}))
    }

    fn one(key: impl Into<String>, kind: InputKind, params: Value) -> Self {
        Self { requests: vec![Question { key: key.into(), kind, params }], state: None }
    }

    /// Asks something else at the same time. If both keep bytes, the later ones are kept.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.requests.extend(more.requests);
        self.state = more.state.or(self.state);
        self
    }

    /// Keeps bytes for the next attempt.
    #[must_use]
    pub fn state(mut self, state: Vec<u8>) -> Self {
        self.state = Some(state);
        self
    }
}

impl Call {
    /// What the user did with the form of that key; none if it has not been asked.
    ///
    /// # Errors
    /// When the answer does not fit the type.
    pub fn form<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Reply<T>>> {
        let Some(value) = self.input(key) else { return Ok(None) };
        Ok(Some(match value.get("action").and_then(Value::as_str) {
            Some("accept") => {
                let content = value.get("content").cloned().unwrap_or_else(|| json!({}));
                let read = serde_json::from_value(content);
                Reply::Accepted(read.map_err(|error| Error::failed(format!("the answer `{key}`: {error}")))?)
            }
            Some("decline") => Reply::Declined,
            _ => Reply::Cancelled,
        }))
    }

    /// What the model wrote; none if it has not been asked, or wrote no text.
    pub fn model_text(&self, key: &str) -> Option<String> {
        let content = self.input(key)?.get("content")?;
        let text = |block: &Value| block.get("text").and_then(Value::as_str).map(str::to_owned);
        match content {
            Value::Array(blocks) => {
                let texts: Vec<_> = blocks.iter().filter_map(text).collect();
                (!texts.is_empty()).then(|| texts.join("\n"))
            }
            block => text(block),
        }
    }

    /// What the client works on; none if it has not been asked.
    ///
    /// # Errors
    /// When the answer is none.
    pub fn roots(&self, key: &str) -> Result<Option<Vec<Root>>> {
        let Some(roots) = self.input(key).and_then(|value| value.get("roots")) else { return Ok(None) };
        Ok(Some(Vec::deserialize(roots)?))
    }
}
