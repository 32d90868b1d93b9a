//! Links the modules of a component that share a memory, once for all its guests.
//!
//! A component in Python is a dozen libraries that are linked whenever an instance is made: wasmtime then fills their
//! common table function by function, which is half of such a call. As one module it is linked when it is compiled, and
//! its table is filled as it is used. Nothing else changes: what one library asked another for, it has.

mod module;

use std::collections::{BTreeMap, BTreeSet};

use module::{KINDS, Member, Source, kind};
use wasm_encoder::{
    CanonicalFunctionSection, Component, ComponentAliasSection, ExportKind, InstanceSection, ModuleArg,
    RawSection,
    reencode::{self, Reencode, ReencodeComponent},
};
use wasmparser::{
    BinaryReader, CanonicalFunction, ComponentAlias, ComponentAliasSectionReader,
    ComponentCanonicalSectionReader, ExternalKind, Instance, InstanceSectionReader,
};

use super::sections::{CORE_MODULE, sections};

type Result<T> = std::result::Result<T, reencode::Error<()>>;

/// Fewer modules are not worth it.
const FEWEST: usize = 4;

/// One thing of a component, in its order.
enum Item<'a> {
    Module(&'a [u8]),
    Instance(Instance<'a>),
    Alias(ComponentAlias<'a>),
    Canonical(CanonicalFunction),
    Other(u8, &'a [u8]),
}

/// Where a core index of the component comes from.
enum Origin<'a> {
    /// An export of a core instance.
    Export(u32, &'a str),
    /// Made by the component itself.
    Own,
}

/// The component with its linked modules as one; none if it has few, or some that cannot be.
pub(super) fn fuse(component: &[u8]) -> Option<Vec<u8>> {
    let items = items(component)?;
    let mut modules = Vec::new();
    let mut instances = Vec::<(usize, &Instance<'_>)>::new();
    let mut origins: [Vec<Origin<'_>>; KINDS] = Default::default();
    for (at, item) in items.iter().enumerate() {
        match item {
            Item::Module(module) => modules.push(*module),
            Item::Instance(instance) => instances.push((at, instance)),
            Item::Alias(ComponentAlias::CoreInstanceExport { kind: external, instance_index, name }) => {
                origins.get_mut(kind(*external)?)?.push(Origin::Export(*instance_index, name));
            }
            Item::Canonical(CanonicalFunction::Lift { .. }) | Item::Alias(_) | Item::Other(..) => {}
            Item::Canonical(_) => origins.get_mut(0)?.push(Origin::Own),
        }
    }
    // The instances that are fused, each of a module of its own.
    let mut members = Vec::new();
    let mut member_of = BTreeMap::<u32, usize>::new();
    let mut taken = BTreeSet::new();
    let mut last = 0;
    for (number, (at, instance)) in (0_u32..).zip(&instances) {
        let Instance::Instantiate { module_index, .. } = instance else { continue };
        let member = Member::read(modules.get(*module_index as usize)?)?;
        if member.has_memory() {
            if !taken.insert(*module_index) {
                return None;
            }
            member_of.insert(number, members.len());
            members.push((number, member));
            last = *at;
        }
    }
    if members.len() < FEWEST {
        return None;
    }
    let owner = members.iter().position(|(_, member)| member.defined.get(2) == Some(&1))?;
    let numbers: Vec<u32> = members.iter().map(|(number, _)| *number).collect();
    let members: Vec<_> = members.into_iter().map(|(_, member)| member).collect();
    let linked =
        Linked { instances: &instances, origins: &origins, member_of: &member_of, members: &members };
    // What the rest of the component asks of them.
    let mut asked = BTreeSet::new();
    let mut recorder = Places { record: Some(BTreeSet::new()), ..Places::default() };
    for item in items.iter().skip(last + 1) {
        if let Item::Alias(ComponentAlias::CoreInstanceExport { kind: external, instance_index, name }) = item
        {
            if member_of.contains_key(instance_index) && *external != ExternalKind::Memory {
                asked.insert((*instance_index, *name, kind(*external)?));
            }
        } else {
            recorder.encode(&mut Component::new(), item).ok()?;
        }
    }
    let recorded = recorder.record?;
    let mut exports = Vec::new();
    for (kind, origins) in origins.iter().enumerate() {
        for (index, origin) in (0_u32..).zip(origins) {
            if let Origin::Export(instance, name) = origin
                && member_of.contains_key(instance)
                && recorded.contains(&(kind, index))
                && kind != 2
            {
                asked.insert((*instance, name, kind));
            }
        }
    }
    for (instance, name, kind) in &asked {
        exports.push((export(*instance, name), *kind, linked.find(*instance, name, *kind, 0)?));
    }
    let resolve = |member: usize, kind: usize, at: usize| {
        let (module, name, _) = linked.members.get(member)?.imports.get(kind)?.get(at)?;
        linked.import(*numbers.get(member)?, module, name, kind, 0)
    };
    let (fused, outside) = module::fuse(&members, owner, resolve, &exports)?;
    let mut places = Places::default();
    let mut encoder = Component::new();
    let mut counts = [0_u32; KINDS];
    let mut number = 0;
    let mut module_number = 0;
    let mut late = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let own = match item {
            Item::Module(_) => {
                module_number += 1;
                if taken.contains(&(module_number - 1)) {
                    places.modules.push(None);
                    continue;
                }
                None
            }
            Item::Instance(_) => {
                number += 1;
                Some(number - 1)
            }
            _ => None,
        };
        if let Some(instance) = own
            && (member_of.contains_key(&instance) || (at < last && linked.depends(instance, 0)))
        {
            places.instances.push(None);
            if numbers.get(owner) == Some(&instance) {
                places.memory(&mut encoder, &module::memory(members.get(owner)?)?);
            }
            if at == last {
                places.fused(&mut encoder, &fused, &outside)?;
                for (kind, old, external, instance, name) in late.drain(..) {
                    places.export(&mut encoder, kind, old, external, &export(instance, name));
                }
            }
            continue;
        }
        if let Item::Alias(ComponentAlias::CoreInstanceExport { kind: external, instance_index, name }) = item
        {
            let kind = kind(*external)?;
            let old = *counts.get(kind)?;
            *counts.get_mut(kind)? += 1;
            if member_of.contains_key(instance_index) {
                places.spaces.get_mut(kind)?.push(None);
                if *external == ExternalKind::Memory {
                    // There is one, and whoever names it means it.
                    let source = linked.find(*instance_index, name, kind, 0)?;
                    (source == Source::Member(owner, 0) && places.memory.is_some()).then_some(())?;
                    places.export(&mut encoder, kind, old, *external, module::MEMORY);
                } else if at > last {
                    places.export(&mut encoder, kind, old, *external, &export(*instance_index, name));
                } else if recorded.contains(&(kind, old)) {
                    late.push((kind, old, *external, *instance_index, *name));
                }
                continue;
            }
        } else if let Item::Canonical(canonical) = item
            && !matches!(canonical, CanonicalFunction::Lift { .. })
        {
            *counts.get_mut(0)? += 1;
        }
        places.encode(&mut encoder, item).ok()?;
    }
    (!places.lost).then(|| encoder.finish())
}

/// The name of a member's export in the fused module.
fn export(instance: u32, name: &str) -> String {
    format!("{instance}:{name}")
}

fn items(component: &[u8]) -> Option<Vec<Item<'_>>> {
    use wasm_encoder::ComponentSectionId as Id;
    let mut items = Vec::new();
    for (id, data) in sections(component).ok()? {
        let reader = BinaryReader::new(data, 0);
        if id == CORE_MODULE {
            items.push(Item::Module(data));
        } else if id == Id::CoreInstance as u8 {
            for instance in InstanceSectionReader::new(reader).ok()? {
                items.push(Item::Instance(instance.ok()?));
            }
        } else if id == Id::Alias as u8 {
            for alias in ComponentAliasSectionReader::new(reader).ok()? {
                items.push(Item::Alias(alias.ok()?));
            }
        } else if id == Id::CanonicalFunction as u8 {
            for canonical in ComponentCanonicalSectionReader::new(reader).ok()? {
                items.push(Item::Canonical(canonical.ok()?));
            }
        } else if id == Id::CoreCustom as u8 {
            // Names of what is no longer there.
        } else {
            items.push(Item::Other(id, data));
        }
    }
    Some(items)
}

/// Deeper than any linker goes.
const DEEPEST: usize = 64;

/// How the parts of a component hang together.
struct Linked<'a> {
    instances: &'a [(usize, &'a Instance<'a>)],
    origins: &'a [Vec<Origin<'a>>; KINDS],
    member_of: &'a BTreeMap<u32, usize>,
    members: &'a [Member<'a>],
}

