//! The `auth` section as written.

use std::{collections::BTreeMap, path::PathBuf, time::SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};

use crate::config::units::Time;
pub(super) use crate::config::{
    access::{Access, Condition},
    limits::CallLimits,
};

/// Who may call. Without this section everybody is the local caller, and the listener must be on loopback.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Keys made by `bulkhead key new`; clients send them as `X-Api-Key: …` or `Authorization: Bearer …`.
    pub api_keys: Vec<ApiKey>,
    /// Bearer tokens that something else made.
    pub bearer: Vec<Bearer>,
    /// Users with passwords (HTTP Basic).
    pub basic: Vec<Basic>,
    /// Issuers whose JWTs are accepted (OAuth 2.1, OpenID Connect).
    pub jwt: Vec<Jwt>,
    /// Clients with certificates; needs `server.tls.client_ca`.
    pub certificates: Vec<Certificate>,
    /// What those may do who bring no credential. Without it they are refused.
    pub anonymous: Option<Anonymous>,
}

/// A struct as written, with the keys that say what a caller may do.
macro_rules! written {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
            /// Tools it may use, such as `prometheus_*`.
            pub tools: Option<Vec<String>>,
            /// Tools it may not use, although `tools` has them.
            #[serde(default)]
            pub deny_tools: Vec<String>,
            /// Only tools with these tags.
            pub tags: Option<String>,
            /// Sets of tools it may use, too, by their names under `presets`.
            #[serde(default)]
            pub presets: Vec<String>,
            /// Only tools that change nothing; false unless given.
            #[serde(default)]
            pub read_only: bool,
            /// Conditions on the arguments.
            #[serde(default)]
            pub when: Vec<Condition>,
            /// How many calls it may make.
            #[serde(default)]
            pub limits: CallLimits,
        }

        impl $name {
            /// Which tools it may use.
            #[must_use]
            pub fn access(&self) -> Access {
                Access {
                    tools: self.tools.clone(),
                    deny_tools: self.deny_tools.clone(),
                    tags: self.tags.clone(),
                    presets: self.presets.clone(),
                    read_only: self.read_only,
                    when: self.when.clone(),
                }
            }
        }
    };
}

written! {
    /// An API key.
    ApiKey {
        /// The caller's name in logs.
        id: String,
        /// SHA-256 of the key, in hex. The key itself is not here.
        #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
        sha256: String,
        /// Whose services it may use.
        tenant: String,
        /// Until when it is good: a day, such as 2027-01-01 (its first moment, in UTC), or a time.
        expires: Option<Date>,
        /// Whether it may use `/metrics` and `/api/v1`; false unless given.
        #[serde(default)]
        admin: bool,
    }
}

written! {
    /// A bearer token.
    Bearer {
        /// The caller's name in logs.
        id: String,
        /// The token, as `${secret:NAME}`; at least 16 bytes.
        token: String,
        /// Whose services it may use.
        tenant: String,
        /// Whether it may use `/metrics` and `/api/v1`; false unless given.
        #[serde(default)]
        admin: bool,
    }
}

written! {
    /// A user with a password.
    Basic {
        /// The user's name, which is also the caller's name in logs.
        username: String,
        /// The password's hash as `bulkhead key hash-password` prints it: `$argon2id$…`.
        password: String,
        /// Whose services it may use.
        tenant: String,
        /// Whether it may use `/metrics` and `/api/v1`; false unless given.
        #[serde(default)]
        admin: bool,
    }
}

written! {
    /// A client certificate: `san` or `fingerprint`.
    Certificate {
        /// The caller's name in logs.
        id: String,
        /// A name in the certificate: a URI such as `spiffe://acme/agent`, or a DNS name.
        san: Option<String>,
        /// SHA-256 of the certificate (DER), in hex.
        fingerprint: Option<String>,
        /// Whose services it may use.
        tenant: String,
        /// Whether it may use `/metrics` and `/api/v1`; false unless given.
        #[serde(default)]
        admin: bool,
    }
}

written! {
    /// Callers without a credential.
    Anonymous {
        /// Whose services they may use.
        tenant: String,
        /// Must be true where other machines can reach the listener: it says that strangers may call.
        #[serde(default)]
        exposed: bool,
    }
}

written! {
    /// An issuer of JWTs.
    Jwt {
        /// The issuer's short name, which starts the callers' names in logs; its host name unless given.
        id: Option<String>,
        /// The `iss` claim, exactly.
        issuer: String,
        /// The `aud` claim: one, or a list of which one must be there. The URL of `/mcp` under
        /// `server.public_url` unless given.
        #[serde(default)]
        audience: OneOrMany,
        /// Where its keys are. Found through `discovery` unless given.
        jwks_url: Option<String>,
        /// Where its metadata is; `{issuer}/.well-known/openid-configuration` unless given.
        discovery: Option<String>,
        /// How long its keys are kept, and so for how long a key still counts that it has withdrawn; 5m unless
        /// given, from 1s to 24h. They are fetched again after half of it, and at once when a token names another.
        keys_ttl: Option<Time>,
        /// Signature algorithms that are accepted; RS256, ES256 and EdDSA unless given.
        algorithms: Option<Vec<Algorithm>>,
        /// How far clocks may differ; 60s unless given.
        leeway: Option<Time>,
        /// The tenant of all its callers; or `tenant_claim` with `tenants`.
        tenant: Option<String>,
        /// The claim that says which tenant, such as `tid`.
        tenant_claim: Option<String>,
        /// Tenants by the value of `tenant_claim`. Other values are refused.
        #[serde(default)]
        tenants: BTreeMap<String, String>,
        /// The claim with the caller's name; `sub` unless given.
        subject_claim: Option<String>,
        /// Who may use `/metrics` and `/api/v1`. Nobody unless given.
        admin_claim: Option<ClaimValue>,
        /// Scopes a token must have.
        #[serde(default)]
        required_scopes: Vec<String>,
        /// What tokens with these scopes may do, beside what all tokens may.
        #[serde(default)]
        scopes: BTreeMap<String, Access>,
        /// How the issuer is reached.
        #[serde(default)]
        network: Network,
    }
}

/// A claim that has a value, or a list with it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimValue {
    /// The claim's name.
    pub claim: String,
    /// Its value.
    pub value: String,
}

/// How an issuer is reached.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Address ranges that its name may resolve to although they are private, such as `10.0.0.0/8`.
    #[schemars(with = "Vec<String>")]
    pub allow_addresses: Vec<ipnet::IpNet>,
    /// Certificates, in PEM, that are trusted for it instead of the system's.
    pub ca: Option<PathBuf>,
}

/// A signature algorithm (RFC 7518 §3.1, RFC 8037). None is symmetric, and `none` is not among them.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RS256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    RS384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    RS512,
    /// RSA PSS with SHA-256.
    PS256,
    /// RSA PSS with SHA-384.
    PS384,
    /// RSA PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

/// One text, or a list.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl From<OneOrMany> for Vec<String> {
    fn from(written: OneOrMany) -> Self {
        match written {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

/// A moment: a day, which means its first moment in UTC, or an RFC 3339 time.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq)]
#[schemars(transparent)]
pub struct Date(#[schemars(with = "String", extend("examples" = ["2027-01-01"]))] pub SystemTime);

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.clone() };
        humantime::parse_rfc3339(&time).map(Self).map_err(|_| {
            D::Error::custom(format!(
                "`{text}` is not a date; write it like 2027-01-01 or 2027-01-01T12:00:00Z"
            ))
        })
    }
}
