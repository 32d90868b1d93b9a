//! Names of artifacts: `registry/name:tag@sha256:…`.

use std::{fmt, net::Ipv4Addr, str::FromStr};

use crate::digest::Digest;

/// An artifact in a registry. The registry is always named: nothing comes from a default one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reference {
    inner: oci_client::Reference,
    digest: Option<Digest>,
}

/// Why a text is no reference. It is complete.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is not a reference: {why}; write it like registry.example/acme/loki:1.2")]
pub struct NoReference {
    text: String,
    why: String,
}

impl Reference {
    /// Whether a text is meant as a reference, and not as a file or a plain name.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let registry = text.split_once('/').map(|(registry, _)| registry);
        !text.ends_with(".wasm") && registry.is_some_and(is_registry)
    }

    /// Host, and port unless it is the usual one.
    #[must_use]
    pub fn registry(&self) -> &str {
        self.inner.registry()
    }

    /// The registry and the name in it, without tag and digest: what a signature names.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.inner.registry(), self.inner.repository())
    }

    /// The last part of the name.
    #[must_use]
    pub fn stem(&self) -> &str {
        let name = self.inner.repository();
        name.rsplit_once('/').map_or(name, |(_, stem)| stem)
    }

    /// The tag, if it has one.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.inner.tag()
    }

    /// The digest of its manifest, if it says it.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Without its digest: what may stand for something else tomorrow. None if there is no tag.
    #[must_use]
    pub fn tagged(&self) -> Option<String> {
        self.tag().map(|tag| format!("{}:{tag}", self.name()))
    }

    /// The same, with a digest.
    #[must_use]
    pub fn at(&self, digest: &Digest) -> Self {
        let (registry, repository) = (self.registry().to_owned(), self.inner.repository().to_owned());
        let inner = match self.tag() {
            Some(tag) => {
                let tag = tag.to_owned();
                oci_client::Reference::with_tag_and_digest(registry, repository, tag, digest.to_string())
            }
            None => oci_client::Reference::with_digest(registry, repository, digest.to_string()),
        };
        Self { inner, digest: Some(digest.clone()) }
    }

    /// Another tag of the same name.
    #[must_use]
    pub fn tagged_as(&self, tag: String) -> Self {
        let (registry, repository) = (self.registry().to_owned(), self.inner.repository().to_owned());
        Self { inner: oci_client::Reference::with_tag(registry, repository, tag), digest: None }
    }

    /// Whether its registry is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.registry().rsplit_once(':').map_or(self.registry(), |(host, _)| host);
        host == "localhost" || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
    }

    pub(crate) fn inner(&self) -> &oci_client::Reference {
        &self.inner
    }
}

/// What docker takes for a registry: it has a dot or a port, or is `localhost`.
fn is_registry(text: &str) -> bool {
    text == "localhost" || text.contains(['.', ':']) && !text.starts_with('.')
}

impl FromStr for Reference {
    type Err = NoReference;

    fn from_str(text: &str) -> Result<Self, NoReference> {
        let no = |why: &str| NoReference { text: text.to_owned(), why: why.to_owned() };
        if !text.split_once('/').is_some_and(|(registry, _)| is_registry(registry)) {
            return Err(no("it does not begin with a registry"));
        }
        let inner: oci_client::Reference =
            text.parse().map_err(|error: oci_client::ParseError| no(&error.to_string()))?;
        let digest = inner.digest().map(str::parse).transpose().map_err(|why: String| no(&why))?;
        Ok(Self { inner, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_its_registry() {
        let digest = Digest::of(b"x");
        let text = format!("registry.example:5000/acme/loki:1.2@{digest}");
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.registry(), "registry.example:5000");
        assert_eq!(
            (reference.name(), reference.stem()),
            ("registry.example:5000/acme/loki".to_owned(), "loki")
        );
        assert_eq!((reference.tag(), reference.digest()), (Some("1.2"), Some(&digest)));
        assert_eq!(reference.to_string(), text);
        let bare: Reference = "localhost/loki".parse().unwrap();
        assert_eq!(bare.tagged().unwrap(), "localhost/loki:latest");
        assert_eq!(bare.at(&digest).to_string(), format!("localhost/loki:latest@{digest}"));
    }

    #[test]
    fn nothing_comes_from_a_default_registry() {
        for odd in ["loki", "acme/loki:1.2", "", "/x", "registry.example/", "registry.example/Loki"] {
            assert!(odd.parse::<Reference>().is_err(), "{odd}");
        }
        let error = "acme/loki".parse::<Reference>().unwrap_err().to_string();
        assert_eq!(
            error,
            "`acme/loki` is not a reference: it does not begin with a registry; write it like registry.example/acme/loki:1.2"
        );
    }

    #[test]
    fn files_are_not_meant_as_references() {
        for (text, meant) in [
            ("registry.example/loki", true),
            ("localhost:5000/loki:1", true),
            ("./loki.wasm", false),
            ("../x/loki", false),
            ("sub/loki.wasm", false),
            ("loki", false),
            ("a.b/loki.wasm", false),
        ] {
            assert_eq!(Reference::is_meant(text), meant, "{text}");
        }
    }

    #[test]
    fn loopback_is_this_machine_alone() {
        let loopback = |text: &str| text.parse::<Reference>().unwrap().is_loopback();
        assert!(loopback("localhost:1/x") && loopback("127.0.0.1/x") && loopback("127.9.9.9:80/x"));
        assert!(
            !loopback("localhost.example/x") && !loopback("10.0.0.1/x") && !loopback("127.0.0.1.example/x")
        );
    }
}
