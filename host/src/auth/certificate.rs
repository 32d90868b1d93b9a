//! Client certificates. The TLS listener has verified the chain; here a certificate becomes a caller by one of
//! its names, or by its fingerprint.

use std::collections::HashMap;

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use webpki::EndEntityCert;

use super::{Caller, Gates, Reason};
use crate::config::auth::{Certificate, CertificateMark};

/// What a client's certificate says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its URIs and DNS names (RFC 5280 §4.2.1.6); the latter in lower case.
    pub names: Vec<String>,
    /// SHA-256 of its DER.
    pub fingerprint: [u8; 32],
}

impl ClientCertificate {
    /// Reads a certificate whose chain has been verified; one that cannot be read has no names.
    #[must_use]
    pub fn read(der: &CertificateDer<'_>) -> Self {
        let fingerprint = Sha256::digest(der.as_ref()).into();
        let names = EndEntityCert::try_from(der).map_or_else(
            |_| Vec::new(),
            |certificate| {
                let uris = certificate.valid_uri_names().map(str::to_owned);
                uris.chain(certificate.valid_dns_names().map(str::to_ascii_lowercase)).collect()
            },
        );
        Self { names, fingerprint }
    }
}

/// Callers by their certificates.
#[derive(Debug)]
pub struct Certificates(HashMap<CertificateMark, Caller>);

impl Certificates {
    /// Everybody with a certificate.
    pub(super) fn callers(&self) -> impl Iterator<Item = &Caller> {
        self.0.values()
    }
}

impl Certificates {
    pub(super) fn new(config: &[Certificate], gates: &mut Gates) -> Self {
        let each = config.iter().map(|entry| (entry.mark.clone(), Caller::of(&entry.identity, gates)));
        Self(each.collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose certificate it is. One that stands for several callers is nobody's.
    pub(super) fn find(&self, certificate: &ClientCertificate) -> Result<Caller, Reason> {
        let names = certificate.names.iter().map(|name| CertificateMark::San(name.clone()));
        let print = CertificateMark::Fingerprint(certificate.fingerprint);
        let mut found = std::iter::once(print).chain(names).filter_map(|mark| self.0.get(&mark));
        let first = found.next().ok_or(Reason::Unknown)?;
        if found.any(|other| other.id != first.id) {
            return Err(Reason::Unreadable);
        }
        Ok(first.clone())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;
    use crate::config::auth::{Identity, Rights};

    fn shown(uris: &[&str], names: &[&str]) -> ClientCertificate {
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
        ClientCertificate::read(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der())
    }

    fn known(marks: &[(&str, CertificateMark)]) -> Certificates {
        let entry = |(id, mark): &(&str, CertificateMark)| {
            let (id, tenant, rights) = ((*id).into(), "acme".into(), Rights::default());
            Certificate { mark: mark.clone(), identity: Identity { id, tenant, admin: false, rights } }
        };
        Certificates::new(&marks.iter().map(entry).collect::<Vec<_>>(), &mut Gates::default())
    }

    fn san(name: &str) -> CertificateMark {
        CertificateMark::San(name.into())
    }

    #[test]
    fn a_certificate_is_known_by_uri_name_or_fingerprint() {
        let agent = shown(&["spiffe://acme/agent"], &["Agent.example"]);
        for mark in [
            san("spiffe://acme/agent"),
            san("agent.example"),
            CertificateMark::Fingerprint(agent.fingerprint),
        ] {
            assert_eq!(&*known(&[("agent", mark)]).find(&agent).unwrap().id, "agent");
        }
    }

    #[test]
    fn a_certificate_of_nobody_is_refused() {
        let known = known(&[("agent", san("spiffe://acme/agent"))]);
        for other in
            [shown(&["spiffe://acme/agent2"], &[]), shown(&["spiffe://acme/"], &["acme"]), shown(&[], &[])]
        {
            assert_eq!(known.find(&other).unwrap_err(), Reason::Unknown);
        }
    }

    #[test]
    fn a_certificate_that_stands_for_two_is_refused() {
        let known = known(&[("a", san("a.example")), ("b", san("b.example"))]);
        assert_eq!(known.find(&shown(&[], &["a.example", "b.example"])).unwrap_err(), Reason::Unreadable);
    }

    #[test]
    fn what_is_no_certificate_has_no_names() {
        assert_eq!(ClientCertificate::read(&CertificateDer::from(vec![1, 2, 3])).names, Vec::<String>::new());
    }
}
