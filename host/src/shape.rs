//! What a client gets of a result: the part an operator selected, and no more than fits.

use std::sync::Arc;

use bytesize::ByteSize;
use serde_json_path::JsonPath;

/// An operator's rules for the results of a tool. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shaping {
    /// What is passed on of a JSON result.
    pub select: Option<Arc<Select>>,
    /// The size of a result, instead of the host's.
    pub max_bytes: Option<ByteSize>,
}

/// A JSONPath (RFC 9535).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// The path.
    pub path: JsonPath,
    /// Whether it names one place (a singular query), rather than finding any number.
    pub singular: bool,
}
