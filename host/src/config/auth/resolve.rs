//! From the `auth` section as written to what can be acted on.

use std::{
    collections::BTreeSet, net::SocketAddr, ops::RangeInclusive, path::Path, sync::Arc, time::Duration,
};

use argon2::password_hash::phc::PasswordHash;
use jsonwebtoken::Algorithm;
use sha2::{Digest, Sha256};

use super::{
    Auth, Certificate, CertificateMark, Identity, Issuer, Key, KeySource, Rights, Tenants, User, raw,
};
use crate::{
    access,
    config::{
        front::Front,
        resolve::{ResolveError, at},
        secrets::Secrets,
    },
    egress::{oauth2::is_local, target::Target},
    limit::gate,
    secret::Secret,
};

/// A token shorter than this could be guessed.
const SHORTEST_TOKEN: usize = 16;
/// The most a password's hash may ask for, so that a slip does not take the host's memory: 256 MiB.
const MOST_MEMORY: u32 = 256 << 10;
/// Clocks that differ by more are broken.
const LONGEST_LEEWAY: Duration = Duration::from_secs(300);
/// A key that was stolen, and withdrawn, counts no longer than this; an issuer is asked twice in that time.
const KEYS_TTL: Duration = Duration::from_secs(300);
/// For less the issuer would be asked all the time; for more, withdrawing a key would mean little.
const KEYS_TTLS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);

/// What the section is checked against.
struct Known<'a> {
    tenants: &'a [&'a str],
    secrets: &'a Secrets,
    presets: &'a access::Presets,
    front: &'a Front,
    base: &'a Path,
    ids: BTreeSet<String>,
}

/// Resolves the section. Callers belong to one of `tenants`; relative paths start at `base`.
///
/// # Errors
/// Names the key and says what to write instead.
pub fn resolve(
    raw: raw::Auth,
    tenants: &[&str],
    secrets: &Secrets,
    presets: &access::Presets,
    front: &Front,
    base: &Path,
) -> Result<Auth, ResolveError> {
    let ids = ["local", "anonymous"].map(str::to_owned).into();
    let mut known = Known { tenants, secrets, presets, front, base, ids };
    let mut auth = Auth::default();
    for (i, key) in raw.api_keys.into_iter().enumerate() {
        auth.keys.push(api_key(&key, &mut known).map_err(at(format!("auth.api_keys[{i}]")))?);
    }
    for (i, bearer) in raw.bearer.into_iter().enumerate() {
        auth.keys.push(self::bearer(&bearer, &mut known).map_err(at(format!("auth.bearer[{i}]")))?);
    }
    let mut digests = BTreeSet::new();
    if let Some(twice) = auth.keys.iter().find(|key| !digests.insert(key.digest)) {
        let id = &twice.identity.id;
        return Err(at("auth")(format!("the key of `{id}` is also another caller's; make a new one")));
    }
    for (i, user) in raw.basic.into_iter().enumerate() {
        auth.users.push(self::user(user, &mut known).map_err(at(format!("auth.basic[{i}]")))?);
    }
    for (i, issuer) in raw.jwt.into_iter().enumerate() {
        let issuer = self::issuer(issuer, &mut known).map_err(at(format!("auth.jwt[{i}]")))?;
        if auth.issuers.iter().any(|other| other.issuer == issuer.issuer) {
            return Err(at(format!("auth.jwt[{i}].issuer"))(
                "is there twice; each issuer has one entry".into(),
            ));
        }
        auth.issuers.push(issuer);
    }
    for (i, written) in raw.certificates.into_iter().enumerate() {
        let certificate = certificate(&written, &mut known).map_err(at(format!("auth.certificates[{i}]")))?;
        if auth.certificates.iter().any(|other| other.mark == certificate.mark) {
            let message = "has the `san` or `fingerprint` of another; each stands for one caller";
            return Err(at(format!("auth.certificates[{i}]"))(message.into()));
        }
        auth.certificates.push(certificate);
    }
    if let Some(anonymous) = raw.anonymous {
        auth.exposed = anonymous.exposed;
        let tenant = known.tenant(&anonymous.tenant).map_err(at("auth.anonymous"))?;
        let rights = known.rights(anonymous.access(), anonymous.limits).map_err(at("auth.anonymous"))?;
        let id = "anonymous".into();
        auth.anonymous = Some(Identity { id, tenant, admin: false, rights });
    }
    if !auth.accepts_credentials() && auth.anonymous.is_none() {
        return Err(at("auth")(
            "lets nobody in; add `api_keys`, `bearer`, `basic`, `jwt`, `certificates` or `anonymous`, or remove the section"
                .into(),
        ));
    }
    Ok(auth)
}

