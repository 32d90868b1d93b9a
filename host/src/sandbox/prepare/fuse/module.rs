//! Several core modules as one: their functions, tables, memories, globals and segments one after another, and what
//! they imported of each other named directly.

use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, EntityType, ExportKind,
    ExportSection, FunctionSection, GlobalSection, ImportSection, MemorySection, Module, SectionId,
    TableSection, TypeSection,
    reencode::{self, Reencode},
};
use wasmparser::{
    BinaryReader, CodeSectionReader, DataSectionReader, ElementSectionReader, ExportSectionReader,
    ExternalKind, FromReader, FunctionSectionReader, GlobalSectionReader, ImportSectionReader, Operator,
    SectionLimited, TableSectionReader, TypeRef, TypeSectionReader,
};

use super::super::sections::sections;

type Error = reencode::Error<()>;
type Result<T> = std::result::Result<T, Error>;

const UNFIT: Error = reencode::Error::UserError(());

/// The index spaces that are linked.
pub(super) const KINDS: usize = 4;

pub(super) fn kind(external: ExternalKind) -> Option<usize> {
    match external {
        ExternalKind::Func => Some(0),
        ExternalKind::Table => Some(1),
        ExternalKind::Memory => Some(2),
        ExternalKind::Global => Some(3),
        ExternalKind::Tag | ExternalKind::FuncExact => None,
    }
}

/// A module that becomes part of another.
pub(super) struct Member<'a> {
    sections: Vec<(u8, &'a [u8])>,
    /// Of each kind, what it imports.
    pub(super) imports: [Vec<(&'a str, &'a str, TypeRef)>; KINDS],
    pub(super) exports: Vec<(&'a str, usize, u32)>,
    /// Of each kind, how many it defines.
    pub(super) defined: [u32; KINDS],
}

/// What an index of a member stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// Defined by a member, with its number among what that defines.
    Member(usize, u32),
    /// A core function of the component.
    Outside(u32),
}

impl<'a> Member<'a> {
    /// Reads it; none if it has something of its own that cannot be put beside others'.
    pub(super) fn read(module: &'a [u8]) -> Option<Self> {
        let sections = sections(module).ok()?;
        let mut member = Self {
            sections: Vec::new(),
            imports: Default::default(),
            exports: Vec::new(),
            defined: [0; KINDS],
        };
        for (id, data) in &sections {
            let reader = BinaryReader::new(data, 0);
            if *id == SectionId::Start as u8 || *id == SectionId::Tag as u8 {
                return None;
            } else if *id == SectionId::Import as u8 {
                for import in ImportSectionReader::new(reader).ok()?.into_imports() {
                    let import = import.ok()?;
                    let kind = match import.ty {
                        TypeRef::Func(_) => 0,
                        TypeRef::Table(_) => 1,
                        TypeRef::Memory(_) => 2,
                        TypeRef::Global(_) => 3,
                        _ => return None,
                    };
                    member.imports.get_mut(kind)?.push((import.module, import.name, import.ty));
                }
            } else if *id == SectionId::Export as u8 {
                for export in ExportSectionReader::new(reader).ok()? {
                    let export = export.ok()?;
                    member.exports.push((export.name, kind(export.kind)?, export.index));
                }
            } else {
                let counted = [SectionId::Function, SectionId::Table, SectionId::Memory, SectionId::Global];
                if let Some(kind) = counted.iter().position(|counted| *counted as u8 == *id) {
                    *member.defined.get_mut(kind)? = reader.clone().read_var_u32().ok()?;
                }
            }
        }
        member.sections = sections;
        Some(member)
    }

    /// Whether it has or uses a memory.
    pub(super) fn has_memory(&self) -> bool {
        let [.., memories, _] = &self.imports;
        !memories.is_empty() || self.defined.get(2).is_some_and(|defined| *defined > 0)
    }

    /// Whether it is functions that need nothing, and nothing else.
    pub(super) fn is_alone(&self) -> bool {
        let [_, other @ ..] = self.defined;
        self.imports.iter().all(Vec::is_empty) && other.iter().all(|defined| *defined == 0)
    }

    fn each<T: FromReader<'a>>(&self, id: SectionId) -> Result<Option<SectionLimited<'a, T>>> {
        let found = self.sections.iter().find(|(found, _)| *found == id as u8);
        Ok(found.map(|(_, data)| SectionLimited::new(BinaryReader::new(data, 0))).transpose()?)
    }
}

