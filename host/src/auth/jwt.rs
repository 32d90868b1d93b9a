//! JWTs (RFC 7519, RFC 8725) of issuers the operator trusts. A token is checked against its issuer's own list of
//! algorithms and its own keys; whatever a token says about where keys are (`jku`, `x5u`, `jwk`) is not read.

mod keys;
mod verifier;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use jsonwebtoken::{Header, Validation, errors::ErrorKind};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use self::keys::Keys;
use super::{Caller, Reason, Unauthenticated, recent::Recent};
use crate::{
    config::auth::{self as config, KeySource, Tenants},
    egress::{document::Documents, probe::Probe, resolve::Resolve, target::Target},
    limit::gate::{CallLimits, Gate},
    secret::Secret,
};

/// A longer token is not looked at; headers are not much longer.
const LONGEST: usize = 16 << 10;
/// A longer subject is no name.
const LONGEST_SUBJECT: usize = 256;
/// Verified tokens that are remembered.
const REMEMBERED: usize = 4096;

/// The issuers, and the tokens of theirs that were verified lately.
#[derive(Debug)]
pub struct Tokens {
    issuers: Vec<Issuer>,
    recent: Recent<Verified>,
}

/// An issuer of tokens.
#[derive(Debug)]
pub struct Issuer {
    config: config::Issuer,
    validation: Validation,
    keys: Arc<Keys>,
    /// The gates of its subjects, by tenant and caller.
    gates: moka::sync::Cache<(Arc<str>, Arc<str>), Gate>,
}

/// Subjects whose calls are counted; those that were away longest are forgotten first.
const SUBJECTS: u64 = 100_000;
/// A subject that comes back later has a new day before it anyway.
const A_DAY_AND_MORE: Duration = Duration::from_secs(25 * 3600);

/// A token that was verified, with the keys its issuer had then.
#[derive(Clone, Debug)]
struct Verified {
    caller: Caller,
    issuer: usize,
    generation: u64,
}

/// The one claim that is read before the signature is checked: to know by whose keys.
#[derive(Deserialize)]
struct Claimed {
    iss: String,
}

impl Tokens {
    /// Accepts tokens of these issuers; `former` are those that were trusted until now.
    pub(super) fn new(
        config: Vec<config::Issuer>,
        resolver: &Arc<dyn Resolve>,
        former: &[Issuer],
    ) -> Result<Self, String> {
        verifier::install();
        let issuers = config.into_iter().map(|config| {
            let former = former.iter().find(|former| former.config.id == config.id);
            Issuer::new(config, resolver, former)
        });
        Ok(Self { issuers: issuers.collect::<Result<_, _>>()?, recent: Recent::new(REMEMBERED) })
    }

    pub(super) fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// Whose token it is.
    pub(super) async fn verify(&self, token: &Secret) -> Result<Caller, Unauthenticated> {
        let token = token.expose();
        if self.issuers.is_empty() || token.len() > LONGEST {
            return Err(Reason::Unknown.into());
        }
        let digest = Sha256::digest(token).into();
        if let Some(verified) = self.recent.get(&digest) {
            let keys = self.issuers.get(verified.issuer).map(|issuer| &issuer.keys);
            if let Some(keys) = keys
                && keys.generation().await == verified.generation
            {
                return Ok(verified.caller);
            }
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Reason::Unknown)?;
        let claimed = jsonwebtoken::dangerous::insecure_decode_claims::<Claimed>(token);
        let iss = claimed.map_err(|_| Reason::Issuer)?.iss;
        let mut issuers = self.issuers.iter().enumerate();
        let (number, issuer) =
            issuers.find(|(_, issuer)| issuer.config.issuer == iss).ok_or(Reason::Issuer)?;
        let (claims, generation) = issuer.check(token, &header).await?;
        let caller = issuer.caller(&claims)?;
        if let Some(until) = claims.get("exp").and_then(Value::as_f64).and_then(moment) {
            self.recent.put(digest, Verified { caller: caller.clone(), issuer: number, generation }, until);
        }
        Ok(caller)
    }
}

