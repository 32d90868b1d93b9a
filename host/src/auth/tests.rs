//! All kinds together: which credential is looked at, and what its refusal tells.

use std::{net::IpAddr, path::Path, sync::Arc};

use super::*;
use crate::{
    access::{Facts, Presets},
    config::{auth::resolve, front::Front, secrets::Secrets},
    egress::resolve::System,
    secret::Secret,
};

/// A host with this `auth` section, two tenants, and client certificates.
pub(super) fn auth(section: &str) -> Auth {
    let tls = crate::config::front::TlsFiles {
        certificate: "c".into(),
        key: "k".into(),
        client_ca: Some("ca".into()),
        required: false,
    };
    let front = Front { tls: Some(tls), ..Front::default() };
    let raw = serde_saphyr::from_str(section).unwrap();
    let config =
        resolve(raw, &["acme", "globex"], &Secrets::default(), &Presets::default(), &front, Path::new("/"))
            .unwrap();
    Auth::new("acme".into(), config, &System::shared()).unwrap()
}

/// A caller that may use nothing.
pub(crate) fn caller(tenant: &str, id: &str) -> Caller {
    let gate = Gate::new("auth", crate::limit::gate::CallLimits::default());
    Caller::new(id.into(), tenant.into(), false, Vec::new(), gate)
}

/// Whether a caller may use a tool.
pub(super) fn may(caller: &Caller, public_name: &str, read_only: bool) -> bool {
    let facts = Facts { public_name, service: "s", tags: &[], read_only, destructive: false };
    caller.principal.rights.each().any(|access| access.decide(&facts).is_allowed())
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// A key, and a section that knows it.
fn one_key(rest: &str) -> (Secret, Auth) {
    let key = key::generate().unwrap();
    let sha256 = key::fingerprint(&key);
    (key, auth(&format!("{{ api_keys: [{{ id: ci, sha256: '{sha256}', tenant: globex, {rest} }}] }}")))
}

async fn refused(auth: &Auth, credentials: Credentials) -> Reason {
    auth.authenticate(&credentials, None).await.unwrap_err().reason
}

#[tokio::test]
async fn without_a_section_everybody_is_local_and_may_do_everything() {
    let auth = Auth::local("acme".into());
    for credentials in
        [Credentials::Local, Credentials::Nothing, Credentials::Bearer(secret("x")), Credentials::Unreadable]
    {
        let caller = auth.authenticate(&credentials, None).await.unwrap();
        assert_eq!((&*caller.id, &*caller.tenant, caller.admin), ("local", "acme", true));
        assert!(may(&caller, "any_tool", false));
    }
}

#[tokio::test]
async fn an_api_key_passes_in_either_header() {
    let (key, auth) = one_key("tools: ['echo_*'], read_only: true");
    for credentials in [Credentials::ApiKey(key.clone()), Credentials::Bearer(key)] {
        let caller = auth.authenticate(&credentials, None).await.unwrap();
        assert_eq!((&*caller.id, &*caller.tenant, caller.admin), ("ci", "globex", false));
        let mine =
            [may(&caller, "echo_say", true), may(&caller, "echo_say", false), may(&caller, "add", true)];
        assert_eq!(mine, [true, false, false]);
    }
}

#[tokio::test]
async fn what_does_not_hold_is_refused_with_its_reason() {
    let (key, auth) = one_key("expires: 2020-01-01, tools: []");
    assert_eq!(refused(&auth, Credentials::ApiKey(key)).await, Reason::Expired);
    assert_eq!(refused(&auth, Credentials::Nothing).await, Reason::Missing);
    assert_eq!(refused(&auth, Credentials::Unreadable).await, Reason::Unreadable);
    assert_eq!(refused(&auth, Credentials::Bearer(secret("bulkhead_x"))).await, Reason::Unknown);
    let basic = Credentials::Basic { username: "ci".into(), password: secret("x") };
    assert_eq!(refused(&auth, basic).await, Reason::Unknown);
    let counted: Vec<_> = auth.refusals().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [("missing", 1), ("unreadable", 1), ("unknown", 2), ("expired", 1)]);
}

#[tokio::test]
async fn every_refusal_reads_alike() {
    let (key, auth) = one_key("expires: 2020-01-01, tools: []");
    let mut texts = std::collections::BTreeSet::new();
    for credentials in [
        Credentials::ApiKey(key),
        Credentials::Nothing,
        Credentials::Unreadable,
        Credentials::Bearer(secret("x")),
    ] {
        texts.insert(auth.authenticate(&credentials, None).await.unwrap_err().to_string());
    }
    assert_eq!(texts.len(), 1);
}

#[tokio::test]
async fn an_anonymous_caller_is_one_who_brings_nothing() {
    let auth = auth("{ anonymous: { tenant: globex, tools: [echo_say] } }");
    let caller = auth.authenticate(&Credentials::Nothing, None).await.unwrap();
    assert_eq!((&*caller.id, &*caller.tenant, caller.admin), ("anonymous", "globex", false));
    // A credential that does not hold is not taken for none.
    assert_eq!(refused(&auth, Credentials::Bearer(secret("x"))).await, Reason::Unknown);
    assert_eq!(refused(&auth, Credentials::Unreadable).await, Reason::Unreadable);
}

#[tokio::test]
async fn stdio_and_the_command_line_stay_local() {
    let (_, auth) = one_key("tools: []");
    assert_eq!(&*auth.authenticate(&Credentials::Local, None).await.unwrap().id, "local");
}

#[tokio::test]
async fn who_fails_too_often_waits_and_good_credentials_still_pass() {
    let (key, auth) = one_key("tools: []");
    let peer: Option<IpAddr> = Some("192.0.2.1".parse().unwrap());
    let wrong = Credentials::Bearer(secret("wrong"));
    let mut free = 0;
    while auth.authenticate(&wrong, peer).await.unwrap_err().retry_after.is_none() {
        free += 1;
        assert!(free < 100);
    }
    assert_eq!(free, 20);
    assert!(auth.authenticate(&Credentials::ApiKey(key), peer).await.is_ok());
    // Who brings nothing has not tried anything.
    let nothing = auth.authenticate(&Credentials::Nothing, peer).await.unwrap_err();
    assert_eq!((nothing.reason, nothing.retry_after), (Reason::Missing, None));
    let other = auth.authenticate(&wrong, Some("192.0.2.2".parse().unwrap())).await.unwrap_err();
    assert_eq!(other.retry_after, None);
}

#[tokio::test]
async fn a_certificate_is_a_credential_like_others() {
    let auth =
        auth("{ certificates: [{ id: agent, san: 'spiffe://acme/agent', tenant: acme, admin: true }] }");
    assert!(auth.takes_certificates());
    let shown = |name: &str| {
        let names = vec![name.to_owned()];
        Credentials::Certificate(Arc::new(certificate::ClientCertificate { names, fingerprint: [0; 32] }))
    };
    let caller = auth.authenticate(&shown("spiffe://acme/agent"), None).await.unwrap();
    assert_eq!((&*caller.id, caller.admin), ("agent", true));
    assert_eq!(refused(&auth, shown("spiffe://acme/other")).await, Reason::Unknown);
}
