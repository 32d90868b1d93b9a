//! The parts of a component that stay, and where they are once others are fused.

use std::collections::BTreeSet;

use wasm_encoder::{
    CanonicalFunctionSection, Component, ComponentAliasSection, ExportKind, InstanceSection, ModuleArg,
    RawSection,
    reencode::{self, Reencode, ReencodeComponent},
};
use wasmparser::{CanonicalFunction, ComponentAlias, ExternalKind, Instance};

use super::{
    super::sections::CORE_MODULE,
    Item, Result,
    module::{self, KINDS, kind},
};

/// Where what a component had is now.
#[derive(Default)]
pub(super) struct Places {
    pub(super) modules: Vec<Option<u32>>,
    modules_now: u32,
    pub(super) instances: Vec<Option<u32>>,
    instances_now: u32,
    pub(super) spaces: [Vec<Option<u32>>; KINDS],
    now: [u32; KINDS],
    fused: u32,
    pub(super) memory: Option<u32>,
    /// Something is asked for that has no place.
    pub(super) lost: bool,
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

    /// The core indices that an item asks for.
    pub(super) fn asked_by(item: &Item<'_>) -> Option<BTreeSet<(usize, u32)>> {
        let mut recorder = Self { record: Some(BTreeSet::new()), ..Self::default() };
        recorder.encode(&mut Component::new(), item).ok()?;
        recorder.record
    }

    /// An item that stays.
    pub(super) fn encode(&mut self, encoder: &mut Component, item: &Item<'_>) -> Result<()> {
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
    pub(super) fn memory(&mut self, encoder: &mut Component, module: &[u8]) {
        encoder.section(&RawSection { id: CORE_MODULE, data: module });
        let mut section = InstanceSection::new();
        section.instantiate(self.modules_now, [] as [(&str, ModuleArg); 0]);
        encoder.section(&section);
        self.modules_now += 1;
        self.memory = Some(self.instances_now);
        self.instances_now += 1;
    }

    /// The fused module, and its instance.
    pub(super) fn fused(&mut self, encoder: &mut Component, module: &[u8], outside: &[u32]) -> Option<()> {
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
    pub(super) fn export(
        &mut self,
        encoder: &mut Component,
        kind: usize,
        old: u32,
        external: ExternalKind,
        name: &str,
    ) {
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