/// Whether the listener may be where it is: what other machines can reach needs authentication, and TLS.
///
/// # Errors
/// Names the key that is missing.
pub fn check_exposure(listen: SocketAddr, auth: Option<&Auth>, front: &Front) -> Result<(), ResolveError> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    let Some(auth) = auth else {
        return Err(at("server.listen")(format!(
            "{listen} can be reached from other machines, and there is no authentication; add an `auth` section \
             (`bulkhead key new` makes a key), listen on 127.0.0.1, or write `auth: {{ anonymous: {{ …, exposed: true }} }}` \
             to let strangers call"
        )));
    };
    if auth.anonymous.is_some() && !auth.exposed {
        return Err(at("auth.anonymous")(format!(
            "{listen} can be reached from other machines; write `exposed: true` if strangers may call, or remove `anonymous`"
        )));
    }
    if front.tls.is_none() && !front.plaintext {
        return Err(at("server.listen")(format!(
            "{listen} can be reached from other machines, and credentials would cross the network in the clear; \
             add `server.tls`, or write `server.plaintext: true` if a proxy in front speaks TLS"
        )));
    }
    Ok(())
}

impl Auth {
    /// Whether there is any kind of credential it takes.
    #[must_use]
    pub fn accepts_credentials(&self) -> bool {
        !(self.keys.is_empty()
            && self.users.is_empty()
            && self.issuers.is_empty()
            && self.certificates.is_empty())
    }
}

impl Known<'_> {
    fn tenant(&self, name: &str) -> Result<Arc<str>, String> {
        if self.tenants.contains(&name) {
            return Ok(name.into());
        }
        let hint = crate::config::load::suggestion(name, self.tenants);
        Err(format!("tenant: there is no tenant `{name}`. {hint}"))
    }

    fn identity(&mut self, id: &str, tenant: &str, admin: bool, rights: Rights) -> Result<Identity, String> {
        self.id(id)?;
        Ok(Identity { id: id.into(), tenant: self.tenant(tenant)?, admin, rights })
    }

    /// What a caller may do. An error names the key below the caller's.
    fn rights(&self, access: raw::Access, calls: raw::CallLimits) -> Result<Rights, String> {
        let access = self.access(access)?;
        Ok(Rights { access: vec![access.into()], calls: self.calls(calls)? })
    }

    /// The same, of a caller that may be an admin.
    fn caller(&self, admin: bool, access: raw::Access, calls: raw::CallLimits) -> Result<Rights, String> {
        if admin { self.some_rights(access, calls) } else { self.rights(access, calls) }
    }

    /// The same, of one that may do without tools: an admin, or an issuer whose scopes say more.
    fn some_rights(&self, access: raw::Access, calls: raw::CallLimits) -> Result<Rights, String> {
        if access.tools.is_none() && access.presets.is_empty() {
            return Ok(Rights { access: Vec::new(), calls: self.calls(calls)? });
        }
        self.rights(access, calls)
    }

    fn access(&self, access: raw::Access) -> Result<access::Access, String> {
        below(crate::config::access::resolve(access, self.presets, ""))
    }

    fn calls(&self, calls: raw::CallLimits) -> Result<gate::CallLimits, String> {
        below(calls.resolve(".limits"))
    }

    /// A name in logs; `:` separates an issuer from its subject, so that neither can pass for the other.
    fn id(&mut self, id: &str) -> Result<(), String> {
        let letters = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@-".contains(&b));
        if id.is_empty() || id.len() > 64 || !letters {
            return Err(format!(
                "`{id}` is not a valid id: letters, digits, `.`, `_`, `@` and `-`, at most 64"
            ));
        }
        if !self.ids.insert(id.to_owned()) {
            return Err(format!("the id `{id}` is taken; each caller needs its own"));
        }
        Ok(())
    }
}

fn api_key(raw: &raw::ApiKey, known: &mut Known<'_>) -> Result<Key, String> {
    let digest = digest(&raw.sha256).ok_or(
        "sha256: must be 64 hexadecimal digits; `bulkhead key new` makes a key and prints the entry for it",
    )?;
    let rights = known.caller(raw.admin, raw.access(), raw.limits)?;
    let identity = known.identity(&raw.id, &raw.tenant, raw.admin, rights)?;
    Ok(Key { digest, api: true, expires: raw.expires.map(|date| date.0), identity })
}

