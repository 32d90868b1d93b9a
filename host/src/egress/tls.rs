//! TLS with upstreams: whom to trust and who to be. Unless told otherwise, the system's authorities, and nobody.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use sha2::{Digest as _, Sha256};
use webpki::{EndEntityCert, KeyUsage};

use super::credential::Audience;

/// Whom an identity trusts that trusts anybody.
const ANYBODY: &str = "ANYBODY";

/// PEM, and what it is called where it was found.
#[derive(Clone, Copy)]
pub struct Pem<'a> {
    /// Its name, for errors.
    pub name: &'a str,
    /// Its text.
    pub text: &'a [u8],
}

/// Without the text, which may be a private key.
impl fmt::Debug for Pem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pem({})", self.name)
    }
}

/// Whose certificates are accepted.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// Those of the system's authorities.
    System,
    /// Those of these authorities.
    Only(Pem<'a>),
    /// Anybody's. An operator has to say so twice.
    Anybody,
}

/// Whom to trust and who to be, for one upstream.
#[derive(Clone, Debug)]
pub struct TlsIdentity {
    audience: Audience,
    config: ClientConfig,
    trusts: &'static str,
    own_certificate: bool,
    server_name: Option<ServerName<'static>>,
    origin: Option<Arc<str>>,
    /// SHA-256 of what it was made from.
    digest: [u8; 32],
}

impl PartialEq for TlsIdentity {
    fn eq(&self, other: &Self) -> bool {
        (&self.audience, &self.digest, &self.server_name, &self.origin)
            == (&other.audience, &other.digest, &other.server_name, &other.origin)
    }
}

impl TlsIdentity {
    /// For one upstream: whom to trust, and the host's own certificate chain with its key.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn new(
        audience: Audience,
        trust: Trust<'_>,
        own: Option<(Pem<'_>, Pem<'_>)>,
    ) -> Result<Self, String> {
        if !audience.is_https() {
            return Err(format!("for: {audience} is not https"));
        }
        let builder = ClientConfig::builder();
        let (builder, trusts, ca) = match trust {
            Trust::System => (builder.with_root_certificates(system_roots()), "the system's CAs", None),
            Trust::Only(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in chain(pem)? {
                    roots.add(certificate).map_err(|e| format!("{}: {e}", pem.name))?;
                }
                (builder.with_root_certificates(roots), "its own CA", Some(pem.text))
            }
            Trust::Anybody => {
                let verifier = Arc::new(Anybody(builder.crypto_provider().clone()));
                (builder.dangerous().with_custom_certificate_verifier(verifier), ANYBODY, None)
            }
        };
        let config = match own {
            Some((certificate, key)) => {
                let chain = chain(certificate)?;
                let private =
                    PrivateKeyDer::from_pem_slice(key.text).map_err(|e| format!("{}: {e}", key.name))?;
                let config = builder.with_client_auth_cert(chain, private);
                config.map_err(|e| format!("{}: {e}", certificate.name))?
            }
            None => builder.with_no_client_auth(),
        };
        // Each by its own digest, so that none can pass for another's beginning.
        let (certificate, key) = own.unzip();
        let (certificate, key) = (certificate.map(|pem| pem.text), key.map(|pem| pem.text));
        let parts = [Some(trusts.as_bytes()), ca, certificate, key];
        let digest = parts.iter().fold(Sha256::new(), |all, part| match part {
            Some(part) => all.chain_update([1]).chain_update(Sha256::digest(part)),
            None => all.chain_update([0]),
        });
        Ok(Self {
            audience,
            config,
            trusts,
            own_certificate: own.is_some(),
            server_name: None,
            origin: None,
            digest: digest.finalize().into(),
        })
    }

    /// Its certificate must be for another name than the URL's.
    ///
    /// # Errors
    /// When that is no name.
    pub fn expecting(mut self, name: &str) -> Result<Self, String> {
        let parsed = ServerName::try_from(name.to_owned());
        self.server_name = Some(parsed.map_err(|_| format!("`{name}` is not the name of a server"))?);
        Ok(self)
    }

    /// Says where it was found, if not in the configuration.
    #[must_use]
    pub fn found_in(mut self, origin: Arc<str>) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Whom it is for.
    #[must_use]
    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    /// Whether anybody may pass for the upstream.
    #[must_use]
    pub fn trusts_anybody(&self) -> bool {
        self.trusts == ANYBODY
    }

    /// The name that its certificate must be for, unless it is the URL's.
    pub(super) fn server_name(&self) -> Option<&ServerName<'static>> {
        self.server_name.as_ref()
    }

    pub(super) fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// For people.
    #[must_use]
    pub fn describe(&self) -> String {
        let name = self.server_name.as_ref().map(|name| format!(" as {}", name.to_str()));
        let shows = if self.own_certificate { ", shows a client certificate" } else { "" };
        let origin = self.origin.as_ref().map(|origin| format!(" ({origin})"));
        let (name, origin) = (name.unwrap_or_default(), origin.unwrap_or_default());
        format!("{}{name}: trusts {}{shows}{origin}", self.audience, self.trusts)
    }
}

