//! What cosign signs: a few words of JSON with the digest of a manifest ("simple signing",
//! <https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md>).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Media type of the payload.
pub const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation that has the signature, beside its payload.
pub const ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// What kind of statement the payload is.
const TYPE: &str = "cosign container image signature";

/// A payload, understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Payload {
    /// The name it was signed under, without tag and digest.
    pub name: String,
    /// The digest of the manifest.
    pub digest: Digest,
    /// When it was signed, if the signer says so.
    pub signed: Option<SystemTime>,
}

/// Why a payload is not understood.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("what is signed is not understood: {0}")]
pub struct NoPayload(String);

#[derive(Deserialize, Serialize)]
struct Written {
    critical: Critical,
    optional: Option<Optional>,
}

#[derive(Deserialize, Serialize)]
struct Critical {
    identity: Identity,
    image: Image,
    r#type: String,
}

#[derive(Deserialize, Serialize)]
struct Identity {
    #[serde(rename = "docker-reference")]
    docker_reference: String,
}

#[derive(Deserialize, Serialize)]
struct Image {
    // As cosign writes it; its specification has a capital letter.
    #[serde(rename = "docker-manifest-digest", alias = "Docker-manifest-digest")]
    digest: String,
}

#[derive(Default, Deserialize, Serialize)]
struct Optional {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    creator: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp: Option<serde_json::Value>,
}

impl Payload {
    /// As it is signed.
    ///
    /// # Errors
    /// Never in practice: when it cannot be written as JSON.
    pub fn write(&self) -> Result<String, NoPayload> {
        let seconds = self.signed.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map(|at| at.as_secs());
        let creator = concat!("bulkhead ", env!("CARGO_PKG_VERSION"));
        let written = Written {
            critical: Critical {
                identity: Identity { docker_reference: self.name.clone() },
                image: Image { digest: self.digest.to_string() },
                r#type: TYPE.to_owned(),
            },
            optional: Some(Optional { creator: Some(creator.into()), timestamp: seconds.map(Into::into) }),
        };
        serde_json::to_string(&written).map_err(|error| NoPayload(error.to_string()))
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is another kind of statement, or none.
    pub fn read(text: &str) -> Result<Self, NoPayload> {
        let Written { critical, optional } =
            serde_json::from_str(text).map_err(|error| NoPayload(error.to_string()))?;
        if critical.r#type != TYPE {
            return Err(NoPayload(format!("its type is `{}`, not `{TYPE}`", critical.r#type)));
        }
        let seconds = optional.and_then(|optional| optional.timestamp?.as_u64());
        Ok(Self {
            name: bare(&critical.identity.docker_reference).to_owned(),
            digest: critical.image.digest.parse().map_err(NoPayload)?,
            signed: seconds.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds))),
        })
    }
}

/// A name without tag and digest: some signers write them too.
fn bare(name: &str) -> &str {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    match name.get(last..).and_then(|last| last.find(':')) {
        Some(colon) => name.get(..last + colon).unwrap_or(name),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_what_cosign_writes() {
        let signed = Some(UNIX_EPOCH + Duration::from_secs(1_458_239_713));
        let payload = Payload { name: "registry.example/acme/loki".into(), digest: Digest::of(b"x"), signed };
        let text = payload.write().unwrap();
        let digest = Digest::of(b"x");
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"registry.example/acme/loki"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":{{"creator":"bulkhead {version}","timestamp":1458239713}}}}"#
        );
        assert_eq!(text, expected);
        assert_eq!(Payload::read(&text).unwrap(), payload);
    }

    #[test]
    fn cosigns_own_payloads_are_read() {
        // From the tests of sigstore-rs, signed by cosign.
        let text = r#"{"critical":{"identity":{"docker-reference":"registry-testing.svc.lan/busybox"},"image":{"docker-manifest-digest":"sha256:f3cfc9d0dbf931d3db4685ec659b7ac68e2a578219da4aae65427886e649b06b"},"type":"cosign container image signature"},"optional":null}"#;
        let payload = Payload::read(text).unwrap();
        assert_eq!((payload.name.as_str(), payload.signed), ("registry-testing.svc.lan/busybox", None));
    }

    #[test]
    fn names_lose_their_tags() {
        for name in ["h:5/a/b:1", "h:5/a/b@sha256:0", "h:5/a/b:1@sha256:0", "h:5/a/b"] {
            assert_eq!(bare(name), "h:5/a/b");
        }
        assert_eq!((bare("loki"), bare("loki:1")), ("loki", "loki"));
    }

    #[test]
    fn another_statement_is_not_understood() {
        let digest = Digest::of(b"x");
        let with = |kind: &str, digest: &str| {
            let text = serde_json::json!({ "critical": {
                "identity": { "docker-reference": "x" }, "image": { "docker-manifest-digest": digest }, "type": kind,
            }, "optional": {} });
            Payload::read(&text.to_string()).map_err(|error| error.to_string())
        };
        assert!(with(TYPE, &digest.to_string()).is_ok());
        assert!(
            with("atomic container signature", &digest.to_string())
                .unwrap_err()
                .contains("its type is `atomic")
        );
        assert!(with(TYPE, "sha512:00").unwrap_err().contains("is not a digest"));
        assert!(Payload::read("{}").is_err());
    }
}
