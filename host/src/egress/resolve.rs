//! From a host name to its addresses. A trait, so that a test can decide what a name resolves to.

use std::{fmt, future::Future, io, net::IpAddr, pin::Pin, sync::Arc};

/// A name's addresses, or why there are none.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Resolves names.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// The addresses of `name`.
    fn resolve(&self, name: &str) -> Resolving;
}

/// The machine's own resolver: hosts file, DNS, whatever it is set up to use.
#[derive(Debug)]
pub struct System;

impl System {
    /// The one there is.
    #[must_use]
    pub fn shared() -> Arc<dyn Resolve> {
        Arc::new(Self)
    }
}

impl Resolve for System {
    fn resolve(&self, name: &str) -> Resolving {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
