//! Makes the pages lie together that a guest's calls change.
//!
//! When a guest is gone, wasmtime puts back what it changed: pages that lie together in one go, and it does so for the
//! first [`REGIONS`] such regions of a memory. All behind them is given back to the kernel, and every page of it costs
//! the next guest a fault, several microseconds of some hundred. The pages of a language's runtime lie in two or three
//! times as many regions. So each instance writes to the gaps between them, and to the pages themselves, what is
//! there already; then there are fewer regions, and the pages stay with the slot from one guest to the next.

use wasm_encoder::{
    CodeSection, Function, FunctionSection, Module, RawSection, SectionId, StartSection, TypeSection,
    reencode::{Reencode, RoundtripReencoder},
};
use wasmparser::{
    BinaryReader, CodeSectionReader, FunctionSectionReader, ImportSectionReader, TypeRef, TypeSectionReader,
};

use super::sections::{CORE_MODULE, sections};

/// Of the host; a wrong one costs time and nothing else.
pub(super) const PAGE: u64 = 4096;
/// Regions that wasmtime puts back, with some left for pages nobody knew of: its own number is 32.
const REGIONS: usize = 26;
/// An instance that has an image changes far fewer pages than the run it was made from, which is all that is known of
/// them. Up to so many regions they come to less than [`REGIONS`].
const SETTLED: usize = 64;
/// What putting back a page costs, and what faulting it in again costs, in some unit.
const PUT_BACK: usize = 1;
const FAULT: usize = 6;

/// The pages to write, for pages that are changed by calls; both in order.
pub(super) fn plan(changed: &[u32], image: bool) -> Vec<u32> {
    let regions = changed.windows(2).filter(|pair| matches!(pair, [a, b] if b - a > 1)).count() + 1;
    if image && regions <= SETTLED {
        return Vec::new();
    }
    // Each prefix of them, as `REGIONS` regions; what is behind it is left to faults. The cheapest is taken.
    let mut best = (changed.len() * FAULT, 0, 0);
    let mut gaps = Vec::<usize>::new();
    for (index, pair) in changed.windows(2).enumerate() {
        let &[a, b] = pair else { continue };
        let gap = (b - a - 1) as usize;
        if gap > 0 {
            let at = gaps.partition_point(|other| *other < gap);
            gaps.insert(at, gap);
        }
        let closed = gaps.len().saturating_sub(REGIONS - 1);
        let filled: usize = gaps.iter().take(closed).sum();
        let taken = index + 2;
        let cost = (taken + filled) * PUT_BACK + (changed.len() - taken) * FAULT;
        if cost < best.0 {
            let widest = closed.checked_sub(1).and_then(|last| gaps.get(last)).copied().unwrap_or(0);
            best = (cost, taken, widest);
        }
    }
    let (_, taken, widest) = best;
    let mut pages = Vec::new();
    for page in changed.iter().take(taken).copied() {
        match pages.last() {
            Some(&last) if (page - last - 1) as usize <= widest => pages.extend(last + 1..=page),
            _ => pages.push(page),
        }
    }
    pages
}

/// The component, each instance of which writes these pages of its memory first, as they are. None if it
/// has no single memory of 32 bits, or does something of its own when it starts.
pub(super) fn touch(component: &[u8], pages: &[u32]) -> Option<Vec<u8>> {
    if pages.is_empty() {
        return None;
    }
    let mut encoder = wasm_encoder::Component::new();
    let mut found = 0;
    for (id, data) in sections(component).ok()? {
        if id == CORE_MODULE && sections(data).ok()?.iter().any(|(id, _)| *id == SectionId::Memory as u8) {
            found += 1;
            let module = with_start(data, pages)?;
            encoder.section(&RawSection { id, data: &module });
        } else {
            encoder.section(&RawSection { id, data });
        }
    }
    (found == 1).then(|| encoder.finish())
}

