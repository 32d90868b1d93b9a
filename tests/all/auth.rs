//! The front from outside: every route with every credential, client certificates, and certificates that change
//! while the host serves.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64},
};
use bulkhead::{
    app,
    auth::key,
    config::load,
    transport::http::{self, Route},
};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, Uri, body::Bytes};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::TokioExecutor,
};
use ring::signature::{Ed25519KeyPair, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::{Authority, Identity, Upstream};

type Https = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A host with the `utilities`, serving on a free port until it is dropped.
struct Served {
    address: std::net::SocketAddr,
    _stop: DropGuard,
}

impl Served {
    /// With an `auth` section and the front's keys, as YAML.
    async fn start(auth: &str, front: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("bulkhead.yaml");
        let below = |text: &str| text.lines().map(|line| format!("  {line}\n")).collect::<String>();
        let front = if front == "{}" { "" } else { front };
        let config = format!(
            "server:\n  concurrent_calls: 4\n{}auth:\n{}tenants: {{ acme: {{ services: {{ utilities: {{}} }} }}, globex: {{}} }}\n",
            below(front),
            below(auth)
        );
        std::fs::write(&file, config).unwrap();
        let config = load::file(&file).unwrap();
        let (server, front) = (config.server.clone(), config.front.clone());
        let host = Arc::new(app::build(config).await.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move { http::serve(listener, host, &server, &front, stopped).await.unwrap() });
        Self { address, _stop: stop.drop_guard() }
    }
}

/// A client that trusts `authority`, and shows `identity`.
fn client(authority: &Authority, identity: Option<&Identity>) -> Https {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let tls = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key = PrivateKeyDer::from_pem_slice(identity.key_pem().as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![identity.certificate.clone()], key).unwrap()
        }
    };
    let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    Client::builder(TokioExecutor::new()).build(https)
}

async fn send(client: &Https, request: Request<Full<Bytes>>) -> Result<Response<String>, Error> {
    let (parts, body) = client.request(request).await?.into_parts();
    // A stream does not end.
    if parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream") {
        return Ok(Response::from_parts(parts, "…".to_owned()));
    }
    let body = body.collect().await.unwrap().to_bytes();
    Ok(Response::from_parts(parts, String::from_utf8_lossy(&body).into_owned()))
}

/// A request for a path: a ping where MCP is spoken, and otherwise GET.
fn request(url: &str, path: &str, header: Option<(&str, &str)>) -> Request<Full<Bytes>> {
    let builder = Request::builder().uri(format!("{url}{path}"));
    let builder = match header {
        Some((name, value)) => builder.header(name, value),
        None => builder,
    };
    if !path.starts_with("/mcp") && path != "/messages" {
        return builder.body(Full::default()).unwrap();
    }
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let builder = builder.method("POST").header("content-type", "application/json");
    builder.header("accept", "application/json, text/event-stream").body(Full::from(list)).unwrap()
}

fn signing_key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

fn token(audience: &str, expires_in: i64, groups: &str) -> String {
    format!("Bearer {}", signed("https://idp.example", audience, expires_in, groups))
}

/// A token of an issuer whose keys are [`key_set`].
pub(crate) fn signed(issuer: &str, audience: &str, expires_in: i64, groups: &str) -> String {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let header = json!({ "alg": "EdDSA", "kid": "k", "typ": "JWT" });
    let claims = json!({
        "iss": issuer, "aud": audience, "sub": "ada", "exp": now + expires_in,
        "groups": groups, "scope": if groups == "none" { "" } else { "mcp" },
    });
    let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    format!("{message}.{}", BASE64.encode(signing_key().sign(message.as_bytes())))
}

/// The keys of the issuer.
pub(crate) fn key_set() -> Value {
    let x = BASE64.encode(signing_key().public_key());
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "k" }] })
}

/// An issuer's server.
async fn idp() -> Upstream {
    let keys = key_set().to_string();
    Upstream::start(move |_| Response::new(Full::from(keys.clone()))).await
}

