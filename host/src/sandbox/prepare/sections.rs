//! The sections of a component or a module, one after another, without looking into them.

use wasmparser::{BinaryReader, BinaryReaderError, Instance, Parser, Payload};

type Result<T> = std::result::Result<T, BinaryReaderError>;

/// The section of a core module in a component.
pub(super) const CORE_MODULE: u8 = 1;

/// Magic number and version.
const HEADER: usize = 8;

/// The sections of a file, as (id, contents), after its header.
pub(super) fn sections(wasm: &[u8]) -> Result<Vec<(u8, &[u8])>> {
    let mut reader = BinaryReader::new(wasm, 0);
    reader.read_bytes(HEADER)?;
    let mut sections = Vec::new();
    while !reader.eof() {
        let id = reader.read_u8()?;
        let length = reader.read_var_u32()? as usize;
        sections.push((id, reader.read_bytes(length)?));
    }
    Ok(sections)
}

/// What a component is made of, counted.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Bytes of linear memory at the start.
    pub(super) memory: u64,
    /// Core modules that are instantiated. Instances that only give things other names are not: a component in Rust has a
    /// score of these, and they cost nothing.
    pub(super) instances: usize,
}

impl Outline {
    pub(super) fn read(wasm: &[u8]) -> Result<Self> {
        let mut outline = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::MemorySection(memories) => {
                    for memory in memories {
                        let memory = memory?;
                        let page = 1_u64 << memory.page_size_log2.unwrap_or(16).min(16);
                        outline.memory = outline.memory.saturating_add(memory.initial.saturating_mul(page));
                    }
                }
                Payload::InstanceSection(instances) => {
                    for instance in instances {
                        outline.instances += usize::from(matches!(instance?, Instance::Instantiate { .. }));
                    }
                }
                _ => {}
            }
        }
        Ok(outline)
    }
}
