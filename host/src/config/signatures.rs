//! Whose components are run: the file's `signatures`, and those of a service.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use bulkhead_registry::{
    key::PublicKey,
    signers::{Proof, Requirement, Signer},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    load::suggestion,
    resolve::{ResolveError, at},
};

/// Whose components are run.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Signatures")]
pub struct Written {
    /// Whether every component has to be signed by one of `signers`; false unless given. Signatures that are there are
    /// checked in any case. What is inside the binary needs none.
    pub required: bool,
    /// Those whose signatures count, by name.
    pub signers: BTreeMap<String, WrittenSigner>,
}

/// Somebody whose signatures count.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Signer")]
pub struct WrittenSigner {
    /// Their public key, a file in PEM relative to this one: ECDSA on P-256, as `bulkhead key signing` and `cosign
    /// generate-key-pair` make them.
    pub key: Option<PathBuf>,
    /// Until when their signatures count, such as `2027-01-01T00:00:00Z`: after that also those that were made before.
    pub not_after: Option<String>,
    /// Names they may sign, such as `registry.example/acme/*`, where `*` is any text. Any unless given.
    pub names: Option<Vec<String>>,
    /// Not supported; there so that it is refused with a reason.
    #[schemars(skip)]
    pub identity: Option<Value>,
}

/// Whose component a service is made of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ServiceSignatures")]
pub struct OfService {
    /// Whether its component has to be signed; what the file's `signatures.required` says unless given, and true with
    /// `by`.
    pub required: Option<bool>,
    /// The signers one of whom it has to be signed by; any unless given.
    pub by: Option<Vec<String>>,
    /// The name it has to be signed under, such as `registry.example/acme/loki`. Unless given, one whose last part is
    /// the file's name.
    pub r#as: Option<String>,
}

impl Written {
    /// The files of the keys.
    pub(super) fn files(&self, base: &Path) -> impl Iterator<Item = PathBuf> {
        self.signers.values().filter_map(|signer| signer.key.as_ref()).map(|key| base.join(key))
    }

    /// What services without words of their own need.
    pub(super) fn resolve(self, base: &Path) -> Result<Arc<Requirement>, ResolveError> {
        let signers = self.signers.into_iter().map(|(name, signer)| {
            let key = format!("signatures.signers.{name}");
            signer.resolve(name, base).map_err(|(part, why)| at(format!("{key}.{part}"))(why))
        });
        let signers = signers.collect::<Result<Arc<[_]>, _>>()?;
        if self.required && signers.is_empty() {
            return Err(at("signatures.required")(NOBODY.to_owned()));
        }
        Ok(Requirement { signers, required: self.required, by: None, signed_as: None }.into())
    }
}

const NOBODY: &str = "nobody's signature counts, so nothing could be served; add `signatures.signers` (`bulkhead key signing` makes a key)";

impl WrittenSigner {
    fn resolve(self, name: String, base: &Path) -> Result<Signer, (&'static str, String)> {
        let Self { key, not_after, names, identity } = self;
        if identity.is_some() {
            let why = "who is known by an identity signs with certificates of Fulcio, which this version cannot check; give their `key`";
            return Err(("identity", why.to_owned()));
        }
        let key = key.ok_or(("key", "is missing: the file of their public key".to_owned()))?;
        let not_after = not_after.map(|text| moment(&text)).transpose().map_err(|why| ("not_after", why))?;
        Ok(Signer { name, proof: proof(&base.join(key)), not_after, names })
    }
}

/// A key that cannot be read makes no configuration unusable: it opens nothing, and what needs it is not served.
fn proof(path: &Path) -> Result<Proof, String> {
    let text =
        fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    PublicKey::from_pem(&text).map(Proof::Key).map_err(|error| format!("{}: {error}", path.display()))
}

fn moment(text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339(text)
        .map_err(|_| format!("`{text}` is not a moment; write it like 2027-01-01T00:00:00Z"))
}

