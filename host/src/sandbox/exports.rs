//! Which interfaces of the contract a component really exports. `lifecycle` and `tools` every one has; the others are
//! found by looking, and one that is there must have the contract's types.

use guest_builder::contract::Surface;
use wasmtime::{
    AsContextMut,
    component::{ComponentExportIndex, Instance, InstancePre, TypedFunc},
};

use super::{
    bindings::{completions, lifecycle, prompts, resources, tools, types},
    guest::Guest,
};

/// The function `initialize` of an instance.
pub(super) type Initialize<'a> = TypedFunc<(&'a str,), (Result<(), String>,)>;
/// The function `call-tool` of an instance.
pub(super) type CallTool<'a> =
    TypedFunc<(&'a types::CallContext, &'a types::ToolCall), (Result<types::Outcome, types::ServiceError>,)>;

/// Where the interfaces are in a component.
#[derive(Clone)]
pub(super) struct Exports {
    lifecycle: lifecycle::GuestIndices,
    tools: tools::GuestIndices,
    initialize: ComponentExportIndex,
    call_tool: ComponentExportIndex,
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
        let function = |interface: &str, name: &str| {
            let interface = format!("bulkhead:service/{interface}@{}", guest_builder::contract::VERSION);
            let component = pre.component();
            let found = component.get_export_index(None, &interface);
            let found = found.and_then(|interface| component.get_export_index(Some(&interface), name));
            found.ok_or_else(|| wasmtime::format_err!("`{interface}` has no `{name}`"))
        };
        Ok(Self {
            initialize: function("lifecycle", "initialize")?,
            call_tool: function("tools", "call-tool")?,
            lifecycle: lifecycle::GuestIndices::new(pre)?,
            tools: tools::GuestIndices::new(pre)?,
            resources: has("resources").then(|| resources::GuestIndices::new(pre)).transpose()?,
            prompts: has("prompts").then(|| prompts::GuestIndices::new(pre)).transpose()?,
            completions: has("completions").then(|| completions::GuestIndices::new(pre)).transpose()?,
        })
    }

    // The types of a function are compared whenever it is taken from an instance. Of the two that each call of a tool
    // needs the others of their interfaces would cost as much again.

    pub(super) fn initialize<'a>(
        &self,
        store: impl AsContextMut,
        instance: &Instance,
    ) -> wasmtime::Result<Initialize<'a>> {
        instance.get_typed_func(store, self.initialize)
    }

    pub(super) fn call_tool<'a>(
        &self,
        store: impl AsContextMut,
        instance: &Instance,
    ) -> wasmtime::Result<CallTool<'a>> {
        instance.get_typed_func(store, self.call_tool)
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
