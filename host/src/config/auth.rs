//! The `auth` section: as written ([`raw`]), and checked. What is here is only data; [`crate::auth`] acts on it.

pub mod raw;
mod resolve;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use jsonwebtoken::Algorithm;
pub use resolve::{check_exposure, resolve};

use crate::{access::Access, limit::gate::CallLimits, secret::Secret};

/// What a caller may do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rights {
    /// Which tools it may use: all that one of these allows, and of none nothing.
    pub access: Vec<Arc<Access>>,
    /// How many calls it may make.
    pub calls: CallLimits,
}

impl Rights {
    /// Every tool there is.
    #[must_use]
    pub fn all() -> Self {
        Self { access: vec![Access::everything().into()], calls: CallLimits::default() }
    }
}

/// Who may call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Auth {
    /// API keys and bearer tokens.
    pub keys: Vec<Key>,
    /// Users with passwords.
    pub users: Vec<User>,
    /// Issuers of JWTs.
    pub issuers: Vec<Issuer>,
    /// Clients with certificates.
    pub certificates: Vec<Certificate>,
    /// Callers without a credential, if they may call.
    pub anonymous: Option<Identity>,
    /// Whether the operator wrote that anonymous callers may come from other machines.
    pub exposed: bool,
}

/// One caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Its name in logs.
    pub id: Arc<str>,
    /// Whose services it may use.
    pub tenant: Arc<str>,
    /// Whether it may use `/metrics` and `/api/v1`.
    pub admin: bool,
    /// What it may do.
    pub rights: Rights,
}

/// An API key or a bearer token, of which only the digest is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// SHA-256.
    pub digest: [u8; 32],
    /// Whether `X-Api-Key` takes it too.
    pub api: bool,
    /// Until when it is good.
    pub expires: Option<SystemTime>,
    /// Whose it is.
    pub identity: Identity,
}

/// A user with a password.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The password's hash in PHC string format, argon2id.
    pub hash: Secret,
    /// Who it is; the id is the user name.
    pub identity: Identity,
}

/// A client with a certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// What tells it from others.
    pub mark: CertificateMark,
    /// Whose it is.
    pub identity: Identity,
}

/// What tells a certificate from others of the same authority.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CertificateMark {
    /// A URI or a DNS name among its subject alternative names.
    San(String),
    /// SHA-256 of its DER.
    Fingerprint([u8; 32]),
}

/// An issuer of JWTs.
#[derive(Clone, Debug, PartialEq)]
pub struct Issuer {
    /// Its short name.
    pub id: String,
    /// The `iss` claim.
    pub issuer: String,
    /// Accepted `aud` claims; never empty.
    pub audiences: Vec<String>,
    /// Where its keys are.
    pub keys: KeySource,
    /// How long they are good without asking again.
    pub keys_ttl: Duration,
    /// Accepted signature algorithms; never empty, none is symmetric.
    pub algorithms: Vec<Algorithm>,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// Whose services its callers may use.
    pub tenants: Tenants,
    /// The claim with the caller's name.
    pub subject_claim: String,
    /// The claim and the value that make an admin.
    pub admin: Option<(String, String)>,
    /// Scopes a token must have.
    pub required_scopes: Vec<String>,
    /// What every token may do.
    pub rights: Rights,
    /// What tokens with a scope may do beside.
    pub scopes: Vec<(String, Arc<Access>)>,
    /// Private addresses its name may resolve to.
    pub allow_addresses: Vec<ipnet::IpNet>,
    /// Certificates trusted for it, in PEM.
    pub ca: Option<Vec<u8>>,
}

/// Where an issuer's keys are; URLs are https, or http on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A JWK set (RFC 7517 §5).
    Jwks(String),
    /// A metadata document that names the JWK set (OpenID Connect Discovery 1.0 §4, RFC 8414).
    Discovery(String),
}

/// Whose services the callers of an issuer may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenants {
    /// One tenant's.
    All(Arc<str>),
    /// By the value of a claim.
    ByClaim(String, std::collections::BTreeMap<String, Arc<str>>),
}