impl OfService {
    /// What a service needs; `general` is what they all do.
    pub(super) fn resolve(
        self,
        general: &Arc<Requirement>,
        key: &str,
    ) -> Result<Arc<Requirement>, ResolveError> {
        let sub = |part: &str| at(format!("{key}.{part}"));
        let Self { required, by, r#as } = self;
        if required.is_none() && by.is_none() && r#as.is_none() {
            return Ok(general.clone());
        }
        if let Some(by) = &by {
            let known: Vec<&str> = general.signers.iter().map(|signer| signer.name.as_str()).collect();
            if let Some(unknown) = by.iter().find(|name| !known.contains(&name.as_str())) {
                let why = format!(
                    "there is no signer `{unknown}` in `signatures`. {}",
                    suggestion(unknown, &known)
                );
                return Err(sub("by")(why));
            }
            if by.is_empty() {
                return Err(sub("by")("names nobody; leave it out for any signer".to_owned()));
            }
            if required == Some(false) {
                return Err(sub("required")("must be true with `by`; remove one of the two".to_owned()));
            }
        }
        let required = required.unwrap_or(by.is_some() || general.required);
        if required && general.signers.is_empty() {
            return Err(sub("required")(NOBODY.to_owned()));
        }
        Ok(Requirement { signers: general.signers.clone(), required, by, signed_as: r#as }.into())
    }
}

#[cfg(test)]
mod tests {
    use bulkhead_registry::key::SigningKey;

    use super::*;
    use crate::config::{Config, load::parse, resolve::resolve};

    const SIGNERS: &str = "signers: { acme: { key: acme.pub, not_after: 2027-01-01T00:00:00Z, names: [a/*] }, ops: { key: no.pub } }";

    fn read(signatures: &str, service: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("acme.pub"), SigningKey::generate().unwrap().public().to_pem()).unwrap();
        let text = format!(
            "signatures: {{ {signatures} }}\ntenants: {{ t: {{ services: {{ utilities: {{ {service} }} }} }} }}"
        );
        resolve(parse(&text).map_err(|error| error.to_string())?, dir.path())
            .map_err(|error| error.to_string())
    }

    fn of_service(signatures: &str, service: &str) -> Arc<Requirement> {
        read(signatures, service).unwrap().tenants[0].services[0].signatures.clone()
    }

    #[test]
    fn a_service_needs_what_all_need_or_what_it_says_itself() {
        let general = of_service(&format!("required: true, {SIGNERS}"), "");
        assert!(general.required && general.by.is_none() && general.signed_as.is_none());
        let acme = &general.signers[0];
        assert_eq!(
            (acme.name.as_str(), acme.names.as_deref()),
            ("acme", Some(["a/*".to_owned()].as_slice()))
        );
        assert_eq!(acme.not_after, Some(moment("2027-01-01T00:00:00Z").unwrap()));
        assert!(
            acme.proof.is_ok()
                && general.signers[1].proof.as_ref().unwrap_err().contains("no.pub cannot be read")
        );
        let own = |service: &str| of_service(SIGNERS, &format!("signatures: {{ {service} }}"));
        let by = own("by: [acme], as: a/b");
        assert!(by.required);
        assert_eq!(
            (by.by.as_deref(), by.signed_as.as_deref()),
            (Some(["acme".to_owned()].as_slice()), Some("a/b"))
        );
        assert!(!own("as: a/b").required && own("required: true").required);
        let lax = of_service(&format!("required: true, {SIGNERS}"), "signatures: { required: false }");
        assert!(!lax.required);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let refused = |signatures: &str, service: &str, why: &str| {
            let error = read(signatures, service).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        };
        refused("required: true", "", "signatures.required: nobody's signature counts");
        refused(
            "",
            "signatures: { required: true }",
            "tenants.t.services.utilities.signatures.required: nobody's",
        );
        refused("signers: { a: {} }", "", "signatures.signers.a.key: is missing");
        let identity = "signers: { a: { identity: { issuer: x, subject: y } } }";
        refused(
            identity,
            "",
            "signatures.signers.a.identity: who is known by an identity signs with certificates",
        );
        let key =
            "signatures.signers.a.not_after: `2027` is not a moment; write it like 2027-01-01T00:00:00Z";
        refused("signers: { a: { key: acme.pub, not_after: '2027' } }", "", key);
        let key = "tenants.t.services.utilities.signatures";
        let unknown = format!("{key}.by: there is no signer `acm` in `signatures`. Did you mean `acme`?");
        refused(SIGNERS, "signatures: { by: [acm] }", &unknown);
        refused(SIGNERS, "signatures: { by: [] }", &format!("{key}.by: names nobody"));
        refused(
            SIGNERS,
            "signatures: { by: [acme], required: false }",
            &format!("{key}.required: must be true"),
        );
    }
}
