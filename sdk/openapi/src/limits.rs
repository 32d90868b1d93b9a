//! Owns [`Limits`]: how much of a document is read, and how large what is made of it may be.

/// What a document, and a tool made of it, may take. A document is somebody else's: each limit is what keeps one that
/// was made to do harm, or merely a careless one, from costing more than it is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file. The largest public documents (GitHub, Microsoft Graph) have 10 to 35 MB.
    pub bytes: usize,
    /// Values in all files together, aliases expanded: what memory goes by.
    pub nodes: usize,
    /// Nesting. serde_json stops at 128 by itself.
    pub depth: usize,
    /// Files, the first included: external references can lead on without end.
    pub documents: usize,
    /// Operations; the host serves at most 4096 tools of one service.
    pub operations: usize,
    /// Bytes of a tool's input schema. A model reads it: 32 KiB are about 8000 tokens.
    pub schema_bytes: usize,
    /// Bytes of a tool's output schema, which says less than the result itself.
    pub output_bytes: usize,
    /// Bytes of one list of allowed values.
    pub enum_bytes: usize,
    /// Characters of a description.
    pub description: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 32 << 20,
            nodes: 3_000_000,
            depth: 120,
            documents: 64,
            operations: 4096,
            schema_bytes: 32 << 10,
            output_bytes: 8 << 10,
            enum_bytes: 8 << 10,
            description: 1024,
        }
    }
}
