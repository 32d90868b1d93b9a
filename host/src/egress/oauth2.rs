//! OAuth 2 client credentials (RFC 6749 §4.4): the host gets a token, keeps it until shortly before it
//! expires, and gets another. The guest sees neither the client's secret nor the token.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};
use url::{Host, form_urlencoded};

use super::{credential::header_value, dial::Dialer, scrub::Needles, target::Target};
use crate::{
    config::{raw, secrets::Filled},
    secret::Secret,
};

/// Most an authorisation server may answer.
const ANSWER: usize = 64 << 10;
/// It must answer within this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// A token is renewed this long before it expires, so that it does not expire on the way.
const EARLY: Duration = Duration::from_secs(30);
/// What a token is good for when the server does not say (RFC 6749 §5.1 leaves it open).
const LIFETIME: u64 = 300;
/// After a failure the server is left alone for this long.
const PAUSE: Duration = Duration::from_secs(1);

/// A client of an authorisation server, and its token.
#[derive(Debug)]
pub struct ClientCredentials {
    token_url: Target,
    authorization: Option<HeaderValue>,
    form: Secret,
    secret: Secret,
    state: Mutex<State>,
}

/// The same client of the same server; whether it has a token now makes no difference.
impl PartialEq for ClientCredentials {
    fn eq(&self, other: &Self) -> bool {
        let Self { token_url, authorization, form, secret, state: _ } = self;
        *token_url == other.token_url
            && *authorization == other.authorization
            && *form == other.form
            && *secret == other.secret
    }
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    failed: Option<(Instant, String)>,
}

/// A bearer token.
#[derive(Clone, Debug)]
pub struct Token {
    /// `Bearer …`.
    pub header: HeaderValue,
    /// The token itself, to be kept out of responses.
    pub secret: Secret,
    renew: Instant,
}

/// A token response (RFC 6749 §5.1).
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    token_type: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// An error response (RFC 6749 §5.2).
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// The host has no token for an upstream. The operator reads why; a guest only that it is so.
#[derive(Debug, thiserror::Error)]
#[error("no OAuth 2 token from {token_url}: {why}")]
pub struct NoToken {
    token_url: String,
    why: String,
}

