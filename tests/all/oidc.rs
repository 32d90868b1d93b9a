//! Tokens of a real OpenID provider: who they let in, whom they do not, and keys that change while the host serves.

use std::time::{Duration, Instant};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use hyper::{Request, Response, body::Bytes};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::{Asked, Client, Issuer, Server, endpoint, tenancy::shop};

/// Whom tokens must be for: what `server.public_url` makes it.
const RESOURCE: &str = "https://mcp.example.com/mcp";

/// A host that trusts an issuer, as an operator writes it down: its keys and the audience are found out.
fn host(issuer: &Issuer) -> Server {
    Server::start(&format!(
        "server: {{ public_url: 'https://mcp.example.com' }}\n\
         auth: {{ jwt: [{{ issuer: '{}', id: idp, keys_ttl: 1s, leeway: 0s, tenant_claim: org, \
         tenants: {{ acme-inc: acme, globex-llc: globex }}, admin_claim: {{ claim: groups, value: ops }}, \
         required_scopes: [mcp], tools: [shop_who], scopes: {{ clock: {{ tools: ['utilities_get_*'] }} }} }}] }}\n\
         tenants: {{ acme: {{ services: {{ utilities: {{}}, {} }} }}, globex: {{ services: {{ {} }} }} }}\n",
        issuer.url,
        shop("shop", "A", None, ""),
        shop("shop", "G", None, "")
    ))
}

fn asked<'a>(client: &'a str, scope: &'a str) -> Asked<'a> {
    Asked { client, scope, resource: RESOURCE, proof: None }
}

/// A client that brings a token.
fn bearing(server: &Server, token: &str) -> Client {
    server.client().with("authorization", &format!("Bearer {token}"))
}

async fn get(server: &Server, token: Option<&str>, path: &str) -> Response<Bytes> {
    let client = token.map_or(server.client(), |token| bearing(server, token));
    let url = format!("http://{}{path}", server.address);
    client.send(Request::get(url).body(String::new()).unwrap()).await
}

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// Status, challenge, and what is said.
async fn told(client: &Client) -> (u16, String, String) {
    let response = client.post(PING).await;
    let challenge =
        response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
    let body = String::from_utf8_lossy(response.body()).into_owned();
    (response.status().as_u16(), challenge.unwrap_or_default(), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_real_issuer_opens_what_its_claims_say() {
    let issuer = Issuer::start(None, &[("one", "RS256")]);
    let server = host(&issuer);

    // Where a client without a token is sent is where it gets one.
    let metadata = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";
    let (status, challenge, _) = told(&server.client()).await;
    assert_eq!((status, challenge), (401, format!("Bearer resource_metadata=\"{metadata}\", scope=\"mcp\"")));
    let answer = get(&server, None, "/.well-known/oauth-protected-resource/mcp").await;
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(
        (&answer["resource"], &answer["authorization_servers"], &answer["scopes_supported"]),
        (&json!(RESOURCE), &json!([issuer.url]), &json!(["clock", "mcp"]))
    );

    // One without the scope is told which to ask for, those it has beside; with them it gets further.
    let lacks = issuer.token(asked("ada", "clock")).await;
    assert_eq!(
        told(&bearing(&server, &lacks)).await,
        (
            403,
            format!(
                "Bearer error=\"insufficient_scope\", scope=\"mcp clock\", resource_metadata=\"{metadata}\""
            ),
            json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32600, "message": "the token lacks a scope" } })
                .to_string()
        )
    );
    let more = bearing(&server, &issuer.token(asked("ada", "mcp clock")).await);
    more.ok("utilities_get_timestamp", json!({})).await;
    let ada = issuer.token(asked("ada", "mcp")).await;
    let unknown = bearing(&server, &ada).call("utilities_get_timestamp", json!({})).await;
    assert_eq!(unknown["message"], "Unknown tool: utilities_get_timestamp");

    // The tenant is that of the claim, and only the admin's claim makes an admin.
    let [bob, ops] = [issuer.token(asked("bob", "mcp")).await, issuer.token(asked("ops", "mcp")).await];
    for (token, caller, sign) in [(&ada, "idp:ada", "A"), (&bob, "idp:bob", "G"), (&ops, "idp:ops", "A")] {
        let told = bearing(&server, token).ok("shop_who", json!({})).await;
        assert_eq!(told["sign"], json!(sign), "{told}");
        assert_eq!(told["caller"], json!(caller), "{told}");
    }
    for (token, status) in [(&ada, 403), (&bob, 403), (&ops, 200)] {
        assert_eq!(get(&server, Some(token), "/metrics").await.status(), status);
    }
}