fn moment(seconds: f64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

impl Issuer {
    fn new(
        config: config::Issuer,
        resolver: &Arc<dyn Resolve>,
        former: Option<&Self>,
    ) -> Result<Self, String> {
        let about = |why: &dyn std::fmt::Display| format!("the issuer {}: {why}", config.issuer);
        let (KeySource::Jwks(url) | KeySource::Discovery(url)) = &config.keys;
        let url = Target::parse(url).map_err(|_| about(&format!("`{url}` is not a URL")))?;
        let allowed = config.allow_addresses.clone();
        let documents = Documents::new(&[&url], allowed, config.ca.as_deref(), resolver)
            .map_err(|error| about(&error))?;
        let same_keys = |former: &&Self| {
            let former = &former.config;
            (&former.issuer, &former.keys, &former.allow_addresses, &former.ca, &former.keys_ttl)
                == (&config.issuer, &config.keys, &config.allow_addresses, &config.ca, &config.keys_ttl)
        };
        let keys = match former.filter(same_keys) {
            Some(former) => former.keys.clone(),
            None => Arc::new(Keys::new(&config, url, documents)),
        };
        let mut validation = Validation::default();
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&config.audiences);
        validation.leeway = config.leeway.as_secs();
        validation.validate_nbf = true;
        let gates = match former.filter(|former| former.config.rights.calls == config.rights.calls) {
            Some(former) => former.gates.clone(),
            None => moka::sync::Cache::builder().max_capacity(SUBJECTS).time_to_idle(A_DAY_AND_MORE).build(),
        };
        Ok(Self { config, validation, keys, gates })
    }

    /// The `iss` claim.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// How many keys it publishes that tokens may be signed with, and the first moment at which the certificate of one of
    /// them ends. Asks it, whatever is known.
    ///
    /// # Errors
    /// When it does not answer, or not with keys.
    pub async fn keys(&self) -> Result<(usize, Option<SystemTime>), String> {
        self.keys.published().await
    }

    /// What its server shows of itself.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn probe(&self) -> Result<Probe, String> {
        self.keys.probe().await
    }

    /// The scopes that mean something here: those required, and those that allow more.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let more = self.config.scopes.iter().map(|(scope, _)| scope);
        self.config.required_scopes.iter().chain(more).map(String::as_str)
    }

    /// The scopes every token must have.
    #[must_use]
    pub fn required_scopes(&self) -> &[String] {
        &self.config.required_scopes
    }

    /// Checks header, signature and the registered claims.
    async fn check(&self, token: &str, header: &Header) -> Result<(Map<String, Value>, u64), Reason> {
        if !self.config.algorithms.contains(&header.alg) {
            return Err(Reason::Algorithm);
        }
        // RFC 9068 §2.1 for access tokens. What is signed for another purpose (`logout+jwt`, `dpop+jwt`) is not one.
        let typ = header.typ.as_deref().map(|typ| typ.to_ascii_lowercase());
        let fits = matches!(typ.as_deref(), None | Some("jwt" | "at+jwt" | "application/at+jwt"));
        // RFC 7515 §4.1.11: whoever does not know what is critical refuses. Nothing is known.
        if !fits || header.crit.is_some() {
            return Err(Reason::Claims);
        }
        let (key, generation) = self.keys.find(header.kid.as_deref(), header.alg).await?;
        let validation = Validation { algorithms: vec![header.alg], ..self.validation.clone() };
        let decoded = jsonwebtoken::decode(token, &key, &validation);
        let claims = decoded.map_err(|error| reason(error.kind()))?.claims;
        Ok((claims, generation))
    }

    /// How many calls a subject may make: the same with each of its tokens.
    fn gate(&self, tenant: &Arc<str>, id: &Arc<str>) -> Gate {
        if self.config.rights.calls == CallLimits::default() {
            return Gate::open();
        }
        let new = || Gate::new(&format!("limits of caller {id}"), self.config.rights.calls);
        self.gates.get_with((tenant.clone(), id.clone()), new)
    }

    /// Whether a caller of this name is a subject of this issuer's.
    pub(super) fn names(&self, id: &str) -> bool {
        id.strip_prefix(&self.config.id).is_some_and(|rest| rest.starts_with(':'))
    }

    /// Tells a subject's quota what was used of it before this host started.
    pub(super) fn restore(&self, tenant: &str, id: &str, used: u32, now: SystemTime) {
        if self.names(id) && self.config.rights.calls.calls_per_day.is_some() {
            self.gate(&tenant.into(), &id.into()).restore(used, now);
        }
    }

    fn caller(&self, claims: &Map<String, Value>) -> Result<Caller, Unauthenticated> {
        // Bound to a key (RFC 7800), so that who steals the token cannot use it; as a bearer token anybody could.
        if claims.contains_key("cnf") {
            return Err(Reason::Claims.into());
        }
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
        let subject = text(&self.config.subject_claim).ok_or(Reason::Claims)?;
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
            return Err(Reason::Claims.into());
        }
        let tenant = match &self.config.tenants {
            Tenants::All(tenant) => tenant.clone(),
            Tenants::ByClaim(claim, tenants) => {
                text(claim).and_then(|value| tenants.get(value)).ok_or(Reason::Tenant)?.clone()
            }
        };
        let scopes = scopes(claims);
        if self.config.required_scopes.iter().any(|scope| !scopes.contains(scope.as_str())) {
            // RFC 6750 §3.1; with those it has, so that the next token does not lack them (MCP, scope step-up).
            let known = self.scopes().filter(|scope| scopes.contains(scope));
            let mut needed = self.config.required_scopes.clone();
            for scope in known {
                if !needed.iter().any(|other| other == scope) {
                    needed.push(scope.to_owned());
                }
            }
            return Err(Unauthenticated { scopes: needed.into(), ..Reason::Scope.into() });
        }
        let more = self.config.scopes.iter().filter(|(scope, _)| scopes.contains(scope.as_str()));
        let access =
            self.config.rights.access.iter().chain(more.map(|(_, access)| access)).cloned().collect();
        let admin = self.config.admin.as_ref().is_some_and(|(claim, value)| has(claims.get(claim), value));
        let id: Arc<str> = format!("{}:{subject}", self.config.id).into();
        let gate = self.gate(&tenant, &id);
        Ok(Caller::new(id, tenant, admin, access, gate))
    }
}

