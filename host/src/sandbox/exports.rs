//! Which interfaces of the contract a component really exports. `lifecycle` and `tools` every one has; the others are
//! found by looking, and one that is there must have the contract's types.

use guest_builder::contract::Surface;
use wasmtime::{
    AsContextMut,
    component::{Instance, InstancePre},
};

use super::{
    bindings::{completions, lifecycle, prompts, resources, tools},
    guest::Guest,
};

/// Where the interfaces are in a component.
#[derive(Clone)]
pub(super) struct Exports {
    lifecycle: lifecycle::GuestIndices,
    tools: tools::GuestIndices,
    resources: Option<resources::GuestIndices>,
    prompts: Option<prompts::GuestIndices>,
    pub(super) completions: Option<completions::GuestIndices>,
}

impl Exports {
    /// Looks for them.
    ///
    /// # Errors
    /// When one has other functions than the contract says.
    pub(super) fn find(pre: &InstancePre<Guest>, surface: &Surface) -> wasmtime::Result<Self> {
        let has = |interface| surface.exports_interface(interface);
        Ok(Self {
            lifecycle: lifecycle::GuestIndices::new(pre)?,
            tools: tools::GuestIndices::new(pre)?,
            resources: has("resources").then(|| resources::GuestIndices::new(pre)).transpose()?,
            prompts: has("prompts").then(|| prompts::GuestIndices::new(pre)).transpose()?,
            completions: has("completions").then(|| completions::GuestIndices::new(pre)).transpose()?,
        })
    }

    pub(super) fn lifecycle(
        &self,
        store: impl AsContextMut,
        instance: &Instance,
    ) -> wasmtime::Result<lifecycle::Guest> {
        self.lifecycle.load(store, instance)
    }

    pub(super) fn tools(
        &self,
        store: impl AsContextMut,
        instance: &Instance,
    ) -> wasmtime::Result<tools::Guest> {
        self.tools.load(store, instance)
    }

    pub(super) fn resources(
        &self,
        store: impl AsContextMut,
        instance: &Instance,
    ) -> wasmtime::Result<Option<resources::Guest>> {
        self.resources.as_ref().map(|indices| indices.load(store, instance)).transpose()
    }

    pub(super) fn prompts(
        &self,
        store: impl AsContextMut,
        instance: &Instance,
    ) -> wasmtime::Result<Option<prompts::Guest>> {
        self.prompts.as_ref().map(|indices| indices.load(store, instance)).transpose()
    }

    pub(super) fn completions(
        &self,
        store: impl AsContextMut,
        instance: &Instance,
    ) -> wasmtime::Result<Option<completions::Guest>> {
        self.completions.as_ref().map(|indices| indices.load(store, instance)).transpose()
    }
}
