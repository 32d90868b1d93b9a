//! Links the modules of a component that share a memory, once for all its guests.
//!
//! A component in Python is a dozen libraries that are linked whenever an instance is made: wasmtime then fills their
//! common table function by function, which is half of such a call. As one module it is linked when it is compiled, and
//! its table is filled as it is used. Nothing else changes: what one library asked another for, it has.

mod module;
mod places;

use std::collections::{BTreeMap, BTreeSet};

use module::{KINDS, Member, Source, kind};
use places::Places;
use wasm_encoder::{Component, reencode};
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

/// What is fused with the libraries, if it can be: all that stands between them and the host, which is a table that is
/// filled with the host's functions once these can be made, and functions for what the component may not import; or these
/// alone, where the host's functions need some of the libraries; or nothing.
const WITH: [fn(&Member<'_>) -> bool; 3] =
    [|_| true, |member| member.has_memory() || member.is_alone(), |member| member.has_memory()];

/// The component with its linked modules as one; none if it has few, or some that cannot be.
pub(super) fn fuse(component: &[u8]) -> Option<Vec<u8>> {
    let items = items(component)?;
    WITH.into_iter().find_map(|with| link(&items, with))
}

fn link(items: &[Item<'_>], with: fn(&Member<'_>) -> bool) -> Option<Vec<u8>> {
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
    let mut libraries = 0;
    for (number, (at, instance)) in (0_u32..).zip(&instances) {
        let Instance::Instantiate { module_index, .. } = instance else { continue };
        let member = Member::read(modules.get(*module_index as usize)?)?;
        libraries += usize::from(member.has_memory());
        if with(&member) {
            members.push((number, *at, *module_index, member));
        }
    }
    while members.pop_if(|(.., member)| !member.has_memory()).is_some() {}
    let last = members.last().map(|(_, at, ..)| *at)?;
    let taken: BTreeSet<u32> = members.iter().map(|(_, _, module, _)| *module).collect();
    let member_of: BTreeMap<u32, usize> =
        members.iter().enumerate().map(|(at, (number, ..))| (*number, at)).collect();
    if libraries < FEWEST || taken.len() < members.len() {
        return None;
    }
    let (numbers, members): (Vec<u32>, Vec<_>) =
        members.into_iter().map(|(number, _, _, member)| (number, member)).unzip();
    let owner = members.iter().position(|member| member.defined.get(2) == Some(&1))?;
    let linked =
        Linked { instances: &instances, origins: &origins, member_of: &member_of, members: &members };
    let Layout { place, stays, asked: recorded } = linked.layout(items, last)?;
    // What the rest of the component asks of them.
    let mut asked = BTreeSet::new();
    for (kind, origins) in origins.iter().enumerate() {
        for (index, origin) in (0_u32..).zip(origins) {
            if let Origin::Export(instance, name) = origin
                && member_of.contains_key(instance)
                && recorded.contains(&(kind, index))
                && kind != 2
            {
                asked.insert((*instance, *name, kind));
            }
        }
    }
    let mut exports = Vec::new();
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
        if at == place {
            places.fused(&mut encoder, &fused, &outside)?;
            for (kind, old, external, instance, name) in late.drain(..) {
                places.export(&mut encoder, kind, old, external, &export(instance, name));
            }
        }
        if let (Some(instance), false) = (own, *stays.get(at)?) {
            places.instances.push(None);
            if numbers.get(owner) == Some(&instance) {
                places.memory(&mut encoder, &module::memory(members.get(owner)?)?);
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
                } else if recorded.contains(&(kind, old)) && at > place {
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

/// What becomes of the items of a component.
struct Layout {
    /// What is fused goes before this one: the first that needs some of it.
    place: usize,
    /// Which are neither fused nor only for what is.
    stays: Vec<bool>,
    /// The core indices that these ask for from that place on.
    asked: BTreeSet<(usize, u32)>,
}

impl Linked<'_> {
    /// `last` is the last item that is fused.
    fn layout(&self, items: &[Item<'_>], last: usize) -> Option<Layout> {
        let given = (0_u32..).zip(self.instances).filter_map(|(number, (_, instance))| match instance {
            Instance::Instantiate { args, .. } if !self.member_of.contains_key(&number) => Some(args),
            _ => None,
        });
        let given: BTreeSet<u32> = given.flatten().map(|arg| arg.index).collect();
        let (mut place, mut stays) = (last, Vec::new());
        let mut number = 0;
        for (at, item) in items.iter().enumerate() {
            let mut stay = true;
            if let Item::Instance(_) = item {
                let is_for_others = at > last || given.contains(&number) || !self.depends(number, 0);
                stay = is_for_others && !self.member_of.contains_key(&number);
                number += 1;
            }
            if stay && at < place && self.is_needed_by(item)? {
                place = at;
            }
            stays.push(stay);
        }
        let mut asked = BTreeSet::new();
        for (item, stays) in items.iter().zip(&stays).skip(place) {
            if *stays && !matches!(item, Item::Alias(ComponentAlias::CoreInstanceExport { .. })) {
                asked.extend(Places::asked_by(item)?);
            }
        }
        Some(Layout { place, stays, asked })
    }

    /// Whether an item needs something of a member, other than the memory.
    fn is_needed_by(&self, item: &Item<'_>) -> Option<bool> {
        Some(match item {
            Item::Canonical(_) => {
                let asked = Places::asked_by(item)?;
                asked.iter().any(|(kind, index)| *kind != 2 && self.is_a_members(*kind, *index))
            }
            Item::Instance(Instance::Instantiate { args, .. }) => {
                args.iter().any(|arg| self.member_of.contains_key(&arg.index) || self.depends(arg.index, 0))
            }
            Item::Instance(Instance::FromExports(exports)) => self.gives(exports, 0),
            _ => false,
        })
    }

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

    /// Whether a core index is that of a member's export.
    fn is_a_members(&self, kind: usize, index: u32) -> bool {
        let origin = self.origins.get(kind).and_then(|origins| origins.get(index as usize));
        matches!(origin, Some(Origin::Export(from, _)) if self.member_of.contains_key(from))
    }

    /// Whether an instance that only gives other names has something of a member.
    fn depends(&self, instance: u32, depth: usize) -> bool {
        let instance = self.instances.get(instance as usize);
        matches!(instance, Some((_, Instance::FromExports(exports))) if self.gives(exports, depth))
    }

    /// Whether some of this is a member's.
    fn gives(&self, exports: &[wasmparser::Export<'_>], depth: usize) -> bool {
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

    /// The same libraries with what the linkers put between them and the host: a table that is filled once what goes
    /// there can be made, which is `given`. The last library comes after that.
    fn with_between(given: &str) -> Vec<u8> {
        let text = wat::parse_str(format!(
            r#"(component
              (import "say" (func $say (param "text" string)))
              (core module $shim (type $f (func (param i32 i32))) (table (export "$imports") 1 funcref)
                (func (export "0") (param i32 i32)
                  (call_indirect (type $f) (local.get 0) (local.get 1) (i32.const 0))))
              (core module $main (memory (export "memory") 1))
              (core module $a (import "env" "memory" (memory 1)) (import "say" "say" (func $say (param i32 i32)))
                (func (export "f") (call $say (i32.const 1) (i32.const 2)))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8)))
              (core module $b (import "env" "memory" (memory 1)) (func (export "g") (result i32) (i32.const 5)))
              (core module $stub (global $said (mut i32) (i32.const 0))
                (func (export "said") (result i32) (global.get $said))
                (func (export "say") (param i32 i32)
                  (global.set $said (i32.add (global.get $said) (i32.add (local.get 0) (local.get 1))))))
              (core module $seven (func (export "seven") (result i32) (i32.const 7)))
              (core module $fixup (import "" "$imports" (table 1 funcref)) (import "" "0" (func $f (param i32 i32)))
                (elem (i32.const 0) func $f))
              (core module $last (import "env" "memory" (memory 1)) (import "a" "f" (func $f))
                (import "b" "g" (func $g (result i32))) (import "stub" "said" (func $said (result i32)))
                (import "stub" "seven" (func $seven (result i32)))
                (func (export "sum") (result i32)
                  (call $f) (i32.add (i32.add (call $g) (call $seven)) (call $said))))
              (core instance $shim (instantiate $shim))
              (core instance $main (instantiate $main))
              (alias core export $main "memory" (core memory $memory))
              (core instance $env (export "memory" (memory $memory)))
              (alias core export $shim "0" (core func $indirect))
              (core instance $says (export "say" (func $indirect)))
              (core instance $a (instantiate $a (with "env" (instance $env)) (with "say" (instance $says))))
              (core instance $b (instantiate $b (with "env" (instance $env))))
              (core instance $stub (instantiate $stub))
              (alias core export $stub "said" (core func $said))
              (core instance $seven (instantiate $seven))
              (alias core export $seven "seven" (core func $seven))
              (core instance $stubs (export "said" (func $said)) (export "seven" (func $seven)))
              (alias core export $shim "$imports" (core table $imports))
              {given}
              (core instance $given (export "$imports" (table $imports)) (export "0" (func $lowered))
                (export "1" (func $seven)))
              (core instance (instantiate $fixup (with "" (instance $given))))
              (core instance $last (instantiate $last (with "env" (instance $env)) (with "a" (instance $a))
                (with "b" (instance $b)) (with "stub" (instance $stubs))))
              (func (export "sum") (result u32) (canon lift (core func $last "sum"))))"#
        ));
        text.unwrap()
    }

    fn modules(component: &[u8]) -> usize {
        items(component).unwrap().iter().filter(|item| matches!(item, super::Item::Module(_))).count()
    }

    fn sums(wasm: &[u8]) -> [u32; 2] {
        let engine = Engine::default();
        let component = wasmtime::component::Component::new(&engine, wasm).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test without limits")]
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        linker.root().func_wrap("say", |_, _: (String,)| Ok(())).unwrap();
        let instance = linker.instantiate(&mut store, &component).unwrap();
        let sum = instance.get_typed_func::<(), (u32,)>(&mut store, "sum").unwrap();
        [(); 2].map(|()| sum.call(&mut store, ()).unwrap().0)
    }

    #[test]
    fn a_fused_component_does_what_its_modules_did() {
        let wasm = component("");
        assert_eq!(sums(&wasm), [96, 97]);
        let fused = fuse(&wasm).unwrap();
        assert_eq!(sums(&fused), [96, 97]);
        assert_eq!(modules(&fused), 2);
        // Once is enough.
        assert!(fuse(&fused).is_none());
    }

    #[test]
    fn what_stands_between_libraries_and_the_host_is_fused_with_them_if_it_can_be() {
        let stubbed = with_between(r#"(alias core export $stub "say" (core func $lowered))"#);
        assert_eq!(sums(&stubbed), [15, 18]);
        let fused = fuse(&stubbed).unwrap();
        assert_eq!((sums(&fused), modules(&fused)), ([15, 18], 2));
        // A function of the host, which needs the libraries' memory, or one of their functions: then the table, what
        // fills it and what is not alone stay beside the memory and what is fused.
        for (needed, left) in [("", 2), (r#"(realloc (func $a "realloc"))"#, 5)] {
            let hosts = with_between(&format!(
                r#"(core func $lowered (canon lower (func $say) (memory $memory) {needed} string-encoding=utf8))"#
            ));
            assert_eq!(sums(&hosts), [12, 12]);
            let fused = fuse(&hosts).unwrap();
            assert_eq!((sums(&fused), modules(&fused)), ([12, 12], left), "{needed}");
        }
    }

    #[test]
    fn what_begins_by_itself_is_left_alone() {
        assert!(fuse(&component("(func $begin) (start $begin)")).is_none());
        assert!(fuse(&component("(memory 1)")).is_none());
        assert!(fuse(b"no component").is_none());
    }
}
