//! Makes the pages lie together that a guest's calls change.
//!
//! When a guest is gone, wasmtime puts back what it changed: pages that lie together in one go, and it does so for the
//! first 32 such regions of a memory. All behind them is given back to the kernel, and every page of it costs
//! the next guest a fault or two, several microseconds of some hundred. The pages of a language's runtime lie in two to
//! five times as many regions. So each instance writes to the gaps between them what is there already; then there are
//! fewer regions, and the pages stay with the slot from one guest to the next.

use std::collections::BTreeSet;

use wasm_encoder::{
    CodeSection, Function, FunctionSection, Module, RawSection, SectionId, StartSection, TypeSection,
    reencode::{Reencode, RoundtripReencoder},
};
use wasmparser::{
    BinaryReader, CodeSectionReader, FunctionSectionReader, ImportSectionReader, TypeRef, TypeSectionReader,
};

use super::{
    rehearsal::Changed,
    sections::{CORE_MODULE, sections},
    watch::PAGE,
};

/// Regions that wasmtime puts back, with some left for pages nobody knew of: its own number is 32. One more than these
/// costs more than all that is filled to have some left.
const REGIONS: usize = 28;
/// The same where some of what guests do was not seen.
const REGIONS_SEEN_IN_PART: usize = 20;
/// What writing a page and putting it back costs, and what giving it back and faulting it in again costs, in some unit.
const PUT_BACK: usize = 1;
const FAULT: usize = 25;
/// Pages to put back at most; `engine` keeps as many resident, and some for those nobody knew of.
const MOST: usize = 1600;

/// The pages to write, in order, for those that are changed. None if these lie together well enough.
pub(super) fn plan(changed: &Changed) -> Vec<u32> {
    let regions = if changed.all { REGIONS } else { REGIONS_SEEN_IN_PART };
    let ever: Vec<_> = changed.ever.iter().copied().collect();
    if ever.windows(2).filter(|pair| matches!(pair, [a, b] if b - a > 1)).count() < regions {
        return Vec::new();
    }
    // Each prefix of them, as so many regions; what is behind it is left to faults. The cheapest is taken.
    let mut least = ever.len() * FAULT;
    let mut cheapest = (0, Vec::new());
    let mut gaps = Vec::<(u32, u32)>::new(); // how wide, and behind which page; the narrowest first
    for (taken, pair) in (2..).zip(ever.windows(2)) {
        let &[a, b] = pair else { continue };
        if b - a > 1 {
            let gap = (b - a - 1, a);
            gaps.insert(gaps.partition_point(|other| *other < gap), gap);
        }
        let closed = gaps.get(..gaps.len().saturating_sub(regions - 1)).unwrap_or_default();
        let kept = taken + closed.iter().map(|(wide, _)| *wide as usize).sum::<usize>();
        if kept > MOST {
            break;
        }
        let cost = kept * PUT_BACK + (ever.len() - taken) * FAULT;
        if cost < least {
            (least, cheapest) = (cost, (taken, closed.to_vec()));
        }
    }
    let (taken, closed) = cheapest;
    let between = closed.into_iter().flat_map(|(wide, behind)| behind + 1..=behind + wide);
    // What not every call changes is a gap for the others.
    let sometimes = ever.into_iter().take(taken).filter(|page| !changed.always.contains(page));
    between.chain(sometimes).collect::<BTreeSet<_>>().into_iter().collect()
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

    fn changed(pages: &[u32]) -> Changed {
        let ever: BTreeSet<_> = pages.iter().copied().collect();
        Changed { always: ever.clone(), ever, all: true }
    }

    fn plan_all(pages: &[u32]) -> Vec<u32> {
        plan(&changed(pages))
    }

    #[test]
    fn pages_that_lie_near_each_other_become_one_region() {
        // As many pairs, with a gap of one page in each.
        let pairs = |number| (0..2 * number).map(|page| page / 2 * 100 + page % 2 * 2).collect::<Vec<u32>>();
        let within = |number| (0..number).map(|pair| pair * 100 + 1).collect::<Vec<u32>>();
        assert_eq!(plan_all(&pairs(REGIONS as u32)), within(REGIONS as u32));
        // A wide gap is dearer to fill than the pages behind it are to fault in.
        assert_eq!(plan_all(&pairs(REGIONS as u32 + 4)), within(REGIONS as u32));
        // More is left for what nobody knows of where that is likely.
        let some = Changed { all: false, ..changed(&pairs(REGIONS as u32)) };
        assert_eq!(plan(&some), within(REGIONS_SEEN_IN_PART as u32));
        // And no more is filled than is kept.
        let spaced: Vec<_> = (0..200).map(|page| page * 12).collect();
        let planned = plan_all(&spaced);
        assert_eq!((planned.len(), planned.last()), (131 * 11, Some(&(131 * 12 - 1))));
        assert_eq!(plan_all(&[]), [] as [u32; 0]);
    }

    #[test]
    fn what_only_some_calls_change_is_written_by_all() {
        let pages: Vec<_> = (0..=REGIONS as u32).map(|page| page * 2).collect();
        let mut changed = changed(&pages);
        assert_eq!(plan(&changed), [1]);
        for page in [0, 2, 30] {
            changed.always.remove(&page);
        }
        assert_eq!(plan(&changed), [0, 1, 2, 30]);
    }

    #[test]
    fn few_regions_are_left_as_they_are() {
        assert_eq!(plan_all(&[1, 2, 9, 40]), [] as [u32; 0]);
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