fn bearer(raw: &raw::Bearer, known: &mut Known<'_>) -> Result<Key, String> {
    let rights = known.caller(raw.admin, raw.access(), raw.limits)?;
    let identity = known.identity(&raw.id, &raw.tenant, raw.admin, rights)?;
    let filled = known.secrets.fill(&raw.token).map_err(|why| format!("token: {why}"))?;
    if filled.secrets.is_empty() {
        return Err("token: must not stand in this file; write `${secret:NAME}`".to_owned());
    }
    let token = filled.text.expose().as_bytes();
    if token.len() < SHORTEST_TOKEN {
        return Err(format!("token: is shorter than {SHORTEST_TOKEN} bytes and could be guessed"));
    }
    Ok(Key { digest: Sha256::digest(token).into(), api: false, expires: None, identity })
}

fn user(raw: raw::Basic, known: &mut Known<'_>) -> Result<User, String> {
    let how = "`bulkhead key hash-password` makes one";
    let hash = PasswordHash::new(&raw.password)
        .map_err(|_| format!("password: is not a hash in PHC format; {how}"))?;
    let memory = argon2::Params::try_from(&hash).map(|params| params.m_cost());
    if hash.algorithm.as_str() != "argon2id" || hash.hash.is_none() {
        return Err(format!("password: is not an argon2id hash; {how}"));
    }
    if !memory.is_ok_and(|memory| memory <= MOST_MEMORY) {
        return Err(format!("password: its parameters are odd or ask for more than 256 MiB; {how}"));
    }
    let rights = known.caller(raw.admin, raw.access(), raw.limits)?;
    let identity = known.identity(&raw.username, &raw.tenant, raw.admin, rights)?;
    Ok(User { hash: Secret::new(raw.password), identity })
}

fn certificate(raw: &raw::Certificate, known: &mut Known<'_>) -> Result<Certificate, String> {
    if known.front.tls.as_ref().is_none_or(|tls| tls.client_ca.is_none()) {
        return Err(
            "has no effect without `server.tls.client_ca`, which says whose certificates count".into()
        );
    }
    let mark = match (&raw.san, &raw.fingerprint) {
        (Some(san), None) if san.contains("://") => CertificateMark::San(san.clone()),
        (Some(san), None) if san.contains('@') => {
            return Err(
                "san: e-mail addresses are not supported; use a URI, a DNS name or `fingerprint`".into()
            );
        }
        (Some(san), None) if !san.is_empty() => CertificateMark::San(san.to_ascii_lowercase()),
        (None, Some(hex)) => {
            let plain = hex.replace(':', "").to_ascii_lowercase();
            let digest = digest(&plain);
            CertificateMark::Fingerprint(digest.ok_or("fingerprint: must be SHA-256, 64 hexadecimal digits")?)
        }
        _ => return Err("needs exactly one of `san` and `fingerprint`".to_owned()),
    };
    let rights = known.caller(raw.admin, raw.access(), raw.limits)?;
    Ok(Certificate { mark, identity: known.identity(&raw.id, &raw.tenant, raw.admin, rights)? })
}