fn with_start(module: &[u8], pages: &[u32]) -> Option<Vec<u8>> {
    let mut encoder = Module::new();
    let (mut types, mut functions, mut imported) = (0, 0, 0);
    let mut started = false;
    let start = |encoder: &mut Module, function_index| {
        encoder.section(&StartSection { function_index });
    };
    for (id, data) in sections(module).ok()? {
        let reader = || BinaryReader::new(data, 0);
        // Sections stand in order; the start is before these.
        let later = [SectionId::Element, SectionId::DataCount, SectionId::Code, SectionId::Data];
        if later.iter().any(|later| id == *later as u8) && !started {
            start(&mut encoder, imported + functions);
            started = true;
        }
        if id == SectionId::Type as u8 {
            let read = TypeSectionReader::new(reader()).ok()?;
            types = u32::try_from(
                read.clone().into_iter_err_on_gc_types().collect::<Result<Vec<_>, _>>().ok()?.len(),
            )
            .ok()?;
            let mut section = TypeSection::new();
            RoundtripReencoder.parse_type_section(&mut section, read).ok()?;
            section.ty().function([], []);
            encoder.section(&section);
        } else if id == SectionId::Import as u8 {
            for import in ImportSectionReader::new(reader()).ok()?.into_imports() {
                match import.ok()?.ty {
                    TypeRef::Func(_) | TypeRef::FuncExact(_) => imported += 1,
                    TypeRef::Memory(_) => return None,
                    _ => {}
                }
            }
            encoder.section(&RawSection { id, data });
        } else if id == SectionId::Memory as u8 {
            let mut memories = wasmparser::MemorySectionReader::new(reader()).ok()?.into_iter();
            let memory = memories.next()?.ok()?;
            let last = u64::from(*pages.last()?);
            let room = memory.initial << memory.page_size_log2.unwrap_or(16);
            if memory.memory64 || memory.shared || memories.next().is_some() || (last + 1) * PAGE > room {
                return None;
            }
            encoder.section(&RawSection { id, data });
        } else if id == SectionId::Function as u8 {
            let read = FunctionSectionReader::new(reader()).ok()?;
            functions = read.count();
            let mut section = FunctionSection::new();
            RoundtripReencoder.parse_function_section(&mut section, read).ok()?;
            section.function(types);
            encoder.section(&section);
        } else if id == SectionId::Start as u8 {
            return None;
        } else if id == SectionId::Code as u8 {
            let mut section = CodeSection::new();
            for body in CodeSectionReader::new(reader()).ok()? {
                section.raw(body.ok()?.as_bytes());
            }
            section.function(&writing(pages));
            encoder.section(&section);
        } else {
            encoder.section(&RawSection { id, data });
        }
    }
    (started && functions > 0).then(|| encoder.finish())
}

/// Writes a byte of each page, as it is.
fn writing(pages: &[u32]) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    let at = wasm_encoder::MemArg { offset: 0, align: 0, memory_index: 0 };
    for page in pages {
        let address = page.wrapping_mul(PAGE as u32).cast_signed();
        code.i32_const(address).i32_const(address).i32_load8_u(at).i32_store8(at);
    }
    code.end();
    function
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_lie_near_each_other_become_one_region() {
        // Thirty pairs, and a gap of one page in each that is filled: as many regions as pairs, less those that are left.
        let changed: Vec<u32> = (0..60).map(|page| page / 2 * 100 + page % 2 * 2).collect();
        let planned = plan(&changed, false);
        let regions = planned.windows(2).filter(|pair| pair[1] - pair[0] > 1).count() + 1;
        assert_eq!((planned.len(), regions), (78, REGIONS));
        assert_eq!(plan(&changed, true), [] as [u32; 0]);
        assert_eq!(plan(&[], false), [] as [u32; 0]);
        assert_eq!(plan(&[7], false), [] as [u32; 0]);
    }

    #[test]
    fn few_regions_are_left_as_they_are() {
        assert_eq!(plan(&[1, 2, 9, 40], false), [1, 2, 9, 40]);
    }

    #[test]
    fn what_starts_by_itself_or_has_another_memory_is_left_alone() {
        let component = |module: &str| {
            wat::parse_str(format!("(component (core module {module}) (core instance (instantiate 0)))"))
                .unwrap()
        };
        assert!(touch(&component("(memory 1) (func)"), &[0, 3]).is_some());
        assert!(touch(&component("(memory 1) (func)"), &[16]).is_none());
        assert!(touch(&component("(memory i64 1) (func)"), &[0]).is_none());
        assert!(touch(&component("(memory 1) (func $f) (start $f)"), &[0]).is_none());
        assert!(touch(&component("(func)"), &[0]).is_none());
        assert!(touch(b"no component", &[0]).is_none());
    }
}
