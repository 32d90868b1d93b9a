//! The MCP server: answers from the catalogue, and hands calls to [`Host::call`].
#![expect(deprecated, reason = "legacy clients have log levels and subscriptions")]

mod client;
mod conversation;
mod lists;
mod references;
mod tasks;
mod written;

use std::{borrow::Cow, io, sync::Arc};

use futures::FutureExt as _;
use rmcp::{
    RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestMethod,
        CompleteRequestParams, CompleteResult, ConstString, DiscoverResult, ErrorData,
        GetPromptRequestMethod, GetPromptRequestParams, GetPromptResponse, GetTaskParams, GetTaskResult,
        Implementation, InitializeRequestParams, InitializeResult, ListPromptsResult,
        ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
        PromptsCapability, ProtocolVersion, ReadResourceRequestMethod, ReadResourceRequestParams,
        ReadResourceResponse, Reference, ResourcesCapability, ServerCapabilities, ServerConfig, ServerResult,
        SetLevelRequestMethod, SetLevelRequestParams, SubscribeRequestMethod, SubscribeRequestParams,
        SubscriptionFilter, Tool as WireTool, ToolsCapability, UnsubscribeRequestMethod,
        UnsubscribeRequestParams, UpdateTaskParams,
    },
    service::{RequestContext, SubscriptionContext},
};
use serde_json::Map;

use super::{connection::Connection, direct::Asked, listen, meta, news::Listener, wire};
use crate::{
    auth::Caller,
    call::Host,
    error::CallError,
    limit::streams,
    operation::{Completing, Operation, Reference as Referred},
    request::{Listing, Scope},
};
pub(super) use client::Client;
use conversation::Attempt;
use references::{Known, REFERENCES};
pub(super) use written::Written;

/// How long clients may keep a list unless they are told that it has changed.
const LIST_TTL_MS: u64 = 60_000;

tokio::task_local! {
    /// The face for the HTTP request that is being handled. rmcp asks for one with every request and tells nothing of
    /// it; it does so in the request's own task.
    static ASKING: Handler;
}

/// Handles an HTTP request; [`Handler::of_request`] finds its face there.
pub(super) async fn asking<F: Future>(handler: Handler, handled: F) -> F::Output {
    ASKING.scope(handler, handled).await
}