/// The memory of a member, with what is in it at the start, as a module of its own; none if that is not all known.
///
/// The functions that the host lowers need it before there is anything to call them.
pub(super) fn memory(member: &Member<'_>) -> Option<Vec<u8>> {
    let memories = member.each::<wasmparser::MemoryType>(SectionId::Memory).ok()??;
    let mut module = Module::new();
    // A module without functions could not be given a start.
    let (mut types, mut functions, mut code) =
        (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    functions.function(0);
    let mut nothing = wasm_encoder::Function::new([]);
    nothing.instructions().end();
    code.function(&nothing);
    let mut section = MemorySection::new();
    let mut data = DataSection::new();
    let mut same = reencode::RoundtripReencoder;
    same.parse_memory_section(&mut section, memories).ok()?;
    if let Some(segments) = member.each::<wasmparser::Data<'_>>(SectionId::Data).ok()? {
        for segment in segments {
            let segment = segment.ok()?;
            let wasmparser::DataKind::Active { offset_expr, .. } = &segment.kind else { return None };
            let Operator::I32Const { .. } = offset_expr.get_operators_reader().read().ok()? else {
                return None;
            };
            same.parse_data(&mut data, segment).ok()?;
        }
    }
    let mut exports = ExportSection::new();
    exports.export(MEMORY, ExportKind::Memory, 0);
    module
        .section(&types)
        .section(&functions)
        .section(&section)
        .section(&exports)
        .section(&code)
        .section(&data);
    Some(module.finish())
}

/// The name of the memory in the module that has it, and of that where it is imported.
pub(super) const MEMORY: &str = "memory";

