//! Which names a request may call the host by, and which web pages may send one. Without this a page anywhere could
//! use a listener on this machine through its user's browser (DNS rebinding; MCP, transports, security).

use axum::{
    http::{HeaderMap, StatusCode, Uri, header, uri::Authority},
    response::Response,
};

use super::{http::json_rpc, message::INVALID_REQUEST};

/// A host's own names on this machine.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What is accepted.
#[derive(Debug)]
pub(super) struct Origins {
    hosts: Vec<(String, Option<u16>)>,
    origins: Vec<(String, String, Option<u16>)>,
}

impl Origins {
    /// `hosts` beside the loopback names; `origins` as scheme, host and port. Without a port, or with `*`, any port.
    pub(super) fn new(hosts: &[String], origins: &[String]) -> Self {
        let loopback = LOOPBACK.iter().map(|name| ((*name).to_owned(), None));
        Self {
            hosts: loopback.chain(hosts.iter().filter_map(|text| authority(text))).collect(),
            origins: origins.iter().filter_map(|text| origin(text.trim_end_matches(":*"))).collect(),
        }
    }

    /// Checks a request.
    ///
    /// # Errors
    /// The answer to one that is not accepted.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Box<Response>> {
        let refused = |status, why| Err(json_rpc(status, INVALID_REQUEST, why).into());
        let host = match headers.get(header::HOST) {
            Some(value) => value.to_str().ok().and_then(authority),
            None => uri.authority().and_then(|named| authority(named.as_str())),
        };
        let Some((host, port)) = host else {
            return refused(StatusCode::BAD_REQUEST, "the Host header is missing or cannot be read");
        };
        if !self.hosts.iter().any(|(name, only)| *name == host && only.is_none_or(|only| Some(only) == port))
        {
            return refused(
                StatusCode::FORBIDDEN,
                "the Host header names no host that is served; see server.allowed_hosts",
            );
        }
        let accepted = |value: &str| {
            let Some((scheme, host, port)) = origin(value) else { return false };
            let port = port.or(match scheme.as_str() {
                "http" => Some(80),
                "https" => Some(443),
                _ => None,
            });
            self.origins
                .iter()
                .any(|(s, h, p)| *s == scheme && *h == host && p.is_none_or(|p| Some(p) == port))
        };
        let mut origins = headers.get_all(header::ORIGIN).iter();
        if origins.any(|value| !value.to_str().is_ok_and(accepted)) {
            return refused(StatusCode::FORBIDDEN, "the Origin is not accepted; see server.allowed_origins");
        }
        Ok(())
    }
}

/// Name and port.
fn authority(text: &str) -> Option<(String, Option<u16>)> {
    let parsed: Authority = text.trim().parse().ok()?;
    // Nobody is named in a Host header; what is before `@` would only hide the name.
    if parsed.as_str().contains('@') {
        return None;
    }
    // What follows the name is a port, or nothing.
    if parsed.port_u16().is_none() && parsed.as_str() != parsed.host() {
        return None;
    }
    let name = parsed.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    Some((name, parsed.port_u16()))
}

/// Scheme, name and port.
fn origin(text: &str) -> Option<(String, String, Option<u16>)> {
    let (scheme, rest) = text.trim().split_once("://")?;
    let (name, port) = authority(rest)?;
    Some((scheme.to_ascii_lowercase(), name, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(headers: &[(&'static str, &'static str)]) -> Option<u16> {
        let hosts = ["mcp.example".to_owned(), "other.example:8443".to_owned()];
        let origins = ["https://app.example:443", "http://any.example", "http://star.example:*"];
        let origins = Origins::new(&hosts, &origins.map(str::to_owned));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        origins.check(&Uri::from_static("/mcp"), &map).err().map(|response| response.status().as_u16())
    }

    #[test]
    fn a_host_is_accepted_by_its_own_names() {
        for host in
            ["localhost", "LOCALHOST:80", "127.0.0.1:9", "[::1]:9", "mcp.example:1", "other.example:8443"]
        {
            assert_eq!(status(&[("host", host)]), None, "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "other.example", "other.example:1", "127.0.0.2"]
        {
            assert_eq!(status(&[("host", host)]), Some(403), "{host}");
        }
        for host in ["", "a b", "evil@localhost", "localhost/x", "localhost:port"] {
            assert_eq!(status(&[("host", host)]), Some(400), "{host}");
        }
        assert_eq!(status(&[]), Some(400));
    }

    #[test]
    fn a_page_is_accepted_by_its_whole_origin() {
        for origin in [
            "https://app.example",
            "HTTPS://APP.EXAMPLE:443",
            "http://any.example:81",
            "http://star.example:5",
        ] {
            assert_eq!(status(&[("host", "localhost"), ("origin", origin)]), None, "{origin}");
        }
        for origin in
            ["http://app.example:443", "https://app.example:444", "null", "", "https://app.example/x"]
        {
            assert_eq!(status(&[("host", "localhost"), ("origin", origin)]), Some(403), "{origin}");
        }
        let two =
            [("host", "localhost"), ("origin", "https://app.example"), ("origin", "http://evil.example")];
        assert_eq!(status(&two), Some(403));
    }
}
