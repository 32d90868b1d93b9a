//! How requests come in: Streamable HTTP and stdio, both through one [`handler`]. The only modules that know
//! MCP, JSON-RPC or an HTTP server.
#![expect(
    deprecated,
    reason = "the protocol deprecates logging, sampling and roots, and clients still use them"
)]

mod front;
pub mod handler;
pub mod http;
pub mod stdio;
mod tls;
mod wire;
mod workers;