/// The MCP face of a host for one caller. Made for every HTTP request.
#[derive(Clone)]
pub struct Handler {
    host: Arc<Host>,
    caller: Caller,
    scope: Scope,
    /// What the client set up; none of a request that stands for itself.
    connection: Option<Arc<Connection>>,
    /// Whether the transport is one that only versions with `initialize` have.
    only_legacy: bool,
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
        Self { host, caller, scope, connection: None, only_legacy: false }
    }

    /// The same, in a session or over a pipe: what the client sets up is kept in `connection`.
    #[must_use]
    pub fn on(mut self, connection: Arc<Connection>) -> Self {
        self.connection = Some(connection);
        self
    }

    /// The same, for clients of versions before 2026-07-28.
    pub(super) fn only_legacy(mut self) -> Self {
        self.only_legacy = true;
        self
    }

    /// Who asks.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    fn connection<M: ConstString>(&self) -> Result<&Connection, ErrorData> {
        self.connection.as_deref().ok_or_else(ErrorData::method_not_found::<M>)
    }

    /// The face for the caller of the request that is being handled.
    ///
    /// # Errors
    /// Outside of one, which is a fault of the host.
    pub(super) fn of_request() -> io::Result<Self> {
        ASKING.try_with(Clone::clone).map_err(io::Error::other)
    }

    /// Who listens, if this client does.
    pub(super) fn listener(&self, remote: bool) -> Listener {
        let (host, caller, scope) = (self.host.clone(), self.caller.clone(), self.scope.clone());
        Listener { host, caller, scope, remote }
    }

    /// How this client is shown the tools.
    fn listing(&self) -> Listing {
        let chosen = self.scope.narrowing.as_ref().and_then(|narrowing| narrowing.listing);
        chosen.unwrap_or_else(|| self.host.catalog().listing(&self.caller.tenant))
    }

    /// What the services tell the model.
    fn instructions(&self) -> Option<String> {
        // Only of services with something for this caller: of others it knows nothing.
        let catalog = self.host.catalog();
        let known = Known::new(&catalog, &self.caller, &self.scope);
        let told = catalog.used(&self.caller, &self.scope).filter_map(|service| {
            let instructions = service.manifest.instructions.as_ref()?;
            let mut left = REFERENCES;
            let instructions = known.told(service, instructions, &mut left)?;
            Some(format!("{}: {instructions}", service.name))
        });
        let found = (self.listing() == Listing::Search).then(|| meta::INSTRUCTIONS.to_owned());
        let told = found.into_iter().chain(told).collect::<Vec<_>>().join("\n");
        Some(told).filter(|told| !told.is_empty())
    }

    /// What there is for this caller here: an empty kind is not offered.
    fn capabilities(&self) -> ServerCapabilities {
        let mut capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_logging()
            .enable_tasks()
            .build();
        if self.has_prompts() {
            let mut prompts = PromptsCapability::default();
            prompts.list_changed = Some(true);
            capabilities.prompts = Some(prompts);
        }
        if self.has_resources() {
            let mut resources = ResourcesCapability::default();
            (resources.list_changed, resources.subscribe) = (Some(true), Some(true));
            capabilities.resources = Some(resources);
        }
        if self.completes() {
            capabilities.completions = Some(Map::new());
        }
        capabilities
    }

    /// Answers what rmcp would hand to this very handler.
    pub(super) async fn answer(&self, asked: Asked, client: &Client) -> Result<ServerResult, ErrorData> {
        let result = match asked {
            Asked::Call(request) => self.called(request, client).await?.into(),
            Asked::List(request) => ServerResult::ListToolsResult(self.tools(request)?),
            Asked::Discover => ServerResult::DiscoverResult(self.discovered()),
            Asked::Ping => ServerResult::empty(()),
        };
        Ok(client.fitted(result))
    }

    /// Whether arguments of a tool are to be repeated in headers.
    pub(super) fn has_header_arguments(&self, name: &str) -> bool {
        let tool = self.host.catalog().tool(&self.caller, &self.scope, name);
        tool.is_some_and(|tool| tool.has_header_arguments)
    }

    /// What there is, for clients that ask before they do anything else.
    fn discovered(&self) -> DiscoverResult {
        let versions = self.supported_protocol_versions().into_owned();
        let mut result = DiscoverResult::from_server_info(versions, self.get_info());
        result.instructions = self.instructions();
        result.ttl_ms = LIST_TTL_MS;
        result.cache_scope = CacheScope::Private;
        result
    }

    /// Calls a tool.
    async fn called(
        &self,
        request: CallToolRequestParams,
        client: &Client,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let mut operation = Operation::CallTool { name: request.name.into_owned(), arguments };
        let searches = self.listing() == Listing::Search;
        if searches {
            operation = meta::invoked(operation);
        }
        let looks = searches && meta::answers(&operation);
        let attempt = Attempt::new(operation, request.request_state, request.input_responses);
        if client.accepts.tasks && !looks {
            return self.call_or_begin(attempt, client).boxed().await;
        }
        let (id, result) = self.converse(attempt, client).await;
        wire::called(result, id, client.is_modern())
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

/// Takes back what needs a place where the client's settings are kept, and where it listens.
fn stateless(capabilities: &mut ServerCapabilities) {
    capabilities.logging = None;
    capabilities.tools = capabilities.tools.take().map(|_| ToolsCapability::default());
    capabilities.prompts = capabilities.prompts.take().map(|_| PromptsCapability::default());
    capabilities.resources = capabilities.resources.take().map(|_| ResourcesCapability::default());
}

/// The answer to what is not offered at all.
fn offered<M: ConstString>(is: bool) -> Result<(), ErrorData> {
    if is { Ok(()) } else { Err(ErrorData::method_not_found::<M>()) }
}

impl ServerHandler for Handler {
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        let known = ProtocolVersion::KNOWN_VERSIONS;
        if !self.only_legacy {
            return Cow::Borrowed(known);
        }
        known.iter().filter(|version| version.has_initialize()).cloned().collect()
    }

    // rmcp asks for this with every request, so the instructions are added where they are told.
    fn get_info(&self) -> ServerConfig {
        let mut server = Implementation::new("bulkhead", env!("CARGO_PKG_VERSION"));
        server.title = Some("Bulkhead".to_owned());
        ServerConfig::new(self.capabilities()).with_server_info(server)
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(listen::accepted(&self.host, &self.caller, &self.scope, requested))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let remote = Client::of(context.request_context()).is_remote();
        let stream = self.host.streams().open(&self.caller);
        let _stream = stream.map_err(|full| ErrorData::new(wire::REFUSED, streams::why(full), None))?;
        listen::subscription(self.listener(remote), &context).await;
        Ok(())
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let mut result = self.negotiate_initialize(&request)?;
        // Tasks are for clients that have none.
        result.capabilities.extensions = None;
        if self.connection.is_none() {
            stateless(&mut result.capabilities);
        }
        result.instructions = self.instructions();
        context.peer.set_peer_info(request);
        Ok(result)
    }

    async fn discover(&self, _: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        Ok(self.discovered())
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.connection::<SetLevelRequestMethod>()?.set_level(wire::level(request.level));
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
        if self.listing() == Listing::Search && meta::is_one(name) {
            return meta::TOOLS.iter().find(|tool| tool.name == name).cloned();
        }
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
        self.resources(request, &Client::of(&context)).await
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.templates(request)
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let connection = self.connection::<SubscribeRequestMethod>()?;
        let Some(revision) = self.host.revision(&self.caller, &self.scope, &request.uri) else {
            let unknown = CallError::UnknownResource(request.uri).to_string();
            return Err(ErrorData::resource_not_found(unknown, None));
        };
        let subscribed = connection.subscribe(&request.uri, revision);
        subscribed.map_err(|why| ErrorData::invalid_params(why.to_string(), None))
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.connection::<UnsubscribeRequestMethod>()?.unsubscribe(&request.uri);
        Ok(())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.called(request, &Client::of(&context)).await
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.task_now(request.task_id)
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.answer_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.cancel_task_of(&request.task_id)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        offered::<GetPromptRequestMethod>(self.has_prompts())?;
        let arguments = request.arguments.unwrap_or_default();
        let name = request.name;
        let operation = Operation::GetPrompt { name: name.clone(), arguments };
        let attempt = Attempt::new(operation, request.request_state, request.input_responses);
        let client = Client::of(&context);
        let (id, result) = self.converse(attempt, &client).await;
        wire::prompted(result.map(|outcome| self.naming(&name, outcome)), id, client.is_modern())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        offered::<ReadResourceRequestMethod>(self.has_resources())?;
        let operation = Operation::ReadResource { uri: request.uri.clone() };
        let attempt = Attempt::new(operation, request.request_state, request.input_responses);
        let client = Client::of(&context);
        let (id, result) = self.converse(attempt, &client).await;
        wire::read(result, id, client.is_modern(), &request.uri)
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
        let client = Client::of(&context);
        let (id, result) = self.converse(Attempt::new(operation, None, None), &client).await;
        wire::completed(result, id, client.is_modern())
    }
}
