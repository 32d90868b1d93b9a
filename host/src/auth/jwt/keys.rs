//! The keys of one issuer: fetched when they are first needed, kept for as long as the operator says, and fetched
//! again when a token names one that is not among them. An issuer that is down leaves the keys that are known in force.

use std::{
    fmt,
    num::NonZero,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use governor::{DefaultDirectRateLimiter, Quota};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, PublicKeyUse},
};
use rustls::pki_types::CertificateDer;
use serde::Deserialize;
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    auth::Reason,
    config::auth::{Issuer, KeySource},
    egress::{document::Documents, probe::Probe, target::Target, tls::good_until},
};

/// Tokens with made-up key ids make the host ask the issuer this often at once, and then this rarely.
const BURST: NonZero<u32> = NonZero::new(5).unwrap();
const EVERY: Duration = Duration::from_secs(10);
/// An issuer that did not answer is asked again after this, beside the traffic: later, and it is back unnoticed.
const RETRY: Duration = Duration::from_secs(10);
/// While it is being asked so, nobody waits. Longer than a fetch that fails lasts, or calls would wait for each.
const PATIENCE: Duration = Duration::from_secs(60);
/// More keys than any issuer has.
const MOST: usize = 100;

/// The keys of an issuer.
pub(super) struct Keys {
    issuer: String,
    source: KeySource,
    url: Target,
    documents: Documents,
    /// How long keys are good without asking again.
    ttl: Duration,
    known: RwLock<Arc<Set>>,
    turn: Mutex<()>,
    budget: DefaultDirectRateLimiter,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("source", &self.source).finish_non_exhaustive()
    }
}

/// The keys at one time.
#[derive(Clone, Debug, Default)]
struct Set {
    /// 0 until the issuer has answered, then how often it has.
    generation: u64,
    /// When the last question was sent, if it was answered; or else when the answer was given up.
    asked: Option<Instant>,
    answered: bool,
    keys: Vec<Key>,
}

/// Whether keys can be used as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    Fresh,
    /// Still good, and better asked for again before anybody has to wait.
    Old,
    /// Not to be used before the issuer was asked.
    Stale,
}

#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    key: DecodingKey,
    /// When its certificate ends, if it is published with one. Tokens are not judged by that (RFC 7517 §4.7 binds no one).
    until: Option<SystemTime>,
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
    pub(super) fn new(config: &Issuer, url: Target, documents: Documents) -> Self {
        let quota = Quota::with_period(EVERY).unwrap_or(Quota::per_second(BURST)).allow_burst(BURST);
        Self {
            issuer: config.issuer.clone(),
            source: config.keys.clone(),
            url,
            documents,
            ttl: config.keys_ttl,
            known: RwLock::default(),
            turn: Mutex::default(),
            budget: DefaultDirectRateLimiter::direct(quota),
        }
    }

    /// Which keys are in force; another number, other keys.
    pub(super) async fn generation(self: &Arc<Self>) -> u64 {
        self.current().await.generation
    }

    /// The key a token names, for its algorithm, with the generation it belongs to.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<(DecodingKey, u64), Reason> {
        let since = Instant::now();
        let mut known = self.current().await;
        if known.find(id, algorithm).is_none() {
            let _turn = self.turn.lock().await;
            known = self.known();
            // Only an answer to a question that was sent after the token came can lack its key.
            let unasked = !known.was_asked_since(since) && known.find(id, algorithm).is_none();
            if unasked && self.budget.check().is_ok() {
                known = self.ask().await;
            }
        }
        let missing = if known.generation == 0 { Reason::IssuerDown } else { Reason::UnknownKey };
        known.find(id, algorithm).map(|key| (key.clone(), known.generation)).ok_or(missing)
    }

    /// What is published now, and when the first certificate among it ends. What is in force stays.
    pub(super) async fn published(&self) -> Result<(usize, Option<SystemTime>), String> {
        let keys = self.fetch().await?;
        Ok((keys.len(), keys.iter().filter_map(|key| key.until).min()))
    }

    pub(super) async fn probe(&self) -> Result<Probe, String> {
        self.documents.probe(&self.url).await
    }

    fn known(&self) -> Arc<Set> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys, not older than they may be. They are asked for beside the traffic in time, so that a call waits for
    /// the issuer only when there was none before it for long.
    async fn current(self: &Arc<Self>) -> Arc<Set> {
        let known = self.known();
        match known.age(self.ttl, Instant::now()) {
            Age::Fresh => known,
            Age::Old => {
                if self.turn.try_lock().is_ok() {
                    let keys = self.clone();
                    tokio::spawn(async move { keys.renew(Age::Old).await });
                }
                known
            }
            Age::Stale => self.renew(Age::Stale).await,
        }
    }

    /// Asks the issuer, unless keys of that age have become younger meanwhile. One asks at a time; the others wait.
    async fn renew(&self, age: Age) -> Arc<Set> {
        let _turn = self.turn.lock().await;
        let known = self.known();
        if known.age(self.ttl, Instant::now()) < age { known } else { self.ask().await }
    }

    /// Asks the issuer; the keys that are known then. Only for who has the turn.
    async fn ask(&self) -> Arc<Set> {
        let sent = Instant::now();
        let fetched = self.fetch().await;
        let known = self.known();
        let new = match fetched {
            Ok(keys) => {
                tracing::debug!(target: "auth", issuer = self.issuer, keys = keys.len(), "keys fetched");
                Set { generation: known.generation + 1, asked: Some(sent), answered: true, keys }
            }
            Err(error) => {
                let kept = known.keys.len();
                tracing::warn!(target: "auth", issuer = self.issuer, error, kept, "the issuer's keys cannot be fetched");
                Set { asked: Some(Instant::now()), answered: false, ..Set::clone(&known) }
            }
        };
        let new = Arc::new(new);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = new.clone();
        new
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
    fn was_asked_since(&self, moment: Instant) -> bool {
        self.asked.is_some_and(|asked| asked >= moment)
    }

    /// Keys that were never there are not old: who needs one finds none, and asks.
    fn age(&self, ttl: Duration, now: Instant) -> Age {
        let Some(asked) = self.asked.filter(|_| self.generation > 0) else { return Age::Fresh };
        let (old, stale) =
            if self.answered { (ttl / 2, ttl) } else { (RETRY.min(ttl / 2), PATIENCE.max(ttl)) };
        match now.saturating_duration_since(asked) {
            age if age < old => Age::Fresh,
            age if age < stale => Age::Old,
            _ => Age::Stale,
        }
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
        let first = jwk.common.x509_chain.as_ref().and_then(|chain| chain.first());
        let certificate = first.and_then(|text| BASE64_STANDARD.decode(text).ok()).map(CertificateDer::from);
        let until = certificate.as_ref().and_then(good_until);
        Some(Self { id: jwk.common.key_id, algorithm, key, until })
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
