//! The same tools without a sandbox: in a native rmcp server, and as fixed bytes from bare hyper.
//!
//! Each runs in a process of its own, like the host, with the host's allocator.

use std::{convert::Infallible, io::Write, sync::Arc};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rmcp::{
    RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, ServerCapabilities,
        ServerConfig,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Serves until it is killed, after printing its address.
pub(crate) fn serve(role: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        match role {
            "native" => rmcp(listener).await,
            _ => hyper(listener).await,
        }
    });
}

#[derive(Clone)]
struct Native;

impl ServerHandler for Native {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let number = |key: &str| arguments.get(key).and_then(serde_json::Value::as_i64);
        if let Some(bytes) = number("bytes") {
            let text = "x".repeat(usize::try_from(bytes).unwrap_or_default());
            return Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into());
        }
        let (Some(a), Some(b)) = (number("a"), number("b")) else {
            return Err(ErrorData::invalid_params("a and b must be integers", None));
        };
        let sum = json!({ "sum": a + b });
        let mut result = CallToolResult::success(vec![ContentBlock::text(sum.to_string())]);
        result.structured_content = Some(sum);
        Ok(result.into())
    }
}

async fn rmcp(listener: tokio::net::TcpListener) {
    use axum::serve::ListenerExt;
    let mut config = StreamableHttpServerConfig::default();
    config.legacy_session_mode = false;
    config.json_response = true;
    let service = StreamableHttpService::new(|| Ok(Native), Arc::new(NeverSessionManager::default()), config);
    let app = axum::Router::new().route_service("/mcp", service);
    axum::serve(listener.tap_io(|stream| stream.set_nodelay(true).unwrap()), app).await.unwrap();
}

async fn hyper(listener: tokio::net::TcpListener) {
    let answer = async |request: Request<Incoming>| {
        request.into_body().collect().await.unwrap();
        let body = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[{"type":"text","text":"{\"sum\":3}"}],"structuredContent":{"sum":3},"isError":false}}"#;
        let response =
            Response::builder().header("content-type", "application/json").body(Full::<Bytes>::from(body));
        Ok::<_, Infallible>(response.unwrap())
    };
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}
