//! Who calls. Credentials become a [`Caller`] here and nowhere else, and every refusal looks the same from
//! outside: the reason goes to the log and the counters.
//!
//! Several kinds are accepted at once ([`key`], [`basic`], [`jwt`], [`certificate`]). A host without an `auth`
//! section takes everybody for the local caller; its listener is on loopback, or the config does not load.

pub mod basic;
pub mod certificate;
pub mod failures;
pub mod jwt;
pub mod key;
pub mod read;
pub mod reason;
mod recent;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

pub use reason::Reason;

use futures::FutureExt as _;

use crate::{
    access::{Access, rights::Rights},
    config::auth::{self as config, Identity},
    egress::resolve::Resolve,
    limit::gate::{CallLimits, Gate},
    request::Credentials,
};
use reason::Counts;

/// What tells callers apart: the tenant, and the name in it.
pub type Who = (Arc<str>, Arc<str>);

/// An authenticated caller. Cheap to clone.
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
    /// Whether it may use `/metrics` and `/api/v1`.
    pub admin: bool,
    /// What the config attaches to it.
    pub principal: Arc<Principal>,
    _proof: (),
}

/// What the config attaches to a caller.
#[derive(Debug)]
pub struct Principal {
    /// Which tools it may use.
    pub rights: Rights,
    /// How many calls it may make.
    pub gate: Gate,
}

impl Caller {
    fn new(id: Arc<str>, tenant: Arc<str>, admin: bool, access: Vec<Arc<Access>>, gate: Gate) -> Self {
        let principal = Arc::new(Principal { rights: Rights::new(access), gate });
        Self { id, tenant, admin, principal, _proof: () }
    }

    /// What tells it from others.
    #[must_use]
    pub fn who(&self) -> Who {
        (self.tenant.clone(), self.id.clone())
    }

    /// Whether it is the user of this machine, and so the operator.
    #[must_use]
    pub fn is_local(&self) -> bool {
        &*self.id == "local"
    }

    fn of(identity: &Identity, gates: &mut Gates) -> Self {
        let Identity { id, tenant, admin, rights } = identity.clone();
        let gate = gates.gate(&tenant, &id, rights.calls);
        Self::new(id, tenant, admin, rights.access, gate)
    }
}

/// The gates of callers, by tenant and name: the same whatever a caller shows, and the same after a reload.
#[derive(Debug, Default)]
struct Gates(HashMap<Who, Gate>);

impl Gates {
    /// Those that were in force.
    fn of(former: Option<&Auth>) -> Self {
        let callers = former.and_then(|former| former.kinds.as_ref()).into_iter().flat_map(Kinds::callers);
        let gate = |one: &Caller| (one.who(), one.principal.gate.clone());
        Self(callers.map(gate).collect())
    }

    fn gate(&mut self, tenant: &Arc<str>, id: &Arc<str>, limits: CallLimits) -> Gate {
        let whose = (tenant.clone(), id.clone());
        let gate = Gate::renewed(self.0.get(&whose), &format!("limits of caller {id}"), limits);
        self.0.insert(whose, gate.clone());
        gate
    }
}

/// The credentials do not hold. What it prints is all that a client may know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("authentication is required, and what was sent does not suffice")]
pub struct Unauthenticated {
    /// Why, for the operator.
    pub reason: Reason,
    /// The peer has failed too often and should wait this long.
    pub retry_after: Option<Duration>,
    /// The scopes a valid token lacked, with those it had to have beside them (RFC 6750 §3.1). Empty otherwise.
    pub scopes: Arc<[String]>,
}

/// Turns credentials into callers.
#[derive(Debug)]
pub struct Auth {
    local: Caller,
    kinds: Option<Kinds>,
    failures: Arc<failures::Failures>,
    counts: Arc<Counts>,
}

/// What the `auth` section accepts.
#[derive(Debug)]
struct Kinds {
    /// What all of it was made from.
    written: config::Auth,
    keys: key::Keys,
    users: basic::Users,
    tokens: jwt::Tokens,
    certificates: certificate::Certificates,
    anonymous: Option<Caller>,
}

impl Auth {
    /// Everybody is local, and belongs to `tenant`.
    #[must_use]
    pub fn local(tenant: Arc<str>) -> Self {
        let everything = vec![Access::everything().into()];
        let local = Caller::new("local".into(), tenant, true, everything, Gate::open());
        Self { local, kinds: None, failures: Arc::default(), counts: Arc::default() }
    }

    /// Accepts what the `auth` section says. Local callers, those of stdio and the command line, belong to
    /// `tenant`. Names of issuers are resolved by `resolver`.
    ///
    /// # Errors
    /// When a certificate file of an issuer cannot be used, or the system has no randomness.
    pub fn new(tenant: Arc<str>, config: config::Auth, resolver: &Arc<dyn Resolve>) -> Result<Self, String> {
        let kinds = Some(Kinds::new(config, resolver, None)?);
        Ok(Self { kinds, ..Self::local(tenant) })
    }

    /// What accepts what the configuration says now. It is the `former` one if that is the same; otherwise what was
    /// counted, and the keys of issuers that are still trusted, are taken over.
    ///
    /// # Errors
    /// As [`Auth::new`].
    pub fn renewed(
        former: Option<&Arc<Self>>,
        tenant: Arc<str>,
        config: Option<config::Auth>,
        resolver: &Arc<dyn Resolve>,
    ) -> Result<Arc<Self>, String> {
        let written = |former: &Self| former.kinds.as_ref().map(|kinds| kinds.written.clone());
        if let Some(same) = former.filter(|former| former.local.tenant == tenant && written(former) == config)
        {
            return Ok(same.clone());
        }
        let kinds = config.map(|config| Kinds::new(config, resolver, former.map(|former| &**former)));
        let kinds = kinds.transpose()?;
        let new = Self::local(tenant);
        Ok(Arc::new(match former {
            Some(former) => {
                let (failures, counts) = (former.failures.clone(), former.counts.clone());
                Self { kinds, failures, counts, ..new }
            }
            None => Self { kinds, ..new },
        }))
    }