/// `scope` (RFC 8693 §4.2), or `scp` as some issuers have it: a list, or words in one text.
fn scopes(claims: &Map<String, Value>) -> BTreeSet<&str> {
    let values = ["scope", "scp"].into_iter().filter_map(|claim| claims.get(claim));
    let texts = values.flat_map(|value| match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        other => Vec::from_iter(other.as_str()),
    });
    texts.flat_map(str::split_ascii_whitespace).collect()
}

/// Whether a claim is `value`, or a list with it.
fn has(claim: Option<&Value>, value: &str) -> bool {
    match claim {
        Some(Value::Array(list)) => list.iter().any(|item| item == value),
        Some(claim) => claim == value,
        None => false,
    }
}

fn reason(kind: &ErrorKind) -> Reason {
    match kind {
        ErrorKind::ExpiredSignature => Reason::Expired,
        ErrorKind::ImmatureSignature => Reason::NotYetValid,
        ErrorKind::InvalidAudience => Reason::Audience,
        ErrorKind::InvalidIssuer => Reason::Issuer,
        ErrorKind::InvalidSignature | ErrorKind::InvalidKeyFormat | ErrorKind::InvalidEcdsaKey => {
            Reason::Signature
        }
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => Reason::Algorithm,
        _ => Reason::Claims,
    }
}

#[cfg(test)]
mod tests;