/// Until when a certificate is good; none if that cannot be read.
///
/// Whoever verifies a chain asks the certificate first whether it is good at that time, and says until when it was.
#[must_use]
pub fn good_until(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let end = UnixTime::since_unix_epoch(Duration::from_secs(u64::from(u32::MAX) * 60)); // in the year 10136
    let read = EndEntityCert::try_from(certificate).ok()?;
    match read.verify_for_usage(&[], &[], &[], end, KeyUsage::server_auth(), None, None) {
        Err(webpki::Error::CertExpired { not_after, .. }) => {
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(not_after.as_secs()))
        }
        _ => None,
    }
}

fn chain(pem: Pem<'_>) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_slice_iter(pem.text).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|e| format!("{}: {e}", pem.name))?;
    if certificates.is_empty() {
        Err(format!("{}: holds no certificate in PEM", pem.name))
    } else {
        Ok(certificates)
    }
}

/// Verifies that a server holds the key of the certificate it shows, and not whose that is.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What upstreams without an identity of their own get.
pub(super) fn usual() -> ClientConfig {
    ClientConfig::builder().with_root_certificates(system_roots()).with_no_client_auth()
}

/// The system's roots, read once for all services.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a system certificate cannot be read");
        }
        let mut roots = RootCertStore::empty();
        let (_, unusable) = roots.add_parsable_certificates(found.certs);
        if unusable > 0 {
            tracing::debug!(unusable, "system certificates that rustls does not accept");
        }
        roots.into()
    });
    roots.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tls_identity_says_what_is_wrong_with_it() {
        let pem = |name| Pem { name, text: b"x" };
        let new = |audience: &str, trust: Trust<'_>, own| {
            TlsIdentity::new(audience.parse().unwrap(), trust, own).unwrap_err()
        };
        assert_eq!(new("http://h", Trust::System, None), "for: http://h:80 is not https");
        assert_eq!(new("https://h", Trust::Only(pem("ca")), None), "ca: holds no certificate in PEM");
        let own = Some((pem("client_certificate"), pem("client_key")));
        let expected = "client_certificate: holds no certificate in PEM";
        assert_eq!(new("https://h", Trust::System, own), expected);
        let identity = TlsIdentity::new("https://h".parse().unwrap(), Trust::System, None).unwrap();
        assert_eq!(identity.expecting("a b").unwrap_err(), "`a b` is not the name of a server");
    }

    #[test]
    fn identities_differ_by_whom_they_trust_and_whom_they_expect() {
        let new = |trust| TlsIdentity::new("https://h".parse().unwrap(), trust, None).unwrap();
        let usual = new(Trust::System);
        assert_eq!(usual, new(Trust::System));
        assert_ne!(usual, new(Trust::Anybody));
        assert_ne!(usual, new(Trust::System).expecting("other").unwrap());
        assert_ne!(usual, new(Trust::System).found_in("elsewhere".into()));
        let described = new(Trust::Anybody).expecting("x").unwrap().describe();
        assert_eq!(described, "https://h:443 as x: trusts ANYBODY");
    }

    #[test]
    fn pem_is_not_printed() {
        assert_eq!(format!("{:?}", Pem { name: "key", text: b"s3cret" }), "Pem(key)");
    }
}
