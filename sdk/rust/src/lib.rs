//! Write Bulkhead integrations in Rust.
//!
//! An integration is one type that implements [`Service`]: what it is ([`Manifest`]), how it is
//! configured, and its [`Tools`]. [`register!`] turns it into a component. On WebAssembly the SDK
//! speaks the contract in `wit/`; on the native target the same code runs against the scripted
//! host in [`testing`], so that an integration is unit-tested without a sandbox.
//!
//! Reading order: a service ([`service`]) lists tools ([`tool`]); a call's arguments are read
//! ([`arguments`]) as the [`mod@schema`] said, its handler sends requests ([`http`]) and returns an
//! [`Output`] or an [`Error`]. Arguments that are moments, spans, views, fields or cursors have their types in [`time`],
//! [`duration`], [`value`] and [`list`]. [`prompt`]s and [`resource`]s are made likewise; [`ask`] is how a call
//! asks the user.

pub mod arguments;
pub mod ask;
pub mod call;
pub mod clock;
pub mod completion;
pub mod dispatch;
pub mod duration;
pub mod error;
pub mod http;
pub mod join;
pub mod list;
pub mod manifest;
pub mod output;
pub mod prompt;
pub mod resource;
pub mod schema;
pub mod service;
mod template;
mod text_or_number;
pub mod time;
pub mod tool;
mod url;
pub mod value;

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod bindings;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod export;
#[cfg(target_family = "wasm")]
mod lean;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use ask::{Answer, Ask, InputKind, Question, Reply, Root};
pub use call::{Call, Level, log};
pub use clock::sleep;
pub use completion::{Completing, Completion};
pub use error::{Error, Result};
pub use http::{Base, Http, Method, Request, Response};
pub use join::{join_all, try_join_all};
pub use manifest::{Egress, Manifest};
pub use output::{Content, Output};
pub use prompt::{Messages, Prompt, Prompts, Role};
pub use resource::{Contents, Entry, Page, Resource, Resources};
pub use service::{NoArgs, NoConfig, Service};
pub use tool::{Tool, Tools};
pub use url::{encode_component, form_encode};

pub use schemars;
pub use serde;
pub use serde_json;

/// What nearly every integration needs: `use bulkhead_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Ask, Base, Call, Completing, Completion, Content, Contents, Egress, Error, Http, Level, Manifest,
        Messages, Method, NoArgs, NoConfig, Output, Prompt, Prompts, Reply, Resource, Resources, Result,
        Role, Service, Tool, Tools, join_all, returns,
    };
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};
}

/// Makes the component's exports out of a [`Service`]. Once per crate, in its root. What it has
/// beside tools is named: `register!(Type, resources, prompts, completions)`, each only if there is
/// some, because the host offers clients what a component exports.
///
/// On the native target it exports nothing, so that the crate also builds as an ordinary library.
#[macro_export]
macro_rules! register {
    ($service:ty $(, $interface:ident)* $(,)?) => {
        const _: () = {
            const fn registered<S: $crate::Service>() {}
            registered::<$service>();
        };
        #[cfg(target_family = "wasm")]
        #[expect(unsafe_code, reason = "the exports of a component are raw symbols")]
        const _: () = {
            ::std::thread_local! {
                static SERVICE: ::core::cell::OnceCell<&'static $service> = const { ::core::cell::OnceCell::new() };
            }
            impl $crate::export::Registered for $service {
                fn slot() -> &'static ::std::thread::LocalKey<::core::cell::OnceCell<&'static Self>> {
                    &SERVICE
                }
            }
            type Component = $crate::export::Export<$service>;
            $crate::bindings::export!(Component with_types_in $crate::bindings);
            $($crate::bindings::$interface::export!(Component with_types_in $crate::bindings::$interface);)*
        };
    };
}
