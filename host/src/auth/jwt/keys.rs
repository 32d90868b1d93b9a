//! The keys of one issuer: fetched when they are first needed, kept, and fetched again when a token names one that
//! is not among them. An issuer that is down leaves the keys that are known in force.

use std::{
    fmt,
    num::NonZero,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{DefaultDirectRateLimiter, Quota};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    auth::Reason,
    config::auth::KeySource,
    egress::{document::Documents, target::Target},
};

/// Tokens with made-up key ids make the host ask the issuer this often at once, and then this rarely.
const BURST: NonZero<u32> = NonZero::new(5).unwrap();
const EVERY: Duration = Duration::from_secs(10);
/// Keys older than this are looked up again beside the traffic, so that one which was withdrawn goes.
const OLD: Duration = Duration::from_secs(300);
/// More keys than any issuer has.
const MOST: usize = 100;

/// The keys of an issuer.
pub(super) struct Keys {
    issuer: String,
    source: KeySource,
    url: Target,
    documents: Documents,
    known: RwLock<Arc<Set>>,
    turn: Mutex<()>,
    attempts: AtomicU64,
    budget: DefaultDirectRateLimiter,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("source", &self.source).finish_non_exhaustive()
    }
}

/// The keys at one time.
#[derive(Debug, Default)]
struct Set {
    /// 0 until the issuer has answered, then how often it has.
    generation: u64,
    fetched: Option<Instant>,
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

/// A metadata document (RFC 8414 §2).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// A JWK set (RFC 7517 §5). Keys are read one by one: one of a kind that is not known spoils no other.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

impl Keys {
    pub(super) fn new(issuer: String, source: KeySource, url: Target, documents: Documents) -> Self {
        let quota = Quota::with_period(EVERY).unwrap_or(Quota::per_second(BURST)).allow_burst(BURST);
        Self {
            issuer,
            source,
            url,
            documents,
            known: RwLock::default(),
            turn: Mutex::default(),
            attempts: AtomicU64::new(0),
            budget: DefaultDirectRateLimiter::direct(quota),
        }
    }

    /// Which keys are in force; another number, other keys.
    pub(super) fn generation(&self) -> u64 {
        self.known().generation
    }

    /// The key a token names, for its algorithm, with the generation it belongs to.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<(DecodingKey, u64), Reason> {
        let attempts = self.attempts.load(Ordering::Acquire);
        let known = self.known();
        if let Some(key) = known.find(id, algorithm) {
            self.refresh_if_old();
            return Ok((key.clone(), known.generation));
        }
        self.refresh(attempts).await;
        let known = self.known();
        let missing = if known.generation == 0 { Reason::IssuerDown } else { Reason::UnknownKey };
        known.find(id, algorithm).map(|key| (key.clone(), known.generation)).ok_or(missing)
    }

    fn known(&self) -> Arc<Set> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks beside the traffic whether the keys have changed.
    pub(super) fn refresh_if_old(self: &Arc<Self>) {
        if self.known().is_old() && self.turn.try_lock().is_ok() {
            let (keys, attempts) = (self.clone(), self.attempts.load(Ordering::Acquire));
            tokio::spawn(async move { keys.refresh(attempts).await });
        }
    }

    /// Asks the issuer, unless somebody has since `attempts` were made. One asks at a time; the others wait.
    async fn refresh(&self, attempts: u64) {
        let _turn = self.turn.lock().await;
        if self.attempts.load(Ordering::Acquire) != attempts || self.budget.check().is_err() {
            return;
        }
        let fetched = self.fetch().await;
        self.attempts.fetch_add(1, Ordering::AcqRel);
        match fetched {
            Ok(keys) => {
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                let generation = known.generation + 1;
                tracing::debug!(target: "auth", issuer = self.issuer, keys = keys.len(), "keys fetched");
                *known = Arc::new(Set { generation, fetched: Some(Instant::now()), keys });
            }
            Err(error) => {
                let kept = self.known().keys.len();
                tracing::warn!(target: "auth", issuer = self.issuer, error, kept, "the issuer's keys cannot be fetched");
            }
        }
    }