impl Linked<'_> {
    /// What an instance is given for an import.
    fn import(&self, instance: u32, module: &str, name: &str, kind: usize, depth: usize) -> Option<Source> {
        let (_, Instance::Instantiate { args, .. }) = self.instances.get(instance as usize)? else {
            return None;
        };
        let given = args.iter().find(|arg| arg.name == module)?;
        self.find(given.index, name, kind, depth + 1)
    }

    /// What an export of an instance is.
    fn find(&self, instance: u32, name: &str, wanted: usize, depth: usize) -> Option<Source> {
        if depth > DEEPEST {
            return None;
        }
        if let Some(number) = self.member_of.get(&instance) {
            let member = self.members.get(*number)?;
            let (.., index) =
                member.exports.iter().find(|(found, kind, _)| *found == name && *kind == wanted)?;
            let imports = member.imports.get(wanted)?;
            return match imports.get(*index as usize) {
                Some((module, name, _)) => self.import(instance, module, name, wanted, depth + 1),
                None => Some(Source::Member(*number, *index - imports.len() as u32)),
            };
        }
        let (_, Instance::FromExports(exports)) = self.instances.get(instance as usize)? else { return None };
        let export =
            exports.iter().find(|export| export.name == name && kind(export.kind) == Some(wanted))?;
        match self.origins.get(wanted)?.get(export.index as usize)? {
            Origin::Export(from, name) if self.member_of.contains_key(from) => {
                self.find(*from, name, wanted, depth + 1)
            }
            // Only functions come from elsewhere.
            _ => (wanted == 0).then_some(Source::Outside(export.index)),
        }
    }

    /// Whether an instance that only gives other names has something of a member.
    fn depends(&self, instance: u32, depth: usize) -> bool {
        let Some((_, Instance::FromExports(exports))) = self.instances.get(instance as usize) else {
            return false;
        };
        exports.iter().any(|export| {
            let origin = kind(export.kind)
                .and_then(|kind| self.origins.get(kind))
                .and_then(|origins| origins.get(export.index as usize));
            match origin {
                Some(Origin::Export(from, _)) => {
                    self.member_of.contains_key(from) || (depth < DEEPEST && self.depends(*from, depth + 1))
                }
                _ => false,
            }
        })
    }
}