/// What a client may ask; GET and DELETE are HTTP's.
const METHODS: [&str; 11] = [
    "GET",
    "DELETE",
    "initialize",
    "server/discover",
    "ping",
    "tools/list",
    "tools/call",
    "resources/list",
    "prompts/list",
    "completion/complete",
    "notifications/initialized",
];

/// A request with an HTTP or an MCP method.
fn asking(url: &str, path: &str, method: &str, header: Option<(&str, &str)>) -> Request<Full<Bytes>> {
    let mut request = request(url, path, header);
    if matches!(method, "GET" | "DELETE") {
        *request.method_mut() = method.parse().unwrap();
        *request.body_mut() = Full::default();
        return request;
    }
    let params = match method {
        "initialize" => json!({
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" },
        }),
        "tools/call" => json!({ "name": "utilities_get_time", "arguments": {} }),
        "completion/complete" => {
            json!({ "ref": { "type": "ref/prompt", "name": "p" }, "argument": { "name": "a", "value": "" } })
        }
        _ => json!({}),
    };
    let mut message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
    if !method.starts_with("notifications/") {
        message["id"] = json!(1);
    }
    *request.body_mut() = Full::from(message.to_string());
    request
}

/// Status, challenges, and what is said; of an MCP answer only whether it is an error, of numbers nothing.
fn told(response: &Response<String>, path: &str) -> String {
    let challenges = response.headers().get_all("www-authenticate").iter();
    let challenges: Vec<_> = challenges.map(|value| value.to_str().unwrap()).collect();
    let body = response.body().trim_end();
    let body = match serde_json::from_str::<Value>(body) {
        Ok(answer) if response.status() == 200 && path.starts_with("/mcp") => {
            match &answer["error"]["code"] {
                Value::Null => "result".to_owned(),
                code => format!("error {code}"),
            }
        }
        _ if response.status() == 200 && path == "/metrics" => "…".to_owned(),
        _ => body.to_owned(),
    };
    format!("{} | {} | {body}", response.status().as_u16(), challenges.join(", "))
}

#[tokio::test]
async fn every_route_answers_every_credential_as_written() {
    let idp = idp().await;
    let [old, good, other] = [(); 3].map(|()| key::generate().unwrap());
    let auth = format!(
        "api_keys: [{{ id: old, tenant: acme, sha256: '{}', expires: 2020-01-01, tools: ['*'] }}, \
         {{ id: ci, tenant: acme, sha256: '{}', tools: ['*'] }}, {{ id: other, tenant: globex, sha256: '{}', tools: ['*'] }}]\n\
         jwt: [{{ issuer: 'https://idp.example', jwks_url: '{}/keys', tenant: acme, tools: ['*'], required_scopes: [mcp], \
         admin_claim: {{ claim: groups, value: ops }} }}]",
        key::fingerprint(&old),
        key::fingerprint(&good),
        key::fingerprint(&other),
        idp.url()
    );
    let audience = "https://mcp.example/mcp";
    let wrong = key::generate().unwrap();
    let credentials: [(&str, Option<(&str, String)>); 11] = [
        ("none", None),
        ("wrong key", Some(("x-api-key", wrong.expose().to_owned()))),
        ("expired key", Some(("x-api-key", old.expose().to_owned()))),
        ("right key", Some(("x-api-key", good.expose().to_owned()))),
        ("other tenant's key", Some(("x-api-key", other.expose().to_owned()))),
        ("unreadable", Some(("authorization", "Negotiate abc".to_owned()))),
        ("expired token", Some(("authorization", token(audience, -600, "dev")))),
        ("wrong audience", Some(("authorization", token("https://other.example/mcp", 600, "dev")))),
        ("token without scope", Some(("authorization", token(audience, 600, "none")))),
        ("right token", Some(("authorization", token(audience, 600, "dev")))),
        ("admin's token", Some(("authorization", token(audience, 600, "ops")))),
    ];
    let client = client(&Authority::new(), None);
    let mut table = String::new();
    let paths = Route::ALL.iter().map(|route| route.path().replace("{service}", "utilities"));
    let others =
        ["/mcp/nothing", "/.well-known/oauth-protected-resource/mcp/nothing", "/nowhere", "/api/v1/calls"];
    for path in paths.chain(others.map(str::to_owned)) {
        let methods: &[&str] = match path.as_str() {
            "/messages" => &["GET", "ping"],
            path if path.starts_with("/mcp") => &METHODS,
            _ => &["GET"],
        };
        for method in methods {
            // One host for each, or the failures would add up.
            let served = Served::start(&auth, "public_url: 'https://mcp.example'\nlegacy_sse: true").await;
            let url = format!("http://{}", served.address);
            for (name, header) in &credentials {
                let header = header.as_ref().map(|(name, value)| (*name, value.as_str()));
                let response = send(&client, asking(&url, &path, method, header)).await.unwrap();
                table.push_str(&format!("{path} {method} | {name} | {}\n", told(&response, &path)));
            }
        }
    }
    let golden = crate::support::root().join("tests/all/auth.golden");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &table).unwrap();
    }
    assert!(
        table == std::fs::read_to_string(&golden).unwrap_or_default(),
        "run `UPDATE_GOLDEN=1 make test` and look at the difference; it is now:\n{table}"
    );
}

