//! Secrets of every kind, in a host that is called in every way it can end, and then looked for in everything it
//! says.

mod disguise;

use std::{fs, net::TcpListener, path::Path, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bulkhead::{
    app,
    auth::{basic, key},
    config::load,
    secret::Secret,
};
use http_body_util::Full;
use hyper::{Request, Response, body::Bytes};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use self::disguise::Search;
use crate::{
    auth::{key_set, signed},
    command_line::bulkhead,
    support::{
        Authority, Client, RawUpstream, Received, Server, Upstream, component,
        raw_upstream::{page, say},
        tenancy::audit,
    },
};

/// Each with a character that JSON escapes, one that URLs do, and one that does not look the same in base64.
const TOKEN: &str = "canary-token-1/\"+~x";
const QUERY: &str = "canary-query-2/\"+&~";
const PASSWORD: &str = "canary-upstream-3/\"+:~";
const CLIENT: &str = "canary-client-7/\"+~";
const ACCESS: &str = "canary-access-8/\"+~";
/// In a kubeconfig.
const CLUSTER: &str = "canary-cluster-9/\"+~x";
const OF_UPSTREAMS: [&str; 6] = [TOKEN, QUERY, PASSWORD, CLIENT, ACCESS, CLUSTER];
/// What callers bring.
const KEY: &str = "canary-key-4/\"+~abcdefgh";
const USERS: &str = "canary-user-5/\"+:~";
const BEARER: &str = "canary-bearer-6/\"+~abcdefgh";
const OF_CALLERS: [&str; 3] = [KEY, USERS, BEARER];

/// Where a secret must not be: its name, what it holds, and a word that shows that it holds something.
type Sink = (String, Vec<u8>, &'static str);

/// Says what it was sent, in its headers and its body; `/allowed/broken` is one that fails.
fn echo(received: &Received) -> Response<Full<Bytes>> {
    let came = format!("{} {:?}", received.target, received.headers);
    let said = received.headers.get("authorization").map_or("none", |value| value.to_str().unwrap());
    let status = if received.target.starts_with("/allowed/broken") { 500 } else { 200 };
    let response = Response::builder().status(status).header("x-echo", said).header("www-authenticate", said);
    response.header("x-target", &received.target).body(Full::from(format!("{said}\n{came}"))).unwrap()
}

/// An issuer of tokens, with the keys of the callers' own; `/ill` gives none, and says why in its client's words.
fn issue(received: &Received) -> Response<Full<Bytes>> {
    let (status, body) = match received.target.as_str() {
        "/keys" => (200, key_set()),
        "/ill" => (400, json!({ "error": "invalid_client", "error_description": received.body })),
        _ => (200, json!({ "access_token": ACCESS, "token_type": "bearer", "expires_in": 3600 })),
    };
    Response::builder().status(status).body(Full::from(body.to_string())).unwrap()
}

/// The hosts a service can meet.
struct World {
    /// A caller's token, which is as secret as the others.
    jwt: String,
    /// What the configuration has of a user's password: by this it can be guessed.
    hash: String,
    issuer: Upstream,
    echo: Upstream,
    /// The same as a cluster, and who vouches for it.
    cluster: (Upstream, Authority),
    /// Never answers.
    silent: RawUpstream,
    /// Answers with what is no HTTP, and says there what it was sent.
    garbled: RawUpstream,
    /// Says a body that ends before its length, after what it was sent.
    torn: RawUpstream,
    /// Is not there.
    gone: String,
    collector: Upstream,
    spans: UnboundedReceiver<String>,
}

/// The line of a request with the credential in it, if there is one.
fn line(head: &str) -> String {
    let line = head.lines().find(|line| line.to_lowercase().starts_with("authorization"));
    line.or(head.lines().next()).unwrap_or_default().to_owned()
}

impl World {
    async fn new() -> Self {
        let (sender, spans) = unbounded_channel();
        let collector = Upstream::start(move |received| {
            let _ = sender.send(received.body.clone());
            Response::new(Full::default())
        });
        let silent = RawUpstream::start(|_, stream| async move {
            let _open = stream;
            std::future::pending().await
        });
        let garbled = RawUpstream::start(|head, stream| async move {
            say(stream, format!("{}\r\nHTTP/1.1 200 {}\r\n\r\n", line(&head), line(&head))).await;
        });
        let torn = RawUpstream::start(|head, stream| async move {
            let whole = page("200 OK", "", format!("{} and more", line(&head)).as_bytes());
            say(stream, &whole[..whole.len() - 5]).await;
        });
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let authority = Authority::new();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cluster = Upstream::serve(listener, Some(authority.certify("127.0.0.1").server()), echo);
        Self {
            jwt: signed("https://idp.example", "https://mcp.example/mcp", 3600, "dev"),
            hash: basic::hash(&Secret::new(USERS.to_owned())).unwrap(),
            issuer: Upstream::start(issue).await,
            gone: format!("http://{gone}"),
            echo: Upstream::start(echo).await,
            cluster: (cluster, authority),
            silent: silent.await,
            garbled: garbled.await,
            torn: torn.await,
            collector: collector.await,
            spans,
        }
    }

    /// Everything upstreams were sent.
    fn received(&self) -> Vec<u8> {
        let heads = [&self.silent, &self.garbled, &self.torn].map(RawUpstream::heads).concat().join("\n");
        let basic = |received: &Received| {
            let header = received.headers.get("authorization")?.to_str().unwrap();
            Some(BASE64_STANDARD.decode(header.strip_prefix("Basic ")?).unwrap())
        };
        let received = [self.echo.received(), self.issuer.received(), self.cluster.0.received()].concat();
        let mut all: Vec<u8> = received.iter().filter_map(basic).flatten().collect();
        let shown = received
            .iter()
            .map(|received| format!("{} {:?} {}\n", received.target, received.headers, received.body));
        all.extend(shown.collect::<String>().into_bytes());
        all.extend(heads.into_bytes());
        all
    }

    fn kubeconfig(&self) -> String {
        let (upstream, authority) = &self.cluster;
        let ca = BASE64_STANDARD.encode(authority.pem());
        json!({
            "current-context": "c",
            "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
            "clusters": [{ "name": "c", "cluster": { "server": upstream.url(), "certificate-authority-data": ca } }],
            "users": [{ "name": "u", "user": { "token": CLUSTER } }],
        })
        .to_string()
    }

    fn config(&self, dir: &Path) -> String {
        let secret = |(name, value): (&str, &str)| {
            let file = dir.join(name);
            fs::write(&file, value).unwrap();
            format!("{name}: {{ file: '{}' }}", file.display())
        };
        let own = [("token", TOKEN), ("query", QUERY), ("password", PASSWORD), ("client", CLIENT)]
            .map(secret)
            .join(", ");
        let callers = secret(("bearer", BEARER));
        let auth = format!(
            "auth:\n  api_keys: [{{ id: agent, tenant: acme, sha256: '{}', tools: ['*'], deny_tools: [token_panic], admin: true }}]\n  \
             basic: [{{ username: ada, tenant: acme, password: '{}', tools: ['*'] }}]\n  \
             bearer: [{{ id: bot, tenant: acme, token: '${{secret:bearer}}', tools: ['*'] }}]\n  \
             jwt: [{{ issuer: 'https://idp.example', jwks_url: '{}/keys', tenant: acme, tools: ['*'] }}]\n\
             server: {{ public_url: 'https://mcp.example' }}\n",
            key::fingerprint(&Secret::new(KEY.to_owned())),
            self.hash,
            self.issuer.url(),
        );
        let token = "header: Authorization, value: 'Bearer ${secret:token}'";
        let query = "query: api_key, value: '${secret:query}'";
        let password = "basic: { username: svc, password: '${secret:password}' }";
        let oauth2 = |path: &str, auth: &str| {
            let token_url = format!("{}/{path}", self.issuer.url());
            format!(
                "oauth2: {{ token_url: '{token_url}', client_id: id, client_secret: '${{secret:client}}', auth: {auth} }}"
            )
        };
        let service = |name: &str, guest: &str, url: String, credential: &str| {
            let file = component(if guest == "hostile" { "hostile" } else { "attacks" });
            let guest = if guest == "hostile" { String::new() } else { format!("guest: {guest}, ") };
            format!(
                "{name}: {{ component: '{}', config: {{ {guest}url: '{url}' }}, limits: {{ deadline: 1s }}, \
                 credentials: [{{ for: '{url}', {credential} }}] }}",
                file.display()
            )
        };
        let echo = || self.echo.url();
        fs::write(dir.join("kubeconfig"), self.kubeconfig()).unwrap();
        let cluster = format!(
            "cluster: {{ component: '{}', kubernetes: {{ kubeconfig: '{}' }} }}",
            component("hostile").display(),
            dir.join("kubeconfig").display()
        );
        let services = [
            cluster,
            service("token", "hostile", echo(), token),
            service("query", "hostile", echo(), query),
            service("password", "hostile", echo(), password),
            service("access", "hostile", echo(), &oauth2("token", "basic")),
            service("none", "hostile", echo(), &oauth2("ill", "post")),
            service("talk", "exfiltrate_by_log", echo(), token),
            service("fail", "exfiltrate_by_error", echo(), password),
            service("slow", "hostile", self.silent.url(), query),
            service("garbled", "hostile", self.garbled.url(), token),
            service("torn", "hostile", self.torn.url(), query),
            service("gone", "hostile", self.gone.clone(), query),
        ];
        format!(
            "{auth}{}secrets: {{ {callers} }}\ntelemetry: {{ otlp: {{ endpoint: '{}' }} }}\n\
             tenants: {{ acme: {{ secrets: {{ {own} }}, services: {{ {} }} }} }}\n",
            audit(dir),
            self.collector.url(),
            services.join(", ")
        )
    }
}

/// A whole response, as text.
async fn said(client: &Client, method: &str, url: &str, body: Value) -> String {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let response = client.send(Request::builder().method(method).uri(url).body(body).unwrap()).await;
    format!("{} {:?} {}\n", response.status(), response.headers(), String::from_utf8_lossy(response.body()))
}

fn message(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// Calls in every way there is, and returns all that was said back, after checking how each call ended.
async fn conversations(world: &World, server: &Server) -> String {
    let mcp = format!("http://{}/mcp", server.address);
    let basic = |pair: String| format!("Basic {}", BASE64_STANDARD.encode(pair));
    let good = [
        ("x-api-key", KEY.to_owned()),
        ("authorization", format!("Bearer {BEARER}")),
        ("authorization", basic(format!("ada:{USERS}"))),
        ("authorization", format!("Bearer {}", world.jwt)),
    ];
    let mut all = String::new();
    let echo = world.echo.url();
    let page = |url: String| json!({ "url": format!("{url}/allowed/x") });
    for (header, value) in &good {
        let client = Client::new(&mcp).with(header, value);
        let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        all += &said(&client, "POST", &mcp, message("initialize", &hello)).await;
        all += &said(&client, "POST", &mcp, message("tools/list", &json!({}))).await;
        for (tool, arguments, ended) in [
            ("token_fetch", page(echo.clone()), "[removed]"),
            ("query_fetch", page(echo.clone()), "[removed]"),
            ("password_fetch", page(echo.clone()), "[removed]"),
            ("access_fetch", page(echo.clone()), "[removed]"),
            ("cluster_fetch", page(world.cluster.0.url()), "[removed]"),
            ("none_fetch", page(echo.clone()), "\"isError\":true"),
            ("token_fetch", json!({ "url": format!("{echo}/allowed/broken") }), "\"status\":500"),
            ("token_fetch", json!({ "url": format!("{echo}/other") }), "\"denied\""),
            (
                "token_fetch",
                json!({ "url": format!("{echo}/allowed/x"), "headers": ["authorization: x"] }),
                "\"denied\"",
            ),
            ("query_fetch", json!({ "url": format!("{echo}/allowed/x?api_key=x") }), "\"denied\""),
            ("token_add", json!({ "a": "x" }), "\"invalid_arguments\""),
            ("query_panic", json!({}), "\"trapped\""),
            ("talk_run", json!({}), "\"trapped\""),
            ("fail_run", json!({}), "[removed]"),
            ("garbled_fetch", page(world.garbled.url()), "\"isError\":true"),
            ("torn_fetch", page(world.torn.url()), "\"isError\":true"),
            ("gone_fetch", page(world.gone.clone()), "\"unavailable\""),
            ("slow_fetch", page(world.silent.url()), "\"unavailable\""),
            ("token_nap", json!({ "ms": 60_000 }), "\"deadline_exceeded\""),
            ("nothing_there", json!({}), "Unknown tool"),
        ] {
            let call = message(
                "tools/call",
                &json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": 1 } }),
            );
            let answer = said(&client, "POST", &mcp, call).await;
            assert!(answer.contains(ended), "{tool}: {answer}");
            all += &answer;
        }
    }
    // Those that do not hold are as secret: they are mostly ones that nearly do.
    let wrong = [
        ("x-api-key", format!("{KEY}x")),
        ("authorization", format!("Bearer {BEARER}x")),
        ("authorization", basic(format!("ada:{USERS}x"))),
        ("authorization", basic(format!("{USERS}:ada"))),
        ("authorization", basic(USERS.replace(':', ""))),
        ("authorization", format!("Negotiate {BEARER}")),
        ("authorization", format!("Bearer {}x", world.jwt)),
        ("authorization", KEY.to_owned()),
        ("cookie", format!("session={KEY}")),
    ];
    for (header, value) in &wrong {
        let answer =
            said(&Client::new(&mcp).with(header, value), "POST", &mcp, message("ping", &json!({}))).await;
        assert!(answer.starts_with("401 "), "{answer}");
        all += &answer;
    }
    let both = Client::new(&mcp).with("x-api-key", KEY).with("authorization", &format!("Bearer {BEARER}"));
    all += &said(&both, "POST", &mcp, message("ping", &json!({}))).await;
    let key: String = url::form_urlencoded::byte_serialize(KEY.as_bytes()).collect();
    let nobody = Client::new(&mcp);
    all += &said(&nobody, "POST", &format!("{mcp}?api_key={key}"), message("ping", &json!({}))).await;
    all += &said(&nobody, "GET", &format!("http://{}/{key}", server.address), Value::Null).await;
    all
}

/// The bytes of all files below a folder.
fn files(dir: &Path) -> Vec<u8> {
    let files = fs::read_dir(dir).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    files.flatten().collect()
}

/// What the commands say, on both of their outputs, with everything in the log.
fn commands(world: &World, config: &str, dir: &Path) -> Vec<Sink> {
    let hostile = component("hostile").display().to_string();
    let url = format!("{}/allowed/x", world.echo.url());
    let folder = dir.join("audit").display().to_string();
    let cluster = format!("{}/allowed/x", world.cluster.0.url());
    let commands: [(&[&str], &str); 13] = [
        (&["check", "--json"], "\"credentials\""),
        (&["check"], "credential  "),
        (&["explain", "--json", "--service", "token", "--url", &url], "authorization"),
        (&["explain", "--json", "--service", "query", "--url", &url], "api_key"),
        (&["explain", "--service", "cluster", "--url", &cluster], "context `c` of "),
        (&["explain", "--service", "password", "--url", &url], "ALLOWED"),
        (&["explain", "--json", "--tool", "token_panic", "--caller", "agent"], "deny_tools"),
        (&["inspect", "--json", &hostile], "\"hostile\""),
        (&["tools", "--json"], "token_fetch"),
        (&["call", "token_fetch", &json!({ "url": url }).to_string()], "[removed]"),
        (&["call", "fail_run", "{}"], "[removed]"),
        (&["audit", "--dir", &folder, "--json", "--limit", "10000"], "talk_run"),
        (&["audit", "--dir", &folder], "slow_fetch"),
    ];
    let told = commands.map(|(args, mark)| {
        let output = bulkhead(&[args, &["--config", config, "--log", EVERYTHING]].concat());
        (args.join(" "), [output.stdout, output.stderr].concat(), mark)
    });
    told.into()
}

/// Also of the parts that are quiet unless an operator wants them.
const EVERYTHING: &str = "trace,rmcp=trace,rmcp::service=trace";

/// Everything a host says and keeps that is called in every way, with a log of this form.
async fn sinks(world: &mut World, json: bool) -> Vec<Sink> {
    let dir = tempfile::tempdir().unwrap();
    let config = world.config(dir.path());
    let flags: &[&str] = if json { &["--json", "--log", EVERYTHING] } else { &["--log", EVERYTHING] };
    let server = Server::logging(&config, flags);
    let answers = conversations(world, &server).await;
    let client = server.client_of(KEY, "/mcp");
    let mut sinks: Vec<Sink> = vec![("answers".to_owned(), answers.into_bytes(), "[removed]")];
    for (path, mark) in [
        ("/metrics", "bulkhead_calls"),
        ("/healthz", "\"services\""),
        ("/readyz", "ok"),
        ("/api/v1/audit?limit=10000", "talk_run"),
        ("/api/v1/audit?format=ndjson", "talk_run"),
    ] {
        let url = format!("http://{}{path}", server.address);
        sinks.push((path.to_owned(), said(&client, "GET", &url, Value::Null).await.into_bytes(), mark));
    }
    let mut spans = String::new();
    let wanted =
        ["token_fetch", "query_panic", "talk_run", "fail_run", "slow_fetch", "torn_fetch", "_unknown"];
    let exported = async {
        while !wanted.iter().all(|tool| spans.contains(tool)) {
            spans += &world.spans.recv().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), exported).await.expect("all spans are exported");
    sinks.push(("traces".to_owned(), spans.into_bytes(), "slow_fetch"));
    let log = server.log_until_now_of(&client).await;
    assert!(
        log.contains("received request") && log.contains("wasmtime_wasi"),
        "libraries tell their part: {log}"
    );
    sinks.push((format!("log, json: {json}"), log.into_bytes(), "printed"));
    drop(server);

    sinks.push(("audit files".to_owned(), files(&dir.path().join("audit")), "talk_run"));
    let file = dir.path().join("bulkhead.yaml");
    fs::write(&file, &config).unwrap();
    sinks.extend(commands(world, file.to_str().unwrap(), dir.path()));
    let config = load::file(&file).unwrap();
    sinks.push(("config".to_owned(), format!("{config:?}{config:#?}").into_bytes(), "token_panic"));
    let host = app::build(config).await.unwrap();
    sinks.push(("host".to_owned(), format!("{host:?}{host:#?}").into_bytes(), "token_panic"));
    sinks
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_anything_that_is_said_or_kept() {
    let mut world = World::new().await;
    let search =
        Search::new(OF_UPSTREAMS.into_iter().chain(OF_CALLERS).chain([world.jwt.as_str(), &world.hash]));
    for json in [true, false] {
        let sinks = sinks(&mut world, json).await;
        // The secrets were there to be found.
        for secret in OF_UPSTREAMS {
            assert!(Search::new([secret]).find(&world.received()).is_some(), "{secret} did not go out");
        }
        let mut leaks = String::new();
        for (sink, bytes, mark) in sinks {
            let text = String::from_utf8_lossy(&bytes);
            assert!(text.contains(mark), "`{mark}` is not in {sink}: {text}");
            if let Some(leak) = search.find(&bytes) {
                leaks.push_str(&format!("{sink} has {leak}\n"));
            }
        }
        assert!(leaks.is_empty(), "{leaks}");
    }
}
