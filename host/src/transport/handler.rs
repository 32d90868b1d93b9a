//! The MCP server: answers from the catalogue, and hands calls to [`Host::call`].

use std::{io, sync::Arc};

use rmcp::{
    RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestMethod, CompleteRequestParams,
        CompleteResult, DiscoverResult, ErrorData, Implementation, InitializeRequestParams, InitializeResult,
        ListPromptsRequestMethod, ListPromptsResult, ListResourceTemplatesRequestMethod,
        ListResourceTemplatesResult, ListResourcesRequestMethod, ListResourcesResult, ListToolsResult,
        PaginatedRequestParams, ProgressNotificationParam, ProtocolVersion, ServerCapabilities, ServerConfig,
        SubscriptionFilter, Tool as WireTool,
    },
    service::{RequestContext, SubscriptionContext},
};
use tokio::sync::mpsc;

use super::{listen, wire};
use crate::{
    auth::Caller,
    call::Host,
    request::{CallId, CallRequest, Credentials, Event, Events, Scope, Via},
};

/// How long clients may keep a list unless they are told that it has changed.
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
        Self { host, caller, scope }
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
        // Only of services with a tool for this caller: of others it knows nothing.
        let catalog = self.host.catalog();
        let mut services: Vec<_> = catalog.list(&self.caller, &self.scope).map(|(s, _)| s).collect();
        services.dedup_by(|a, b| Arc::ptr_eq(a, b));
        let told = services.into_iter().filter_map(|service| {
            let instructions = service.manifest.instructions.as_ref()?;
            Some(format!("{}: {instructions}", service.name))
        });
        let told = told.collect::<Vec<_>>().join("\n");
        Some(told).filter(|told| !told.is_empty())
    }
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
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build())
            .with_server_info(server)
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone()) // rmcp takes away what is not among the capabilities
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        listen::subscription(&self.host, &self.caller, &context).await;
        Ok(())
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

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if request.is_some_and(|request| request.cursor.is_some()) {
            return Err(ErrorData::invalid_params("unknown cursor: the list has one page", None));
        }
        let tools =
            self.host.catalog().list(&self.caller, &self.scope).map(|(_, tool)| wire::tool(tool)).collect();
        let mut result = ListToolsResult::with_all_items(tools);
        result.ttl_ms = Some(LIST_TTL_MS);
        result.cache_scope = Some(CacheScope::Private);
        Ok(result)
    }

    /// For rmcp, which checks `Mcp-Param-*` headers against the schema.
    fn get_tool(&self, name: &str) -> Option<WireTool> {
        let tool = self.host.catalog().tool(&self.caller, &self.scope, name)?;
        Some(wire::tool(&tool))
    }

    // rmcp answers these with empty results; a host that does not offer them says so.
    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListPromptsRequestMethod>())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourcesRequestMethod>())
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourceTemplatesRequestMethod>())
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Err(ErrorData::method_not_found::<CompleteRequestMethod>())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let token = context.meta.get_progress_token();
        let (events, received) = match token {
            Some(_) => Some(Events::channel()).unzip(),
            None => (None, None),
        };
        let id = CallId::new();
        // Boxed: rmcp moves its futures about, and a call's is large.
        let call = Box::pin(self.host.call(CallRequest {
            id,
            credentials: Credentials::Established(self.caller.clone()),
            scope: self.scope.clone(),
            tool: request.name.into_owned(),
            arguments: request.arguments.unwrap_or_default(),
            traceparent: traceparent(&context),
            via: via(&context),
            events: events.unwrap_or_default(),
            cancelled: context.ct.clone(),
        }));
        let result = match (token, received) {
            (Some(token), Some(received)) => reporting(call, received, token, &context).await,
            _ => call.await,
        };
        let new = context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
        wire::outcome(result, id, new).map(CallToolResponse::Complete)
    }
}

/// Awaits a call while its progress goes to the client.
async fn reporting<T>(
    call: impl Future<Output = T>,
    mut events: mpsc::Receiver<Event>,
    token: rmcp::model::ProgressToken,
    context: &RequestContext<RoleServer>,
) -> T {
    let report = async |event| {
        let Event::Progress { done, total, message } = event;
        let mut progress = ProgressNotificationParam::new(token.clone(), done);
        progress.total = total;
        progress.message = message;
        if let Err(error) = context.peer.notify_progress(progress).await {
            tracing::debug!(%error, "progress cannot be delivered");
        }
    };
    tokio::pin!(call);
    let result = loop {
        tokio::select! {
            result = &mut call => break result,
            Some(event) = events.recv() => report(event).await,
        }
    };
    while let Ok(event) = events.try_recv() {
        report(event).await;
    }
    result
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
