//! Owns [`Output`]: what a call gives back.

use serde::Serialize;
use serde_json::Value;

use crate::ask::Ask;
use crate::error::{Error, Result};

/// What a call gives back: content for the model, and the same as data where there is data.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Output {
    content: Vec<Content>,
    structured: Option<Value>,
    meta: Option<Value>,
    ask: Option<Ask>,
    /// Why [`Output::json`] could not serialize; told when the handler returns it.
    defect: Option<String>,
}

/// One piece of content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Text for the model.
    Text(String),
    /// An image.
    Image {
        /// The bytes of the file.
        data: Vec<u8>,
        /// `image/png`.
        mime_type: String,
    },
    /// A sound.
    Audio {
        /// The bytes of the file.
        data: Vec<u8>,
        /// `audio/wav`.
        mime_type: String,
    },
    /// A pointer to something the client can read.
    Link {
        /// Where it is.
        uri: String,
        /// What it is called.
        name: String,
        /// Its media type, if known.
        mime_type: Option<String>,
        /// What it is, for the model.
        description: Option<String>,
    },
    /// A text resource, contents and all.
    Resource {
        /// Where it came from.
        uri: String,
        /// Its media type, if known.
        mime_type: Option<String>,
        /// The contents.
        text: String,
    },
    /// A binary resource, contents and all.
    Blob {
        /// Where it came from.
        uri: String,
        /// Its media type, if known.
        mime_type: Option<String>,
        /// The contents.
        data: Vec<u8>,
    },
}

impl Output {
    /// Nothing yet; see [`content`](Output::content).
    pub fn new() -> Self {
        Self::default()
    }

    /// Text only.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new().and_text(text)
    }

    /// Structured data, and its compact JSON as text for clients that read only content.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => {
                let text = value.to_string();
                Self::structured_with_text(value, text)
            }
            Err(error) => Self { defect: Some(error.to_string()), ..Self::default() },
        }
    }

    /// Structured data beside a text that says the same better than JSON would.
    pub fn structured_with_text(value: impl Into<Value>, text: impl Into<String>) -> Self {
        Self { structured: Some(value.into()), ..Self::text(text) }
    }

    /// Not done: the user is asked something first.
    pub fn ask(ask: Ask) -> Self {
        Self { ask: Some(ask), ..Self::default() }
    }

    /// Adds a text.
    #[must_use]
    pub fn and_text(self, text: impl Into<String>) -> Self {
        self.content(Content::Text(text.into()))
    }

    /// Adds a piece of content.
    #[must_use]
    pub fn content(mut self, content: Content) -> Self {
        self.content.push(content);
        self
    }

    /// A JSON object for the MCP `_meta` of the result.
    #[must_use]
    pub fn meta(mut self, meta: Value) -> Self {
        self.meta = Some(meta);
        self
    }

    /// The structured data.
    pub fn structured(&self) -> Option<&Value> {
        self.structured.as_ref()
    }

    /// The content.
    pub fn contents(&self) -> &[Content] {
        &self.content
    }

    /// The text of the content, pieces separated by a line break.
    pub fn text_content(&self) -> String {
        let texts = self.content.iter().filter_map(|content| match content {
            Content::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// What the user is asked, if the call is not done.
    pub fn asked(&self) -> Option<&Ask> {
        self.ask.as_ref()
    }

    /// Refuses an output that could not be serialized.
    pub(crate) fn checked(self) -> Result<Self> {
        match self.defect {
            Some(defect) => Err(Error::failed(format!("the result is not JSON: {defect}"))),
            None => Ok(self),
        }
    }

    #[cfg(target_family = "wasm")]
    pub(crate) fn into_parts(self) -> (Vec<Content>, Option<Value>, Option<Value>, Option<Ask>) {
        (self.content, self.structured, self.meta, self.ask)
    }
}