/// Where what a component had is now.
#[derive(Default)]
struct Places {
    modules: Vec<Option<u32>>,
    modules_now: u32,
    instances: Vec<Option<u32>>,
    instances_now: u32,
    spaces: [Vec<Option<u32>>; KINDS],
    now: [u32; KINDS],
    fused: u32,
    memory: Option<u32>,
    /// Something is asked for that has no place.
    lost: bool,
    /// If only this is of interest: which core indices are asked for.
    record: Option<BTreeSet<(usize, u32)>>,
}

impl Places {
    fn index(&mut self, kind: usize, index: u32) -> Result<u32> {
        if let Some(record) = &mut self.record {
            record.insert((kind, index));
            return Ok(0);
        }
        let place = self.spaces.get(kind).and_then(|space| space.get(index as usize)).copied().flatten();
        place.ok_or(reencode::Error::UserError(()))
    }

    fn add(&mut self, kind: usize) {
        if let (Some(space), Some(now)) = (self.spaces.get_mut(kind), self.now.get_mut(kind)) {
            space.push(Some(*now));
            *now += 1;
        }
    }

    /// An item that stays.
    fn encode(&mut self, encoder: &mut Component, item: &Item<'_>) -> Result<()> {
        match item {
            Item::Module(data) => {
                self.modules.push(Some(self.modules_now));
                self.modules_now += 1;
                encoder.section(&RawSection { id: CORE_MODULE, data });
            }
            Item::Instance(instance) => {
                let mut section = InstanceSection::new();
                let copied = match instance {
                    Instance::Instantiate { module_index, args } => {
                        Instance::Instantiate { module_index: *module_index, args: args.clone() }
                    }
                    Instance::FromExports(exports) => Instance::FromExports(exports.clone()),
                };
                self.parse_instance(&mut section, copied)?;
                encoder.section(&section);
                self.instances.push(Some(self.instances_now));
                self.instances_now += 1;
            }
            Item::Alias(alias) => {
                let mut section = ComponentAliasSection::new();
                section.alias(self.component_alias(alias.clone())?);
                encoder.section(&section);
                if let ComponentAlias::CoreInstanceExport { kind: external, .. } = alias
                    && let Some(kind) = kind(*external)
                {
                    self.add(kind);
                }
            }
            Item::Canonical(canonical) => {
                let mut section = CanonicalFunctionSection::new();
                self.parse_component_canonical(&mut section, canonical.clone())?;
                encoder.section(&section);
                if !matches!(canonical, CanonicalFunction::Lift { .. }) {
                    self.add(0);
                }
            }
            Item::Other(id, data) => {
                encoder.section(&RawSection { id: *id, data });
            }
        }
        Ok(())
    }

