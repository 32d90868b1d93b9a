//! The keys of `server` that say what stands between the network and the host: TLS, and the host's own name.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::resolve::{ResolveError, at};

/// TLS of the listener, as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTls {
    /// The certificate chain, in PEM. Read again when it changes, like the others.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// Certificates, in PEM, of the authorities whose client certificates are accepted. Clients are not
    /// asked for one unless given.
    pub client_ca: Option<PathBuf>,
    /// Whether clients must show a certificate; `required` unless given. Needs `client_ca`.
    pub client_auth: Option<ClientAuth>,
}

/// Whether clients must show a certificate.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// They may.
    Optional,
    /// They must.
    Required,
}

/// The keys of `server` as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawFront {
    /// TLS of the listener; plain HTTP unless given.
    pub tls: Option<RawTls>,
    /// Whether other machines may be served without TLS, because a proxy in front speaks it.
    pub plaintext: bool,
    /// What clients call this host, such as `https://mcp.example.com`. OAuth needs it.
    pub public_url: Option<String>,
    /// Whether `/metrics` needs no credential.
    pub metrics_open: bool,
}

/// What stands between the network and the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Front {
    /// TLS of the listener.
    pub tls: Option<TlsFiles>,
    /// Whether other machines may be served without TLS.
    pub plaintext: bool,
    /// What clients call this host, without a slash at its end.
    pub public_url: Option<String>,
    /// Whether `/metrics` needs no credential.
    pub metrics_open: bool,
}

/// The files of a TLS listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Whose client certificates are accepted.
    pub client_ca: Option<PathBuf>,
    /// Whether clients must show one.
    pub required: bool,
}

impl Front {
    /// The canonical URI of the MCP endpoint (RFC 8707 §2), if the host knows its own name.
    #[must_use]
    pub fn resource(&self) -> Option<String> {
        self.public_url.as_ref().map(|url| format!("{url}/mcp"))
    }
}

/// Resolves the keys. Relative paths start at `base`.
///
/// # Errors
/// Names the key and says what to write instead.
pub fn resolve(raw: RawFront, base: &Path) -> Result<Front, ResolveError> {
    let public_url =
        raw.public_url.map(|url| public_url(&url)).transpose().map_err(at("server.public_url"))?;
    let tls = raw.tls.map(|tls| files(tls, base)).transpose().map_err(at("server.tls"))?;
    if raw.plaintext && tls.is_some() {
        return Err(at("server.plaintext")("contradicts `server.tls`; remove one of the two".into()));
    }
    Ok(Front { tls, plaintext: raw.plaintext, public_url, metrics_open: raw.metrics_open })
}

fn public_url(text: &str) -> Result<String, String> {
    let odd = || format!("`{text}` is not the URL of a host; write it like https://mcp.example.com");
    let url = url::Url::parse(text).map_err(|_| odd())?;
    let plain =
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    if !plain || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(odd());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn files(raw: RawTls, base: &Path) -> Result<TlsFiles, String> {
    if raw.client_ca.is_none() && raw.client_auth.is_some() {
        return Err("client_auth: has no effect without `client_ca`".to_owned());
    }
    Ok(TlsFiles {
        certificate: base.join(raw.certificate),
        key: base.join(raw.key),
        client_ca: raw.client_ca.map(|ca| base.join(ca)),
        required: raw.client_auth != Some(ClientAuth::Optional),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(yaml: &str, expected: &str) {
        let raw = serde_saphyr::from_str(yaml).unwrap();
        assert_eq!(resolve(raw, Path::new("/base")).unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_would_have_no_effect_is_refused() {
        refused(
            "tls: { certificate: c, key: k, client_auth: optional }",
            "server.tls: client_auth: has no effect without `client_ca`",
        );
        refused(
            "{ plaintext: true, tls: { certificate: c, key: k } }",
            "server.plaintext: contradicts `server.tls`; remove one of the two",
        );
        for odd in ["mcp.example.com", "https://u@h", "https://h/path", "https://h?q", "ftp://h"] {
            refused(
                &format!("public_url: '{odd}'"),
                &format!(
                    "server.public_url: `{odd}` is not the URL of a host; write it like https://mcp.example.com"
                ),
            );
        }
    }

    #[test]
    fn the_resource_is_the_url_of_mcp() {
        let front = |url: &str| {
            let raw = RawFront { public_url: Some(url.into()), ..RawFront::default() };
            resolve(raw, Path::new("/")).unwrap().resource().unwrap()
        };
        assert_eq!(front("https://MCP.example.com/"), "https://mcp.example.com/mcp");
        assert_eq!(front("https://mcp.example.com:8443"), "https://mcp.example.com:8443/mcp");
    }

    #[test]
    fn certificates_are_required_unless_the_file_says_otherwise() {
        let files = |rest: &str| {
            let raw =
                serde_saphyr::from_str(&format!("tls: {{ certificate: c, key: /k, client_ca: a {rest} }}"));
            resolve(raw.unwrap(), Path::new("/base")).unwrap().tls.unwrap()
        };
        let required = files("");
        assert!(required.required);
        assert_eq!(required.certificate, Path::new("/base/c"));
        assert_eq!(required.key, Path::new("/k"));
        assert!(!files(", client_auth: optional").required);
    }
}
