//! Who calls. So far everybody is the local user: the listener is bound to loopback, and a config that
//! binds it elsewhere does not load.

use std::sync::Arc;

use crate::{error::CallError, request::Credentials};

/// An authenticated caller.
#[derive(Clone, Debug)]
#[expect(
    clippy::manual_non_exhaustive,
    reason = "the private field keeps the rest of this crate from making one"
)]
pub struct Caller {
    /// Its name in logs.
    pub id: Arc<str>,
    /// Whose services it may use.
    pub tenant: Arc<str>,
    _proof: (),
}

/// Turns credentials into callers.
#[derive(Debug)]
pub struct Auth {
    local: Caller,
}

impl Auth {
    /// Local callers belong to `tenant`.
    #[must_use]
    pub fn local(tenant: Arc<str>) -> Self {
        Self { local: Caller { id: "local".into(), tenant, _proof: () } }
    }

    /// Establishes who calls.
    ///
    /// # Errors
    /// None yet: there is one kind of credentials, and it always holds.
    pub fn authenticate(&self, credentials: &Credentials) -> Result<Caller, CallError> {
        match credentials {
            Credentials::Local => Ok(self.local.clone()),
        }
    }
}