#[tokio::test]
async fn a_query_parameter_is_no_credential() {
    let good = key::generate().unwrap();
    let sha256 = key::fingerprint(&good);
    let auth = format!("api_keys: [{{ id: ci, tenant: acme, sha256: '{sha256}', tools: ['*'] }}]");
    let served = Served::start(&auth, "{}").await;
    let url = format!("http://{}", served.address);
    let client = client(&Authority::new(), None);
    for query in ["access_token", "api_key", "x-api-key"] {
        let path = format!("/mcp?{query}={}", good.expose());
        assert_eq!(send(&client, request(&url, &path, None)).await.unwrap().status(), 401);
    }
    let passed = send(&client, request(&url, "/mcp", Some(("x-api-key", good.expose())))).await.unwrap();
    assert_eq!(passed.status(), 200, "{}", passed.body());
    assert!(passed.body().contains("utilities_"));
}

#[tokio::test]
async fn who_tries_keys_is_told_to_wait() {
    let sha256 = key::fingerprint(&key::generate().unwrap());
    let auth = format!("api_keys: [{{ id: ci, tenant: acme, sha256: '{sha256}', tools: ['*'] }}]");
    let served = Served::start(&auth, "{}").await;
    let (url, client) = (format!("http://{}", served.address), client(&Authority::new(), None));
    let mut statuses = Vec::new();
    for _ in 0..25 {
        let response = send(&client, request(&url, "/mcp", Some(("x-api-key", "guess")))).await.unwrap();
        assert_eq!(response.status() == 429, response.headers().contains_key("retry-after"));
        statuses.push(response.status().as_u16());
    }
    assert_eq!((statuses[0], statuses[19], statuses[24]), (401, 401, 429));
}

#[expect(clippy::disallowed_methods, reason = "a client of the host under test")]
async fn connect(served: &Served) -> TcpStream {
    TcpStream::connect(served.address).await.unwrap()
}

