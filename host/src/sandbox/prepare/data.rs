//! Takes data segments away that nothing uses. Making an image leaves an empty one in the place of each that was there,
//! and wasmtime looks at each when it makes an instance: ten thousand of them are a tenth of a call.

use wasm_encoder::{
    Component, DataSection, Module, RawSection, SectionId,
    reencode::{Reencode, RoundtripReencoder},
};
use wasmparser::{BinaryReader, CodeSectionReader, DataKind, DataSectionReader, Operator};

use super::sections::{CORE_MODULE, sections};

/// The component without them; none if it cannot be read.
pub(super) fn trim(component: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = Component::new();
    for (id, data) in sections(component).ok()? {
        match (id == CORE_MODULE).then(|| module(data)).flatten() {
            Some(trimmed) => encoder.section(&RawSection { id, data: &trimmed }),
            None => encoder.section(&RawSection { id, data }),
        };
    }
    Some(encoder.finish())
}

/// The module without passive segments; none if it names segments in its code, or has no such.
fn module(module: &[u8]) -> Option<Vec<u8>> {
    let sections = sections(module).ok()?;
    let reader = |wanted: SectionId| {
        let (_, data) = sections.iter().find(|(id, _)| *id == wanted as u8)?;
        Some(BinaryReader::new(data, 0))
    };
    let mut kept = DataSection::new();
    let mut passive = false;
    for segment in DataSectionReader::new(reader(SectionId::Data)?).ok()? {
        let segment = segment.ok()?;
        if matches!(segment.kind, DataKind::Passive) {
            passive = true;
        } else {
            RoundtripReencoder.parse_data(&mut kept, segment).ok()?;
        }
    }
    if !passive {
        return None;
    }
    if let Some(code) = reader(SectionId::Code) {
        for body in CodeSectionReader::new(code).ok()? {
            for operator in body.ok()?.get_operators_reader().ok()? {
                let names = matches!(
                    operator.ok()?,
                    Operator::MemoryInit { .. }
                        | Operator::DataDrop { .. }
                        | Operator::ArrayNewData { .. }
                        | Operator::ArrayInitData { .. }
                );
                if names {
                    return None;
                }
            }
        }
    }
    let mut encoder = Module::new();
    for (id, data) in &sections {
        if *id == SectionId::Data as u8 {
            encoder.section(&kept);
        } else if *id != SectionId::DataCount as u8 {
            encoder.section(&RawSection { id: *id, data });
        }
    }
    Some(encoder.finish())
}
