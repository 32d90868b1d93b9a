//! What went wrong on the way out, in two faces: typed for the guest, whole for the operator's log.

use std::{error::Error as StdError, io};

use http_body_util::LengthLimitError;
use wasmtime_wasi_http::Error;

use super::{dial::AddressRefused, oauth2::NoToken};

/// The typed error a guest sees. It names no address: a guest must not map a network with it.
pub(super) fn typed(error: &(dyn StdError + 'static)) -> Error {
    for cause in causes(error) {
        if cause.is::<AddressRefused>() {
            return Error::DestinationIpProhibited;
        }
        if cause.is::<NoToken>() {
            return Error::ConfigurationError;
        }
        if let Some(Error::HttpRequestBodySize(size)) = cause.downcast_ref::<Error>() {
            return Error::HttpRequestBodySize(*size);
        }
        if cause.is::<LengthLimitError>() {
            return Error::HttpRequestBodySize(None);
        }
        if let Some(hyper) = cause.downcast_ref::<hyper::Error>() {
            if hyper.is_parse_too_large() {
                return Error::HttpResponseHeaderSectionSize(None);
            }
            if hyper.is_incomplete_message() {
                return Error::HttpResponseIncomplete;
            }
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return match tls {
                rustls::Error::InvalidCertificate(_) => Error::TlsCertificateError,
                rustls::Error::AlertReceived(alert) => {
                    Error::TlsAlertReceived { alert_id: Some(u8::from(*alert)), alert_message: None }
                }
                _ => Error::TlsProtocolError,
            };
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            // An io::Error may wrap one of the above; its `source` is then next in line.
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return Error::ConnectionRefused,
                io::ErrorKind::TimedOut => return Error::ConnectionTimeout,
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                    return Error::ConnectionTerminated;
                }
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    return Error::DestinationUnavailable;
                }
                _ => {}
            }
        }
    }
    // A connection that ended before it took the request; the reason, where it is known, is found above.
    let ended = |hyper: &hyper::Error| hyper.is_closed() || hyper.is_canceled();
    if causes(error).into_iter().filter_map(|cause| cause.downcast_ref()).any(ended) {
        return Error::ConnectionTerminated;
    }
    if chain(error).contains("dns error") {
        return Error::DnsError { rcode: None, info_code: None };
    }
    Error::HttpProtocolError
}

/// An error and what caused it. `io::Error` hides the error inside it from `source`, hence the detour.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        causes.push(error);
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    causes
}

/// Everything that is known, for the log.
pub(super) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut texts: Vec<String> = causes(error).into_iter().map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::{super::dial, *};

    #[test]
    fn a_refused_address_is_a_typed_error_that_names_no_address() {
        let refused =
            dial::vet("metadata.example", &["169.254.169.254".parse().unwrap()], &dial::Allowed::default())
                .unwrap_err();
        // As the client hands it on: an error inside an error.
        let error = io::Error::other(refused);
        assert!(matches!(typed(&error), Error::DestinationIpProhibited));
        assert!(chain(&error).contains("allow_addresses"), "the operator's log says what to add");
    }

    #[test]
    fn what_went_wrong_on_the_way_is_told_apart() {
        let kind = |kind: io::ErrorKind| typed(&io::Error::from(kind));
        assert!(matches!(kind(io::ErrorKind::ConnectionRefused), Error::ConnectionRefused));
        assert!(matches!(kind(io::ErrorKind::TimedOut), Error::ConnectionTimeout));
        assert!(matches!(kind(io::ErrorKind::ConnectionReset), Error::ConnectionTerminated));
        let bad = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        assert!(matches!(typed(&io::Error::other(bad)), Error::TlsCertificateError));
        let refused = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        let refused = typed(&io::Error::other(refused));
        assert!(matches!(refused, Error::TlsAlertReceived { alert_id: Some(116), .. }), "{refused:?}");
        assert!(matches!(typed(&io::Error::other("odd")), Error::HttpProtocolError));
    }
}