#[tokio::test]
async fn a_large_request_is_refused_before_its_body_is_sent() {
    let sha256 = key::fingerprint(&key::generate().unwrap());
    let auth = format!("api_keys: [{{ id: ci, tenant: acme, sha256: '{sha256}', tools: ['*'] }}]");
    let served = Served::start(&auth, "{}").await;
    let mut stream = connect(&served).await;
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap(); // to the end of the connection
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.to_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn a_refused_request_whose_body_comes_late_costs_no_connection() {
    let sha256 = key::fingerprint(&key::generate().unwrap());
    let auth = format!("api_keys: [{{ id: ci, tenant: acme, sha256: '{sha256}', tools: ['*'] }}]");
    let served = Served::start(&auth, "metrics_open: true").await;
    let metrics: Uri = format!("http://{}/metrics", served.address).parse().unwrap();
    let observer = client(&Authority::new(), None);
    let mut stream = connect(&served).await;
    for refused in 1..=2 {
        let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let counted = format!("bulkhead_denials_total{{kind=\"missing\"}} {refused}\n");
        while !send(&observer, Request::get(&metrics).body(Full::default()).unwrap())
            .await
            .unwrap()
            .body()
            .contains(&counted)
        {}
        stream.write_all(b"{}").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\"2.0\"}") {
            answer.push(stream.read_u8().await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(!answer.to_lowercase().contains("connection: close"), "{answer}");
    }
}

/// A folder with a certificate for localhost, and the `tls` section that names it.
fn certified(authority: &Authority) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &authority.certify("localhost"));
    dir
}

/// The pair is replaced file by file, as people do.
fn write(dir: &Path, identity: &Identity) {
    std::fs::write(dir.join("cert.pem"), identity.certificate_pem()).unwrap();
    std::fs::write(dir.join("key.pem"), identity.key_pem()).unwrap();
}

fn tls(dir: &tempfile::TempDir, rest: &str) -> String {
    let dir = dir.path().display();
    format!("tls: {{ certificate: '{dir}/cert.pem', key: '{dir}/key.pem' {rest} }}")
}

#[tokio::test]
async fn a_client_certificate_says_who_calls() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let dir = certified(&ours);
    std::fs::write(dir.path().join("ca.pem"), ours.pem()).unwrap();
    let ca = format!(", client_ca: '{}/ca.pem'", dir.path().display());
    let auth = "certificates: [{ id: agent, san: agent.example, tenant: acme, tools: ['*'], admin: true }]";
    let status = async |served: &Served, identity: Option<&Identity>| {
        let url = format!("https://localhost:{}", served.address.port());
        let sent = send(&client(&ours, identity), request(&url, "/metrics", None)).await;
        sent.ok().map(|response| response.status().as_u16())
    };
    let (agent, nobody) = (ours.certify("agent.example"), ours.certify("other.example"));
    let stranger = theirs.certify("agent.example");
    let old = ours.certify_long_ago("agent.example");

    let required = Served::start(auth, &tls(&dir, &ca)).await;
    assert_eq!(status(&required, Some(&agent)).await, Some(200));
    assert_eq!(status(&required, Some(&nobody)).await, Some(401));
    assert_eq!(status(&required, Some(&stranger)).await, None);
    assert_eq!(status(&required, Some(&old)).await, None);
    assert_eq!(status(&required, None).await, None);

    let optional = Served::start(auth, &tls(&dir, &format!("{ca}, client_auth: optional"))).await;
    assert_eq!(status(&optional, Some(&agent)).await, Some(200));
    assert_eq!(status(&optional, None).await, Some(401));
    assert_eq!(status(&optional, Some(&stranger)).await, None);
}

