//! The MCP server: answers from the catalogue, and hands calls to [`Host::call`].

mod conversation;
mod lists;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use rmcp::{
    RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestMethod, CompleteRequestParams,
        CompleteResult, ConstString, DiscoverResult, ErrorData, GetPromptRequestMethod,
        GetPromptRequestParams, GetPromptResponse, Implementation, InitializeRequestParams, InitializeResult,
        ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
        PaginatedRequestParams, ProtocolVersion, ReadResourceRequestMethod, ReadResourceRequestParams,
        ReadResourceResponse, Reference, ServerCapabilities, ServerConfig, SetLevelRequestParams,
        Tool as WireTool,
    },
    service::RequestContext,
};
use serde_json::Map;

use super::wire;
use crate::{
    auth::Caller,
    call::Host,
    operation::{Completing, Operation, Reference as Referred},
    request::{Level, Scope, Via},
};
use conversation::Attempt;

/// How long clients may keep a list; the services change only with a restart.
const LIST_TTL_MS: u64 = 60_000;

tokio::task_local! {
    /// Who sent the HTTP request that is being handled, and where to. rmcp makes a handler for every request and tells
    /// it nothing; it does so in the request's own task.
    static ASKING: (Caller, Scope);
}

/// Handles an HTTP request of a caller in a scope; [`Handler::of_request`] finds both there.
pub(super) async fn asking<F: Future>(caller: Caller, scope: Scope, handled: F) -> F::Output {
    ASKING.scope((caller, scope), handled).await
}

/// The MCP face of a host for one caller. Made for every HTTP request.
#[derive(Clone)]
pub struct Handler {
    host: Arc<Host>,
    caller: Caller,
    scope: Scope,
    /// From which level on the client wants to hear the log; `logging/setLevel` of the versions with sessions.
    level: Arc<Mutex<Option<Level>>>,
}

impl std::fmt::Debug for Handler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}

impl Handler {
    /// The face of `host` for a caller.
    #[must_use]
    pub fn new(host: Arc<Host>, caller: Caller, scope: Scope) -> Self {
        Self { host, caller, scope, level: Arc::default() }
    }

    /// The face of `host` for the caller of the request that is being handled.
    ///
    /// # Errors
    /// Outside of one, which is a fault of the host.
    pub(super) fn of_request(host: &Arc<Host>) -> io::Result<Self> {
        let asking = ASKING.try_with(Clone::clone).map_err(io::Error::other);
        asking.map(|(caller, scope)| Self::new(host.clone(), caller, scope))
    }

    /// What the services tell the model.
    fn instructions(&self) -> Option<String> {
        // Only of services with something for this caller: of others it knows nothing.
        let told = self.host.catalog().used(&self.caller, &self.scope).filter_map(|service| {
            let instructions = service.manifest.instructions.as_ref()?;
            Some(format!("{}: {instructions}", service.name))
        });
        let told = told.collect::<Vec<_>>().join("\n");
        Some(told).filter(|told| !told.is_empty())
    }

    /// What there is for this caller here: an empty kind is not offered.
    fn capabilities(&self) -> ServerCapabilities {
        let mut capabilities = ServerCapabilities::builder().enable_tools().enable_logging().build();
        if self.has_prompts() {
            capabilities.prompts = Some(rmcp::model::PromptsCapability::default());
        }
        if self.has_resources() {
            capabilities.resources = Some(rmcp::model::ResourcesCapability::default());
        }
        if self.completes() {
            capabilities.completions = Some(Map::new());
        }
        capabilities
    }

    fn has_prompts(&self) -> bool {
        self.host.catalog().prompts(&self.caller, &self.scope).next().is_some()
    }

    fn has_resources(&self) -> bool {
        self.host.catalog().with_resources(&self.caller, &self.scope).next().is_some()
    }

    fn completes(&self) -> bool {
        let catalog = self.host.catalog();
        let prompts = catalog.prompts(&self.caller, &self.scope).map(|(service, _)| service);
        let resources = catalog.with_resources(&self.caller, &self.scope).map(|(service, _)| service);
        prompts.chain(resources).any(|service| service.compartment.component.completes())
    }
}

/// The answer to what is not offered at all.
fn offered<M: ConstString>(is: bool) -> Result<(), ErrorData> {
    if is { Ok(()) } else { Err(ErrorData::method_not_found::<M>()) }
}

