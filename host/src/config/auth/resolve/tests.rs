//! What the `auth` section refuses, and in which words.

use super::*;
use crate::{
    config::{front::TlsFiles, raw::SecretSource},
    egress::resolve::System,
};

const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

fn front(client_ca: bool) -> Front {
    let tls = TlsFiles {
        certificate: "c".into(),
        key: "k".into(),
        client_ca: client_ca.then(|| "ca".into()),
        required: true,
    };
    Front { tls: Some(tls), public_url: Some("https://mcp.example".into()), ..Front::default() }
}

fn load(section: &str, front: &Front) -> Result<Auth, String> {
    let dir = tempfile::tempdir().unwrap();
    let secret = |name: &str, value: &str| {
        std::fs::write(dir.path().join(name), value).unwrap();
        (name.to_owned(), SecretSource { file: Some(name.into()), env: None })
    };
    let sources = [secret("long", "0123456789abcdef"), secret("short", "0123456789")].into();
    let secrets = Secrets::load(&sources, dir.path()).unwrap();
    let raw = serde_saphyr::from_str(section).map_err(|error| error.to_string())?;
    resolve(raw, &["acme"], &secrets, &access::Presets::default(), front, dir.path())
        .map_err(|error| error.to_string())
}

#[track_caller]
fn refused(section: &str, expected: &str) {
    let error = load(section, &front(true)).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn every_kind_can_be_written_at_once() {
    let zeros = "0".repeat(64);
    let section = format!(
        "api_keys: [{{ id: ci, sha256: '{zeros}', tenant: acme, tools: ['prometheus_*'], read_only: true, expires: 2027-01-01 }}]\n\
         bearer: [{{ id: old, token: '${{secret:long}}', tenant: acme, tools: [] }}]\n\
         basic: [{{ username: ada, password: '{HASH}', tenant: acme, admin: true }}]\n\
         jwt: [{{ issuer: 'https://idp.example/realm', tenant: acme, scopes: {{ 'tools:read': {{ tools: ['*'], read_only: true }} }} }}]\n\
         certificates: [{{ id: agent, san: 'spiffe://acme/agent', tenant: acme, tools: [] }}, {{ id: two, fingerprint: '{}', tenant: acme, tools: [] }}]\n\
         anonymous: {{ tenant: acme, tools: [utilities_get_time] }}",
        "AB:".repeat(32).trim_end_matches(':')
    );
    let auth = load(&section, &front(true)).unwrap();
    assert_eq!((auth.keys.len(), auth.users.len(), auth.certificates.len()), (2, 1, 2));
    let issuer = &auth.issuers[0];
    assert_eq!(
        (issuer.id.as_str(), &issuer.audiences[..]),
        ("idp.example", &["https://mcp.example/mcp".to_owned()][..])
    );
    let discovery = "https://idp.example/realm/.well-known/openid-configuration";
    assert_eq!(issuer.keys, KeySource::Discovery(discovery.into()));
    assert_eq!(issuer.algorithms, [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]);
    assert_eq!(auth.certificates[1].mark, CertificateMark::Fingerprint([0xab; 32]));
    assert!(crate::auth::Auth::new("acme".into(), auth, &System::shared()).is_ok());
}

#[test]
fn what_cannot_be_acted_on_is_refused() {
    let zeros = "0".repeat(64);
    let key =
        |rest: &str| format!("api_keys: [{{ id: ci, sha256: '{zeros}', tenant: acme, tools: [], {rest} }}]");
    refused("{}", "auth: lets nobody in");
    refused(
        "api_keys: [{ id: ci, sha256: abc, tenant: acme, tools: [] }]",
        "auth.api_keys[0]: sha256: must be 64 hexadecimal digits",
    );
    refused(&key("expires: tomorrow"), "`tomorrow` is not a date; write it like 2027-01-01");
    refused(&key("key: x"), "unknown field");
    let other =
        "api_keys: [{ id: ci, sha256: a, tenant: acm, tools: [] }]".replace(" a,", &format!(" '{zeros}',"));
    refused(&other, "there is no tenant `acm`. Did you mean `acme`?");
    refused(
        &format!("{}\nbearer: [{{ id: ci, token: '${{secret:long}}', tenant: acme, tools: [] }}]", key("")),
        "auth.bearer[0]: the id `ci` is taken",
    );
    refused(&key("").replace("id: ci", "id: local"), "the id `local` is taken");
    refused(&key("").replace("id: ci", "id: 'a:b'"), "is not a valid id");
    let twice = format!(
        "api_keys: [{{ id: a, sha256: '{zeros}', tenant: acme, tools: [] }}, {{ id: b, sha256: '{zeros}', tenant: acme, tools: [] }}]"
    );
    refused(&twice, "auth: the key of `b` is also another caller's");
    refused(
        "bearer: [{ id: a, token: '${secret:short}', tenant: acme, tools: [] }]",
        "shorter than 16 bytes",
    );
    refused(
        "bearer: [{ id: a, token: '0123456789abcdef', tenant: acme, tools: [] }]",
        "must not stand in this file",
    );
    refused(
        "basic: [{ username: a, password: hunter2, tenant: acme, tools: [] }]",
        "auth.basic[0]: password: is not a hash",
    );
    let weak = HASH.replace("argon2id", "argon2d");
    refused(
        &format!("basic: [{{ username: a, password: '{weak}', tenant: acme, tools: [] }}]"),
        "not an argon2id hash",
    );
    let greedy = HASH.replace("m=8,", "m=1000000,");
    refused(
        &format!("basic: [{{ username: a, password: '{greedy}', tenant: acme, tools: [] }}]"),
        "more than 256 MiB",
    );
    refused("certificates: [{ id: a, tenant: acme, tools: [] }]", "exactly one of `san` and `fingerprint`");
    refused(
        "certificates: [{ id: a, san: a@b.example, tenant: acme, tools: [] }]",
        "e-mail addresses are not supported",
    );
    refused(
        "certificates: [{ id: a, san: x, tenant: acme, tools: [] }, { id: b, san: X, tenant: acme, tools: [] }]",
        "each stands for one caller",
    );
    let section = "certificates: [{ id: a, san: x, tenant: acme, tools: [] }]";
    assert!(load(section, &front(false)).unwrap_err().contains("no effect without `server.tls.client_ca`"));
}

#[test]
fn an_issuer_that_cannot_be_trusted_is_refused() {
    let issuer = |rest: &str| format!("jwt: [{{ issuer: 'https://idp.example', audience: a, {rest} }}]");
    refused(&issuer("jwks_url: 'http://idp.example/keys', tenant: acme"), "jwks_url: must be https");
    refused(&issuer("discovery: nowhere, tenant: acme"), "discovery: `nowhere` is not a URL");
    refused(&issuer("jwks_url: 'https://a/', discovery: 'https://a/', tenant: acme"), "at most one of");
    refused(&issuer("algorithms: [HS256], tenant: acme"), "unknown variant");
    refused(&issuer("algorithms: [none], tenant: acme"), "unknown variant");
    refused(&issuer("algorithms: [], tenant: acme"), "must name at least one");
    refused(&issuer("leeway: 1h, tenant: acme"), "at most 5m");
    refused(&issuer("keys_ttl: 0s, tenant: acme"), "keys_ttl: must be from 1s to 24h");
    refused(&issuer("keys_ttl: 25h, tenant: acme"), "keys_ttl: must be from 1s to 24h");
    refused(&issuer(""), "needs `tenant`, or `tenant_claim` with `tenants`");
    refused(&issuer("tenant_claim: tid"), "needs `tenant`, or");
    refused(&issuer("tenant_claim: tid, tenants: { x: nobody }"), "there is no tenant `nobody`");
    refused(&issuer("required_scopes: ['a b'], tenant: acme"), "`a b` is not a scope");
    refused(&issuer("network: { ca: nope.pem }, tenant: acme"), "network.ca: there is no file");
    refused(
        "jwt: [{ issuer: 'http://idp.example', audience: a, tenant: acme, tools: [] }]",
        "issuer: must be https",
    );
    let nameless = "jwt: [{ issuer: 'https://idp.example', tenant: acme, tools: [] }]";
    let front = Front { public_url: None, ..front(true) };
    assert!(load(nameless, &front).unwrap_err().contains("or set `server.public_url`"));
}

#[test]
fn a_listener_that_others_can_reach_needs_authentication_and_tls() {
    let (outside, inside) = (([0, 0, 0, 0], 80).into(), ([127, 0, 0, 1], 80).into());
    let check = |listen, auth: Option<&Auth>, front: &Front| {
        check_exposure(listen, auth, front).map_err(|error| error.to_string())
    };
    let plain = Front::default();
    let anonymous =
        |rest: &str| load(&format!("anonymous: {{ tenant: acme, tools: [] {rest} }}"), &plain).unwrap();
    let key = load(
        &format!("api_keys: [{{ id: ci, sha256: '{}', tenant: acme, tools: [] }}]", "0".repeat(64)),
        &plain,
    )
    .unwrap();
    assert_eq!(check(inside, None, &plain), Ok(()));
    assert_eq!(check(inside, Some(&anonymous("")), &plain), Ok(()));
    assert!(
        check(outside, None, &front(false))
            .unwrap_err()
            .starts_with("server.listen: 0.0.0.0:80 can be reached")
    );
    assert!(
        check(outside, Some(&anonymous("")), &front(false)).unwrap_err().contains("write `exposed: true`")
    );
    assert_eq!(check(outside, Some(&anonymous(", exposed: true")), &front(false)), Ok(()));
    assert!(check(outside, Some(&key), &plain).unwrap_err().contains("add `server.tls`"));
    assert_eq!(check(outside, Some(&key), &front(false)), Ok(()));
    assert_eq!(check(outside, Some(&key), &Front { plaintext: true, ..plain }), Ok(()));
}
