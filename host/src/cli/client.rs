//! `bulkhead client`: what to paste into an MCP client.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Options, Outcome};

/// Show what to paste into an MCP client.
#[derive(Debug, Args)]
pub(super) struct Client {
    /// Which client.
    client: Kind,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    ClaudeCode,
    Vscode,
    Cursor,
    Curl,
}

impl Client {
    pub(super) fn run(self, options: &Options) -> Outcome {
        let address = options.load(None)?.server.listen;
        out!("{}", snippet(self.client, address));
        Ok(())
    }
}

fn snippet(kind: Kind, address: SocketAddr) -> String {
    let url = format!("http://{address}/mcp");
    match kind {
        Kind::ClaudeCode => format!("claude mcp add --transport http bulkhead {url}"),
        Kind::Vscode => json!({ "servers": { "bulkhead": { "type": "http", "url": url } } }).to_string(),
        Kind::Cursor => json!({ "mcpServers": { "bulkhead": { "url": url } } }).to_string(),
        Kind::Curl => {
            let call = json!({
                "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": { "name": "utilities_get_time", "arguments": { "timezone": "Europe/Oslo" } },
            });
            format!(
                "curl -s {url} -H 'Content-Type: application/json' \\\n     -H 'Accept: application/json, text/event-stream' \\\n     -d '{call}'"
            )
        }
    }
}

/// What a newcomer sees once the host is ready.
pub(super) fn welcome(address: SocketAddr) -> String {
    let show = |kind| snippet(kind, address);
    format!(
        "Bulkhead is ready at http://{address}/mcp\n\n\
         Claude Code     {}\n\
         VS Code         .vscode/mcp.json:   {}\n\
         Cursor          ~/.cursor/mcp.json: {}\n\n\
         Try it from another terminal:\n\n{}\n\n\
         Ctrl-C stops it.",
        show(Kind::ClaudeCode),
        show(Kind::Vscode),
        show(Kind::Cursor),
        show(Kind::Curl),
    )
}
