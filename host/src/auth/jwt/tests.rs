//! Tokens of an issuer made up here: its keys, its server, and what others would pass for its tokens.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::RwLock,
};

use crate::{
    auth::{
        Auth, Caller, Reason, Unauthenticated,
        tests::{self, may},
    },
    request::Credentials,
    secret::Secret,
};

/// An issuer's server: `/keys` are its keys, `/metadata` its metadata.
struct Idp {
    address: std::net::SocketAddr,
    keys: Arc<Mutex<Option<Value>>>,
    asked: Arc<AtomicUsize>,
    /// Who has it for writing keeps answers back that were made.
    hold: Arc<RwLock<()>>,
}

impl Idp {
    /// Serves the public keys of `keys`; without, it answers 503.
    async fn start(keys: Option<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (keys, asked) = (Arc::new(Mutex::new(keys)), Arc::new(AtomicUsize::new(0)));
        let hold = Arc::<RwLock<()>>::default();
        let (served, count, held) = (keys.clone(), asked.clone(), hold.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let metadata = request[..read].starts_with(b"GET /metadata ");
                let body = if metadata {
                    let uri = format!("http://{address}/keys");
                    Some(json!({ "issuer": "https://idp.example", "jwks_uri": uri }).to_string())
                } else {
                    let body = served.lock().unwrap().as_ref().map(Value::to_string);
                    count.fetch_add(1, Ordering::SeqCst);
                    let _pass = held.read().await;
                    body
                };
                let (status, body) = body.map_or(("503 Unavailable", String::new()), |body| ("200 OK", body));
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { address, keys, asked, hold }
    }

    fn serve(&self, keys: Option<Value>) {
        *self.keys.lock().unwrap() = keys;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A host that trusts it; `rest` are further keys of the entry.
    fn host(&self, rest: &str) -> Auth {
        tests::auth(&format!(
            "jwt: [{{ issuer: 'https://idp.example', id: idp, audience: host, jwks_url: 'http://{}/keys', {rest} }}]",
            self.address
        ))
    }
}

fn key(number: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap()
}

/// The set of some keys; each is named by its number.
fn keys(numbers: &[u8]) -> Option<Value> {
    let jwk = |number: &u8| {
        let x = BASE64.encode(key(*number).public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": number.to_string(), "use": "sig" })
    };
    Some(json!({ "keys": numbers.iter().map(jwk).collect::<Vec<_>>() }))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Claims that are all right, with some changed; null removes one.
fn claims(changes: Value) -> Value {
    let mut claims = json!({ "iss": "https://idp.example", "aud": "host", "sub": "ada", "exp": now() + 600 });
    merge(&mut claims, changes);
    claims
}

fn merge(value: &mut Value, changes: Value) {
    let Value::Object(changes) = changes else { panic!("{changes}") };
    for (name, change) in changes {
        if change.is_null() {
            value.as_object_mut().unwrap().remove(&name);
        } else {
            value[name] = change;
        }
    }
}

fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> Secret {
    let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    let signature = BASE64.encode(sign(message.as_bytes()));
    Secret::new(format!("{message}.{signature}"))
}

/// A token signed by key `number`, with changes of its claims.
fn token(number: u8, changes: Value) -> Secret {
    let header = json!({ "alg": "EdDSA", "kid": number.to_string(), "typ": "JWT" });
    signed(&header, &claims(changes), |message| key(number).sign(message).as_ref().to_vec())
}

async fn check(host: &Auth, token: Secret) -> Result<Caller, Unauthenticated> {
    host.authenticate(&Credentials::Bearer(token), None).await
}

async fn refused(host: &Auth, token: Secret) -> Reason {
    check(host, token).await.unwrap_err().reason
}

#[tokio::test]
async fn a_token_of_the_issuer_is_accepted_and_its_keys_are_fetched_once() {
    let idp = Idp::start(keys(&[1])).await;
    let host = idp.host("tenant: acme");
    for subject in ["ada", "ada", "bob"] {
        let caller = check(&host, token(1, json!({ "sub": subject }))).await.unwrap();
        assert_eq!((&*caller.id, &*caller.tenant), (&*format!("idp:{subject}"), "acme"));
    }
    assert_eq!(idp.asked(), 1);
}

#[tokio::test]
async fn keys_are_found_through_the_metadata() {
    let idp = Idp::start(keys(&[1])).await;
    let entry = |issuer: &str| {
        format!(
            "jwt: [{{ issuer: '{issuer}', audience: host, discovery: 'http://{}/metadata', tenant: acme }}]",
            idp.address
        )
    };
    assert!(check(&tests::auth(&entry("https://idp.example")), token(1, json!({}))).await.is_ok());
    // Metadata of another issuer proves nothing about this one.
    let other = tests::auth(&entry("https://other.example"));
    assert_eq!(
        refused(&other, token(1, json!({ "iss": "https://other.example" }))).await,
        Reason::IssuerDown
    );
}

#[tokio::test]
async fn each_flaw_of_a_token_is_refused() {
    let idp = Idp::start(keys(&[1])).await;
    let host = idp.host("tenant: acme, leeway: 5s");
    let flaws = [
        (json!({ "exp": now() - 10 }), Reason::Expired),
        (json!({ "nbf": now() + 60 }), Reason::NotYetValid),
        (json!({ "aud": "another" }), Reason::Audience),
        (json!({ "aud": ["another", "hosts"] }), Reason::Audience),
        (json!({ "iss": "https://idp.example/" }), Reason::Issuer),
        (json!({ "iss": null }), Reason::Issuer),
        (json!({ "exp": null }), Reason::Claims),
        (json!({ "exp": "soon" }), Reason::Claims),
        (json!({ "aud": null }), Reason::Claims),
        (json!({ "sub": null }), Reason::Claims),
        (json!({ "sub": "" }), Reason::Claims),
        (json!({ "sub": "a\nb" }), Reason::Claims),
        (json!({ "sub": 7 }), Reason::Claims),
        (json!({ "cnf": { "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } }), Reason::Claims),
    ];
    for (changes, reason) in flaws {
        assert_eq!(refused(&host, token(1, changes.clone())).await, reason, "{changes}");
    }
    for good in [json!({ "exp": now() - 2 }), json!({ "nbf": now() + 2 }), json!({ "aud": ["x", "host"] })] {
        assert!(check(&host, token(1, good.clone())).await.is_ok(), "{good}");
    }
}

#[tokio::test]
async fn a_signature_that_is_not_the_issuers_is_refused() {
    let idp = Idp::start(keys(&[1, 2])).await;
    let host = idp.host("tenant: acme");
    let header = json!({ "alg": "EdDSA", "kid": "1" });
    let by = |number: u8| move |message: &[u8]| key(number).sign(message).as_ref().to_vec();
    assert_eq!(refused(&host, signed(&header, &claims(json!({})), by(2))).await, Reason::Signature);
    assert_eq!(refused(&host, signed(&header, &claims(json!({})), |_| Vec::new())).await, Reason::Signature);
    // What another token was signed with does not fit this one.
    let (one, two) = (token(1, json!({})), token(1, json!({ "sub": "root" })));
    let (_, signature) = one.expose().rsplit_once('.').unwrap();
    let (message, _) = two.expose().rsplit_once('.').unwrap();
    assert_eq!(refused(&host, Secret::new(format!("{message}.{signature}"))).await, Reason::Signature);
}

#[tokio::test]
async fn no_token_chooses_its_own_algorithm() {
    let idp = Idp::start(keys(&[1])).await;
    let host = idp.host("tenant: acme");
    let public = key(1).public_key().as_ref().to_vec();
    let jwk = keys(&[1]).unwrap()["keys"][0].to_string();
    for secret in [public, jwk.into_bytes()] {
        let by_public_key = |message: &[u8]| {
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&secret).unwrap();
            mac.update(message);
            mac.finalize().into_bytes().to_vec()
        };
        let header = json!({ "alg": "HS256", "kid": "1" });
        assert_eq!(
            refused(&host, signed(&header, &claims(json!({})), by_public_key)).await,
            Reason::Algorithm
        );
    }
    for none in ["none", "None", "NONE", ""] {
        let header = json!({ "alg": none, "kid": "1" });
        assert_eq!(
            refused(&host, signed(&header, &claims(json!({})), |_| Vec::new())).await,
            Reason::Unknown
        );
    }
    // One that is accepted, and not of this key.
    let header = json!({ "alg": "ES256", "kid": "1" });
    let unknown = refused(&host, signed(&header, &claims(json!({})), |_| vec![0; 64])).await;
    assert_eq!(unknown, Reason::UnknownKey);
    // One of this key, and not accepted.
    let host = idp.host("tenant: acme, algorithms: [RS256]");
    assert_eq!(refused(&host, token(1, json!({}))).await, Reason::Algorithm);
}

#[tokio::test]
async fn a_header_that_says_more_than_the_host_knows_is_refused() {
    let idp = Idp::start(keys(&[1])).await;
    let host = idp.host("tenant: acme");
    let with = |changes: Value| {
        let mut header = json!({ "alg": "EdDSA", "kid": "1" });
        merge(&mut header, changes);
        signed(&header, &claims(json!({})), |message| key(1).sign(message).as_ref().to_vec())
    };
    for odd in [json!({ "typ": "logout+jwt" }), json!({ "typ": "dpop+jwt" }), json!({ "crit": ["exp"] })] {
        assert_eq!(refused(&host, with(odd.clone())).await, Reason::Claims, "{odd}");
    }
    for good in [json!({}), json!({ "typ": "at+JWT" }), json!({ "typ": "application/at+jwt" })] {
        assert!(check(&host, with(good.clone())).await.is_ok(), "{good}");
    }
    // Keys that a token brings, or says where to find, are not looked at.
    let own = keys(&[9]).unwrap()["keys"][0].clone();
    let header =
        json!({ "alg": "EdDSA", "kid": "9", "jwk": own, "jku": format!("http://{}/own", idp.address) });
    let forged = signed(&header, &claims(json!({})), |message| key(9).sign(message).as_ref().to_vec());
    assert_eq!(refused(&host, forged).await, Reason::UnknownKey);
}

#[tokio::test]
async fn keys_can_be_rotated_while_the_host_serves() {
    let idp = Idp::start(keys(&[1])).await;
    let host = idp.host("tenant: acme");
    let old = token(1, json!({}));
    assert!(check(&host, old.clone()).await.is_ok());
    idp.serve(keys(&[1, 2]));
    assert!(check(&host, token(2, json!({}))).await.is_ok());
    assert!(check(&host, old.clone()).await.is_ok());
    // Withdrawn: a token that was verified before is not good for longer than its key.
    idp.serve(keys(&[2, 3]));
    assert!(check(&host, token(3, json!({}))).await.is_ok());
    assert_eq!(refused(&host, old).await, Reason::UnknownKey);
}

/// The keys' clock goes on; that of claims is the system's and stays.
async fn later(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn no_key_is_used_for_longer_than_its_time_without_asking() {
    for (setting, seconds) in [("", 300), (", keys_ttl: 2s", 2)] {
        let idp = Idp::start(keys(&[1])).await;
        let host = idp.host(&format!("tenant: acme{setting}"));
        let (old, other) = (token(1, json!({})), token(1, json!({ "sub": "bob" })));
        assert!(check(&host, old.clone()).await.is_ok());
        idp.serve(keys(&[2]));
        // Nobody called for that long; the first that comes finds the key gone, be its token remembered or not.
        later(seconds).await;
        assert_eq!(refused(&host, old).await, Reason::UnknownKey);
        assert_eq!(refused(&host, other).await, Reason::UnknownKey);
        assert!(check(&host, token(2, json!({}))).await.is_ok());
    }
}

#[tokio::test]
async fn keys_are_asked_for_beside_the_traffic_before_they_are_too_old() {
    let idp = Idp::start(keys(&[1])).await;
    let host = idp.host("tenant: acme, keys_ttl: 1h");
    let old = token(1, json!({}));
    assert!(check(&host, old.clone()).await.is_ok());
    idp.serve(keys(&[2]));
    later(1700).await;
    assert!(check(&host, old.clone()).await.is_ok());
    assert_eq!(idp.asked(), 1);
    later(200).await;
    // It is not kept waiting, and what it set off takes effect.
    assert!(check(&host, old.clone()).await.is_ok());
    while check(&host, old.clone()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(refused(&host, old).await, Reason::UnknownKey);
}

#[tokio::test]
async fn an_issuer_that_stays_down_is_asked_beside_the_traffic_and_keeps_nobody_waiting() {
    let idp = Idp::start(keys(&[1])).await;
    let host = idp.host("tenant: acme, keys_ttl: 30s");
    let held = token(1, json!({}));
    assert!(check(&host, held.clone()).await.is_ok());
    idp.serve(None);
    later(30).await;
    assert!(check(&host, held.clone()).await.is_ok());
    assert_eq!(idp.asked(), 2);
    // It was asked a moment ago.
    assert!(check(&host, held.clone()).await.is_ok());
    assert_eq!(idp.asked(), 2);
    // Back, with other keys: a call finds out, and the next ones are told.
    idp.serve(keys(&[2]));
    later(40).await;
    assert!(check(&host, held.clone()).await.is_ok());
    while check(&host, held.clone()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(refused(&host, held).await, Reason::UnknownKey);
}

#[tokio::test]
async fn a_key_that_comes_while_the_issuer_is_being_asked_is_found() {
    let idp = Idp::start(keys(&[1])).await;
    let host = idp.host("tenant: acme");
    assert!(check(&host, token(1, json!({}))).await.is_ok());
    let held = idp.hold.clone().write_owned().await;
    let first = check(&host, token(9, json!({})));
    let rest = async {
        while idp.asked() < 2 {
            tokio::task::yield_now().await;
        }
        // The answer is on its way, and was made before the key was there.
        idp.serve(keys(&[1, 2]));
        futures::join!(check(&host, token(2, json!({}))), async { drop(held) }).0
    };
    let (first, second) = futures::join!(first, rest);
    assert_eq!(first.unwrap_err().reason, Reason::UnknownKey);
    assert!(second.is_ok());
    assert_eq!(idp.asked(), 3);
}

#[tokio::test]
async fn made_up_key_names_do_not_make_the_host_ask_without_end() {
    let idp = Idp::start(keys(&[1])).await;
    let host = idp.host("tenant: acme");
    for number in 2..=100 {
        assert_eq!(refused(&host, token(number, json!({}))).await, Reason::UnknownKey);
    }
    assert_eq!(idp.asked(), 5);
    assert!(check(&host, token(1, json!({}))).await.is_ok());
}

#[tokio::test]
async fn many_tokens_at_once_ask_the_issuer_once() {
    let idp = Idp::start(keys(&[1])).await;
    let host = idp.host("tenant: acme");
    let tokens = (0..50).map(|number| token(1, json!({ "sub": format!("user {number}") })));
    let checks: Vec<_> = tokens.map(|token| check(&host, token)).collect();
    assert!(futures::future::join_all(checks).await.iter().all(Result::is_ok));
    assert_eq!(idp.asked(), 1);
}

#[tokio::test]
async fn an_issuer_that_is_down_is_waited_for_and_its_known_keys_stay_good() {
    let idp = Idp::start(None).await;
    let host = idp.host("tenant: acme");
    assert_eq!(refused(&host, token(1, json!({}))).await, Reason::IssuerDown);
    idp.serve(keys(&[1]));
    assert!(check(&host, token(1, json!({}))).await.is_ok());
    idp.serve(None);
    assert_eq!(refused(&host, token(2, json!({}))).await, Reason::UnknownKey);
    assert!(check(&host, token(1, json!({ "sub": "bob" }))).await.is_ok());
}

#[tokio::test]
async fn scopes_give_rights_and_a_missing_one_is_named() {
    let idp = Idp::start(keys(&[1])).await;
    let scopes = "required_scopes: [mcp], scopes: { 'tools:read': { tools: ['*'], read_only: true }, 'tools:all': { tools: ['*'] } }";
    let host = idp.host(&format!("tenant: acme, tools: ['echo_*'], {scopes}"));
    // A tool of its own, one that only reads, one that does not.
    let rights = |caller: Caller| {
        [("echo_say", false), ("get", true), ("put", false)].map(|(tool, reads)| may(&caller, tool, reads))
    };
    let plain = check(&host, token(1, json!({ "scope": "mcp other" }))).await.unwrap();
    assert_eq!(rights(plain), [true, false, false]);
    let more = check(&host, token(1, json!({ "scp": ["mcp", "tools:read"] }))).await.unwrap();
    assert_eq!(rights(more), [true, true, false]);
    let lacks = check(&host, token(1, json!({ "scope": "tools:read" }))).await.unwrap_err();
    assert_eq!(
        (lacks.reason, &*lacks.scopes),
        (Reason::Scope, &["mcp".to_owned(), "tools:read".to_owned()][..])
    );
    // A part of a scope's name is not the scope.
    assert_eq!(refused(&host, token(1, json!({ "scope": "mcpx" }))).await, Reason::Scope);
}

#[tokio::test]
async fn a_claim_says_which_tenant_and_who_is_an_admin() {
    let idp = Idp::start(keys(&[1])).await;
    let host = idp.host(
        "tenant_claim: tid, tenants: { t-1: acme, t-2: globex }, subject_claim: email, admin_claim: { claim: groups, value: ops }",
    );
    let with = |changes: Value| {
        let mut all = json!({ "tid": "t-2", "email": "ada@x.example", "groups": ["dev", "ops"] });
        merge(&mut all, changes);
        token(1, all)
    };
    let caller = check(&host, with(json!({}))).await.unwrap();
    assert_eq!((&*caller.id, &*caller.tenant, caller.admin), ("idp:ada@x.example", "globex", true));
    for groups in [json!(["dev", "devops"]), json!("dev"), Value::Null] {
        assert!(!check(&host, with(json!({ "groups": groups }))).await.unwrap().admin);
    }
    for tenant in [json!("t-3"), json!("acme"), json!(["t-1"]), Value::Null] {
        assert_eq!(refused(&host, with(json!({ "tid": tenant }))).await, Reason::Tenant);
    }
}

/// Signed elsewhere, with a key that no longer exists.
#[tokio::test]
async fn an_rsa_signature_is_checked() {
    let n = "w499TVknfULsuFLvmbBnlY-yHjAq67Ma1GqD_H90DZB5B69MEkhvkDwRiQf3-OcASuqe6WOU6_tr6kANlc2691vh-QOm5AcZR2nnKuF9nwQEQAuREXWJQEMAoPPjUCoXo_g934nYTjgL4oPH2Z2a7FnnXcjxAPUdumUefSC3AXKvcwQaoP7XEgayxCljnotIGNKd7D9_JtRzWD9Oi0fFOZhs30y9tLH_EBCpgs2AwG8dEr9PHxWsxGC9vIhrsmFQrvjcYzyscvDck5HTNu6f2Ctl8ZZtnc2yqcmIXTGnsBJTwCousMh5PPJND0O88ZTi88BKgKf9bKFx8z6YRoEt1w";
    let good = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InIifQ.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwiYXVkIjoiaG9zdCIsInN1YiI6InJzYSIsImV4cCI6NDEwMjQ0NDgwMH0.AiEVlElJGfxm5NtNcIEK1pLsMJkw-XHataGe0iGI9QnTBIQ13tEUJV92El8dSA8vggx1B3SWBs-BpTHjcEl8JdfdWVD-pQluxb0J78pkHm_Vdkn-1FMr2x3wz9ng4Cw_222jfHl-NMWDTvYmMNR9MpFX_uQv3TjtmYZhuMUQ4pUHf_sRMp_VK2QuvqBp0A5Z4JCC3ajaBwlrSDyk3YjJDMofPNEiL0m7v-oiDZZFIcvEwJfxdHFIzb13Uum9pOodS1F85GyQUbGxtk9lZmcPm76ZCzhZVDL9BLqnQFkI18xhbkRqaC5RcAIDxosxSY7K-ZnCuTY5IMC1H70aO8ir3g";
    let idp = Idp::start(Some(json!({ "keys": [{ "kty": "RSA", "n": n, "e": "AQAB", "kid": "r" }] }))).await;
    let host = idp.host("tenant: acme");
    assert_eq!(&*check(&host, Secret::new(good.into())).await.unwrap().id, "idp:rsa");
    let (message, signature) = good.rsplit_once('.').unwrap();
    let other = format!("{message}.{}", signature.chars().rev().collect::<String>());
    assert_eq!(refused(&host, Secret::new(other)).await, Reason::Signature);
    // The classic: the public key, taken for the secret of an HMAC.
    let header = json!({ "alg": "HS256", "kid": "r" });
    let by_modulus = |message: &[u8]| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&BASE64.decode(n).unwrap()).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    };
    assert_eq!(refused(&host, signed(&header, &claims(json!({})), by_modulus)).await, Reason::Algorithm);
}

#[tokio::test]
async fn an_ecdsa_signature_is_checked() {
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let random = ring::rand::SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref(), &random).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let jwk =
        json!({ "kty": "EC", "crv": "P-256", "x": BASE64.encode(x), "y": BASE64.encode(y), "kid": "e" });
    let idp = Idp::start(Some(json!({ "keys": [jwk] }))).await;
    let host = idp.host("tenant: acme");
    let header = json!({ "alg": "ES256", "kid": "e" });
    let by = |message: &[u8]| pair.sign(&random, message).unwrap().as_ref().to_vec();
    assert!(check(&host, signed(&header, &claims(json!({})), by)).await.is_ok());
    // CVE-2022-21449: r and s that are zero.
    assert_eq!(refused(&host, signed(&header, &claims(json!({})), |_| vec![0; 64])).await, Reason::Signature);
}

#[tokio::test]
async fn a_token_is_forgotten_when_it_expires() {
    let idp = Idp::start(keys(&[1])).await;
    let host = idp.host("tenant: acme, leeway: 0s");
    let short = token(1, json!({ "exp": now() + 1 }));
    assert!(check(&host, short.clone()).await.is_ok());
    tokio::time::sleep(Duration::from_millis(2100)).await; // the clock of the claims is the system's, in seconds
    assert_eq!(refused(&host, short).await, Reason::Expired);
}

proptest! {
    #[test]
    fn whatever_is_sent_as_a_token_is_refused_without_a_panic(
        text in "[A-Za-z0-9_.-]{0,200}", header in "\\PC{0,40}", claims in "\\PC{0,40}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let host = tests::auth("jwt: [{ issuer: 'https://idp.example', audience: host, jwks_url: 'http://127.0.0.1:1/', tenant: acme }]");
        let built = format!("{}.{}.x", BASE64.encode(header), BASE64.encode(claims));
        for token in [text, built] {
            prop_assert!(runtime.block_on(check(&host, Secret::new(token))).is_err());
        }
    }
}