#[tokio::test]
async fn certificates_that_change_are_in_force_while_the_host_serves() {
    let (old, new) = (Authority::new(), Authority::new());
    let dir = certified(&old);
    let served = Served::start("anonymous: { tenant: acme, tools: ['*'] }", &tls(&dir, "")).await;
    let url = format!("https://localhost:{}", served.address.port());
    let kept = client(&old, None);
    assert_eq!(send(&kept, request(&url, "/healthz", None)).await.unwrap().status(), 200);
    assert!(send(&client(&new, None), request(&url, "/healthz", None)).await.is_err());
    write(dir.path(), &new.certify("localhost"));
    let until = Instant::now() + Duration::from_secs(30);
    while send(&client(&new, None), request(&url, "/healthz", None)).await.is_err() {
        assert!(Instant::now() < until, "the new certificate is not in force");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A connection that was made before goes on; a new one does not find the old certificate.
    assert_eq!(send(&kept, request(&url, "/healthz", None)).await.unwrap().status(), 200);
    assert!(send(&client(&old, None), request(&url, "/healthz", None)).await.is_err());
}

#[tokio::test]
async fn clients_that_stall_in_the_handshake_keep_nobody_waiting() {
    let authority = Authority::new();
    let dir = certified(&authority);
    let served = Served::start("anonymous: { tenant: acme, tools: ['*'] }", &tls(&dir, "")).await;
    let mut stalled = Vec::new();
    for _ in 0..50 {
        let mut stream = connect(&served).await;
        stream.write_all(&[22, 3, 1]).await.unwrap();
        stalled.push(stream);
    }
    let url = format!("https://localhost:{}", served.address.port());
    let client = client(&authority, None);
    let answered = send(&client, request(&url, "/healthz", None));
    let answered = tokio::time::timeout(Duration::from_secs(5), answered).await.unwrap().unwrap();
    assert_eq!(answered.status(), 200);
}

#[tokio::test]
async fn keys_are_rotated_by_the_issuer_while_the_host_serves() {
    let keys = Arc::new(Mutex::new(json!({ "keys": [] })));
    let served_keys = keys.clone();
    let idp = Upstream::start(move |_| {
        let keys: Value = served_keys.lock().unwrap().clone();
        Response::new(Full::from(keys.to_string()))
    })
    .await;
    let auth = format!(
        "jwt: [{{ issuer: 'https://idp.example', audience: host, jwks_url: '{}/keys', tenant: acme, tools: ['*'] }}]",
        idp.url()
    );
    let served = Served::start(&auth, "{}").await;
    let (url, client) = (format!("http://{}", served.address), client(&Authority::new(), None));
    let token = token("host", 600, "dev");
    let before = send(&client, request(&url, "/mcp", Some(("authorization", &token)))).await.unwrap();
    assert_eq!(before.status(), 401);
    *keys.lock().unwrap() = key_set();
    let after = send(&client, request(&url, "/mcp", Some(("authorization", &token)))).await.unwrap();
    assert_eq!(after.status(), 200, "{}", after.body());
}

/// Runs `bulkhead key …` with something on stdin: stdout without its last newline, and stderr.
fn run_key(arguments: &[&str], input: &str) -> (String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
        .arg("key")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()); // it may not want any
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout).trim_end().to_owned(), text(output.stderr))
}

#[tokio::test]
async fn what_the_key_command_prints_is_what_the_config_takes() {
    let (made, told) = run_key(&["new", "--id", "ci", "--tenant", "acme"], "");
    assert!(key::is_well_formed(&made), "{made}");
    assert!(!told.contains(&made));
    let section = told.split_once("auth:\n").unwrap().1.replace("\n  ", "\n");
    let (hash, _) = run_key(&["hash-password"], "open sesame\n");
    let users = format!("basic: [{{ username: ada, password: '{hash}', tenant: acme, tools: ['*'] }}]");
    let served = Served::start(&format!("{}\n{users}", section.trim()), "{}").await;
    let (url, client) = (format!("http://{}", served.address), client(&Authority::new(), None));
    let basic = |password: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("ada:{password}")));
    let (right, wrong) = (basic("open sesame"), basic("open barley"));
    for (header, value, status) in
        [("x-api-key", made.as_str(), 200), ("authorization", &right, 200), ("authorization", &wrong, 401)]
    {
        let response = send(&client, request(&url, "/mcp", Some((header, value)))).await.unwrap();
        assert_eq!(response.status(), status, "{}", response.body());
        if status == 401 {
            let challenges: Vec<_> = response.headers().get_all("www-authenticate").iter().collect();
            assert_eq!(challenges, ["Bearer", "Basic realm=\"bulkhead\", charset=\"UTF-8\""]);
        }
    }
}