/// Whether the client speaks 2026-07-28 or later.
fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

fn via(context: &RequestContext<RoleServer>) -> Via {
    let http = context.extensions.get::<axum::http::request::Parts>().is_some();
    let protocol = context.protocol_version().map(|version| version.to_string());
    Via { transport: if http { "tcp" } else { "pipe" }, protocol }
}

/// From `_meta` (SEP-414) or the HTTP header.
fn traceparent(context: &RequestContext<RoleServer>) -> Option<String> {
    let meta = context.meta.get("traceparent").and_then(serde_json::Value::as_str);
    let header = || {
        let parts = context.extensions.get::<axum::http::request::Parts>()?;
        parts.headers.get("traceparent")?.to_str().ok()
    };
    meta.or_else(header).filter(|text| is_traceparent(text)).map(str::to_owned)
}

/// W3C Trace Context, version 00: the guest and upstreams get nothing else a client might write there.
fn is_traceparent(text: &str) -> bool {
    let lengths = text.split('-').map(str::len).eq([2, 32, 16, 2]);
    lengths && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

impl ServerHandler for Handler {
    // rmcp asks for this with every request, so the instructions are added where they are told.
    fn get_info(&self) -> ServerConfig {
        let mut server = Implementation::new("bulkhead", env!("CARGO_PKG_VERSION"));
        server.title = Some("Bulkhead".to_owned());
        ServerConfig::new(self.capabilities()).with_server_info(server)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let mut result = self.negotiate_initialize(&request)?;
        result.instructions = self.instructions();
        context.peer.set_peer_info(request);
        Ok(result)
    }

    async fn discover(&self, _: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        let mut result = DiscoverResult::from_server_info(versions, self.get_info());
        result.instructions = self.instructions();
        result.ttl_ms = LIST_TTL_MS;
        result.cache_scope = CacheScope::Private;
        Ok(result)
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let level = wire::level(request.level);
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
        Ok(())
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.tools(request)
    }

    /// For rmcp, which checks `Mcp-Param-*` headers against the schema.
    fn get_tool(&self, name: &str) -> Option<WireTool> {
        let tool = self.host.catalog().tool(&self.caller, &self.scope, name)?;
        Some(wire::tool(&tool))
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.prompts(request)
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.resources(request, &context).await
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.templates(request)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let operation = Operation::CallTool { name: request.name.into_owned(), arguments };
        let attempt = Attempt::new(operation, request.request_state, request.input_responses);
        let (id, result) = self.converse(attempt, &context).await;
        wire::called(result, id, is_modern(&context))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        offered::<GetPromptRequestMethod>(self.has_prompts())?;
        let arguments = request.arguments.unwrap_or_default();
        let operation = Operation::GetPrompt { name: request.name, arguments };
        let attempt = Attempt::new(operation, request.request_state, request.input_responses);
        let (id, result) = self.converse(attempt, &context).await;
        wire::prompted(result, id, is_modern(&context))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        offered::<ReadResourceRequestMethod>(self.has_resources())?;
        let operation = Operation::ReadResource { uri: request.uri.clone() };
        let attempt = Attempt::new(operation, request.request_state, request.input_responses);
        let (id, result) = self.converse(attempt, &context).await;
        wire::read(result, id, is_modern(&context), &request.uri)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        offered::<CompleteRequestMethod>(self.completes())?;
        let reference = match request.r#ref {
            Reference::Prompt(prompt) => Referred::Prompt(prompt.name),
            Reference::Resource(resource) => Referred::Template(resource.uri),
            _ => return Err(ErrorData::invalid_params("ref: is of an unknown kind", None)),
        };
        let settled = request.context.and_then(|context| context.arguments).unwrap_or_default();
        let operation = Operation::Complete(Completing {
            reference,
            argument: request.argument.name,
            prefix: request.argument.value,
            settled: settled.into_iter().map(|(name, value)| (name, value.into())).collect(),
        });
        let (id, result) = self.converse(Attempt::new(operation, None, None), &context).await;
        wire::completed(result, id, is_modern(&context))
    }
}

#[cfg(test)]
mod tests {
    use super::is_traceparent;

    #[test]
    fn only_a_traceparent_passes_for_one() {
        assert!(is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        for text in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nX: y",
        ] {
            assert!(!is_traceparent(text), "{text}");
        }
    }
}
