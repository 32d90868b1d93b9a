//! How requests come in: Streamable HTTP and stdio, both through one [`handler`]. The only modules that know
//! MCP, JSON-RPC or an HTTP server.

mod front;
pub mod handler;
pub mod http;
mod listen;
pub mod stdio;
mod tls;
mod wire;
mod workers;
