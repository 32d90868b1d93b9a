//! How large a result is on its way to a client.

use std::io;

use serde::Serialize;

use crate::request::{Content, Media, ResourceBody, ToolOutput};

/// What a block of content takes beside what it holds.
pub(super) const BLOCK: usize = 32;

/// The size of a result.
pub(super) fn output(output: &ToolOutput) -> usize {
    let structured = output.structured.as_ref().map_or(0, json);
    let meta = output.meta.as_ref().map_or(0, json);
    structured + meta + output.content.iter().map(content).sum::<usize>()
}

/// The size of a block of content.
pub(super) fn content(content: &Content) -> usize {
    let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    BLOCK
        + match content {
            Content::Text(text) => text.len(),
            Content::Image(Media { data, mime_type }) | Content::Audio(Media { data, mime_type }) => {
                base64(data) + mime_type.len()
            }
            Content::Link { uri, name, mime_type, description } => {
                uri.len() + name.len() + len(mime_type) + len(description)
            }
            Content::Resource { uri, mime_type, body } => {
                let body = match body {
                    ResourceBody::Text(text) => text.len(),
                    ResourceBody::Blob(bytes) => base64(bytes),
                };
                uri.len() + len(mime_type) + body
            }
        }
}

fn base64(bytes: &[u8]) -> usize {
    bytes.len().div_ceil(3) * 4
}

/// The length of a value as JSON without blanks.
pub(super) fn json(value: &impl Serialize) -> usize {
    let mut length = Length(0);
    let _ = serde_json::to_writer(&mut length, value); // neither side can fail
    length.0
}

struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