/// A proof of a key for a token request (RFC 9449 §4.2).
fn proof(endpoint: &str) -> String {
    let key = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap();
    let x = BASE64.encode(key.public_key());
    let header =
        json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": { "kty": "OKP", "crv": "Ed25519", "x": x } });
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "jti": "once", "htm": "POST", "htu": endpoint, "iat": now });
    let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    format!("{message}.{}", BASE64.encode(key.sign(message.as_bytes())))
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_not_good_here_are_refused_all_alike() {
    let issuer = Issuer::start(None, &[("one", "RS256")]);
    let other = Issuer::start(None, &[("one", "RS256")]);
    let with_another_key = Issuer::start(Some(&issuer.url), &[("two", "RS256")]);
    let with_the_name_of_its_key = Issuer::start(Some(&issuer.url), &[("one", "RS256")]);
    let with_a_slash = Issuer::start(Some(&format!("{}/", issuer.url)), &[("one", "RS256")]);
    let server = host(&issuer);
    let ada = || asked("ada", "mcp");
    let elsewhere = |resource| Asked { resource, ..ada() };
    let bound = Asked { proof: Some(proof(&endpoint(&issuer.url).await)), ..ada() };

    let tokens = [
        ("audience", issuer.token(elsewhere("https://other.example.com/mcp")).await),
        ("audience", issuer.token(elsewhere("https://mcp.example.com/mcp/")).await),
        ("expired", issuer.token(asked("late", "mcp")).await),
        ("tenant", issuer.token(asked("eve", "mcp")).await),
        ("claims", issuer.token(bound).await),
        ("issuer", other.token(ada()).await),
        ("issuer", with_a_slash.token(ada()).await),
        ("unknown_key", with_another_key.token(ada()).await),
        ("signature", with_the_name_of_its_key.token(ada()).await),
    ];
    let nobody = told(&bearing(&server, "nonsense")).await;
    assert_eq!(nobody.0, 401);
    for (reason, token) in &tokens {
        assert_eq!(told(&bearing(&server, token)).await, nobody, "{reason}");
    }
    // Each for its own reason, which is the operator's to know; and the host is as open as before.
    let ops = issuer.token(asked("ops", "mcp")).await;
    let metrics = get(&server, Some(&ops), "/metrics").await;
    let metrics = String::from_utf8_lossy(metrics.body()).into_owned();
    let counted = |reason: &str| {
        let name = format!("bulkhead_denials_total{{kind=\"{reason}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or("0").parse::<usize>().unwrap()
    };
    for (reason, _) in &tokens {
        let sent = tokens.iter().filter(|(other, _)| other == reason).count();
        assert_eq!(counted(reason), sent, "{reason}\n{metrics}");
    }
    bearing(&server, &ops).ok("shop_who", json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_while_a_real_issuer_rotates_its_keys() {
    const CALLERS: usize = 3;
    let mut issuer = Issuer::start(None, &[("one", "RS256")]);
    let server = std::sync::Arc::new(host(&issuer));
    let (calls, mut called) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| {
            let (server, calls, stop) = (server.clone(), calls.clone(), stop.clone());
            let issuer = issuer.url.clone();
            tokio::spawn(async move {
                while !stop.is_cancelled() {
                    let token = asked("bob", "mcp").at(&issuer).await;
                    let answer = bearing(&server, &token).ok("shop_who", json!({})).await;
                    assert_eq!(answer["caller"], "idp:bob");
                    calls.send((number, key_name(&token))).unwrap();
                }
            })
        })
        .collect();
    // Until each of them has called with a token of that key, from now on.
    let mut all_call_with = async |key: &str| {
        while called.try_recv().is_ok() {}
        let mut missing: Vec<_> = (0..CALLERS).collect();
        while !missing.is_empty() {
            let next = tokio::time::timeout(Duration::from_secs(60), called.recv()).await;
            let (number, used) = next.expect("a call hangs, or has failed").unwrap();
            missing.retain(|other| *other != number || used != key);
        }
    };

    all_call_with("one").await;
    let mut before = "one";
    for (now, algorithm, old) in [("two", "ES256", "RS256"), ("three", "EdDSA", "ES256")] {
        let held = bearing(&server, &issuer.token(asked("ada", "mcp")).await);
        issuer.publish(&[(now, algorithm), (before, old)]);
        // The first token of the new key, at once; those of the old one are good beside it.
        let first = issuer.token(asked("ada", "mcp")).await;
        assert_eq!(key_name(&first), now);
        bearing(&server, &first).ok("shop_who", json!({})).await;
        held.ok("shop_who", json!({})).await;
        all_call_with(now).await;
        held.ok("shop_who", json!({})).await;
        // Nobody has tokens of the old key any more but who held one back, and that ends.
        issuer.publish(&[(now, algorithm)]);
        let until = Instant::now() + Duration::from_secs(60);
        while told(&held).await.0 == 200 {
            assert!(Instant::now() < until, "a token is good whose key was withdrawn");
        }
        assert_eq!(told(&held).await.0, 401);
        all_call_with(now).await;
        before = now;
    }
    stop.cancel();
    for caller in callers {
        caller.await.unwrap();
    }
}

/// The key a token names.
fn key_name(token: &str) -> String {
    let header = BASE64.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}
