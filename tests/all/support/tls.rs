//! Certificates for one test: an authority of its own, and whom it vouches for.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// A certificate with its key.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    pub(crate) fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// Vouches for a host name or address.
    pub(crate) fn certify(&self, name: &str) -> Identity {
        self.issue(&CertificateParams::new([name.to_owned()]).unwrap())
    }

    /// The same, until the year 2020.
    pub(crate) fn certify_long_ago(&self, name: &str) -> Identity {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
        self.issue(&params)
    }

    fn issue(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Identity { certificate, key: key.serialize_der() }
    }
}

impl Identity {
    pub(crate) fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    pub(crate) fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }

    /// A server that asks nobody who they are.
    pub(crate) fn server(&self) -> ServerConfig {
        self.with(ServerConfig::builder().with_no_client_auth())
    }

    /// A server that asks its clients for a certificate of `authority`, and insists on it or not. One that insists
    /// refuses others within the handshake up to TLS 1.2. In 1.3 they have sent their request when they learn of
    /// it, and may learn of it in several ways.
    pub(crate) fn server_asking(
        &self,
        authority: &Authority,
        insists: bool,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate.clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots));
        let verifier = if insists { verifier } else { verifier.allow_unauthenticated() };
        let builder = ServerConfig::builder_with_protocol_versions(versions);
        self.with(builder.with_client_cert_verifier(verifier.build().unwrap()))
    }

    fn with(
        &self,
        builder: rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>,
    ) -> ServerConfig {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.clone()));
        builder.with_single_cert(vec![self.certificate.clone()], key).unwrap()
    }
}

fn pem(what: &str, der: &[u8]) -> String {
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", BASE64_STANDARD.encode(der))
}