impl ClientCredentials {
    /// A client that has no token yet.
    ///
    /// # Errors
    /// When the token endpoint is not one, or would get the secret in the clear over a network.
    pub fn new(raw: &raw::OAuth2, secret: &Filled) -> Result<Self, String> {
        let token_url = Target::parse(&raw.token_url)
            .map_err(|_| format!("oauth2.token_url: `{}` is not a URL", raw.token_url))?;
        if token_url.scheme() != "https" && !is_local(token_url.host()) {
            return Err("oauth2.token_url: must be https, since the client's secret is sent there".into());
        }
        let secret = secret.text.clone();
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !raw.scopes.is_empty() {
            form.append_pair("scope", &raw.scopes.join(" "));
        }
        if let Some(audience) = &raw.audience {
            form.append_pair("audience", audience);
        }
        let authorization = if matches!(raw.auth, raw::ClientAuth::Post) {
            form.append_pair("client_id", &raw.client_id).append_pair("client_secret", secret.expose());
            None
        } else {
            // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
            let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encoded(&raw.client_id), encoded(secret.expose()));
            Some(header_value(&format!("Basic {}", BASE64_STANDARD.encode(pair)))?)
        };
        let form = Secret::new(form.finish());
        Ok(Self { token_url, authorization, form, secret, state: Mutex::default() })
    }

    /// The client's secret.
    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Where tokens come from.
    #[must_use]
    pub fn token_url(&self) -> String {
        self.token_url.without_query()
    }

    /// The token in force, or a new one. Only one is fetched at a time; the others wait for it.
    ///
    /// # Errors
    /// When the authorisation server gives none.
    pub async fn token(&self, dialer: &Dialer) -> Result<Token, NoToken> {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some(token) = state.token.as_ref().filter(|token| token.renew > now) {
            return Ok(token.clone());
        }
        let no_token = |why| NoToken { token_url: self.token_url(), why };
        if let Some((at, why)) = state.failed.as_ref().filter(|(at, _)| now < *at + PAUSE) {
            tracing::debug!(since = ?at.elapsed(), "the authorisation server is left alone for a moment");
            return Err(no_token(why.clone()));
        }
        let fetched = tokio::time::timeout(PATIENCE, self.fetch(dialer)).await;
        match fetched.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}"))) {
            Ok(token) => {
                *state = State { token: Some(token.clone()), failed: None };
                Ok(token)
            }
            Err(why) => {
                *state = State { token: None, failed: Some((Instant::now(), why.clone())) };
                Err(no_token(why))
            }
        }
    }

    /// Forgets a token that an upstream did not take.
    pub async fn refused(&self, header: &HeaderValue) {
        let mut state = self.state.lock().await;
        if state.token.as_ref().is_some_and(|token| token.header == *header) {
            state.token = None;
        }
    }

    /// What the server says, without what it was sent: the text goes to the log.
    fn clean(&self, text: &str) -> String {
        let basic = self.authorization.as_ref().and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
        let sent = [self.secret.expose()].into_iter().chain(basic);
        Needles::new(sent).map_or(text.to_owned(), |needles| {
            String::from_utf8_lossy(&needles.clean(text.as_bytes())).into_owned()
        })
    }

    async fn fetch(&self, dialer: &Dialer) -> Result<Token, String> {
        let body = Full::new(Bytes::from(self.form.expose().to_owned()));
        let body = body.map_err(|never| match never {}).boxed_unsync();
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.token_url.uri().ok_or("the URL cannot be sent")?;
        let headers = request.headers_mut();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(value) = &self.authorization {
            headers.insert(header::AUTHORIZATION, value.clone());
        }
        let asked = Instant::now();
        let sent = dialer.send(&self.token_url, request).await;
        let response = sent.map_err(|error| super::fault::chain(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER).collect().await;
        let body = body.map_err(|error| format!("its answer cannot be read: {error}"))?.to_bytes();
        if !status.is_success() {
            let error = serde_json::from_slice::<Refusal>(&body).map(|refusal| refusal.error);
            let error = self.clean(&error.unwrap_or_default());
            return Err(format!("it answered {status} {}", error.chars().take(64).collect::<String>()));
        }
        // Serde's message might quote the token.
        let answer =
            serde_json::from_slice(&body).ok().filter(|answer: &Answer| !answer.access_token.is_empty());
        let answer = answer.ok_or("its answer is not a token")?;
        if !answer.token_type.eq_ignore_ascii_case("bearer") {
            return Err("it gives tokens of another type than `Bearer`".to_owned());
        }
        let lifetime = Duration::from_secs(answer.expires_in.unwrap_or(LIFETIME).min(86_400));
        Ok(Token {
            header: header_value(&format!("Bearer {}", answer.access_token))?,
            secret: Secret::new(answer.access_token),
            renew: asked + lifetime.saturating_sub(EARLY.min(lifetime / 2)),
        })
    }
}

/// Whether a host is this machine, by the way it is written.
pub(crate) fn is_local(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(token_url: &str) -> Result<ClientCredentials, String> {
        let raw = raw::OAuth2 {
            token_url: token_url.into(),
            client_id: "i d".into(),
            client_secret: String::new(),
            scopes: vec!["a".into(), "b".into()],
            audience: None,
            auth: raw::ClientAuth::Basic,
        };
        ClientCredentials::new(&raw, &Filled { text: Secret::new("s:t".into()), secrets: Vec::new() })
    }

    #[test]
    fn the_secret_is_not_sent_in_the_clear() {
        for url in ["https://idp.example/token", "http://localhost:1/t", "http://127.0.0.1/", "http://[::1]/"]
        {
            assert!(client(url).is_ok(), "{url}");
        }
        assert!(client("http://idp.example/token").unwrap_err().contains("must be https"));
        assert!(client("idp").unwrap_err().contains("is not a URL"));
    }

    #[test]
    fn id_and_secret_are_encoded_as_the_rfc_has_it() {
        let client = client("https://idp.example/token").unwrap();
        assert_eq!(client.form.expose(), "grant_type=client_credentials&scope=a+b");
        let expected = format!("Basic {}", BASE64_STANDARD.encode("i+d:s%3At"));
        assert_eq!(client.authorization.unwrap(), expected);
    }
}
