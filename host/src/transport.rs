//! How requests come in: Streamable HTTP and stdio, both through one [`handler`]. The only modules that know
//! MCP, JSON-RPC or an HTTP server.
#![expect(
    deprecated,
    reason = "the protocol deprecates logging, sampling and roots, and clients still use them"
)]

mod answer;
mod body;
mod call;
pub mod connection;
mod direct;
mod entry;
mod exchange;
mod front;
pub mod handler;
pub mod http;
mod listen;
pub mod message;
mod meta;
mod news;
mod origin;
mod pipe;
mod session;
mod sse;
mod stall;
pub mod stdio;
mod stream;
mod tls;
mod unread;
mod wire;
mod workers;

pub use tls::good_until;
pub use wire::listed;