    /// Establishes who calls. `peer` is where a request came from over a network: its failures count.
    ///
    /// # Errors
    /// When the credentials do not hold.
    pub async fn authenticate(
        &self,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Caller, Unauthenticated> {
        let refused = match (credentials, &self.kinds) {
            (Credentials::Established(caller), _) => return Ok(caller.clone()),
            (Credentials::Local, _) | (_, None) => return Ok(self.local.clone()),
            (_, Some(kinds)) => match kinds.establish(credentials).await {
                Ok(caller) => return Ok(caller),
                Err(refused) => refused,
            },
        };
        let reason = refused.reason;
        self.counts.count(reason);
        let retry_after = peer.filter(|_| reason.is_failure()).and_then(|peer| self.failures.note(peer));
        // Beyond the limit a line for each would be what the flood is after.
        if reason.is_failure() && retry_after.is_none() {
            tracing::info!(target: "auth", peer = peer.map(tracing::field::display), reason = reason.as_str(), "refused");
        }
        Err(Unauthenticated { retry_after: refused.retry_after.or(retry_after), ..refused })
    }

    /// Tells a caller's quota what of it was used before this host started.
    pub fn restore(&self, tenant: &str, caller: &str, used: u32, now: SystemTime) {
        if let Some(own) = self.caller(caller).filter(|own| *own.tenant == *tenant) {
            own.principal.gate.restore(used, now);
        }
        for issuer in self.issuers() {
            issuer.restore(tenant, caller, used, now);
        }
    }

    /// The caller of this id, of those the configuration names.
    #[must_use]
    pub fn caller(&self, id: &str) -> Option<Caller> {
        self.kinds.as_ref()?.callers().find(|caller| *caller.id == *id).cloned()
    }

    /// Whether a caller that was authenticated some time ago could still be.
    #[must_use]
    pub fn knows(&self, caller: &Caller) -> bool {
        let Some(kinds) = &self.kinds else { return caller.is_local() };
        let named = kinds.callers().any(|known| known.id == caller.id && known.tenant == caller.tenant);
        named || self.issuers().iter().any(|issuer| issuer.names(&caller.id))
    }

    /// How often each kind of refusal happened since start, for metrics.
    pub fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.counts.all()
    }

    /// Whether callers are told apart at all.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.kinds.is_some()
    }

    /// Whether client certificates say who calls.
    #[must_use]
    pub fn takes_certificates(&self) -> bool {
        self.kinds.as_ref().is_some_and(|kinds| !kinds.certificates.is_empty())
    }

    /// Whether HTTP Basic is accepted.
    #[must_use]
    pub fn takes_passwords(&self) -> bool {
        self.kinds.as_ref().is_some_and(|kinds| !kinds.users.is_empty())
    }

    /// The issuers of JWTs.
    #[must_use]
    pub fn issuers(&self) -> &[jwt::Issuer] {
        self.kinds.as_ref().map_or(&[], |kinds| kinds.tokens.issuers())
    }
}

impl Kinds {
    fn new(
        written: config::Auth,
        resolver: &Arc<dyn Resolve>,
        former: Option<&Auth>,
    ) -> Result<Self, String> {
        let gates = &mut Gates::of(former);
        let issuers = former.map_or(&[][..], Auth::issuers);
        Ok(Self {
            keys: key::Keys::new(&written.keys, gates),
            users: basic::Users::new(written.users.clone(), gates)?,
            tokens: jwt::Tokens::new(written.issuers.clone(), resolver, issuers)?,
            certificates: certificate::Certificates::new(&written.certificates, gates),
            anonymous: written.anonymous.as_ref().map(|identity| Caller::of(identity, gates)),
            written,
        })
    }

    /// Those the configuration names.
    fn callers(&self) -> impl Iterator<Item = &Caller> {
        let known = self.keys.callers().chain(self.users.callers()).chain(self.certificates.callers());
        known.chain(&self.anonymous)
    }

    /// Boxed is only what takes its time: every request carries this future along.
    async fn establish(&self, credentials: &Credentials) -> Result<Caller, Unauthenticated> {
        let found = match credentials {
            Credentials::Nothing => self.anonymous.clone().ok_or(Reason::Missing),
            Credentials::ApiKey(key) => self.keys.api_key(key),
            Credentials::Bearer(token) => match self.keys.bearer(token) {
                Err(Reason::Unknown) => return self.tokens.verify(token).boxed().await,
                found => found,
            },
            Credentials::Basic { username, password } => self.users.verify(username, password).boxed().await,
            Credentials::Certificate(certificate) => self.certificates.find(certificate),
            // `Local` and `Established` do not come here.
            Credentials::Unreadable | Credentials::Local | Credentials::Established(_) => {
                Err(Reason::Unreadable)
            }
        };
        found.map_err(Unauthenticated::from)
    }
}

impl From<Reason> for Unauthenticated {
    fn from(reason: Reason) -> Self {
        let retry_after = (reason == Reason::Busy).then_some(Duration::from_secs(1));
        Self { reason, retry_after, scopes: [].into() }
    }
}

#[cfg(test)]
pub(crate) mod tests;