    async fn fetch(&self) -> Result<Vec<Key>, String> {
        let keys = match self.source {
            KeySource::Jwks(_) => self.documents.get(&self.url).await?,
            KeySource::Discovery(_) => {
                let metadata = self.documents.get(&self.url).await?;
                let metadata: Metadata = serde_json::from_slice(&metadata)
                    .map_err(|error| format!("{}: is not metadata: {error}", self.url.without_query()))?;
                if metadata.issuer != self.issuer {
                    return Err(format!("{}: is of another issuer", self.url.without_query()));
                }
                let url = self.documents.follow(&self.url, &metadata.jwks_uri);
                self.documents.get(&url.map_err(|why| format!("jwks_uri: {why}"))?).await?
            }
        };
        let set: KeySet =
            serde_json::from_slice(&keys).map_err(|error| format!("is not a JWK set: {error}"))?;
        Ok(set.keys.into_iter().take(MOST).filter_map(Key::read).collect())
    }
}

impl Set {
    fn is_old(&self) -> bool {
        self.fetched.is_some_and(|fetched| fetched.elapsed() > OLD)
    }

    /// The key of that name; a token without one is taken to mean the only key there is for its algorithm.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fitting = self.keys.iter().filter(|key| key.fits(algorithm));
        let Some(id) = id else {
            let only = fitting.next()?;
            return fitting.next().is_none().then_some(&only.key);
        };
        fitting.find(|key| key.id.as_deref() == Some(id)).map(|key| &key.key)
    }
}

impl Key {
    /// Reads a key that signs; others, and symmetric ones, are passed over.
    fn read(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        if jwk.common.public_key_use.as_ref().is_some_and(|used| *used != PublicKeyUse::Signature) {
            return None;
        }
        let algorithm = match jwk.common.key_algorithm {
            Some(algorithm) => Some(algorithm.to_string().parse().ok()?),
            None => None,
        };
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        if matches!(key.family(), jsonwebtoken::AlgorithmFamily::Hmac) {
            return None;
        }
        Some(Self { id: jwk.common.key_id, algorithm, key })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        self.key.family() == algorithm.family() && self.algorithm.is_none_or(|own| own == algorithm)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(keys: Vec<Value>) -> Set {
        Set { keys: keys.into_iter().filter_map(Key::read).collect(), ..Set::default() }
    }

    fn ed(id: &str) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": id })
    }

    #[test]
    fn a_key_is_found_by_its_name() {
        let set = set(vec![ed("a"), ed("b")]);
        assert!(set.find(Some("a"), Algorithm::EdDSA).is_some());
        assert!(set.find(Some("c"), Algorithm::EdDSA).is_none());
        assert!(set.find(Some("a"), Algorithm::RS256).is_none());
    }

    #[test]
    fn a_token_without_a_key_name_means_the_only_one() {
        assert!(set(vec![ed("a")]).find(None, Algorithm::EdDSA).is_some());
        assert!(set(vec![ed("a"), ed("b")]).find(None, Algorithm::EdDSA).is_none());
        assert!(set(vec![]).find(None, Algorithm::EdDSA).is_none());
    }

    #[test]
    fn keys_that_do_not_sign_are_passed_over_and_spoil_no_other() {
        let symmetric = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "s" });
        let mut encrypts = ed("e");
        encrypts["use"] = json!("enc");
        let set = set(vec![symmetric, encrypts, json!(1), json!({ "kty": "new" }), ed("a")]);
        assert_eq!(set.keys.len(), 1);
        assert_eq!(set.keys[0].id.as_deref(), Some("a"));
    }

    #[test]
    fn a_key_is_for_the_algorithm_it_names() {
        let rsa = |alg| json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "r", "alg": alg });
        let set = set(vec![rsa("RS512")]);
        assert!(set.find(Some("r"), Algorithm::RS512).is_some());
        assert!(set.find(Some("r"), Algorithm::RS256).is_none());
    }
}