/// Puts members together; the memory of one of them, `owner`, is imported. `resolve` finds what a member's import is: (member, kind, number) to its source. `exports`
/// are the fused module's own. Also says which core functions it imports, in order; each has the name of its number.
pub(super) fn fuse(
    members: &[Member<'_>],
    owner: usize,
    resolve: impl Fn(usize, usize, usize) -> Option<Source>,
    exports: &[(String, usize, Source)],
) -> Option<(Vec<u8>, Vec<u32>)> {
    // What comes from outside, each once.
    let mut outside = Vec::<(u32, usize, u32)>::new();
    let mut sources = Vec::new();
    for (number, member) in members.iter().enumerate() {
        let mut found: [Vec<Source>; KINDS] = Default::default();
        for (kind, imports) in member.imports.iter().enumerate() {
            for (at, (.., ty)) in imports.iter().enumerate() {
                let source = resolve(number, kind, at)?;
                if let Source::Outside(function) = source {
                    let TypeRef::Func(ty) = ty else { return None };
                    if !outside.iter().any(|(known, ..)| *known == function) {
                        outside.push((function, number, *ty));
                    }
                }
                found.get_mut(kind)?.push(source);
            }
        }
        sources.push(found);
    }
    let imported = u32::try_from(outside.len()).ok()?;
    // Where each member's own begin.
    let mut next = [imported, 0, 0, 0];
    let mut bases = Vec::new();
    for member in members {
        bases.push(next);
        next.iter_mut().zip(&member.defined).for_each(|(next, defined)| *next += defined);
    }
    let place = |kind: usize, source: Source| match source {
        Source::Member(member, number) => Some(bases.get(member)?.get(kind)? + number),
        Source::Outside(function) => {
            outside.iter().position(|(known, ..)| *known == function).and_then(|at| u32::try_from(at).ok())
        }
    };
    let mut links = Vec::new();
    for (member, (found, base)) in members.iter().zip(sources.iter().zip(&bases)) {
        let mut link = Link { base: *base, ..Link::default() };
        for (kind, found) in found.iter().enumerate() {
            let imported: Option<Vec<u32>> = found.iter().map(|source| place(kind, *source)).collect();
            *link.imported.get_mut(kind)? = imported?;
        }
        let _ = member;
        links.push(link);
    }
    let fused = encode(members, owner, links, &outside).ok()?;
    let mut named = ExportSection::new();
    for (name, kind, source) in exports {
        let export = [ExportKind::Func, ExportKind::Table, ExportKind::Memory, ExportKind::Global];
        named.export(name, *export.get(*kind)?, place(*kind, *source)?);
    }
    Some((fused.finish(&named), outside.iter().map(|(function, ..)| *function).collect()))
}

/// How a member's indices are said in the fused module.
#[derive(Default)]
struct Link {
    base: [u32; KINDS],
    imported: [Vec<u32>; KINDS],
    types: u32,
    data: u32,
    elements: u32,
    /// Of the fused module's globals, the values of those that never change.
    constants: Vec<Option<Vec<u8>>>,
}

impl Link {
    fn index(&self, kind: usize, index: u32) -> Result<u32> {
        let imported = self.imported.get(kind).ok_or(UNFIT)?;
        match imported.get(index as usize) {
            Some(found) => Ok(*found),
            None => Ok(self.base.get(kind).ok_or(UNFIT)? + index - imported.len() as u32),
        }
    }
}

impl Reencode for Link {
    type Error = ();

    fn function_index(&mut self, index: u32) -> Result<u32> {
        self.index(0, index)
    }

    fn table_index(&mut self, index: u32) -> Result<u32> {
        self.index(1, index)
    }

    fn memory_index(&mut self, index: u32) -> Result<u32> {
        self.index(2, index)
    }

    fn global_index(&mut self, index: u32) -> Result<u32> {
        self.index(3, index)
    }

    fn type_index(&mut self, index: u32) -> Result<u32> {
        Ok(self.types + index)
    }

    fn data_index(&mut self, index: u32) -> Result<u32> {
        Ok(self.data + index)
    }

    fn element_index(&mut self, index: u32) -> Result<u32> {
        Ok(self.elements + index)
    }

    /// With the values of globals in the place of their names, so that segments have a place that is known.
    fn const_expr(&mut self, expression: wasmparser::ConstExpr<'_>) -> Result<ConstExpr> {
        let mut operators = expression.get_operators_reader();
        let mut bytes = Vec::new();
        while !operators.is_end_then_eof() {
            if let Operator::GlobalGet { global_index } = operators.clone().read()? {
                operators.read()?;
                let global = self.index(3, global_index)?;
                let value = self.constants.get(global as usize).and_then(Option::as_ref);
                bytes.extend_from_slice(value.ok_or(UNFIT)?);
            } else {
                wasm_encoder::Encode::encode(&self.parse_instruction(&mut operators)?, &mut bytes);
            }
        }
        Ok(ConstExpr::raw(bytes))
    }
}

/// The sections of the fused module.
#[derive(Default)]
struct Fused {
    types: TypeSection,
    imports: ImportSection,
    functions: FunctionSection,
    tables: TableSection,
    globals: GlobalSection,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
}

impl Fused {
    fn finish(self, exports: &ExportSection) -> Vec<u8> {
        let mut module = Module::new();
        module.section(&self.types).section(&self.imports).section(&self.functions).section(&self.tables);
        module.section(&self.globals).section(exports).section(&self.elements);
        module.section(&DataCountSection { count: self.data.len() });
        module.section(&self.code).section(&self.data);
        module.finish()
    }
}

fn encode(
    members: &[Member<'_>],
    owner: usize,
    mut links: Vec<Link>,
    outside: &[(u32, usize, u32)],
) -> Result<Fused> {
    let mut fused = Fused::default();
    for (member, link) in members.iter().zip(&mut links) {
        link.types = fused.types.len();
        if let Some(section) = member.each(SectionId::Type)? {
            link.parse_type_section(&mut fused.types, TypeSectionReader::clone(&section))?;
        }
    }
    for (function, member, ty) in outside {
        let ty = links.get_mut(*member).ok_or(UNFIT)?.type_index(*ty)?;
        fused.imports.import("", &function.to_string(), EntityType::Function(ty));
    }
    let owned =
        members.get(owner).ok_or(UNFIT)?.each::<wasmparser::MemoryType>(SectionId::Memory)?.ok_or(UNFIT)?;
    for memory in owned {
        let memory = reencode::RoundtripReencoder.memory_type(memory?).map_err(|_| UNFIT)?;
        fused.imports.import(MEMORY, MEMORY, EntityType::Memory(memory));
    }
    let mut constants = Vec::new();
    for (number, (member, link)) in members.iter().zip(&mut links).enumerate() {
        if let Some(section) = member.each(SectionId::Function)? {
            link.parse_function_section(&mut fused.functions, FunctionSectionReader::clone(&section))?;
        }
        if let Some(section) = member.each(SectionId::Table)? {
            link.parse_table_section(&mut fused.tables, TableSectionReader::clone(&section))?;
        }
        if number != owner && member.each::<wasmparser::MemoryType>(SectionId::Memory)?.is_some() {
            return Err(UNFIT);
        }
        link.constants = constants;
        if let Some(section) = member.each(SectionId::Global)? {
            for global in GlobalSectionReader::clone(&section) {
                let global = global?;
                let value = link.const_expr(global.init_expr.clone())?;
                let mut bytes = Vec::new();
                wasm_encoder::Encode::encode(&value, &mut bytes);
                bytes.pop(); // its end
                link.constants.push((!global.ty.mutable).then_some(bytes));
                fused.globals.global(link.global_type(global.ty)?, &value);
            }
        }
        link.elements = fused.elements.len();
        if let Some(section) = member.each(SectionId::Element)? {
            link.parse_element_section(&mut fused.elements, ElementSectionReader::clone(&section))?;
        }
        link.data = fused.data.len();
        if let (Some(section), true) = (member.each(SectionId::Data)?, number != owner) {
            link.parse_data_section(&mut fused.data, DataSectionReader::clone(&section))?;
        }
        if let Some(section) = member.each(SectionId::Code)? {
            for body in CodeSectionReader::clone(&section) {
                link.parse_function_body(&mut fused.code, body?)?;
            }
        }
        constants = std::mem::take(&mut link.constants);
    }
    Ok(fused)
}