    /// The module with the memory, and its instance.
    fn memory(&mut self, encoder: &mut Component, module: &[u8]) {
        encoder.section(&RawSection { id: CORE_MODULE, data: module });
        let mut section = InstanceSection::new();
        section.instantiate(self.modules_now, [] as [(&str, ModuleArg); 0]);
        encoder.section(&section);
        self.modules_now += 1;
        self.memory = Some(self.instances_now);
        self.instances_now += 1;
    }

    /// The fused module, and its instance.
    fn fused(&mut self, encoder: &mut Component, module: &[u8], outside: &[u32]) -> Option<()> {
        encoder.section(&RawSection { id: CORE_MODULE, data: module });
        let mut given = Vec::new();
        for function in outside {
            given.push((function.to_string(), ExportKind::Func, self.index(0, *function).ok()?));
        }
        let mut section = InstanceSection::new();
        section.export_items(given.iter().map(|(name, kind, index)| (name.as_str(), *kind, *index)));
        let memory = ModuleArg::Instance(self.memory?);
        section.instantiate(
            self.modules_now,
            [("", ModuleArg::Instance(self.instances_now)), (module::MEMORY, memory)],
        );
        encoder.section(&section);
        self.modules_now += 1;
        self.fused = self.instances_now + 1;
        self.instances_now += 2;
        Some(())
    }

    /// An export of a member, by its name in the fused module.
    fn export(&mut self, encoder: &mut Component, kind: usize, old: u32, external: ExternalKind, name: &str) {
        let mut section = ComponentAliasSection::new();
        let kinds = [ExportKind::Func, ExportKind::Table, ExportKind::Memory, ExportKind::Global];
        let Some(exported) = kinds.get(kind).copied() else { return };
        let from = if external == ExternalKind::Memory { self.memory } else { Some(self.fused) };
        let Some(instance) = from else { return };
        section.alias(wasm_encoder::Alias::CoreInstanceExport { instance, kind: exported, name });
        encoder.section(&section);
        if let (Some(space), Some(now)) = (self.spaces.get_mut(kind), self.now.get_mut(kind)) {
            if let Some(place) = space.get_mut(old as usize) {
                *place = Some(*now);
            }
            *now += 1;
        }
    }
}

