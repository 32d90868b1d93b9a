//! A real OpenID provider, on a free port until it is dropped: `tests/clients/issuer.mjs` runs panva's oidc-provider.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdout, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::Request;
use serde_json::{Value, json};

use super::{Client, installed::javascript};

pub(crate) struct Issuer {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Where it listens.
    pub(crate) url: String,
}

/// What a token is asked for with; the issuer knows the clients `ada`, `ops`, `bob`, `eve` and `late`.
pub(crate) struct Asked<'a> {
    pub(crate) client: &'a str,
    pub(crate) scope: &'a str,
    /// Whom the token is for (RFC 8707).
    pub(crate) resource: &'a str,
    /// A proof of a key, if the token shall be bound to it (RFC 9449).
    pub(crate) proof: Option<String>,
}

impl Issuer {
    /// Starts one that signs with the first of some keys (name, algorithm), and publishes all of them; with `named`,
    /// it claims to be another.
    pub(crate) fn start(named: Option<&str>, keys: &[(&str, &str)]) -> Self {
        let mut child = javascript("issuer")
            .args(named)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut issuer = Self { child, lines, url: String::new() };
        issuer.url = issuer.says();
        issuer.publish(keys);
        issuer
    }

    /// Puts other keys in force.
    pub(crate) fn publish(&mut self, keys: &[(&str, &str)]) {
        writeln!(self.child.stdin.as_ref().unwrap(), "{}", json!(keys)).unwrap();
        assert_eq!(self.says(), keys[0].0);
    }

    fn says(&mut self) -> String {
        self.lines.next().expect("the issuer has ended").unwrap()
    }

    /// Asks it for a token.
    pub(crate) async fn token(&self, asked: Asked<'_>) -> String {
        asked.at(&self.url).await
    }
}

/// Where an issuer gives out tokens, from its metadata.
pub(crate) async fn endpoint(issuer: &str) -> String {
    let url = format!("{issuer}/.well-known/openid-configuration");
    let metadata = Client::new(&url).send(Request::get(&url).body(String::new()).unwrap()).await;
    let metadata: Value = serde_json::from_slice(metadata.body()).unwrap();
    metadata["token_endpoint"].as_str().unwrap().to_owned()
}

impl Asked<'_> {
    /// Asks an issuer for it (RFC 6749 §4.4).
    pub(crate) async fn at(self, issuer: &str) -> String {
        let endpoint = endpoint(issuer).await;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", self.scope)
            .append_pair("resource", self.resource)
            .finish();
        let client = BASE64_STANDARD.encode(format!("{}:open+sesame", self.client));
        let mut request = Request::post(&endpoint)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Basic {client}"));
        if let Some(proof) = self.proof {
            request = request.header("dpop", proof);
        }
        let answer = Client::new(&endpoint).send(request.body(form).unwrap()).await;
        let answer: Value = serde_json::from_slice(answer.body()).unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
