//! Bulkhead: a WebAssembly-sandboxed tool host for AI agents.
//!
//! A call comes in through [`transport`], and [`call`] takes it through the stages in order: [`auth`] says
//! who it is, [`limit`] whether there is room, [`catalog`] finds the tool and checks the arguments,
//! [`sandbox`] runs a fresh guest whose only way out is [`egress`] under its [`grant`], and [`record`]
//! writes down what became of it. [`config`] and [`app`] wire all that at start.

pub mod access;
pub mod app;
pub mod ask;
pub mod audit;
pub mod auth;
pub mod breaker;
pub mod cache;
pub mod call;
pub mod catalog;
pub mod config;
pub mod egress;
pub mod error;
pub mod grant;
pub mod health;
pub mod limit;
pub mod live;
pub mod metrics;
pub mod operation;
pub mod permit;
pub mod pin;
pub mod record;
pub mod request;
pub mod sandbox;
pub mod seal;
pub mod secret;
pub mod shape;
pub mod tasks;
pub mod trace;
pub mod transport;