impl Reencode for Places {
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
}

impl ReencodeComponent for Places {
    fn module_index(&mut self, index: u32) -> u32 {
        let place = self.modules.get(index as usize).copied().flatten();
        self.lost |= place.is_none() && self.record.is_none();
        place.unwrap_or_default()
    }

    fn instance_index(&mut self, index: u32) -> u32 {
        let place = self.instances.get(index as usize).copied().flatten();
        self.lost |= place.is_none() && self.record.is_none();
        place.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::{Engine, Store, component::Linker};

    use super::{fuse, items};

    /// Five modules around one memory and one table, linked as shared libraries are; `extra` is a sixth's text.
    fn component(extra: &str) -> Vec<u8> {
        wat::parse_str(format!(
            r#"(component
              (core module $main (memory (export "memory") 1) (table (export "table") 8 funcref)
                (global (export "base") i32 (i32.const 3)) (data (i32.const 100) "\2a"))
              (core module $a (import "env" "memory" (memory 1)) (import "env" "table" (table 0 funcref))
                (import "env" "base" (global $base i32))
                (func $f (export "f") (result i32) (i32.load8_u (i32.const 100)))
                (elem (global.get $base) func $f))
              (core module $b (import "env" "memory" (memory 1)) (import "a" "f" (func $f (result i32)))
                (func (export "g") (result i32) (i32.add (call $f) (i32.const 1))))
              (core module $c (import "env" "memory" (memory 1)) (import "env" "table" (table 0 funcref))
                (type $f (func (result i32))) (global $n (mut i32) (i32.const 10))
                (func (export "h") (result i32)
                  (global.set $n (i32.add (global.get $n) (i32.const 1)))
                  (i32.add (call_indirect (type $f) (i32.const 3)) (global.get $n))))
              (core module $d (import "env" "memory" (memory 1)) (import "b" "g" (func $g (result i32)))
                (import "c" "h" (func $h (result i32))) {extra}
                (func (export "sum") (result i32) (i32.add (call $g) (call $h))))
              (core instance $main (instantiate $main))
              (alias core export $main "memory" (core memory $memory))
              (alias core export $main "table" (core table $table))
              (alias core export $main "base" (core global $base))
              (core instance $env (export "memory" (memory $memory)) (export "table" (table $table))
                (export "base" (global $base)))
              (core instance $a (instantiate $a (with "env" (instance $env))))
              (core instance $b (instantiate $b (with "env" (instance $env)) (with "a" (instance $a))))
              (core instance $c (instantiate $c (with "env" (instance $env))))
              (core instance $d (instantiate $d (with "env" (instance $env)) (with "b" (instance $b))
                (with "c" (instance $c))))
              (func (export "sum") (result u32) (canon lift (core func $d "sum"))))"#
        ))
        .unwrap()
    }

    fn sums(wasm: &[u8]) -> [u32; 2] {
        let engine = Engine::default();
        let component = wasmtime::component::Component::new(&engine, wasm).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test without limits")]
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate(&mut store, &component).unwrap();
        let sum = instance.get_typed_func::<(), (u32,)>(&mut store, "sum").unwrap();
        [(); 2].map(|()| sum.call(&mut store, ()).unwrap().0)
    }

    #[test]
    fn a_fused_component_does_what_its_modules_did() {
        let wasm = component("");
        assert_eq!(sums(&wasm), [96, 97]);
        let fused = fuse(&wasm).unwrap();
        assert_eq!(sums(&fused), [96, 97]);
        let modules =
            items(&fused).unwrap().into_iter().filter(|item| matches!(item, super::Item::Module(_)));
        assert_eq!(modules.count(), 2);
        // Once is enough.
        assert!(fuse(&fused).is_none());
    }

    #[test]
    fn what_begins_by_itself_is_left_alone() {
        assert!(fuse(&component("(func $begin) (start $begin)")).is_none());
        assert!(fuse(&component("(memory 1)")).is_none());
        assert!(fuse(b"no component").is_none());
    }
}