fn issuer(raw: raw::Jwt, known: &mut Known<'_>) -> Result<Issuer, String> {
    let url = endpoint("issuer", &raw.issuer)?;
    let id = raw.id.clone().unwrap_or_else(|| url.host().to_string().replace([':', '[', ']'], "-"));
    known.id(&id)?;
    let keys = match (&raw.jwks_url, &raw.discovery) {
        (Some(url), None) => KeySource::Jwks(endpoint("jwks_url", url)?.url().to_string()),
        (None, Some(url)) => KeySource::Discovery(endpoint("discovery", url)?.url().to_string()),
        (None, None) => {
            let issuer = raw.issuer.trim_end_matches('/');
            KeySource::Discovery(format!("{issuer}/.well-known/openid-configuration"))
        }
        _ => return Err("needs at most one of `jwks_url` and `discovery`".to_owned()),
    };
    let keys_ttl = raw.keys_ttl.map_or(KEYS_TTL, |ttl| ttl.0);
    if !KEYS_TTLS.contains(&keys_ttl) {
        return Err("keys_ttl: must be from 1s to 24h".to_owned());
    }
    let mut audiences: Vec<String> = raw.audience.clone().into();
    if audiences.is_empty() {
        let resource = known.front.resource();
        audiences.push(
            resource
                .ok_or("audience: say which tokens are meant for this host, or set `server.public_url`")?,
        );
    }
    if audiences.iter().any(String::is_empty) {
        return Err("audience: must not be empty".to_owned());
    }
    let algorithms = raw
        .algorithms
        .clone()
        .unwrap_or_else(|| vec![raw::Algorithm::RS256, raw::Algorithm::ES256, raw::Algorithm::EdDSA]);
    if algorithms.is_empty() {
        return Err("algorithms: must name at least one, such as RS256".to_owned());
    }
    let leeway = raw.leeway.map_or(Duration::from_secs(60), |leeway| leeway.0);
    if leeway > LONGEST_LEEWAY {
        return Err("leeway: must be at most 5m".to_owned());
    }
    let tenants = match (&raw.tenant, &raw.tenant_claim) {
        (Some(tenant), None) if raw.tenants.is_empty() => Tenants::All(known.tenant(tenant)?),
        (None, Some(claim)) if !raw.tenants.is_empty() => {
            let each = raw.tenants.iter().map(|(value, name)| Ok((value.clone(), known.tenant(name)?)));
            Tenants::ByClaim(claim.clone(), each.collect::<Result<_, String>>()?)
        }
        _ => return Err("needs `tenant`, or `tenant_claim` with `tenants`, and not both".to_owned()),
    };
    let odd = |scope: &&String| {
        scope.is_empty() || !scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    };
    if let Some(scope) = raw.required_scopes.iter().chain(raw.scopes.keys()).find(odd) {
        return Err(format!("`{scope}` is not a scope (RFC 6749 §3.3)"));
    }
    let rights = known.some_rights(raw.access(), raw.limits)?;
    let scopes = raw.scopes.iter().map(|(scope, raw)| {
        let access = known.access(raw.clone()).map_err(|why| format!("scopes.{scope}.{why}"))?;
        Ok((scope.clone(), access.into()))
    });
    let scopes = scopes.collect::<Result<_, String>>()?;
    let ca = raw.network.ca.map(|ca| known.base.join(ca));
    if let Some(missing) = ca.as_ref().filter(|ca| !ca.is_file()) {
        return Err(format!("network.ca: there is no file {}", missing.display()));
    }
    let ca = ca.map(std::fs::read).transpose().map_err(|error| format!("network.ca: {error}"))?;
    Ok(Issuer {
        id,
        issuer: raw.issuer,
        audiences,
        keys,
        keys_ttl,
        algorithms: algorithms.into_iter().map(algorithm).collect(),
        leeway,
        tenants,
        subject_claim: raw.subject_claim.unwrap_or_else(|| "sub".to_owned()),
        admin: raw.admin_claim.map(|admin| (admin.claim, admin.value)),
        required_scopes: raw.required_scopes,
        rights,
        scopes,
        allow_addresses: raw.network.allow_addresses,
        ca,
    })
}

/// An error that names a key below the one its caller names.
fn below<T>(resolved: Result<T, ResolveError>) -> Result<T, String> {
    resolved.map_err(|error| error.to_string().trim_start_matches('.').to_owned())
}

/// A URL that keys may come from: nobody on the way can put others in their place.
fn endpoint(key: &str, text: &str) -> Result<Target, String> {
    let url = Target::parse(text).map_err(|_| format!("{key}: `{text}` is not a URL"))?;
    if url.scheme() != "https" && !is_local(url.host()) {
        return Err(format!("{key}: must be https, since keys are trusted that come from there"));
    }
    Ok(url)
}

fn algorithm(raw: raw::Algorithm) -> Algorithm {
    match raw {
        raw::Algorithm::RS256 => Algorithm::RS256,
        raw::Algorithm::RS384 => Algorithm::RS384,
        raw::Algorithm::RS512 => Algorithm::RS512,
        raw::Algorithm::PS256 => Algorithm::PS256,
        raw::Algorithm::PS384 => Algorithm::PS384,
        raw::Algorithm::PS512 => Algorithm::PS512,
        raw::Algorithm::ES256 => Algorithm::ES256,
        raw::Algorithm::ES384 => Algorithm::ES384,
        raw::Algorithm::EdDSA => Algorithm::EdDSA,
    }
}

/// 32 bytes from lower-case hex.
fn digest(hex: &str) -> Option<[u8; 32]> {
    let value = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(value(*high)? << 4 | value(*low)?),
        _ => None,
    };
    hex.as_bytes().chunks(2).map(pair).collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests;
