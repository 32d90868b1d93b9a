//! Owns security schemes: which credentials an operation needs, what the operator writes for them, and which parameters are
//! the host's to set. No secret passes through here.

use std::collections::BTreeSet;

use crate::document::{Document, Node, Version};
use crate::location;
use crate::plan::In;
use crate::text;

/// Headers that the host sets, or that only a credential may (see the host's `egress/headers.rs`); and OpenAPI's own three,
/// which say elsewhere what they are.
const HOSTS: [&str; 24] = [
    "accept",
    "content-type",
    "authorization",
    "proxy-authorization",
    "accept-encoding",
    "connection",
    "host",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "proxy-authenticate",
    "keep-alive",
    "proxy-connection",
    "http2-settings",
    "forwarded",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "cookie",
    "bulkhead-reuse",
];

/// The schemes of a document.
#[derive(Debug)]
pub(crate) struct Schemes<'a> {
    all: Vec<(&'a str, Node<'a>)>,
}

impl<'a> Schemes<'a> {
    pub(crate) fn new(document: &'a Document) -> Self {
        let root = document.root();
        let owner = match document.version() {
            Version::Swagger2 => Some((root, "securityDefinitions")),
            Version::V30 | Version::V31 => {
                root.get("components").map(|components| (components, "securitySchemes"))
            }
        };
        let all = owner.into_iter().flat_map(|(owner, key)| owner.fields(key));
        Self {
            all: all
                .map(|(name, scheme)| (name.as_str(), document.follow(scheme).unwrap_or(scheme)))
                .collect(),
        }
    }

    /// Why a parameter is the host's to set; none if it is the caller's.
    pub(crate) fn reserves(&self, place: In, name: &str) -> Option<String> {
        let lower = name.to_ascii_lowercase();
        if place == In::Header {
            if ["accept", "content-type"].contains(&lower.as_str()) {
                return Some("the media types of the operation say it".to_owned());
            }
            let prefixed = lower.starts_with("x-forwarded-") || lower.starts_with("impersonate-");
            if HOSTS.contains(&lower.as_str()) || prefixed {
                return Some("the host's to set".to_owned());
            }
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if !name.bytes().all(token) {
                return Some("not the name of a header".to_owned());
            }
        }
        let key = |scheme: &Node<'_>| {
            scheme.text("type") == Some("apiKey")
                && scheme.text("in") == Some(place.word())
                && scheme.text("name").is_some_and(|own| own.eq_ignore_ascii_case(name))
        };
        let scheme = self.all.iter().find(|(_, scheme)| key(scheme))?.0;
        Some(format!("the credential of the security scheme {scheme}, which the host sets"))
    }

    /// The names of the schemes an operation needs: `a + b or c`, and whether it can do without.
    pub(crate) fn needs(
        document: &Document,
        operation: Node<'a>,
        used: &mut BTreeSet<String>,
    ) -> Option<String> {
        let owner = if operation.get("security").is_some() { operation } else { document.root() };
        let mut ways = Vec::new();
        for way in owner.items("security") {
            let mut names: Vec<&str> =
                way.value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            used.extend(names.iter().map(|name| (*name).to_owned()));
            ways.push(if names.is_empty() { "none".to_owned() } else { names.join(" + ") });
        }
        (!ways.is_empty()).then(|| format!("needs {}", ways.join(" or ")))
    }

    /// For each scheme in use, what the operator writes under `credentials`.
    pub(crate) fn credentials(&self, used: &BTreeSet<String>, base: Option<&str>) -> Vec<String> {
        let origin = base.map_or("URL", |base| location::split(base).0);
        used.iter()
            .map(|name| match self.all.iter().find(|(known, _)| known == name) {
                None => format!("security scheme {name} is not defined in the document"),
                Some((_, scheme)) => format!("security scheme {name}: {}", entry(*scheme, origin)),
            })
            .collect()
    }
}

/// One entry of `credentials`.
fn entry(scheme: Node<'_>, origin: &str) -> String {
    let secret = "${secret:NAME}";
    let write = |what: String| format!("credentials: [{{ for: {origin}, {what} }}]");
    let name = text::line(scheme.text("name").unwrap_or("?"), 80);
    match (scheme.text("type"), scheme.text("in"), scheme.text("scheme")) {
        (Some("apiKey"), Some("header"), _) => write(format!("header: {name}, value: \"{secret}\"")),
        (Some("apiKey"), Some("query"), _) => write(format!("query: {name}, value: \"{secret}\"")),
        (Some("apiKey"), Some("cookie"), _) => write(format!("header: Cookie, value: \"{name}={secret}\"")),
        (Some("basic"), ..) => write(format!("basic: {{ username: …, password: \"{secret}\" }}")),
        (Some("http"), _, Some(kind)) if kind.eq_ignore_ascii_case("basic") => {
            write(format!("basic: {{ username: …, password: \"{secret}\" }}"))
        }
        (Some("http"), _, Some(kind)) if kind.eq_ignore_ascii_case("bearer") => {
            write(format!("bearer: \"{secret}\""))
        }
        (Some("http"), _, Some(kind)) => {
            write(format!("header: Authorization, value: \"{} {secret}\"", text::line(kind, 40)))
        }
        (Some("oauth2"), ..) => match client_credentials(scheme) {
            Some(url) => write(format!(
                "oauth2: {{ token_url: {}, client_id: …, client_secret: \"{secret}\", scopes: [{}] }}",
                text::line(url, 200),
                text::line(&scopes(scheme).join(", "), 200)
            )),
            None => format!(
                "{} (a token that was got elsewhere: the document has no client credentials flow)",
                write(format!("bearer: \"{secret}\""))
            ),
        },
        (Some("openIdConnect"), ..) => {
            let url = text::line(scheme.text("openIdConnectUrl").unwrap_or("?"), 200);
            let entry =
                write(format!("oauth2: {{ token_url: …, client_id: …, client_secret: \"{secret}\" }}"));
            format!("{entry} (token_url is `token_endpoint` at {url})")
        }
        (Some("mutualTLS"), ..) => {
            format!("network.tls: [{{ for: {origin}, client_certificate: …, client_key: … }}]")
        }
        (other, ..) => format!("type {} is not known", text::line(other.unwrap_or("none"), 40)),
    }
}

fn flow(scheme: Node<'_>) -> Option<Node<'_>> {
    match scheme.text("flow") {
        Some("application") => Some(scheme),
        Some(_) => None,
        None => scheme.get("flows")?.get("clientCredentials"),
    }
}

fn client_credentials(scheme: Node<'_>) -> Option<&str> {
    flow(scheme)?.text("tokenUrl")
}

fn scopes(scheme: Node<'_>) -> Vec<&str> {
    flow(scheme).into_iter().flat_map(|flow| flow.fields("scopes")).map(|(name, _)| name.as_str()).collect()
}
